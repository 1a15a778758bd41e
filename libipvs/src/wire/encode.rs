//! Encoding of changes and queries as requests.

use super::{Query, address_bytes, family_number, forwarding_number, role_number, tunnel_number};
use crate::model::*;
use crate::netlink::attribute::{Attribute, Value};
use crate::netlink::message::Request;
use crate::wire::uapi::*;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// Encodes a change.
pub fn change(change: &Change) -> Request<'_> {
    let request = |command, attributes| Request { command, attributes };
    match change {
        Change::AddService(service) => request(IPVS_CMD_NEW_SERVICE, vec![service_nest(service)]),
        Change::EditService(service) => request(IPVS_CMD_SET_SERVICE, vec![service_nest(service)]),
        Change::DeleteService(key) => request(IPVS_CMD_DEL_SERVICE, vec![key_nest(key)]),
        Change::AddDestination(key, destination) => {
            request(IPVS_CMD_NEW_DEST, vec![key_nest(key), destination_nest(destination)])
        }
        Change::EditDestination(key, destination) => {
            request(IPVS_CMD_SET_DEST, vec![key_nest(key), destination_nest(destination)])
        }
        Change::DeleteDestination(key, destination) => {
            let inner = destination_key(destination);
            request(
                IPVS_CMD_DEL_DEST,
                vec![key_nest(key), Attribute::new(IPVS_CMD_ATTR_DEST, Value::Nest(inner))],
            )
        }
        Change::Flush => request(IPVS_CMD_FLUSH, vec![]),
        Change::Zero(None) => request(IPVS_CMD_ZERO, vec![]),
        Change::Zero(Some(key)) => request(IPVS_CMD_ZERO, vec![key_nest(key)]),
        Change::SetTimeouts(timeouts) => request(
            IPVS_CMD_SET_CONFIG,
            vec![
                Attribute::new(IPVS_CMD_ATTR_TIMEOUT_TCP, Value::U32(timeouts.tcp)),
                Attribute::new(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, Value::U32(timeouts.tcp_fin)),
                Attribute::new(IPVS_CMD_ATTR_TIMEOUT_UDP, Value::U32(timeouts.udp)),
            ],
        ),
        Change::StartDaemon(daemon) => request(IPVS_CMD_NEW_DAEMON, vec![daemon_nest(daemon)]),
        Change::StopDaemon(role) => {
            let state = Attribute::new(IPVS_DAEMON_ATTR_STATE, Value::U32(role_number(*role)));
            request(
                IPVS_CMD_DEL_DAEMON,
                vec![Attribute::new(IPVS_CMD_ATTR_DAEMON, Value::Nest(vec![state]))],
            )
        }
    }
}

/// Encodes a query.
pub fn query(query: Query) -> Request<'static> {
    let (command, key) = match query {
        Query::Services => (IPVS_CMD_GET_SERVICE, None),
        Query::Service(key) => (IPVS_CMD_GET_SERVICE, Some(key)),
        Query::Destinations(key) => (IPVS_CMD_GET_DEST, Some(key)),
        Query::Daemons => (IPVS_CMD_GET_DAEMON, None),
        Query::Timeouts => (IPVS_CMD_GET_CONFIG, None),
        Query::Info => (IPVS_CMD_GET_INFO, None),
    };
    Request { command, attributes: key.iter().map(key_nest).collect() }
}

fn key_nest(key: &ServiceKey) -> Attribute<'static> {
    Attribute::new(IPVS_CMD_ATTR_SERVICE, Value::Nest(service_key(key)))
}

fn service_key(key: &ServiceKey) -> Vec<Attribute<'static>> {
    let family = Value::U16(family_number(key.family()));
    let mut inner = Vec::with_capacity(9);
    inner.push(Attribute::new(IPVS_SVC_ATTR_AF, family));
    match key {
        ServiceKey::Address { protocol, address, port } => {
            let protocol = Value::U16(protocol.number());
            inner.push(Attribute::new(IPVS_SVC_ATTR_PROTOCOL, protocol));
            inner.push(Attribute::new(IPVS_SVC_ATTR_ADDR, Value::Address(address_bytes(*address))));
            inner.push(Attribute::new(IPVS_SVC_ATTR_PORT, Value::Be16(*port)));
        }
        ServiceKey::Mark { mark, .. } => {
            inner.push(Attribute::new(IPVS_SVC_ATTR_FWMARK, Value::U32(mark.get())));
        }
    }
    inner
}

fn service_nest(service: &Service) -> Attribute<'_> {
    let mut flags = u32::from(service.scheduler_flags & 0b111) * IP_VS_SVC_F_SCHED1;
    if service.persistence.is_some() {
        flags |= IP_VS_SVC_F_PERSISTENT;
    }
    if service.one_packet {
        flags |= IP_VS_SVC_F_ONEPACKET;
    }
    let netmask = match service.netmask {
        Netmask::V4(mask) => Value::Be32(mask.to_bits()),
        Netmask::V6(prefix) => Value::U32(prefix.get().into()),
    };
    let mut inner = service_key(&service.key);
    inner.push(Attribute::new(IPVS_SVC_ATTR_SCHED_NAME, Value::Text(&service.scheduler)));
    if let Some(engine) = &service.persistence_engine {
        inner.push(Attribute::new(IPVS_SVC_ATTR_PE_NAME, Value::Text(engine)));
    }
    inner.push(Attribute::new(IPVS_SVC_ATTR_FLAGS, Value::Flags { flags, mask: u32::MAX }));
    let timeout = service.persistence.unwrap_or(0);
    inner.push(Attribute::new(IPVS_SVC_ATTR_TIMEOUT, Value::U32(timeout)));
    inner.push(Attribute::new(IPVS_SVC_ATTR_NETMASK, netmask));
    Attribute::new(IPVS_CMD_ATTR_SERVICE, Value::Nest(inner))
}

fn destination_key(key: &DestinationKey) -> Vec<Attribute<'static>> {
    let family = Value::U16(family_number(Family::from(key.address)));
    let mut inner = Vec::with_capacity(10);
    inner.push(Attribute::new(IPVS_DEST_ATTR_ADDR_FAMILY, family));
    inner.push(Attribute::new(IPVS_DEST_ATTR_ADDR, Value::Address(address_bytes(key.address))));
    inner.push(Attribute::new(IPVS_DEST_ATTR_PORT, Value::Be16(key.port)));
    inner
}

fn destination_nest(destination: &Destination) -> Attribute<'static> {
    let method = forwarding_number(destination.forwarding);
    let kind = tunnel_number(destination.tunnel.kind);
    let checksum = match destination.tunnel.checksum {
        Checksum::None => IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM,
        Checksum::Full => IP_VS_TUNNEL_ENCAP_FLAG_CSUM,
        Checksum::Remote => IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM,
    };
    let mut inner = destination_key(&destination.key);
    let mut push = |kind, value| inner.push(Attribute::new(kind, value));
    push(IPVS_DEST_ATTR_FWD_METHOD, Value::U32(method));
    push(IPVS_DEST_ATTR_WEIGHT, Value::U32(destination.weight));
    push(IPVS_DEST_ATTR_TUN_TYPE, Value::U8(kind));
    push(IPVS_DEST_ATTR_TUN_PORT, Value::Be16(destination.tunnel.port.map_or(0, NonZeroU16::get)));
    push(IPVS_DEST_ATTR_TUN_FLAGS, Value::U16(checksum));
    push(IPVS_DEST_ATTR_U_THRESH, Value::U32(destination.upper_threshold));
    push(IPVS_DEST_ATTR_L_THRESH, Value::U32(destination.lower_threshold));
    Attribute::new(IPVS_CMD_ATTR_DEST, Value::Nest(inner))
}

fn daemon_nest(daemon: &Daemon) -> Attribute<'_> {
    let mut inner = vec![
        Attribute::new(IPVS_DAEMON_ATTR_STATE, Value::U32(role_number(daemon.role))),
        Attribute::new(IPVS_DAEMON_ATTR_MCAST_IFN, Value::Text(&daemon.interface)),
        Attribute::new(IPVS_DAEMON_ATTR_SYNC_ID, Value::U32(daemon.sync_id)),
    ];
    let mut push = |kind, value| inner.push(Attribute::new(kind, value));
    if let Some(length) = daemon.max_length {
        push(IPVS_DAEMON_ATTR_SYNC_MAXLEN, Value::U16(length));
    }
    if let Some(port) = daemon.port {
        // This is the only port in host byte order.
        push(IPVS_DAEMON_ATTR_MCAST_PORT, Value::U16(port.get()));
    }
    if let Some(ttl) = daemon.ttl {
        push(IPVS_DAEMON_ATTR_MCAST_TTL, Value::U8(ttl));
    }
    match daemon.group {
        Some(IpAddr::V4(group)) => {
            push(IPVS_DAEMON_ATTR_MCAST_GROUP, Value::Be32(group.to_bits()));
        }
        Some(IpAddr::V6(group)) => {
            push(IPVS_DAEMON_ATTR_MCAST_GROUP6, Value::Address(group.octets()));
        }
        None => {}
    }
    Attribute::new(IPVS_CMD_ATTR_DAEMON, Value::Nest(inner))
}
