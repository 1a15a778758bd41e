//! A policy and a journal in memory, for tests of the engine.

use super::Policy;
use super::journal::{Record, Setup, Store};
use super::persistence::BootRequirements;
use super::plan::{Phase, Plan, Planner, Reason};
use crate::host::fake::FakeHost;
use crate::host::resource::{Resource, ResourceState};
use crate::host::state_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A policy that sets nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestPolicy {
    pub word: String,
}

impl Policy for TestPolicy {
    const COMMAND: &'static str = "test-setup";
    const DESCRIPTION: &'static str = "A test";

    fn boot_requirements(setups: &BTreeMap<IpAddr, Setup<TestPolicy>>) -> BootRequirements {
        let words = |(owner, setup): (&IpAddr, &Setup<TestPolicy>)| {
            vec!["test-setup".to_string(), setup.settings.word.clone(), owner.to_string()]
        };
        let modules = setups.values().any(|setup| setup.settings.word == "tunnel");
        BootRequirements {
            commands: setups.iter().map(words).collect(),
            modules: modules.then_some("ipip").into_iter().collect(),
            unmanaged_devices: modules.then_some("tunl0").into_iter().collect(),
            kept_devices: ["lo".to_string()].into(),
        }
    }
}

/// A journal in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    pub record: Record<TestPolicy>,
    /// The record at each save.
    pub saves: Vec<Record<TestPolicy>>,
}

impl Store<TestPolicy> for MemoryStore {
    fn record(&mut self) -> &mut Record<TestPolicy> {
        &mut self.record
    }

    fn save(&mut self) -> Result<(), state_file::Error> {
        self.saves.push(self.record.clone());
        Ok(())
    }
}

pub fn setup(word: &str, persist: bool) -> Setup<TestPolicy> {
    Setup { settings: TestPolicy { word: word.to_string() }, persist }
}

pub fn sysctl(key: &str) -> Resource {
    Resource::Sysctl { key: format!("net/ipv4/conf/{key}") }
}

pub fn value(value: i64) -> ResourceState {
    ResourceState::Value(value.to_string())
}

pub fn vip_address(device: &str, address: IpAddr) -> Resource {
    Resource::Address { device: device.to_string(), address, label: None, host_scope: false }
}

pub fn tunl0() -> Resource {
    let (name, kind, module) = ("tunl0".into(), "ipip".into(), "ipip".into());
    Resource::Device { name, kind, module, created: true }
}

/// A plan with a device, a sysctl of it, a sysctl of all and an address.
pub fn plan(host: &FakeHost, owner: IpAddr) -> Plan {
    let reason = Reason { owner, finding: "test" };
    let mut planner = Planner::new(&host.snapshot);
    let up = Resource::Up { device: "tunl0".into(), bare: false };
    for (phase, resource) in [
        (Phase::Addresses, vip_address("tunl0", owner)),
        (Phase::Devices, tunl0()),
        (Phase::Devices, up),
    ] {
        planner.require(phase, resource, ResourceState::Present, reason).expect("observed");
    }
    for key in ["net/ipv4/conf/all/arp_ignore", "net/ipv4/conf/tunl0/arp_ignore"] {
        planner.set(Phase::Sysctls, key.to_string(), 1, reason).expect("observed");
    }
    planner.finish()
}
