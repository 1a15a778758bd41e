//! What was seen on a host, as plain data.

use super::fou::FouPort;
use super::resource::{Resource, ResourceState, Route};
use super::rtnetlink::{Address, DefaultRoute, Link};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// All that a plan and a check look at.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    /// Values below /proc/sys; what is not there is not here.
    pub sysctls: BTreeMap<String, String>,
    pub fou: Vec<FouPort>,
    pub routes4: Vec<DefaultRoute>,
    pub routes6: Vec<DefaultRoute>,
    /// Gateways and the devices they are neighbours on.
    pub neighbours: BTreeMap<IpAddr, Option<i32>>,
    /// Filled for a check alone.
    pub balancing: Balancing,
}

/// VIPs that this host balances itself, with servers elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balancing {
    Of(Vec<Balanced>),
    /// The table may not be read.
    Unknown,
}

impl Default for Balancing {
    fn default() -> Balancing {
        Balancing::Of(Vec::new())
    }
}

/// A virtual service of this host's own table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balanced {
    pub vip: IpAddr,
    /// As ipvsadm's options name it.
    pub service: String,
    /// Servers that are not this host.
    pub elsewhere: Vec<IpAddr>,
}

/// The same setting for devices to come.
pub fn of_default(key: &str) -> Option<String> {
    let mut parts: Vec<&str> = key.split('/').collect();
    *parts.get_mut(3)? = "default";
    Some(parts.join("/"))
}

impl Observed {
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    pub fn name(&self, index: i32) -> Option<&str> {
        self.links.iter().find(|link| link.index == index).map(|link| link.name.as_str())
    }

    pub fn on<'a>(&'a self, device: &str) -> impl Iterator<Item = &'a Address> {
        let index = self.link(device).map(|link| link.index);
        self.addresses.iter().filter(move |address| Some(address.index) == index)
    }

    pub fn routes(&self, ipv6: bool) -> &[DefaultRoute] {
        if ipv6 { &self.routes6 } else { &self.routes4 }
    }

    /// A setting of the IPv4 (or IPv6) stack for a device, `all` or `default`. A device that is
    /// not there yet will have what `default` has.
    pub fn setting(&self, key: &str) -> Option<&str> {
        if let Some(value) = self.sysctls.get(key) {
            return Some(value);
        }
        let device = key.split('/').nth(3)?;
        if device == "all" || self.link(device).is_some() {
            return None;
        }
        self.sysctls.get(&of_default(key)?).map(String::as_str)
    }

    pub fn number(&self, key: &str) -> i64 {
        self.setting(key).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    pub fn route_state(&self, route: &DefaultRoute) -> ResourceState {
        ResourceState::Route(Route {
            gateway: route.gateway,
            device: route.index.and_then(|index| self.name(index)).map(str::to_string),
            raw: route.raw.clone(),
        })
    }

    /// How a thing is.
    pub fn state(&self, what: &Resource) -> ResourceState {
        let present =
            |present| if present { ResourceState::Present } else { ResourceState::Absent };
        match what {
            Resource::Device { name, .. } => present(self.link(name).is_some()),
            Resource::Fou { port, ipv6 } => {
                present(self.fou.iter().any(|fou| (fou.port, fou.ipv6) == (*port, *ipv6)))
            }
            Resource::Up { device, .. } => present(self.link(device).is_some_and(|link| link.up)),
            Resource::Sysctl { key } => self
                .setting(key)
                .map_or(ResourceState::Absent, |value| ResourceState::Value(value.to_string())),
            Resource::Address { device, address, .. } => {
                let full = if address.is_ipv6() { 128 } else { 32 };
                present(self.on(device).any(|a| a.address == *address && a.prefix == full))
            }
            Resource::DefaultRoute { ipv6, metric } => self
                .routes(*ipv6)
                .iter()
                .find(|route| route.metric == *metric)
                .map_or(ResourceState::Absent, |route| self.route_state(route)),
        }
    }
}
