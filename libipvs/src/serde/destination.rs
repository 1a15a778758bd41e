//! The JSON form of a real server.

use crate::model::*;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Serialize, Deserialize)]
pub struct DestinationKeyJson {
    address: IpAddr,
    port: u16,
}

#[derive(Serialize, Deserialize)]
pub struct DestinationJson {
    #[serde(flatten)]
    key: DestinationKeyJson,
    forwarding: Forwarding,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelJson>,
    weight: u32,
    #[serde(default)]
    upper_threshold: u32,
    #[serde(default)]
    lower_threshold: u32,
}

#[derive(Serialize, Deserialize)]
struct TunnelJson {
    #[serde(rename = "type")]
    kind: TunnelKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    checksum: Checksum,
}

impl From<&DestinationKey> for DestinationKeyJson {
    fn from(key: &DestinationKey) -> DestinationKeyJson {
        DestinationKeyJson { address: key.address, port: key.port }
    }
}

impl From<DestinationKeyJson> for DestinationKey {
    fn from(key: DestinationKeyJson) -> DestinationKey {
        DestinationKey { address: key.address, port: key.port }
    }
}

impl From<&Destination> for DestinationJson {
    fn from(destination: &Destination) -> DestinationJson {
        let tunnel = &destination.tunnel;
        DestinationJson {
            key: (&destination.key).into(),
            forwarding: destination.forwarding,
            tunnel: (destination.forwarding == Forwarding::Tunnel).then(|| TunnelJson {
                kind: tunnel.kind,
                port: (tunnel.kind == TunnelKind::Gue).then_some(tunnel.port),
                checksum: tunnel.checksum,
            }),
            weight: destination.weight,
            upper_threshold: destination.upper_threshold,
            lower_threshold: destination.lower_threshold,
        }
    }
}

impl TryFrom<DestinationJson> for Destination {
    type Error = String;

    fn try_from(json: DestinationJson) -> Result<Destination, String> {
        let tunnel = match json.tunnel {
            None => Tunnel::default(),
            Some(TunnelJson { kind, port, checksum }) => {
                Tunnel { kind, port: port.unwrap_or(0), checksum }
            }
        };
        let destination = Destination {
            key: json.key.into(),
            forwarding: json.forwarding,
            tunnel,
            weight: json.weight,
            upper_threshold: json.upper_threshold,
            lower_threshold: json.lower_threshold,
        };
        destination.validate().map_err(|invalid| invalid.to_string())?;
        Ok(destination)
    }
}
