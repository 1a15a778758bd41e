//! Steps as the `modprobe`, `sysctl` and `ip` commands that would do the same.

use super::step::{State, What, alone, key_text};
use crate::cli::shown;

/// The shell commands that bring `what` from one state into the other.
pub fn commands(what: &What, found: &State, wanted: &State) -> Vec<String> {
    let there = *wanted != State::Absent;
    match what {
        What::Device { name, kind, ours: true, .. } => match there {
            true => vec![format!("ip link add {name} type {kind} external mode any")],
            false => vec![format!("ip link del {name}")],
        },
        What::Device { module, .. } => match there {
            true => vec![format!("modprobe {module}")],
            false => vec![],
        },
        What::Fou { port, ipv6 } => {
            let ipv6 = if *ipv6 { " -6" } else { "" };
            match there {
                true => vec!["modprobe fou".into(), format!("ip fou add port {port} gue{ipv6}")],
                false => vec![format!("ip fou del port {port}{ipv6}")],
            }
        }
        What::Up { device, bare } => {
            let device = quoted(device);
            let mut lines =
                vec![format!("ip link set {device} {}", if there { "up" } else { "down" })];
            if *bare && !there {
                lines.push(format!("ip addr del 127.0.0.1/8 dev {device}"));
            }
            lines
        }
        What::Sysctl { key } => match wanted {
            State::Value(value) => {
                vec![format!("sysctl -w {}={}", quoted(&key_text(key)), quoted(value))]
            }
            State::Absent | State::Present | State::Route(_) => vec![],
        },
        What::Address { device, address, label, host_scope } => {
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
        What::DefaultRoute { ipv6, metric } => {
            let ip = if *ipv6 { "ip -6" } else { "ip" };
            let metric = if *metric == 0 { String::new() } else { format!(" metric {metric}") };
            match (wanted, found) {
                (State::Route(route), _) => {
                    vec![format!(
                        "{ip} route replace default {}{metric}",
                        words(&route.to_string())
                    )]
                }
                (_, State::Route(route)) => {
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
    format!("'{}'", shown(word.as_bytes()).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_can_have_any_name_without_harm() {
        let what = What::Up { device: "e;reboot'".into(), bare: false };
        assert_eq!(
            commands(&what, &State::Absent, &State::Present),
            [r"ip link set 'e;reboot'\''' up"]
        );
        let what = What::Sysctl { key: "net/ipv4/conf/eth0.5/rp_filter".into() };
        let value = State::Value("1".into());
        assert_eq!(
            commands(&what, &State::Absent, &value),
            ["sysctl -w net/ipv4/conf/eth0.5/rp_filter=1"]
        );
    }
}
