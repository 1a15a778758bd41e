use super::*;
use crate::error::ErrorKind;
use crate::transaction::ApplyError;
use std::net::SocketAddr;
use std::num::NonZeroU16;

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn web() -> Service {
    Service::tcp(socket("192.0.2.1:80")).scheduler("rr").persistence(300).build().unwrap()
}

fn destination(host: u8) -> Destination {
    let tunnel = Tunnel::gue(NonZeroU16::new(6080).unwrap()).with_checksum(Checksum::Remote);
    let server = SocketAddr::from(([10, 0, 0, host], 80));
    Destination::tunnel(server, tunnel).weight(host.into()).thresholds(5, 9).build().unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("a refusal").kind()
}

#[test]
fn clients_and_values_can_be_used_in_threads() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_send::<Client>();
    is_shared::<FakeKernel>();
    is_shared::<Table>();
    is_shared::<Error>();
    is_shared::<ApplyError>();
}

#[test]
fn every_command_of_a_client_is_executed() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let key = web().key;
    client.add_service(&web()).unwrap();
    assert_eq!(kind(client.add_service(&web())), ErrorKind::ServiceExists);
    client.add_destination(&key, &destination(1)).unwrap();
    client.add_destination(&key, &destination(2)).unwrap();
    assert_eq!(kind(client.add_destination(&key, &destination(2))), ErrorKind::DestinationExists);
    let mut heavy = destination(2);
    heavy.weight = 7;
    client.edit_destination(&key, &heavy).unwrap();
    client.delete_destination(&key, &destination(1).key).unwrap();
    let again = client.delete_destination(&key, &destination(1).key);
    assert_eq!(kind(again), ErrorKind::NoSuchDestination);

    let statistics = Statistics { connections: u64::MAX, bytes_out_rate: 3, ..Default::default() };
    kernel.set_statistics(key, statistics);
    let mut busy = ObservedDestination::from(heavy);
    (busy.active, busy.inactive, busy.persistent, busy.statistics) = (1, 2, 3, statistics);
    kernel.set_destination(key, busy.clone());
    let observed = client.service(&key).unwrap();
    assert_eq!((&observed.service, observed.statistics), (&web(), statistics));
    assert_eq!(client.services().unwrap(), [observed]);
    assert_eq!(client.destinations(&key).unwrap(), [busy]);
    client.zero(None).unwrap();
    client.zero(Some(&key)).unwrap();

    let mut other = web();
    other.scheduler = "mh".to_string();
    client.edit_service(&other).unwrap();
    assert_eq!(client.service(&key).unwrap().service, other);
    client.delete_service(&key).unwrap();
    assert_eq!(kind(client.delete_service(&key)), ErrorKind::NoSuchService);
    assert_eq!(kind(client.service(&key)), ErrorKind::NoSuchService);
    assert_eq!(kind(client.add_destination(&key, &destination(1))), ErrorKind::NoSuchService);
    assert_eq!(client.destinations(&key).unwrap(), []);
    client.flush().unwrap();

    client.set_timeouts(&Timeouts::default().with_udp(9)).unwrap();
    client.set_timeouts(&Timeouts::default().with_tcp(7)).unwrap();
    assert_eq!(client.timeouts().unwrap(), Timeouts { tcp: 7, tcp_fin: 120, udp: 9 });
    let master = Daemon::master("eth0").sync_id(3).group([224, 0, 0, 9]).build().unwrap();
    client.start_daemon(&master).unwrap();
    assert_eq!(kind(client.start_daemon(&master)), ErrorKind::DaemonRunning);
    assert_eq!(client.daemons().unwrap()[0].sync_id, 3);
    client.stop_daemon(DaemonRole::Master).unwrap();
    assert_eq!(kind(client.stop_daemon(DaemonRole::Master)), ErrorKind::DaemonNotRunning);
    assert_eq!(client.info().unwrap().connection_table_size, 4096);
    assert_eq!(kernel.changes().len(), 14);
}

#[test]
fn invalid_values_are_refused() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(&web()).unwrap();
    let heavy = destination(1).with_weight(u32::MAX);
    let six = Destination::direct_routing(socket("[fd00::1]:80")).build().unwrap();
    let add = |new: &Destination| Change::AddDestination(web().key, new.clone());
    let field = |error: Error| match error {
        Error::Invalid(invalid) => invalid.field(),
        other => panic!("{other:?}"),
    };
    let kernel_says =
        [(heavy, "weight", ErrorKind::OutOfRange), (six, "forwarding", ErrorKind::Invalid)];
    for (invalid, name, unchecked) in kernel_says {
        let error = client.add_destination(&web().key, &invalid).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, None));
        assert_eq!(field(error), name);
        let results = client.changes_unchecked([&add(&invalid)]).unwrap();
        assert_eq!(kind(results.into_iter().next().unwrap()), unchecked);
    }
    let mut endless = web();
    endless.persistence = Some(50_000_000);
    assert_eq!(field(client.edit_service(&endless).unwrap_err()), "persistence");
    let nul = Service { scheduler: "rr\0x".into(), ..web() };
    let error = client.edit_service(&nul).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid scheduler name 'rr\0x': must have 1 to 15 bytes and no zero byte"
    );
    assert_eq!(field(error), "scheduler");
    let long = Timeouts::default().with_udp(u32::MAX);
    assert_eq!(field(client.set_timeouts(&long).unwrap_err()), "udp");
    let daemon = Daemon::new(DaemonRole::Master);
    assert_eq!(field(client.start_daemon(&daemon).unwrap_err()), "interface");
    // An invalid change does not stop the others, and is not sent.
    let changes = [add(&destination(1)), Change::EditService(nul), add(&destination(2))];
    let results = client.changes(&changes).unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(kernel.changes().len(), 3);
    assert_eq!(client.service(&web().key).unwrap().service, web());
}

#[test]
fn a_netmask_without_persistence_is_kept() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let mut masked = web();
    (masked.persistence, masked.netmask) = (None, Netmask::V4([255, 255, 0, 0].into()));
    client.add_service(&masked).unwrap();
    assert_eq!(client.service(&masked.key).unwrap().service, masked);
    // It has no effect, so a table does not have it.
    let plain = Service { netmask: Netmask::whole(Family::V4), ..masked.clone() };
    assert_eq!(kernel.table().service(&masked.key).unwrap().service(), &plain);
    client.edit_service(&plain).unwrap();
    assert_eq!(client.services().unwrap()[0].service, plain);
    client.delete_service(&masked.key).unwrap();
    kernel.apply(&Change::AddService(masked.clone())).unwrap();
    assert_eq!(client.services().unwrap()[0].service, masked);
}

#[test]
fn zero_resets_counters_and_rates_but_not_connections() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let other = Service::udp(socket("192.0.2.1:53")).build().unwrap();
    let statistics = Statistics { connections: 1, bytes_in_rate: 2, ..Statistics::default() };
    let mut busy = ObservedDestination::from(destination(1));
    (busy.active, busy.statistics) = (7, statistics);
    for service in [&web(), &other] {
        client.add_service(service).unwrap();
        client.add_destination(&service.key, &destination(1)).unwrap();
        kernel.set_statistics(service.key, statistics);
        kernel.set_destination(service.key, busy.clone());
    }
    let seen = |client: &mut Client<FakeKernel>| -> Vec<(Statistics, u32, Statistics)> {
        let entries = client.snapshot().unwrap().into_iter();
        let one = |e: ObservedEntry| {
            (e.service.statistics, e.destinations[0].active, e.destinations[0].statistics)
        };
        entries.map(one).collect()
    };
    let (counted, zero) =
        ((statistics, 7, statistics), (Statistics::default(), 7, Statistics::default()));
    assert_eq!(seen(&mut client), [counted, counted]);
    client.zero(Some(&web().key)).unwrap();
    assert_eq!(seen(&mut client), [zero, counted]);
    client.zero(None).unwrap();
    assert_eq!(seen(&mut client), [zero, zero]);
    // A deleted service or real server takes its counters with it.
    kernel.set_statistics(other.key, statistics);
    kernel.set_destination(other.key, busy.clone());
    client.delete_destination(&other.key, &destination(1).key).unwrap();
    client.add_destination(&other.key, &destination(1)).unwrap();
    assert_eq!(client.destinations(&other.key).unwrap()[0].active, 0);
    client.delete_service(&other.key).unwrap();
    client.add_service(&other).unwrap();
    assert_eq!(client.service(&other.key).unwrap().statistics, Statistics::default());
}

#[test]
fn refused_timeouts_are_as_before() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let before = client.timeouts().unwrap();
    assert_eq!(before, Timeouts { tcp: 900, tcp_fin: 120, udp: 300 });
    let mut desired = Table::default();
    desired.apply(&Change::SetTimeouts(Timeouts::default().with_tcp(60).with_udp(30))).unwrap();
    desired.apply(&Change::AddService(web())).unwrap();
    kernel.fail_changes_if(
        |change| matches!(change, Change::AddService(_)),
        Fault::Refuse(libc::ENOMEM),
    );
    let error = client.apply(&desired, crate::Scope::Whole).expect_err("refused");
    assert!(error.is_rolled_back());
    assert_eq!(client.timeouts().unwrap(), before);
    kernel.clear_faults();
    client.apply(&desired, crate::Scope::Whole).unwrap();
    assert_eq!(client.timeouts().unwrap(), Timeouts { tcp: 60, tcp_fin: 120, udp: 30 });
}

#[test]
fn a_kernel_can_refuse_clients() {
    let kernel = FakeKernel::new();
    let mut connected = kernel.client().unwrap();
    for (errno, expected) in
        [(libc::ENOENT, ErrorKind::NoIpvs), (libc::EPERM, ErrorKind::NotPermitted)]
    {
        kernel.refuse_connections(errno);
        assert_eq!(kind(kernel.client()), expected);
        connected.info().unwrap();
    }
    kernel.accept_connections();
    kernel.client().unwrap();
}

#[test]
fn a_fault_of_all_changes_that_a_predicate_selects() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(&web()).unwrap();
    kernel.fail_changes_if(
        |change| matches!(change, Change::AddDestination(_, new) if new.weight > 1),
        Fault::Refuse(libc::ENOMEM),
    );
    for host in [1, 2, 3] {
        let result = client.add_destination(&web().key, &destination(host));
        assert_eq!(result.is_ok(), host == 1, "{host}");
    }
    kernel.fail_request(0, Fault::Refuse(libc::EIO));
    kernel.fail_change(0, Fault::Refuse(libc::EIO));
    kernel.clear_faults();
    client.add_destination(&web().key, &destination(2)).unwrap();
}

#[test]
fn a_snapshot_has_services_with_their_real_servers() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    assert_eq!(client.snapshot().unwrap(), []);
    client.add_service(&web()).unwrap();
    client.add_destination(&web().key, &destination(1)).unwrap();
    client.add_destination(&web().key, &destination(2)).unwrap();
    let snapshot = client.snapshot().unwrap();
    assert_eq!(snapshot[0].service, web().into());
    assert_eq!(snapshot[0].destinations, [destination(1), destination(2)].map(Into::into));
    assert!(Table::from_observed(&snapshot).iter().eq(&kernel.table()));
    kernel.fail_request(1, Fault::Refuse(libc::EIO));
    assert_eq!(kind(client.snapshot()), ErrorKind::Other);
}

#[test]
fn every_fault_is_returned_to_the_caller() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(&web()).unwrap();
    for (errno, expected) in [
        (libc::EPERM, ErrorKind::NotPermitted),
        (libc::ENOMEM, ErrorKind::OutOfMemory),
        (libc::EAFNOSUPPORT, ErrorKind::Unsupported),
        (libc::EIO, ErrorKind::Other),
    ] {
        kernel.fail_request(0, Fault::Refuse(errno));
        assert_eq!(kind(client.services()), expected);
    }
    kernel.fail_request(0, Fault::RefuseWithText(libc::EIO, "no reason".into()));
    let error = client.flush().expect_err("refused");
    assert_eq!(error.code(), Some(libc::EIO));
    let source = match error {
        Error::Refused { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(source, "Input/output error (no reason)");
    assert_eq!(client.services().unwrap().len(), 1, "a refused change is not made");
    for fault in [
        Fault::TruncateAnswer(17),
        Fault::ReplaceAnswer(vec![0; 3]),
        Fault::FailSend(libc::ENOBUFS),
    ] {
        kernel.fail_request(0, fault);
        assert_eq!(kind(client.services()), ErrorKind::Other);
        assert_eq!(client.services().unwrap().len(), 1, "the next request is answered");
    }
    // A dump starts again, at most nine times.
    kernel.fail_request(0, Fault::InterruptDump);
    assert_eq!(client.services().unwrap().len(), 1);
    (0..10).for_each(|n| kernel.fail_request(n, Fault::InterruptDump));
    assert_eq!(kind(client.services()), ErrorKind::TableChanging);
    // A change takes effect although its answer is lost.
    kernel.fail_change(0, Fault::LoseAnswers);
    assert_eq!(kind(client.flush()), ErrorKind::AnswersLost);
    assert_eq!(client.services().unwrap(), []);
}

#[test]
fn each_change_has_its_own_result() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let changes = [
        Change::AddService(web()),
        Change::AddService(web()),
        Change::AddDestination(web().key, destination(1)),
        Change::DeleteDestination(web().key, destination(2).key),
    ];
    let results = client.changes(&changes).unwrap();
    let kinds: Vec<_> = results.into_iter().map(|r| r.map_err(|e| e.kind())).collect();
    let exists = Err(ErrorKind::ServiceExists);
    assert_eq!(kinds, [Ok(()), exists, Ok(()), Err(ErrorKind::NoSuchDestination)]);
}

#[test]
fn clients_in_threads_receive_their_own_answers() {
    let kernel = FakeKernel::new();
    std::thread::scope(|threads| {
        for net in 0..2 {
            let mut client = kernel.client().unwrap();
            threads.spawn(move || {
                for host in 0..200 {
                    let vip = SocketAddr::from(([10, net, 0, host], 80));
                    client.add_service(&Service::tcp(vip).build().unwrap()).unwrap();
                    client.services().unwrap();
                }
            });
        }
    });
    assert_eq!(kernel.table().len(), 400);
}

#[test]
fn a_truncated_answer_fails_a_change() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    kernel.fail_change(0, Fault::TruncateAnswer(3));
    assert_eq!(kind(client.add_service(&web())), ErrorKind::Other);
    assert_eq!(kernel.table().len(), 1, "the change is made");
}

#[test]
fn many_changes_are_sent_at_once() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let add = |n: u32| {
        let vip = SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), 80));
        Change::AddService(Service::tcp(vip).build().unwrap())
    };
    let changes: Vec<Change> = (0..500).map(add).collect();
    // The fault affects the whole send.
    kernel.fail_change(0, Fault::LoseAnswers);
    assert_eq!(kind(client.changes(&changes)), ErrorKind::AnswersLost);
    assert_eq!(kernel.changes(), changes);
}

#[test]
fn clones_have_their_own_receive_queues() {
    let kernel = FakeKernel::new();
    let mut inbox = Inbox::default();
    let [mut one, mut two] = [kernel.clone(), kernel];
    // A message to an unknown family.
    one.send(&[20, 0, 0, 0, 99, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]).unwrap();
    assert_eq!(two.receive(&mut inbox).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    one.receive(&mut inbox).unwrap();
    let answer = inbox.datagrams().next().unwrap().unwrap();
    assert_eq!(answer[16..20], (-libc::EOPNOTSUPP).to_ne_bytes());
    assert!(one.send(&[20, 0, 0, 0, 99, 0]).is_err(), "a truncated message");
}
