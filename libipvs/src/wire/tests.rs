//! Bytes captured from Linux 6.1, and from ipvsadm 1.31 talking to it.

use super::kernel_side::{self, Request as Decoded};
use super::*;
use crate::netlink::attribute::{Attribute, Attributes, Value, attributes};
use crate::netlink::message::Request;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};

/// The kernel's answer about a service in which everything is set.
const SERVICE: &str = "\
    5c01010006000100020000000600020011000000140003000a0000010000000000000000000000000600040013c4\
    0000070006007368000008000b00736970000c00070017000000ffffffff080008003c00000008000900ffffff00\
    60000a000800010000000000080002000000000008000300000000000c000400000000000000000004000b000c00\
    05000000000000000000080006000000000008000700000000000800080000000000080009000000000008000a00\
    00000000a0000c000c000100050000000000000004000b000c000200000000000000000004000b000c0003000000\
    00000000000004000b000c000400000000000000000004000b000c000500000000000000000004000b000c000600\
    000000000000000004000b000c000700000000000000000004000b000c000800000000000000000004000b000c00\
    0900000000000000000004000b000c000a000000000000000000";
const MARK: &str = "\
    41000100060001000a000000080005000700000007000600727200000c00070002000000ffffffff080008000000\
    0000080009008000000008000a000400000000";
const DESTINATION: &str = "\
    78000200140001000a0100020000000000000000000000000600020013c400000800030002000000080004000700\
    000005000d000100000006000e0017c0000006000f0001000000080005000a000000080006000500000008000700\
    030000000800080004000000080009000100000006000b0002000000";
const DAEMON: &str = "\
    3c0003000800010001000000070002006c6f0000080003000500000006000400c005000006000700902200000500\
    08000100000008000500e0000051";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn hex(request: &Request) -> String {
    let attributes = request.attributes.as_slice();
    let mut bytes = Vec::new();
    attributes.iter().for_each(|attribute| attribute.append(&mut bytes));
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn sip() -> Service {
    Service {
        key: ServiceKey::Address {
            protocol: Protocol::Udp,
            address: "10.0.0.1".parse().unwrap(),
            port: 5060,
        },
        scheduler: "sh".into(),
        scheduler_flags: 2,
        persistence: Some(60),
        netmask: Netmask::V4(Ipv4Addr::new(255, 255, 255, 0)),
        one_packet: true,
        persistence_engine: Some("sip".into()),
    }
}

fn gue() -> Destination {
    Destination {
        key: DestinationKey { address: "10.1.0.2".parse().unwrap(), port: 5060 },
        forwarding: Forwarding::Tunnel,
        tunnel: Tunnel {
            kind: TunnelKind::Gue,
            port: NonZeroU16::new(6080),
            checksum: Checksum::Full,
        },
        weight: 7,
        upper_threshold: 10,
        lower_threshold: 5,
    }
}

#[test]
fn a_service_is_decoded() {
    let observed = read_service(attributes(&bytes(SERVICE))).unwrap();
    assert_eq!(observed.service, sip());
    assert_eq!(observed.statistics.connections, 5, "the 64-bit counters take precedence");
    assert_eq!(read_configured_service(attributes(&bytes(SERVICE))).unwrap(), sip());
}

#[test]
fn a_firewall_mark_of_ipv6_is_decoded() {
    let observed = read_service(attributes(&bytes(MARK))).unwrap();
    assert_eq!(observed.service.key, mark(7));
    assert_eq!(observed.service.netmask, Netmask::whole(Family::V6));
    assert_eq!(observed.service.persistence, None);
    assert_eq!(observed.statistics, Statistics::default());
}

#[test]
fn a_destination_is_decoded() {
    let observed = read_destination(attributes(&bytes(DESTINATION)), Family::V4).unwrap();
    assert_eq!(observed.destination, gue());
    assert_eq!((observed.active, observed.inactive, observed.persistent), (3, 4, 1));
    let configured = read_configured_destination(attributes(&bytes(DESTINATION)), Family::V4);
    assert_eq!(configured.unwrap(), gue());
}

#[test]
fn a_daemon_is_decoded() {
    let daemon = read_daemon(attributes(&bytes(DAEMON))).unwrap();
    assert_eq!(
        daemon,
        Daemon {
            role: DaemonRole::Master,
            interface: "lo".into(),
            sync_id: 5,
            max_length: Some(1472),
            group: Some("224.0.0.81".parse().unwrap()),
            port: NonZeroU16::new(8848),
            ttl: Some(1),
        }
    );
}

#[test]
fn requests_have_the_bytes_of_1_31() {
    let edit = Change::EditService(sip());
    let request = change(&edit);
    assert_eq!(request.command, 2);
    assert_eq!(
        hex(&request),
        "5c00018006000100020000000600020011000000140003000a0000010000000000000000000000000600040013\
         c40000070006007368000008000b00736970000c00070015000000ffffffff080008003c00000008000900ffff\
         ff00"
    );
    let edit = Change::EditDestination(sip().key, gue());
    let request = change(&edit);
    assert_eq!(request.command, 6);
    let sent = hex(&request);
    let (key, destination) = sent.split_at(sent.find("60000280").unwrap());
    assert_eq!(key, hex(&query(Query::Destinations(sip().key))));
    assert_eq!(
        destination,
        "6000028006000b0002000000140001000a0100020000000000000000000000000600020013c400000800030002\
         000000080004000700000005000d000100000006000e0017c0000006000f0001000000080005000a0000000800\
         060005000000"
    );
    let start = Change::StartDaemon(Daemon {
        role: DaemonRole::Backup,
        interface: "lo".into(),
        sync_id: 0,
        max_length: Some(1400),
        group: Some("ff02::5".parse().unwrap()),
        port: NonZeroU16::new(9000),
        ttl: Some(3),
    });
    assert_eq!(
        hex(&change(&start)),
        "480003800800010002000000070002006c6f000008000300000000000600040078050000060007002823000005\
         0008000300000014000600ff020000000000000000000000000005"
    );
}

#[test]
fn an_encoded_change_decodes_to_its_value() {
    for (scheduler_flags, one_packet, persistence) in [(0, false, None), (7, true, Some(1))] {
        let service = Service { scheduler_flags, one_packet, persistence, ..sip() };
        let add = Change::AddService(service.clone());
        let mut sent = bytes(&hex(&change(&add)));
        // The kernel leaves the nested flag off its answers.
        sent[3] = 0;
        assert_eq!(read_service(attributes(&sent)).unwrap().service, service);
    }
    for forwarding in [Forwarding::Masquerading, Forwarding::DirectRouting, Forwarding::Bypass] {
        let key = DestinationKey { address: "2001:db8::1".parse().unwrap(), port: 0 };
        let destination = Destination { key, forwarding, ..gue() };
        let add = Change::AddDestination(sip().key, destination.clone());
        let sent = bytes(&hex(&change(&add)));
        let read = read_destination(attributes(&sent), Family::V4).unwrap();
        assert_eq!(read.destination, destination);
    }
}

fn mark(mark: u32) -> ServiceKey {
    ServiceKey::Mark { mark: NonZeroU32::new(mark).unwrap(), family: Family::V6 }
}

/// Encodes a request and decodes it on the kernel's side.
fn received(request: &Request) -> Result<Decoded, Malformed> {
    let bytes = bytes(&hex(request));
    kernel_side::request(request.command, attributes(&bytes))
}

#[test]
fn the_kernel_receives_every_change_and_query() {
    let (key, mark) = (sip().key, mark(7));
    let daemon = Daemon::master("eth0").sync_id(9).max_length(1400).ttl(3).build().unwrap();
    for sent in [
        Change::AddService(sip()),
        Change::EditService(sip()),
        Change::DeleteService(mark),
        Change::AddDestination(key, gue()),
        Change::EditDestination(mark, gue()),
        Change::DeleteDestination(key, gue().key),
        Change::Flush,
        Change::Zero(None),
        Change::Zero(Some(mark)),
        Change::SetTimeouts(Timeouts { tcp: 1, tcp_fin: 2, udp: 3 }),
        Change::StartDaemon(daemon),
        Change::StopDaemon(DaemonRole::Backup),
    ] {
        assert_eq!(received(&change(&sent)), Ok(Decoded::Change(sent)));
    }
    for sent in [
        Query::Services,
        Query::Service(key),
        Query::Destinations(mark),
        Query::Daemons,
        Query::Timeouts,
        Query::Info,
    ] {
        assert_eq!(received(&query(sent)), Ok(Decoded::Query(sent)));
    }
    let unknown = Request { command: 200, attributes: vec![] };
    assert!(received(&unknown).is_err());
    let without_service = Request { command: IPVS_CMD_NEW_SERVICE, attributes: vec![] };
    assert!(received(&without_service).is_err());
}

#[test]
fn timeouts_and_info_are_decoded() {
    let timeouts = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
    let sent = bytes(&hex(&change(&Change::SetTimeouts(timeouts))));
    assert_eq!(read_timeouts(attributes(&sent)), Ok(timeouts));
    let version = Version { major: 1, minor: 2, patch: 1 };
    let info = Info { version, connection_table_size: 4096 };
    let sent = bytes(&hex(&Request { command: 15, attributes: kernel_side::info(&info) }));
    assert_eq!(read_info(attributes(&sent)), Ok(info));
}

#[test]
fn every_counter_is_decoded() {
    let statistics = Statistics {
        connections: 1,
        packets_in: 2,
        packets_out: 3,
        bytes_in: 4,
        bytes_out: 5,
        connections_rate: 6,
        packets_in_rate: 7,
        packets_out_rate: 8,
        bytes_in_rate: 9,
        bytes_out_rate: u64::MAX,
    };
    let add = Change::AddService(sip());
    let answer = kernel_side::service(&add, &statistics);
    let sent = bytes(&hex(&Request { command: 1, attributes: answer }));
    assert_eq!(read_service(attributes(&sent)).unwrap().statistics, statistics);
    let mut observed = ObservedDestination::from(gue());
    (observed.active, observed.inactive, observed.persistent) = (11, 12, 13);
    observed.statistics = statistics;
    let add = Change::AddDestination(sip().key, gue());
    let answer = kernel_side::destination(&add, &observed);
    assert_eq!(answer.len(), 1);
    let sent = bytes(&hex(&Request { command: 5, attributes: answer }));
    assert_eq!(read_destination(attributes(&sent), Family::V4).unwrap(), observed);
}

/// The numbers of `linux/ip_vs.h` and of `IPPROTO_`.
#[test]
fn names_have_the_numbers_of_the_kernel() {
    for (number, protocol) in
        [(6, Protocol::Tcp), (17, Protocol::Udp), (132, Protocol::Sctp), (50, Protocol::Other(50))]
    {
        assert_eq!((Protocol::from_number(number), protocol.number()), (protocol, number));
    }
    for (number, method) in [
        (0, Forwarding::Masquerading),
        (1, Forwarding::Local),
        (2, Forwarding::Tunnel),
        (3, Forwarding::DirectRouting),
        (4, Forwarding::Bypass),
        (7, Forwarding::Other(7)),
    ] {
        assert_eq!((forwarding_from(number), forwarding_number(method)), (method, number));
    }
    for (number, kind) in [
        (0, TunnelKind::Ipip),
        (1, TunnelKind::Gue),
        (2, TunnelKind::Gre),
        (9, TunnelKind::Other(9)),
    ] {
        assert_eq!((tunnel_from(number), tunnel_number(kind)), (kind, number));
    }
}

#[test]
fn checksums_and_roles_are_encoded_and_decoded() {
    for checksum in [Checksum::None, Checksum::Full, Checksum::Remote] {
        let tunnel = Tunnel { checksum, ..gue().tunnel };
        let sent = Change::AddDestination(sip().key, Destination { tunnel, ..gue() });
        assert_eq!(received(&change(&sent)), Ok(Decoded::Change(sent)));
    }
    let unknown_role = Attribute::new(IPVS_DAEMON_ATTR_STATE, Value::U32(3));
    let answer = Attribute::new(IPVS_CMD_ATTR_DAEMON, Value::Nest(vec![unknown_role]));
    let sent = bytes(&hex(&Request { command: 11, attributes: vec![answer] }));
    assert!(read_daemon(attributes(&sent)).is_err());
    let unknown_family = Attribute::new(IPVS_SVC_ATTR_AF, Value::U16(99));
    let answer = Attribute::new(IPVS_CMD_ATTR_SERVICE, Value::Nest(vec![unknown_family]));
    let sent = bytes(&hex(&Request { command: 1, attributes: vec![answer] }));
    assert!(read_service(attributes(&sent)).is_err());
}

#[test]
fn truncated_answers_are_errors() {
    type Read = fn(Attributes) -> bool;
    let reads: [(&str, Read); 6] = [
        (SERVICE, |a| read_service(a).is_ok()),
        (SERVICE, |a| read_configured_service(a).is_ok()),
        (DESTINATION, |a| read_destination(a, Family::V4).is_ok()),
        (DESTINATION, |a| read_configured_destination(a, Family::V4).is_ok()),
        (DAEMON, |a| read_daemon(a).is_ok()),
        (MARK, |a| read_service(a).is_ok()),
    ];
    for (answer, read) in reads {
        let whole = bytes(answer);
        assert!(read(attributes(&whole)));
        for end in 0..whole.len() - 4 {
            assert!(!read(attributes(&whole[..end])), "truncated after {end} bytes");
        }
    }
}

/// Kernels before 3.18 send no family of a destination, before 4.1 no 64-bit counters, before 5.3
/// no tunnel types. Later kernels send attributes that this crate does not know.
#[test]
fn answers_of_older_and_newer_kernels_are_decoded() {
    let encoded = |kind: u16, inner: Vec<Attribute>| {
        let mut bytes = Vec::new();
        Attribute::new(kind, Value::Nest(inner)).append(&mut bytes);
        bytes
    };
    let attribute = Attribute::new;
    let counters = vec![attribute(IPVS_STATS_ATTR_CONNS, Value::U32(7))];
    let service = encoded(
        IPVS_CMD_ATTR_SERVICE,
        vec![
            attribute(IPVS_SVC_ATTR_AF, Value::U16(libc::AF_INET6 as u16)),
            attribute(IPVS_SVC_ATTR_FWMARK, Value::U32(3)),
            attribute(IPVS_SVC_ATTR_SCHED_NAME, Value::Text("rr")),
            attribute(IPVS_SVC_ATTR_FLAGS, Value::Flags { flags: 0, mask: 0 }),
            attribute(IPVS_SVC_ATTR_NETMASK, Value::U32(128)),
            attribute(IPVS_SVC_ATTR_STATS, Value::Nest(counters.clone())),
            attribute(200, Value::Nest(vec![attribute(1, Value::U64(1))])),
        ],
    );
    let read = read_service(attributes(&service)).unwrap();
    let mark = self::mark(3);
    assert_eq!(read.service, Service::builder(mark).scheduler("rr").build().unwrap());
    assert_eq!(read.statistics, Statistics { connections: 7, ..Statistics::default() });

    let address: IpAddr = "fd00::1".parse().unwrap();
    let server = encoded(
        IPVS_CMD_ATTR_DEST,
        vec![
            attribute(IPVS_DEST_ATTR_ADDR, Value::Address(address_bytes(address))),
            attribute(IPVS_DEST_ATTR_PORT, Value::Be16(80)),
            attribute(IPVS_DEST_ATTR_FWD_METHOD, Value::U32(IP_VS_CONN_F_TUNNEL)),
            attribute(IPVS_DEST_ATTR_WEIGHT, Value::U32(5)),
            attribute(IPVS_DEST_ATTR_STATS, Value::Nest(counters)),
            attribute(200, Value::U8(1)),
        ],
    );
    let read = read_destination(attributes(&server), Family::V6).unwrap();
    let socket = SocketAddr::new(address, 80);
    let expected = Destination::tunnel(socket, Tunnel::ipip()).weight(5).build().unwrap();
    assert_eq!(read.destination, expected);
    assert_eq!((read.active, read.statistics.connections), (0, 7));
}

/// Encodes the answer about a service or destination.
fn answer(kind: u16, inner: Vec<Attribute>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Attribute::new(kind, Value::Nest(inner)).append(&mut bytes);
    bytes
}

/// cloudflare/ipvs TestServices: the flag of persistence is not set, so the timeout does not count.
#[test]
fn cloudflare_services() {
    let attribute = Attribute::new;
    for (family, vip, netmask, expected) in [
        (
            libc::AF_INET,
            "127.0.1.1",
            Value::Be32(0xffff_fffe),
            Netmask::V4([255, 255, 255, 254].into()),
        ),
        (libc::AF_INET6, "ff00::", Value::U32(128), Netmask::whole(Family::V6)),
    ] {
        let address: IpAddr = vip.parse().unwrap();
        let bytes = answer(
            IPVS_CMD_ATTR_SERVICE,
            vec![
                attribute(IPVS_SVC_ATTR_AF, Value::U16(family as u16)),
                attribute(IPVS_SVC_ATTR_PROTOCOL, Value::U16(6)),
                attribute(IPVS_SVC_ATTR_ADDR, Value::Address(address_bytes(address))),
                attribute(IPVS_SVC_ATTR_PORT, Value::Be16(80)),
                attribute(IPVS_SVC_ATTR_SCHED_NAME, Value::Text("wlc")),
                attribute(IPVS_SVC_ATTR_TIMEOUT, Value::U32(360)),
                attribute(IPVS_SVC_ATTR_NETMASK, netmask),
                attribute(IPVS_SVC_ATTR_FLAGS, Value::Flags { flags: 0, mask: 0 }),
            ],
        );
        let service = read_service(attributes(&bytes)).unwrap().service;
        let key = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
        assert_eq!(service, Service { netmask: expected, ..Service::new(key) });
    }
}

/// cloudflare/ipvs TestDestinations_Pack, TestDestinations_Unpack.
#[test]
fn cloudflare_destinations() {
    let gue = Tunnel::gue(NonZeroU16::new(5580).unwrap()).with_checksum(Checksum::Remote);
    for (destination, expected) in [
        (
            Destination::direct_routing("127.0.1.1:80".parse().unwrap()),
            "06000b0002000000 140001007f000101000000000000000000000000 0600020000500000 \
             0800030003000000 0800040001000000 05000d0000000000 06000e0000000000 \
             06000f0000000000 0800050000000000 0800060000000000",
        ),
        (
            Destination::direct_routing("[2004:db8::3]:80".parse().unwrap()),
            "06000b000a000000 1400010020040db8000000000000000000000003 0600020000500000 \
             0800030003000000 0800040001000000 05000d0000000000 06000e0000000000 \
             06000f0000000000 0800050000000000 0800060000000000",
        ),
        (
            Destination::tunnel("127.0.1.1:80".parse().unwrap(), gue),
            "06000b0002000000 140001007f000101000000000000000000000000 0600020000500000 \
             0800030002000000 0800040001000000 05000d0001000000 06000e0015cc0000 \
             06000f0002000000 0800050000000000 0800060000000000",
        ),
    ] {
        let destination = destination.build().unwrap();
        let key = ServiceKey::Mark {
            mark: NonZeroU32::MIN,
            family: Family::from(destination.key.address),
        };
        let add = Change::AddDestination(key, destination.clone());
        let sent = hex(&change(&add));
        assert!(sent.ends_with(&expected.replace(' ', "")), "{sent}");
        let read = read_configured_destination(attributes(&bytes(&sent)), Family::V4);
        assert_eq!(read.unwrap(), destination);
    }
}

/// cloudflare/ipvs TestUnpackServiceCrashers: attributes that are too short or overrun.
#[test]
fn cloudflare_crashers() {
    let nested = |inner: &[u8]| {
        let mut bytes = (inner.len() as u16 + 4).to_ne_bytes().to_vec();
        bytes.extend(IPVS_CMD_ATTR_SERVICE.to_ne_bytes());
        bytes.extend(inner);
        bytes
    };
    for (inner, is_read) in [
        (
            &b"\x06\x00\x01\x00\n\x0000\x14\x00\x03\x000000000000000000\x0c\x00\x09\x0000000000"[..],
            true,
        ),
        (b"\x05\x00\x04\x000000", false),
        (
            b"\x06\x00\x01\x00\x02\x0000\x14\x00\x03\x000000000000000000\x06\x00\x07\x000000\
              \x08\x00\x09\x000000",
            false,
        ),
    ] {
        let read = read_service(attributes(&nested(inner)));
        assert_eq!(read.is_ok(), is_read, "{inner:?}: {read:?}");
    }
}

/// moby/ipvs Test_getIPFamily. Kernels before 3.18 send no family of a destination: it is that of
/// its service, and never guessed from the bytes of the address.
#[test]
fn moby_family_of_an_address() {
    for (address, family, expected) in [
        ([10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Family::V4, "10.0.0.1:0"),
        (
            [32, 1, 13, 184, 60, 77, 0, 21, 0, 0, 0, 0, 0, 0, 26, 0],
            Family::V6,
            "[2001:db8:3c4d:15::1a00]:0",
        ),
        ([0; 16], Family::V4, "0.0.0.0:0"),
        ([0; 16], Family::V6, "[::]:0"),
    ] {
        let bytes = answer(
            IPVS_CMD_ATTR_DEST,
            vec![Attribute::new(IPVS_DEST_ATTR_ADDR, Value::Address(address))],
        );
        let read = read_configured_destination(attributes(&bytes), family).unwrap();
        assert_eq!(read.key.to_string(), expected);
    }
}
