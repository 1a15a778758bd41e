//! rtnetlink's answers, read with neli and what neli leaves to the reader.

use super::{Address, DefaultRoute, Link};
use crate::netlink::attribute::{Malformed, attributes};
use neli::FromBytesWithInput;
use neli::consts::rtnl::{Ifa, Iff, Ifla, RtScope, RtTable, Rta, Rtn};
use neli::rtnl::{Ifaddrmsg, Ifinfomsg, Rtmsg};
use neli::types::{Buffer, RtBuffer};
use std::io::Cursor;
use std::net::IpAddr;

pub fn read_link(payload: &[u8]) -> Result<Link, Malformed> {
    let message = read::<Ifinfomsg>(payload)?;
    let attributes_of = message.rtattrs();
    let name = attribute(attributes_of, Ifla::Ifname).ok_or(Malformed("a link without a name"))?;
    const IFLA_INFO_KIND: u16 = 1;
    let kind = attribute(attributes_of, Ifla::Linkinfo).and_then(|info| {
        attributes(info)
            .filter_map(Result::ok)
            .find(|inside| inside.kind == IFLA_INFO_KIND)
            .map(|inside| inside.text())
    });
    let flags = *message.ifi_flags();
    Ok(Link {
        index: *message.ifi_index(),
        name: shown(name),
        up: flags.contains(Iff::UP),
        loopback: flags.contains(Iff::LOOPBACK),
        arp: !flags.intersects(Iff::NOARP | Iff::LOOPBACK),
        mtu: number(attributes_of, Ifla::Mtu)?.unwrap_or(0),
        kind,
    })
}

pub fn read_address(payload: &[u8]) -> Result<Option<Address>, Malformed> {
    let message = read::<Ifaddrmsg>(payload)?;
    // On a link between two hosts `Address` is the other end.
    let own = attribute(message.rtattrs(), Ifa::Local)
        .or_else(|| attribute(message.rtattrs(), Ifa::Address));
    let Some(address) = own.and_then(ip) else { return Ok(None) };
    Ok(Some(Address {
        index: *message.ifa_index() as i32,
        address,
        prefix: *message.ifa_prefixlen(),
        label: attribute(message.rtattrs(), Ifa::Label).map(shown),
        host_scope: *message.ifa_scope() == RtScope::Host,
        link_local: *message.ifa_scope() == RtScope::Link,
    }))
}

pub fn read_default_route(payload: &[u8]) -> Result<Option<DefaultRoute>, Malformed> {
    let message = read::<Rtmsg>(payload)?;
    let table = number(message.rtattrs(), Rta::Table)?;
    let main = table.map_or(*message.rtm_table() == RtTable::Main, |table| table == 254);
    if !main
        || *message.rtm_dst_len() != 0
        || *message.rtm_tos() != 0
        || *message.rtm_type() != Rtn::Unicast
    {
        return Ok(None);
    }
    Ok(Some(DefaultRoute {
        metric: number(message.rtattrs(), Rta::Priority)?.unwrap_or(0),
        gateway: attribute(message.rtattrs(), Rta::Gateway).and_then(ip),
        index: number(message.rtattrs(), Rta::Oif)?.map(|index| index as i32),
        raw: restorable(payload),
    }))
}

/// A route as the kernel told it, without what it would not take back.
fn restorable(payload: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    const FLAGS: std::ops::Range<usize> = 8..12;
    const ONLINK: u32 = 4;
    const RTA_OIF: u16 = 4;
    const RTA_GATEWAY: u16 = 5;
    const RTA_MULTIPATH: u16 = 9;
    const RTA_CACHEINFO: u16 = 12;
    const RTA_VIA: u16 = 18;
    const RTA_NH_ID: u16 = 30;
    let Some(header) = payload.get(..HEADER) else { return Vec::new() };
    let mut raw = header.to_vec();
    let flags = raw[FLAGS].try_into().map_or(0, u32::from_ne_bytes) & ONLINK;
    raw[FLAGS].copy_from_slice(&flags.to_ne_bytes());
    let all: Vec<_> = attributes(&payload[HEADER..]).filter_map(Result::ok).collect();
    let by_object = all.iter().any(|a| a.kind == RTA_NH_ID);
    for a in all {
        let next_hop = matches!(a.kind, RTA_OIF | RTA_GATEWAY | RTA_MULTIPATH | RTA_VIA);
        if a.kind == RTA_CACHEINFO || (by_object && next_hop) {
            continue;
        }
        raw.extend(((a.value.len() + 4) as u16).to_ne_bytes());
        raw.extend(a.kind.to_ne_bytes());
        raw.extend(a.value);
        raw.resize(raw.len().next_multiple_of(4), 0);
    }
    raw
}

pub fn read<T: FromBytesWithInput<Input = usize>>(payload: &[u8]) -> Result<T, Malformed> {
    T::from_bytes_with_input(&mut Cursor::new(payload), payload.len())
        .map_err(|_| Malformed("an rtnetlink message that cannot be read"))
}

pub fn attribute<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Option<&[u8]> {
    all.iter().find(|a| *a.rta_type() == kind).map(|a| a.rta_payload().as_ref())
}

pub fn number<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Result<Option<u32>, Malformed> {
    let Some(value) = attribute(all, kind) else { return Ok(None) };
    match value.try_into() {
        Ok(value) => Ok(Some(u32::from_ne_bytes(value))),
        Err(_) => Err(Malformed("a number that is not of four bytes")),
    }
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(value)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from))
        .ok()
}

fn shown(value: &[u8]) -> String {
    let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}
