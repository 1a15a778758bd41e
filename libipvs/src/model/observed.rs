//! The kernel's view of services and real servers: settings and statistics.

use super::{Destination, Service, ServiceKey};
use std::fmt;

/// Counters since they were last zeroed, and current rates (`IPVS_SVC_ATTR_STATS64`,
/// `IPVS_DEST_ATTR_STATS64`; on kernels before 4.1 the 32-bit `IPVS_SVC_ATTR_STATS`,
/// `IPVS_DEST_ATTR_STATS`).
///
/// The kernel updates them every two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Statistics {
    /// Scheduled connections (`IPVS_STATS_ATTR_CONNS`).
    pub connections: u64,
    /// Packets from clients (`IPVS_STATS_ATTR_INPKTS`).
    pub packets_in: u64,
    /// Packets to clients that passed the director (`IPVS_STATS_ATTR_OUTPKTS`).
    pub packets_out: u64,
    /// Bytes from clients (`IPVS_STATS_ATTR_INBYTES`).
    pub bytes_in: u64,
    /// Bytes to clients that passed the director (`IPVS_STATS_ATTR_OUTBYTES`).
    pub bytes_out: u64,
    /// Scheduled connections a second (`IPVS_STATS_ATTR_CPS`).
    pub connections_rate: u64,
    /// Packets from clients a second (`IPVS_STATS_ATTR_INPPS`).
    pub packets_in_rate: u64,
    /// Packets to clients a second (`IPVS_STATS_ATTR_OUTPPS`).
    pub packets_out_rate: u64,
    /// Bytes from clients a second (`IPVS_STATS_ATTR_INBPS`).
    pub bytes_in_rate: u64,
    /// Bytes to clients a second (`IPVS_STATS_ATTR_OUTBPS`).
    pub bytes_out_rate: u64,
}

/// A virtual service as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedService {
    /// The settings.
    pub service: Service,
    /// The traffic of the service.
    pub statistics: Statistics,
}

/// A real server as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedDestination {
    /// The settings. The kernel may have replaced the forwarding method.
    pub destination: Destination,
    /// Established connections (`IPVS_DEST_ATTR_ACTIVE_CONNS`).
    pub active: u32,
    /// Connections in other states (`IPVS_DEST_ATTR_INACT_CONNS`).
    pub inactive: u32,
    /// Connection templates of persistence (`IPVS_DEST_ATTR_PERSIST_CONNS`).
    pub persistent: u32,
    /// The traffic of the real server.
    pub statistics: Statistics,
}

/// A virtual service with its real servers, as the kernel reports them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedEntry {
    /// The service.
    pub service: ObservedService,
    /// Its real servers, in the kernel's order.
    pub destinations: Vec<ObservedDestination>,
}

/// The counters and rates on one line: `5 connections (1/s), in 50 packets (10/s) 4000 bytes (800/s),
/// out 40 packets (8/s) 90000 bytes (18000/s)`.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} connections ({}/s), in {} packets ({}/s) {} bytes ({}/s), \
             out {} packets ({}/s) {} bytes ({}/s)",
            self.connections,
            self.connections_rate,
            self.packets_in,
            self.packets_in_rate,
            self.bytes_in,
            self.bytes_in_rate,
            self.packets_out,
            self.packets_out_rate,
            self.bytes_out,
            self.bytes_out_rate
        )
    }
}

/// The service, its scheduler and its traffic: `tcp 192.0.2.1:80 wlc: 5 connections ...`.
impl fmt::Display for ObservedService {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}: {}", self.service.key, self.service.scheduler, self.statistics)
    }
}

/// The real server, its connections and its traffic on one line: `10.0.0.11:80 direct routing weight 1:
/// 3 active, 2 inactive, 0 persistent, 5 connections (1/s), ...`.
impl fmt::Display for ObservedDestination {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Destination { key, forwarding, weight, .. } = &self.destination;
        let (active, inactive) = (self.active, self.inactive);
        let (persistent, statistics) = (self.persistent, &self.statistics);
        write!(
            f,
            "{key} {forwarding} weight {weight}: {active} active, {inactive} inactive, \
             {persistent} persistent, {statistics}"
        )
    }
}

impl ObservedEntry {
    /// Returns the identity of the service.
    #[must_use]
    pub fn key(&self) -> &ServiceKey {
        &self.service.service.key
    }
}

/// Creates a service without traffic.
impl From<Service> for ObservedService {
    fn from(service: Service) -> ObservedService {
        ObservedService { service, statistics: Statistics::default() }
    }
}

/// Creates a real server without connections or traffic.
impl From<Destination> for ObservedDestination {
    fn from(destination: Destination) -> ObservedDestination {
        let statistics = Statistics::default();
        ObservedDestination { destination, active: 0, inactive: 0, persistent: 0, statistics }
    }
}

/// Creates a service without real servers.
impl From<ObservedService> for ObservedEntry {
    fn from(service: ObservedService) -> ObservedEntry {
        ObservedEntry { service, destinations: Vec::new() }
    }
}

/// Properties of the kernel's IPVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Info {
    /// The version (`IPVS_INFO_ATTR_VERSION`).
    pub version: Version,
    /// The number of buckets in the connection table (`IPVS_INFO_ATTR_CONN_TAB_SIZE`).
    pub connection_table_size: u32,
}

/// The version of the kernel's IPVS. Displayed as `1.2.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Version {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
    /// The third number.
    pub patch: u8,
}

impl Version {
    /// Decodes a number of the form 0xMMmmpp.
    pub(crate) fn from_number(number: u32) -> Version {
        let [_, major, minor, patch] = number.to_be_bytes();
        Version { major, minor, patch }
    }

    /// Encodes the version as 0xMMmmpp.
    pub(crate) fn number(self) -> u32 {
        u32::from_be_bytes([0, self.major, self.minor, self.patch])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
