//! The JSON forms of timeouts and synchronisation daemons, derived for the types of the model.

use super::required;
use crate::model::*;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::num::NonZeroU16;

/// Timeouts in seconds. In a change, 0 leaves the current value.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Timeouts", deny_unknown_fields)]
pub struct TimeoutsJson {
    tcp: u32,
    tcp_fin: u32,
    udp: u32,
}

/// The kernel chooses each value that is null.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Daemon", deny_unknown_fields)]
pub struct DaemonJson {
    role: DaemonRole,
    interface: String,
    sync_id: u32,
    #[serde(deserialize_with = "required")]
    max_length: Option<u16>,
    #[serde(deserialize_with = "required")]
    group: Option<IpAddr>,
    #[serde(deserialize_with = "required")]
    port: Option<NonZeroU16>,
    #[serde(deserialize_with = "required")]
    ttl: Option<u8>,
}
