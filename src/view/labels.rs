//! Addresses and ports as numbers, or as the names that the resolver knows.

use super::columns::{cut, push_ipv4, push_number};
use crate::names::{Names, ipv6_text, look_up_all};
use libipvs::model::{Protocol, ServiceKey};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// The maximum number of characters of a label in a listing: 1.31's buffer holds as many.
const LONGEST: usize = 59;

/// Formats addresses, and remembers the names that it looked up.
pub struct Labels<'n> {
    names: Option<&'n dyn Names>,
    /// Use a name only if it leads back to the same number when 1.31 reads it.
    restorable: bool,
    hosts: HashMap<IpAddr, Option<String>>,
    ports: HashMap<(u16, Protocol), Option<String>>,
}

impl<'n> Labels<'n> {
    /// Labels in numbers.
    pub fn numeric() -> Labels<'n> {
        Labels { names: None, restorable: false, hosts: HashMap::new(), ports: HashMap::new() }
    }

    /// Labels with names.
    pub fn named(names: &'n dyn Names) -> Labels<'n> {
        Labels { names: Some(names), ..Labels::numeric() }
    }

    /// Labels for rules that are read back: a number replaces a name that would mean something else.
    pub fn restorable(self) -> Labels<'n> {
        Labels { restorable: true, ..self }
    }

    /// Looks up hosts concurrently, each once.
    pub fn prepare(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        let (Some(names), restorable) = (self.names, self.restorable) else { return };
        let unknown: HashSet<IpAddr> =
            addresses.into_iter().filter(|address| !self.hosts.contains_key(address)).collect();
        // An address that was not looked up here is looked up when it is shown.
        if unknown.len() > 1 {
            self.hosts.extend(look_up_all(unknown, |ip| host_label(names, restorable, ip)));
        }
    }

    /// Appends `address:port` or `[address]:port`. A port has a name only with a protocol.
    pub fn endpoint(
        &mut self,
        out: &mut String,
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    ) {
        let start = out.len();
        let brackets = address.is_ipv6();
        if brackets {
            out.push('[');
        }
        match self.host(address) {
            Some(name) => out.push_str(name),
            None => push_address(out, address),
        }
        out.push_str(if brackets { "]:" } else { ":" });
        match self.port(port, protocol) {
            Some(name) => out.push_str(name),
            None => push_number(out, port),
        }
        if !self.restorable {
            cut(out, start, LONGEST);
        }
    }

    /// Returns the name of the host, if it has one, and the name or number of the port, both uncut.
    pub fn parts(
        &mut self,
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    ) -> (Option<String>, String) {
        let host = self.host(address).map(str::to_string);
        let port = self.port(port, protocol).map_or_else(|| port.to_string(), str::to_string);
        (host, port)
    }

    /// Appends the address and port of a service, or its mark and the text for IPv6 marks.
    pub fn service(&mut self, out: &mut String, key: &ServiceKey, ipv6: &str) {
        match key {
            ServiceKey::Address { protocol, address, port } => {
                self.endpoint(out, *address, *port, Some(*protocol));
            }
            ServiceKey::Mark { mark, family } => {
                push_number(out, mark.get());
                if *family == libipvs::model::Family::V6 {
                    out.push_str(ipv6);
                }
            }
        }
    }

    fn host(&mut self, address: IpAddr) -> Option<&str> {
        let names = self.names?;
        let look_up = || host_label(names, self.restorable, address);
        self.hosts.entry(address).or_insert_with(look_up).as_deref()
    }

    fn port(&mut self, port: u16, protocol: Option<Protocol>) -> Option<&str> {
        let (names, protocol) = (self.names?, protocol?);
        // Port 0 stands for all ports.
        if port == 0 {
            return None;
        }
        let restorable = self.restorable;
        let look_up = || {
            let leads_back =
                |name: &String| !restorable || names.port(name, protocol) == Some(port);
            names.port_name(port, protocol).filter(leads_back)
        };
        self.ports.entry((port, protocol)).or_insert_with(look_up).as_deref()
    }
}

fn host_label(names: &dyn Names, restorable: bool, address: IpAddr) -> Option<String> {
    let leads_back =
        |name: &String| !restorable || names.host(name).map(IpAddr::V4) == Some(address);
    names.host_name(address).filter(leads_back)
}

/// Returns the protocol that names the ports of a service's servers.
pub fn port_protocol(key: &ServiceKey) -> Option<Protocol> {
    match key {
        ServiceKey::Address { protocol, .. } => Some(*protocol),
        ServiceKey::Mark { .. } => None,
    }
}

pub fn push_address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_ipv4(out, address),
        IpAddr::V6(address) => ipv6_text(address, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    /// Two hosts with one name, one with a unique name, and one of IPv6.
    struct Few;

    impl Names for Few {
        fn host(&self, name: &str) -> Option<Ipv4Addr> {
            let address = match name {
                "twice" => "10.0.0.1",
                "once" => "10.0.0.3",
                _ if name.starts_with("long") => "10.0.0.4",
                _ => return None,
            };
            address.parse().ok()
        }
        fn port(&self, name: &str, _: Protocol) -> Option<u16> {
            (name == "http").then_some(80)
        }
        fn host_name(&self, address: IpAddr) -> Option<String> {
            let name = match address.to_string().as_str() {
                "10.0.0.1" | "10.0.0.2" => "twice",
                "10.0.0.3" => "once",
                "10.0.0.4" => return Some("long.".repeat(20)),
                "fd00::1" => "six",
                _ => return None,
            };
            Some(name.to_string())
        }
        fn port_name(&self, port: u16, _: Protocol) -> Option<String> {
            [(80, "http"), (81, "http"), (0, "none")]
                .iter()
                .find(|p| p.0 == port)
                .map(|p| p.1.into())
        }
    }

    fn shown(labels: &mut Labels, address: &str, port: u16) -> String {
        let mut out = String::new();
        labels.endpoint(&mut out, address.parse().unwrap(), port, Some(Protocol::Tcp));
        out
    }

    #[test]
    fn names_where_there_are_any() {
        let mut labels = Labels::named(&Few);
        assert_eq!(shown(&mut labels, "10.0.0.2", 80), "twice:http");
        assert_eq!(shown(&mut labels, "fd00::1", 443), "[six]:443");
        assert_eq!(shown(&mut labels, "10.0.0.9", 0), "10.0.0.9:0");
        assert_eq!(shown(&mut labels, "10.0.0.4", 80).len(), LONGEST);
        assert_eq!(shown(&mut Labels::numeric(), "fd00::1", 80), "[fd00::1]:80");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_saved() {
        let mut labels = Labels::named(&Few).restorable();
        assert_eq!(shown(&mut labels, "10.0.0.1", 80), "twice:http");
        assert_eq!(shown(&mut labels, "10.0.0.2", 81), "10.0.0.2:81");
        assert_eq!(shown(&mut labels, "10.0.0.3", 80), "once:http");
        assert_eq!(shown(&mut labels, "fd00::1", 80), "[fd00::1]:http");
        assert_eq!(shown(&mut labels, "10.0.0.4", 80), format!("{}:http", "long.".repeat(20)));
    }
}
