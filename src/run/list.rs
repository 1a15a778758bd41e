//! Lists: what is asked of the kernel, and shown as it comes.

use super::{Failure, Run, connected};
use crate::command::{Columns, Form, List, What};
use crate::ipvs::client::Client;
use crate::ipvs::connections;
use crate::ipvs::error::Error;
use crate::model::{ObservedDestination, ObservedService, ServiceKey};
use crate::view::classic::{self, Listing};
use crate::view::connections::Connections;
use crate::view::json;
use crate::view::labels::Labels;
use crate::view::order;
use crate::view::pretty::{Pretty, Screen};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::net::IpAddr;
use terminal_size::Width;

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    pub(super) fn list(&mut self, list: &List) -> Result<(), Failure> {
        match (&list.what, list.form) {
            (What::Services(service, columns), Form::Classic) => {
                self.services(list, service.as_ref(), *columns)
            }
            (What::Services(service, columns), Form::Json) => {
                self.services_as_json(list, service.as_ref(), *columns)
            }
            (What::Services(service, columns), Form::Pretty) => {
                self.services_as_tables(list, service.as_ref(), *columns)
            }
            // What is no table of services has no pretty form, and is never asked for in one.
            (What::Connections { .. }, Form::Json) => self.connections_as_json(),
            (What::Connections { engines }, _) => self.connections(list, *engines),
            (What::Timeouts, form) => {
                let timeouts = self.client()?.timeouts()?;
                Ok(match form {
                    Form::Classic | Form::Pretty => classic::timeouts(&mut self.out, &timeouts),
                    Form::Json => json::timeouts(&mut self.out, &timeouts),
                }?)
            }
            (What::Daemons, form) => {
                let daemons = self.client()?.daemons()?;
                Ok(match form {
                    Form::Classic | Form::Pretty => classic::daemons(&mut self.out, &daemons),
                    Form::Json => json::daemons(&mut self.out, &daemons),
                }?)
            }
        }
    }

    fn services(
        &mut self,
        list: &List,
        only: Option<&ServiceKey>,
        columns: Columns,
    ) -> Result<(), Failure> {
        let labels = self.labels(list.numeric);
        let client = connected(&mut self.client)?;
        let info = if only.is_none() { Some(client.info()?) } else { None };
        let services = observed(client, list, only)?;
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

    fn services_as_json(
        &mut self,
        list: &List,
        only: Option<&ServiceKey>,
        columns: Columns,
    ) -> Result<(), Failure> {
        let client = connected(&mut self.client)?;
        let (info, services) = (client.info()?, observed(client, list, only)?);
        let mut view = json::Services::new(&mut self.out, &info, columns)?;
        for service in &services {
            let destinations = destinations(client, service, list.sorted)?;
            view.service(service, &destinations)?;
        }
        Ok(view.end()?)
    }

    fn services_as_tables(
        &mut self,
        list: &List,
        only: Option<&ServiceKey>,
        columns: Columns,
    ) -> Result<(), Failure> {
        let labels = self.labels(list.numeric);
        let client = connected(&mut self.client)?;
        let (info, services) = (client.info()?, observed(client, list, only)?);
        let mut view = Pretty::new(&mut self.out, labels, columns, list.exact, screen());
        view.title(&info)?;
        for group in services.chunks(group(list.numeric)) {
            let table = with_destinations(client, group, list.sorted)?;
            view.labels.prepare(addresses(&table));
            for (service, destinations) in &table {
                view.service(service, destinations)?;
            }
        }
        Ok(())
    }

    fn connections(&mut self, list: &List, engines: bool) -> Result<(), Failure> {
        let mut reader = self.connection_table()?;
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

    fn connections_as_json(&mut self) -> Result<(), Failure> {
        let mut reader = self.connection_table()?;
        let mut view = json::Connections::new(&mut self.out)?;
        loop {
            let lines = reader.lines().map_err(Failure::Connections)?;
            if lines.is_empty() {
                return Ok(view.end()?);
            }
            for connection in lines.lines().filter_map(connections::parse) {
                view.connection(&connection)?;
            }
        }
    }

    fn connection_table(&mut self) -> Result<connections::Reader<BufReader<File>>, Failure> {
        // The file can be read without privilege; whether IPVS may be used is asked all the same.
        self.client()?.info()?;
        let file = File::open(connections::PATH).map_err(Failure::Connections)?;
        Ok(connections::Reader::new(BufReader::with_capacity(64 * 1024, file)))
    }

    pub(super) fn labels(&self, numeric: bool) -> Labels<'n> {
        if numeric { Labels::numeric() } else { Labels::named(self.names) }
    }
}

/// What standard output leads to. Without a terminal nobody sees colours, nor with NO_COLOR set.
fn screen() -> Screen {
    let stdout = io::stdout();
    let width = terminal_size::terminal_size_of(&stdout).map(|(Width(width), _)| width.into());
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Screen { width: width.unwrap_or(Screen::WIDTH), colour: stdout.is_terminal() && !no_colour }
}

/// The service that is listed, or all of them, in the order of the list.
fn observed(
    client: &mut Client,
    list: &List,
    only: Option<&ServiceKey>,
) -> Result<Vec<ObservedService>, Error> {
    let mut services = match only {
        Some(key) => vec![client.service(key)?],
        None => client.services()?,
    };
    if list.sorted {
        order::services(&mut services);
    }
    Ok(services)
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
    services.iter().map(|service| Ok((service, destinations(client, service, sorted)?))).collect()
}

fn destinations(
    client: &mut Client,
    service: &ObservedService,
    sorted: bool,
) -> Result<Vec<ObservedDestination>, Error> {
    let mut destinations = client.destinations(&service.service.key)?;
    if sorted {
        order::destinations(&mut destinations);
    }
    Ok(destinations)
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
