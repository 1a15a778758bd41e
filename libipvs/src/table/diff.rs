//! The changes between two tables, and the inverse of a change.

use super::normalize::{same_daemon, same_destination};
use super::{Entry, Table, values, values_mut};
use crate::model::*;

/// Returns the fewest changes that make the current table equal to the desired one: additions
/// first, then edits, then deletions.
///
/// A timeout of 0 in the desired table leaves the current one unchanged. If the desired table has
/// no daemons, those of the current table stay.
#[must_use]
pub fn diff(desired: &Table, current: &Table) -> Vec<Change> {
    let mut added = Vec::new();
    let mut edited = Vec::new();
    let mut deleted = Vec::new();
    for (key, new) in &desired.services {
        match current.services.get(key) {
            None => added.extend(add_entry(new)),
            Some(old) => {
                if new.service != old.service {
                    edited.push(Change::EditService(new.service.clone()));
                }
                diff_destinations(new, old, &mut added, &mut edited, &mut deleted);
            }
        }
    }
    for key in current.services.keys() {
        if !desired.services.contains_key(key) {
            deleted.push(Change::DeleteService(*key));
        }
    }
    edited.extend(diff_timeouts(desired, current));
    edited.extend(diff_daemons(desired, current));
    added.extend(edited);
    added.extend(deleted);
    added
}

fn diff_destinations(
    desired: &Entry,
    current: &Entry,
    added: &mut Vec<Change>,
    edited: &mut Vec<Change>,
    deleted: &mut Vec<Change>,
) {
    let key = desired.service.key;
    for new in desired.destinations.values() {
        match current.destinations.get(&new.key) {
            None => added.push(add_destination(key, new)),
            Some(old) if same_destination(new, old) => {}
            Some(_) => edited.push(Change::EditDestination(key, new.clone())),
        }
    }
    for old in current.destinations.keys() {
        if !desired.destinations.contains_key(old) {
            deleted.push(Change::DeleteDestination(key, *old));
        }
    }
}

fn diff_timeouts(desired: &Table, current: &Table) -> Option<Change> {
    let mut timeouts = desired.timeouts;
    for (new, old) in values_mut(&mut timeouts).into_iter().zip(values(&current.timeouts)) {
        if *new == old {
            *new = 0;
        }
    }
    (timeouts != Timeouts::default()).then_some(Change::SetTimeouts(timeouts))
}

fn diff_daemons(desired: &Table, current: &Table) -> Vec<Change> {
    let mut changes = Vec::new();
    if !desired.has_daemons() {
        return changes;
    }
    for role in [DaemonRole::Master, DaemonRole::Backup] {
        let (new, old) = (desired.daemon(role), current.daemon(role));
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

/// Returns the changes that revert a change made to the table `before`. Zeroed counters cannot be
/// restored.
#[must_use]
pub fn inverse(change: &Change, before: &Table) -> Vec<Change> {
    let service = |key| before.services.get(key);
    let destination = |key, destination| before.services.get(key)?.destinations.get(destination);
    match change {
        Change::AddService(new) => vec![Change::DeleteService(new.key)],
        Change::EditService(new) => {
            let old = service(&new.key).map(|entry| entry.service.clone());
            old.map(Change::EditService).into_iter().collect()
        }
        Change::DeleteService(key) => service(key).map(add_entry).unwrap_or_default(),
        Change::AddDestination(key, new) => vec![Change::DeleteDestination(*key, new.key)],
        Change::EditDestination(key, new) => {
            let old = destination(key, &new.key).cloned();
            old.map(|old| Change::EditDestination(*key, old)).into_iter().collect()
        }
        Change::DeleteDestination(key, old) => {
            let old = destination(key, old).cloned();
            old.map(|old| Change::AddDestination(*key, old)).into_iter().collect()
        }
        Change::Flush => before.services.values().flat_map(add_entry).collect(),
        Change::Zero(_) => Vec::new(),
        Change::SetTimeouts(set) => {
            let mut old = before.timeouts;
            for (old, set) in values_mut(&mut old).into_iter().zip(values(set)) {
                if set == 0 {
                    *old = 0;
                }
            }
            vec![Change::SetTimeouts(old)]
        }
        Change::StartDaemon(daemon) => vec![Change::StopDaemon(daemon.role)],
        Change::StopDaemon(role) => {
            before.daemon(*role).cloned().map(Change::StartDaemon).into_iter().collect()
        }
    }
}

/// Returns the changes that add a service and its destinations.
fn add_entry(entry: &Entry) -> Vec<Change> {
    let mut changes = vec![Change::AddService(entry.service.clone())];
    let key = entry.service.key;
    changes
        .extend(entry.destinations.values().map(|destination| add_destination(key, destination)));
    changes
}

fn add_destination(key: ServiceKey, destination: &Destination) -> Change {
    Change::AddDestination(key, destination.configured())
}
