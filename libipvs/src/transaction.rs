//! The kernel's table made what is wanted, all of it or nothing.
//!
//! In: a table. Out: the changes that were made; or what the kernel refused, and the table as it was
//! (or what could not be taken back). What goes, goes in a batch of its own, so that nothing that
//! carries connections ends before the rest is known to be good.

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::model::{Change, ServiceKey, Timeouts};
use crate::table::{Comparison, Table, diff, inverse};
use crate::transport::Transport;
use std::collections::HashSet;
use std::fmt;

/// Which services and daemons a wanted table decides on. Of daemons a table without any says nothing in
/// either: those that run go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// All: what it does not name goes.
    Whole,
    /// Those that it names: others are left alone.
    Named,
}

/// Changes to be made to the kernel's table, and what they change of it as it was.
#[derive(Debug, Clone)]
pub struct Plan {
    changes: Vec<Change>,
    before: Table,
}

impl Plan {
    /// The changes in the order in which they are made.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// A change and why it was not made.
pub type Refusal = (Change, Error);

/// Why the changes were not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The kernel refused some.
    Refused {
        /// Those that were refused for themselves, and not only because one before them was.
        refused: Vec<Refusal>,
        /// What could not be taken back.
        left: Vec<Refusal>,
    },
    /// The connection failed.
    Broken {
        /// How.
        error: Error,
        /// Whether the table is as it was all the same.
        back: Result<(), Error>,
    },
}

impl ApplyError {
    /// Whether the table is what it was before.
    pub fn is_taken_back(&self) -> bool {
        match self {
            ApplyError::Refused { left, .. } => left.is_empty(),
            ApplyError::Broken { back, .. } => back.is_ok(),
        }
    }

    /// The first error.
    pub fn error(&self) -> Option<&Error> {
        match self {
            ApplyError::Refused { refused, .. } => refused.first().map(|(_, error)| error),
            ApplyError::Broken { error, .. } => Some(error),
        }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.error() {
            Some(error) => error.fmt(f)?,
            None => f.write_str("refused")?,
        }
        match self.is_taken_back() {
            true => Ok(()),
            false => f.write_str("; not all could be taken back"),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Its own words are those of the first error.
        self.error().and_then(std::error::Error::source)
    }
}

impl<C: Transport> Client<C> {
    /// The whole table: services with their servers, timeouts, daemons. A request for each service.
    pub fn table(&mut self) -> Result<Table, Error> {
        let mut table = self.settings(true, true)?;
        for service in self.configured_services()? {
            let destinations = self.configured_destinations(&service.key)?;
            table.observe([(service, destinations)]);
        }
        Ok(table)
    }

    /// What would make the kernel's table what is wanted, with the fewest changes.
    ///
    /// No more of the two tables is held than differs.
    pub fn plan(&mut self, wanted: Table, scope: Scope) -> Result<Plan, Error> {
        let timeouts = wanted.timeouts() != Timeouts::default();
        let current = self.settings(timeouts, wanted.has_daemons())?;
        let mut comparison = Comparison::new(wanted, current);
        for service in self.configured_services()? {
            let destinations = self.configured_destinations(&service.key)?;
            comparison.observe(service, destinations);
        }
        let (wanted, before) = comparison.differences();
        let changes = match scope {
            Scope::Whole => diff(&wanted, &before),
            Scope::Named => {
                let mut named = before.clone();
                named.keep_to(&wanted);
                diff(&wanted, &named)
            }
        };
        Ok(Plan { changes, before })
    }

    /// Make what was planned; where that cannot be, the table is made what it was.
    ///
    /// The way back leaves services alone that the plan did not touch. What another program does to
    /// the others meanwhile may be lost.
    pub fn carry_out(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        let Plan { changes, before } = plan;
        let first_gone = changes.iter().position(goes).unwrap_or(changes.len());
        let (stays, gone) = changes.split_at(first_gone);
        let mut done = Vec::with_capacity(changes.len());
        for batch in [stays, gone] {
            let results = match self.changes(batch) {
                Ok(results) => results,
                Err(error) => {
                    let back = take_back_unknown(self, changes, before);
                    return Err(ApplyError::Broken { error, back });
                }
            };
            let mut refused = Vec::new();
            for (change, result) in batch.iter().zip(results) {
                match result {
                    Ok(()) => done.push(change),
                    Err(error) if is_gone(change, &error) => {}
                    Err(error) => refused.push((change.clone(), error)),
                }
            }
            if !refused.is_empty() {
                let refused = causes(refused);
                let left = match take_back(self, &done, before) {
                    Ok(left) => left,
                    Err(error) => match take_back_unknown(self, changes, before) {
                        Ok(()) => Vec::new(),
                        back => return Err(ApplyError::Broken { error, back }),
                    },
                };
                return Err(ApplyError::Refused { refused, left });
            }
        }
        Ok(())
    }

    /// Make the kernel's table what is wanted, with the fewest changes: what was changed.
    ///
    /// Services and servers that stay the same are not touched: their connections and counters live
    /// on. When the kernel refuses one change, all others are taken back.
    pub fn apply(&mut self, wanted: Table, scope: Scope) -> Result<Vec<Change>, ApplyError> {
        let plan =
            self.plan(wanted, scope).map_err(|error| ApplyError::Broken { error, back: Ok(()) })?;
        self.carry_out(&plan)?;
        Ok(plan.changes)
    }

    /// A table without services.
    fn settings(&mut self, timeouts: bool, daemons: bool) -> Result<Table, Error> {
        let timeouts = if timeouts { self.timeouts()? } else { Timeouts::default() };
        let daemons = if daemons { self.daemons()? } else { Vec::new() };
        Ok(Table::observed(timeouts, daemons))
    }
}

fn goes(change: &Change) -> bool {
    matches!(change, Change::DeleteService(_) | Change::DeleteDestination(..))
}

/// Whether what was to go has gone already: somebody was quicker.
fn is_gone(change: &Change, error: &Error) -> bool {
    goes(change) && matches!(error.kind(), ErrorKind::NoSuchService | ErrorKind::NoSuchDestination)
}

/// Take back what is known to be done, the last first. What could not be.
fn take_back<C: Transport>(
    client: &mut Client<C>,
    done: &[&Change],
    before: &Table,
) -> Result<Vec<Refusal>, Error> {
    let back: Vec<Change> = done.iter().rev().flat_map(|change| inverse(change, before)).collect();
    let results = client.changes(&back)?;
    let left = back.into_iter().zip(results);
    Ok(left.filter_map(|(change, result)| result.err().map(|e| (change, e))).collect())
}

/// Make the table what it was; how many of the changes were made, nobody knows.
fn take_back_unknown<C: Transport>(
    client: &mut Client<C>,
    changes: &[Change],
    before: &Table,
) -> Result<(), Error> {
    let touched: HashSet<ServiceKey> = changes.iter().filter_map(service).collect();
    let mut now = client.table()?;
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
    back.retain(|change| is_of_the_same(change, changes));
    client.changes(&back)?.into_iter().collect()
}

/// Whether a change of the way back is about what was changed: timeouts and daemons that were not are
/// somebody else's. Services have been left out before.
fn is_of_the_same(back: &Change, changes: &[Change]) -> bool {
    let role = |change: &Change| match change {
        Change::StartDaemon(daemon) => Some(daemon.role),
        Change::StopDaemon(role) => Some(*role),
        _ => None,
    };
    match back {
        Change::SetTimeouts(_) => {
            changes.iter().any(|change| matches!(change, Change::SetTimeouts(_)))
        }
        _ => role(back)
            .is_none_or(|role_back| changes.iter().any(|change| role(change) == Some(role_back))),
    }
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
