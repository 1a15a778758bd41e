//! Lists: what is asked of the kernel, and shown as it comes.

use super::{Failure, Run, connected};
use crate::command::{Columns, Form, List, Subject};
use crate::view::classic::{self, Listing};
use crate::view::connections::Connections;
use crate::view::json;
use crate::view::labels::Labels;
use crate::view::pretty::{Pretty, Screen};
use crate::view::{View, order};
use libipvs::Client;
use libipvs::Error;
use libipvs::connections;
use libipvs::model::{DestinationKey, ObservedService, ServiceKey};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read, Write};
use std::net::IpAddr;
use terminal_size::Width;

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    pub(super) fn list(&mut self, list: &List) -> Result<(), Failure> {
        match (&list.subject, list.form) {
            (Subject::Services(service, columns), _) => {
                self.services(list, service.as_ref(), *columns)
            }
            // What is no table of services has no pretty form, and is never asked for in one.
            (Subject::Connections { .. }, Form::Json) => self.connections_as_json(),
            (Subject::Connections { engines }, _) => self.connections(list, *engines),
            (Subject::Timeouts, form) => {
                let timeouts = self.client()?.timeouts()?;
                Ok(match form {
                    Form::Classic | Form::Pretty => classic::timeouts(&mut self.out, &timeouts),
                    Form::Json => json::timeouts(&mut self.out, &timeouts),
                }?)
            }
            (Subject::Daemons, form) => {
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
        // 1.31 does not ask for it where it does not show it.
        let info = match (only, list.form) {
            (Some(_), Form::Classic) => None,
            _ => Some(client.info()?),
        };
        let services = observed(client, list, only, columns)?;
        let out = &mut self.out;
        match (list.form, info) {
            (Form::Json, Some(info)) => {
                let mut view = json::Services::new(out, &info, columns)?;
                each(client, list, services, &mut view)?;
                view.end()?;
            }
            (Form::Pretty, Some(info)) => {
                let mut view = Pretty::new(out, labels, columns, list.exact, screen());
                view.title(&info)?;
                each(client, list, services, &mut view)?;
            }
            (_, info) => {
                let mut view = Listing::new(out, labels, columns, list.exact);
                if let Some(info) = info {
                    view.title(&info)?;
                }
                view.heads()?;
                each(client, list, services, &mut view)?;
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
        connections::Reader::open().map_err(Failure::Connections)
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

/// Services in the order in which they are listed.
type Listed = Box<dyn Iterator<Item = ObservedService>>;

/// The service that is listed, or all of them, in the order of the list.
fn observed(
    client: &mut Client,
    list: &List,
    only: Option<&ServiceKey>,
    columns: Columns,
) -> Result<Listed, Error> {
    if let Some(key) = only {
        return Ok(Box::new(std::iter::once(client.service(key)?)));
    }
    // All of them are held at once: counters only where they are shown.
    if columns.have_counters() {
        let mut services = client.services()?;
        if list.sorted {
            order::services(&mut services, |service| &service.service.key);
        }
        return Ok(Box::new(services.into_iter()));
    }
    let mut services = client.configured_services()?;
    if list.sorted {
        order::services(&mut services, |service| &service.key);
    }
    Ok(Box::new(services.into_iter().map(ObservedService::from)))
}

/// Read the servers of each service, and show both as they come.
fn each<V: View>(
    client: &mut Client,
    list: &List,
    services: Listed,
    view: &mut V,
) -> Result<(), Failure> {
    let servers = |service: &ObservedService| {
        let mut servers = client.destinations(&service.service.key)?;
        if list.sorted {
            order::destinations(&mut servers, |server| &server.destination.key);
        }
        Ok(servers)
    };
    in_groups(services, list.numeric || list.form == Form::Json, servers, |table| {
        view.prepare(table.iter().flat_map(|(service, servers)| {
            addresses(&service.service.key, servers.iter().map(|server| &server.destination.key))
        }));
        Ok(table.iter().try_for_each(|(service, servers)| view.service(service, servers))?)
    })
}

/// Read the servers of services and show both, some services at a time: what is held does not grow
/// with the table, and names are looked up many at a time.
pub(super) fn in_groups<S, D>(
    mut services: impl Iterator<Item = S>,
    numeric: bool,
    mut servers: impl FnMut(&S) -> Result<Vec<D>, Error>,
    mut show: impl FnMut(&[(S, Vec<D>)]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let most = if numeric { 1 } else { 256 };
    let mut group = Vec::with_capacity(most);
    loop {
        group.clear();
        for service in services.by_ref().take(most) {
            let servers = servers(&service)?;
            group.push((service, servers));
        }
        if group.is_empty() {
            return Ok(());
        }
        show(&group)?;
    }
}

/// Every address of a service and its servers.
pub(super) fn addresses<'a>(
    service: &ServiceKey,
    servers: impl Iterator<Item = &'a DestinationKey>,
) -> impl Iterator<Item = IpAddr> {
    let virtual_address = match service {
        ServiceKey::Address { address, .. } => Some(*address),
        ServiceKey::Mark { .. } => None,
    };
    virtual_address.into_iter().chain(servers.map(|server| server.address))
}
