//! Bytes captured from a kernel of Linux 6.1, and from ipvsadm 1.31 talking to it.

use super::*;
use crate::netlink::attribute::{Attributes, attributes};
use crate::netlink::socket::Request;

/// What the kernel answered about a service with everything set.
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
        tunnel: Tunnel { kind: TunnelKind::Gue, port: 6080, checksum: Checksum::Full },
        weight: 7,
        upper_threshold: 10,
        lower_threshold: 5,
    }
}

#[test]
fn a_service_as_the_kernel_sends_it() {
    let observed = read_service(attributes(&bytes(SERVICE))).unwrap();
    assert_eq!(observed.service, sip());
    assert_eq!(observed.statistics.connections, 5, "the 64-bit counters count");
    assert_eq!(read_configured_service(attributes(&bytes(SERVICE))).unwrap(), sip());
}

#[test]
fn a_firewall_mark_for_ipv6() {
    let observed = read_service(attributes(&bytes(MARK))).unwrap();
    assert_eq!(observed.service.key, ServiceKey::Mark { mark: 7, family: Family::V6 });
    assert_eq!(observed.service.netmask, Netmask::whole(Family::V6));
    assert_eq!(observed.service.persistence, None);
    assert_eq!(observed.statistics, Statistics::default());
}

#[test]
fn a_destination_as_the_kernel_sends_it() {
    let observed = read_destination(attributes(&bytes(DESTINATION)), Family::V4).unwrap();
    assert_eq!(observed.destination, gue());
    assert_eq!((observed.active, observed.inactive, observed.persistent), (3, 4, 1));
    let configured = read_configured_destination(attributes(&bytes(DESTINATION)), Family::V4);
    assert_eq!(configured.unwrap(), gue());
}

#[test]
fn a_daemon_as_the_kernel_sends_it() {
    let daemon = read_daemon(attributes(&bytes(DAEMON))).unwrap();
    assert_eq!(
        daemon,
        Daemon {
            role: DaemonRole::Master,
            interface: "lo".into(),
            sync_id: 5,
            max_length: Some(1472),
            group: Some("224.0.0.81".parse().unwrap()),
            port: Some(8848),
            ttl: Some(1),
        }
    );
}

#[test]
fn requests_are_the_bytes_of_1_31() {
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
    assert_eq!(key, hex(&about(6, Some(&sip().key))));
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
        port: Some(9000),
        ttl: Some(3),
    });
    assert_eq!(
        hex(&change(&start)),
        "480003800800010002000000070002006c6f000008000300000000000600040078050000060007002823000005\
         0008000300000014000600ff020000000000000000000000000005"
    );
}

#[test]
fn what_the_kernel_keeps_is_what_was_sent() {
    for (scheduler_flags, one_packet, persistence) in [(0, false, None), (7, true, Some(1))] {
        let service = Service { scheduler_flags, one_packet, persistence, ..sip() };
        let add = Change::AddService(service.clone());
        let mut sent = bytes(&hex(&change(&add)));
        // The kernel leaves the nested flag off.
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

#[test]
fn cut_answers_are_errors_and_never_a_panic() {
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
            assert!(!read(attributes(&whole[..end])), "cut after {end} bytes");
        }
    }
}

/// Kernels before 3.18 have no family of a server, before 4.1 no 64-bit counters, before 5.3 no tunnel
/// types; later ones have more than is known here.
#[test]
fn what_a_kernel_does_not_know_is_absent() {
    use crate::netlink::attribute::{Attribute, Value};
    let laid_out = |kind: u16, inner: Vec<Attribute>| {
        let mut bytes = Vec::new();
        Attribute::new(kind, Value::Nest(inner)).append(&mut bytes);
        bytes
    };
    let attribute = Attribute::new;
    let counters = vec![attribute(IPVS_STATS_ATTR_CONNS, Value::U32(7))];
    let service = laid_out(
        IPVS_CMD_ATTR_SERVICE,
        vec![
            attribute(IPVS_SVC_ATTR_AF, Value::U16(libc::AF_INET6 as u16)),
            attribute(IPVS_SVC_ATTR_FWMARK, Value::U32(3)),
            attribute(IPVS_SVC_ATTR_SCHED_NAME, Value::Text("rr")),
            attribute(IPVS_SVC_ATTR_FLAGS, Value::Flags { flags: 0, mask: 0 }),
            attribute(IPVS_SVC_ATTR_NETMASK, Value::U32(128)),
            attribute(IPVS_SVC_ATTR_STATS, Value::Nest(counters)),
            attribute(200, Value::Nest(vec![attribute(1, Value::U64(1))])),
        ],
    );
    let read = read_service(attributes(&service)).unwrap();
    let mark = ServiceKey::Mark { mark: 3, family: Family::V6 };
    assert_eq!(read.service, Service::of(mark).scheduler("rr").build().unwrap());
    assert_eq!(read.statistics, Statistics { connections: 7, ..Statistics::default() });

    let address: IpAddr = "fd00::1".parse().unwrap();
    let server = laid_out(
        IPVS_CMD_ATTR_DEST,
        vec![
            attribute(IPVS_DEST_ATTR_ADDR, Value::Address(bytes_of(address))),
            attribute(IPVS_DEST_ATTR_PORT, Value::Be16(80)),
            attribute(IPVS_DEST_ATTR_FWD_METHOD, Value::U32(IP_VS_CONN_F_TUNNEL)),
            attribute(IPVS_DEST_ATTR_WEIGHT, Value::U32(5)),
            attribute(200, Value::U8(1)),
        ],
    );
    let read = read_destination(attributes(&server), Family::V6).unwrap();
    let at = std::net::SocketAddr::new(address, 80);
    let expected = Destination::tunnel(at, Tunnel::ipip()).weight(5).build().unwrap();
    assert_eq!(read, expected.into());
}
