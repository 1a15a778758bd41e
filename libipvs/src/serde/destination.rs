//! The JSON form of a real server.

use super::{Listed, required};
use crate::model::*;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::num::NonZeroU16;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationJson {
    address: IpAddr,
    port: u16,
    forwarding: Forwarding,
    /// Null unless the forwarding method is tunnel.
    #[serde(deserialize_with = "required")]
    tunnel: Option<TunnelJson>,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    active_connections: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    inactive_connections: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    persistent_connections: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    statistics: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    rates: Listed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TunnelJson {
    #[serde(rename = "type")]
    kind: TunnelKind,
    /// Null unless the type is GUE.
    #[serde(deserialize_with = "required")]
    port: Option<NonZeroU16>,
    checksum: Checksum,
}

impl From<&Destination> for DestinationJson {
    fn from(destination: &Destination) -> DestinationJson {
        let Tunnel { kind, port, checksum } = destination.tunnel;
        let port = port.filter(|_| kind == TunnelKind::Gue);
        let is_tunnel = destination.forwarding == Forwarding::Tunnel;
        DestinationJson {
            address: destination.key.address,
            port: destination.key.port,
            forwarding: destination.forwarding,
            tunnel: is_tunnel.then_some(TunnelJson { kind, port, checksum }),
            weight: destination.weight,
            upper_threshold: destination.upper_threshold,
            lower_threshold: destination.lower_threshold,
            active_connections: None,
            inactive_connections: None,
            persistent_connections: None,
            statistics: None,
            rates: None,
        }
    }
}

impl TryFrom<DestinationJson> for Destination {
    type Error = String;

    fn try_from(json: DestinationJson) -> Result<Destination, String> {
        if json.tunnel.is_some() != (json.forwarding == Forwarding::Tunnel) {
            return Err("a real server requires tunnel settings if, and only if, its forwarding \
                        method is tunnel"
                .into());
        }
        let tunnel =
            json.tunnel.map(|TunnelJson { kind, port, checksum }| Tunnel { kind, port, checksum });
        let destination = Destination {
            key: DestinationKey { address: json.address, port: json.port },
            forwarding: json.forwarding,
            tunnel: tunnel.unwrap_or_default(),
            weight: json.weight,
            upper_threshold: json.upper_threshold,
            lower_threshold: json.lower_threshold,
        };
        destination.validate().map_err(|invalid| invalid.to_string())?;
        Ok(destination)
    }
}
