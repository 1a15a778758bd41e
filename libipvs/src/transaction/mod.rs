//! Makes the kernel's table equal to a desired one: all changes or none.
//!
//! Deletions are sent as a separate batch after the kernel has accepted all other changes, so that
//! a refused change does not end any connection.

#[cfg(test)]
mod tests;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::model::{Change, Service, ServiceKey, Timeouts};
use crate::table::{Entry, Table, diff, inverse};
use crate::transport::Transport;
use std::collections::HashSet;
use std::fmt;

/// The extent to which a desired table is complete. In either scope, a desired table without
/// daemons leaves the running ones alone: [`Client::stop_daemon`] stops them.
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
#[must_use = "a plan changes nothing until it is applied"]
pub struct Plan {
    changes: Vec<Change>,
    before: Table,
}

impl Plan {
    /// Returns the changes, in the order in which they will be made.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Removes the changes for which `keep` returns false.
    pub fn retain(&mut self, keep: impl FnMut(&Change) -> bool) {
        self.changes.retain(keep);
    }
}

/// A change that failed, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {change}: {error}")]
#[non_exhaustive]
pub struct ChangeError {
    /// The change.
    pub change: Change,
    /// The reason.
    #[source]
    pub error: Error,
}

/// The reason why the changes of a plan were not made.
///
/// Its text names the first change that failed, the reason, how many failed, and whether the others
/// were rolled back: `cannot add real server 10.0.0.12:80 to tcp 192.0.2.1:80 (direct
/// routing, weight 1): Memory allocation problem (1 of 5 changes failed; the table is as it was before)`.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// Some changes are invalid, or the kernel refused them; the others were rolled back.
    Refused {
        /// The changes that failed, except those that failed only because of another one.
        refused: Vec<ChangeError>,
        /// The number of changes of the plan.
        planned: usize,
        /// The changes of the rollback that failed. If empty, the table is as it was before.
        unrestored: Vec<ChangeError>,
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
    #[must_use]
    pub fn is_rolled_back(&self) -> bool {
        match self {
            ApplyError::Refused { unrestored, .. } => unrestored.is_empty(),
            ApplyError::Failed { rollback, .. } => rollback.is_ok(),
        }
    }

    /// Returns the first error. Every error of this crate has one.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match self {
            ApplyError::Refused { refused, .. } => refused.first().map(|refused| &refused.error),
            ApplyError::Failed { error, .. } => Some(error),
        }
    }
}

/// An error before the first change: the table is as it was before.
impl From<Error> for ApplyError {
    fn from(error: Error) -> ApplyError {
        ApplyError::Failed { error, rollback: Ok(()) }
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ApplyError::Refused { refused, planned, unrestored } => {
                if let Some(first) = refused.first() {
                    write!(f, "{first} ")?;
                }
                write!(f, "({} of {planned} changes failed; ", refused.len())?;
                match unrestored.first() {
                    None => f.write_str("the table is as it was before)"),
                    Some(first) => write!(f, "some others could not be rolled back: {first})"),
                }
            }
            ApplyError::Failed { error, rollback: Ok(()) } => {
                write!(f, "{error} (the table is as it was before)")
            }
            ApplyError::Failed { error, rollback: Err(rollback) } => {
                write!(f, "{error} (some changes may have been made: {rollback})")
            }
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
        let services = self.configured_services()?;
        let mut table = Table::with_settings(self.timeouts()?, self.daemons()?);
        self.read_entries(&mut table, services)?;
        Ok(table)
    }

    /// Computes the fewest changes that make the kernel's table equal to the desired one.
    ///
    /// With [`Scope::Named`] it reads only the services that the desired table names: two requests
    /// for each.
    pub fn plan(&mut self, desired: &Table, scope: Scope) -> Result<Plan, Error> {
        let has_timeouts = desired.timeouts() != Timeouts::default();
        let timeouts = if has_timeouts { self.timeouts()? } else { Timeouts::default() };
        let daemons = if desired.has_daemons() { self.daemons()? } else { Vec::new() };
        let mut before = Table::with_settings(timeouts, daemons);
        let services = match scope {
            Scope::Whole => self.configured_services()?,
            Scope::Named => self.named_services(desired)?,
        };
        self.read_entries(&mut before, services)?;
        let mut changes = diff(desired, &before);
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
    /// A plan that is no longer up to date fails when the kernel refuses one of its changes, because a
    /// service or real server exists or does not exist; other concurrent changes are not noticed.
    /// The rollback does not touch other services. Changes that another program makes concurrently
    /// to the services of the plan may be lost. If a change is invalid, nothing is sent.
    pub fn apply_plan(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        let Plan { changes, before } = plan;
        let invalid = changes.iter().filter_map(|change| {
            let invalid = change.validate().err()?;
            Some(ChangeError { change: change.clone(), error: invalid.into() })
        });
        let invalid: Vec<ChangeError> = invalid.collect();
        let planned = changes.len();
        if !invalid.is_empty() {
            return Err(ApplyError::Refused { refused: invalid, planned, unrestored: Vec::new() });
        }
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
                    Err(error) => refused.push(ChangeError { change: change.clone(), error }),
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
                return Err(ApplyError::Refused { refused, planned, unrestored });
            }
        }
        Ok(())
    }

    /// Makes the kernel's table equal to the desired one with the fewest changes, and returns them.
    ///
    /// Services and real servers that are equal in both tables keep their connections and counters.
    /// If the kernel refuses one change, all others are rolled back.
    ///
    /// ```
    /// use libipvs::fake::FakeKernel;
    /// use libipvs::model::{Destination, Service};
    /// use libipvs::table::Entry;
    /// use libipvs::{Scope, Table};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = FakeKernel::new().client()?;
    /// let web = Service::tcp("192.0.2.1:80".parse()?).scheduler("rr").build()?;
    /// let server = Destination::direct_routing("10.0.0.11:80".parse()?).build()?;
    /// let desired: Table = [Entry::new(web, [server])].into_iter().collect();
    /// for change in client.plan(&desired, Scope::Whole)?.changes() {
    ///     println!("would {change}");
    /// }
    /// assert_eq!(client.apply(&desired, Scope::Whole)?.len(), 2);
    /// assert_eq!(client.apply(&desired, Scope::Whole)?, [], "nothing is left to do");
    /// # Ok(())
    /// # }
    /// ```
    pub fn apply(&mut self, desired: &Table, scope: Scope) -> Result<Vec<Change>, ApplyError> {
        let plan = self.plan(desired, scope)?;
        self.apply_plan(&plan)?;
        Ok(plan.changes)
    }

    /// Returns those services of the kernel that a table names.
    fn named_services(&mut self, named: &Table) -> Result<Vec<Service>, Error> {
        let mut services = Vec::new();
        for entry in named {
            match self.service(&entry.service().key) {
                Ok(observed) => services.push(observed.service),
                Err(error) if error.kind() == ErrorKind::NoSuchService => {}
                Err(error) => return Err(error),
            }
        }
        Ok(services)
    }

    /// Adds services with their real servers to a table.
    fn read_entries(&mut self, table: &mut Table, services: Vec<Service>) -> Result<(), Error> {
        for service in services {
            let destinations = self.configured_destinations(&service.key)?;
            table.extend([Entry::new(service, destinations)]);
        }
        Ok(())
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
) -> Result<Vec<ChangeError>, Error> {
    let inverses: Vec<Change> =
        done.iter().rev().flat_map(|change| inverse(change, before)).collect();
    // The kernel had these values, valid or not.
    let results = client.changes_unchecked(&inverses)?;
    let results = inverses.into_iter().zip(results);
    let error = |(change, result): (_, Result<(), Error>)| {
        result.err().map(|error| ChangeError { change, error })
    };
    Ok(results.filter_map(error).collect())
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
    client.changes_unchecked(&inverses)?.into_iter().collect()
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

/// Drops the errors of real servers whose service was itself refused.
fn causes(mut refused: Vec<ChangeError>) -> Vec<ChangeError> {
    let added = |refused: &ChangeError| match &refused.change {
        Change::AddService(service) => Some(service.key),
        _ => None,
    };
    let services: HashSet<ServiceKey> = refused.iter().filter_map(added).collect();
    refused.retain(|refused| match &refused.change {
        Change::AddDestination(key, _) => !services.contains(key),
        _ => true,
    });
    refused
}
