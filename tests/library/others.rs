//! The cases that other libraries for IPVS test, as tests of this one: docs/libraries.md lists them.
//!
//! The cases that need no kernel are in `libipvs/src/wire/tests.rs`.

use crate::random_tables;
use crate::support::{Test, oracle, sh};
use crate::{connect, socket};
use fastrand::Rng;
use libipvs::fake::FakeKernel;
use libipvs::model::*;
use libipvs::transport::Transport;
use libipvs::{Client, ErrorKind, Table};
use std::num::NonZeroU32;

pub const TESTS: &[Test] = &[
    ("others: moby/ipvs TestService: each protocol with each scheduler", services),
    ("others: moby/ipvs TestDestination: each forwarding method", destinations),
    ("others: moby/ipvs TestTimeouts: 0 keeps a timeout", timeouts),
    ("others: cloudflare/ipvs TestClient: a save of 1.31 shows the table", saved),
    ("others: pyroute2 test_basic: a new service is listed", listed),
    ("others: 600 random services are read back, from the kernel and the fake kernel", random),
];

/// A TCP, a UDP and a mark service of each family.
fn all_kinds() -> Vec<Service> {
    let mark = NonZeroU32::new(1234).expect("not 0");
    let mut services = Vec::new();
    for (tcp, udp, family) in [
        ("1.2.3.4:80", "1.2.3.4:53", Family::V4),
        ("[2001:db8:3c4d:15::1a00]:80", "[2001:db8:3c4d:15::1a00]:53", Family::V6),
    ] {
        for builder in
            [Service::tcp(socket(tcp)), Service::udp(socket(udp)), Service::mark(mark, family)]
        {
            services.push(builder.scheduler("rr").build().expect("a service"));
        }
    }
    services
}

fn services() {
    const SCHEDULERS: [&str; 6] = ["rr", "lc", "dh", "sh", "wlc", "wrr"];
    let mut client = connect();
    for service in all_kinds() {
        for scheduler in SCHEDULERS {
            let with = |scheduler: &str| {
                let mut service = service.clone();
                service.scheduler = scheduler.into();
                service
            };
            client.add_service(&with(scheduler)).expect("a new service");
            for other in SCHEDULERS.into_iter().filter(|other| *other != scheduler) {
                client.edit_service(&with(other)).expect("it exists");
                let observed = client.service(&service.key).expect("the service").service;
                assert_eq!(observed, with(other));
                let all = client.configured_services().expect("a list");
                assert_eq!(all, [with(other)]);
            }
            client.delete_service(&service.key).expect("it exists");
            let missing = client.service(&service.key).expect_err("none").kind();
            assert_eq!(missing, ErrorKind::NoSuchService);
            // cloudflare/ipvs TestServices_IsNotExist: here a list without services is no error.
            assert_eq!(client.services().expect("a list"), []);
        }
    }
    for service in all_kinds() {
        client.add_service(&service).expect("a new service");
    }
    client.flush().expect("never refused");
    assert_eq!(client.services().expect("a list"), []);
}

fn destinations() {
    sh("ip link add dummy type dummy && ip addr add 10.1.1.1/24 dev dummy");
    const METHODS: [Forwarding; 3] =
        [Forwarding::Masquerading, Forwarding::Tunnel, Forwarding::DirectRouting];
    let mut client = connect();
    for service in all_kinds() {
        client.add_service(&service).expect("a new service");
        let key = service.key;
        let hosts: [&str; 3] = match key.family() {
            Family::V4 => ["10.1.1.2", "10.1.1.3", "10.1.1.4"],
            Family::V6 => {
                ["2001:db8:3c4d:15::1a2b", "2001:db8:3c4d:15::1a2c", "2001:db8:3c4d:15::1a2d"]
            }
        };
        let server = |host: &str, method| {
            let address = host.parse().expect("an address");
            Destination::new(DestinationKey { address, port: 5000 }, method)
        };
        for method in METHODS {
            for host in hosts {
                client.add_destination(&key, &server(host, method)).expect("a new server");
            }
            for other in METHODS.into_iter().filter(|other| *other != method) {
                for host in hosts {
                    client.edit_destination(&key, &server(host, other)).expect("it exists");
                }
                let mut observed = client.configured_destinations(&key).expect("a list");
                observed.sort_by_key(|server| server.key);
                assert_eq!(observed, hosts.map(|host| server(host, other)));
            }
            for host in hosts {
                let server = server(host, method);
                client.delete_destination(&key, &server.key).expect("it exists");
                let rest = client.configured_destinations(&key).expect("a list");
                assert!(rest.iter().all(|other| other.key != server.key));
            }
        }
        client.delete_service(&key).expect("it exists");
    }
}

fn timeouts() {
    let mut client = connect();
    let all = Timeouts::default().with_tcp(66).with_tcp_fin(66).with_udp(66);
    client.set_timeouts(&all).expect("not too long");
    assert_eq!(client.timeouts().expect("an answer"), all);
    client.set_timeouts(&all.with_tcp(77).with_tcp_fin(0).with_udp(77)).expect("not too long");
    let expected = all.with_tcp(77).with_udp(77);
    assert_eq!(client.timeouts().expect("an answer"), expected);
}

fn saved() {
    let mut client = connect();
    let service = Service::tcp(socket("127.0.1.1:443")).scheduler("mh").build().expect("a service");
    let server = Destination::direct_routing(socket("127.0.2.1:80")).weight(0).build();
    client.add_service(&service).expect("a new service");
    client.add_destination(&service.key, &server.expect("a server")).expect("a new server");
    // 1.31 shows the server's own port, although direct routing does not change that of a packet.
    let rules = "-A -t 127.0.1.1:443 -s mh\n-a -t 127.0.1.1:443 -r 127.0.2.1:80 -g -w 0\n";
    assert_eq!(oracle("-S -n").ok(), rules);
}

fn listed() {
    sh("ip addr add 10.9.0.1/24 dev lo");
    let mut client = connect();
    let service = Service::tcp(socket("10.9.0.1:6000")).build().expect("a service");
    client.add_service(&service).expect("a new service");
    let keys: Vec<ServiceKey> =
        client.services().expect("a list").iter().map(|s| s.service.key).collect();
    assert_eq!(keys, ["tcp 10.9.0.1:6000".parse().expect("a key")]);
}

/// cloudflare/ipvs TestService_PackUnpack, with destinations and a real kernel.
fn random() {
    let mut rng = Rng::with_seed(600);
    let mut table = Table::default();
    while table.len() < 600 {
        // The same few keys recur, so each has to move to an address of its own.
        for entry in random_tables::table(&mut rng, 4, 4) {
            let mut service = entry.service().clone();
            let n = u32::try_from(table.len()).expect("few") + 1;
            match &mut service.key {
                ServiceKey::Mark { mark, .. } => *mark = NonZeroU32::new(n).expect("not 0"),
                ServiceKey::Address { port, .. } => *port = n as u16,
            }
            table.extend([libipvs::table::Entry::new(service, entry.destinations().cloned())]);
        }
    }
    read_back(connect(), &table, "kernel");
    read_back(FakeKernel::new().client().expect("a client"), &table, "fake kernel");
}

fn read_back<T: Transport>(mut client: Client<T>, table: &Table, name: &str) {
    let mut servers = 0;
    for entry in table {
        let key = entry.service().key;
        client.add_service(entry.service()).unwrap_or_else(|e| panic!("{key}: {e}"));
        for server in entry.destinations() {
            let added = client.add_destination(&key, server);
            added.unwrap_or_else(|e| panic!("{key} {}: {e}", server.key));
            servers += 1;
        }
    }
    let snapshot = client.snapshot().expect("the table");
    assert_eq!(&Table::from_observed(&snapshot), table, "{name}");
    assert!(table.len() >= 600 && servers > 600, "{servers}");
    println!("{name}: {} services with {servers} real servers, no difference", table.len());
}
