//! A whole table as a value: what a file of rules makes, or what the kernel shows.
//!
//! In: changes, one by one ([`Table::apply`]), or observations. Out: the table, a refusal in the words
//! of 1.31 where a change cannot be made, and what makes one table out of another ([`diff`]), with the
//! way back ([`inverse`]). Nothing here reads, prints or talks to a kernel.
//!
//! What means the same to the kernel is the same here: everything is held in one normal form.

mod comparison;
mod diff;
mod normal;

pub use comparison::Comparison;
pub use diff::{diff, inverse};

use crate::model::*;
use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

/// A service and its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    service: Service,
    destinations: IndexMap<DestinationKey, Destination>,
}

impl Entry {
    /// The service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Its servers, in the order in which they were named.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = &Destination> {
        self.destinations.values()
    }

    /// One of its servers.
    pub fn destination(&self, key: &DestinationKey) -> Option<&Destination> {
        self.destinations.get(key)
    }
}

/// Services with their servers, timeouts and daemons, in the order in which they were named.
///
/// Two tables are equal when the same is in them, in whatever order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    services: IndexMap<ServiceKey, Entry>,
    /// 0 where nothing is known, or wanted.
    timeouts: Timeouts,
    master: Option<Daemon>,
    backup: Option<Daemon>,
}

/// Why a change cannot be made to a table, as the kernel's refusal reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is a service with this key already.
    #[error("Service already exists")]
    ServiceExists,
    /// There is no service with this key.
    #[error("No such service")]
    NoService,
    /// There is no service with this key to have this server.
    #[error("Service not defined")]
    NotDefined,
    /// The service has this server already.
    #[error("Destination already exists")]
    DestinationExists,
    /// The service has no such server.
    #[error("No such destination")]
    NoDestination,
    /// Such a daemon runs already.
    #[error("Daemon has already run")]
    DaemonRuns,
    /// The lower threshold is above the upper one.
    #[error("Numerical result out of range")]
    Thresholds,
}

impl TableError {
    /// Whether something is not there, which a line before may have been meant to add.
    pub fn is_missing(self) -> bool {
        matches!(self, TableError::NoService | TableError::NotDefined | TableError::NoDestination)
    }
}

impl Table {
    /// What the kernel shows, but for services.
    pub fn observed(timeouts: Timeouts, daemons: Vec<Daemon>) -> Table {
        let mut table = Table { timeouts, ..Table::default() };
        for daemon in daemons {
            let role = daemon.role;
            *table.daemon_mut(role) = Some(normal::daemon(daemon));
        }
        table
    }

    /// Services that the kernel shows, and their servers.
    pub fn observe(&mut self, services: impl IntoIterator<Item = (Service, Vec<Destination>)>) {
        for (service, destinations) in services {
            let destinations = destinations.into_iter().map(normal::destination);
            self.insert(normal::service(service), destinations);
        }
    }

    /// Make one change, or say why the kernel would not.
    ///
    /// A daemon that is not known here may well run: stopping it is no mistake.
    pub fn apply(&mut self, change: &Change) -> Result<(), TableError> {
        match change {
            Change::AddService(service) => match self.services.entry(service.key) {
                Slot::Occupied(_) => return Err(TableError::ServiceExists),
                Slot::Vacant(slot) => {
                    let service = normal::service(service.clone());
                    slot.insert(Entry { service, destinations: IndexMap::new() });
                }
            },
            Change::EditService(service) => {
                let entry = self.services.get_mut(&service.key).ok_or(TableError::NoService)?;
                entry.service = normal::service(service.clone());
            }
            Change::DeleteService(key) => {
                self.services.swap_remove(key).ok_or(TableError::NoService)?;
            }
            Change::AddDestination(key, destination) => {
                let entry = self.services.get_mut(key).ok_or(TableError::NotDefined)?;
                thresholds(destination)?;
                match entry.destinations.entry(destination.key) {
                    Slot::Occupied(_) => return Err(TableError::DestinationExists),
                    Slot::Vacant(slot) => {
                        slot.insert(normal::destination(destination.clone()));
                    }
                }
            }
            Change::EditDestination(key, destination) => {
                let entry = self.services.get_mut(key).ok_or(TableError::NotDefined)?;
                thresholds(destination)?;
                let old = entry.destinations.get_mut(&destination.key);
                *old.ok_or(TableError::NoDestination)? = normal::destination(destination.clone());
            }
            Change::DeleteDestination(key, destination) => {
                let entry = self.services.get_mut(key).ok_or(TableError::NotDefined)?;
                entry.destinations.swap_remove(destination).ok_or(TableError::NoDestination)?;
            }
            Change::Flush => self.services.clear(),
            Change::Zero(Some(key)) if !self.services.contains_key(key) => {
                return Err(TableError::NoService);
            }
            Change::Zero(_) => {}
            Change::SetTimeouts(timeouts) => {
                for (old, new) in parts(&mut self.timeouts).into_iter().zip(values(timeouts)) {
                    if new != 0 {
                        *old = new;
                    }
                }
            }
            Change::StartDaemon(daemon) => match self.daemon_mut(daemon.role) {
                Some(_) => return Err(TableError::DaemonRuns),
                none => *none = Some(normal::daemon(daemon.clone())),
            },
            Change::StopDaemon(role) => *self.daemon_mut(*role) = None,
        }
        Ok(())
    }

    /// A service and its servers.
    pub fn service(&self, key: &ServiceKey) -> Option<&Entry> {
        self.services.get(key)
    }

    /// Every service and its servers.
    pub fn services(&self) -> impl Iterator<Item = &Entry> {
        self.services.values()
    }

    /// The timeouts, 0 where nothing is known, or wanted.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// A daemon that runs, or is to run.
    pub fn daemon(&self, role: DaemonRole) -> Option<&Daemon> {
        match role {
            DaemonRole::Master => self.master.as_ref(),
            DaemonRole::Backup => self.backup.as_ref(),
        }
    }

    /// Whether any daemon runs, or is to run.
    pub fn has_daemons(&self) -> bool {
        self.master.is_some() || self.backup.is_some()
    }

    /// Forget the services and daemons that `other` does not name.
    pub fn keep_to(&mut self, other: &Table) {
        self.keep_services(|key| other.services.contains_key(key));
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            if other.daemon(role).is_none() {
                *self.daemon_mut(role) = None;
            }
        }
    }

    /// Forget the services that `named` says no to.
    pub fn keep_services(&mut self, named: impl Fn(&ServiceKey) -> bool) {
        self.services.retain(|key, _| named(key));
    }

    fn insert(&mut self, service: Service, destinations: impl Iterator<Item = Destination>) {
        let destinations = destinations.map(|destination| (destination.key, destination)).collect();
        self.services.insert(service.key, Entry { service, destinations });
    }

    fn daemon_mut(&mut self, role: DaemonRole) -> &mut Option<Daemon> {
        match role {
            DaemonRole::Master => &mut self.master,
            DaemonRole::Backup => &mut self.backup,
        }
    }
}

fn thresholds(destination: &Destination) -> Result<(), TableError> {
    match destination.lower_threshold > destination.upper_threshold {
        true => Err(TableError::Thresholds),
        false => Ok(()),
    }
}

fn parts(timeouts: &mut Timeouts) -> [&mut u32; 3] {
    [&mut timeouts.tcp, &mut timeouts.tcp_fin, &mut timeouts.udp]
}

fn values(timeouts: &Timeouts) -> [u32; 3] {
    [timeouts.tcp, timeouts.tcp_fin, timeouts.udp]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Operation};
    use crate::netlink::error::Error as NetlinkError;

    /// One text for the simulation and for the kernel.
    #[test]
    fn refusals_read_as_the_kernels() {
        for (refused, operation, code) in [
            (TableError::ServiceExists, Operation::AddService, libc::EEXIST),
            (TableError::NoService, Operation::EditService, libc::ESRCH),
            (TableError::NotDefined, Operation::AddDestination, libc::ESRCH),
            (TableError::DestinationExists, Operation::AddDestination, libc::EEXIST),
            (TableError::NoDestination, Operation::DeleteDestination, libc::ENOENT),
            (TableError::DaemonRuns, Operation::StartDaemon, libc::EEXIST),
            (TableError::Thresholds, Operation::AddDestination, libc::ERANGE),
        ] {
            let kernel = Error::new(operation, NetlinkError::Refused { code, text: None });
            assert_eq!(refused.to_string(), kernel.to_string());
        }
    }
}
