//! The resources of a host that a setup changes, and the states they can be in.
//!
//! Both are written to state files: the names in their JSON form stay as they are.

use super::{Error, sysctl};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// A part of a host that can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// A tunnel device, present or absent. Its kernel module creates it, unless it is `created`
    /// by its own name and kind.
    Device {
        name: String,
        kind: String,
        module: String,
        #[serde(rename = "ours")]
        created: bool,
    },
    /// A UDP port that receives GUE, present or absent.
    Fou { port: u16, ipv6: bool },
    /// A device, up (present) or down (absent). `bare`: it has no IPv4 address, so that the kernel
    /// adds 127.0.0.1 when it goes up.
    Up { device: String, bare: bool },
    /// A value below /proc/sys.
    Sysctl { key: String },
    /// An address with its full prefix length on a device, present or absent.
    Address { device: String, address: IpAddr, label: Option<String>, host_scope: bool },
    /// The default route with this metric.
    DefaultRoute { ipv6: bool, metric: u32 },
}

/// The state of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceState {
    Absent,
    Present,
    Value(String),
    Route(Route),
}

/// The way of a default route.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Route {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The kernel's whole description of an observed route; empty for a desired one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<u8>,
}

impl PartialEq for Route {
    fn eq(&self, other: &Route) -> bool {
        self.gateway == other.gateway && self.device == other.device
    }
}

impl Eq for Route {}

/// A host whose resources can be read and changed. Tests implement it in memory.
pub trait Resources {
    /// The current state of a resource.
    fn state(&mut self, resource: &Resource) -> Result<ResourceState, Error>;

    /// Brings a resource from a state into another.
    fn change(
        &mut self,
        resource: &Resource,
        from: &ResourceState,
        to: &ResourceState,
    ) -> Result<(), Error>;

    /// Checks that a resource can be changed, without changing it.
    fn check_writable(&mut self, resource: &Resource) -> Result<(), Error>;

    /// The addresses on a device that the kernel did not add by itself.
    fn configured_addresses(&mut self, device: &str) -> Result<Vec<IpAddr>, Error>;
}

impl Resource {
    /// Returns true when both are the same part of the host, whatever they say about its creation.
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

    /// The change into a state, as an instruction: "add 10.0.0.100/32 to lo".
    pub fn change_text(&self, to: &ResourceState) -> String {
        match (self, to) {
            (Resource::Address { device, address, .. }, ResourceState::Absent) => {
                format!("remove {} from {device}", IpNet::from(*address))
            }
            (Resource::Address { device, address, .. }, _) => {
                format!("add {} to {device}", IpNet::from(*address))
            }
            (Resource::Up { device, .. }, _) => format!("set {device} {}", to.text(self)),
            (Resource::DefaultRoute { .. }, ResourceState::Absent) => format!("remove the {self}"),
            (Resource::DefaultRoute { .. }, _) => format!("set the {self} {}", to.text(self)),
            (_, ResourceState::Absent) => format!("remove {self}"),
            (_, ResourceState::Present) => format!("add {self}"),
            (_, ResourceState::Value(_) | ResourceState::Route(_)) => {
                format!("set {self} to {}", to.text(self))
            }
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
            Resource::Sysctl { key } => write!(f, "{}", sysctl::display(key)),
            Resource::Address { device, address, .. } => {
                write!(f, "{} on {device}", IpNet::from(*address))
            }
            Resource::DefaultRoute { ipv6: false, .. } => write!(f, "default route"),
            Resource::DefaultRoute { ipv6: true, .. } => write!(f, "default route (IPv6)"),
        }
    }
}

impl ResourceState {
    /// The state of `resource` in words.
    pub fn text(&self, resource: &Resource) -> String {
        match (self, resource) {
            (ResourceState::Present, Resource::Up { .. }) => "up".to_string(),
            (ResourceState::Absent, Resource::Up { .. }) => "down".to_string(),
            (ResourceState::Present, _) => "present".to_string(),
            (ResourceState::Absent, _) => "absent".to_string(),
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
            (None, None) => write!(f, "over several next hops"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(created: bool) -> Resource {
        let (name, kind, module) = ("tunl0".into(), "ipip".into(), "ipip".into());
        Resource::Device { name, kind, module, created }
    }

    fn address(device: &str, label: Option<&str>) -> Resource {
        Resource::Address {
            device: device.into(),
            address: [10, 0, 0, 100].into(),
            label: label.map(str::to_string),
            host_scope: label.is_none(),
        }
    }

    fn up(device: &str, bare: bool) -> Resource {
        Resource::Up { device: device.into(), bare }
    }

    fn sysctl(device: &str) -> Resource {
        Resource::Sysctl { key: format!("net/ipv4/conf/{device}/arp_ignore") }
    }

    fn route(ipv6: bool) -> Resource {
        Resource::DefaultRoute { ipv6, metric: 0 }
    }

    fn via(gateway: Option<IpAddr>, device: Option<&str>) -> Route {
        Route { gateway, device: device.map(str::to_string), raw: vec![] }
    }

    #[test]
    fn resources_are_compared_by_their_place() {
        for (a, b) in [
            (device(true), device(false)),
            (address("lo", Some("lo:0")), address("lo", None)),
            (up("lo", true), up("lo", false)),
            (sysctl("lo"), sysctl("lo")),
        ] {
            assert!(a.same(&b), "{a}");
        }
        for (a, b) in [
            (address("lo", None), address("tunl0", None)),
            (up("lo", true), up("tunl0", true)),
            (sysctl("lo"), sysctl("all")),
            (route(false), route(true)),
            (device(true), up("tunl0", true)),
        ] {
            assert!(!a.same(&b), "{a} and {b}");
        }
    }

    #[test]
    fn changes_in_words() {
        let (absent, present) = (ResourceState::Absent, ResourceState::Present);
        let value = ResourceState::Value("1".into());
        let by_gateway = ResourceState::Route(via(Some([10, 1, 0, 1].into()), Some("eth1")));
        for (resource, to, text) in [
            (device(true), &present, "add device tunl0"),
            (device(true), &absent, "remove device tunl0"),
            (Resource::Fou { port: 6080, ipv6: false }, &present, "add GUE port 6080"),
            (Resource::Fou { port: 6080, ipv6: true }, &absent, "remove GUE port 6080 (IPv6)"),
            (up("lo", false), &present, "set lo up"),
            (up("lo", false), &absent, "set lo down"),
            (address("lo", None), &present, "add 10.0.0.100/32 to lo"),
            (address("lo", None), &absent, "remove 10.0.0.100/32 from lo"),
            (sysctl("all"), &value, "set net.ipv4.conf.all.arp_ignore to 1"),
            (route(false), &by_gateway, "set the default route via 10.1.0.1 dev eth1"),
            (route(true), &absent, "remove the default route (IPv6)"),
        ] {
            assert_eq!(resource.change_text(to), text);
        }
    }

    #[test]
    fn resources_and_states_in_words() {
        assert_eq!(up("lo", true).to_string(), "link lo");
        assert_eq!(address("lo", None).to_string(), "10.0.0.100/32 on lo");
        let (absent, present) = (ResourceState::Absent, ResourceState::Present);
        assert_eq!(
            (absent.text(&sysctl("lo")), present.text(&device(true))),
            ("absent".into(), "present".into())
        );
        let gateway = Some([10, 1, 0, 1].into());
        for (route, text) in [
            (via(gateway, Some("eth1")), "via 10.1.0.1 dev eth1"),
            (via(gateway, None), "via 10.1.0.1"),
            (via(None, Some("eth1")), "dev eth1"),
            (via(None, None), "over several next hops"),
        ] {
            assert_eq!(ResourceState::Route(route).text(&self::route(false)), text);
        }
    }

    #[test]
    fn routes_are_compared_by_their_next_hop() {
        let gateway = Some([10, 1, 0, 1].into());
        let observed = Route { raw: vec![1], ..via(gateway, Some("eth1")) };
        assert_eq!(observed, via(gateway, Some("eth1")));
        assert_ne!(observed, via(gateway, Some("eth0")));
        assert_ne!(observed, via(None, Some("eth1")));
    }
}
