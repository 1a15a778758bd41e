//! A plan applied step by step, and rolled back when a step fails.

use super::journal::{Setup, Store};
use super::plan::PlanStep;
use super::revert::revert_resource;
use super::{Error, Policy, fault_injection};
use crate::host;
use crate::host::resource::{Resource, ResourceState, Resources};
use std::net::IpAddr;

/// A change that was made.
struct Change {
    resource: Resource,
    before: ResourceState,
    after: ResourceState,
}

/// Applies the steps that are not in place, and returns their number. A step that fails rolls back
/// those before it. Appends to `notes` the steps that could not be rolled back.
pub fn apply<P: Policy>(
    host: &mut impl Resources,
    journal: &mut impl Store<P>,
    steps: &[PlanStep],
    setups: impl IntoIterator<Item = (IpAddr, Setup<P>)>,
    notes: &mut Vec<String>,
) -> Result<usize, Error> {
    // A host that cannot be changed is detected before the first change.
    for step in steps.iter().filter(|step| !step.in_place()) {
        host.check_writable(&step.resource)?;
    }
    let earlier = journal.record().clone();
    journal.record().setups.extend(setups);
    for step in steps {
        if let Some(entry) = journal.record().entry(&step.resource) {
            entry.owners.extend(&step.owners);
        }
    }
    journal.save()?;
    let mut changes = Vec::new();
    for step in steps {
        if let Err(error) = apply_step(host, journal, step, &mut changes) {
            for change in changes.into_iter().rev() {
                let Change { resource, before, after } = change;
                if let Err(error) = revert_resource(host, &resource, &before, &[after]) {
                    notes.push(format!("cannot roll back {resource}: {error}"));
                }
            }
            *journal.record() = earlier;
            journal.save()?;
            return Err(error);
        }
    }
    Ok(changes.len())
}

fn apply_step<P: Policy>(
    host: &mut impl Resources,
    journal: &mut impl Store<P>,
    step: &PlanStep,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    let PlanStep { resource, desired, .. } = step;
    let failed = |source| Error::Step { change: resource.change_text(desired), source };
    // The current state may differ from the plan: a device that an earlier step added has sysctls.
    let current = host.state(resource).map_err(failed)?;
    if current == *desired && !step.forced {
        return Ok(());
    }
    journal.record().begin(resource, current.clone(), desired.clone(), &step.owners);
    journal.save()?;
    fault_injection::checkpoint();
    changes.push(Change {
        resource: resource.clone(),
        before: current.clone(),
        after: desired.clone(),
    });
    if fault_injection::fails() {
        return Err(failed(host::Error::NoSetting));
    }
    host.change(resource, &current, desired).map_err(failed)?;
    fault_injection::checkpoint();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FakeHost, address};
    use crate::setup::testing::{MemoryStore, plan, setup, sysctl, value};
    use std::collections::BTreeSet;

    const CHANGES: [&str; 5] = [
        "add device tunl0",
        "set tunl0 up",
        "set net.ipv4.conf.all.arp_ignore to 1",
        "set net.ipv4.conf.tunl0.arp_ignore to 1",
        "add 10.0.0.100/32 to tunl0",
    ];

    fn vip() -> IpAddr {
        address("10.0.0.100")
    }

    fn apply_plan(
        host: &mut FakeHost,
        journal: &mut MemoryStore,
    ) -> (Result<usize, Error>, Vec<String>) {
        let plan = plan(host, vip());
        let mut notes = Vec::new();
        let result = apply(host, journal, &plan.steps, [(vip(), setup("x", false))], &mut notes);
        (result, notes)
    }

    #[test]
    fn steps_are_recorded_before_they_are_made() {
        let (mut host, mut journal) = (FakeHost::default(), MemoryStore::default());
        let (result, notes) = apply_plan(&mut host, &mut journal);
        assert_eq!((result.expect("applied"), notes.len()), (5, 0));
        assert_eq!(host.changes, CHANGES);
        // The settings first, then a save for each step.
        let entries: Vec<usize> = journal.saves.iter().map(|record| record.entries.len()).collect();
        assert_eq!(entries, [0, 1, 2, 3, 4, 5]);
        assert_eq!(journal.saves[0].setups[&vip()], setup("x", false));
        let entry = &journal.record.entries[2];
        assert_eq!(entry.resource, sysctl("all/arp_ignore"));
        assert_eq!((&entry.before, &entry.after[..]), (&value(0), &[value(1)][..]));
        assert_eq!(entry.owners, BTreeSet::from([vip()]));
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let (mut host, mut journal) = (FakeHost::default(), MemoryStore::default());
        apply_plan(&mut host, &mut journal).0.expect("applied");
        let record = journal.record.clone();
        let (result, _) = apply_plan(&mut host, &mut journal);
        assert_eq!((result.expect("applied"), host.changes.len()), (0, 5));
        assert_eq!(journal.record, record);
    }

    #[test]
    fn a_forced_step_is_made_although_it_is_in_place() {
        let (mut host, mut journal) = (FakeHost::default(), MemoryStore::default());
        let mut plan = plan(&host, vip());
        plan.steps.retain(|step| step.resource == sysctl("all/arp_ignore"));
        plan.steps[0].forced = true;
        host.set("all/arp_ignore", 1);
        let result = apply(&mut host, &mut journal, &plan.steps, [], &mut Vec::new());
        assert_eq!((result.expect("applied"), host.changes.len()), (1, 1));
    }

    #[test]
    fn further_owners_are_recorded_for_steps_in_place() {
        let (mut host, mut journal) = (FakeHost::default(), MemoryStore::default());
        apply_plan(&mut host, &mut journal).0.expect("applied");
        let other = address("10.0.0.101");
        let plan = plan(&host, other);
        let setups = [(other, setup("y", true))];
        let count = apply(&mut host, &mut journal, &plan.steps, setups, &mut Vec::new());
        assert_eq!(count.expect("applied"), 1);
        let owners = &journal.record.entries[2].owners;
        assert_eq!(*owners, BTreeSet::from([vip(), other]));
        assert_eq!(journal.record.setups.len(), 2);
    }

    #[test]
    fn a_step_that_fails_rolls_back_those_before_it() {
        for (step, change) in CHANGES.iter().enumerate() {
            let host = FakeHost { failing_change: Some(step), ..FakeHost::default() };
            let before = host.snapshot.clone();
            let mut journal = MemoryStore::default();
            journal.record.setups.insert(address("10.0.0.7"), setup("earlier", true));
            let earlier = journal.record.clone();
            let plan = plan(&host, vip());
            // The changes of the roll-back do not fail.
            let mut host = FailingOnce(host);
            let mut notes = Vec::new();
            let setups = [(vip(), setup("x", false))];
            let error = apply(&mut host, &mut journal, &plan.steps, setups, &mut notes);
            let expected = format!("cannot {change}: this kernel has no such setting");
            assert_eq!(error.expect_err("it fails").to_string(), expected);
            assert_eq!(notes, [""; 0], "{step}");
            assert_eq!(host.0.snapshot.sysctls, before.sysctls, "{step}");
            assert_eq!(host.0.snapshot.links, before.links, "{step}");
            assert_eq!(host.0.snapshot.addresses, before.addresses, "{step}");
            assert_eq!(journal.record, earlier);
            assert_eq!(journal.saves.last(), Some(&earlier));
        }
    }

    /// A host whose changes work again after the first failure.
    struct FailingOnce(FakeHost);

    impl Resources for FailingOnce {
        fn state(&mut self, resource: &Resource) -> Result<ResourceState, host::Error> {
            self.0.state(resource)
        }

        fn change(
            &mut self,
            resource: &Resource,
            from: &ResourceState,
            to: &ResourceState,
        ) -> Result<(), host::Error> {
            let result = self.0.change(resource, from, to);
            if result.is_err() {
                self.0.failing_change = None;
            }
            result
        }

        fn check_writable(&mut self, resource: &Resource) -> Result<(), host::Error> {
            self.0.check_writable(resource)
        }

        fn configured_addresses(&mut self, device: &str) -> Result<Vec<IpAddr>, host::Error> {
            self.0.configured_addresses(device)
        }
    }

    #[test]
    fn steps_that_cannot_be_rolled_back_are_named() {
        let mut host = FakeHost { failing_change: Some(3), ..FakeHost::default() };
        let (result, notes) = apply_plan(&mut host, &mut MemoryStore::default());
        assert!(result.is_err());
        let cannot =
            |resource| format!("cannot roll back {resource}: this kernel has no such setting");
        let expected = ["net.ipv4.conf.all.arp_ignore", "link tunl0", "device tunl0"];
        assert_eq!(notes, expected.map(cannot));
    }

    #[test]
    fn a_read_only_host_is_not_changed() {
        let mut host = FakeHost { read_only: true, ..FakeHost::default() };
        let mut journal = MemoryStore::default();
        let (result, _) = apply_plan(&mut host, &mut journal);
        assert!(result.is_err() && host.changes.is_empty() && journal.saves.is_empty());
        // Steps in place need no write.
        host.set("all/arp_ignore", 1);
        let mut plan = plan(&host, vip());
        plan.steps.retain(|step| step.in_place());
        assert!(apply(&mut host, &mut journal, &plan.steps, [], &mut Vec::new()).is_ok());
    }
}
