//! Virtual services.

use super::{ParseError, ValidationError};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU32};
use std::str::FromStr;
use std::time::Duration;

/// The address family of a virtual service (`IPVS_SVC_ATTR_AF`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Family {
    /// IPv4 (`AF_INET`).
    #[cfg_attr(feature = "serde", serde(rename = "ipv4"))]
    V4,
    /// IPv6 (`AF_INET6`).
    #[cfg_attr(feature = "serde", serde(rename = "ipv6"))]
    V6,
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Family {
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

impl FromStr for Family {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Family, ParseError> {
        match text {
            "IPv4" => Ok(Family::V4),
            "IPv6" => Ok(Family::V6),
            _ => Err(ParseError::new("an address family such as 'IPv4'", text)),
        }
    }
}

/// The transport protocol of a virtual service (`IPVS_SVC_ATTR_PROTOCOL`, an `IPPROTO_` number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP (`IPPROTO_TCP`).
    Tcp,
    /// UDP (`IPPROTO_UDP`).
    Udp,
    /// SCTP (`IPPROTO_SCTP`).
    Sctp,
    /// Any other, by its number.
    Other(u16),
}

impl Protocol {
    /// Returns the protocol with an `IPPROTO_` number.
    pub fn from_number(number: u16) -> Protocol {
        match i32::from(number) {
            libc::IPPROTO_TCP => Protocol::Tcp,
            libc::IPPROTO_UDP => Protocol::Udp,
            libc::IPPROTO_SCTP => Protocol::Sctp,
            _ => Protocol::Other(number),
        }
    }

    /// Returns the `IPPROTO_` number.
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

impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Protocol, ParseError> {
        match text {
            "tcp" => Ok(Protocol::Tcp),
            "udp" => Ok(Protocol::Udp),
            "sctp" => Ok(Protocol::Sctp),
            _ => text
                .strip_prefix("protocol ")
                .and_then(|number| number.parse().ok())
                .map(Protocol::from_number)
                .ok_or_else(|| ParseError::new("a protocol such as 'tcp'", text)),
        }
    }
}

/// The identity of a virtual service.
///
/// Displayed as `tcp 192.0.2.1:80`, `udp [2001:db8::1]:53`, `mark 7 IPv4`, and parsed from the same.
/// With the feature `serde` this text is its form too, so that it can be a key of a map.
///
/// ```
/// # use libipvs::model::ServiceKey;
/// let key: ServiceKey = "tcp 192.0.2.1:80".parse()?;
/// assert_eq!(key.to_string(), "tcp 192.0.2.1:80");
/// # Ok::<(), libipvs::model::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKey {
    /// A transport protocol, virtual IP address and port.
    Address {
        /// The transport protocol.
        protocol: Protocol,
        /// The virtual IP address, VIP (`IPVS_SVC_ATTR_ADDR`).
        address: IpAddr,
        /// The port (`IPVS_SVC_ATTR_PORT`). 0 stands for all ports and requires persistence.
        port: u16,
    },
    /// All packets of a family with a firewall mark.
    Mark {
        /// The mark (`IPVS_SVC_ATTR_FWMARK`).
        mark: NonZeroU32,
        /// The family of the packets.
        family: Family,
    },
}

impl ServiceKey {
    /// Returns the address family.
    pub fn family(&self) -> Family {
        match self {
            ServiceKey::Address { address, .. } => Family::from(*address),
            ServiceKey::Mark { family, .. } => *family,
        }
    }

    fn new(protocol: Protocol, vip: SocketAddr) -> ServiceKey {
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

impl FromStr for ServiceKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<ServiceKey, ParseError> {
        let error =
            || ParseError::new("a service such as 'tcp 192.0.2.1:80' or 'mark 7 IPv4'", text);
        let (kind, rest) = text.rsplit_once(' ').ok_or_else(error)?;
        if let Some(mark) = kind.strip_prefix("mark ") {
            let (mark, family) = mark.parse().ok().zip(rest.parse().ok()).ok_or_else(error)?;
            return Ok(ServiceKey::Mark { mark, family });
        }
        let (protocol, vip) = kind.parse().ok().zip(socket_address(rest)).ok_or_else(error)?;
        Ok(ServiceKey::new(protocol, vip))
    }
}

/// Parses an address and a port, without the scope of an IPv6 address, which a key does not have.
pub(super) fn socket_address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().filter(|_| !text.contains('%'))
}

/// The granularity of persistence (`IPVS_SVC_ATTR_NETMASK`): clients whose addresses are equal
/// under this mask get the same real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Netmask {
    /// A mask of IPv4 addresses, which can have any bits.
    V4(Ipv4Addr),
    /// The prefix length of IPv6 addresses.
    V6(PrefixLength),
}

/// The prefix length of an IPv6 netmask: 1 to 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrefixLength(NonZeroU8);

impl PrefixLength {
    /// The length of a whole address: 128.
    pub const WHOLE: PrefixLength = PrefixLength(NonZeroU8::MIN.saturating_add(127));

    /// Returns the length; a number that is not between 1 and 128 is an error.
    pub fn new(length: u32) -> Result<PrefixLength, ValidationError> {
        length.try_into()
    }

    /// Returns the number of bits.
    pub fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u32> for PrefixLength {
    type Error = ValidationError;

    fn try_from(length: u32) -> Result<PrefixLength, ValidationError> {
        match u8::try_from(length).ok().and_then(NonZeroU8::new) {
            Some(bits) if length <= 128 => Ok(PrefixLength(bits)),
            _ => Err(ValidationError::PrefixLength(length)),
        }
    }
}

impl fmt::Display for PrefixLength {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Netmask {
    /// Returns the default mask, which covers the whole address: each client is on its own.
    pub fn whole(family: Family) -> Netmask {
        match family {
            Family::V4 => Netmask::V4(Ipv4Addr::BROADCAST),
            Family::V6 => Netmask::V6(PrefixLength::WHOLE),
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Service {
    /// The identity.
    pub key: ServiceKey,
    /// The name of the scheduler, such as `rr` (`IPVS_SVC_ATTR_SCHED_NAME`, 1 to 15 bytes).
    pub scheduler: String,
    /// Three flags whose meaning depends on the scheduler; bit 0 is `IP_VS_SVC_F_SCHED1`.
    pub scheduler_flags: u8,
    /// The seconds for which a client keeps its real server, 1 to 42949672
    /// (`IPVS_SVC_ATTR_TIMEOUT`, `IP_VS_SVC_F_PERSISTENT`), or `None` without persistence. A kernel
    /// with 1000 clock ticks a second shortens values above 4294967. 0 is never valid, but a kernel
    /// can report it.
    pub persistence: Option<u32>,
    /// The granularity of persistence.
    pub netmask: Netmask,
    /// True if every datagram is scheduled separately (`IP_VS_SVC_F_ONEPACKET`), for UDP only.
    pub one_packet: bool,
    /// The name of the persistence engine, such as `sip` (`IPVS_SVC_ATTR_PE_NAME`, 1 to 15 bytes).
    /// It identifies clients by other data than their addresses.
    pub persistence_engine: Option<String>,
}

/// Maximum bytes of a name without its terminating zero byte: `IP_VS_SCHEDNAME_MAXLEN`,
/// `IP_VS_PENAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN` minus one.
const MAX_NAME: usize = 15;

/// The kernel stores clock ticks in 32 bits and truncates larger values. A second has at least 100
/// ticks.
const MAX_PERSISTENCE: u32 = u32::MAX / 100;

/// Returns the seconds of a duration, rounded up, or the largest number, which no kernel accepts.
pub(super) fn whole_seconds(time: Duration) -> u32 {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    seconds.try_into().unwrap_or(u32::MAX)
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && !name.contains('\0')
}

impl Service {
    /// Returns a builder for a TCP service at a virtual IP address and port.
    pub fn tcp(vip: SocketAddr) -> ServiceBuilder {
        Service::builder(ServiceKey::new(Protocol::Tcp, vip))
    }

    /// Returns a builder for a UDP service at a virtual IP address and port.
    pub fn udp(vip: SocketAddr) -> ServiceBuilder {
        Service::builder(ServiceKey::new(Protocol::Udp, vip))
    }

    /// Returns a builder for an SCTP service at a virtual IP address and port.
    pub fn sctp(vip: SocketAddr) -> ServiceBuilder {
        Service::builder(ServiceKey::new(Protocol::Sctp, vip))
    }

    /// Returns a builder for a service for all packets of a family with a firewall mark.
    pub fn mark(mark: NonZeroU32, family: Family) -> ServiceBuilder {
        Service::builder(ServiceKey::Mark { mark, family })
    }

    /// Returns a builder for a service with this key, with scheduler `wlc` and without persistence.
    pub fn builder(key: ServiceKey) -> ServiceBuilder {
        ServiceBuilder(Service::new(key))
    }

    /// Creates a service with this key, scheduler `wlc` and no persistence, without validation.
    /// [`Service::builder`] returns a builder that validates.
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

    /// Returns the time for which a client keeps its real server, if the service has persistence.
    #[must_use]
    pub fn persistence_duration(&self) -> Option<Duration> {
        self.persistence.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Returns the names of the scheduler flags that are set: the scheduler's own, or `flag-N`.
    pub fn scheduler_flag_names(&self) -> impl Iterator<Item = &'static str> {
        let own = scheduler_flag_names(&self.scheduler);
        let names = own.iter().chain(&scheduler_flag_names("")[own.len()..]);
        let flags = self.scheduler_flags;
        names.enumerate().filter(move |(bit, _)| flags & (1 << bit) != 0).map(|(_, name)| *name)
    }

    /// Checks the values, as far as that needs no kernel state.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if matches!(self.key, ServiceKey::Address { port: 0, .. }) && self.persistence.is_none() {
            return Err(ValidationError::PortWithoutPersistence);
        }
        if !is_name(&self.scheduler) {
            return Err(ValidationError::Scheduler(self.scheduler.clone()));
        }
        if self.scheduler_flags > 0b111 {
            return Err(ValidationError::SchedulerFlags(self.scheduler_flags));
        }
        match self.persistence {
            Some(seconds) if !(1..=MAX_PERSISTENCE).contains(&seconds) => {
                return Err(ValidationError::Persistence(seconds));
            }
            _ => {}
        }
        if self.netmask.family() != self.key.family() {
            return Err(ValidationError::Netmask(self.netmask, self.key.family()));
        }
        if let Some(engine) = self.persistence_engine.as_ref().filter(|engine| !is_name(engine)) {
            return Err(ValidationError::PersistenceEngine(engine.clone()));
        }
        let can_be_udp = match self.key {
            ServiceKey::Address { protocol, .. } => protocol == Protocol::Udp,
            ServiceKey::Mark { .. } => true,
        };
        match self.one_packet && !can_be_udp {
            true => Err(ValidationError::OnePacket(self.key)),
            false => Ok(()),
        }
    }
}

/// A builder for a service: see [`Service::tcp`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ServiceBuilder(Service);

impl ServiceBuilder {
    /// Sets the scheduler (default: `wlc`).
    pub fn scheduler(mut self, name: impl Into<String>) -> ServiceBuilder {
        self.0.scheduler = name.into();
        self
    }

    /// Sets the scheduler flags: bit 0 is flag-1, bit 2 is flag-3. [`scheduler_flag_names`] returns
    /// their meaning for a scheduler.
    pub fn scheduler_flags(mut self, flags: u8) -> ServiceBuilder {
        self.0.scheduler_flags = flags;
        self
    }

    /// Enables persistence: a client keeps its real server for this many seconds after its last
    /// connection.
    pub fn persistence(mut self, seconds: u32) -> ServiceBuilder {
        self.0.persistence = Some(seconds);
        self
    }

    /// Enables persistence like [`ServiceBuilder::persistence`]. A part of a second counts as a whole
    /// one.
    pub fn persistence_duration(self, time: Duration) -> ServiceBuilder {
        self.persistence(whole_seconds(time))
    }

    /// Sets the granularity of persistence.
    pub fn netmask(mut self, mask: Netmask) -> ServiceBuilder {
        self.0.netmask = mask;
        self
    }

    /// Enables one-packet scheduling: every datagram is scheduled separately.
    pub fn one_packet(mut self) -> ServiceBuilder {
        self.0.one_packet = true;
        self
    }

    /// Sets the persistence engine.
    pub fn persistence_engine(mut self, name: impl Into<String>) -> ServiceBuilder {
        self.0.persistence_engine = Some(name.into());
        self
    }

    /// Returns the service, or the reason why it is invalid.
    pub fn build(self) -> Result<Service, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}

/// Returns the names of a scheduler's flags, from bit 0 on. `""` returns those for any scheduler.
pub fn scheduler_flag_names(scheduler: &str) -> &'static [&'static str] {
    match scheduler {
        "sh" => &["sh-fallback", "sh-port"],
        "mh" => &["mh-fallback", "mh-port"],
        _ => &["flag-1", "flag-2", "flag-3"],
    }
}
