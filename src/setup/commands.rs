//! Steps as the `modprobe`, `sysctl` and `ip` commands that would do the same.

use crate::host::resource::{Resource, ResourceState, alone, key_text};
use crate::text::printable;

/// The shell commands that bring `what` from one state into the other.
pub fn commands(what: &Resource, found: &ResourceState, wanted: &ResourceState) -> Vec<String> {
    let there = *wanted != ResourceState::Absent;
    match what {
        Resource::Device { name, kind, ours: true, .. } => match there {
            true => vec![format!("ip link add {name} type {kind} external mode any")],
            false => vec![format!("ip link del {name}")],
        },
        Resource::Device { module, .. } => match there {
            true => vec![format!("modprobe {module}")],
            false => vec![],
        },
        Resource::Fou { port, ipv6 } => {
            let ipv6 = if *ipv6 { " -6" } else { "" };
            match there {
                true => vec!["modprobe fou".into(), format!("ip fou add port {port} gue{ipv6}")],
                false => vec![format!("ip fou del port {port}{ipv6}")],
            }
        }
        Resource::Up { device, bare } => {
            let device = quoted(device);
            let mut lines =
                vec![format!("ip link set {device} {}", if there { "up" } else { "down" })];
            if *bare && !there {
                lines.push(format!("ip addr del 127.0.0.1/8 dev {device}"));
            }
            lines
        }
        Resource::Sysctl { key } => match wanted {
            ResourceState::Value(value) => {
                vec![format!("sysctl -w {}={}", quoted(&key_text(key)), quoted(value))]
            }
            ResourceState::Absent | ResourceState::Present | ResourceState::Route(_) => vec![],
        },
        Resource::Address { device, address, label, host_scope } => {
            let mut line = format!(
                "ip addr {} {} dev {}",
                if there { "add" } else { "del" },
                alone(*address),
                quoted(device)
            );
            if there {
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
            let ip = if *ipv6 { "ip -6" } else { "ip" };
            let metric = if *metric == 0 { String::new() } else { format!(" metric {metric}") };
            match (wanted, found) {
                (ResourceState::Route(route), _) => {
                    vec![format!(
                        "{ip} route replace default {}{metric}",
                        words(&route.to_string())
                    )]
                }
                (_, ResourceState::Route(route)) => {
                    vec![format!("{ip} route del default {}{metric}", words(&route.to_string()))]
                }
                _ => vec![],
            }
        }
    }
}

fn words(text: &str) -> String {
    text.split(' ').map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word for the shell; control characters are shown, not sent to a terminal.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@,+=%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", printable(word.as_bytes()).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_can_have_any_name_without_harm() {
        let what = Resource::Up { device: "e;reboot'".into(), bare: false };
        assert_eq!(
            commands(&what, &ResourceState::Absent, &ResourceState::Present),
            [r"ip link set 'e;reboot'\''' up"]
        );
        let what = Resource::Sysctl { key: "net/ipv4/conf/eth0.5/rp_filter".into() };
        let value = ResourceState::Value("1".into());
        assert_eq!(
            commands(&what, &ResourceState::Absent, &value),
            ["sysctl -w net/ipv4/conf/eth0.5/rp_filter=1"]
        );
    }
}
