//! What no kernel takes as it is meant.

use super::{Family, Netmask, ServiceKey};
use std::net::IpAddr;

/// Why a value is none to give to the kernel: it refuses it, takes it for another one, or can do
/// nothing with it. Each says what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// A mark of 0 is none.
    #[error("a firewall mark cannot be 0")]
    NoMark,
    /// A service of all ports is one for persistence alone.
    #[error("a service of all ports wants persistence")]
    PortWithoutPersistence,
    /// A name is 1 to 15 bytes, none of them zero.
    #[error("`{0}' cannot be the name of a scheduler")]
    Scheduler(String),
    /// A name is 1 to 15 bytes, none of them zero.
    #[error("`{0}' cannot be the name of a persistence engine")]
    PersistenceEngine(String),
    /// There are three flags.
    #[error("scheduler flags {0:#b}: there are three")]
    SchedulerFlags(u8),
    /// Persistence lasts at least a second, and at most 42949672: of more every kernel makes less.
    #[error("persistence cannot last {0} seconds")]
    Persistence(u32),
    /// Not of the service's family, or a prefix that is none.
    #[error("{0} is no mask of {1} addresses")]
    Netmask(Netmask, Family),
    /// Only datagrams can be scheduled one by one.
    #[error("{0} cannot be scheduled packet by packet: only UDP can")]
    OnePacket(ServiceKey),
    /// A weight is at most 2147483647.
    #[error("weight {0} is above 2147483647")]
    Weight(u32),
    /// The lower threshold is above the upper one.
    #[error("lower threshold {lower} is above upper threshold {upper}")]
    Thresholds {
        /// Below which it gets connections again.
        lower: u32,
        /// At which it gets no more.
        upper: u32,
    },
    /// A real server is one host.
    #[error("{0} is no address of a host")]
    Address(IpAddr),
    /// GUE is sent to a UDP port.
    #[error("a GUE tunnel wants a port")]
    NoTunnelPort,
    /// Servers of the other family are behind tunnels.
    #[error("{server} cannot serve {service} without a tunnel: the families differ")]
    Families {
        /// Which service.
        service: ServiceKey,
        /// The server's address.
        server: IpAddr,
    },
    /// A name is 1 to 15 bytes, none of them zero.
    #[error("`{0}' cannot be the name of an interface")]
    Interface(String),
    /// A sync ID is 0 to 255.
    #[error("sync ID {0} is above 255")]
    SyncId(u32),
    /// Sync messages go to a multicast group.
    #[error("{0} is no multicast group")]
    Group(IpAddr),
    /// Sync messages go to a port.
    #[error("sync messages cannot be sent to port 0")]
    NoPort,
    /// A timeout is at most 21474836 seconds: more is refused by every kernel.
    #[error("a timeout of {0} seconds is above 21474836")]
    Timeout(u32),
}
