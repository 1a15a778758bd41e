//! A whole table as a value, and the changes between two tables.
//!
//! A [`Table`] comes from [`Client::table`](crate::Client::table) or from changes applied to an
//! empty one ([`Table::apply`]). [`diff`] returns the changes that make one table equal to another,
//! and [`inverse`] those that revert a change. Nothing here reads from or writes to a kernel.
//!
//! Tables are normalized: settings that mean the same to the kernel are equal. For example, the
//! netmask of a service without persistence is reset, because it has no effect.

mod diff;
mod normalize;
#[cfg(test)]
mod tests;

pub use diff::{diff, inverse};

use crate::model::*;
use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

/// A virtual service and its real servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    service: Service,
    destinations: IndexMap<DestinationKey, Destination>,
}

impl Entry {
    /// Returns the service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Iterates over the real servers, in the order in which they were added.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = &Destination> {
        self.destinations.values()
    }

    /// Returns a real server.
    pub fn destination(&self, key: &DestinationKey) -> Option<&Destination> {
        self.destinations.get(key)
    }
}

/// Virtual services with their real servers, timeouts and synchronisation daemons.
///
/// Two tables are equal if they have equal entries, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    services: IndexMap<ServiceKey, Entry>,
    /// A timeout of 0 is unknown, or not desired.
    timeouts: Timeouts,
    master: Option<Daemon>,
    backup: Option<Daemon>,
}

/// The reason why a change cannot be made to a table. Its text is that of the kernel's refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The service already exists.
    #[error("Service already exists")]
    ServiceExists,
    /// The service does not exist.
    #[error("No such service")]
    NoSuchService,
    /// The service of a real server does not exist.
    #[error("Service not defined")]
    ServiceNotDefined,
    /// The service already has this real server.
    #[error("Destination already exists")]
    DestinationExists,
    /// The service does not have this real server.
    #[error("No such destination")]
    NoSuchDestination,
    /// A synchronisation daemon of this role is already running.
    #[error("Daemon has already run")]
    DaemonRunning,
    /// The lower threshold exceeds the upper one.
    #[error("Numerical result out of range")]
    OutOfRange,
}

impl TableError {
    /// Returns true if the change names a service or a real server that does not exist.
    pub fn is_missing(self) -> bool {
        matches!(
            self,
            TableError::NoSuchService
                | TableError::ServiceNotDefined
                | TableError::NoSuchDestination
        )
    }
}

impl Table {
    /// Creates a table without services from the settings of a kernel.
    pub(crate) fn with_settings(timeouts: Timeouts, daemons: Vec<Daemon>) -> Table {
        let mut table = Table { timeouts, ..Table::default() };
        for daemon in daemons {
            let role = daemon.role;
            *table.daemon_mut(role) = Some(normalize::daemon(daemon));
        }
        table
    }

    /// Inserts a service of a kernel with its real servers, which may have settings that no client
    /// can choose.
    pub(crate) fn insert(&mut self, service: Service, destinations: Vec<Destination>) {
        let service = normalize::service(service);
        let destinations = destinations.into_iter().map(normalize::destination);
        let destinations = destinations.map(|destination| (destination.key, destination)).collect();
        self.services.insert(service.key, Entry { service, destinations });
    }

    /// Makes one change, or returns the reason why the kernel would refuse it.
    ///
    /// Stopping a daemon that the table does not have succeeds, because the table may not know it.
    pub fn apply(&mut self, change: &Change) -> Result<(), TableError> {
        match change {
            Change::AddService(service) => match self.services.entry(service.key) {
                Slot::Occupied(_) => return Err(TableError::ServiceExists),
                Slot::Vacant(slot) => {
                    let service = normalize::service(service.clone());
                    slot.insert(Entry { service, destinations: IndexMap::new() });
                }
            },
            Change::EditService(service) => {
                let entry = self.services.get_mut(&service.key).ok_or(TableError::NoSuchService)?;
                entry.service = normalize::service(service.clone());
            }
            Change::DeleteService(key) => {
                self.services.swap_remove(key).ok_or(TableError::NoSuchService)?;
            }
            Change::AddDestination(key, new) => {
                let entry = self.services.get_mut(key).ok_or(TableError::ServiceNotDefined)?;
                check_thresholds(new)?;
                match entry.destinations.entry(new.key) {
                    Slot::Occupied(_) => return Err(TableError::DestinationExists),
                    Slot::Vacant(slot) => {
                        slot.insert(normalize::destination(new.clone()));
                    }
                }
            }
            Change::EditDestination(key, new) => {
                let entry = self.services.get_mut(key).ok_or(TableError::ServiceNotDefined)?;
                check_thresholds(new)?;
                let old = entry.destinations.get_mut(&new.key);
                *old.ok_or(TableError::NoSuchDestination)? = normalize::destination(new.clone());
            }
            Change::DeleteDestination(key, old) => {
                let entry = self.services.get_mut(key).ok_or(TableError::ServiceNotDefined)?;
                entry.destinations.swap_remove(old).ok_or(TableError::NoSuchDestination)?;
            }
            Change::Flush => self.services.clear(),
            Change::Zero(Some(key)) if !self.services.contains_key(key) => {
                return Err(TableError::NoSuchService);
            }
            Change::Zero(_) => {}
            Change::SetTimeouts(timeouts) => {
                for (old, new) in values_mut(&mut self.timeouts).into_iter().zip(values(timeouts)) {
                    if new != 0 {
                        *old = new;
                    }
                }
            }
            Change::StartDaemon(daemon) => match self.daemon_mut(daemon.role) {
                Some(_) => return Err(TableError::DaemonRunning),
                none => *none = Some(normalize::daemon(daemon.clone())),
            },
            Change::StopDaemon(role) => *self.daemon_mut(*role) = None,
        }
        Ok(())
    }

    /// Returns a service and its real servers.
    pub fn service(&self, key: &ServiceKey) -> Option<&Entry> {
        self.services.get(key)
    }

    /// Iterates over the services and their real servers, in the order in which they were added.
    /// Deleting one changes the order.
    pub fn services(&self) -> impl Iterator<Item = &Entry> {
        self.services.values()
    }

    /// Returns the timeouts. One of 0 is unknown, or not desired.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Returns the synchronisation daemon of a role.
    pub fn daemon(&self, role: DaemonRole) -> Option<&Daemon> {
        match role {
            DaemonRole::Master => self.master.as_ref(),
            DaemonRole::Backup => self.backup.as_ref(),
        }
    }

    /// Returns true if the table has a synchronisation daemon.
    pub fn has_daemons(&self) -> bool {
        self.master.is_some() || self.backup.is_some()
    }

    /// Removes all services for which `keep` returns false.
    pub(crate) fn retain_services(&mut self, keep: impl Fn(&ServiceKey) -> bool) {
        self.services.retain(|key, _| keep(key));
    }

    fn daemon_mut(&mut self, role: DaemonRole) -> &mut Option<Daemon> {
        match role {
            DaemonRole::Master => &mut self.master,
            DaemonRole::Backup => &mut self.backup,
        }
    }
}

fn check_thresholds(destination: &Destination) -> Result<(), TableError> {
    match destination.lower_threshold > destination.upper_threshold {
        true => Err(TableError::OutOfRange),
        false => Ok(()),
    }
}

fn values_mut(timeouts: &mut Timeouts) -> [&mut u32; 3] {
    [&mut timeouts.tcp, &mut timeouts.tcp_fin, &mut timeouts.udp]
}

fn values(timeouts: &Timeouts) -> [u32; 3] {
    [timeouts.tcp, timeouts.tcp_fin, timeouts.udp]
}
