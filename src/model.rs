//! The table as plain data: virtual services and real servers, as configured and as observed.
//!
//! Nothing here reads, prints or talks to a kernel. Numbers are in host byte order.

use std::net::{IpAddr, Ipv4Addr};

/// Address family of a virtual service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// Transport protocol of a virtual service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
    /// One that this program does not know.
    Other(u16),
}

/// What tells one virtual service from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// A virtual IP address and port.
    Address { protocol: Protocol, address: IpAddr, port: u16 },
    /// A firewall mark.
    Mark { mark: u32, family: Family },
}

impl ServiceKey {
    pub fn family(&self) -> Family {
        match self {
            ServiceKey::Address { address, .. } => Family::of(*address),
            ServiceKey::Mark { family, .. } => *family,
        }
    }
}

/// Which clients persistence takes for one: those that are equal under this mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Netmask {
    V4(Ipv4Addr),
    /// A prefix length, up to 128.
    V6(u32),
}

impl Netmask {
    /// Every client by itself: the default.
    pub fn whole(family: Family) -> Netmask {
        match family {
            Family::V4 => Netmask::V4(Ipv4Addr::BROADCAST),
            Family::V6 => Netmask::V6(128),
        }
    }
}

/// A virtual service as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub key: ServiceKey,
    pub scheduler: String,
    /// The three flags that a scheduler may give a meaning: bit 0 is flag-1.
    pub scheduler_flags: u8,
    /// Seconds that a client keeps its server.
    pub persistence: Option<u32>,
    pub netmask: Netmask,
    /// Every datagram is scheduled by itself (UDP).
    pub one_packet: bool,
    pub persistence_engine: Option<String>,
}

/// How packets get to a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forwarding {
    Masquerading,
    /// Set by the kernel for an address of the director itself.
    Local,
    Tunnel,
    DirectRouting,
    /// Set by the kernel for a cache's own traffic.
    Bypass,
    /// One that this program does not know.
    Other(u32),
}

/// Encapsulation of the tunnel to a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// UDP port, for GUE.
    pub port: u16,
    pub checksum: Checksum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    Ipip,
    Gue,
    Gre,
    /// One that this program does not know.
    Other(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    None,
    Full,
    Remote,
}

impl Default for Tunnel {
    fn default() -> Tunnel {
        Tunnel { kind: TunnelKind::Ipip, port: 0, checksum: Checksum::None }
    }
}

/// What tells one real server of a virtual service from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DestinationKey {
    pub address: IpAddr,
    pub port: u16,
}

/// A real server of a virtual service, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    pub key: DestinationKey,
    pub forwarding: Forwarding,
    pub tunnel: Tunnel,
    pub weight: u32,
    /// Connections at which it gets no more; 0 for no limit.
    pub upper_threshold: u32,
    /// Connections below which it gets new ones again.
    pub lower_threshold: u32,
}

/// Counters since the last zeroing, and rates of the last seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    pub connections: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub connections_rate: u64,
    pub packets_in_rate: u64,
    pub packets_out_rate: u64,
    pub bytes_in_rate: u64,
    pub bytes_out_rate: u64,
}

/// A virtual service as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedService {
    pub service: Service,
    pub statistics: Statistics,
}

/// A real server as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedDestination {
    pub destination: Destination,
    pub active: u32,
    pub inactive: u32,
    pub persistent: u32,
    pub statistics: Statistics,
}

/// The two ends of connection synchronisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DaemonRole {
    Master,
    Backup,
}

/// A synchronisation daemon. What is `None` is left to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    pub role: DaemonRole,
    pub interface: String,
    pub sync_id: u32,
    pub max_length: Option<u16>,
    pub group: Option<IpAddr>,
    pub port: Option<u16>,
    pub ttl: Option<u8>,
}

impl Daemon {
    /// A daemon of which only the role is known.
    pub fn new(role: DaemonRole) -> Daemon {
        Daemon {
            role,
            interface: String::new(),
            sync_id: 0,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        }
    }
}

/// Seconds that an idle connection is kept; 0 in a change leaves the value as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    pub tcp: u32,
    pub tcp_fin: u32,
    pub udp: u32,
}

/// The kernel's IPVS: its version, as 0xMMmmpp, and the size of its connection table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    pub version: u32,
    pub connection_table_size: u32,
}

/// One change to the table: what a verb of ipvsadm does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    AddService(Service),
    EditService(Service),
    DeleteService(ServiceKey),
    AddDestination(ServiceKey, Destination),
    EditDestination(ServiceKey, Destination),
    DeleteDestination(ServiceKey, DestinationKey),
    /// Remove every service.
    Flush,
    /// Zero the counters of one service, or of all.
    Zero(Option<ServiceKey>),
    SetTimeouts(Timeouts),
    StartDaemon(Daemon),
    StopDaemon(DaemonRole),
}

/// What a scheduler calls its flags, from bit 0 on. `""` gives the names that hold for any.
pub fn scheduler_flag_names(scheduler: &str) -> &'static [&'static str] {
    match scheduler {
        "sh" => &["sh-fallback", "sh-port"],
        "mh" => &["mh-fallback", "mh-port"],
        _ => &["flag-1", "flag-2", "flag-3"],
    }
}
