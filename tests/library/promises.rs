//! The claims of the library about the kernel, compared with the kernel.

use crate::random_tables;
use crate::support::{Test, ipvsadm, oracle, sh};
use crate::{connect, socket};
use fastrand::Rng;
use libipvs::fake::FakeKernel;
use libipvs::model::*;
use libipvs::table::Entry;
use libipvs::transport::{Inbox, Kernel, Transport};
use libipvs::{Client, ErrorKind, Scope, Table};
use std::cell::Cell;
use std::io;
use std::net::UdpSocket;
use std::num::{NonZeroU16, NonZeroU32};
use std::rc::Rc;
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("promises: the kernel accepts the limits of the builders", limits),
    ("promises: the kernel refuses values beyond the limits", beyond_limits),
    ("promises: error kinds", error_kinds),
    ("promises: another network namespace", other_namespace),
    ("promises: the fake kernel answers like the kernel", fake_kernel),
    ("promises: every command", every_command),
    ("promises: one service of a thousand costs two requests", one_of_a_thousand),
    ("promises: zeroed counters and rates, kept connections", zeroed),
];

fn prefix(length: u32) -> Netmask {
    Netmask::V6(PrefixLength::new(length).expect("a prefix length"))
}

fn limits() {
    sh("ip link add d0 type dummy && ip link set d0 up && ip addr add 10.9.0.1/24 dev d0");
    let mut client = connect();
    let tcp = || Service::tcp(socket("10.0.0.1:80")).scheduler("rr");
    let six = || Service::udp(socket("[fd00::1]:53")).scheduler("rr");
    for service in [
        tcp(),
        tcp().persistence(1),
        tcp().persistence(2_678_400).netmask(Netmask::V4([0; 4].into())),
        tcp().persistence(9).netmask(Netmask::V4([255, 0, 255, 0].into())),
        tcp().scheduler_flags(7),
        six().persistence(9).netmask(prefix(1)),
        six().persistence(9).netmask(prefix(128)).persistence_engine("sip").one_packet(),
        Service::sctp(socket("10.0.0.1:65535")).scheduler("rr"),
        Service::tcp(socket("10.0.0.1:0")).persistence(60).scheduler("rr"),
        Service::tcp(socket("0.0.0.0:80")).scheduler("rr"),
        Service::mark(NonZeroU32::MAX, Family::V6).scheduler("rr").one_packet(),
    ] {
        let service = service.build().expect("a service");
        client.add_service(&service).unwrap_or_else(|e| panic!("{service:?}: {e}"));
        let observed = client.service(&service.key).expect("the service").service;
        assert_eq!(observed, service);
        client.delete_service(&service.key).expect("it exists");
    }
    let (v4, v6) = (tcp().build().expect("a service"), six().build().expect("a service"));
    client.add_service(&v4).expect("a new one");
    client.add_service(&v6).expect("a new one");
    let gue = |port| Tunnel::gue(NonZeroU16::new(port).expect("a port"));
    // Newer kernels refuse higher thresholds; older ones accept those up to `u32::MAX`.
    let most = i32::MAX as u32;
    for (service, server) in [
        (&v4, Destination::masquerading(socket("10.9.0.2:1")).weight(0)),
        (&v4, Destination::masquerading(socket("10.9.0.3:65535")).weight(most)),
        (&v4, Destination::direct_routing(socket("10.9.0.4:80")).thresholds(most, most)),
        (&v4, Destination::direct_routing(socket("10.9.0.5:80")).thresholds(0, most)),
        (&v4, Destination::tunnel(socket("10.9.0.6:80"), Tunnel::ipip())),
        (&v4, Destination::tunnel(socket("10.9.0.7:80"), gue(1).with_checksum(Checksum::Remote))),
        (&v4, Destination::tunnel(socket("10.9.0.8:80"), gue(65535).with_checksum(Checksum::Full))),
        (
            &v4,
            Destination::tunnel(socket("10.9.0.9:80"), Tunnel::gre().with_checksum(Checksum::Full)),
        ),
        (&v4, Destination::tunnel(socket("[fd00::9]:80"), Tunnel::ipip())),
        (&v4, Destination::masquerading(socket("127.0.0.1:80"))),
        (&v4, Destination::masquerading(socket("0.0.0.1:80"))),
        (&v4, Destination::masquerading(socket("240.0.0.1:80"))),
        (&v4, Destination::masquerading(socket("223.255.255.254:80"))),
        (&v6, Destination::masquerading(socket("[fd00::2]:0"))),
        (&v6, Destination::tunnel(socket("10.9.0.2:53"), Tunnel::gre())),
    ] {
        let server = server.build().expect("a real server");
        let change = Change::AddDestination(service.key, server.clone());
        assert_eq!(change.validate(), Ok(()));
        client.change(&change).unwrap_or_else(|e| panic!("{server:?}: {e}"));
        let observed = client.configured_destinations(&service.key).expect("a list");
        let observed = observed.into_iter().find(|d| d.key == server.key).expect("the server");
        // The kernel marks its own address as local.
        if server.key != socket("127.0.0.1:80").into() {
            assert_eq!(observed, server);
        }
    }
    let higher = [most + 1, u32::MAX].map(|threshold| {
        let server = Destination::direct_routing(socket("10.9.0.20:80")).thresholds(0, threshold);
        let server = server.build().expect("a real server");
        let added = client.add_destination(&v4.key, &server).is_ok();
        let _ = client.delete_destination(&v4.key, &server.key);
        added
    });
    assert!(higher == [true, true] || higher == [false, false], "{higher:?}");
    client.flush().expect("an empty table");
    for daemon in [
        Daemon::master("d0").sync_id(255).max_length(1).ttl(255).port(NonZeroU16::MAX),
        Daemon::master("d0").max_length(u16::MAX).group([239, 255, 255, 255]).ttl(0),
        Daemon::backup("d0").sync_id(0).group([224, 0, 0, 1]).port(NonZeroU16::MIN),
    ] {
        let daemon = daemon.build().expect("a daemon");
        client.start_daemon(&daemon).unwrap_or_else(|e| panic!("{daemon:?}: {e}"));
        client.stop_daemon(daemon.role).expect("it runs");
    }
}

/// Leaves out the limits that 1.31 has and the kernel has not.
fn beyond_limits() {
    let mut client = connect();
    let service = Service::tcp(socket("10.0.0.1:80")).scheduler("rr").build().expect("a service");
    let six = Service::udp(socket("[fd00::1]:53")).scheduler("rr").build().expect("a service");
    client.add_service(&service).expect("a new one");
    let key = service.key;
    let service_with = |change: &dyn Fn(&mut Service)| {
        let mut service = six.clone();
        change(&mut service);
        Change::AddService(service)
    };
    let server_with = |change: &dyn Fn(&mut Destination)| {
        let tunnel = Tunnel::gue(NonZeroU16::MIN);
        let server = Destination::tunnel(socket("10.9.0.2:80"), tunnel).build();
        let mut server = server.expect("a real server");
        change(&mut server);
        Change::AddDestination(key, server)
    };
    let mut timeouts = Timeouts::default();
    timeouts.udp = i32::MAX as u32 / 100 + 1;
    let mut daemon = Daemon::master("lo").build().expect("a daemon");
    daemon.group = Some([10, 0, 0, 1].into());
    for change in [
        service_with(&|s| s.scheduler = "0123456789abcdef".into()),
        service_with(&|s| s.scheduler = String::new()),
        service_with(&|s| s.persistence_engine = Some("0123456789abcdef".into())),
        server_with(&|s| s.key.address = [0; 4].into()),
        server_with(&|s| s.key.address = [224, 0, 0, 1].into()),
        server_with(&|s| s.key.address = [255; 4].into()),
        server_with(&|s| s.key.address = "::".parse().expect("an address")),
        server_with(&|s| s.key.address = "ff02::1".parse().expect("an address")),
        server_with(&|s| s.key.address = "::ffff:10.0.0.1".parse().expect("an address")),
        server_with(&|s| s.weight = 1 << 31),
        server_with(&|s| (s.lower_threshold, s.upper_threshold) = (2, 1)),
        server_with(&|s| s.tunnel.port = None),
        server_with(&|s| {
            s.key.address = "fd00::1".parse().expect("an address");
            s.forwarding = Forwarding::Masquerading;
        }),
        Change::SetTimeouts(timeouts),
        Change::StartDaemon(daemon),
    ] {
        assert!(change.validate().is_err(), "{change:?}");
        let unsent = client.change(&change);
        assert!(matches!(unsent, Err(libipvs::Error::Invalid(_))), "{change:?}: {unsent:?}");
        let results = client.changes_unchecked([&change]).expect("an answer");
        assert!(results[0].is_err(), "the kernel accepts {change:?}");
    }
}

fn error_kinds() {
    let mut client = connect();
    let service = Service::tcp(socket("10.0.0.1:80")).scheduler("rr").build().expect("a service");
    let server = Destination::masquerading(socket("10.1.0.1:80")).build().expect("a real server");
    let key = service.key;
    let kind =
        |client: &mut Client, change: Change| client.change(&change).expect_err("a refusal").kind();
    let mut unknown = service.clone();
    unknown.scheduler = "none-such".into();
    assert_eq!(kind(&mut client, Change::AddService(unknown)), ErrorKind::NoSuchScheduler);
    for change in [
        Change::EditService(service.clone()),
        Change::DeleteService(key),
        Change::Zero(Some(key)),
        Change::AddDestination(key, server.clone()),
        Change::EditDestination(key, server.clone()),
        Change::DeleteDestination(key, server.key),
    ] {
        assert_eq!(kind(&mut client, change), ErrorKind::NoSuchService);
    }
    assert_eq!(client.service(&key).expect_err("none").kind(), ErrorKind::NoSuchService);
    client.add_service(&service).expect("a new one");
    assert_eq!(kind(&mut client, Change::AddService(service)), ErrorKind::ServiceExists);
    for change in
        [Change::EditDestination(key, server.clone()), Change::DeleteDestination(key, server.key)]
    {
        assert_eq!(kind(&mut client, change), ErrorKind::NoSuchDestination);
    }
    client.add_destination(&key, &server).expect("a new one");
    let again = Change::AddDestination(key, server.clone());
    assert_eq!(kind(&mut client, again), ErrorKind::DestinationExists);
    let mut heavy = server;
    heavy.weight = u32::MAX;
    let heavy = Change::EditDestination(key, heavy);
    assert_eq!(kind(&mut client, heavy.clone()), ErrorKind::Invalid);
    let results = client.changes_unchecked([&heavy]).expect("an answer");
    assert_eq!(results[0].as_ref().expect_err("a refusal").kind(), ErrorKind::OutOfRange);
    sh("ip link add d0 type dummy && ip link set d0 up");
    let daemon = Change::StartDaemon(Daemon::master("d0").build().expect("a daemon"));
    let stop = Change::StopDaemon(DaemonRole::Master);
    assert_eq!(kind(&mut client, stop.clone()), ErrorKind::DaemonNotRunning);
    client.change(&daemon).expect("a daemon");
    assert_eq!(kind(&mut client, daemon), ErrorKind::DaemonRunning);
    client.change(&stop).expect("it runs");
    let none = Client::connect_in("none-such").expect_err("no namespace").kind();
    assert_eq!(none, ErrorKind::NoSuchNamespace);
    let none = Client::connect_in("/dev/null").expect_err("no namespace").kind();
    assert_eq!(none, ErrorKind::NoSuchNamespace);
}

fn other_namespace() {
    sh("ip netns add there");
    let mut there = Client::connect_in("there").expect("a namespace");
    let service = Service::tcp(socket("10.0.0.1:80")).scheduler("rr").build().expect("a service");
    there.add_service(&service).expect("a new one");
    assert_eq!(connect().services().expect("a list"), []);
    assert_eq!(there.services().expect("a list"), [service.into()]);
    let rules = "-A -t 10.0.0.1:80 -s rr\n";
    assert_eq!(ipvsadm("--netns there -S -n").ok(), rules);
    assert_eq!(ipvsadm("-S -n").ok(), "");
    let mut by_file = Client::connect_in("/run/netns/there").expect("a namespace");
    by_file.flush().expect("an empty table");
    assert_eq!(there.services().expect("a list"), []);
    drop((there, by_file));
    sh("ip netns del there");
}

/// Makes random changes, possible and impossible ones, to the kernel and to the fake kernel.
fn fake_kernel() {
    let mut rng = Rng::with_seed(99);
    let mut client = connect();
    let fake = FakeKernel::new();
    let mut fake_client = fake.client().expect("a client");
    let (mut made, mut refused) = (0, 0);
    let mut changes: Vec<Change> = Vec::new();
    while made + refused < 3000 {
        let table = random_tables::table(&mut rng, 4, 4);
        changes.clear();
        for entry in &table {
            let (service, key) = (entry.service().clone(), entry.service().key);
            let mut push = |change| changes.push(change);
            push(match rng.u8(..4) {
                0 | 1 => Change::AddService(service),
                2 => Change::EditService(service),
                _ => Change::DeleteService(key),
            });
            for server in entry.destinations().cloned() {
                push(match rng.u8(..6) {
                    0..=2 => Change::AddDestination(key, server),
                    3 => Change::EditDestination(key, server),
                    4 => Change::DeleteDestination(key, server.key),
                    _ => {
                        let mut server = server;
                        server.weight = 1 << 31;
                        Change::AddDestination(key, server)
                    }
                });
            }
            if rng.u8(..20) == 0 {
                push(Change::Zero(Some(key)));
            }
        }
        if rng.u8(..40) == 0 {
            changes.push(Change::Flush);
        }
        let kinds = |results: Vec<Result<(), libipvs::Error>>| -> Vec<_> {
            results.into_iter().map(|result| result.map_err(|e| e.kind())).collect()
        };
        let by_kernel = kinds(client.changes_unchecked(&changes).expect("answers"));
        let by_fake = kinds(fake_client.changes_unchecked(&changes).expect("answers"));
        for ((change, a), b) in changes.iter().zip(&by_kernel).zip(&by_fake) {
            assert_eq!(a, b, "{change:?}");
        }
        made += by_kernel.iter().filter(|result| result.is_ok()).count();
        refused += by_kernel.iter().filter(|result| result.is_err()).count();
        let plan = client.plan(&fake.table(), Scope::Whole).expect("a plan");
        assert_eq!(plan.changes(), []);
    }
    assert!(made > 1000 && refused > 500, "{made} made, {refused} refused");
    println!("{made} changes made and {refused} refused by both");
}

fn every_command() {
    sh("ip link add d0 type dummy && ip link set d0 up");
    let mut client = connect();
    assert_eq!(client.info().expect("an answer").version.to_string(), "1.2.1");
    let service = Service::tcp(socket("10.0.0.1:80")).scheduler("rr").build().expect("a service");
    let key = service.key;
    client.add_service(&service).expect("a new one");
    let mut other = service;
    other.scheduler = "wlc".into();
    client.edit_service(&other).expect("it exists");
    let server = Destination::masquerading(socket("10.1.0.1:80")).build().expect("a real server");
    client.add_destination(&key, &server).expect("a new one");
    let mut heavy = server.clone();
    heavy.weight = 9;
    client.edit_destination(&key, &heavy).expect("it exists");
    let rules = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 9\n";
    assert_eq!(oracle("-S -n").ok(), rules);
    client.zero(Some(&key)).expect("it exists");
    client.zero(None).expect("never refused");
    client.delete_destination(&key, &server.key).expect("it exists");
    client.delete_service(&key).expect("it exists");
    client.flush().expect("never refused");
    assert_eq!(oracle("-S -n").ok(), "");
    let timeouts = Timeouts::default().with_tcp(7).with_tcp_fin(8).with_udp(9);
    client.set_timeouts(&timeouts).expect("not too long");
    assert_eq!(client.timeouts().expect("an answer"), timeouts);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 7 8 9\n");
    client.start_daemon(&Daemon::backup("d0").build().expect("a daemon")).expect("none runs");
    assert_eq!(client.daemons().expect("a list")[0].interface, "d0");
    client.stop_daemon(DaemonRole::Backup).expect("it runs");
    assert_eq!(oracle("-L --daemon").ok(), "");
}

/// The kernel, with a count of what is sent.
struct Counted {
    kernel: Kernel,
    sends: Rc<Cell<usize>>,
}

impl Transport for Counted {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sends.set(self.sends.get() + 1);
        self.kernel.send(bytes)
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        self.kernel.receive(inbox)
    }

    fn answers_that_fit(&self) -> usize {
        self.kernel.answers_that_fit()
    }
}

fn one_of_a_thousand() {
    let sends = Rc::new(Cell::new(0));
    let counted = Counted { kernel: Kernel::open().expect("a socket"), sends: Rc::clone(&sends) };
    let mut client = Client::over(counted, || ()).expect("IPVS");
    let web = |n: usize| {
        let vip = socket(&format!("10.0.{}.{}:80", n / 250, n % 250 + 1));
        let server = Destination::direct_routing(socket("10.1.0.1:80")).build().expect("a server");
        Entry::new(Service::tcp(vip).scheduler("rr").build().expect("a service"), [server])
    };
    let table: Table = (0..1000).map(web).collect();
    client.apply(&table, Scope::Whole).expect("every change is good");
    let mut edited = web(500).service().clone();
    edited.scheduler = "wrr".into();
    let servers = web(500).destinations().cloned().collect::<Vec<_>>();
    let desired: Table = [Entry::new(edited, servers)].into_iter().collect();
    let mut cost = |scope| {
        sends.set(0);
        let start = Instant::now();
        let plan = client.plan(&desired, scope).expect("a plan");
        (sends.get(), start.elapsed(), plan.changes().len())
    };
    let (named, whole) = (cost(Scope::Named), cost(Scope::Whole));
    assert_eq!((named.0, named.2), (2, 1));
    assert_eq!((whole.0, whole.2), (1001, 1000));
    println!("named: 2 sends, {:?}; whole: 1001 sends, {:?}", named.1, whole.1);
    assert_eq!(client.apply(&desired, Scope::Named).expect("a change").len(), 1);
    assert_eq!(client.services().expect("a list").len(), 1000);
}

/// The fake kernel does the same: `zero_resets_counters_and_rates_but_not_connections`.
fn zeroed() {
    sh("ip addr add 10.9.0.1/24 dev lo && ip addr add 10.9.0.2/24 dev lo");
    let mut client = connect();
    let service = Service::udp(socket("10.9.0.1:53")).scheduler("rr").build().expect("a service");
    let server = Destination::masquerading(socket("10.9.0.2:53")).build().expect("a server");
    client.add_service(&service).expect("a new one");
    client.add_destination(&service.key, &server).expect("a new one");
    let _server = UdpSocket::bind("10.9.0.2:53").expect("a server");
    let end = Instant::now() + Duration::from_secs(30);
    let counted = loop {
        for _ in 0..50 {
            let socket = UdpSocket::bind("10.9.0.1:0").expect("a socket");
            socket.send_to(b"hello", "10.9.0.1:53").expect("sent");
        }
        std::thread::sleep(Duration::from_millis(300));
        let entry = client.snapshot().expect("the table").remove(0);
        if entry.service.statistics.connections_rate > 0 {
            break entry;
        }
        assert!(Instant::now() < end, "no rate: {entry:?}");
    };
    let connections = counted.destinations[0].inactive;
    assert!(connections > 0 && counted.destinations[0].statistics.connections > 0, "{counted:?}");
    client.zero(Some(&service.key)).expect("it exists");
    let entry = client.snapshot().expect("the table").remove(0);
    assert_eq!(entry.service.statistics, Statistics::default());
    assert_eq!(entry.destinations[0].statistics, Statistics::default());
    assert!(entry.destinations[0].inactive >= connections, "{entry:?}");
}
