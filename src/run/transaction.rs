//! Changes that are made all together or not at all.
//!
//! In: what [`diff`] says, and what it changes, as it was before. Out: nothing, or what the kernel refused; the table is
//! then as it was, or it is said what could not be taken back. What goes, goes in a batch of its own,
//! so that nothing that carries connections ends before the rest is known to be good.

use crate::ipvs::client::Client;
use crate::ipvs::error::Error;
use crate::model::{Change, ServiceKey, Timeouts};
use crate::netlink::socket::Connection;
use crate::table::{Comparison, Table, diff, inverse};
use std::collections::HashSet;

/// A change and why it was not made.
pub type Refusal = (Change, Error);

/// Why the changes were not made.
#[derive(Debug)]
pub enum Failure {
    /// The kernel refused some.
    Refused {
        /// Those that were refused for themselves, and not only because one before them was.
        refused: Vec<Refusal>,
        /// What could not be taken back.
        left: Vec<Refusal>,
    },
    /// The connection failed, and with it perhaps the way back.
    Broken { error: Error, back: Result<(), Error> },
}

/// The table that the kernel has; timeouts and daemons as far as they are asked for.
pub fn read<C: Connection>(
    client: &mut Client<C>,
    timeouts: bool,
    daemons: bool,
) -> Result<Table, Error> {
    let mut table = settings(client, timeouts, daemons)?;
    for service in client.services()? {
        let destinations = client.destinations(&service.service.key)?;
        table.observe([(service, destinations)]);
    }
    Ok(table)
}

/// Where the kernel's table differs from the one that is wanted: as it is wanted, and as it is. What
/// is the same is in neither, so that no more is held than has to be changed.
pub fn differences<C: Connection>(
    client: &mut Client<C>,
    wanted: Table,
) -> Result<(Table, Table), Error> {
    let timeouts = wanted.timeouts() != Timeouts::default();
    let current = settings(client, timeouts, wanted.has_daemons())?;
    let mut comparison = Comparison::new(wanted, current);
    for service in client.services()? {
        let destinations = client.destinations(&service.service.key)?;
        comparison.observe(service, destinations);
    }
    Ok(comparison.differences())
}

/// A table without services.
fn settings<C: Connection>(
    client: &mut Client<C>,
    timeouts: bool,
    daemons: bool,
) -> Result<Table, Error> {
    let timeouts = if timeouts { client.timeouts()? } else { Timeouts::default() };
    let daemons = if daemons { client.daemons()? } else { Vec::new() };
    Ok(Table::observed(timeouts, daemons))
}

/// Make `changes`, which [`diff`] has put in order. `before` is the table that they are made to, or at
/// least what they change of it.
pub fn carry_out<C: Connection>(
    client: &mut Client<C>,
    changes: &[Change],
    before: &Table,
) -> Result<(), Failure> {
    let first_gone = changes.iter().position(goes).unwrap_or(changes.len());
    let (stays, gone) = changes.split_at(first_gone);
    let mut done = Vec::with_capacity(changes.len());
    for batch in [stays, gone] {
        let results = match client.changes(batch) {
            Ok(results) => results,
            Err(error) => {
                let back = take_back_unknown(client, changes, before);
                return Err(Failure::Broken { error, back });
            }
        };
        let mut refused = Vec::new();
        for (change, result) in batch.iter().zip(results) {
            match result {
                Ok(()) => done.push(change),
                Err(error) => refused.push((change.clone(), error)),
            }
        }
        if !refused.is_empty() {
            let left = take_back(client, &done, before);
            return Err(Failure::Refused { refused: causes(refused), left });
        }
    }
    Ok(())
}

fn goes(change: &Change) -> bool {
    matches!(change, Change::DeleteService(_) | Change::DeleteDestination(..))
}

/// Take back what is known to be done, the last first. What could not be.
fn take_back<C: Connection>(
    client: &mut Client<C>,
    done: &[&Change],
    before: &Table,
) -> Vec<Refusal> {
    let back: Vec<Change> = done.iter().rev().flat_map(|change| inverse(change, before)).collect();
    match client.changes(&back) {
        Ok(results) => {
            let left = back.into_iter().zip(results);
            left.filter_map(|(change, result)| result.err().map(|e| (change, e))).collect()
        }
        Err(error) => back.into_iter().next().map(|change| (change, error)).into_iter().collect(),
    }
}

/// Make the table what it was; how many of the changes were made, nobody knows.
fn take_back_unknown<C: Connection>(
    client: &mut Client<C>,
    changes: &[Change],
    before: &Table,
) -> Result<(), Error> {
    let touched: HashSet<ServiceKey> = changes.iter().filter_map(service).collect();
    let mut now = read(client, before.timeouts() != Timeouts::default(), true)?;
    let mut before = before.clone();
    for table in [&mut now, &mut before] {
        table.keep_services(|key| touched.contains(key));
    }
    let mut back = diff(&before, &now);
    // A table without daemons says nothing about them.
    if !before.has_daemons() {
        let started = changes.iter().filter_map(|change| match change {
            Change::StartDaemon(daemon) => now.daemon(daemon.role),
            _ => None,
        });
        back.extend(started.map(|daemon| Change::StopDaemon(daemon.role)));
    }
    client.changes(&back)?.into_iter().collect()
}

/// The service that a change is made to.
fn service(change: &Change) -> Option<ServiceKey> {
    match change {
        Change::AddService(service) | Change::EditService(service) => Some(service.key),
        Change::DeleteService(key)
        | Change::AddDestination(key, _)
        | Change::EditDestination(key, _)
        | Change::DeleteDestination(key, _) => Some(*key),
        Change::Flush | Change::Zero(_) => None,
        Change::SetTimeouts(_) | Change::StartDaemon(_) | Change::StopDaemon(_) => None,
    }
}

/// Without the servers of services that were refused themselves.
fn causes(refused: Vec<Refusal>) -> Vec<Refusal> {
    let added = |change: &Change| match change {
        Change::AddService(service) => Some(service.key),
        _ => None,
    };
    let services: Vec<ServiceKey> =
        refused.iter().filter_map(|(change, _)| added(change)).collect();
    let follows = |change: &Change| match change {
        Change::AddDestination(key, _) => services.contains(key),
        _ => false,
    };
    refused.into_iter().filter(|(change, _)| !follows(change)).collect()
}
