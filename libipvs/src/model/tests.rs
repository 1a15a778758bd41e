use super::*;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_builder_gives_no_service_that_no_kernel_takes() {
    let tcp = || Service::tcp(at("192.0.2.1:80"));
    let six = || Service::udp(at("[2001:db8::1]:53"));
    for (builder, says) in [
        (tcp().scheduler(""), "`' cannot be the name of a scheduler"),
        (
            tcp().scheduler("0123456789abcdef"),
            "`0123456789abcdef' cannot be the name of a scheduler",
        ),
        (tcp().scheduler("r\0r"), "`r\0r' cannot be the name of a scheduler"),
        (tcp().scheduler_flags(8), "scheduler flags 0b1000: there are three"),
        (tcp().persistence(0), "persistence cannot last 0 seconds"),
        (tcp().persistence(42949673), "persistence cannot last 42949673 seconds"),
        (tcp().netmask(Netmask::V6(64)), "/64 is no mask of IPv4 addresses"),
        (
            six().netmask(Netmask::V4([255; 4].into())),
            "255.255.255.255 is no mask of IPv6 addresses",
        ),
        (six().netmask(Netmask::V6(0)), "/0 is no mask of IPv6 addresses"),
        (six().netmask(Netmask::V6(129)), "/129 is no mask of IPv6 addresses"),
        (
            tcp().persistence_engine("0123456789abcdef"),
            "`0123456789abcdef' cannot be the name of a persistence engine",
        ),
        (tcp().one_packet(), "tcp 192.0.2.1:80 cannot be scheduled packet by packet: only UDP can"),
        (Service::sctp(at("192.0.2.1:0")), "a service of all ports wants persistence"),
        (
            Service::of(ServiceKey::Mark { mark: 0, family: Family::V4 }),
            "a firewall mark cannot be 0",
        ),
    ] {
        assert_eq!(builder.build().map_err(|e| e.to_string()), Err(says.to_string()));
    }
    let mark = NonZeroU32::new(7).unwrap();
    for builder in [
        tcp(),
        tcp().scheduler("0123456789abcde").scheduler_flags(7),
        tcp().netmask(Netmask::V4([255, 0, 255, 0].into())).persistence(1),
        six().netmask(Netmask::V6(1)).one_packet(),
        Service::mark(mark, Family::V6).one_packet(),
        Service::sctp(at("192.0.2.1:0")).persistence(300),
    ] {
        builder.build().unwrap();
    }
}

#[test]
fn a_builder_gives_no_real_server_that_no_kernel_takes() {
    let nat = |host: &str| Destination::masquerading(at(host));
    let gue = |port| Tunnel { port, ..Tunnel::gue(NonZeroU16::MAX) };
    for (builder, says) in [
        (nat("0.0.0.0:80"), "0.0.0.0 is no address of a host"),
        (nat("224.0.0.1:80"), "224.0.0.1 is no address of a host"),
        (nat("255.255.255.255:80"), "255.255.255.255 is no address of a host"),
        (nat("[::]:80"), ":: is no address of a host"),
        (nat("[ff02::1]:80"), "ff02::1 is no address of a host"),
        (nat("[::ffff:10.0.0.1]:80"), "::ffff:10.0.0.1 is no address of a host"),
        (nat("10.0.0.1:80").weight(1 << 31), "weight 2147483648 is above 2147483647"),
        (nat("10.0.0.1:80").thresholds(2, 1), "lower threshold 2 is above upper threshold 1"),
        (Destination::tunnel(at("10.0.0.1:80"), gue(0)), "a GUE tunnel wants a port"),
    ] {
        assert_eq!(builder.build().map_err(|e| e.to_string()), Err(says.to_string()));
    }
    nat("10.0.0.1:0").weight(i32::MAX as u32).thresholds(u32::MAX, u32::MAX).build().unwrap();
    Destination::tunnel(at("[fd00::1]:80"), gue(1)).build().unwrap();
}

#[test]
fn a_builder_gives_no_daemon_that_no_kernel_takes() {
    for (builder, says) in [
        (Daemon::master(""), "`' cannot be the name of an interface"),
        (
            Daemon::master("0123456789abcdef"),
            "`0123456789abcdef' cannot be the name of an interface",
        ),
        (Daemon::backup("eth0").group([10, 0, 0, 1]), "10.0.0.1 is no multicast group"),
    ] {
        assert_eq!(builder.build().map_err(|e| e.to_string()), Err(says.to_string()));
    }
    Daemon::backup("eth0").group([224, 0, 0, 9]).sync_id(255).ttl(0).max_length(0).build().unwrap();
}

#[test]
fn families_meet_in_a_tunnel_alone() {
    let service = Service::tcp(at("192.0.2.1:80")).build().unwrap();
    let six = at("[fd00::1]:80");
    let add = |builder: DestinationBuilder| {
        Change::AddDestination(service.key, builder.build().unwrap()).validate()
    };
    assert_eq!(
        add(Destination::masquerading(six)).map_err(|e| e.to_string()),
        Err("fd00::1 cannot serve tcp 192.0.2.1:80 without a tunnel: the families differ".into())
    );
    assert_eq!(add(Destination::tunnel(six, Tunnel::ipip())), Ok(()));
    assert!(Change::SetTimeouts(Timeouts::default().with_tcp_fin(u32::MAX)).validate().is_err());
}

#[test]
fn keys_read_as_people_write_them() {
    let mark = Service::mark(NonZeroU32::MIN, Family::V4).build().unwrap();
    assert_eq!(mark.key.to_string(), "mark 1 IPv4");
    let six = Service::udp(at("[2001:db8::1]:53")).build().unwrap();
    assert_eq!(six.key.to_string(), "udp [2001:db8::1]:53");
    assert_eq!(DestinationKey::from(at("10.0.0.1:80")).to_string(), "10.0.0.1:80");
}
