//! Validation errors.

use super::{Family, Netmask, ServiceKey};
use std::net::IpAddr;

/// The reason why a value is invalid: the kernel refuses it, changes it silently, or cannot use it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// The firewall mark is 0.
    #[error("a firewall mark cannot be 0")]
    NoMark,
    /// A service for all ports (port 0) has no persistence.
    #[error("port 0 requires persistence")]
    PortWithoutPersistence,
    /// The scheduler's name does not have 1 to 15 bytes, or contains a zero byte.
    #[error("invalid scheduler name '{0}': must have 1 to 15 bytes and no zero byte")]
    Scheduler(String),
    /// The persistence engine's name does not have 1 to 15 bytes, or contains a zero byte.
    #[error("invalid persistence engine name '{0}': must have 1 to 15 bytes and no zero byte")]
    PersistenceEngine(String),
    /// The scheduler flags have bits beyond the three that exist.
    #[error("scheduler flags {0:#b} are above 0b111")]
    SchedulerFlags(u8),
    /// The persistence timeout is not between 1 and 42949672 seconds. Every kernel would shorten a
    /// longer one.
    #[error("persistence of {0} seconds is not between 1 and 42949672")]
    Persistence(u32),
    /// The netmask is of the other family, or its prefix length is not between 1 and 128.
    #[error("{0} is not a netmask for {1} addresses")]
    Netmask(Netmask, Family),
    /// A protocol other than UDP is scheduled packet by packet.
    #[error("{0}: one-packet scheduling requires UDP")]
    OnePacket(ServiceKey),
    /// The weight is above 2147483647.
    #[error("weight {0} is above 2147483647")]
    Weight(u32),
    /// The lower threshold is above the upper one.
    #[error("lower threshold {lower} is above upper threshold {upper}")]
    Thresholds {
        /// The lower threshold.
        lower: u32,
        /// The upper threshold.
        upper: u32,
    },
    /// The real server's address is not that of a host.
    #[error("{0} is not the address of a host")]
    Address(IpAddr),
    /// The UDP port of a GUE tunnel is 0.
    #[error("a GUE tunnel requires a port")]
    NoTunnelPort,
    /// The real server is of another family than its service, and its method is not tunnel.
    #[error("real server {destination} of {service} requires a tunnel: the families differ")]
    FamilyMismatch {
        /// The service.
        service: ServiceKey,
        /// The real server's address.
        destination: IpAddr,
    },
    /// The interface's name does not have 1 to 15 bytes, or contains a zero byte.
    #[error("invalid interface name '{0}': must have 1 to 15 bytes and no zero byte")]
    Interface(String),
    /// The sync ID is above 255.
    #[error("sync ID {0} is above 255")]
    SyncId(u32),
    /// The group of a synchronisation daemon is not a multicast address.
    #[error("{0} is not a multicast group")]
    Group(IpAddr),
    /// The UDP port of a synchronisation daemon is 0.
    #[error("sync messages cannot be sent to port 0")]
    NoPort,
    /// The timeout is above 21474836 seconds, which every kernel refuses.
    #[error("a timeout of {0} seconds is above 21474836")]
    Timeout(u32),
}
