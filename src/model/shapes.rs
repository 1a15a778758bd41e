//! The model as it is serialised, and read again: the forms of `schema/ipvsadm.schema.json`.
//!
//! A field that does not apply is left out. What has no name here is its number. What is read is
//! checked: it becomes no value of the model that a builder would not give, but for what the kernel
//! alone makes.

use super::*;
use crate::table::Table;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// What tells one virtual service from another.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a service has a protocol, an address and a port, or a mark and a family"
)]
pub enum KeyJson {
    Address { protocol: NameJson<'static>, address: IpAddr, port: u16 },
    Mark { mark: u32, family: FamilyJson },
}

/// One of the names of a kind, or the number of one that this program has no name for.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum NameJson<'a> {
    Name(Cow<'a, str>),
    Number(u32),
}

/// A virtual service as configured.
#[derive(Serialize, Deserialize)]
pub struct ServiceJson<'a> {
    #[serde(flatten)]
    key: KeyJson,
    scheduler: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scheduler_flags: Vec<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<PersistenceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    one_packet: bool,
}

/// How long a client keeps its server, and who is one client.
#[derive(Serialize, Deserialize)]
struct PersistenceJson {
    /// Seconds.
    timeout: u32,
    #[serde(flatten)]
    netmask: NetmaskJson,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NetmaskJson {
    Netmask(Ipv4Addr),
    PrefixLength(u32),
}

/// What tells one real server of a service from another.
#[derive(Serialize, Deserialize)]
pub struct ServerKeyJson {
    address: IpAddr,
    port: u16,
}

/// A real server as configured.
#[derive(Serialize, Deserialize)]
pub struct ServerJson {
    #[serde(flatten)]
    key: ServerKeyJson,
    forwarding: NameJson<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelJson>,
    weight: u32,
    #[serde(default)]
    upper_threshold: u32,
    #[serde(default)]
    lower_threshold: u32,
}

#[derive(Serialize, Deserialize)]
struct TunnelJson {
    #[serde(rename = "type")]
    kind: NameJson<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    checksum: ChecksumJson,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ChecksumJson {
    None,
    Full,
    Remote,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum FamilyJson {
    Ipv4,
    Ipv6,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum RoleJson {
    Master,
    Backup,
}

/// Seconds; 0 in a change leaves one as it is.
#[derive(Serialize, Deserialize)]
pub struct TimeoutsJson {
    #[serde(default)]
    tcp: u32,
    #[serde(default)]
    tcp_fin: u32,
    #[serde(default)]
    udp: u32,
}

/// A synchronisation daemon.
#[derive(Serialize, Deserialize)]
pub struct DaemonJson<'a> {
    role: RoleJson,
    interface: Cow<'a, str>,
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
                    Protocol::Tcp => "tcp".into(),
                    Protocol::Udp => "udp".into(),
                    Protocol::Sctp => "sctp".into(),
                    Protocol::Other(number) => NameJson::Number(u32::from(*number)),
                };
                KeyJson::Address { protocol, address: *address, port: *port }
            }
            ServiceKey::Mark { mark, family } => {
                let family = match family {
                    Family::V4 => FamilyJson::Ipv4,
                    Family::V6 => FamilyJson::Ipv6,
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
            scheduler: Cow::Borrowed(&service.scheduler),
            scheduler_flags: names
                .enumerate()
                .filter(|(bit, _)| set(bit))
                .map(|(_, n)| Cow::Borrowed(*n))
                .collect(),
            persistence,
            persistence_engine: service.persistence_engine.as_deref().map(Cow::Borrowed),
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
                Forwarding::Masquerading => "masquerading".into(),
                Forwarding::Local => "local".into(),
                Forwarding::Tunnel => "tunnel".into(),
                Forwarding::DirectRouting => "direct-routing".into(),
                Forwarding::Bypass => "bypass".into(),
                Forwarding::Other(number) => NameJson::Number(number),
            },
            tunnel: (destination.forwarding == Forwarding::Tunnel).then(|| TunnelJson {
                kind: match tunnel.kind {
                    TunnelKind::Ipip => "ipip".into(),
                    TunnelKind::Gue => "gue".into(),
                    TunnelKind::Gre => "gre".into(),
                    TunnelKind::Other(number) => NameJson::Number(u32::from(number)),
                },
                port: (tunnel.kind == TunnelKind::Gue).then_some(tunnel.port),
                checksum: match tunnel.checksum {
                    Checksum::None => ChecksumJson::None,
                    Checksum::Full => ChecksumJson::Full,
                    Checksum::Remote => ChecksumJson::Remote,
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
            role: daemon.role.into(),
            interface: Cow::Borrowed(&daemon.interface),
            sync_id: daemon.sync_id,
            max_length: daemon.max_length,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
        }
    }
}

impl From<DaemonRole> for RoleJson {
    fn from(role: DaemonRole) -> RoleJson {
        match role {
            DaemonRole::Master => RoleJson::Master,
            DaemonRole::Backup => RoleJson::Backup,
        }
    }
}

impl<'a> From<&'a str> for NameJson<'a> {
    fn from(name: &'a str) -> NameJson<'a> {
        NameJson::Name(Cow::Borrowed(name))
    }
}

impl NameJson<'_> {
    /// What is meant: one of `known`, by its name or its number, or what `other` makes of a number.
    /// One value has one form, or tables would differ in nothing.
    fn meant<T: Copy>(
        &self,
        known: &[(&str, u32, T)],
        other: impl FnOnce(u32) -> Option<T>,
    ) -> Result<T, String> {
        let found = match self {
            NameJson::Name(name) => known.iter().find(|(known, ..)| known == name),
            NameJson::Number(n) => known.iter().find(|(_, number, _)| number == n),
        };
        let found = found.map(|(.., meant)| *meant).or_else(|| match self {
            NameJson::Name(_) => None,
            NameJson::Number(n) => other(*n),
        });
        found.ok_or_else(|| match self {
            NameJson::Name(name) => format!("`{name}' is none of what is known"),
            NameJson::Number(n) => format!("{n} is none of what is known"),
        })
    }
}

impl TryFrom<KeyJson> for ServiceKey {
    type Error = String;

    fn try_from(key: KeyJson) -> Result<ServiceKey, String> {
        Ok(match key {
            KeyJson::Address { protocol, address, port } => {
                let names = [
                    ("tcp", 6, Protocol::Tcp),
                    ("udp", 17, Protocol::Udp),
                    ("sctp", 132, Protocol::Sctp),
                ];
                let number = |n| u16::try_from(n).ok().map(Protocol::Other);
                ServiceKey::Address { protocol: protocol.meant(&names, number)?, address, port }
            }
            KeyJson::Mark { mark, family } => {
                let family = match family {
                    FamilyJson::Ipv4 => Family::V4,
                    FamilyJson::Ipv6 => Family::V6,
                };
                ServiceKey::Mark { mark, family }
            }
        })
    }
}

impl TryFrom<ServiceJson<'_>> for Service {
    type Error = String;

    fn try_from(json: ServiceJson) -> Result<Service, String> {
        let key = json.key.try_into()?;
        let mut builder = Service::of(key).scheduler(json.scheduler.clone());
        let own = scheduler_flag_names(&json.scheduler);
        let mut flags = 0;
        for flag in &json.scheduler_flags {
            let bit = |names: &[&str]| names.iter().position(|name| name == flag);
            let bit = bit(own).or_else(|| bit(scheduler_flag_names("")));
            flags |= 1 << bit.ok_or_else(|| format!("`{flag}' is no flag of a scheduler"))?;
        }
        builder = builder.scheduler_flags(flags);
        if let Some(persistence) = json.persistence {
            builder = builder.persistence(persistence.timeout).netmask(match persistence.netmask {
                NetmaskJson::Netmask(mask) => Netmask::V4(mask),
                NetmaskJson::PrefixLength(prefix) => Netmask::V6(prefix),
            });
        }
        if let Some(engine) = json.persistence_engine {
            builder = builder.persistence_engine(engine);
        }
        if json.one_packet {
            builder = builder.one_packet();
        }
        builder.build().map_err(|invalid| invalid.to_string())
    }
}

impl From<ServerKeyJson> for DestinationKey {
    fn from(key: ServerKeyJson) -> DestinationKey {
        DestinationKey { address: key.address, port: key.port }
    }
}

impl TryFrom<ServerJson> for Destination {
    type Error = String;

    fn try_from(json: ServerJson) -> Result<Destination, String> {
        let names = [
            ("masquerading", 0, Forwarding::Masquerading),
            ("local", 1, Forwarding::Local),
            ("tunnel", 2, Forwarding::Tunnel),
            ("direct-routing", 3, Forwarding::DirectRouting),
            ("bypass", 4, Forwarding::Bypass),
        ];
        let tunnel = match json.tunnel {
            None => Tunnel::default(),
            Some(tunnel) => {
                let names = [
                    ("ipip", 0, TunnelKind::Ipip),
                    ("gue", 1, TunnelKind::Gue),
                    ("gre", 2, TunnelKind::Gre),
                ];
                let number = |n| u8::try_from(n).ok().map(TunnelKind::Other);
                let checksum = match tunnel.checksum {
                    ChecksumJson::None => Checksum::None,
                    ChecksumJson::Full => Checksum::Full,
                    ChecksumJson::Remote => Checksum::Remote,
                };
                let kind = tunnel.kind.meant(&names, number)?;
                Tunnel { kind, port: tunnel.port.unwrap_or(0), checksum }
            }
        };
        let destination = Destination {
            key: json.key.into(),
            forwarding: json.forwarding.meant(&names, |n| Some(Forwarding::Other(n)))?,
            tunnel,
            weight: json.weight,
            upper_threshold: json.upper_threshold,
            lower_threshold: json.lower_threshold,
        };
        destination.check().map_err(|invalid| invalid.to_string())?;
        Ok(destination)
    }
}

impl TryFrom<TimeoutsJson> for Timeouts {
    type Error = String;

    fn try_from(json: TimeoutsJson) -> Result<Timeouts, String> {
        let timeouts = Timeouts { tcp: json.tcp, tcp_fin: json.tcp_fin, udp: json.udp };
        timeouts.check().map_err(|invalid| invalid.to_string())?;
        Ok(timeouts)
    }
}

impl TryFrom<DaemonJson<'_>> for Daemon {
    type Error = String;

    fn try_from(json: DaemonJson) -> Result<Daemon, String> {
        let daemon = Daemon {
            role: match json.role {
                RoleJson::Master => DaemonRole::Master,
                RoleJson::Backup => DaemonRole::Backup,
            },
            interface: json.interface.into_owned(),
            sync_id: json.sync_id,
            max_length: json.max_length,
            group: json.group,
            port: json.port,
            ttl: json.ttl,
        };
        daemon.check().map_err(|invalid| invalid.to_string())?;
        Ok(daemon)
    }
}

/// A service and its servers.
#[derive(Serialize, Deserialize)]
struct EntryJson<'a> {
    #[serde(flatten)]
    service: ServiceJson<'a>,
    #[serde(default)]
    servers: Vec<ServerJson>,
}

/// A whole table; what it does not say anything of is left out.
#[derive(Serialize, Deserialize)]
struct TableJson<'a> {
    services: Vec<EntryJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<TimeoutsJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    daemons: Vec<DaemonJson<'a>>,
}

impl<'a> From<&'a Table> for TableJson<'a> {
    fn from(table: &'a Table) -> TableJson<'a> {
        let entry = |entry: &'a crate::table::Entry| EntryJson {
            service: entry.service().into(),
            servers: entry.destinations().map(ServerJson::from).collect(),
        };
        let timeouts = table.timeouts();
        let roles = [DaemonRole::Master, DaemonRole::Backup];
        TableJson {
            services: table.services().map(entry).collect(),
            timeouts: (timeouts != Timeouts::default()).then(|| (&timeouts).into()),
            daemons: roles.into_iter().filter_map(|r| table.daemon(r)).map(Into::into).collect(),
        }
    }
}

impl TryFrom<TableJson<'_>> for Table {
    type Error = String;

    fn try_from(json: TableJson) -> Result<Table, String> {
        let mut table = Table::default();
        let mut run = |change: Change| {
            change.check().map_err(|invalid| invalid.to_string())?;
            table.run(&change).map_err(|refused| refused.to_string())
        };
        for entry in json.services {
            let service: Service = entry.service.try_into()?;
            let key = service.key;
            run(Change::AddService(service))?;
            for server in entry.servers {
                run(Change::AddDestination(key, server.try_into()?))?;
            }
        }
        if let Some(timeouts) = json.timeouts {
            run(Change::SetTimeouts(timeouts.try_into()?))?;
        }
        for daemon in json.daemons {
            run(Change::StartDaemon(daemon.try_into()?))?;
        }
        Ok(table)
    }
}

/// Written and read by way of its form.
macro_rules! by_way_of {
    ($($type:ty: $form:ty;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::from(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                <$form>::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
            }
        }
    )*};
}

by_way_of! {
    ServiceKey: KeyJson;
    Service: ServiceJson;
    DestinationKey: ServerKeyJson;
    Destination: ServerJson;
    Timeouts: TimeoutsJson;
    Daemon: DaemonJson;
    Table: TableJson;
}
