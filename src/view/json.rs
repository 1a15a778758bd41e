//! JSON: the model under names that stay, numbers as numbers, addresses and ports apart.
//!
//! A field that does not apply is left out. What is unknown to this program is a number, or "other".

use crate::model::*;
use serde::Serialize;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

/// Writes changes as one document.
pub fn changes(out: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    let changes = changes.iter().map(Step::from).collect();
    serde_json::to_writer_pretty(&mut *out, &Steps { changes })?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Steps<'a> {
    changes: Vec<Step<'a>>,
}

/// One change.
#[derive(Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
enum Step<'a> {
    AddService {
        service: ServiceJson<'a>,
    },
    EditService {
        service: ServiceJson<'a>,
    },
    DeleteService {
        service: KeyJson,
    },
    AddServer {
        service: KeyJson,
        server: ServerJson,
    },
    EditServer {
        service: KeyJson,
        server: ServerJson,
    },
    DeleteServer {
        service: KeyJson,
        server: ServerKeyJson,
    },
    Clear,
    Zero {
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<KeyJson>,
    },
    Set {
        timeouts: TimeoutsJson,
    },
    StartDaemon {
        daemon: DaemonJson<'a>,
    },
    StopDaemon {
        role: &'static str,
    },
}

/// What tells one virtual service from another.
#[derive(Serialize)]
#[serde(untagged)]
pub enum KeyJson {
    Address { protocol: ProtocolJson, address: IpAddr, port: u16 },
    Mark { mark: u32, family: &'static str },
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum ProtocolJson {
    Name(&'static str),
    Number(u16),
}

/// A virtual service as configured.
#[derive(Serialize)]
pub struct ServiceJson<'a> {
    #[serde(flatten)]
    key: KeyJson,
    scheduler: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scheduler_flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<PersistenceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    one_packet: bool,
}

/// How long a client keeps its server, and who is one client.
#[derive(Serialize)]
struct PersistenceJson {
    /// Seconds.
    timeout: u32,
    #[serde(flatten)]
    netmask: NetmaskJson,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum NetmaskJson {
    Netmask(Ipv4Addr),
    PrefixLength(u32),
}

/// What tells one real server of a service from another.
#[derive(Serialize)]
pub struct ServerKeyJson {
    address: IpAddr,
    port: u16,
}

/// A real server as configured.
#[derive(Serialize)]
pub struct ServerJson {
    #[serde(flatten)]
    key: ServerKeyJson,
    forwarding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelJson>,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
}

#[derive(Serialize)]
struct TunnelJson {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    checksum: &'static str,
}

/// Seconds; 0 in a change leaves one as it is.
#[derive(Serialize)]
pub struct TimeoutsJson {
    tcp: u32,
    tcp_fin: u32,
    udp: u32,
}

/// A synchronisation daemon.
#[derive(Serialize)]
pub struct DaemonJson<'a> {
    role: &'static str,
    interface: &'a str,
    sync_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u8>,
}

impl<'a> From<&'a Change> for Step<'a> {
    fn from(change: &'a Change) -> Step<'a> {
        match change {
            Change::AddService(service) => Step::AddService { service: service.into() },
            Change::EditService(service) => Step::EditService { service: service.into() },
            Change::DeleteService(key) => Step::DeleteService { service: key.into() },
            Change::AddDestination(key, destination) => {
                Step::AddServer { service: key.into(), server: destination.into() }
            }
            Change::EditDestination(key, destination) => {
                Step::EditServer { service: key.into(), server: destination.into() }
            }
            Change::DeleteDestination(key, server) => {
                Step::DeleteServer { service: key.into(), server: server.into() }
            }
            Change::Flush => Step::Clear,
            Change::Zero(key) => Step::Zero { service: key.as_ref().map(KeyJson::from) },
            Change::SetTimeouts(timeouts) => Step::Set { timeouts: timeouts.into() },
            Change::StartDaemon(daemon) => Step::StartDaemon { daemon: daemon.into() },
            Change::StopDaemon(which) => Step::StopDaemon { role: role(*which) },
        }
    }
}

impl From<&ServiceKey> for KeyJson {
    fn from(key: &ServiceKey) -> KeyJson {
        match key {
            ServiceKey::Address { protocol, address, port } => {
                let protocol = match protocol {
                    Protocol::Tcp => ProtocolJson::Name("tcp"),
                    Protocol::Udp => ProtocolJson::Name("udp"),
                    Protocol::Sctp => ProtocolJson::Name("sctp"),
                    Protocol::Other(number) => ProtocolJson::Number(*number),
                };
                KeyJson::Address { protocol, address: *address, port: *port }
            }
            ServiceKey::Mark { mark, family } => {
                let family = match family {
                    Family::V4 => "ipv4",
                    Family::V6 => "ipv6",
                };
                KeyJson::Mark { mark: *mark, family }
            }
        }
    }
}

impl<'a> From<&'a Service> for ServiceJson<'a> {
    fn from(service: &'a Service) -> ServiceJson<'a> {
        let persistence = service.persistence.map(|timeout| {
            let netmask = match service.netmask {
                Netmask::V4(mask) => NetmaskJson::Netmask(mask),
                Netmask::V6(prefix) => NetmaskJson::PrefixLength(prefix),
            };
            PersistenceJson { timeout, netmask }
        });
        let own = scheduler_flag_names(&service.scheduler);
        let names = own.iter().chain(&scheduler_flag_names("")[own.len()..]);
        let set = |bit: &usize| service.scheduler_flags & (1 << bit) != 0;
        ServiceJson {
            key: (&service.key).into(),
            scheduler: &service.scheduler,
            scheduler_flags: names
                .enumerate()
                .filter(|(bit, _)| set(bit))
                .map(|(_, n)| *n)
                .collect(),
            persistence,
            persistence_engine: service.persistence_engine.as_deref(),
            one_packet: service.one_packet,
        }
    }
}

impl From<&DestinationKey> for ServerKeyJson {
    fn from(key: &DestinationKey) -> ServerKeyJson {
        ServerKeyJson { address: key.address, port: key.port }
    }
}

impl From<&Destination> for ServerJson {
    fn from(destination: &Destination) -> ServerJson {
        let tunnel = &destination.tunnel;
        ServerJson {
            key: (&destination.key).into(),
            forwarding: match destination.forwarding {
                Forwarding::Masquerading => "masquerading",
                Forwarding::Local => "local",
                Forwarding::Tunnel => "tunnel",
                Forwarding::DirectRouting => "direct-routing",
                Forwarding::Bypass => "bypass",
                Forwarding::Other(_) => "other",
            },
            tunnel: (destination.forwarding == Forwarding::Tunnel).then(|| TunnelJson {
                kind: match tunnel.kind {
                    TunnelKind::Ipip => "ipip",
                    TunnelKind::Gue => "gue",
                    TunnelKind::Gre => "gre",
                    TunnelKind::Other(_) => "other",
                },
                port: (tunnel.kind == TunnelKind::Gue).then_some(tunnel.port),
                checksum: match tunnel.checksum {
                    Checksum::None => "none",
                    Checksum::Full => "full",
                    Checksum::Remote => "remote",
                },
            }),
            weight: destination.weight,
            upper_threshold: destination.upper_threshold,
            lower_threshold: destination.lower_threshold,
        }
    }
}

impl From<&Timeouts> for TimeoutsJson {
    fn from(timeouts: &Timeouts) -> TimeoutsJson {
        TimeoutsJson { tcp: timeouts.tcp, tcp_fin: timeouts.tcp_fin, udp: timeouts.udp }
    }
}

impl<'a> From<&'a Daemon> for DaemonJson<'a> {
    fn from(daemon: &'a Daemon) -> DaemonJson<'a> {
        DaemonJson {
            role: role(daemon.role),
            interface: &daemon.interface,
            sync_id: daemon.sync_id,
            max_length: daemon.max_length,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
        }
    }
}

fn role(role: DaemonRole) -> &'static str {
    match role {
        DaemonRole::Master => "master",
        DaemonRole::Backup => "backup",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check;
    use crate::command::Command;
    use crate::names::System;
    use serde_json::{Value, json};

    fn shown(lines: &[&str]) -> Value {
        let change = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            match check::command(&words, &System) {
                Ok(Command::Change(change)) => change,
                other => panic!("{line}: {other:?}"),
            }
        };
        let mut out = Vec::new();
        changes(&mut out, &lines.iter().map(change).collect::<Vec<_>>()).expect("written");
        serde_json::from_slice(&out).expect("a document")
    }

    #[test]
    fn every_change() {
        let tcp = json!({"protocol": "tcp", "address": "10.0.0.1", "port": 80});
        let mark = json!({"mark": 4294967295u32, "family": "ipv6"});
        assert_eq!(
            shown(&[
                "-A -u [fd00::1]:53 -s sh -p 60 -M 48 -b sh-port,flag-3 -o --pe sip",
                "-E -t 10.0.0.1:80",
                "-D -f 4294967295 -6",
                "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 6080 --tun-csum -x 9 -y 8",
                "-e -f 4294967295 -6 -r [fd00::2]:8080 -m -w 0",
                "-d -t 10.0.0.1:80 -r 10.0.0.2",
                "-C",
                "-Z",
                "-Z -t 10.0.0.1:80",
                "--set 1 2 0",
                "--start-daemon backup --mcast-interface eth0 --syncid 7 --mcast-ttl 3",
                "--stop-daemon master",
            ]),
            json!({"changes": [
                {"change": "add-service", "service": {
                    "protocol": "udp", "address": "fd00::1", "port": 53, "scheduler": "sh",
                    "scheduler_flags": ["sh-port", "flag-3"],
                    "persistence": {"timeout": 60, "prefix_length": 48},
                    "persistence_engine": "sip", "one_packet": true}},
                {"change": "edit-service", "service": {
                    "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "wlc"}},
                {"change": "delete-service", "service": mark},
                {"change": "add-server", "service": tcp, "server": {
                    "address": "10.0.0.2", "port": 80, "forwarding": "tunnel",
                    "tunnel": {"type": "gue", "port": 6080, "checksum": "full"},
                    "weight": 1, "upper_threshold": 9, "lower_threshold": 8}},
                {"change": "edit-server", "service": mark, "server": {
                    "address": "fd00::2", "port": 8080, "forwarding": "masquerading",
                    "weight": 0, "upper_threshold": 0, "lower_threshold": 0}},
                {"change": "delete-server", "service": tcp,
                    "server": {"address": "10.0.0.2", "port": 80}},
                {"change": "clear"},
                {"change": "zero"},
                {"change": "zero", "service": tcp},
                {"change": "set", "timeouts": {"tcp": 1, "tcp_fin": 2, "udp": 0}},
                {"change": "start-daemon", "daemon": {
                    "role": "backup", "interface": "eth0", "sync_id": 7, "ttl": 3}},
                {"change": "stop-daemon", "role": "master"},
            ]})
        );
    }
}
