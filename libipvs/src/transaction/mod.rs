//! Makes the kernel's table equal to a desired one: all changes or none.
//!
//! Deletions are sent as a separate batch after the kernel has accepted all other changes, so that
//! a refused change does not end any connection.

#[cfg(test)]
mod tests;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::model::{Change, ServiceKey, Timeouts};
use crate::table::{Table, diff, inverse};
use crate::transport::Transport;
use std::collections::HashSet;
use std::fmt;

/// The extent to which a desired table is complete. In either scope, a desired table without
/// daemons leaves the running ones alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The table is complete: services and daemons that it does not name are deleted.
    Whole,
    /// The table is partial: services and daemons that it does not name stay as they are.
    Named,
}

/// Changes to make in the kernel's table, and the table before them.
#[derive(Debug, Clone)]
pub struct Plan {
    changes: Vec<Change>,
    before: Table,
}

impl Plan {
    /// Returns the changes, in the order in which they will be made.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// A change that was refused, and the error.
pub type Refusal = (Change, Error);

/// The reason why the changes of a plan were not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The kernel refused some changes, and the others were rolled back.
    Refused {
        /// The refused changes, except those that failed only because of another one.
        refused: Vec<Refusal>,
        /// The refused changes of the rollback. If empty, the table is as it was before.
        unrestored: Vec<Refusal>,
    },
    /// The exchange with the kernel failed.
    Failed {
        /// The failure.
        error: Error,
        /// The result of the rollback. If `Ok`, the table is as it was before.
        rollback: Result<(), Error>,
    },
}

impl ApplyError {
    /// Returns true if the table is as it was before.
    pub fn is_rolled_back(&self) -> bool {
        match self {
            ApplyError::Refused { unrestored, .. } => unrestored.is_empty(),
            ApplyError::Failed { rollback, .. } => rollback.is_ok(),
        }
    }

    /// Returns the first error.
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

impl<T: Transport> Client<T> {
    /// Returns the whole table: services with their real servers, timeouts and daemons. Sends one
    /// request for each service.
    pub fn table(&mut self) -> Result<Table, Error> {
        self.read_table(true, true)
    }

    /// Computes the fewest changes that make the kernel's table equal to the desired one.
    pub fn plan(&mut self, desired: Table, scope: Scope) -> Result<Plan, Error> {
        let has_timeouts = desired.timeouts() != Timeouts::default();
        let before = self.read_table(has_timeouts, desired.has_daemons())?;
        let mut changes = diff(&desired, &before);
        if scope == Scope::Named {
            changes.retain(|change| match change {
                Change::DeleteService(_) => false,
                Change::StopDaemon(role) => desired.daemon(*role).is_some(),
                _ => true,
            });
        }
        Ok(Plan { changes, before })
    }

    /// Makes the changes of a plan, or rolls all of them back if one fails.
    ///
    /// The rollback does not touch other services. Changes that another program makes concurrently
    /// to the services of the plan may be lost.
    pub fn apply_plan(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        let Plan { changes, before } = plan;
        let first_deletion = changes.iter().position(is_deletion).unwrap_or(changes.len());
        let (others, deletions) = changes.split_at(first_deletion);
        let mut done = Vec::with_capacity(changes.len());
        for batch in [others, deletions] {
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
    /// Services and real servers that are equal in both tables keep their connections and counters.
    /// If the kernel refuses one change, all others are rolled back.
    pub fn apply(&mut self, desired: Table, scope: Scope) -> Result<Vec<Change>, ApplyError> {
        let plan = self.plan(desired, scope);
        let plan = plan.map_err(|error| ApplyError::Failed { error, rollback: Ok(()) })?;
        self.apply_plan(&plan)?;
        Ok(plan.changes)
    }

    fn read_table(&mut self, timeouts: bool, daemons: bool) -> Result<Table, Error> {
        let timeouts = if timeouts { self.timeouts()? } else { Timeouts::default() };
        let daemons = if daemons { self.daemons()? } else { Vec::new() };
        let mut table = Table::with_settings(timeouts, daemons);
        for service in self.configured_services()? {
            let destinations = self.configured_destinations(&service.key)?;
            table.insert(service, destinations);
        }
        Ok(table)
    }
}

fn is_deletion(change: &Change) -> bool {
    matches!(change, Change::DeleteService(_) | Change::DeleteDestination(..))
}

/// Returns true if another program made the same deletion first.
fn was_deleted(change: &Change, error: &Error) -> bool {
    is_deletion(change)
        && matches!(error.kind(), ErrorKind::NoSuchService | ErrorKind::NoSuchDestination)
}

/// Reverts the changes that were made, the last one first, and returns the refusals.
fn roll_back<T: Transport>(
    client: &mut Client<T>,
    done: &[&Change],
    before: &Table,
) -> Result<Vec<Refusal>, Error> {
    let inverses: Vec<Change> =
        done.iter().rev().flat_map(|change| inverse(change, before)).collect();
    let results = client.changes(&inverses)?;
    let results = inverses.into_iter().zip(results);
    Ok(results.filter_map(|(change, result)| result.err().map(|e| (change, e))).collect())
}

/// Restores the table after an unknown number of the changes were made.
fn restore<T: Transport>(
    client: &mut Client<T>,
    changes: &[Change],
    before: &Table,
) -> Result<(), Error> {
    let touched: HashSet<ServiceKey> = changes.iter().filter_map(service).collect();
    let mut current = client.table()?;
    let mut before = before.clone();
    for table in [&mut current, &mut before] {
        table.retain_services(|key| touched.contains(key));
    }
    let mut inverses = diff(&before, &current);
    // The difference to a table without daemons stops none.
    if !before.has_daemons() {
        let started = changes.iter().filter_map(|change| match change {
            Change::StartDaemon(daemon) => current.daemon(daemon.role),
            _ => None,
        });
        inverses.extend(started.map(|daemon| Change::StopDaemon(daemon.role)));
    }
    inverses.retain(|inverse| concerns_the_same(inverse, changes));
    client.changes(&inverses)?.into_iter().collect()
}

/// Returns true unless an inverse concerns timeouts or a daemon that the plan did not change:
/// another program changed these. Services were filtered before.
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

/// Drops the refusals of real servers whose service was itself refused.
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
