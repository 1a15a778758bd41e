//! Makes the kernel's table equal to a desired one: all changes or none.
//!
//! Deletions go in a batch of their own, after everything else was accepted, so that no connection
//! ends before the rest of the change is known to be good.

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::model::{Change, ServiceKey, Timeouts};
use crate::table::{Comparison, Table, diff, inverse};
use crate::transport::Transport;
use std::collections::HashSet;
use std::fmt;

/// Which services and daemons a desired table decides about. A table without daemons decides about
/// no daemon in either scope: those that run continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// All: services that the table does not name are deleted.
    Whole,
    /// Those that the table names: others are left alone.
    Named,
}

/// Changes to make in the kernel's table, and the part of the table that they change.
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

/// A change and the error that refused it.
pub type Refusal = (Change, Error);

/// Why the changes were not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The kernel refused some changes, and the others were rolled back.
    Refused {
        /// The changes that were refused themselves, without those that failed because of them.
        refused: Vec<Refusal>,
        /// The changes of the rollback that were refused: empty when the table is as before.
        unrestored: Vec<Refusal>,
    },
    /// The exchange with the kernel failed.
    Failed {
        /// The failure.
        error: Error,
        /// Ok when the table is as before.
        rollback: Result<(), Error>,
    },
}

impl ApplyError {
    /// Returns true when the table is as it was before.
    pub fn is_rolled_back(&self) -> bool {
        match self {
            ApplyError::Refused { unrestored, .. } => unrestored.is_empty(),
            ApplyError::Failed { rollback, .. } => rollback.is_ok(),
        }
    }

    /// The first error.
    pub fn error(&self) -> Option<&Error> {
        match self {
            ApplyError::Refused { refused, .. } => refused.first().map(|(_, error)| error),
            ApplyError::Failed { error, .. } => Some(error),
        }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.error() {
            Some(error) => error.fmt(f)?,
            None => f.write_str("refused")?,
        }
        match self.is_rolled_back() {
            true => Ok(()),
            false => f.write_str("; some changes could not be rolled back"),
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // Display already includes the text of the first error.
        self.error().and_then(std::error::Error::source)
    }
}

impl<C: Transport> Client<C> {
    /// Returns the whole table: services with their real servers, timeouts, daemons. It takes one
    /// request for each service.
    pub fn table(&mut self) -> Result<Table, Error> {
        let mut table = self.settings(true, true)?;
        for service in self.configured_services()? {
            let destinations = self.configured_destinations(&service.key)?;
            table.observe([(service, destinations)]);
        }
        Ok(table)
    }

    /// Computes the fewest changes that make the kernel's table equal to the desired one.
    ///
    /// Holds only the parts of the two tables that differ.
    pub fn plan(&mut self, desired: Table, scope: Scope) -> Result<Plan, Error> {
        let timeouts = desired.timeouts() != Timeouts::default();
        let current = self.settings(timeouts, desired.has_daemons())?;
        let mut comparison = Comparison::new(desired, current);
        for service in self.configured_services()? {
            let destinations = self.configured_destinations(&service.key)?;
            comparison.observe(service, destinations);
        }
        let (desired, before) = comparison.differences();
        let changes = match scope {
            Scope::Whole => diff(&desired, &before),
            Scope::Named => {
                let mut named = before.clone();
                named.keep_to(&desired);
                diff(&desired, &named)
            }
        };
        Ok(Plan { changes, before })
    }

    /// Makes the changes of a plan, or rolls them back if one fails.
    ///
    /// The rollback leaves services alone that the plan did not change. Changes that another program
    /// makes concurrently to the services of the plan may be lost.
    pub fn apply_plan(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        let Plan { changes, before } = plan;
        let first_deletion = changes.iter().position(is_deletion).unwrap_or(changes.len());
        let (kept, deleted) = changes.split_at(first_deletion);
        let mut done = Vec::with_capacity(changes.len());
        for batch in [kept, deleted] {
            let results = match self.changes(batch) {
                Ok(results) => results,
                Err(error) => {
                    let rollback = restore(self, changes, before);
                    return Err(ApplyError::Failed { error, rollback });
                }
            };
            let mut refused = Vec::new();
            for (change, result) in batch.iter().zip(results) {
                match result {
                    Ok(()) => done.push(change),
                    Err(error) if was_deleted(change, &error) => {}
                    Err(error) => refused.push((change.clone(), error)),
                }
            }
            if !refused.is_empty() {
                let refused = causes(refused);
                let unrestored = match roll_back(self, &done, before) {
                    Ok(unrestored) => unrestored,
                    Err(error) => match restore(self, changes, before) {
                        Ok(()) => Vec::new(),
                        rollback => return Err(ApplyError::Failed { error, rollback }),
                    },
                };
                return Err(ApplyError::Refused { refused, unrestored });
            }
        }
        Ok(())
    }

    /// Makes the kernel's table equal to the desired one with the fewest changes, and returns them.
    ///
    /// Services and real servers that are the same in both keep their connections and counters. When
    /// the kernel refuses one change, all others are rolled back.
    pub fn apply(&mut self, desired: Table, scope: Scope) -> Result<Vec<Change>, ApplyError> {
        let plan = self.plan(desired, scope);
        let plan = plan.map_err(|error| ApplyError::Failed { error, rollback: Ok(()) })?;
        self.apply_plan(&plan)?;
        Ok(plan.changes)
    }

    /// Returns a table without services: the timeouts and daemons that were asked for.
    fn settings(&mut self, timeouts: bool, daemons: bool) -> Result<Table, Error> {
        let timeouts = if timeouts { self.timeouts()? } else { Timeouts::default() };
        let daemons = if daemons { self.daemons()? } else { Vec::new() };
        Ok(Table::observed(timeouts, daemons))
    }
}

fn is_deletion(change: &Change) -> bool {
    matches!(change, Change::DeleteService(_) | Change::DeleteDestination(..))
}

/// Returns true when another program deleted it first.
fn was_deleted(change: &Change, error: &Error) -> bool {
    is_deletion(change)
        && matches!(error.kind(), ErrorKind::NoSuchService | ErrorKind::NoSuchDestination)
}

/// Undoes the changes that were made, the last one first, and returns the refusals.
fn roll_back<C: Transport>(
    client: &mut Client<C>,
    done: &[&Change],
    before: &Table,
) -> Result<Vec<Refusal>, Error> {
    let inverses: Vec<Change> =
        done.iter().rev().flat_map(|change| inverse(change, before)).collect();
    let results = client.changes(&inverses)?;
    let results = inverses.into_iter().zip(results);
    Ok(results.filter_map(|(change, result)| result.err().map(|e| (change, e))).collect())
}

/// Restores the table when it is unknown how many of the changes were made.
fn restore<C: Transport>(
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
    let mut inverses = diff(&before, &now);
    // A table without daemons decides about none.
    if !before.has_daemons() {
        let started = changes.iter().filter_map(|change| match change {
            Change::StartDaemon(daemon) => now.daemon(daemon.role),
            _ => None,
        });
        inverses.extend(started.map(|daemon| Change::StopDaemon(daemon.role)));
    }
    inverses.retain(|inverse| concerns_the_same(inverse, changes));
    client.changes(&inverses)?.into_iter().collect()
}

/// Returns true when an inverse concerns timeouts or a daemon that the plan changed: others were
/// changed by another program. Services were filtered before.
fn concerns_the_same(inverse: &Change, changes: &[Change]) -> bool {
    let role = |change: &Change| match change {
        Change::StartDaemon(daemon) => Some(daemon.role),
        Change::StopDaemon(role) => Some(*role),
        _ => None,
    };
    match inverse {
        Change::SetTimeouts(_) => {
            changes.iter().any(|change| matches!(change, Change::SetTimeouts(_)))
        }
        _ => role(inverse)
            .is_none_or(|inverse| changes.iter().any(|change| role(change) == Some(inverse))),
    }
}

/// Returns the service that a change concerns.
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

/// Drops the refusals of real servers whose service was refused.
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
