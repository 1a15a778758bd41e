//! One step of a plan: a resource, its current state and the desired one. Reversed, it is its own inverse.

use crate::host::resource::{Resource, ResourceState};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStep {
    pub what: Resource,
    pub found: ResourceState,
    pub wanted: ResourceState,
    /// The virtual addresses (with NAT: or gateways) that it is for.
    pub owners: BTreeSet<IpAddr>,
    /// Of interest only when there is something to do.
    pub incidental: bool,
    /// To be done even if it is as it is wanted: a sysctl once written is the device's own, and
    /// writing `default` does not change it any more.
    pub forced: bool,
}

impl PlanStep {
    pub fn in_place(&self) -> bool {
        self.found == self.wanted && !self.forced
    }
}
