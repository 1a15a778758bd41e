//! Synchronisation daemons and timeouts.

use super::ValidationError;
use super::service::{is_name, whole_seconds};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

/// The role of a synchronisation daemon (`IPVS_DAEMON_ATTR_STATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DaemonRole {
    /// Sends the director's connections (`IP_VS_STATE_MASTER`).
    Master,
    /// Receives the connections of another director (`IP_VS_STATE_BACKUP`).
    Backup,
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            DaemonRole::Master => "master",
            DaemonRole::Backup => "backup",
        })
    }
}

/// A synchronisation daemon. The kernel chooses the settings that are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Daemon {
    /// The role: it sends or receives.
    pub role: DaemonRole,
    /// The name of the interface (`IPVS_DAEMON_ATTR_MCAST_IFN`, 1 to 15 bytes).
    pub interface: String,
    /// The sync ID, 0 to 255 (`IPVS_DAEMON_ATTR_SYNC_ID`). A backup ignores messages with another
    /// one; a backup with 0 accepts all.
    pub sync_id: u32,
    /// The maximum length of a message in bytes (`IPVS_DAEMON_ATTR_SYNC_MAXLEN`), which the kernel
    /// clamps.
    pub max_length: Option<u16>,
    /// The multicast group (`IPVS_DAEMON_ATTR_MCAST_GROUP` or `_GROUP6`). Default: 224.0.0.81.
    pub group: Option<IpAddr>,
    /// The UDP port (`IPVS_DAEMON_ATTR_MCAST_PORT`, in host byte order on the wire too).
    /// Default: 8848.
    pub port: Option<NonZeroU16>,
    /// The TTL of messages (`IPVS_DAEMON_ATTR_MCAST_TTL`). Default: 1.
    pub ttl: Option<u8>,
}

impl Daemon {
    /// Returns a builder for a daemon that sends on an interface.
    pub fn master(interface: impl Into<String>) -> DaemonBuilder {
        Daemon::builder(DaemonRole::Master, interface.into())
    }

    /// Returns a builder for a daemon that receives on an interface.
    pub fn backup(interface: impl Into<String>) -> DaemonBuilder {
        Daemon::builder(DaemonRole::Backup, interface.into())
    }

    fn builder(role: DaemonRole, interface: String) -> DaemonBuilder {
        DaemonBuilder(Daemon { interface, ..Daemon::new(role) })
    }

    /// Creates a daemon without an interface, which is not valid yet. [`Daemon::master`] returns a
    /// builder that validates.
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

    /// Checks the values, as far as that needs no kernel state.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if !is_name(&self.interface) {
            return Err(ValidationError::Interface(self.interface.clone()));
        }
        if self.sync_id > 255 {
            return Err(ValidationError::SyncId(self.sync_id));
        }
        match self.group {
            Some(group) if !group.is_multicast() => Err(ValidationError::Group(group)),
            _ => Ok(()),
        }
    }
}

/// A builder for a daemon: see [`Daemon::master`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct DaemonBuilder(Daemon);

impl DaemonBuilder {
    /// Sets the sync ID.
    pub fn sync_id(mut self, id: u8) -> DaemonBuilder {
        self.0.sync_id = id.into();
        self
    }

    /// Sets the maximum length of a message in bytes.
    pub fn max_length(mut self, bytes: u16) -> DaemonBuilder {
        self.0.max_length = Some(bytes);
        self
    }

    /// Sets the multicast group.
    pub fn group(mut self, group: impl Into<IpAddr>) -> DaemonBuilder {
        self.0.group = Some(group.into());
        self
    }

    /// Sets the UDP port.
    pub fn port(mut self, port: NonZeroU16) -> DaemonBuilder {
        self.0.port = Some(port);
        self
    }

    /// Sets the TTL of messages. The kernel treats 0 as 1.
    pub fn ttl(mut self, hops: u8) -> DaemonBuilder {
        self.0.ttl = Some(hops);
        self
    }

    /// Returns the daemon, or the reason why it is invalid.
    pub fn build(self) -> Result<Daemon, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}

/// Seconds after which the kernel forgets an idle connection, up to 21474836; up to 2147483 on a
/// kernel with 1000 clock ticks a second. In a change, 0 leaves the current value.
///
/// ```
/// # use libipvs::model::Timeouts;
/// let only_udp = Timeouts::default().with_udp(60);
/// assert_eq!((only_udp.tcp, only_udp.udp), (0, 60));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Timeouts {
    /// The timeout of a TCP connection (`IPVS_CMD_ATTR_TIMEOUT_TCP`).
    pub tcp: u32,
    /// The timeout of a TCP connection after a FIN (`IPVS_CMD_ATTR_TIMEOUT_TCP_FIN`).
    pub tcp_fin: u32,
    /// The timeout of UDP (`IPVS_CMD_ATTR_TIMEOUT_UDP`).
    pub udp: u32,
}

/// The kernel stores clock ticks in 31 bits. A second has at least 100 ticks.
const MAX_TIMEOUT: u32 = i32::MAX as u32 / 100;

fn duration(seconds: u32) -> Option<Duration> {
    (seconds != 0).then(|| Duration::from_secs(seconds.into()))
}

impl Timeouts {
    /// Replaces the timeout of TCP.
    #[must_use]
    pub fn with_tcp(self, seconds: u32) -> Timeouts {
        Timeouts { tcp: seconds, ..self }
    }

    /// Replaces the timeout of TCP. A part of a second counts as a whole one.
    #[must_use]
    pub fn with_tcp_duration(self, time: Duration) -> Timeouts {
        self.with_tcp(whole_seconds(time))
    }

    /// Returns the timeout of TCP, unless it is 0.
    #[must_use]
    pub fn tcp_duration(&self) -> Option<Duration> {
        duration(self.tcp)
    }

    /// Replaces the timeout of TCP after a FIN.
    #[must_use]
    pub fn with_tcp_fin(self, seconds: u32) -> Timeouts {
        Timeouts { tcp_fin: seconds, ..self }
    }

    /// Replaces the timeout of TCP after a FIN. A part of a second counts as a whole one.
    #[must_use]
    pub fn with_tcp_fin_duration(self, time: Duration) -> Timeouts {
        self.with_tcp_fin(whole_seconds(time))
    }

    /// Returns the timeout of TCP after a FIN, unless it is 0.
    #[must_use]
    pub fn tcp_fin_duration(&self) -> Option<Duration> {
        duration(self.tcp_fin)
    }

    /// Replaces the timeout of UDP.
    #[must_use]
    pub fn with_udp(self, seconds: u32) -> Timeouts {
        Timeouts { udp: seconds, ..self }
    }

    /// Replaces the timeout of UDP. A part of a second counts as a whole one.
    #[must_use]
    pub fn with_udp_duration(self, time: Duration) -> Timeouts {
        self.with_udp(whole_seconds(time))
    }

    /// Returns the timeout of UDP, unless it is 0.
    #[must_use]
    pub fn udp_duration(&self) -> Option<Duration> {
        duration(self.udp)
    }

    /// Checks that some kernels accept the timeouts. One with more than 100 clock ticks a second
    /// may still refuse them.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let fields = [("tcp", self.tcp), ("tcp_fin", self.tcp_fin), ("udp", self.udp)];
        match fields.into_iter().find(|(_, seconds)| *seconds > MAX_TIMEOUT) {
            Some((field, seconds)) => Err(ValidationError::Timeout { field, seconds }),
            None => Ok(()),
        }
    }
}
