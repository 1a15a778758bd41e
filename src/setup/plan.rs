//! Plans: the resources that a policy requires, with their current and desired states, in order.

use crate::host::resource::{Resource, ResourceState};
use crate::host::snapshot::{Snapshot, SnapshotError};
use crate::host::sysctl;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The steps in the order to take them, those in place included; and the conflicts that prevent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<PlanStep>,
    pub conflicts: Vec<Conflict>,
}

/// A resource and its desired state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStep {
    pub resource: Resource,
    pub current: ResourceState,
    pub desired: ResourceState,
    /// The addresses that the step is required for.
    pub owners: BTreeSet<IpAddr>,
    /// A step that only preserves what is in effect. A report leaves it out when it is in place.
    pub incidental: bool,
    /// A step to apply even when it is in place. A sysctl that was written once keeps its value when
    /// `default` is written.
    pub forced: bool,
    /// The id of the finding that the step fixes.
    pub finding: &'static str,
}

impl PlanStep {
    pub fn in_place(&self) -> bool {
        self.current == self.desired && !self.forced
    }
}

/// A reason why a policy cannot be set up on this host, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The id of the finding.
    pub finding: &'static str,
    pub subject: String,
    pub text: String,
    pub advice: String,
}

/// The order of the steps. A device has its sysctls as soon as it exists. The host answers ARP for an
/// address as soon as it has it, so the sysctls come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The sysctls that new devices start with.
    Defaults,
    Devices,
    Sysctls,
    Addresses,
    Routes,
}

/// The reason for a step: an owner, and the finding that the step fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    pub owner: IpAddr,
    pub finding: &'static str,
}

/// A plan in the making.
pub struct Planner<'a> {
    snapshot: &'a Snapshot,
    phases: [Vec<PlanStep>; 5],
    conflicts: Vec<Conflict>,
}

impl<'a> Planner<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Planner<'a> {
        Planner { snapshot, phases: Default::default(), conflicts: Vec::new() }
    }

    pub fn finish(self) -> Plan {
        Plan { steps: self.phases.into_iter().flatten().collect(), conflicts: self.conflicts }
    }

    /// The steps of a phase so far.
    pub fn steps(&self, phase: Phase) -> &[PlanStep] {
        &self.phases[phase as usize]
    }

    pub fn conflict(&mut self, conflict: Conflict) {
        if !self.conflicts.contains(&conflict) {
            self.conflicts.push(conflict);
        }
    }

    /// Requires a state of a resource other than a sysctl.
    pub fn require(
        &mut self,
        phase: Phase,
        resource: Resource,
        desired: ResourceState,
        reason: Reason,
    ) -> Result<(), SnapshotError> {
        let current = self.snapshot.state(&resource)?;
        self.add(phase, step(resource, current, desired, reason));
        Ok(())
    }

    /// Sets a sysctl.
    pub fn set(
        &mut self,
        phase: Phase,
        key: String,
        value: i64,
        reason: Reason,
    ) -> Result<(), SnapshotError> {
        let step = self.sysctl_step(key, value, reason)?;
        self.add(phase, step);
        Ok(())
    }

    /// Sets a sysctl, even when it has this value already.
    pub fn force(
        &mut self,
        phase: Phase,
        key: String,
        value: i64,
        reason: Reason,
    ) -> Result<(), SnapshotError> {
        let step = self.sysctl_step(key, value, reason)?;
        self.add(phase, PlanStep { forced: true, ..step });
        Ok(())
    }

    /// Sets a sysctl so that its effect on other parts of the host is preserved. The step is part of
    /// the plan even when it is in place: an earlier run may have applied it for other owners.
    pub fn preserve(
        &mut self,
        phase: Phase,
        key: String,
        value: i64,
        reason: Reason,
    ) -> Result<(), SnapshotError> {
        // A device with a small MTU has no IPv4 settings, and so no effect to preserve.
        if self.snapshot.sysctl(&key)?.is_none() {
            return Ok(());
        }
        let step = self.sysctl_step(key, value, reason)?;
        self.add(phase, PlanStep { incidental: true, ..step });
        Ok(())
    }

    /// The value that a sysctl will have after the steps so far. A device that does not exist yet
    /// will start with the value of `default`.
    pub fn planned(&self, key: &str) -> Result<i64, SnapshotError> {
        let planned = |key: &str| {
            let mut steps = self.phases.iter().flatten();
            let is_key = |step: &&PlanStep| matches!(&step.resource, Resource::Sysctl { key: of } if of == key);
            match &steps.find(is_key)?.desired {
                ResourceState::Value(value) => value.parse().ok(),
                ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => None,
            }
        };
        let default = || match self.snapshot.sysctls.contains_key(key) {
            true => None,
            false => planned(&sysctl::default_key(key)?),
        };
        match planned(key).or_else(default) {
            Some(value) => Ok(value),
            None => self.snapshot.number(key),
        }
    }

    fn sysctl_step(
        &self,
        key: String,
        value: i64,
        reason: Reason,
    ) -> Result<PlanStep, SnapshotError> {
        let current = match self.snapshot.sysctl(&key)? {
            Some(_) => ResourceState::Value(self.planned(&key)?.to_string()),
            None => ResourceState::Absent,
        };
        Ok(step(Resource::Sysctl { key }, current, ResourceState::Value(value.to_string()), reason))
    }

    /// Adds a step, unless the phase has one for the resource: that gets a further owner.
    fn add(&mut self, phase: Phase, step: PlanStep) {
        let steps = &mut self.phases[phase as usize];
        match steps.iter_mut().find(|known| known.resource.same(&step.resource)) {
            Some(known) => known.owners.extend(step.owners),
            None => steps.push(step),
        }
    }
}

fn step(
    resource: Resource,
    current: ResourceState,
    desired: ResourceState,
    reason: Reason,
) -> PlanStep {
    let owners = BTreeSet::from([reason.owner]);
    let finding = reason.finding;
    PlanStep { resource, current, desired, owners, incidental: false, forced: false, finding }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FakeHost, address};
    use crate::setup::testing::{sysctl, value, vip_address};

    fn key(key: &str) -> String {
        format!("net/ipv4/conf/{key}")
    }

    fn reason(owner: &str) -> Reason {
        Reason { owner: address(owner), finding: "test" }
    }

    #[test]
    fn steps_are_in_the_order_of_their_phases() {
        let host = FakeHost::default();
        let mut planner = Planner::new(&host.snapshot);
        let reason = reason("10.0.0.100");
        for (phase, name) in [
            (Phase::Routes, "all/accept_redirects"),
            (Phase::Addresses, "all/arp_announce"),
            (Phase::Devices, "all/rp_filter"),
            (Phase::Sysctls, "all/arp_ignore"),
            (Phase::Defaults, "default/rp_filter"),
        ] {
            planner.set(phase, key(name), 1, reason).expect("observed");
        }
        let names: Vec<String> =
            planner.finish().steps.iter().map(|step| step.resource.to_string()).collect();
        let expected = [
            "default.rp_filter",
            "all.rp_filter",
            "all.arp_ignore",
            "all.arp_announce",
            "all.accept_redirects",
        ];
        assert_eq!(names, expected.map(|name| format!("net.ipv4.conf.{name}")));
    }

    #[test]
    fn a_resource_has_one_step_for_all_owners() {
        let host = FakeHost::default();
        let mut planner = Planner::new(&host.snapshot);
        for (owner, desired) in [("10.0.0.100", 1), ("10.0.0.101", 2)] {
            planner.set(Phase::Sysctls, key("all/arp_ignore"), desired, reason(owner)).unwrap();
        }
        let steps = planner.finish().steps;
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].owners, BTreeSet::from(["10.0.0.100", "10.0.0.101"].map(address)));
        assert_eq!((&steps[0].current, &steps[0].desired), (&value(0), &value(1)));
    }

    #[test]
    fn a_step_in_place_has_the_desired_state() {
        let host = FakeHost::default();
        let mut planner = Planner::new(&host.snapshot);
        let reason = reason("10.0.0.100");
        planner.set(Phase::Sysctls, key("all/arp_ignore"), 0, reason).unwrap();
        planner.force(Phase::Sysctls, key("eth0/arp_ignore"), 0, reason).unwrap();
        planner.preserve(Phase::Sysctls, key("eth1/arp_ignore"), 1, reason).unwrap();
        let address = vip_address("lo", reason.owner);
        planner.require(Phase::Addresses, address, ResourceState::Present, reason).unwrap();
        let steps = planner.finish().steps;
        let flags: Vec<_> = steps.iter().map(|s| (s.in_place(), s.forced, s.incidental)).collect();
        let expected = [
            (true, false, false),
            (false, true, false),
            (false, false, true),
            (false, false, false),
        ];
        assert_eq!(flags, expected);
    }

    #[test]
    fn planned_values_count() {
        let mut host = FakeHost::default();
        host.set("all/arp_ignore", 3);
        let mut planner = Planner::new(&host.snapshot);
        let reason = reason("10.0.0.100");
        assert_eq!(planner.planned(&key("all/arp_ignore")), Ok(3));
        planner.set(Phase::Sysctls, key("all/arp_ignore"), 1, reason).unwrap();
        planner.set(Phase::Defaults, key("default/arp_ignore"), 2, reason).unwrap();
        assert_eq!(planner.planned(&key("all/arp_ignore")), Ok(1));
        // An existing device does not follow `default`, a new one does.
        assert_eq!(planner.planned(&key("eth0/arp_ignore")), Ok(0));
        assert_eq!(planner.planned(&key("tunl0/arp_ignore")), Ok(2));
        planner.set(Phase::Sysctls, key("tunl0/arp_ignore"), 8, reason).unwrap();
        assert_eq!(planner.planned(&key("tunl0/arp_ignore")), Ok(8));
        let steps = planner.finish().steps;
        let step = steps.iter().find(|step| step.resource == sysctl("tunl0/arp_ignore")).unwrap();
        assert_eq!(step.current, value(2));
        assert!(Planner::new(&host.snapshot).planned(&key("all/no_such")).is_err());
    }

    #[test]
    fn a_sysctl_that_the_kernel_does_not_have() {
        let mut host = FakeHost::default();
        host.snapshot.sysctls.insert(key("eth1/arp_ignore"), None);
        let mut planner = Planner::new(&host.snapshot);
        let reason = reason("10.0.0.100");
        planner.preserve(Phase::Sysctls, key("eth1/arp_ignore"), 1, reason).unwrap();
        assert!(planner.steps(Phase::Sysctls).is_empty());
        planner.set(Phase::Sysctls, key("eth1/arp_ignore"), 1, reason).unwrap();
        assert_eq!(planner.steps(Phase::Sysctls)[0].current, ResourceState::Absent);
        assert!(planner.steps(Phase::Devices).is_empty());
    }

    #[test]
    fn the_same_conflict_is_reported_once() {
        let host = FakeHost::default();
        let mut planner = Planner::new(&host.snapshot);
        let conflict = |subject: &str| Conflict {
            finding: "test",
            subject: subject.into(),
            text: "text".into(),
            advice: "advice".into(),
        };
        for subject in ["lo", "eth0", "lo"] {
            planner.conflict(conflict(subject));
        }
        assert_eq!(planner.finish().conflicts, [conflict("lo"), conflict("eth0")]);
    }
}
