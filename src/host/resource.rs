//! What a setup changes on a host: resources, and the states they can be in.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Something of the host's that is one way or another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
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
pub enum ResourceState {
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

impl Resource {
    /// Whether both are the same thing, however it is or would be made.
    pub fn same(&self, other: &Resource) -> bool {
        match (self, other) {
            (
                Resource::Address { device: a, address: x, .. },
                Resource::Address { device: b, address: y, .. },
            ) => (a, x) == (b, y),
            (Resource::Up { device: a, .. }, Resource::Up { device: b, .. }) => a == b,
            (Resource::Device { name: a, .. }, Resource::Device { name: b, .. }) => a == b,
            _ => self == other,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Resource::Device { name, .. } => write!(f, "device {name}"),
            Resource::Fou { port, ipv6: false } => write!(f, "GUE port {port}"),
            Resource::Fou { port, ipv6: true } => write!(f, "GUE port {port} (IPv6)"),
            Resource::Up { device, .. } => write!(f, "link {device}"),
            Resource::Sysctl { key } => write!(f, "{}", key_text(key)),
            Resource::Address { device, address, .. } => {
                write!(f, "{} on {device}", alone(*address))
            }
            Resource::DefaultRoute { ipv6: false, .. } => write!(f, "default route"),
            Resource::DefaultRoute { ipv6: true, .. } => write!(f, "default route (IPv6)"),
        }
    }
}

impl ResourceState {
    /// In words, as a state of `what`.
    pub fn text(&self, what: &Resource) -> String {
        match (self, what) {
            (ResourceState::Present, Resource::Up { .. }) => "up".to_string(),
            (ResourceState::Absent, Resource::Up { .. }) => "down".to_string(),
            (ResourceState::Present, _) => "there".to_string(),
            (ResourceState::Absent, _) => "none".to_string(),
            (ResourceState::Value(value), _) => value.clone(),
            (ResourceState::Route(route), _) => route.to_string(),
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
