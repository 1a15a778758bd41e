//! rtnetlink: links, addresses and routes as plain data, and the messages that change them.
//!
//! Everything belongs to the network namespace that the socket was opened in.

mod read;

use super::netlink::{Error, Netlink, UNBUILT, bytes};
use ipnet::IpNet;
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
use read::{read_address, read_default_route, read_link, read_neighbour_device};
use std::net::IpAddr;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: i32,
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    /// True for a device that answers ARP requests: most network cards.
    pub arp: bool,
    pub mtu: u32,
    /// The kind of a virtual device: `ipip`, `veth`.
    pub kind: Option<String>,
}

/// An address on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub index: i32,
    /// The address and its prefix length.
    pub net: IpNet,
    pub label: Option<String>,
    /// True for `scope host`.
    pub host_scope: bool,
    /// True for `scope link`.
    pub link_local: bool,
}

/// An address to add, with its full prefix length.
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
    /// The whole route, in the form that [`Routes::restore`] takes.
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

    /// The device that `address` is a neighbour on. `None` when the route to it has a gateway, when
    /// it is an address of this host, or when there is no route.
    pub fn neighbour_on(&mut self, address: IpAddr) -> Result<Option<i32>, Error> {
        let attributes = vec![(Rta::Dst, octets(address))];
        let request = route(address.is_ipv6(), full_prefix(address), RtTable::Unspec, attributes)?;
        match self.netlink.get(Rtm::Getroute.into(), &request, read_neighbour_device) {
            Err(Error::Refused { code: libc::ENETUNREACH | libc::EHOSTUNREACH, .. }) => Ok(None),
            answer => answer,
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

    /// Deletes a device. The kernel keeps a device that its module created, without an error.
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
            ifaddr(family(new.address), full_prefix(new.address), new.index, scope, attributes)?;
        let flags = NlmF::CREATE | NlmF::EXCL;
        self.netlink.change(Rtm::Newaddr.into(), flags, &message)
    }

    pub fn delete_address(&mut self, index: i32, address: IpAddr, prefix: u8) -> Result<(), Error> {
        let attributes = vec![(Ifa::Local, octets(address)), (Ifa::Address, octets(address))];
        let message = ifaddr(family(address), prefix, index, RtScope::Universe, attributes)?;
        self.netlink.change(Rtm::Deladdr.into(), NlmF::empty(), &message)
    }

    /// Adds the default route with this metric, or replaces it.
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

    /// Adds a route as it was observed, or replaces the one with its metric.
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

fn full_prefix(address: IpAddr) -> u8 {
    IpNet::from(address).prefix_len()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The payload of IFLA_INFO_DATA for a device of kind ip6tnl that receives, with any protocol inside,
/// every tunnel packet that no other device receives.
pub fn any_ip6_tunnel() -> Result<Vec<u8>, Error> {
    const IFLA_IPTUN_PROTO: u16 = 9;
    const IFLA_IPTUN_COLLECT_METADATA: u16 = 19;
    let mut data = bytes(&attr(IFLA_IPTUN_PROTO, vec![0])?)?;
    data.extend(bytes(&attr(IFLA_IPTUN_COLLECT_METADATA, vec![])?)?);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_addresses_are_added_without_duplicate_address_detection() {
        let flags = |family| {
            let message = ifaddr(family, 32, 1, RtScope::Universe, vec![]).unwrap();
            bytes(&message).unwrap()[2]
        };
        assert_eq!((flags(RtAddrFamily::Inet), flags(RtAddrFamily::Inet6)), (0, 2));
    }

    #[test]
    fn families_and_prefixes_of_addresses() {
        let ipv4 = IpAddr::from([10, 0, 0, 100]);
        let ipv6: IpAddr = "fd00::100".parse().unwrap();
        assert_eq!((full_prefix(ipv4), family(ipv4)), (32, RtAddrFamily::Inet));
        assert_eq!((full_prefix(ipv6), family(ipv6)), (128, RtAddrFamily::Inet6));
        assert_eq!((octets(ipv4).len(), octets(ipv6).len()), (4, 16));
    }

    #[test]
    fn the_ip6_tunnel_has_any_protocol_and_collects_metadata() {
        // IFLA_IPTUN_PROTO 0, padded; IFLA_IPTUN_COLLECT_METADATA, empty.
        assert_eq!(any_ip6_tunnel().unwrap(), [5, 0, 9, 0, 0, 0, 0, 0, 4, 0, 19, 0]);
    }

    #[test]
    fn the_kernel_lists_links_addresses_and_routes() {
        let mut routes = Routes::open().expect("a socket");
        let links = routes.links().expect("links");
        let lo = links.iter().find(|link| link.name == "lo").expect("lo");
        assert!(lo.loopback && !lo.arp);
        let addresses = routes.addresses().expect("addresses");
        let indexes: Vec<i32> = links.iter().map(|link| link.index).collect();
        assert!(addresses.iter().all(|address| indexes.contains(&address.index)));
        for ipv6 in [false, true] {
            routes.default_routes(ipv6).expect("routes");
        }
        assert_eq!(routes.neighbour_on([127, 0, 0, 1].into()).expect("a route"), None);
    }
}
