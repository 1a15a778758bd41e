//! A step: one thing of the host's, how it was found and how it is wanted. Turned round, it is its
//! own inverse.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

/// Something of the host's that is one way or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A tunnel device: there or not.
    Device { name: String, kind: String, module: String, ours: bool },
    /// A port that takes GUE: there or not.
    Fou { port: u16, ipv6: bool },
    /// A device: up (there) or not. `bare`: without an address, so that the 127.0.0.1 it gets when
    /// it goes up is one more thing to take away.
    Up { device: String, bare: bool },
    /// A value below /proc/sys.
    Sysctl { key: String },
    /// An address, alone, on a device: there or not.
    Address { device: String, address: IpAddr, label: Option<String>, host_scope: bool },
    /// The default route of this metric.
    DefaultRoute { ipv6: bool, metric: u32 },
}

/// How a thing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Absent,
    Present,
    Value(String),
    Route(Route),
}

/// Where a default route leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Route {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// All of it in the kernel's form; nothing for a route of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<u8>,
}

impl PartialEq for Route {
    fn eq(&self, other: &Route) -> bool {
        self.gateway == other.gateway && self.device == other.device
    }
}

impl Eq for Route {}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub what: What,
    pub found: State,
    pub wanted: State,
    /// The virtual addresses (with NAT: or gateways) that it is for.
    pub owners: BTreeSet<IpAddr>,
    /// Of interest only when there is something to do.
    pub incidental: bool,
    /// To be done even if it is as it is wanted: a sysctl once written is the device's own, and
    /// writing `default` does not change it any more.
    pub forced: bool,
}

impl Step {
    pub fn in_place(&self) -> bool {
        self.found == self.wanted && !self.forced
    }
}

impl What {
    /// Whether both are the same thing, however it is or would be made.
    pub fn same(&self, other: &What) -> bool {
        match (self, other) {
            (
                What::Address { device: a, address: x, .. },
                What::Address { device: b, address: y, .. },
            ) => (a, x) == (b, y),
            (What::Up { device: a, .. }, What::Up { device: b, .. }) => a == b,
            (What::Device { name: a, .. }, What::Device { name: b, .. }) => a == b,
            _ => self == other,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            What::Device { name, .. } => write!(f, "device {name}"),
            What::Fou { port, ipv6: false } => write!(f, "GUE port {port}"),
            What::Fou { port, ipv6: true } => write!(f, "GUE port {port} (IPv6)"),
            What::Up { device, .. } => write!(f, "link {device}"),
            What::Sysctl { key } => write!(f, "{}", key_text(key)),
            What::Address { device, address, .. } => {
                write!(f, "{} on {device}", alone(*address))
            }
            What::DefaultRoute { ipv6: false, .. } => write!(f, "default route"),
            What::DefaultRoute { ipv6: true, .. } => write!(f, "default route (IPv6)"),
        }
    }
}

impl State {
    /// In words, as a state of `what`.
    pub fn text(&self, what: &What) -> String {
        match (self, what) {
            (State::Present, What::Up { .. }) => "up".to_string(),
            (State::Absent, What::Up { .. }) => "down".to_string(),
            (State::Present, _) => "there".to_string(),
            (State::Absent, _) => "none".to_string(),
            (State::Value(value), _) => value.clone(),
            (State::Route(route), _) => route.to_string(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.gateway, &self.device) {
            (Some(gateway), Some(device)) => write!(f, "via {gateway} dev {device}"),
            (Some(gateway), None) => write!(f, "via {gateway}"),
            (None, Some(device)) => write!(f, "dev {device}"),
            (None, None) => write!(f, "over several ways"),
        }
    }
}

/// An address as a net of its own: `10.0.0.100/32`.
pub fn alone(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv6() { 128 } else { 32 })
}

/// A sysctl as people write it: with dots, unless a device's name has some.
pub fn key_text(key: &str) -> String {
    if key.contains('.') { key.to_string() } else { key.replace('/', ".") }
}
