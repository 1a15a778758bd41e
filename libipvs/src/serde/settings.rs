//! The JSON forms of timeouts and synchronisation daemons.

use crate::model::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;

/// Timeouts in seconds. In a change, 0 leaves the current value.
#[derive(Serialize, Deserialize)]
pub struct TimeoutsJson {
    #[serde(default)]
    tcp: u32,
    #[serde(default)]
    tcp_fin: u32,
    #[serde(default)]
    udp: u32,
}

#[derive(Serialize, Deserialize)]
pub struct DaemonJson<'a> {
    role: DaemonRole,
    interface: Cow<'a, str>,
    sync_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u8>,
}

impl From<&Timeouts> for TimeoutsJson {
    fn from(timeouts: &Timeouts) -> TimeoutsJson {
        TimeoutsJson { tcp: timeouts.tcp, tcp_fin: timeouts.tcp_fin, udp: timeouts.udp }
    }
}

impl TryFrom<TimeoutsJson> for Timeouts {
    type Error = String;

    fn try_from(json: TimeoutsJson) -> Result<Timeouts, String> {
        let timeouts = Timeouts { tcp: json.tcp, tcp_fin: json.tcp_fin, udp: json.udp };
        timeouts.validate().map_err(|invalid| invalid.to_string())?;
        Ok(timeouts)
    }
}

impl<'a> From<&'a Daemon> for DaemonJson<'a> {
    fn from(daemon: &'a Daemon) -> DaemonJson<'a> {
        DaemonJson {
            role: daemon.role,
            interface: Cow::Borrowed(&daemon.interface),
            sync_id: daemon.sync_id,
            max_length: daemon.max_length,
            group: daemon.group,
            port: daemon.port,
            ttl: daemon.ttl,
        }
    }
}

impl TryFrom<DaemonJson<'_>> for Daemon {
    type Error = String;

    fn try_from(json: DaemonJson) -> Result<Daemon, String> {
        let daemon = Daemon {
            role: json.role,
            interface: json.interface.into_owned(),
            sync_id: json.sync_id,
            max_length: json.max_length,
            group: json.group,
            port: json.port,
            ttl: json.ttl,
        };
        daemon.validate().map_err(|invalid| invalid.to_string())?;
        Ok(daemon)
    }
}
