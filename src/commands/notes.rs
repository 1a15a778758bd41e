//! Notes after a change that succeeded, about what is probably not meant. They are printed on a
//! terminal only, and change nothing.

use crate::command::Defaults;
use crate::host::rtnetlink::Routes;
use libipvs::model::*;
use libipvs::{Client, Transport};
use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};

/// The forwarding method of the real server that a change edits, before the change.
pub fn previous_method<C: Transport>(
    client: &mut Client<C>,
    change: &Change,
) -> Option<Forwarding> {
    let Change::EditDestination(key, new) = change else { return None };
    let servers = client.configured_destinations(key).ok()?;
    let old = servers.iter().find(|server| server.key == new.key)?;
    Some(old.configured().forwarding)
}

/// Returns the notes about a change.
pub fn of_change(
    change: &Change,
    defaults: Defaults,
    previous: Option<Forwarding>,
    host: &impl Addresses,
) -> Vec<String> {
    let mut notes = Vec::new();
    match change {
        Change::AddService(Service { key: ServiceKey::Address { address, .. }, .. })
            if !host.is_local(*address) =>
        {
            notes.push(format!(
                "note: {address} is no address of this host, so no packets to it arrive here"
            ));
        }
        Change::AddDestination(_, new) | Change::EditDestination(_, new) => {
            let method = new.forwarding;
            if let Some(old) = previous.filter(|old| defaults.method && *old != method) {
                notes.push(format!(
                    "note: the forwarding method was {old} and is {method} now, the default of -e"
                ));
            }
            if let Some(given) = defaults.replaced_port {
                let port = new.key.port;
                notes.push(format!(
                    "note: port {port} is used instead of {given}: only -m changes the port of packets"
                ));
            }
            let address = new.key.address;
            if method == Forwarding::DirectRouting
                && !host.is_local(address)
                && !host.is_neighbour(address)
            {
                notes.push(format!(
                    "note: {address} is not on a directly connected network, which -g requires; \
                     use -i or -m"
                ));
            }
        }
        _ => {}
    }
    notes
}

/// The addresses that a host has and reaches.
pub trait Addresses {
    /// Returns true if the address belongs to the host.
    fn is_local(&self, address: IpAddr) -> bool;

    /// Returns true if the host reaches the address without a gateway, or if that is unknown.
    fn is_neighbour(&self, address: IpAddr) -> bool;
}

/// The host that runs this program.
pub struct ThisHost;

impl Addresses for ThisHost {
    /// Asks the kernel by binding a socket, which no packet leaves.
    fn is_local(&self, address: IpAddr) -> bool {
        match UdpSocket::bind((address, 0)) {
            Ok(_) => true,
            Err(error) => error.kind() != ErrorKind::AddrNotAvailable,
        }
    }

    fn is_neighbour(&self, address: IpAddr) -> bool {
        let device = Routes::open().and_then(|mut routes| routes.neighbour_on(address));
        device.is_ok_and(|device| device.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host with 10.0.0.1, in the network 10.0.0.0/24.
    struct Host;

    impl Addresses for Host {
        fn is_local(&self, address: IpAddr) -> bool {
            address.to_string() == "10.0.0.1"
        }

        fn is_neighbour(&self, address: IpAddr) -> bool {
            address.to_string().starts_with("10.0.0.")
        }
    }

    fn service(vip: &str) -> Change {
        Change::AddService(Service::tcp(vip.parse().expect("a VIP")).build().expect("a service"))
    }

    fn server(address: &str, method: Forwarding) -> Change {
        let key = "tcp 10.0.0.1:80".parse().expect("a key");
        Change::EditDestination(key, Destination::new(address.parse().expect("a key"), method))
    }

    #[track_caller]
    fn notes(change: &Change, defaults: Defaults, previous: Option<Forwarding>) -> String {
        of_change(change, defaults, previous, &Host).join("\n")
    }

    #[test]
    fn a_vip_of_another_host() {
        let none = Defaults::default();
        assert_eq!(notes(&service("10.0.0.1:80"), none, None), "");
        assert_eq!(
            notes(&service("10.0.0.9:80"), none, None),
            "note: 10.0.0.9 is no address of this host, so no packets to it arrive here"
        );
    }

    #[test]
    fn a_method_that_was_not_given() {
        let change = server("10.0.0.2:80", Forwarding::DirectRouting);
        let omitted = Defaults { method: true, replaced_port: None };
        let note = "note: the forwarding method was masquerading and is direct routing now, \
                    the default of -e";
        assert_eq!(notes(&change, omitted, Some(Forwarding::Masquerading)), note);
        for (defaults, previous) in [
            (omitted, Some(Forwarding::DirectRouting)),
            (omitted, None),
            (Defaults::default(), Some(Forwarding::Masquerading)),
        ] {
            assert_eq!(notes(&change, defaults, previous), "");
        }
    }

    #[test]
    fn a_port_that_was_replaced() {
        let change = server("10.0.0.2:80", Forwarding::Tunnel);
        let defaults = Defaults { method: false, replaced_port: Some(8080) };
        assert_eq!(
            notes(&change, defaults, None),
            "note: port 80 is used instead of 8080: only -m changes the port of packets"
        );
    }

    #[test]
    fn a_server_behind_a_gateway() {
        let none = Defaults::default();
        let note = "note: 10.9.0.2 is not on a directly connected network, which -g requires; \
                    use -i or -m";
        assert_eq!(notes(&server("10.9.0.2:80", Forwarding::DirectRouting), none, None), note);
        for (address, method) in [
            ("10.9.0.2:80", Forwarding::Tunnel),
            ("10.9.0.2:80", Forwarding::Masquerading),
            ("10.0.0.1:80", Forwarding::DirectRouting),
            ("10.0.0.2:80", Forwarding::DirectRouting),
        ] {
            assert_eq!(notes(&server(address, method), none, None), "", "{address}");
        }
    }
}
