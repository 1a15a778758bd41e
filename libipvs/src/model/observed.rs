//! What the kernel shows beside what was configured.

use super::{Destination, Service};

/// Counters since the last zeroing, and rates of the last seconds (`IPVS_SVC_ATTR_STATS64`,
/// `IPVS_DEST_ATTR_STATS64`; the ones of 32 bits where a kernel has no others).
///
/// The kernel brings both up to date every two seconds: what has just happened may not be in them yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections that were scheduled (`IPVS_STATS_ATTR_CONNS`).
    pub connections: u64,
    /// Packets from clients (`IPVS_STATS_ATTR_INPKTS`).
    pub packets_in: u64,
    /// Packets to clients, as far as they pass the director (`IPVS_STATS_ATTR_OUTPKTS`).
    pub packets_out: u64,
    /// Bytes from clients (`IPVS_STATS_ATTR_INBYTES`).
    pub bytes_in: u64,
    /// Bytes to clients, as far as they pass the director (`IPVS_STATS_ATTR_OUTBYTES`).
    pub bytes_out: u64,
    /// Connections a second (`IPVS_STATS_ATTR_CPS`).
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

/// A virtual service as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedService {
    /// As configured.
    pub service: Service,
    /// What it has forwarded, and does.
    pub statistics: Statistics,
}

/// A real server as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedDestination {
    /// As configured; the forwarding method may be the kernel's own.
    pub destination: Destination,
    /// Connections that are established (`IPVS_DEST_ATTR_ACTIVE_CONNS`).
    pub active: u32,
    /// Connections in any other state (`IPVS_DEST_ATTR_INACT_CONNS`).
    pub inactive: u32,
    /// Clients that persistence keeps here (`IPVS_DEST_ATTR_PERSIST_CONNS`).
    pub persistent: u32,
    /// What it got, and gets.
    pub statistics: Statistics,
}

/// A service that has forwarded nothing yet.
impl From<Service> for ObservedService {
    fn from(service: Service) -> ObservedService {
        ObservedService { service, statistics: Statistics::default() }
    }
}

/// A real server without connections.
impl From<Destination> for ObservedDestination {
    fn from(destination: Destination) -> ObservedDestination {
        let statistics = Statistics::default();
        ObservedDestination { destination, active: 0, inactive: 0, persistent: 0, statistics }
    }
}

/// The kernel's IPVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Info {
    /// Its version, as 0xMMmmpp (`IPVS_INFO_ATTR_VERSION`).
    pub version: u32,
    /// Entries of its connection table (`IPVS_INFO_ATTR_CONN_TAB_SIZE`).
    pub connection_table_size: u32,
}
