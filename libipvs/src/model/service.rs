//! Virtual services.

use super::ValidationError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

/// Address family of a virtual service (`IPVS_SVC_ATTR_AF`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Family {
    /// `AF_INET`.
    #[cfg_attr(feature = "serde", serde(rename = "ipv4"))]
    V4,
    /// `AF_INET6`.
    #[cfg_attr(feature = "serde", serde(rename = "ipv6"))]
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// Transport protocol of a virtual service (`IPVS_SVC_ATTR_PROTOCOL`, an `IPPROTO_` number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `IPPROTO_TCP`.
    Tcp,
    /// `IPPROTO_UDP`.
    Udp,
    /// `IPPROTO_SCTP`.
    Sctp,
    /// One that this crate does not know, by its number.
    Other(u16),
}

impl Protocol {
    /// The `IPPROTO_` number.
    pub fn number(self) -> u16 {
        match self {
            Protocol::Tcp => libc::IPPROTO_TCP as u16,
            Protocol::Udp => libc::IPPROTO_UDP as u16,
            Protocol::Sctp => libc::IPPROTO_SCTP as u16,
            Protocol::Other(number) => number,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Protocol::Tcp => f.write_str("tcp"),
            Protocol::Udp => f.write_str("udp"),
            Protocol::Sctp => f.write_str("sctp"),
            Protocol::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

/// What tells one virtual service from another.
///
/// It shows as `tcp 192.0.2.1:80`, `udp [2001:db8::1]:53`, `mark 7 IPv4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// A virtual IP address and port.
    Address {
        /// The transport protocol.
        protocol: Protocol,
        /// The virtual IP address, VIP (`IPVS_SVC_ATTR_ADDR`).
        address: IpAddr,
        /// Its port (`IPVS_SVC_ATTR_PORT`); 0 for all ports, which wants persistence.
        port: u16,
    },
    /// A firewall mark.
    Mark {
        /// The mark (`IPVS_SVC_ATTR_FWMARK`), never 0.
        mark: u32,
        /// Of which packets.
        family: Family,
    },
}

impl ServiceKey {
    /// The family of the packets that it is about.
    pub fn family(&self) -> Family {
        match self {
            ServiceKey::Address { address, .. } => Family::of(*address),
            ServiceKey::Mark { family, .. } => *family,
        }
    }

    fn at(protocol: Protocol, vip: SocketAddr) -> ServiceKey {
        ServiceKey::Address { protocol, address: vip.ip(), port: vip.port() }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ServiceKey::Address { protocol, address, port } => {
                write!(f, "{protocol} {}", SocketAddr::new(*address, *port))
            }
            ServiceKey::Mark { mark, family } => write!(f, "mark {mark} {family}"),
        }
    }
}

/// Which clients persistence takes for one: those that are equal under this mask
/// (`IPVS_SVC_ATTR_NETMASK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Netmask {
    /// Any bits of an IPv4 address. To the kernel it goes in network byte order.
    V4(Ipv4Addr),
    /// The length of a prefix, 1 to 128.
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

    fn family(self) -> Family {
        match self {
            Netmask::V4(_) => Family::V4,
            Netmask::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Netmask::V4(mask) => mask.fmt(f),
            Netmask::V6(prefix) => write!(f, "/{prefix}"),
        }
    }
}

/// A virtual service as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Which one.
    pub key: ServiceKey,
    /// The scheduler's name, `rr`, `wlc`, ... (`IPVS_SVC_ATTR_SCHED_NAME`, 1 to 15 bytes).
    pub scheduler: String,
    /// The three flags that a scheduler may give a meaning: bit 0 is flag-1 (`IP_VS_SVC_F_SCHED1`).
    pub scheduler_flags: u8,
    /// Seconds that a client keeps its server, 1 to 42949672 (`IPVS_SVC_ATTR_TIMEOUT`); a kernel whose
    /// clock ticks a thousand times a second makes less of more than 4294967. `None` without persistence
    /// (`IP_VS_SVC_F_PERSISTENT`).
    pub persistence: Option<u32>,
    /// Which clients are one to persistence.
    pub netmask: Netmask,
    /// Every datagram is scheduled by itself (`IP_VS_SVC_F_ONEPACKET`): for UDP.
    pub one_packet: bool,
    /// What knows one client from another in place of the address: `sip`
    /// (`IPVS_SVC_ATTR_PE_NAME`, 1 to 15 bytes).
    pub persistence_engine: Option<String>,
}

/// Bytes of a name, without the closing zero: `IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_PENAME_MAXLEN`,
/// `IP_VS_IFNAME_MAXLEN` less one.
const LONGEST_NAME: usize = 15;

/// The kernel counts in ticks, has 32 bits for them, and keeps what is left of more. A second has at
/// least a hundred of them.
const LONGEST_PERSISTENCE: u32 = u32::MAX / 100;

pub(super) fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.contains('\0')
}

impl Service {
    /// A TCP service at a virtual IP address and port.
    pub fn tcp(vip: SocketAddr) -> ServiceBuilder {
        Service::of(ServiceKey::at(Protocol::Tcp, vip))
    }

    /// A UDP service at a virtual IP address and port.
    pub fn udp(vip: SocketAddr) -> ServiceBuilder {
        Service::of(ServiceKey::at(Protocol::Udp, vip))
    }

    /// An SCTP service at a virtual IP address and port.
    pub fn sctp(vip: SocketAddr) -> ServiceBuilder {
        Service::of(ServiceKey::at(Protocol::Sctp, vip))
    }

    /// A service of all packets of a family that carry a firewall mark.
    pub fn mark(mark: NonZeroU32, family: Family) -> ServiceBuilder {
        Service::of(ServiceKey::Mark { mark: mark.get(), family })
    }

    /// A builder for a service with this key: scheduler `wlc`, no persistence.
    pub fn of(key: ServiceKey) -> ServiceBuilder {
        ServiceBuilder(Service::new(key))
    }

    /// A service with this key and the default settings, which are not checked: see [`Service::of`]
    /// for a builder that checks.
    pub fn new(key: ServiceKey) -> Service {
        Service {
            key,
            scheduler: "wlc".to_string(),
            scheduler_flags: 0,
            persistence: None,
            netmask: Netmask::whole(key.family()),
            one_packet: false,
            persistence_engine: None,
        }
    }

    /// Whether the kernel takes it, as far as that hangs on nothing else.
    pub fn validate(&self) -> Result<(), ValidationError> {
        match self.key {
            ServiceKey::Mark { mark: 0, .. } => return Err(ValidationError::NoMark),
            ServiceKey::Address { port: 0, .. } if self.persistence.is_none() => {
                return Err(ValidationError::PortWithoutPersistence);
            }
            _ => {}
        }
        if !is_name(&self.scheduler) {
            return Err(ValidationError::Scheduler(self.scheduler.clone()));
        }
        if self.scheduler_flags > 0b111 {
            return Err(ValidationError::SchedulerFlags(self.scheduler_flags));
        }
        match self.persistence {
            Some(seconds) if !(1..=LONGEST_PERSISTENCE).contains(&seconds) => {
                return Err(ValidationError::Persistence(seconds));
            }
            _ => {}
        }
        if self.netmask.family() != self.key.family()
            || matches!(self.netmask, Netmask::V6(p) if !(1..=128).contains(&p))
        {
            return Err(ValidationError::Netmask(self.netmask, self.key.family()));
        }
        if let Some(engine) = self.persistence_engine.as_ref().filter(|engine| !is_name(engine)) {
            return Err(ValidationError::PersistenceEngine(engine.clone()));
        }
        let datagrams = match self.key {
            ServiceKey::Address { protocol, .. } => protocol == Protocol::Udp,
            ServiceKey::Mark { .. } => true,
        };
        match self.one_packet && !datagrams {
            true => Err(ValidationError::OnePacket(self.key)),
            false => Ok(()),
        }
    }
}

/// A service in the making: see [`Service::tcp`].
#[derive(Debug, Clone)]
#[must_use = "it is no service until it is built"]
pub struct ServiceBuilder(Service);

impl ServiceBuilder {
    /// Choose servers by this scheduler in place of `wlc`.
    pub fn scheduler(mut self, name: impl Into<String>) -> ServiceBuilder {
        self.0.scheduler = name.into();
        self
    }

    /// The scheduler's flags, bit 0 for flag-1 to bit 2 for flag-3; [`scheduler_flag_names`] says
    /// what `sh` and `mh` make of them.
    pub fn scheduler_flags(mut self, flags: u8) -> ServiceBuilder {
        self.0.scheduler_flags = flags;
        self
    }

    /// A client keeps its server for so many seconds after its last connection.
    pub fn persistence(mut self, seconds: u32) -> ServiceBuilder {
        self.0.persistence = Some(seconds);
        self
    }

    /// Persistence takes clients for one that are equal under this mask.
    pub fn netmask(mut self, mask: Netmask) -> ServiceBuilder {
        self.0.netmask = mask;
        self
    }

    /// Schedule every datagram by itself.
    pub fn one_packet(mut self) -> ServiceBuilder {
        self.0.one_packet = true;
        self
    }

    /// Tell clients apart by this engine in place of their addresses.
    pub fn persistence_engine(mut self, name: impl Into<String>) -> ServiceBuilder {
        self.0.persistence_engine = Some(name.into());
        self
    }

    /// The service, or what is wrong with it.
    pub fn build(self) -> Result<Service, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}

/// What a scheduler calls its flags, from bit 0 on. `""` gives the names that hold for any.
pub fn scheduler_flag_names(scheduler: &str) -> &'static [&'static str] {
    match scheduler {
        "sh" => &["sh-fallback", "sh-port"],
        "mh" => &["mh-fallback", "mh-port"],
        _ => &["flag-1", "flag-2", "flag-3"],
    }
}
