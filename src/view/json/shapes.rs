//! The model as it is serialised.
//!
//! A field that does not apply is left out. What has no name here is its number.

use crate::model::*;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// What tells one virtual service from another.
#[derive(Serialize)]
#[serde(untagged)]
pub enum KeyJson {
    Address { protocol: NameJson<'static>, address: IpAddr, port: u16 },
    Mark { mark: u32, family: &'static str },
}

/// One of the names of a kind, or the number of one that this program has no name for.
#[derive(Serialize)]
#[serde(untagged)]
pub enum NameJson<'a> {
    Name(&'a str),
    Number(u32),
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
    forwarding: NameJson<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelJson>,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
}

#[derive(Serialize)]
struct TunnelJson {
    #[serde(rename = "type")]
    kind: NameJson<'static>,
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

impl From<&ServiceKey> for KeyJson {
    fn from(key: &ServiceKey) -> KeyJson {
        match key {
            ServiceKey::Address { protocol, address, port } => {
                let protocol = match protocol {
                    Protocol::Tcp => NameJson::Name("tcp"),
                    Protocol::Udp => NameJson::Name("udp"),
                    Protocol::Sctp => NameJson::Name("sctp"),
                    Protocol::Other(number) => NameJson::Number(u32::from(*number)),
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
                Forwarding::Masquerading => NameJson::Name("masquerading"),
                Forwarding::Local => NameJson::Name("local"),
                Forwarding::Tunnel => NameJson::Name("tunnel"),
                Forwarding::DirectRouting => NameJson::Name("direct-routing"),
                Forwarding::Bypass => NameJson::Name("bypass"),
                Forwarding::Other(number) => NameJson::Number(number),
            },
            tunnel: (destination.forwarding == Forwarding::Tunnel).then(|| TunnelJson {
                kind: match tunnel.kind {
                    TunnelKind::Ipip => NameJson::Name("ipip"),
                    TunnelKind::Gue => NameJson::Name("gue"),
                    TunnelKind::Gre => NameJson::Name("gre"),
                    TunnelKind::Other(number) => NameJson::Number(u32::from(number)),
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

pub fn role(role: DaemonRole) -> &'static str {
    match role {
        DaemonRole::Master => "master",
        DaemonRole::Backup => "backup",
    }
}
