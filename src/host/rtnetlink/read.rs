//! rtnetlink's answers, read with neli and what neli leaves to the reader.

use super::{Address, DefaultRoute, Link};
use crate::host::netlink::{Error, UNBUILT, bytes, c_string, read};
use neli::consts::rtnl::{Ifa, Iff, Ifla, IflaInfo, RtScope, RtTable, Rta, Rtn};
use neli::rtnl::{Ifaddrmsg, Ifinfomsg, Rtmsg, RtmsgBuilder};
use neli::types::{Buffer, RtBuffer};
use std::net::IpAddr;

pub fn read_link(payload: &[u8]) -> Result<Link, Error> {
    let message = read::<Ifinfomsg>(payload)?;
    let attributes_of = message.rtattrs();
    let name =
        attribute(attributes_of, Ifla::Ifname).ok_or(Error::Malformed("a link without a name"))?;
    let kind = match attribute(attributes_of, Ifla::Linkinfo) {
        Some(info) => {
            attribute(&read::<RtBuffer<IflaInfo, Buffer>>(info)?, IflaInfo::Kind).map(c_string)
        }
        None => None,
    };
    let flags = *message.ifi_flags();
    Ok(Link {
        index: *message.ifi_index(),
        name: c_string(name),
        up: flags.contains(Iff::UP),
        loopback: flags.contains(Iff::LOOPBACK),
        arp: !flags.intersects(Iff::NOARP | Iff::LOOPBACK),
        mtu: number(attributes_of, Ifla::Mtu)?.unwrap_or(0),
        kind,
    })
}

pub fn read_address(payload: &[u8]) -> Result<Option<Address>, Error> {
    let message = read::<Ifaddrmsg>(payload)?;
    // On a link between two hosts `Address` is the other end.
    let own = attribute(message.rtattrs(), Ifa::Local)
        .or_else(|| attribute(message.rtattrs(), Ifa::Address));
    let Some(address) = own.and_then(ip) else { return Ok(None) };
    Ok(Some(Address {
        index: *message.ifa_index() as i32,
        address,
        prefix: *message.ifa_prefixlen(),
        label: attribute(message.rtattrs(), Ifa::Label).map(c_string),
        host_scope: *message.ifa_scope() == RtScope::Host,
        link_local: *message.ifa_scope() == RtScope::Link,
    }))
}

pub fn read_default_route(payload: &[u8]) -> Result<Option<DefaultRoute>, Error> {
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
        raw: restorable(&message, payload)?,
    }))
}

/// A route as the kernel reported it, without what the kernel would refuse when it is added again.
fn restorable(route: &Rtmsg, payload: &[u8]) -> Result<Vec<u8>, Error> {
    const RTNH_F_ONLINK: u32 = 4;
    /// rtm_flags in struct rtmsg.
    const FLAGS: std::ops::Range<usize> = 8..12;
    const RTA_VIA: u16 = 18;
    const RTA_NH_ID: u16 = 30;
    let number = |kind: &Rta| u16::from(*kind);
    let by_object = route.rtattrs().iter().any(|a| number(a.rta_type()) == RTA_NH_ID);
    let kept = route.rtattrs().iter().filter(|a| match a.rta_type() {
        Rta::Cacheinfo => false,
        // The next hops stand in the object that RTA_NH_ID names.
        Rta::Oif | Rta::Gateway | Rta::Multipath => !by_object,
        kind => !(by_object && number(kind) == RTA_VIA),
    });
    let route = RtmsgBuilder::default()
        .rtm_family(*route.rtm_family())
        .rtm_dst_len(*route.rtm_dst_len())
        .rtm_src_len(*route.rtm_src_len())
        .rtm_tos(*route.rtm_tos())
        .rtm_table(*route.rtm_table())
        .rtm_protocol(*route.rtm_protocol())
        .rtm_scope(*route.rtm_scope())
        .rtm_type(*route.rtm_type())
        .rtattrs(kept.cloned().collect())
        .build()
        .map_err(|_| UNBUILT)?;
    let mut raw = bytes(&route)?;
    // neli has no name for this flag, and drops it.
    let flags = payload.get(FLAGS).and_then(|flags| flags.try_into().ok());
    let flags = flags.map_or(0, u32::from_ne_bytes) & RTNH_F_ONLINK;
    raw.get_mut(FLAGS).ok_or(UNBUILT)?.copy_from_slice(&flags.to_ne_bytes());
    Ok(raw)
}

pub fn attribute<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Option<&[u8]> {
    all.iter().find(|a| *a.rta_type() == kind).map(|a| a.rta_payload().as_ref())
}

pub fn number<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Result<Option<u32>, Error> {
    let Some(value) = attribute(all, kind) else { return Ok(None) };
    match value.try_into() {
        Ok(value) => Ok(Some(u32::from_ne_bytes(value))),
        Err(_) => Err(Error::Malformed("a number that is not of four bytes")),
    }
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(value)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from))
        .ok()
}
