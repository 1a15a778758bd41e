//! Lists: what is asked of the kernel, and shown as it comes.

use super::{Failure, Run, connected};
use crate::command::{Columns, List, What};
use crate::ipvs::client::Client;
use crate::ipvs::connections;
use crate::ipvs::error::Error;
use crate::model::{ObservedDestination, ObservedService, ServiceKey};
use crate::view::classic::{self, Listing};
use crate::view::connections::Connections;
use crate::view::labels::Labels;
use crate::view::order;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::IpAddr;

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    pub(super) fn list(&mut self, list: &List) -> Result<(), Failure> {
        match &list.what {
            What::Services(service, columns) => self.services(list, service.as_ref(), *columns),
            What::Connections { engines } => self.connections(list, *engines),
            What::Timeouts => {
                let timeouts = self.client()?.timeouts()?;
                Ok(classic::timeouts(&mut self.out, &timeouts)?)
            }
            What::Daemons => {
                let daemons = self.client()?.daemons()?;
                Ok(classic::daemons(&mut self.out, &daemons)?)
            }
        }
    }

    fn services(
        &mut self,
        list: &List,
        only: Option<&ServiceKey>,
        columns: Columns,
    ) -> Result<(), Failure> {
        let client = self.client()?;
        let (info, mut services) = match only {
            Some(key) => (None, vec![client.service(key)?]),
            None => (Some(client.info()?), client.services()?),
        };
        if list.sorted {
            order::services(&mut services);
        }
        let labels = self.labels(list.numeric);
        let client = connected(&mut self.client)?;
        let mut listing = Listing::new(&mut self.out, labels, columns, list.exact);
        if let Some(info) = info {
            listing.title(&info)?;
        }
        listing.heads()?;
        for group in services.chunks(group(list.numeric)) {
            let table = with_destinations(client, group, list.sorted)?;
            listing.labels.prepare(addresses(&table));
            for (service, destinations) in &table {
                listing.service(service, destinations)?;
            }
        }
        Ok(())
    }

    fn connections(&mut self, list: &List, engines: bool) -> Result<(), Failure> {
        // The file can be read without privilege; whether IPVS may be used is asked all the same.
        self.client()?.info()?;
        let source = BufReader::with_capacity(
            64 * 1024,
            File::open(connections::PATH).map_err(Failure::Connections)?,
        );
        let mut reader = connections::Reader::new(source);
        let labels = self.labels(list.numeric);
        let mut view = Connections::new(&mut self.out, labels, engines);
        view.heads()?;
        loop {
            let lines = reader.lines().map_err(Failure::Connections)?;
            if lines.is_empty() {
                return Ok(());
            }
            let all = || lines.lines().filter_map(connections::parse);
            if !list.numeric {
                view.labels
                    .prepare(all().flat_map(|c| [c.client.0, c.virtual_server.0, c.real_server.0]));
            }
            for connection in all() {
                view.connection(&connection)?;
            }
        }
    }

    pub(super) fn labels(&self, numeric: bool) -> Labels<'n> {
        if numeric { Labels::numeric() } else { Labels::named(self.names) }
    }
}

/// How many services are read and shown at a time: what is held does not grow with the table, and
/// names are looked up many at a time.
pub(super) fn group(numeric: bool) -> usize {
    if numeric { 1 } else { 256 }
}

/// Services and the servers of each.
pub(super) type Group<'s> = Vec<(&'s ObservedService, Vec<ObservedDestination>)>;

pub(super) fn with_destinations<'s>(
    client: &mut Client,
    services: &'s [ObservedService],
    sorted: bool,
) -> Result<Group<'s>, Error> {
    services
        .iter()
        .map(|service| {
            let mut destinations = client.destinations(&service.service.key)?;
            if sorted {
                order::destinations(&mut destinations);
            }
            Ok((service, destinations))
        })
        .collect()
}

/// Every address in a group.
pub(super) fn addresses(group: &Group) -> impl Iterator<Item = IpAddr> {
    group.iter().flat_map(|(service, destinations)| {
        let virtual_address = match service.service.key {
            ServiceKey::Address { address, .. } => Some(address),
            ServiceKey::Mark { .. } => None,
        };
        virtual_address.into_iter().chain(destinations.iter().map(|d| d.destination.key.address))
    })
}
