//! A snapshot of a host: what was observed, as plain data.
//!
//! A [`Query`] names what to observe. Reading a value that the query did not name is an error: it is
//! never taken for 0 or for absent.

use super::fou::FouPort;
use super::resource::{Resource, ResourceState, Route};
use super::rtnetlink::{Address, DefaultRoute, Link};
use super::sysctl;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The parts of a host to observe. Links and addresses are always observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Sysctls that IPv4 (false) or IPv6 (true) has for each device, `all` and `default`.
    pub device_sysctls: BTreeSet<(bool, &'static str)>,
    /// The receive ports of foo-over-UDP.
    pub fou_ports: bool,
    /// The default routes of IPv4 (false) or IPv6 (true).
    pub default_routes: BTreeSet<bool>,
    /// The devices that these addresses are neighbours on.
    pub neighbours: BTreeSet<IpAddr>,
}

impl Query {
    /// The parts that the state of a resource depends on, besides sysctls.
    pub fn for_resource(resource: &Resource) -> Query {
        let mut query = Query::default();
        match resource {
            Resource::Fou { .. } => query.fou_ports = true,
            Resource::DefaultRoute { ipv6, .. } => drop(query.default_routes.insert(*ipv6)),
            Resource::Device { .. }
            | Resource::Up { .. }
            | Resource::Sysctl { .. }
            | Resource::Address { .. } => {}
        }
        query
    }
}

/// A value that cannot be read from a snapshot. Each is a bug of the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("internal error: {0} is read, but was not observed")]
    NotObserved(String),
    #[error("{}: '{value}' is not a number", sysctl::display(.key))]
    NotANumber { key: String, value: String },
}

impl SnapshotError {
    fn sysctl(key: &str) -> SnapshotError {
        SnapshotError::NotObserved(sysctl::display(key))
    }
}

/// The observed parts of a host.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    /// Values by key. `None`: the kernel has no such sysctl.
    pub sysctls: BTreeMap<String, Option<String>>,
    pub fou_ports: Option<Vec<FouPort>>,
    /// The default routes of IPv4 (false) and IPv6 (true).
    pub default_routes: BTreeMap<bool, Vec<DefaultRoute>>,
    /// The device that each address is a neighbour on, if any.
    pub neighbours: BTreeMap<IpAddr, Option<i32>>,
}

impl Snapshot {
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The name of the device with this index.
    pub fn device(&self, index: i32) -> Option<&str> {
        self.links.iter().find(|link| link.index == index).map(|link| link.name.as_str())
    }

    pub fn addresses_on<'a>(&'a self, device: &str) -> impl Iterator<Item = &'a Address> {
        let index = self.link(device).map(|link| link.index);
        self.addresses.iter().filter(move |address| Some(address.index) == index)
    }

    pub fn fou_ports(&self) -> Result<&[FouPort], SnapshotError> {
        let ports = self.fou_ports.as_deref();
        ports.ok_or_else(|| SnapshotError::NotObserved("the list of GUE ports".into()))
    }

    pub fn default_routes(&self, ipv6: bool) -> Result<&[DefaultRoute], SnapshotError> {
        let routes = self.default_routes.get(&ipv6).map(Vec::as_slice);
        routes.ok_or_else(|| {
            let version = if ipv6 { 6 } else { 4 };
            SnapshotError::NotObserved(format!("the list of IPv{version} default routes"))
        })
    }

    /// The name of the device that an address is a neighbour on, if any.
    pub fn neighbour_device(&self, address: IpAddr) -> Result<Option<&str>, SnapshotError> {
        match self.neighbours.get(&address) {
            Some(index) => Ok(index.and_then(|index| self.device(index))),
            None => Err(SnapshotError::NotObserved(format!("the route to {address}"))),
        }
    }

    /// The value of a sysctl; `None` when the kernel does not have it. A device that does not exist
    /// yet will have the value of `default`.
    pub fn sysctl(&self, key: &str) -> Result<Option<&str>, SnapshotError> {
        let default = match sysctl::device_of(key) {
            Some("all") | None => None,
            Some(device) if self.link(device).is_some() => None,
            Some(_) => sysctl::default_key(key),
        };
        let value = self.sysctls.get(key).or_else(|| self.sysctls.get(&default?));
        value.map(Option::as_deref).ok_or_else(|| SnapshotError::sysctl(key))
    }

    /// The value of a sysctl as a number. A sysctl that the kernel does not have counts as 0.
    pub fn number(&self, key: &str) -> Result<i64, SnapshotError> {
        let Some(value) = self.sysctl(key)? else { return Ok(0) };
        value.parse().map_err(|_| SnapshotError::NotANumber {
            key: key.to_string(),
            value: value.to_string(),
        })
    }

    pub fn route_state(&self, route: &DefaultRoute) -> ResourceState {
        ResourceState::Route(Route {
            gateway: route.gateway,
            device: route.index.and_then(|index| self.device(index)).map(str::to_string),
            raw: route.raw.clone(),
        })
    }

    /// The current state of a resource.
    pub fn state(&self, resource: &Resource) -> Result<ResourceState, SnapshotError> {
        let present = match resource {
            Resource::Device { name, .. } => self.link(name).is_some(),
            Resource::Fou { port, ipv6 } => {
                self.fou_ports()?.iter().any(|fou| (fou.port, fou.ipv6) == (*port, *ipv6))
            }
            Resource::Up { device, .. } => self.link(device).is_some_and(|link| link.up),
            Resource::Address { device, address, .. } => {
                self.addresses_on(device).any(|on| on.net == IpNet::from(*address))
            }
            Resource::Sysctl { key } => {
                let value = self.sysctl(key)?.map(str::to_string);
                return Ok(value.map_or(ResourceState::Absent, ResourceState::Value));
            }
            Resource::DefaultRoute { ipv6, metric } => {
                let mut routes = self.default_routes(*ipv6)?.iter();
                let route = routes.find(|route| route.metric == *metric);
                return Ok(route.map_or(ResourceState::Absent, |route| self.route_state(route)));
            }
        };
        Ok(if present { ResourceState::Present } else { ResourceState::Absent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::{FakeHost, address};

    #[test]
    fn an_unobserved_value_is_an_error() {
        let snapshot = FakeHost::default().observe(&Query::default());
        let key = "net/ipv4/conf/eth0/arp_ignore";
        let error = |error: SnapshotError| error.to_string();
        let sysctl = "internal error: net.ipv4.conf.eth0.arp_ignore is read, but was not observed";
        assert_eq!(snapshot.sysctl(key).map_err(error), Err(sysctl.into()));
        assert_eq!(snapshot.number(key).map_err(error), Err(sysctl.into()));
        let state = |resource: Resource| snapshot.state(&resource).map_err(error);
        assert_eq!(state(Resource::Sysctl { key: key.into() }), Err(sysctl.into()));
        let ports = "internal error: the list of GUE ports is read, but was not observed";
        assert_eq!(state(Resource::Fou { port: 1, ipv6: false }), Err(ports.into()));
        for (ipv6, routes) in [
            (
                false,
                "internal error: the list of IPv4 default routes is read, but was not observed",
            ),
            (true, "internal error: the list of IPv6 default routes is read, but was not observed"),
        ] {
            assert_eq!(state(Resource::DefaultRoute { ipv6, metric: 0 }), Err(routes.into()));
        }
        let neighbour = "internal error: the route to 10.0.0.1 is read, but was not observed";
        let device = snapshot.neighbour_device(address("10.0.0.1"));
        assert_eq!(device.map_err(error), Err(neighbour.into()));
    }

    #[test]
    fn a_new_device_has_the_values_of_default() {
        let mut host = FakeHost::default();
        host.set("default/arp_ignore", 2);
        host.snapshot.sysctls.insert("net/ipv4/conf/eth1/arp_ignore".into(), None);
        let query = Query { device_sysctls: [(false, "arp_ignore")].into(), ..Query::default() };
        let snapshot = host.observe(&query);
        let value = |device: &str| {
            let key = sysctl::device_key(false, device, "arp_ignore");
            (snapshot.sysctl(&key).expect("observed"), snapshot.number(&key).expect("a number"))
        };
        assert_eq!(value("tunl0"), (Some("2"), 2));
        assert_eq!((value("eth0"), value("all")), ((Some("0"), 0), (Some("0"), 0)));
        // The kernel does not have it.
        assert_eq!(value("eth1"), (None, 0));
        // `all` and existing devices do not follow `default`.
        let mut snapshot = snapshot.clone();
        for device in ["all", "eth0"] {
            let key = sysctl::device_key(false, device, "arp_ignore");
            snapshot.sysctls.remove(&key);
            assert!(snapshot.sysctl(&key).is_err(), "{device}");
        }
    }

    #[test]
    fn a_value_that_is_not_a_number_is_an_error() {
        let mut host = FakeHost::default();
        let key = "net/ipv4/conf/all/arp_ignore";
        host.snapshot.sysctls.insert(key.into(), Some("x".into()));
        let error = host.snapshot.number(key).expect_err("not a number").to_string();
        assert_eq!(error, "net.ipv4.conf.all.arp_ignore: 'x' is not a number");
    }

    #[test]
    fn states_of_resources() {
        let mut host = FakeHost::default();
        host.add_address("lo", "10.0.0.100/32", None);
        host.add_address("lo", "10.0.0.101/24", None);
        host.link("eth1").up = false;
        host.add_default_route(100, "10.1.0.1", "eth1");
        host.snapshot.fou_ports = Some(vec![FouPort { port: 6080, ipv6: false, gue: true }]);
        let state = |resource: Resource| host.snapshot.state(&resource).expect("observed");
        let is_present = |resource| state(resource) == ResourceState::Present;
        let on = |device: &str, vip| Resource::Address {
            device: device.into(),
            address: address(vip),
            label: None,
            host_scope: false,
        };
        assert!(is_present(on("lo", "10.0.0.100")));
        assert!(!is_present(on("lo", "10.0.0.101")) && !is_present(on("eth0", "10.0.0.100")));
        let up = |device: &str| Resource::Up { device: device.into(), bare: false };
        assert!(is_present(up("eth0")) && !is_present(up("eth1")) && !is_present(up("tunl0")));
        let port = |port, ipv6| Resource::Fou { port, ipv6 };
        assert!(is_present(port(6080, false)));
        assert!(!is_present(port(6080, true)) && !is_present(port(6081, false)));
        let device = |name: &str| Resource::Device {
            name: name.into(),
            kind: "ipip".into(),
            module: "ipip".into(),
            created: false,
        };
        assert!(is_present(device("lo")) && !is_present(device("tunl0")));
        let route = |metric| state(Resource::DefaultRoute { ipv6: false, metric });
        assert_eq!(route(0), ResourceState::Absent);
        let ResourceState::Route(route) = route(100) else { panic!("a route") };
        assert_eq!((route.to_string().as_str(), route.raw), ("via 10.1.0.1 dev eth1", vec![1]));
    }

    #[test]
    fn queries_for_resources() {
        let query = Query::for_resource(&Resource::Fou { port: 1, ipv6: false });
        assert_eq!(query, Query { fou_ports: true, ..Query::default() });
        let query = Query::for_resource(&Resource::DefaultRoute { ipv6: true, metric: 1 });
        assert_eq!(query, Query { default_routes: [true].into(), ..Query::default() });
        let query = Query::for_resource(&Resource::Up { device: "lo".into(), bare: false });
        assert_eq!(query, Query::default());
    }
}
