//! A whole table as a value, and the changes between two tables.
//!
//! A [`Table`] comes from [`Client::table`](crate::Client::table), from entries, or from changes
//! applied to an empty one ([`Table::apply`]). [`diff`] returns the changes that make one table equal to another,
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
    /// Creates an entry. Of several real servers with the same key the last one stays.
    pub fn new(service: Service, destinations: impl IntoIterator<Item = Destination>) -> Entry {
        let destinations = destinations.into_iter().map(normalize::destination);
        let destinations = destinations.map(|destination| (destination.key, destination)).collect();
        Entry { service: normalize::service(service), destinations }
    }

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
/// Two tables are equal if they have equal entries, in any order, equal timeouts and equal daemons.
///
/// One service or real server is changed by [`Table::apply`], or by [`Extend`], which replaces an entry:
///
/// ```
/// use libipvs::Table;
/// use libipvs::model::{Change, Destination, Service};
/// use libipvs::table::Entry;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let web = Service::tcp("192.0.2.1:80".parse()?).build()?;
/// let server = Destination::direct_routing("10.0.0.11:80".parse()?).build()?;
/// let mut table: Table = [Entry::new(web.clone(), [server.clone()])].into_iter().collect();
/// table.apply(&Change::EditDestination(web.key, server.with_weight(0)))?;
/// # Ok(())
/// # }
/// ```
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

    /// Creates a table of services and real servers as configured, without timeouts and daemons: of
    /// [`Client::snapshot`](crate::Client::snapshot), for example.
    pub fn from_observed<'a>(entries: impl IntoIterator<Item = &'a ObservedEntry>) -> Table {
        let entry = |observed: &ObservedEntry| {
            let destinations = observed.destinations.iter().map(|d| d.destination.clone());
            Entry::new(observed.service.service.clone(), destinations)
        };
        entries.into_iter().map(entry).collect()
    }

    /// Makes one change, or returns the reason why the kernel would refuse it.
    ///
    /// Stopping a daemon that the table does not have succeeds, because the table may not know it.
    pub fn apply(&mut self, change: &Change) -> Result<(), TableError> {
        match change {
            Change::AddService(service) => match self.services.entry(service.key) {
                Slot::Occupied(_) => return Err(TableError::ServiceExists),
                Slot::Vacant(slot) => {
                    slot.insert(Entry::new(service.clone(), []));
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
    #[must_use]
    pub fn service(&self, key: &ServiceKey) -> Option<&Entry> {
        self.services.get(key)
    }

    /// Iterates over the services and their real servers, in the order in which they were added.
    /// Deleting one changes the order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.into_iter()
    }

    /// Returns the number of services.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Returns true if the table has no services. It may have timeouts and daemons.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Returns the timeouts. One of 0 is unknown, or not desired.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Replaces the timeouts.
    pub(crate) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
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

/// Adds services with their real servers. One that the table has already is replaced in its place;
/// timeouts and daemons stay.
impl Extend<Entry> for Table {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        self.services.extend(entries.into_iter().map(|entry| (entry.service.key, entry)));
    }
}

/// Creates a table without timeouts and daemons. Of several entries for a service the last one stays.
impl FromIterator<Entry> for Table {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Table {
        let mut table = Table::default();
        table.extend(entries);
        table
    }
}

impl<'a> IntoIterator for &'a Table {
    type Item = &'a Entry;
    type IntoIter = indexmap::map::Values<'a, ServiceKey, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.services.values()
    }
}

impl IntoIterator for Table {
    type Item = Entry;
    type IntoIter = indexmap::map::IntoValues<ServiceKey, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.services.into_values()
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
