//! The model in netlink attributes: one match for encoding, one for decoding.
//!
//! Ports and IPv4 netmasks are in network byte order. An IPv6 netmask is a prefix length. Addresses
//! have 16 bytes. Decoding skips unknown attributes.

mod decode;
mod encode;
pub mod kernel_side;
#[cfg(test)]
mod tests;
pub mod uapi;

pub use decode::{
    read_configured_destination, read_configured_service, read_daemon, read_destination, read_info,
    read_service, read_timeouts,
};
pub use encode::{change, query};

use crate::error::Operation;
use crate::model::*;
use crate::netlink::attribute::Malformed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use uapi::*;

/// A request that reads from the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    Services,
    Service(ServiceKey),
    Destinations(ServiceKey),
    Daemons,
    Timeouts,
    Info,
}

impl Query {
    /// Returns the operation, which the meaning of an error depends on.
    pub fn operation(self) -> Operation {
        match self {
            Query::Services | Query::Service(_) => Operation::GetService,
            Query::Destinations(_) => Operation::GetDestinations,
            Query::Daemons | Query::Timeouts | Query::Info => Operation::Other,
        }
    }
}

fn family_number(family: Family) -> u16 {
    match family {
        Family::V4 => libc::AF_INET as u16,
        Family::V6 => libc::AF_INET6 as u16,
    }
}

fn family_from(number: u16) -> Result<Family, Malformed> {
    match i32::from(number) {
        libc::AF_INET => Ok(Family::V4),
        libc::AF_INET6 => Ok(Family::V6),
        _ => Err(Malformed("an unknown address family")),
    }
}

pub fn forwarding_number(method: Forwarding) -> u32 {
    match method {
        Forwarding::Masquerading => IP_VS_CONN_F_MASQ,
        Forwarding::Local => IP_VS_CONN_F_LOCALNODE,
        Forwarding::Tunnel => IP_VS_CONN_F_TUNNEL,
        Forwarding::DirectRouting => IP_VS_CONN_F_DROUTE,
        Forwarding::Bypass => IP_VS_CONN_F_BYPASS,
        Forwarding::Other(number) => number,
    }
}

pub fn forwarding_from(number: u32) -> Forwarding {
    match number {
        IP_VS_CONN_F_MASQ => Forwarding::Masquerading,
        IP_VS_CONN_F_LOCALNODE => Forwarding::Local,
        IP_VS_CONN_F_TUNNEL => Forwarding::Tunnel,
        IP_VS_CONN_F_DROUTE => Forwarding::DirectRouting,
        IP_VS_CONN_F_BYPASS => Forwarding::Bypass,
        other => Forwarding::Other(other),
    }
}

pub fn tunnel_number(kind: TunnelKind) -> u8 {
    match kind {
        TunnelKind::Ipip => IP_VS_CONN_F_TUNNEL_TYPE_IPIP,
        TunnelKind::Gue => IP_VS_CONN_F_TUNNEL_TYPE_GUE,
        TunnelKind::Gre => IP_VS_CONN_F_TUNNEL_TYPE_GRE,
        TunnelKind::Other(number) => number,
    }
}

pub fn tunnel_from(number: u8) -> TunnelKind {
    match number {
        IP_VS_CONN_F_TUNNEL_TYPE_IPIP => TunnelKind::Ipip,
        IP_VS_CONN_F_TUNNEL_TYPE_GUE => TunnelKind::Gue,
        IP_VS_CONN_F_TUNNEL_TYPE_GRE => TunnelKind::Gre,
        other => TunnelKind::Other(other),
    }
}

fn role_number(role: DaemonRole) -> u32 {
    match role {
        DaemonRole::Master => IP_VS_STATE_MASTER,
        DaemonRole::Backup => IP_VS_STATE_BACKUP,
    }
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
        IpAddr::V6(address) => address.octets(),
    }
}

fn address_from(bytes: [u8; 16], family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        Family::V6 => Ipv6Addr::from(bytes).into(),
    }
}
