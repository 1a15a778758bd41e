//! rtnetlink: links, addresses and routes as plain data, and the messages that change them.
//!
//! Everything belongs to the network namespace that the socket was opened in.

mod read;

use super::netlink::{Error, Netlink, UNBUILT, bytes, read};
use neli::consts::nl::NlmF;
use neli::consts::rtnl::{
    Arphrd, Ifa, IfaF, Iff, Ifla, IflaInfo, RtAddrFamily, RtScope, RtTable, Rta, Rtm, Rtn, Rtprot,
};
use neli::consts::socket::NlFamily;
use neli::rtnl::{
    Ifaddrmsg, IfaddrmsgBuilder, Ifinfomsg, IfinfomsgBuilder, Rtattr, RtattrBuilder, Rtmsg,
    RtmsgBuilder,
};
use neli::types::{Buffer, RtBuffer};
use read::{attribute, number, read_address, read_default_route, read_link};
use std::net::IpAddr;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: i32,
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    /// Whether it speaks ARP.
    pub arp: bool,
    pub mtu: u32,
    /// The kind of a virtual device: `ipip`, `veth`.
    pub kind: Option<String>,
}

/// An address on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub index: i32,
    pub address: IpAddr,
    pub prefix: u8,
    pub label: Option<String>,
    /// For this host alone (`scope host`).
    pub host_scope: bool,
    pub link_local: bool,
}

/// An address to add or to take away; its prefix is the whole address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewAddress<'a> {
    pub index: i32,
    pub address: IpAddr,
    pub label: Option<&'a str>,
    pub host_scope: bool,
}

/// A default route of the main table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    pub metric: u32,
    pub gateway: Option<IpAddr>,
    pub index: Option<i32>,
    /// The whole of it, as [`Routes::restore`] takes it.
    pub raw: Vec<u8>,
}

/// The rtnetlink of the calling thread's network namespace.
pub struct Routes {
    netlink: Netlink,
}

impl Routes {
    pub fn open() -> Result<Routes, Error> {
        Ok(Routes { netlink: Netlink::open(NlFamily::Route)? })
    }

    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        let request = ifinfo(0, Iff::empty(), Iff::empty(), RtBuffer::new())?;
        self.netlink.dump(Rtm::Getlink.into(), &request, read_link)
    }

    pub fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        let request = ifaddr(RtAddrFamily::Unspecified, 0, 0, RtScope::Universe, vec![])?;
        Ok(self
            .netlink
            .dump(Rtm::Getaddr.into(), &request, read_address)?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The default routes of the main table.
    pub fn default_routes(&mut self, ipv6: bool) -> Result<Vec<DefaultRoute>, Error> {
        let request = route(ipv6, 0, RtTable::Unspec, vec![])?;
        Ok(self
            .netlink
            .dump(Rtm::Getroute.into(), &request, read_default_route)?
            .into_iter()
            .flatten()
            .collect())
    }

    /// The device that `address` is a neighbour on; none where the way leads over a gateway, to
    /// this host itself, or nowhere.
    pub fn neighbour_on(&mut self, address: IpAddr) -> Result<Option<i32>, Error> {
        let attributes = vec![(Rta::Dst, octets(address))];
        let length = if address.is_ipv6() { 128 } else { 32 };
        let request = route(address.is_ipv6(), length, RtTable::Unspec, attributes)?;
        let answer = self.netlink.get(Rtm::Getroute.into(), &request, |payload| {
            let message = read::<Rtmsg>(payload)?;
            let direct = *message.rtm_type() == Rtn::Unicast
                && attribute(message.rtattrs(), Rta::Gateway).is_none();
            Ok(number(message.rtattrs(), Rta::Oif)?.filter(|_| direct))
        });
        match answer {
            Err(Error::Refused { code: libc::ENETUNREACH | libc::EHOSTUNREACH, .. }) => Ok(None),
            answer => answer.map(|index| index.map(|index| index as i32)),
        }
    }

    pub fn set_link_up(&mut self, index: i32, up: bool) -> Result<(), Error> {
        let flags = if up { Iff::UP } else { Iff::empty() };
        let message = ifinfo(index, flags, Iff::UP, RtBuffer::new())?;
        self.netlink.change(Rtm::Newlink.into(), NlmF::empty(), &message)
    }

    /// Adds a device of this kind, which makes the kernel load the kind's module.
    ///
    /// `data` is the payload of IFLA_INFO_DATA: the kind's own attributes.
    pub fn add_link(&mut self, name: &str, kind: &str, data: Vec<u8>) -> Result<(), Error> {
        let mut info = bytes(&attr(IflaInfo::Kind, text(kind))?)?;
        info.extend(bytes(&attr(IflaInfo::Data, data)?)?);
        let attributes = [attr(Ifla::Ifname, text(name))?, attr(Ifla::Linkinfo, info)?];
        let message = ifinfo(0, Iff::empty(), Iff::empty(), attributes.into_iter().collect())?;
        let flags = NlmF::CREATE | NlmF::EXCL;
        self.netlink.change(Rtm::Newlink.into(), flags, &message)
    }

    /// Take a device away. One that the kernel made by itself with its module stays, without error.
    pub fn delete_link(&mut self, index: i32) -> Result<(), Error> {
        let message = ifinfo(index, Iff::empty(), Iff::empty(), RtBuffer::new())?;
        self.netlink.change(Rtm::Dellink.into(), NlmF::empty(), &message)
    }

    pub fn add_address(&mut self, new: &NewAddress) -> Result<(), Error> {
        let mut attributes =
            vec![(Ifa::Local, octets(new.address)), (Ifa::Address, octets(new.address))];
        if let Some(label) = new.label {
            attributes.push((Ifa::Label, text(label)));
        }
        let scope = if new.host_scope { RtScope::Host } else { RtScope::Universe };
        let message =
            ifaddr(family(new.address), length(new.address), new.index, scope, attributes)?;
        let flags = NlmF::CREATE | NlmF::EXCL;
        self.netlink.change(Rtm::Newaddr.into(), flags, &message)
    }

    pub fn delete_address(&mut self, index: i32, address: IpAddr, prefix: u8) -> Result<(), Error> {
        let attributes = vec![(Ifa::Local, octets(address)), (Ifa::Address, octets(address))];
        let message = ifaddr(family(address), prefix, index, RtScope::Universe, attributes)?;
        self.netlink.change(Rtm::Deladdr.into(), NlmF::empty(), &message)
    }

    /// The default route of this metric leads over `gateway` from now on.
    pub fn set_default_route(
        &mut self,
        gateway: IpAddr,
        index: i32,
        metric: u32,
    ) -> Result<(), Error> {
        self.replace(&default_route(gateway, index, metric)?)
    }

    pub fn delete_default_route(
        &mut self,
        gateway: IpAddr,
        index: i32,
        metric: u32,
    ) -> Result<(), Error> {
        let route = default_route(gateway, index, metric)?;
        self.netlink.change(Rtm::Delroute.into(), NlmF::empty(), &route)
    }

    /// A route as it was, in place of the one that has its metric.
    pub fn restore(&mut self, raw: &[u8]) -> Result<(), Error> {
        self.replace(&Buffer::from(raw))
    }

    fn replace(&mut self, route: &impl neli::ToBytes) -> Result<(), Error> {
        self.netlink.change(Rtm::Newroute.into(), NlmF::CREATE | NlmF::REPLACE, route)
    }
}

fn default_route(gateway: IpAddr, index: i32, metric: u32) -> Result<Rtmsg, Error> {
    let mut attributes =
        vec![(Rta::Gateway, octets(gateway)), (Rta::Oif, index.to_ne_bytes().to_vec())];
    if metric != 0 {
        attributes.push((Rta::Priority, metric.to_ne_bytes().to_vec()));
    }
    route(gateway.is_ipv6(), 0, RtTable::Main, attributes)
}

fn ifinfo(
    index: i32,
    flags: Iff,
    change: Iff,
    attributes: RtBuffer<Ifla, Buffer>,
) -> Result<Ifinfomsg, Error> {
    IfinfomsgBuilder::default()
        .ifi_family(RtAddrFamily::Unspecified)
        .ifi_type(Arphrd::from(0))
        .ifi_index(index)
        .ifi_flags(flags)
        .ifi_change(change)
        .rtattrs(attributes)
        .build()
        .map_err(|_| UNBUILT)
}

fn ifaddr(
    family: RtAddrFamily,
    prefix: u8,
    index: i32,
    scope: RtScope,
    attributes: Vec<(Ifa, Vec<u8>)>,
) -> Result<Ifaddrmsg, Error> {
    let no_detection = if family == RtAddrFamily::Inet6 { IfaF::NODAD } else { IfaF::empty() };
    IfaddrmsgBuilder::default()
        .ifa_family(family)
        .ifa_prefixlen(prefix)
        .ifa_flags(no_detection)
        .ifa_scope(scope)
        .ifa_index(index as u32)
        .rtattrs(attributes.into_iter().map(|(k, v)| attr(k, v)).collect::<Result<_, _>>()?)
        .build()
        .map_err(|_| UNBUILT)
}

fn route(
    ipv6: bool,
    length: u8,
    table: RtTable,
    attributes: Vec<(Rta, Vec<u8>)>,
) -> Result<Rtmsg, Error> {
    RtmsgBuilder::default()
        .rtm_family(if ipv6 { RtAddrFamily::Inet6 } else { RtAddrFamily::Inet })
        .rtm_dst_len(length)
        .rtm_src_len(0)
        .rtm_tos(0)
        .rtm_table(table)
        .rtm_protocol(Rtprot::Boot)
        .rtm_scope(RtScope::Universe)
        .rtm_type(Rtn::Unicast)
        .rtattrs(attributes.into_iter().map(|(k, v)| attr(k, v)).collect::<Result<_, _>>()?)
        .build()
        .map_err(|_| UNBUILT)
}

fn attr<T: neli::Size + std::fmt::Debug>(
    kind: T,
    value: Vec<u8>,
) -> Result<Rtattr<T, Buffer>, Error> {
    RtattrBuilder::default()
        .rta_type(kind)
        .rta_payload(Buffer::from(value))
        .build()
        .map_err(|_| UNBUILT)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn family(address: IpAddr) -> RtAddrFamily {
    if address.is_ipv6() { RtAddrFamily::Inet6 } else { RtAddrFamily::Inet }
}

fn length(address: IpAddr) -> u8 {
    if address.is_ipv6() { 128 } else { 32 }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The payload of IFLA_INFO_DATA for a device of kind ip6tnl that takes every tunnel packet that no
/// other device takes, with any protocol inside.
pub fn any_ip6_tunnel() -> Result<Vec<u8>, Error> {
    const IFLA_IPTUN_PROTO: u16 = 9;
    const IFLA_IPTUN_COLLECT_METADATA: u16 = 19;
    let mut data = bytes(&attr(IFLA_IPTUN_PROTO, vec![0])?)?;
    data.extend(bytes(&attr(IFLA_IPTUN_COLLECT_METADATA, vec![])?)?);
    Ok(data)
}
