//! What rs-setup did to this network namespace, written down before each step.

use super::settings::Settings;
use crate::host::resource::{Resource, ResourceState};
use crate::host::state_file;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The record, and the right to change it.
pub type Journal = state_file::StateFile<Record>;

/// What was done, in the order it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub setups: BTreeMap<IpAddr, Setup>,
    pub entries: Vec<Entry>,
}

/// What was asked for, for one virtual address (with NAT: or gateway).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    #[serde(flatten)]
    pub settings: Settings,
    #[serde(default)]
    pub persist: bool,
}

/// One thing that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub what: Resource,
    /// How it was found.
    pub before: ResourceState,
    /// What rs-setup made of it, the newest last. It is written down before it is done, so any of
    /// them may be what is there.
    pub after: Vec<ResourceState>,
    pub owners: BTreeSet<IpAddr>,
}

impl state_file::Record for Record {
    const COMMAND: &'static str = "rs-setup";

    fn is_empty(&self) -> bool {
        self.setups.is_empty() && self.entries.is_empty()
    }
}

impl Record {
    pub fn entry(&mut self, what: &Resource) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.what.same(what))
    }

    /// About to make `wanted` of `what`, which is as `found`.
    pub fn begin(
        &mut self,
        what: &Resource,
        found: ResourceState,
        wanted: ResourceState,
        owners: &BTreeSet<IpAddr>,
    ) {
        let Some(entry) = self.entry(what) else {
            self.entries.push(Entry {
                what: what.clone(),
                before: found,
                after: vec![wanted],
                owners: owners.clone(),
            });
            return;
        };
        // What somebody else made of it since is what it goes back to.
        if !entry.after.contains(&found) {
            entry.before = found;
            entry.after.clear();
        }
        if !entry.after.contains(&wanted) {
            entry.after.push(wanted);
        }
        entry.owners.extend(owners);
    }
}
