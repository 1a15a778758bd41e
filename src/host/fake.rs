//! A host in memory, for tests.

use super::Error;
use super::fou::FouPort;
use super::resource::{Resource, ResourceState, Resources};
use super::rtnetlink::{Address, DefaultRoute, Link};
use super::snapshot::{Query, Snapshot};
use super::sysctl::{device_key, device_of};
use ipnet::IpNet;
use std::net::IpAddr;

/// The sysctls that each device has, and true for those of IPv6.
const SYSCTLS: [(bool, &str); 6] = [
    (false, "arp_ignore"),
    (false, "arp_announce"),
    (false, "rp_filter"),
    (false, "accept_redirects"),
    (true, "accept_redirects"),
    (true, "disable_ipv6"),
];

/// A host in memory: lo and the network cards eth0 and eth1, with sysctls of 0.
#[derive(Debug, Clone)]
pub struct FakeHost {
    pub snapshot: Snapshot,
    /// The change that fails: 0 is the next one.
    pub failing_change: Option<usize>,
    pub read_only: bool,
    /// The changes so far, in words.
    pub changes: Vec<String>,
}

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

impl Default for FakeHost {
    fn default() -> FakeHost {
        let mut host = FakeHost {
            snapshot: Snapshot { fou_ports: Some(vec![]), ..Snapshot::default() },
            failing_change: None,
            read_only: false,
            changes: vec![],
        };
        for ipv6 in [false, true] {
            host.snapshot.default_routes.insert(ipv6, vec![]);
        }
        for device in ["all", "default"] {
            for (ipv6, name) in SYSCTLS {
                host.snapshot.sysctls.insert(device_key(ipv6, device, name), Some("0".into()));
            }
        }
        host.add_link("lo", false);
        host.add_address("lo", "127.0.0.1/8", Some("lo"));
        for (card, net) in [("eth0", "10.0.0.11/24"), ("eth1", "10.1.0.11/24")] {
            host.add_link(card, true);
            host.add_address(card, net, Some(card));
        }
        host
    }
}

impl FakeHost {
    /// Adds a device that is up. Its sysctls have the values of `default`.
    pub fn add_link(&mut self, name: &str, arp: bool) {
        let index = self.snapshot.links.len() as i32 + 1;
        let loopback = name == "lo";
        let name = name.to_string();
        for (ipv6, sysctl) in SYSCTLS {
            let key = device_key(ipv6, &name, sysctl);
            let value = self.snapshot.sysctls[&device_key(ipv6, "default", sysctl)].clone();
            self.snapshot.sysctls.insert(key, value);
        }
        let link = Link { index, name, up: true, loopback, arp, mtu: 1500, kind: None };
        self.snapshot.links.push(link);
    }

    pub fn link(&mut self, name: &str) -> &mut Link {
        let link = self.snapshot.links.iter_mut().find(|link| link.name == name);
        link.unwrap_or_else(|| panic!("no device {name}"))
    }

    pub fn add_address(&mut self, device: &str, net: &str, label: Option<&str>) {
        self.snapshot.addresses.push(Address {
            index: self.snapshot.link(device).expect("a device").index,
            net: net.parse().unwrap_or_else(|e| panic!("{net}: {e}")),
            label: label.map(str::to_string),
            host_scope: false,
            link_local: false,
        });
    }

    /// Sets a sysctl of IPv4: `all/arp_ignore`.
    pub fn set(&mut self, key: &str, value: i64) {
        self.set_key(&format!("net/ipv4/conf/{key}"), value);
    }

    pub fn set_key(&mut self, key: &str, value: i64) {
        let old = self.snapshot.sysctls.insert(key.to_string(), Some(value.to_string()));
        assert!(old.is_some(), "no sysctl {key}");
    }

    /// Makes a gateway a neighbour on a device, or reachable only through another gateway.
    pub fn add_gateway(&mut self, gateway: &str, device: Option<&str>) {
        let index = device.map(|device| self.snapshot.link(device).expect("a device").index);
        self.snapshot.neighbours.insert(address(gateway), index);
    }

    pub fn add_default_route(&mut self, metric: u32, gateway: &str, device: &str) {
        let gateway = address(gateway);
        let index = Some(self.snapshot.link(device).expect("a device").index);
        let route = DefaultRoute { metric, gateway: Some(gateway), index, raw: vec![1] };
        self.snapshot.default_routes.entry(gateway.is_ipv6()).or_default().push(route);
    }

    /// The parts of the host that the query names, and no others.
    pub fn observe(&self, query: &Query) -> Snapshot {
        let all = &self.snapshot;
        let mut observed = Snapshot {
            links: all.links.clone(),
            addresses: all.addresses.clone(),
            ..Snapshot::default()
        };
        let devices = all.links.iter().map(|link| link.name.as_str());
        for device in devices.chain(["all", "default"]) {
            for (ipv6, name) in &query.device_sysctls {
                let key = device_key(*ipv6, device, name);
                let value = all.sysctls.get(&key).cloned().flatten();
                observed.sysctls.insert(key, value);
            }
        }
        observed.fou_ports = all.fou_ports.clone().filter(|_| query.fou_ports);
        for ipv6 in &query.default_routes {
            observed.default_routes.insert(*ipv6, all.default_routes[ipv6].clone());
        }
        for gateway in &query.neighbours {
            let device = all.neighbours.get(gateway).copied().flatten();
            observed.neighbours.insert(*gateway, device);
        }
        observed
    }

    fn change_device(&mut self, name: &str, present: bool) {
        if present {
            self.add_link(name, false);
            self.link(name).up = false;
            return;
        }
        let index = self.link(name).index;
        self.snapshot.addresses.retain(|address| address.index != index);
        self.snapshot.sysctls.retain(|key, _| device_of(key) != Some(name));
        self.snapshot.links.retain(|link| link.name != name);
    }
}

impl Resources for FakeHost {
    fn state(&mut self, resource: &Resource) -> Result<ResourceState, Error> {
        match resource {
            Resource::Sysctl { key } => {
                let value = self.snapshot.sysctls.get(key).cloned().flatten();
                Ok(value.map_or(ResourceState::Absent, ResourceState::Value))
            }
            _ => Ok(self.snapshot.state(resource)?),
        }
    }

    fn change(
        &mut self,
        resource: &Resource,
        _from: &ResourceState,
        to: &ResourceState,
    ) -> Result<(), Error> {
        match self.failing_change {
            Some(0) => return Err(Error::NoSetting),
            Some(n) => self.failing_change = Some(n - 1),
            None => {}
        }
        self.changes.push(resource.change_text(to));
        let present = *to != ResourceState::Absent;
        match resource {
            Resource::Device { name, .. } => self.change_device(name, present),
            Resource::Fou { port, ipv6 } => {
                let ports = self.snapshot.fou_ports.as_mut().expect("ports");
                ports.retain(|fou| (fou.port, fou.ipv6) != (*port, *ipv6));
                ports.extend(present.then_some(FouPort { port: *port, ipv6: *ipv6, gue: true }));
            }
            Resource::Up { device, .. } => self.link(device).up = present,
            Resource::Sysctl { key } => {
                let ResourceState::Value(value) = to else { return Err(Error::NoSetting) };
                self.set_key(key, value.parse().expect("a number"));
            }
            Resource::Address { device, address, label, .. } => {
                let net = IpNet::from(*address);
                self.snapshot.addresses.retain(|address| address.net != net);
                if present {
                    self.add_address(device, &net.to_string(), label.as_deref());
                }
            }
            Resource::DefaultRoute { ipv6, metric } => {
                let routes = self.snapshot.default_routes.get_mut(ipv6).expect("routes");
                routes.retain(|route| route.metric != *metric);
                if let ResourceState::Route(route) = to {
                    let gateway = route.gateway.expect("a gateway").to_string();
                    let device = route.device.clone().expect("a device");
                    self.add_default_route(*metric, &gateway, &device);
                }
            }
        }
        Ok(())
    }

    fn check_writable(&mut self, resource: &Resource) -> Result<(), Error> {
        match resource {
            Resource::Sysctl { .. } if self.read_only => Err(Error::NoSetting),
            _ => Ok(()),
        }
    }

    fn configured_addresses(&mut self, device: &str) -> Result<Vec<IpAddr>, Error> {
        Ok(self.snapshot.addresses_on(device).map(|address| address.net.addr()).collect())
    }
}
