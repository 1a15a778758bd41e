//! Synchronisation daemons and timeouts: what is not of one service.

use super::ValidationError;
use super::service::is_name;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// The two ends of connection synchronisation (`IPVS_DAEMON_ATTR_STATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DaemonRole {
    /// It sends (`IP_VS_STATE_MASTER`).
    Master,
    /// It receives (`IP_VS_STATE_BACKUP`).
    Backup,
}

/// A synchronisation daemon. What is `None` is left to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Daemon {
    /// Whether it sends or receives.
    pub role: DaemonRole,
    /// The interface's name (`IPVS_DAEMON_ATTR_MCAST_IFN`, 1 to 15 bytes).
    pub interface: String,
    /// Messages with another one are not meant for it: 0 to 255; 0 for a backup takes any
    /// (`IPVS_DAEMON_ATTR_SYNC_ID`).
    pub sync_id: u32,
    /// Bytes of a message at most (`IPVS_DAEMON_ATTR_SYNC_MAXLEN`). The kernel brings it between its bounds.
    pub max_length: Option<u16>,
    /// Where messages go (`IPVS_DAEMON_ATTR_MCAST_GROUP` or `_GROUP6`); the kernel's is 224.0.0.81.
    pub group: Option<IpAddr>,
    /// And to which UDP port (`IPVS_DAEMON_ATTR_MCAST_PORT`, the one port in host byte order); the
    /// kernel's is 8848.
    pub port: Option<u16>,
    /// How many hops they live (`IPVS_DAEMON_ATTR_MCAST_TTL`); the kernel's is 1.
    pub ttl: Option<u8>,
}

impl Daemon {
    /// A daemon that sends on an interface.
    pub fn master(interface: impl Into<String>) -> DaemonBuilder {
        Daemon::on(DaemonRole::Master, interface.into())
    }

    /// A daemon that receives on an interface.
    pub fn backup(interface: impl Into<String>) -> DaemonBuilder {
        Daemon::on(DaemonRole::Backup, interface.into())
    }

    fn on(role: DaemonRole, interface: String) -> DaemonBuilder {
        DaemonBuilder(Daemon { interface, ..Daemon::new(role) })
    }

    /// A daemon without an interface, which is not checked: see [`Daemon::master`] for a builder that
    /// checks.
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

    /// Whether the kernel takes it, as far as that hangs on nothing else.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if !is_name(&self.interface) {
            return Err(ValidationError::Interface(self.interface.clone()));
        }
        if self.sync_id > 255 {
            return Err(ValidationError::SyncId(self.sync_id));
        }
        match self.group {
            Some(group) if !group.is_multicast() => Err(ValidationError::Group(group)),
            _ if self.port == Some(0) => Err(ValidationError::NoPort),
            _ => Ok(()),
        }
    }
}

/// A daemon in the making: see [`Daemon::master`].
#[derive(Debug, Clone)]
#[must_use = "it is no daemon until it is built"]
pub struct DaemonBuilder(Daemon);

impl DaemonBuilder {
    /// Of which group of directors messages are.
    pub fn sync_id(mut self, id: u8) -> DaemonBuilder {
        self.0.sync_id = id.into();
        self
    }

    /// Bytes of a message at most.
    pub fn max_length(mut self, bytes: u16) -> DaemonBuilder {
        self.0.max_length = Some(bytes);
        self
    }

    /// The multicast group that messages go to.
    pub fn group(mut self, group: impl Into<IpAddr>) -> DaemonBuilder {
        self.0.group = Some(group.into());
        self
    }

    /// The UDP port that they go to.
    pub fn port(mut self, port: NonZeroU16) -> DaemonBuilder {
        self.0.port = Some(port.get());
        self
    }

    /// How many hops they live. The kernel takes 1 for 0.
    pub fn ttl(mut self, hops: u8) -> DaemonBuilder {
        self.0.ttl = Some(hops);
        self
    }

    /// The daemon, or what is wrong with it.
    pub fn build(self) -> Result<Daemon, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}

/// Seconds that an idle connection is kept, up to 21474836, or 2147483 where the kernel's clock ticks a
/// thousand times a second; 0 in a change leaves the value as it is.
///
/// ```
/// # use libipvs::model::Timeouts;
/// let only_udp = Timeouts::default().with_udp(60);
/// assert_eq!((only_udp.tcp, only_udp.udp), (0, 60));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timeouts {
    /// Of TCP (`IPVS_CMD_ATTR_TIMEOUT_TCP`).
    pub tcp: u32,
    /// Of TCP after a FIN (`IPVS_CMD_ATTR_TIMEOUT_TCP_FIN`).
    pub tcp_fin: u32,
    /// Of UDP (`IPVS_CMD_ATTR_TIMEOUT_UDP`).
    pub udp: u32,
}

/// The kernel counts in ticks, and has 31 bits for them. A second has at least a hundred.
const LONGEST: u32 = i32::MAX as u32 / 100;

impl Timeouts {
    /// The same with this one of TCP.
    pub fn with_tcp(self, seconds: u32) -> Timeouts {
        Timeouts { tcp: seconds, ..self }
    }

    /// The same with this one of TCP after a FIN.
    pub fn with_tcp_fin(self, seconds: u32) -> Timeouts {
        Timeouts { tcp_fin: seconds, ..self }
    }

    /// The same with this one of UDP.
    pub fn with_udp(self, seconds: u32) -> Timeouts {
        Timeouts { udp: seconds, ..self }
    }

    /// Whether there are kernels that take them: one whose clock is fine refuses more.
    pub fn validate(&self) -> Result<(), ValidationError> {
        match [self.tcp, self.tcp_fin, self.udp].into_iter().find(|seconds| *seconds > LONGEST) {
            Some(seconds) => Err(ValidationError::Timeout(seconds)),
            None => Ok(()),
        }
    }
}
