//! Changes rendered as the shell commands of modprobe, sysctl and ip that make them.

use crate::host::resource::{Resource, ResourceState};
use crate::host::sysctl;
use crate::text::printable;
use ipnet::IpNet;

/// The commands that bring a resource from a state into another.
pub fn commands(resource: &Resource, from: &ResourceState, to: &ResourceState) -> Vec<String> {
    let present = *to != ResourceState::Absent;
    match resource {
        Resource::Device { name, kind, created: true, .. } => match present {
            true => vec![format!("ip link add {name} type {kind} external mode any")],
            false => vec![format!("ip link del {name}")],
        },
        Resource::Device { module, .. } => match present {
            true => vec![format!("modprobe {module}")],
            false => vec![],
        },
        Resource::Fou { port, ipv6 } => {
            let ipv6 = if *ipv6 { " -6" } else { "" };
            match present {
                true => vec!["modprobe fou".into(), format!("ip fou add port {port} gue{ipv6}")],
                false => vec![format!("ip fou del port {port}{ipv6}")],
            }
        }
        Resource::Up { device, bare } => {
            let device = quote(device);
            let state = if present { "up" } else { "down" };
            let mut lines = vec![format!("ip link set {device} {state}")];
            if *bare && !present {
                lines.push(format!("ip addr del 127.0.0.1/8 dev {device}"));
            }
            lines
        }
        Resource::Sysctl { key } => match to {
            ResourceState::Value(value) => {
                vec![format!("sysctl -w {}={}", quote(&sysctl::display(key)), quote(value))]
            }
            ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => vec![],
        },
        Resource::Address { device, address, label, host_scope } => {
            let verb = if present { "add" } else { "del" };
            let net = IpNet::from(*address);
            let mut line = format!("ip addr {verb} {net} dev {}", quote(device));
            if present {
                if let Some(label) = label {
                    line += &format!(" label {label}");
                }
                if *host_scope {
                    line += " scope host";
                }
                if address.is_ipv6() {
                    line += " nodad";
                }
            }
            vec![line]
        }
        Resource::DefaultRoute { ipv6, metric } => {
            let (verb, route) = match (to, from) {
                (ResourceState::Route(route), _) => ("replace", route),
                (_, ResourceState::Route(route)) => ("del", route),
                _ => return vec![],
            };
            let ip = if *ipv6 { "ip -6" } else { "ip" };
            let metric = if *metric == 0 { String::new() } else { format!(" metric {metric}") };
            let route = shell_line(&route.to_string().split(' ').collect::<Vec<_>>());
            vec![format!("{ip} route {verb} default {route}{metric}")]
        }
    }
}

/// Words as a line for the shell.
pub fn shell_line(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|word| quote(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A word for the shell. Control characters are escaped, since the line may go to a terminal.
fn quote(word: &str) -> String {
    let word = printable(word.as_bytes());
    // The only error is a zero byte, and that is escaped.
    shlex::try_quote(&word).map_or_else(|_| String::new(), |quoted| quoted.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::resource::Route;

    const ABSENT: ResourceState = ResourceState::Absent;
    const PRESENT: ResourceState = ResourceState::Present;

    /// The commands that bring a resource up, and those that take it away again.
    fn both(resource: Resource, to: ResourceState) -> [String; 2] {
        let lines = |from, to| commands(&resource, from, to).join("; ");
        [lines(&ABSENT, &to), lines(&to, &ABSENT)]
    }

    #[test]
    fn devices_and_ports() {
        let device = |created| Resource::Device {
            name: "ip6tnl-ipvs".into(),
            kind: "ip6tnl".into(),
            module: "ip6_tunnel".into(),
            created,
        };
        let add = "ip link add ip6tnl-ipvs type ip6tnl external mode any";
        assert_eq!(both(device(true), PRESENT), [add, "ip link del ip6tnl-ipvs"]);
        assert_eq!(both(device(false), PRESENT), ["modprobe ip6_tunnel", ""]);
        let port = |ipv6| Resource::Fou { port: 6080, ipv6 };
        let add = "modprobe fou; ip fou add port 6080 gue";
        assert_eq!(both(port(false), PRESENT), [add, "ip fou del port 6080"]);
        let add = "modprobe fou; ip fou add port 6080 gue -6";
        assert_eq!(both(port(true), PRESENT), [add, "ip fou del port 6080 -6"]);
    }

    #[test]
    fn links_and_addresses() {
        let up = |bare| Resource::Up { device: "lo".into(), bare };
        assert_eq!(both(up(false), PRESENT), ["ip link set lo up", "ip link set lo down"]);
        let down = "ip link set lo down; ip addr del 127.0.0.1/8 dev lo";
        assert_eq!(both(up(true), PRESENT), ["ip link set lo up", down]);
        let address = |address: &str, label: Option<&str>, host_scope| Resource::Address {
            device: "lo".into(),
            address: address.parse().unwrap(),
            label: label.map(str::to_string),
            host_scope,
        };
        let add = "ip addr add 10.0.0.100/32 dev lo label lo:0 scope host";
        let del = "ip addr del 10.0.0.100/32 dev lo";
        assert_eq!(both(address("10.0.0.100", Some("lo:0"), true), PRESENT), [add, del]);
        let add = "ip addr add 10.0.0.100/32 dev lo";
        assert_eq!(both(address("10.0.0.100", None, false), PRESENT), [add, del]);
        let add = "ip addr add fd00::100/128 dev lo nodad";
        let del = "ip addr del fd00::100/128 dev lo";
        assert_eq!(both(address("fd00::100", None, false), PRESENT), [add, del]);
    }

    #[test]
    fn sysctls() {
        let sysctl = |key: &str| Resource::Sysctl { key: key.into() };
        let value = ResourceState::Value("1".into());
        let line = "sysctl -w net.ipv4.conf.all.arp_ignore=1";
        assert_eq!(both(sysctl("net/ipv4/conf/all/arp_ignore"), value.clone()), [line, ""]);
        let line = "sysctl -w net/ipv4/conf/eth0.5/rp_filter=1";
        assert_eq!(both(sysctl("net/ipv4/conf/eth0.5/rp_filter"), value), [line, ""]);
    }

    #[test]
    fn default_routes() {
        let route = |ipv6, metric, gateway: &str| {
            let gateway = Some(gateway.parse().unwrap());
            let route = Route { gateway, device: Some("e;1".into()), raw: vec![] };
            both(Resource::DefaultRoute { ipv6, metric }, ResourceState::Route(route))
        };
        let add = "ip route replace default via 10.1.0.1 dev 'e;1'";
        let del = "ip route del default via 10.1.0.1 dev 'e;1'";
        assert_eq!(route(false, 0, "10.1.0.1"), [add, del]);
        let add = "ip -6 route replace default via fd01::1 dev 'e;1' metric 1";
        let del = "ip -6 route del default via fd01::1 dev 'e;1' metric 1";
        assert_eq!(route(true, 1, "fd01::1"), [add, del]);
        let resource = Resource::DefaultRoute { ipv6: false, metric: 0 };
        assert_eq!(both(resource, ABSENT), ["", ""]);
    }

    #[test]
    fn the_shell_reads_any_device_name_as_one_word() {
        for name in ["e;reboot'", "$(reboot)", "`reboot`", "a b", "\"", "\\", "!x", "*", "~"] {
            let line =
                commands(&Resource::Up { device: name.into(), bare: false }, &ABSENT, &PRESENT);
            let words = shlex::split(&line[0]).expect("a line that the shell can read");
            assert_eq!(words, ["ip", "link", "set", name, "up"]);
        }
        assert_eq!(shell_line(&["rs-setup", "e;x", ""]), "rs-setup 'e;x' ''");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        for (name, shown) in [("e\x1b[31m", r"e\u{1b}[31m"), ("a\0b", r"a\u{0}b")] {
            let quoted = quote(name);
            assert!(!quoted.contains(char::is_control), "{quoted:?}");
            assert_eq!(shlex::split(&quoted).expect("a word"), [shown]);
        }
    }
}
