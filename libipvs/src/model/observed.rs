//! The kernel's view of services and real servers: settings and statistics.

use super::{Destination, Service};

/// Counters since they were last zeroed, and current rates (`IPVS_SVC_ATTR_STATS64`,
/// `IPVS_DEST_ATTR_STATS64`; on kernels before 4.1 the 32-bit `IPVS_SVC_ATTR_STATS`,
/// `IPVS_DEST_ATTR_STATS`).
///
/// The kernel updates them every two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// Properties of the kernel's IPVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Info {
    /// The version as 0xMMmmpp: major, minor, patch (`IPVS_INFO_ATTR_VERSION`).
    pub version: u32,
    /// The number of buckets in the connection table (`IPVS_INFO_ATTR_CONN_TAB_SIZE`).
    pub connection_table_size: u32,
}
