//! The journal: what a policy changed in this network namespace. Each change is recorded before it is
//! made.
//!
//! The JSON form is read by later versions: its names stay as they are.

use super::Policy;
use crate::host::resource::{Resource, ResourceState};
use crate::host::state_file::{self, Error};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The record, locked against other processes.
pub type Journal<P> = state_file::StateFile<Record<P>>;

/// Reads the record without locking it.
pub fn read<P: Policy>() -> Result<Record<P>, Error> {
    state_file::read()
}

/// A record that can be changed and saved. Tests hold it in memory.
pub trait Store<P> {
    fn record(&mut self) -> &mut Record<P>;
    fn save(&mut self) -> Result<(), Error>;
}

impl<P: Policy> Store<P> for Journal<P> {
    fn record(&mut self) -> &mut Record<P> {
        &mut self.record
    }

    fn save(&mut self) -> Result<(), Error> {
        Journal::save(self)
    }
}

/// The changes, in the order they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<P> {
    pub setups: BTreeMap<IpAddr, Setup<P>>,
    pub entries: Vec<Entry>,
}

/// The settings for one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup<P> {
    #[serde(flatten)]
    pub settings: P,
    #[serde(default)]
    pub persist: bool,
}

/// A resource that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(rename = "what")]
    pub resource: Resource,
    /// The state before the first change.
    pub before: ResourceState,
    /// The states that were applied, the newest last. A state is recorded before it is applied, so
    /// the resource may be in any of them.
    pub after: Vec<ResourceState>,
    pub owners: BTreeSet<IpAddr>,
}

impl<P> Default for Record<P> {
    fn default() -> Record<P> {
        Record { setups: BTreeMap::new(), entries: Vec::new() }
    }
}

impl<P: Policy> state_file::Record for Record<P> {
    const COMMAND: &'static str = P::COMMAND;

    fn is_empty(&self) -> bool {
        Record::is_empty(self)
    }
}

impl<P> Record<P> {
    pub fn is_empty(&self) -> bool {
        self.setups.is_empty() && self.entries.is_empty()
    }

    pub fn entry(&mut self, resource: &Resource) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.resource.same(resource))
    }

    /// Records a change that is about to be made.
    pub fn begin(
        &mut self,
        resource: &Resource,
        current: ResourceState,
        desired: ResourceState,
        owners: &BTreeSet<IpAddr>,
    ) {
        let Some(entry) = self.entry(resource) else {
            self.entries.push(Entry {
                resource: resource.clone(),
                before: current,
                after: vec![desired],
                owners: owners.clone(),
            });
            return;
        };
        // The resource was changed by other means. A revert restores that state.
        if !entry.after.contains(&current) {
            entry.before = current;
            entry.after.clear();
        }
        if !entry.after.contains(&desired) {
            entry.after.push(desired);
        }
        entry.owners.extend(owners);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::real_server::Settings;
    use crate::setup::testing::{TestPolicy, setup, sysctl, value};

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_first_state_is_the_one_to_restore() {
        let mut record: Record<TestPolicy> = Record::default();
        assert!(record.is_empty());
        let (first, second) = ([address("10.0.0.1")].into(), [address("10.0.0.2")].into());
        let resource = sysctl("all/arp_ignore");
        record.begin(&resource, value(0), value(1), &first);
        assert!(!record.is_empty());
        record.begin(&resource, value(1), value(2), &second);
        record.begin(&resource, value(2), value(2), &second);
        let entry = record.entry(&resource).expect("an entry");
        assert_eq!((&entry.before, &entry.after[..]), (&value(0), &[value(1), value(2)][..]));
        assert_eq!(entry.owners.len(), 2);
        // Changed by other means: that is the state to restore.
        record.begin(&resource, value(8), value(1), &first);
        let entry = record.entry(&resource).expect("an entry");
        assert_eq!((&entry.before, &entry.after[..]), (&value(8), &[value(1)][..]));
        assert_eq!(record.entries.len(), 1);
        assert!(record.entry(&sysctl("lo/arp_ignore")).is_none());
    }

    #[test]
    fn a_record_with_setups_only_is_not_empty() {
        let mut record: Record<TestPolicy> = Record::default();
        record.setups.insert(address("10.0.0.1"), setup("x", false));
        assert!(!record.is_empty() && !state_file::Record::is_empty(&record));
        assert!(state_file::Record::is_empty(&Record::<TestPolicy>::default()));
    }

    /// A record as the first version wrote it.
    const JSON: &str = r#"{"setups":{"10.0.0.100":{"method":{"ipip":{"kind":{"gue":{"port":6080}},"outer_ipv6":true,"rp_filter":"off"}},"interfaces":["eth0"],"persist":true},"10.0.0.101":{"method":"gatewaying","persist":false},"10.1.0.1":{"method":{"masquerading":{"gateways":["10.1.0.1"]}},"persist":false}},"entries":[{"what":{"device":{"name":"ip6tnl-ipvs","kind":"ip6tnl","module":"ip6_tunnel","ours":true}},"before":"absent","after":["present"],"owners":["10.0.0.100"]},{"what":{"fou":{"port":6080,"ipv6":true}},"before":"absent","after":["present"],"owners":["10.0.0.100"]},{"what":{"up":{"device":"ip6tnl-ipvs","bare":false}},"before":"absent","after":["present"],"owners":["10.0.0.100"]},{"what":{"sysctl":{"key":"net/ipv4/conf/all/arp_ignore"}},"before":{"value":"0"},"after":[{"value":"1"}],"owners":["10.0.0.100","10.0.0.101"]},{"what":{"address":{"device":"lo","address":"10.0.0.101","label":"lo:0","host_scope":false}},"before":"absent","after":["present"],"owners":["10.0.0.101"]},{"what":{"default-route":{"ipv6":false,"metric":0}},"before":{"route":{"gateway":"10.0.0.254","device":"eth0","raw":[1,2]}},"after":[{"route":{"gateway":"10.1.0.1","device":"eth1"}}],"owners":["10.1.0.1"]}]}"#;

    #[test]
    fn the_json_form_stays() {
        let record: Record<Settings> = serde_json::from_str(JSON).expect("a record");
        assert_eq!((record.setups.len(), record.entries.len()), (3, 6));
        assert_eq!(serde_json::to_string(&record).expect("JSON"), JSON);
    }
}
