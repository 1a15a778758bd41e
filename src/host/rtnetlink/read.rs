//! The answers of rtnetlink, read with neli.

use super::{Address, DefaultRoute, Link};
use crate::host::netlink::{Error, UNBUILT, bytes, c_string, read};
use ipnet::IpNet;
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
    // On a point-to-point link, IFA_ADDRESS is the address of the other end.
    let own = attribute(message.rtattrs(), Ifa::Local)
        .or_else(|| attribute(message.rtattrs(), Ifa::Address));
    let Some(address) = own.and_then(ip) else { return Ok(None) };
    let net = IpNet::new(address, *message.ifa_prefixlen())
        .map_err(|_| Error::Malformed("an address with a prefix length that is too large"))?;
    Ok(Some(Address {
        index: *message.ifa_index() as i32,
        net,
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

/// The device of the route to a neighbour; `None` for any other route.
pub fn read_neighbour_device(payload: &[u8]) -> Result<Option<i32>, Error> {
    let message = read::<Rtmsg>(payload)?;
    let direct =
        *message.rtm_type() == Rtn::Unicast && attribute(message.rtattrs(), Rta::Gateway).is_none();
    let index = number(message.rtattrs(), Rta::Oif)?;
    Ok(index.filter(|_| direct).map(|index| index as i32))
}

/// A route as the kernel reported it, without the attributes that the kernel would refuse when the
/// route is added again.
fn restorable(route: &Rtmsg, payload: &[u8]) -> Result<Vec<u8>, Error> {
    const RTNH_F_ONLINK: u32 = 4;
    /// rtm_flags in struct rtmsg.
    const FLAGS: std::ops::Range<usize> = 8..12;
    const RTA_VIA: u16 = 18;
    const RTA_NH_ID: u16 = 30;
    let number = |kind: &Rta| u16::from(*kind);
    let has_object = route.rtattrs().iter().any(|a| number(a.rta_type()) == RTA_NH_ID);
    let kept = route.rtattrs().iter().filter(|a| match a.rta_type() {
        Rta::Cacheinfo => false,
        // The object that RTA_NH_ID names has the next hops.
        Rta::Oif | Rta::Gateway | Rta::Multipath => !has_object,
        kind => !(has_object && number(kind) == RTA_VIA),
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
    // neli drops this flag, for which it has no name.
    let flags = payload.get(FLAGS).and_then(|flags| flags.try_into().ok());
    let flags = flags.map_or(0, u32::from_ne_bytes) & RTNH_F_ONLINK;
    raw.get_mut(FLAGS).ok_or(UNBUILT)?.copy_from_slice(&flags.to_ne_bytes());
    Ok(raw)
}

fn attribute<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Option<&[u8]> {
    all.iter().find(|a| *a.rta_type() == kind).map(|a| a.rta_payload().as_ref())
}

fn number<T: PartialEq>(all: &RtBuffer<T, Buffer>, kind: T) -> Result<Option<u32>, Error> {
    let Some(value) = attribute(all, kind) else { return Ok(None) };
    match value.try_into() {
        Ok(value) => Ok(Some(u32::from_ne_bytes(value))),
        Err(_) => Err(Error::Malformed("a number that does not have four bytes")),
    }
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(value)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::super::{default_route, ifaddr, ifinfo, octets, route, text};
    use super::*;
    use neli::consts::rtnl::RtAddrFamily;
    use neli::rtnl::{Rtattr, RtattrBuilder};

    const IPV4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 100));

    fn attr<T: neli::Size + std::fmt::Debug>(kind: T, value: Vec<u8>) -> Rtattr<T, Buffer> {
        RtattrBuilder::default().rta_type(kind).rta_payload(Buffer::from(value)).build().unwrap()
    }

    fn link(flags: Iff, attributes: Vec<Rtattr<Ifla, Buffer>>) -> Result<Link, Error> {
        let attributes = attributes.into_iter().collect();
        read_link(&bytes(&ifinfo(7, flags, Iff::empty(), attributes)?)?)
    }

    #[test]
    fn links_are_read() {
        let name = || attr(Ifla::Ifname, text("tunl0"));
        let mtu = || attr(Ifla::Mtu, 1480u32.to_ne_bytes().to_vec());
        let info = attr(Ifla::Linkinfo, bytes(&attr(IflaInfo::Kind, text("ipip"))).unwrap());
        let tunnel = link(Iff::UP | Iff::NOARP, vec![name(), mtu(), info]).unwrap();
        let expected = Link {
            index: 7,
            name: "tunl0".into(),
            up: true,
            loopback: false,
            arp: false,
            mtu: 1480,
            kind: Some("ipip".into()),
        };
        assert_eq!(tunnel, expected);
        let card = link(Iff::empty(), vec![name(), mtu()]).unwrap();
        assert_eq!(card, Link { up: false, arp: true, kind: None, ..expected.clone() });
        let loopback = link(Iff::LOOPBACK, vec![name(), mtu()]).unwrap();
        assert_eq!(loopback, Link { up: false, loopback: true, kind: None, ..expected });
        assert!(link(Iff::UP, vec![mtu()]).is_err());
        assert!(link(Iff::UP, vec![name(), attr(Ifla::Mtu, vec![1])]).is_err());
    }

    fn address(scope: RtScope, attributes: Vec<(Ifa, Vec<u8>)>) -> Result<Option<Address>, Error> {
        read_address(&bytes(&ifaddr(RtAddrFamily::Inet, 32, 1, scope, attributes)?)?)
    }

    #[test]
    fn addresses_are_read() {
        let local = || (Ifa::Local, octets(IPV4));
        let peer = || (Ifa::Address, vec![10, 0, 0, 1]);
        let read = address(RtScope::Universe, vec![peer(), local(), (Ifa::Label, text("lo:0"))]);
        let expected = Address {
            index: 1,
            net: IPV4.into(),
            label: Some("lo:0".into()),
            host_scope: false,
            link_local: false,
        };
        assert_eq!(read.unwrap(), Some(expected.clone()));
        let host = address(RtScope::Host, vec![local()]).unwrap();
        assert_eq!(host, Some(Address { host_scope: true, label: None, ..expected.clone() }));
        let link = address(RtScope::Link, vec![local()]).unwrap();
        assert_eq!(link, Some(Address { link_local: true, label: None, ..expected }));
        let ipv6: IpAddr = "fd00::100".parse().unwrap();
        let ipv6_message = |prefix| {
            let attributes = vec![(Ifa::Address, octets(ipv6))];
            bytes(&ifaddr(RtAddrFamily::Inet6, prefix, 1, RtScope::Universe, attributes).unwrap())
        };
        let net = read_address(&ipv6_message(64).unwrap()).unwrap().map(|address| address.net);
        assert_eq!(net.map(|net| net.to_string()).as_deref(), Some("fd00::100/64"));
        assert!(read_address(&ipv6_message(129).unwrap()).is_err());
        assert_eq!(address(RtScope::Universe, vec![]).unwrap(), None);
    }

    fn default(attributes: Vec<(Rta, Vec<u8>)>) -> Option<DefaultRoute> {
        let message = route(false, 0, RtTable::Unspec, attributes).unwrap();
        read_default_route(&bytes(&message).unwrap()).unwrap()
    }

    #[test]
    fn default_routes_of_the_main_table_are_read() {
        let written = bytes(&default_route(IPV4, 3, 100).unwrap()).unwrap();
        let read = read_default_route(&written).unwrap().expect("a default route");
        assert_eq!((read.metric, read.gateway, read.index), (100, Some(IPV4), Some(3)));
        assert_eq!(read.raw, written);
        let written = bytes(&default_route(IPV4, 3, 0).unwrap()).unwrap();
        assert_eq!(read_default_route(&written).unwrap().expect("a default route").metric, 0);
        // A table with a number above 255 is in an attribute alone.
        let table = |number: u32| vec![(Rta::Table, number.to_ne_bytes().to_vec())];
        assert!(default(table(254)).is_some());
        assert!(default(table(1000)).is_none() && default(vec![]).is_none());
        let net = route(false, 8, RtTable::Main, vec![]).unwrap();
        assert_eq!(read_default_route(&bytes(&net).unwrap()).unwrap(), None);
        for (offset, value) in [(3, 4), (7, 7)] {
            // A route for one type of service, and one that is not unicast.
            let mut other = written.clone();
            other[offset] = value;
            assert_eq!(read_default_route(&other).unwrap(), None, "{offset}");
        }
    }

    #[test]
    fn a_route_to_restore_has_what_the_kernel_accepts() {
        const NH_ID: u16 = 30;
        const ONLINK: u8 = 4;
        let table = || (Rta::Table, 254u32.to_ne_bytes().to_vec());
        let hop = || vec![(Rta::Gateway, octets(IPV4)), (Rta::Oif, 3u32.to_ne_bytes().to_vec())];
        let cache = || (Rta::Cacheinfo, vec![0; 32]);
        let raw = |attributes| default(attributes).expect("a default route").raw;
        let plain = raw([hop(), vec![table()]].concat());
        assert_eq!(raw([hop(), vec![table(), cache()]].concat()), plain);
        let object = || (Rta::from(NH_ID), vec![1, 0, 0, 0]);
        let by_object = raw(vec![table(), object()]);
        let via = (Rta::from(18), vec![0; 6]);
        assert_eq!(raw([hop(), vec![table(), object(), via.clone()]].concat()), by_object);
        assert!(raw(vec![table(), via]).len() > raw(vec![table()]).len());
        let mut message = bytes(&default_route(IPV4, 3, 0).unwrap()).unwrap();
        message[8] = ONLINK | 1;
        let route = read_default_route(&message).unwrap().expect("a default route");
        assert_eq!(route.raw[8..12], [ONLINK, 0, 0, 0]);
    }

    #[test]
    fn a_neighbour_is_reached_without_a_gateway() {
        let device = |attributes| {
            let message = route(false, 32, RtTable::Main, attributes).unwrap();
            read_neighbour_device(&bytes(&message).unwrap()).unwrap()
        };
        let index = || (Rta::Oif, 3u32.to_ne_bytes().to_vec());
        assert_eq!(device(vec![index()]), Some(3));
        assert_eq!(device(vec![index(), (Rta::Gateway, octets(IPV4))]), None);
        let mut local = bytes(&route(false, 32, RtTable::Main, vec![index()]).unwrap()).unwrap();
        local[7] = 2;
        assert_eq!(read_neighbour_device(&local).unwrap(), None);
    }
}
