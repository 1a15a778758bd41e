//! Changes reverted from the journal. A resource that was changed by other means since is left alone.

use super::journal::{Entry, Record, Store};
use super::{Error, Policy, fault_injection};
use crate::host;
use crate::host::resource::{Resource, ResourceState, Resources};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The outcome for a resource that was to be reverted.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Reverted,
    /// The resource has a state that was never applied, and stays in it.
    Changed(ResourceState),
    /// The device has these addresses of others, and stays.
    InUse(Vec<IpAddr>),
}

/// Brings a resource back into the state `before`, if it is in one of the states `after`.
pub fn revert_resource(
    host: &mut impl Resources,
    resource: &Resource,
    before: &ResourceState,
    after: &[ResourceState],
) -> Result<Outcome, host::Error> {
    let current = host.state(resource)?;
    // A device that is gone took its sysctls along.
    let gone = matches!(resource, Resource::Sysctl { .. }) && current == ResourceState::Absent;
    if current == *before || gone {
        return Ok(Outcome::Reverted);
    }
    if !after.contains(&current) {
        return Ok(Outcome::Changed(current));
    }
    if let Resource::Up { device, .. } | Resource::Device { name: device, .. } = resource {
        let others = host.configured_addresses(device)?;
        if !others.is_empty() {
            return Ok(Outcome::InUse(others));
        }
    }
    host.change(resource, &current, before)?;
    Ok(Outcome::Reverted)
}

/// Reverts the changes that no owner requires but `owners` (all owners, if `None`). Goes on after a
/// failure, and returns the failures. Appends to `notes` the resources that were left alone.
pub fn revert<P: Policy>(
    host: &mut impl Resources,
    journal: &mut impl Store<P>,
    owners: Option<&BTreeSet<IpAddr>>,
    notes: &mut Vec<String>,
) -> Result<Vec<Error>, Error> {
    let mut failures = Vec::new();
    for position in (0..journal.record().entries.len()).rev() {
        let entry = &mut journal.record().entries[position];
        if is_reverted(entry, owners) {
            let Entry { resource, before, after, .. } = entry.clone();
            match revert_resource(host, &resource, &before, &after) {
                Ok(outcome) => {
                    fault_injection::checkpoint();
                    notes.extend(note(P::COMMAND, &resource, outcome));
                    journal.record().entries.remove(position);
                }
                Err(source) => {
                    let change = resource.change_text(&before);
                    failures.push(Error::Step { change, source });
                    continue;
                }
            }
        } else {
            entry.owners.retain(|owner| !is_removed(owner, owners));
        }
        journal.save()?;
        fault_injection::checkpoint();
    }
    if failures.is_empty() {
        journal.record().setups.retain(|owner, _| !is_removed(owner, owners));
        journal.save()?;
    }
    Ok(failures)
}

/// The changes that [`revert`] would make, in order: each resource with its current state and the
/// state before.
pub fn pending<P>(
    host: &mut impl Resources,
    record: &Record<P>,
    owners: Option<&BTreeSet<IpAddr>>,
) -> Result<Vec<(Resource, ResourceState, ResourceState)>, Error> {
    let mut changes = Vec::new();
    for entry in record.entries.iter().rev().filter(|entry| is_reverted(entry, owners)) {
        let current = host.state(&entry.resource)?;
        if current != entry.before && entry.after.contains(&current) {
            changes.push((entry.resource.clone(), current, entry.before.clone()));
        }
    }
    Ok(changes)
}

fn is_removed(owner: &IpAddr, owners: Option<&BTreeSet<IpAddr>>) -> bool {
    owners.is_none_or(|owners| owners.contains(owner))
}

fn is_reverted(entry: &Entry, owners: Option<&BTreeSet<IpAddr>>) -> bool {
    entry.owners.iter().all(|owner| is_removed(owner, owners))
}

fn note(command: &str, resource: &Resource, outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Reverted => None,
        Outcome::Changed(current) => Some(format!(
            "{resource} was changed to {} since {command} set it: left as it is",
            current.text(resource)
        )),
        Outcome::InUse(others) => {
            let others: Vec<String> = others.iter().map(IpAddr::to_string).collect();
            Some(format!("{resource} stays: it has other addresses ({})", others.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FakeHost, address};
    use crate::setup::apply::apply;
    use crate::setup::testing::{MemoryStore, plan, setup, sysctl, tunl0, value};

    fn vip() -> IpAddr {
        address("10.0.0.100")
    }

    /// A host that is set up for each owner, the state before, and the journal.
    fn set_up(owners: &[IpAddr]) -> (FakeHost, FakeHost, MemoryStore) {
        let before = FakeHost::default();
        let (mut host, mut journal) = (before.clone(), MemoryStore::default());
        for &owner in owners {
            let plan = plan(&host, owner);
            let setups = [(owner, setup("x", false))];
            apply(&mut host, &mut journal, &plan.steps, setups, &mut Vec::new()).expect("applied");
        }
        host.changes.clear();
        journal.saves.clear();
        (host, before, journal)
    }

    fn revert_all(host: &mut FakeHost, journal: &mut MemoryStore) -> (Vec<Error>, Vec<String>) {
        let mut notes = Vec::new();
        let failures = revert(host, journal, None, &mut notes).expect("the journal is saved");
        (failures, notes)
    }

    #[test]
    fn changes_are_reverted_backwards() {
        let (mut host, before, mut journal) = set_up(&[vip()]);
        let pending = pending(&mut host, &journal.record, None).expect("states");
        let expected = [
            "remove 10.0.0.100/32 from tunl0",
            "set net.ipv4.conf.tunl0.arp_ignore to 0",
            "set net.ipv4.conf.all.arp_ignore to 0",
            "set tunl0 down",
            "remove device tunl0",
        ];
        let texts: Vec<String> =
            pending.iter().map(|(resource, _, to)| resource.change_text(to)).collect();
        assert_eq!(texts, expected);
        let (failures, notes) = revert_all(&mut host, &mut journal);
        assert!(failures.is_empty() && notes.is_empty());
        assert_eq!(host.changes, expected);
        assert_eq!(host.snapshot.sysctls, before.snapshot.sysctls);
        assert!(journal.record.is_empty());
        // A save after each entry, and one without the set-ups.
        let entries: Vec<usize> = journal.saves.iter().map(|record| record.entries.len()).collect();
        assert_eq!(entries, [4, 3, 2, 1, 0, 0]);
    }

    #[test]
    fn resources_of_other_owners_stay() {
        let other = address("10.0.0.101");
        let (mut host, _, mut journal) = set_up(&[vip(), other]);
        let owners = BTreeSet::from([vip()]);
        let changes = pending(&mut host, &journal.record, Some(&owners)).expect("states");
        assert_eq!(changes.len(), 1);
        let mut notes = Vec::new();
        let failures = revert(&mut host, &mut journal, Some(&owners), &mut notes).expect("saved");
        assert!(failures.is_empty() && notes.is_empty());
        assert_eq!(host.changes, ["remove 10.0.0.100/32 from tunl0"]);
        assert!(journal.record.entries.iter().all(|entry| entry.owners == BTreeSet::from([other])));
        assert_eq!(journal.record.setups.keys().collect::<Vec<_>>(), [&other]);
    }

    #[test]
    fn resources_that_were_changed_since_are_left_alone() {
        let (mut host, _, mut journal) = set_up(&[vip()]);
        host.set("all/arp_ignore", 2);
        assert_eq!(pending(&mut host, &journal.record, None).expect("states").len(), 4);
        let (failures, notes) = revert_all(&mut host, &mut journal);
        let note =
            "net.ipv4.conf.all.arp_ignore was changed to 2 since test-setup set it: left as it is";
        assert_eq!((failures.len(), notes), (0, vec![note.to_string()]));
        assert!(!host.changes.iter().any(|change| change.contains("conf.all")));
        assert!(journal.record.is_empty());
    }

    #[test]
    fn resources_that_have_their_former_state_are_not_changed() {
        let (mut host, _, mut journal) = set_up(&[vip()]);
        host.set("all/arp_ignore", 0);
        assert_eq!(pending(&mut host, &journal.record, None).expect("states").len(), 4);
        assert_eq!(revert_all(&mut host, &mut journal).1.len(), 0);
        assert_eq!(host.changes.len(), 4);
    }

    #[test]
    fn a_device_in_use_stays() {
        let (mut host, _, mut journal) = set_up(&[vip()]);
        host.add_address("tunl0", "192.0.2.1/32", None);
        let (failures, notes) = revert_all(&mut host, &mut journal);
        assert!(failures.is_empty());
        let stays = |resource| format!("{resource} stays: it has other addresses (192.0.2.1)");
        assert_eq!(notes, ["link tunl0", "device tunl0"].map(stays));
        assert!(host.snapshot.link("tunl0").is_some_and(|link| link.up));
    }

    #[test]
    fn sysctls_of_a_device_that_is_gone_need_no_change() {
        let (mut host, _, _) = set_up(&[]);
        let gone = sysctl("tunl0/arp_ignore");
        let outcome = revert_resource(&mut host, &gone, &value(0), &[value(1)]);
        assert_eq!(outcome.expect("a state"), Outcome::Reverted);
        // A device that is gone was removed by other means.
        let outcome = revert_resource(
            &mut host,
            &tunl0(),
            &ResourceState::Present,
            &[ResourceState::Value("x".into())],
        );
        assert_eq!(outcome.expect("a state"), Outcome::Changed(ResourceState::Absent));
    }

    #[test]
    fn a_failure_does_not_stop_the_others() {
        let (mut host, _, mut journal) = set_up(&[vip()]);
        host.failing_change = Some(1);
        let (failures, notes) = revert_all(&mut host, &mut journal);
        let failures: Vec<String> = failures.iter().map(Error::to_string).collect();
        // Once a change has failed, those after it fail too.
        assert_eq!(failures.len(), 4);
        let expected =
            "cannot set net.ipv4.conf.tunl0.arp_ignore to 0: this kernel has no such setting";
        assert_eq!((failures[0].as_str(), notes.len()), (expected, 0));
        // What is left can be reverted later.
        assert_eq!((journal.record.entries.len(), journal.record.setups.len()), (4, 1));
        host.failing_change = None;
        assert!(revert_all(&mut host, &mut journal).0.is_empty());
        assert!(journal.record.is_empty());
    }
}
