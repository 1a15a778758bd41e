use super::*;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::time::Duration;

fn prefix(length: u32) -> Netmask {
    Netmask::V6(PrefixLength::new(length).unwrap())
}

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The text of the error that a builder returns.
fn error<T: std::fmt::Debug, E: std::error::Error>(result: Result<T, E>) -> String {
    result.expect_err("invalid").to_string()
}

#[test]
fn invalid_services_are_refused() {
    let tcp = || Service::tcp(socket("192.0.2.1:80"));
    let udp = || Service::udp(socket("[2001:db8::1]:53"));
    let bytes = "must have 1 to 15 bytes and no zero byte";
    for (builder, text) in [
        (tcp().scheduler(""), format!("invalid scheduler name '': {bytes}")),
        (
            tcp().scheduler("0123456789abcdef"),
            format!("invalid scheduler name '0123456789abcdef': {bytes}"),
        ),
        (tcp().scheduler("r\0r"), format!("invalid scheduler name 'r\0r': {bytes}")),
        (tcp().scheduler_flags(8), "scheduler flags 0b1000 are above 0b111".into()),
        (tcp().persistence(0), "persistence of 0 seconds is not between 1 and 42949672".into()),
        (
            tcp().persistence(42949673),
            "persistence of 42949673 seconds is not between 1 and 42949672".into(),
        ),
        (tcp().netmask(prefix(64)), "/64 is not a netmask for IPv4 addresses".into()),
        (
            udp().netmask(Netmask::V4([255; 4].into())),
            "255.255.255.255 is not a netmask for IPv6 addresses".into(),
        ),
        (
            tcp().persistence_engine("0123456789abcdef"),
            format!("invalid persistence engine name '0123456789abcdef': {bytes}"),
        ),
        (tcp().one_packet(), "tcp 192.0.2.1:80: one-packet scheduling requires UDP".into()),
        (Service::sctp(socket("192.0.2.1:0")), "port 0 requires persistence".into()),
    ] {
        assert_eq!(error(builder.build()), text);
    }
}

#[test]
fn builders_set_every_value_of_a_service() {
    let tcp = || Service::tcp(socket("192.0.2.1:80"));
    let key =
        ServiceKey::Address { protocol: Protocol::Tcp, address: [192, 0, 2, 1].into(), port: 80 };
    let default = Service {
        key,
        scheduler: "wlc".into(),
        scheduler_flags: 0,
        persistence: None,
        netmask: Netmask::V4([255; 4].into()),
        one_packet: false,
        persistence_engine: None,
    };
    assert_eq!(tcp().build().unwrap(), default);
    assert_eq!(Service::new(key), default);
    let mask = Netmask::V4([255, 0, 255, 0].into());
    for (builder, expected) in [
        (
            tcp().scheduler("0123456789abcde").scheduler_flags(7),
            Service { scheduler: "0123456789abcde".into(), scheduler_flags: 7, ..default.clone() },
        ),
        (
            tcp().persistence(1).netmask(mask).persistence_engine("sip"),
            Service {
                persistence: Some(1),
                netmask: mask,
                persistence_engine: Some("sip".into()),
                ..default.clone()
            },
        ),
        (tcp().persistence(42949672), Service { persistence: Some(42949672), ..default }),
        (
            Service::udp(socket("[2001:db8::1]:53")).netmask(prefix(1)).one_packet(),
            Service {
                netmask: prefix(1),
                one_packet: true,
                scheduler: "wlc".into(),
                ..Service::new(ServiceKey::Address {
                    protocol: Protocol::Udp,
                    address: "2001:db8::1".parse().unwrap(),
                    port: 53,
                })
            },
        ),
    ] {
        assert_eq!(builder.build().unwrap(), expected);
    }
    let mark = Service::mark(NonZeroU32::new(7).unwrap(), Family::V6).one_packet().build();
    assert_eq!(
        mark.unwrap().key,
        ServiceKey::Mark { mark: NonZeroU32::new(7).unwrap(), family: Family::V6 }
    );
    let sctp = Service::sctp(socket("192.0.2.1:0")).persistence(300).build().unwrap();
    assert_eq!(sctp.key.to_string(), "sctp 192.0.2.1:0");
}

#[test]
fn invalid_real_servers_are_refused() {
    let nat = |server: &str| Destination::masquerading(socket(server));
    let gue = |port| Tunnel { port, ..Tunnel::gue(NonZeroU16::MAX) };
    for (builder, text) in [
        (nat("0.0.0.0:80"), "0.0.0.0 is not the address of a host"),
        (nat("224.0.0.1:80"), "224.0.0.1 is not the address of a host"),
        (nat("255.255.255.255:80"), "255.255.255.255 is not the address of a host"),
        (nat("[::]:80"), ":: is not the address of a host"),
        (nat("[ff02::1]:80"), "ff02::1 is not the address of a host"),
        (nat("[::ffff:10.0.0.1]:80"), "::ffff:10.0.0.1 is not the address of a host"),
        (nat("10.0.0.1:80").weight(1 << 31), "weight 2147483648 is above 2147483647"),
        (nat("10.0.0.1:80").thresholds(2, 1), "lower threshold 2 is above upper threshold 1"),
        (Destination::tunnel(socket("10.0.0.1:80"), gue(None)), "a GUE tunnel requires a port"),
    ] {
        assert_eq!(error(builder.build()), text);
    }
    for address in ["127.0.0.1:1", "0.0.0.1:1", "240.0.0.1:1", "[::192.0.2.1]:1", "[fe80::1]:1"] {
        nat(address).build().unwrap();
    }
}

#[test]
fn builders_set_every_value_of_a_real_server() {
    let server = socket("10.0.0.1:80");
    let nat = Destination::masquerading(server).weight(i32::MAX as u32).thresholds(1, u32::MAX);
    let nat = nat.build().unwrap();
    let default = Destination {
        key: DestinationKey { address: [10, 0, 0, 1].into(), port: 80 },
        forwarding: Forwarding::Masquerading,
        tunnel: Tunnel::ipip(),
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    };
    assert_eq!(Destination::new(server.into(), Forwarding::Masquerading), default);
    let (weight, upper_threshold) = (i32::MAX as u32, u32::MAX);
    assert_eq!(nat, Destination { weight, upper_threshold, lower_threshold: 1, ..default.clone() });
    let direct = Destination::direct_routing(server).build().unwrap();
    assert_eq!(direct, Destination { forwarding: Forwarding::DirectRouting, ..default.clone() });
    let port = NonZeroU16::new(6080).unwrap();
    for (tunnel, expected) in [
        (Tunnel::ipip(), (TunnelKind::Ipip, None, Checksum::None)),
        (Tunnel::gue(port), (TunnelKind::Gue, Some(port), Checksum::None)),
        (Tunnel::gre().with_checksum(Checksum::Full), (TunnelKind::Gre, None, Checksum::Full)),
    ] {
        assert_eq!((tunnel.kind, tunnel.port, tunnel.checksum), expected);
        let built = Destination::tunnel(server, tunnel).build().unwrap();
        let forwarding = Forwarding::Tunnel;
        assert_eq!(built, Destination { forwarding, tunnel, ..default.clone() });
    }
}

#[test]
fn methods_of_the_kernel_are_replaced_by_direct_routing() {
    let with = |forwarding| Destination::new(socket("10.0.0.1:80").into(), forwarding);
    for (method, configured) in [
        (Forwarding::Local, Forwarding::DirectRouting),
        (Forwarding::Bypass, Forwarding::DirectRouting),
        (Forwarding::Masquerading, Forwarding::Masquerading),
        (Forwarding::Tunnel, Forwarding::Tunnel),
        (Forwarding::Other(7), Forwarding::Other(7)),
    ] {
        assert_eq!(with(method).configured(), with(configured));
    }
}

#[test]
fn invalid_daemons_are_refused() {
    let bytes = "must have 1 to 15 bytes and no zero byte";
    let daemon = |change: fn(&mut Daemon)| {
        let mut daemon = Daemon::master("eth0").build().unwrap();
        change(&mut daemon);
        daemon.validate()
    };
    for (result, text) in [
        (daemon(|d| d.interface.clear()), format!("invalid interface name '': {bytes}")),
        (
            daemon(|d| d.interface = "0123456789abcdef".into()),
            format!("invalid interface name '0123456789abcdef': {bytes}"),
        ),
        (
            daemon(|d| d.group = Some([10, 0, 0, 1].into())),
            "10.0.0.1 is not a multicast group".into(),
        ),
        (daemon(|d| d.sync_id = 256), "sync ID 256 is above 255".into()),
    ] {
        assert_eq!(error(result), text);
    }
    assert!(Daemon::master("").build().is_err());
}

#[test]
fn builders_set_every_value_of_a_daemon() {
    let default = Daemon { interface: "eth0".into(), ..Daemon::new(DaemonRole::Backup) };
    assert_eq!(Daemon::backup("eth0").build().unwrap(), default);
    let builder = Daemon::backup("eth0").group([224, 0, 0, 9]).sync_id(255).ttl(0).max_length(0);
    let expected = Daemon {
        role: DaemonRole::Backup,
        interface: "eth0".into(),
        sync_id: 255,
        max_length: Some(0),
        group: Some([224, 0, 0, 9].into()),
        port: NonZeroU16::new(9000),
        ttl: Some(0),
    };
    assert_eq!(builder.port(NonZeroU16::new(9000).unwrap()).build().unwrap(), expected);
    assert_eq!(Daemon::master("eth0").build().unwrap().role, DaemonRole::Master);
}

#[test]
fn invalid_timeouts_are_refused() {
    let (max, zero) = (21474836, Timeouts::default());
    type With = fn(Timeouts, u32) -> Timeouts;
    let all: [(&str, With); 3] = [
        ("tcp", Timeouts::with_tcp),
        ("tcp_fin", Timeouts::with_tcp_fin),
        ("udp", Timeouts::with_udp),
    ];
    for (field, with) in all {
        assert_eq!(with(zero, max).validate(), Ok(()));
        let text = error(with(zero, max + 1).validate());
        assert_eq!(text, format!("a timeout of 21474837 seconds is above 21474836 ({field})"));
    }
    let all = zero.with_tcp(1).with_tcp_fin(2).with_udp(3);
    assert_eq!(all, Timeouts { tcp: 1, tcp_fin: 2, udp: 3 });
}

#[test]
fn only_a_tunnel_connects_the_families() {
    let service = Service::tcp(socket("192.0.2.1:80")).build().unwrap();
    let server = socket("[fd00::1]:80");
    let nat = Destination::masquerading(server).build().unwrap();
    let tunnel = Destination::tunnel(server, Tunnel::ipip()).build().unwrap();
    for change in [Change::AddDestination, Change::EditDestination] {
        assert_eq!(
            error(change(service.key, nat.clone()).validate()),
            "real server fd00::1 of tcp 192.0.2.1:80 requires a tunnel: the families differ"
        );
        assert_eq!(change(service.key, tunnel.clone()).validate(), Ok(()));
    }
}

#[test]
fn a_change_validates_its_values() {
    let mut service = Service::tcp(socket("192.0.2.1:80")).build().unwrap();
    service.scheduler.clear();
    let mut destination = Destination::masquerading(socket("10.0.0.1:80")).build().unwrap();
    destination.weight = u32::MAX;
    let mark = ServiceKey::Mark { mark: NonZeroU32::MIN, family: Family::V4 };
    for change in [
        Change::AddService(service.clone()),
        Change::EditService(service.clone()),
        Change::AddDestination(mark, destination.clone()),
        Change::EditDestination(mark, destination.clone()),
        Change::SetTimeouts(Timeouts::default().with_udp(u32::MAX)),
        Change::StartDaemon(Daemon::new(DaemonRole::Master)),
    ] {
        assert!(change.validate().is_err(), "{change:?}");
    }
    for change in [
        Change::DeleteService(service.key),
        Change::DeleteDestination(mark, destination.key),
        Change::Flush,
        Change::Zero(Some(service.key)),
        Change::StopDaemon(DaemonRole::Master),
    ] {
        assert_eq!(change.validate(), Ok(()), "{change:?}");
    }
}

#[test]
fn keys_are_displayed_as_people_write_them() {
    let mark = Service::mark(NonZeroU32::MIN, Family::V4).build().unwrap();
    assert_eq!(mark.key.to_string(), "mark 1 IPv4");
    let udp = Service::udp(socket("[2001:db8::1]:53")).build().unwrap();
    assert_eq!(udp.key.to_string(), "udp [2001:db8::1]:53");
    assert_eq!(Protocol::Other(50).to_string(), "protocol 50");
    assert_eq!(DaemonRole::Master.to_string(), "master");
    assert_eq!(DaemonRole::Backup.to_string(), "backup");
    assert_eq!(DestinationKey::from(socket("10.0.0.1:80")).to_string(), "10.0.0.1:80");
}

#[test]
fn schedulers_have_names_for_their_flags() {
    assert_eq!(scheduler_flag_names("sh"), ["sh-fallback", "sh-port"]);
    assert_eq!(scheduler_flag_names("mh"), ["mh-fallback", "mh-port"]);
    assert_eq!(scheduler_flag_names("rr"), ["flag-1", "flag-2", "flag-3"]);
    let set = |scheduler: &str, flags| -> Vec<&str> {
        let service = Service::tcp(socket("192.0.2.1:80")).scheduler(scheduler);
        service.scheduler_flags(flags).build().unwrap().scheduler_flag_names().collect()
    };
    assert_eq!(set("sh", 0b110), ["sh-port", "flag-3"]);
    assert_eq!(set("rr", 0b101), ["flag-1", "flag-3"]);
    assert!(set("mh", 0).is_empty());
}

#[test]
fn a_prefix_length_is_between_1_and_128() {
    for length in [1, 64, 128] {
        assert_eq!(u32::from(PrefixLength::new(length).unwrap().get()), length);
    }
    assert_eq!(PrefixLength::new(128).unwrap(), PrefixLength::WHOLE);
    for length in [0, 129, 256, 257, u32::MAX] {
        let text = error(PrefixLength::new(length));
        assert_eq!(text, format!("prefix length {length} is not between 1 and 128"));
    }
}

#[test]
fn keys_are_parsed_from_what_they_display() {
    for text in [
        "tcp 192.0.2.1:80",
        "udp [2001:db8::1]:53",
        "sctp 192.0.2.1:0",
        "protocol 50 192.0.2.1:1",
        "mark 1 IPv4",
        "mark 4294967295 IPv6",
    ] {
        assert_eq!(text.parse::<ServiceKey>().unwrap().to_string(), text);
    }
    assert_eq!("protocol 6".parse(), Ok(Protocol::Tcp));
    for text in [
        "",
        "tcp",
        "tcp 192.0.2.1",
        "TCP 192.0.2.1:80",
        "tcp  192.0.2.1:80",
        " tcp 192.0.2.1:80",
        "tcp [fe80::1%2]:80",
        "protocol 65536 192.0.2.1:80",
        "mark 0 IPv4",
        "mark 1 ipv4",
        "mark 1",
    ] {
        let expected = "not a service such as 'tcp 192.0.2.1:80' or 'mark 7 IPv4'";
        assert_eq!(error(text.parse::<ServiceKey>()), format!("'{text}' is {expected}"));
    }
    for text in ["10.0.0.11:80", "[fd00::11]:0"] {
        let key: DestinationKey = text.parse().unwrap();
        assert_eq!((key.to_string(), SocketAddr::from(key)), (text.into(), socket(text)));
    }
    for text in ["10.0.0.11", "[fe80::1%2]:80", "a:80"] {
        let expected = format!("'{text}' is not a real server such as '10.0.0.11:80'");
        assert_eq!(error(text.parse::<DestinationKey>()), expected);
    }
    assert_eq!(error("IPv5".parse::<Family>()), "'IPv5' is not an address family such as 'IPv4'");
    assert_eq!(error("icmp".parse::<Protocol>()), "'icmp' is not a protocol such as 'tcp'");
}

#[test]
fn keys_are_ordered() {
    let keys =
        ["tcp 10.0.0.1:80", "tcp 10.0.0.1:443", "tcp [::1]:1", "udp 1.0.0.1:1", "mark 1 IPv4"];
    let mut sorted: Vec<ServiceKey> = keys.iter().rev().map(|key| key.parse().unwrap()).collect();
    sorted.sort();
    let sorted: Vec<String> = sorted.iter().map(ServiceKey::to_string).collect();
    assert_eq!(sorted, keys);
}

#[test]
fn durations_are_whole_seconds() {
    let time = Duration::from_millis(1500);
    let service = Service::tcp(socket("192.0.2.1:80")).persistence_duration(time).build().unwrap();
    assert_eq!(service.persistence, Some(2));
    assert_eq!(service.persistence_duration(), Some(Duration::from_secs(2)));
    let service = Service::tcp(socket("192.0.2.1:80"));
    assert_eq!(service.clone().build().unwrap().persistence_duration(), None);
    assert!(service.clone().persistence_duration(Duration::ZERO).build().is_err());
    assert!(service.persistence_duration(Duration::MAX).build().is_err());
    let timeouts = Timeouts::default()
        .with_tcp_duration(time)
        .with_tcp_fin_duration(Duration::from_secs(3))
        .with_udp_duration(Duration::ZERO);
    assert_eq!(timeouts, Timeouts { tcp: 2, tcp_fin: 3, udp: 0 });
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(
        (timeouts.tcp_duration(), timeouts.tcp_fin_duration(), timeouts.udp_duration()),
        (seconds(2), seconds(3), None)
    );
    assert_eq!(timeouts.with_udp(1).udp_duration(), seconds(1));
}

#[test]
fn changes_and_observations_are_displayed() {
    let service = Service::tcp(socket("192.0.2.1:80")).build().unwrap();
    let key = service.key;
    let server = Destination::direct_routing(socket("10.0.0.11:80")).build().unwrap();
    let daemon = Daemon::backup("eth0").build().unwrap();
    for (change, text) in [
        (Change::AddService(service.clone()), "add service tcp 192.0.2.1:80 (wlc)"),
        (Change::EditService(service.clone()), "edit service tcp 192.0.2.1:80 (wlc)"),
        (Change::DeleteService(key), "delete service tcp 192.0.2.1:80"),
        (
            Change::AddDestination(key, server.clone()),
            "add real server 10.0.0.11:80 to tcp 192.0.2.1:80 (direct routing, weight 1)",
        ),
        (
            Change::EditDestination(key, server.clone()),
            "edit real server 10.0.0.11:80 of tcp 192.0.2.1:80 (direct routing, weight 1)",
        ),
        (
            Change::DeleteDestination(key, server.key),
            "delete real server 10.0.0.11:80 of tcp 192.0.2.1:80",
        ),
        (Change::Flush, "delete all services"),
        (Change::Zero(Some(key)), "zero the counters of tcp 192.0.2.1:80"),
        (Change::Zero(None), "zero all counters"),
        (
            Change::SetTimeouts(Timeouts::default()),
            "set the timeouts (tcp 0, tcp_fin 0, udp 0; 0 keeps one)",
        ),
        (Change::StartDaemon(daemon), "start the backup daemon on eth0"),
        (Change::StopDaemon(DaemonRole::Master), "stop the master daemon"),
    ] {
        assert_eq!(change.to_string(), text);
    }
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
        bytes_out_rate: 10,
    };
    let traffic = "1 connections (6/s), in 2 packets (7/s) 4 bytes (9/s), \
                   out 3 packets (8/s) 5 bytes (10/s)";
    let mut observed = ObservedService::from(service);
    observed.statistics = statistics;
    assert_eq!(observed.to_string(), format!("tcp 192.0.2.1:80 wlc: {traffic}"));
    let mut observed = ObservedDestination::from(server);
    (observed.active, observed.inactive, observed.statistics) = (11, 12, statistics);
    let text = "10.0.0.11:80 direct routing weight 1: 11 active, 12 inactive, 0 persistent";
    assert_eq!(observed.to_string(), format!("{text}, {traffic}"));
    let methods = [Forwarding::Masquerading, Forwarding::Local, Forwarding::Tunnel];
    let methods = methods.into_iter().chain([Forwarding::Bypass, Forwarding::Other(7)]);
    let methods: Vec<String> = methods.map(|method| method.to_string()).collect();
    assert_eq!(methods, ["masquerading", "local", "tunnel", "bypass", "forwarding method 7"]);
    let version = Version { major: 1, minor: 2, patch: 10 };
    assert_eq!((version.to_string(), version.number()), ("1.2.10".into(), 0x01020a));
    assert_eq!(Version::from_number(0x01020a), version);
}

#[test]
fn a_validation_error_names_its_field() {
    let service = |change: fn(&mut Service)| {
        let mut service = Service::udp(socket("192.0.2.1:80")).build().unwrap();
        change(&mut service);
        service.validate().unwrap_err().field()
    };
    let server = |change: fn(&mut Destination)| {
        let mut server = Destination::direct_routing(socket("10.0.0.11:80")).build().unwrap();
        change(&mut server);
        server.validate().unwrap_err().field()
    };
    let daemon = |change: fn(&mut Daemon)| {
        let mut daemon = Daemon::master("eth0").build().unwrap();
        change(&mut daemon);
        daemon.validate().unwrap_err().field()
    };
    let tcp = Service::tcp(socket("192.0.2.1:80"));
    let six = Destination::direct_routing(socket("[fd00::1]:80")).build().unwrap();
    for (field, expected) in [
        (Service::tcp(socket("192.0.2.1:0")).build().unwrap_err().field(), "port"),
        (service(|s| s.scheduler.clear()), "scheduler"),
        (service(|s| s.persistence_engine = Some(String::new())), "persistence_engine"),
        (service(|s| s.scheduler_flags = 8), "scheduler_flags"),
        (service(|s| s.persistence = Some(0)), "persistence"),
        (service(|s| s.netmask = Netmask::whole(Family::V6)), "netmask"),
        (PrefixLength::new(0).unwrap_err().field(), "netmask"),
        (tcp.clone().one_packet().build().unwrap_err().field(), "one_packet"),
        (server(|d| d.weight = u32::MAX), "weight"),
        (server(|d| d.lower_threshold = 1), "lower_threshold"),
        (server(|d| d.key.address = [0; 4].into()), "address"),
        (server(|d| d.tunnel.kind = TunnelKind::Gue), "tunnel.port"),
        (
            Change::AddDestination(tcp.build().unwrap().key, six).validate().unwrap_err().field(),
            "forwarding",
        ),
        (daemon(|d| d.interface.clear()), "interface"),
        (daemon(|d| d.sync_id = 256), "sync_id"),
        (daemon(|d| d.group = Some([10, 0, 0, 1].into())), "group"),
        (Timeouts::default().with_tcp(u32::MAX).validate().unwrap_err().field(), "tcp"),
        (Timeouts::default().with_tcp_fin(u32::MAX).validate().unwrap_err().field(), "tcp_fin"),
        (Timeouts::default().with_udp(u32::MAX).validate().unwrap_err().field(), "udp"),
    ] {
        assert_eq!(field, expected);
    }
}
