//! Random tables with few addresses and many settings, so that two of them differ in every way.
//!
//! They use schedulers and addresses that the kernel accepts.

#![allow(dead_code)] // each test binary uses a part of this

use fastrand::Rng;
use libipvs::model::*;
use libipvs::table::Table;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};

/// Returns a table of up to `services` services with up to `servers` servers each.
pub fn table(rng: &mut Rng, services: usize, servers: usize) -> Table {
    let mut table = Table::default();
    for _ in 0..rng.usize(0..=services) {
        let service = service(rng);
        let key = service.key;
        // A second draw of the same key is refused.
        if table.apply(&Change::AddService(service)).is_ok() {
            for _ in 0..rng.usize(0..=servers) {
                let _ = table.apply(&Change::AddDestination(key, destination(rng, &key)));
            }
        }
    }
    table
}

/// Returns a table with timeouts and daemons too.
pub fn whole_table(rng: &mut Rng, services: usize, servers: usize) -> Table {
    let mut table = table(rng, services, servers);
    let mut time = || rng.u32(1..=2000);
    let timeouts = Timeouts::default().with_tcp(time()).with_tcp_fin(time()).with_udp(time());
    table.apply(&Change::SetTimeouts(timeouts)).expect("timeouts are never refused");
    // Always one daemon: a table without daemons leaves the running ones alone.
    let roles: &[DaemonRole] = match rng.u8(..3) {
        0 => &[DaemonRole::Master],
        1 => &[DaemonRole::Backup],
        _ => &[DaemonRole::Master, DaemonRole::Backup],
    };
    for role in roles {
        let interface = pick(rng, &["eth0", "lo"]);
        let mut daemon = match role {
            DaemonRole::Master => Daemon::master(interface),
            DaemonRole::Backup => Daemon::backup(interface),
        };
        daemon = daemon.sync_id(rng.u8(..4)).max_length(pick(rng, &[1500, 2000]));
        if rng.bool() {
            daemon = daemon.group([224, 0, 1, 2]);
        }
        if let Some(port) = pick(rng, &[None, NonZeroU16::new(9000)]) {
            daemon = daemon.port(port);
        }
        if rng.bool() {
            daemon = daemon.ttl(3);
        }
        let daemon = daemon.build().expect("a daemon");
        table.apply(&Change::StartDaemon(daemon)).expect("each role once");
    }
    table
}

fn pick<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}

fn service(rng: &mut Rng) -> Service {
    let key = match rng.u8(..5) {
        0 => {
            let mark = NonZeroU32::new(rng.u32(1..4)).expect("not 0");
            ServiceKey::Mark { mark, family: pick(rng, &[Family::V4, Family::V6]) }
        }
        n => ServiceKey::Address {
            protocol: pick(rng, &[Protocol::Tcp, Protocol::Udp, Protocol::Sctp]),
            address: address(n == 1, 0, rng.u8(1..4)),
            port: pick(rng, &[80, 443]),
        },
    };
    let udp = matches!(key, ServiceKey::Address { protocol: Protocol::Udp, .. });
    let persistence = pick(rng, &[None, Some(300), Some(60)]);
    let netmask = match (persistence, key.family()) {
        (None, family) => Netmask::whole(family),
        (_, Family::V4) => pick(
            rng,
            &[Netmask::V4(Ipv4Addr::BROADCAST), Netmask::V4(Ipv4Addr::new(255, 255, 0, 0))],
        ),
        (_, Family::V6) => Netmask::V6(PrefixLength::new(pick(rng, &[128, 48])).expect("a length")),
    };
    let mut service = Service::builder(key)
        .scheduler(pick(rng, &["rr", "wrr", "wlc", "sh", "mh"]))
        .scheduler_flags(pick(rng, &[0, 0, 1, 2, 7]))
        .netmask(netmask);
    if let Some(seconds) = persistence {
        service = service.persistence(seconds);
    }
    if udp && rng.bool() {
        service = service.one_packet();
    }
    if udp && persistence.is_some() && rng.bool() {
        service = service.persistence_engine("sip");
    }
    service.build().expect("a service")
}

fn address(six: bool, net: u8, host: u8) -> IpAddr {
    match six {
        true => Ipv6Addr::new(0xfd00, net.into(), 0, 0, 0, 0, 0, host.into()).into(),
        false => Ipv4Addr::new(10, net, 0, host).into(),
    }
}

fn destination(rng: &mut Rng, service: &ServiceKey) -> Destination {
    let forwarding =
        pick(rng, &[Forwarding::Masquerading, Forwarding::Tunnel, Forwarding::DirectRouting]);
    let six = service.family() == Family::V6;
    // A tunnel may cross families, but not while a daemon runs.
    let six = if forwarding == Forwarding::Tunnel && rng.u8(..8) == 0 { !six } else { six };
    let port = match service {
        ServiceKey::Address { port, .. } => *port,
        ServiceKey::Mark { .. } => 0,
    };
    let port = match forwarding {
        Forwarding::Masquerading => pick(rng, &[port, 8080]),
        _ => port,
    };
    let tunnel = match (forwarding, rng.u8(..3)) {
        (Forwarding::Tunnel, 0) => Tunnel::gue(NonZeroU16::new(6080).expect("a port"))
            .with_checksum(pick(rng, &[Checksum::None, Checksum::Full, Checksum::Remote])),
        (Forwarding::Tunnel, 1) => {
            Tunnel::gre().with_checksum(pick(rng, &[Checksum::None, Checksum::Full]))
        }
        _ => Tunnel::default(),
    };
    let upper = pick(rng, &[0, 0, 100]);
    let server = SocketAddr::new(address(six, 1, rng.u8(1..6)), port);
    let builder = match forwarding {
        Forwarding::Masquerading => Destination::masquerading(server),
        Forwarding::Tunnel => Destination::tunnel(server, tunnel),
        _ => Destination::direct_routing(server),
    };
    builder
        .weight(pick(rng, &[0, 1, 5, 2147483647]))
        .thresholds(if upper > 0 { pick(rng, &[0, 50]) } else { 0 }, upper)
        .build()
        .expect("a real server")
}
