//! Validation errors.

use super::{Family, Netmask, ServiceKey};
use std::net::IpAddr;

/// The reason why a value is invalid: the kernel refuses it, changes it silently, or cannot use it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationError {
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
    /// The prefix length is not between 1 and 128.
    #[error("prefix length {0} is not between 1 and 128")]
    PrefixLength(u32),
    /// The netmask is of the other family.
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
    /// The real server's address is not that of a host: it is unspecified, multicast, the broadcast
    /// address or an IPv4 address in IPv6 form. Loopback is one.
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
    /// The timeout is above 21474836 seconds, which every kernel refuses.
    #[error("a timeout of {seconds} seconds is above 21474836 ({field})")]
    Timeout {
        /// The field of [`Timeouts`](super::Timeouts).
        field: &'static str,
        /// Its value.
        seconds: u32,
    },
}

impl ValidationError {
    /// Returns the name of the field that is invalid, such as `persistence`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            ValidationError::PortWithoutPersistence => "port",
            ValidationError::Scheduler(_) => "scheduler",
            ValidationError::PersistenceEngine(_) => "persistence_engine",
            ValidationError::SchedulerFlags(_) => "scheduler_flags",
            ValidationError::Persistence(_) => "persistence",
            ValidationError::PrefixLength(_) | ValidationError::Netmask(..) => "netmask",
            ValidationError::OnePacket(_) => "one_packet",
            ValidationError::Weight(_) => "weight",
            ValidationError::Thresholds { .. } => "lower_threshold",
            ValidationError::Address(_) => "address",
            ValidationError::NoTunnelPort => "tunnel.port",
            ValidationError::FamilyMismatch { .. } => "forwarding",
            ValidationError::Interface(_) => "interface",
            ValidationError::SyncId(_) => "sync_id",
            ValidationError::Group(_) => "group",
            ValidationError::Timeout { field, .. } => field,
        }
    }
}

/// A text that is not the displayed form of a key, protocol or family.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {expected}")]
pub struct ParseError {
    expected: &'static str,
    text: String,
}

impl ParseError {
    pub(super) fn new(expected: &'static str, text: &str) -> ParseError {
        ParseError { expected, text: text.to_string() }
    }
}
