//! From one table to another with the fewest changes, and the way back.

use super::normal::{same_daemon, same_destination};
use super::{Entry, Table, parts, values};
use crate::model::*;

/// What makes `current` what is `wanted`: first what is new, then what changes, then what goes.
///
/// Timeouts that `wanted` does not name are left as they are; daemons only if it names none at all.
pub fn diff(wanted: &Table, current: &Table) -> Vec<Change> {
    let mut new = Vec::new();
    let mut changed = Vec::new();
    let mut gone = Vec::new();
    for (key, entry) in &wanted.services {
        match current.services.get(key) {
            None => {
                new.push(Change::AddService(entry.service.clone()));
                new.extend(entry.destinations.values().map(|d| add(*key, d)));
            }
            Some(old) => {
                if entry.service != old.service {
                    changed.push(Change::EditService(entry.service.clone()));
                }
                destinations(entry, old, &mut new, &mut changed, &mut gone);
            }
        }
    }
    for key in current.services.keys() {
        if !wanted.services.contains_key(key) {
            gone.push(Change::DeleteService(*key));
        }
    }
    changed.extend(timeouts(wanted, current));
    changed.extend(daemons(wanted, current));
    new.extend(changed);
    new.extend(gone);
    new
}

fn destinations(
    wanted: &Entry,
    current: &Entry,
    new: &mut Vec<Change>,
    changed: &mut Vec<Change>,
    gone: &mut Vec<Change>,
) {
    let key = wanted.service.key;
    for destination in wanted.destinations.values() {
        match current.destinations.get(&destination.key) {
            None => new.push(add(key, destination)),
            Some(old) if same_destination(destination, old) => {}
            Some(_) => changed.push(Change::EditDestination(key, destination.clone())),
        }
    }
    let left = current.destinations.keys().copied();
    let left = left.filter(|server| wanted.destinations.get(server).is_none());
    gone.extend(left.map(|server| Change::DeleteDestination(key, server)));
}

fn timeouts(wanted: &Table, current: &Table) -> Option<Change> {
    let mut set = wanted.timeouts;
    for (new, old) in parts(&mut set).into_iter().zip(values(&current.timeouts)) {
        if *new == old {
            *new = 0;
        }
    }
    (set != Timeouts::default()).then_some(Change::SetTimeouts(set))
}

fn daemons(wanted: &Table, current: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    if !wanted.has_daemons() {
        return changes;
    }
    for role in [DaemonRole::Master, DaemonRole::Backup] {
        let (new, old) = (wanted.daemon(role), current.daemon(role));
        if new.zip(old).is_some_and(|(new, old)| same_daemon(new, old)) {
            continue;
        }
        if old.is_some() {
            changes.push(Change::StopDaemon(role));
        }
        changes.extend(new.cloned().map(Change::StartDaemon));
    }
    changes
}

/// What takes a change back that has been made to `before`, where it could be made.
pub fn inverse(change: &Change, before: &Table) -> Vec<Change> {
    let service = |key: &ServiceKey| before.services.get(key);
    let destination = |key, server| {
        service(key).and_then(|entry: &Entry| entry.destinations.get(server)).cloned()
    };
    match change {
        Change::AddService(new) => vec![Change::DeleteService(new.key)],
        Change::EditService(new) => {
            let old = service(&new.key).map(|entry| entry.service.clone());
            old.map(Change::EditService).into_iter().collect()
        }
        Change::DeleteService(key) => service(key).map(whole).unwrap_or_default(),
        Change::AddDestination(key, new) => vec![Change::DeleteDestination(*key, new.key)],
        Change::EditDestination(key, new) => {
            let old = destination(key, &new.key);
            old.map(|old| Change::EditDestination(*key, old)).into_iter().collect()
        }
        Change::DeleteDestination(key, server) => {
            let old = destination(key, server);
            old.map(|old| Change::AddDestination(*key, old)).into_iter().collect()
        }
        Change::Flush => before.services.values().flat_map(whole).collect(),
        // What has been counted is gone.
        Change::Zero(_) => Vec::new(),
        Change::SetTimeouts(_) => vec![Change::SetTimeouts(before.timeouts)],
        Change::StartDaemon(daemon) => vec![Change::StopDaemon(daemon.role)],
        Change::StopDaemon(role) => {
            before.daemon(*role).cloned().map(Change::StartDaemon).into_iter().collect()
        }
    }
}

/// A service and its servers, added.
fn whole(entry: &Entry) -> Vec<Change> {
    let service = Change::AddService(entry.service.clone());
    let servers = entry.destinations.values().map(|d| add(entry.service.key, d));
    std::iter::once(service).chain(servers).collect()
}

fn add(key: ServiceKey, destination: &Destination) -> Change {
    Change::AddDestination(key, destination.configured())
}
