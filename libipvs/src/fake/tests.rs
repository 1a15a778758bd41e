use super::*;
use crate::error::ErrorKind;
use crate::transaction::{ApplyError, Scope};
use std::net::SocketAddr;
use std::num::NonZeroU16;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn web() -> Service {
    Service::tcp(at("192.0.2.1:80")).scheduler("rr").persistence(300).build().unwrap()
}

fn server(host: u8) -> Destination {
    let tunnel = Tunnel::gue(NonZeroU16::new(6080).unwrap()).with_checksum(Checksum::Remote);
    let at = SocketAddr::from(([10, 0, 0, host], 80));
    Destination::tunnel(at, tunnel).weight(host.into()).thresholds(5, 9).build().unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.expect_err("a refusal").kind()
}

#[test]
fn clients_and_what_they_give_go_from_thread_to_thread() {
    fn goes<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    goes::<Client>();
    is_shared::<FakeKernel>();
    is_shared::<Table>();
    is_shared::<Error>();
    is_shared::<ApplyError>();
}

#[test]
fn every_command_of_a_client() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let key = web().key;
    client.add_service(web()).unwrap();
    assert_eq!(kind(client.add_service(web())), ErrorKind::ServiceExists);
    client.add_destination(key, server(1)).unwrap();
    client.add_destination(key, server(2)).unwrap();
    assert_eq!(kind(client.add_destination(key, server(2))), ErrorKind::DestinationExists);
    let mut heavy = server(2);
    heavy.weight = 7;
    client.edit_destination(key, heavy.clone()).unwrap();
    client.delete_destination(key, server(1).key).unwrap();
    let gone = client.delete_destination(key, server(1).key);
    assert_eq!(kind(gone), ErrorKind::NoSuchDestination);

    let counted = Statistics { connections: u64::MAX, bytes_out_rate: 3, ..Default::default() };
    kernel.count(key, counted);
    let mut busy = ObservedDestination::from(heavy);
    (busy.active, busy.inactive, busy.persistent, busy.statistics) = (1, 2, 3, counted);
    kernel.count_destination(key, busy.clone());
    let shown = client.service(&key).unwrap();
    assert_eq!((&shown.service, shown.statistics), (&web(), counted));
    assert_eq!(client.services().unwrap(), [shown]);
    assert_eq!(client.destinations(&key).unwrap(), [busy]);
    client.zero(None).unwrap();
    client.zero(Some(key)).unwrap();

    let mut other = web();
    other.scheduler = "mh".to_string();
    client.edit_service(other.clone()).unwrap();
    assert_eq!(client.service(&key).unwrap().service, other);
    client.delete_service(key).unwrap();
    assert_eq!(kind(client.delete_service(key)), ErrorKind::NoSuchService);
    assert_eq!(kind(client.service(&key)), ErrorKind::NoSuchService);
    assert_eq!(kind(client.add_destination(key, server(1))), ErrorKind::NoSuchService);
    assert_eq!(client.destinations(&key).unwrap(), []);
    client.flush().unwrap();

    client.set_timeouts(Timeouts::default().with_udp(9)).unwrap();
    client.set_timeouts(Timeouts::default().with_tcp(7)).unwrap();
    assert_eq!(client.timeouts().unwrap(), Timeouts { tcp: 7, tcp_fin: 0, udp: 9 });
    let master = Daemon::master("eth0").sync_id(3).group([224, 0, 0, 9]).build().unwrap();
    client.start_daemon(master.clone()).unwrap();
    assert_eq!(kind(client.start_daemon(master)), ErrorKind::DaemonRuns);
    assert_eq!(client.daemons().unwrap()[0].sync_id, 3);
    client.stop_daemon(DaemonRole::Master).unwrap();
    assert_eq!(kind(client.stop_daemon(DaemonRole::Master)), ErrorKind::NoDaemon);
    assert_eq!(client.info().unwrap().connection_table_size, 4096);
    assert_eq!(kernel.made().len(), 14);
}

#[test]
fn what_no_kernel_takes_is_refused_here_too() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(web()).unwrap();
    let mut heavy = server(1);
    heavy.weight = u32::MAX;
    assert_eq!(kind(client.add_destination(web().key, heavy)), ErrorKind::OutOfRange);
    let six = Destination::direct_routing(at("[fd00::1]:80")).build().unwrap();
    assert_eq!(kind(client.add_destination(web().key, six)), ErrorKind::Invalid);
}

#[test]
fn every_fault_reaches_the_caller() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    client.add_service(web()).unwrap();
    for (errno, expected) in [
        (libc::EPERM, ErrorKind::NotPermitted),
        (libc::ENOMEM, ErrorKind::OutOfMemory),
        (libc::EAFNOSUPPORT, ErrorKind::Unsupported),
        (libc::EIO, ErrorKind::Other),
    ] {
        kernel.fail(0, Fault::Refuse(errno));
        assert_eq!(kind(client.services()), expected);
    }
    kernel.fail(0, Fault::RefuseSaying(libc::EIO, "no reason".into()));
    let error = client.flush().expect_err("refused");
    assert_eq!(error.code(), Some(libc::EIO));
    let source = match error {
        Error::Refused { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(source, "Input/output error (no reason)");
    assert_eq!(client.services().unwrap().len(), 1, "what is refused is not done");
    for fault in [Fault::Cut(17), Fault::Answer(vec![0; 3]), Fault::NotSent(libc::ENOBUFS)] {
        kernel.fail(0, fault);
        assert_eq!(kind(client.services()), ErrorKind::Other);
        assert_eq!(client.services().unwrap().len(), 1, "the next one is answered");
    }
    // A dump is taken again, boundedly.
    kernel.fail(0, Fault::Interrupt);
    assert_eq!(client.services().unwrap().len(), 1);
    (0..10).for_each(|n| kernel.fail(n, Fault::Interrupt));
    assert_eq!(kind(client.services()), ErrorKind::Changing);
    // What was asked is done all the same.
    kernel.fail_change(0, Fault::Lose);
    assert_eq!(kind(client.flush()), ErrorKind::Lost);
    assert_eq!(client.services().unwrap(), []);
}

#[test]
fn a_batch_has_a_result_for_each() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let changes = [
        Change::AddService(web()),
        Change::AddService(web()),
        Change::AddDestination(web().key, server(1)),
        Change::DeleteDestination(web().key, server(2).key),
    ];
    let results = client.changes(&changes).unwrap();
    let kinds: Vec<_> = results.into_iter().map(|r| r.map_err(|e| e.kind())).collect();
    let exists = Err(ErrorKind::ServiceExists);
    assert_eq!(kinds, [Ok(()), exists, Ok(()), Err(ErrorKind::NoSuchDestination)]);
}

/// A table, and one that differs in every way.
fn tables() -> (Table, Table) {
    let table = |changes: &[Change]| {
        let mut table = Table::default();
        changes.iter().for_each(|change| table.apply(change).unwrap());
        table
    };
    let service = |host: u8, scheduler: &str| {
        let vip = SocketAddr::from(([192, 0, 2, host], 80));
        Service::tcp(vip).scheduler(scheduler).build().unwrap()
    };
    let key = |host| service(host, "rr").key;
    let mut heavy = server(2);
    heavy.weight = 100;
    let master = Change::StartDaemon(Daemon::master("eth0").build().unwrap());
    let old = [
        Change::AddService(service(1, "rr")),
        Change::AddDestination(key(1), server(1)),
        Change::AddDestination(key(1), server(2)),
        Change::AddService(service(2, "rr")),
        Change::AddService(service(3, "rr")),
        Change::AddDestination(key(3), server(1)),
        Change::SetTimeouts(Timeouts::default().with_tcp(5)),
    ];
    let new = [
        Change::AddService(service(1, "wlc")),
        Change::AddDestination(key(1), heavy),
        Change::AddDestination(key(1), server(3)),
        Change::AddService(service(2, "rr")),
        Change::AddService(service(4, "rr")),
        Change::AddDestination(key(4), server(1)),
        Change::SetTimeouts(Timeouts::default().with_tcp(6)),
        master,
    ];
    (table(&old), table(&new))
}

#[test]
fn all_or_nothing_wherever_it_is_refused() {
    let (old, new) = tables();
    let changes = crate::table::diff(&new, &old).len();
    assert_eq!(changes, 9);
    for position in 0..changes {
        for fault in [Fault::Refuse(libc::ENOMEM), Fault::Lose, Fault::NotSent(libc::EIO)] {
            let kernel = FakeKernel::with(old.clone());
            let mut client = kernel.client().unwrap();
            kernel.fail_change(position, fault.clone());
            let failure = client.apply(new.clone(), Scope::Whole).expect_err("it fails");
            assert!(failure.is_rolled_back(), "{position} {fault:?}: {failure:?}");
            assert_eq!(kernel.table(), old, "{position} {fault:?}");
            match (failure, fault) {
                (ApplyError::Refused { refused, .. }, Fault::Refuse(_)) => {
                    assert_eq!(refused.len(), 1);
                }
                (ApplyError::Failed { .. }, Fault::Lose | Fault::NotSent(_)) => {}
                other => panic!("{position}: {other:?}"),
            }
            assert_eq!(client.apply(new.clone(), Scope::Whole).unwrap().len(), changes);
            assert_eq!(kernel.table(), new);
            assert_eq!(client.apply(new.clone(), Scope::Whole).unwrap(), []);
        }
    }
}

#[test]
fn what_cannot_be_taken_back_is_said() {
    let (old, new) = tables();
    let kernel = FakeKernel::with(old);
    let mut client = kernel.client().unwrap();
    kernel.fail_change(2, Fault::Refuse(libc::ENOMEM));
    // The first change of the way back.
    let changes = client.plan(new.clone(), Scope::Whole).unwrap().changes().len();
    let batch = changes - 2;
    kernel.fail_change(batch, Fault::Refuse(libc::EPERM));
    let failure = client.apply(new, Scope::Whole).expect_err("it fails");
    assert!(!failure.is_rolled_back());
    assert_eq!(
        failure.to_string(),
        "Memory allocation problem; some changes could not be rolled back"
    );
}

#[test]
fn what_is_not_named_is_left_alone() {
    let (old, new) = tables();
    let kernel = FakeKernel::with(old.clone());
    let mut client = kernel.client().unwrap();
    client.apply(new.clone(), Scope::Named).unwrap();
    let services = kernel.table().services().count();
    assert_eq!(services, old.services().count() + 1);
}

#[test]
fn clients_in_threads_get_their_own_answers() {
    let kernel = FakeKernel::new();
    std::thread::scope(|threads| {
        for net in 0..2 {
            let mut client = kernel.client().unwrap();
            threads.spawn(move || {
                for host in 0..200 {
                    let vip = SocketAddr::from(([10, net, 0, host], 80));
                    client.add_service(Service::tcp(vip).build().unwrap()).unwrap();
                    client.services().unwrap();
                }
            });
        }
    });
    assert_eq!(kernel.table().services().count(), 400);
}

#[test]
fn an_answer_that_is_cut_fails_a_change_too() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    kernel.fail_change(0, Fault::Cut(3));
    assert_eq!(kind(client.add_service(web())), ErrorKind::Other);
    assert_eq!(kernel.table().services().count(), 1, "it is done");
}

#[test]
fn the_way_back_leaves_alone_what_was_not_changed() {
    let timeouts = |udp| Change::SetTimeouts(Timeouts::default().with_tcp(9).with_udp(udp));
    let master = Change::StartDaemon(Daemon::master("eth0").build().unwrap());
    let kernel = FakeKernel::new();
    kernel.apply(&timeouts(9)).unwrap();
    kernel.apply(&master).unwrap();
    let mut wanted = Table::default();
    for change in [timeouts(0), master, Change::AddService(web())] {
        wanted.apply(&change).unwrap();
    }
    let mut client = kernel.client().unwrap();
    let plan = client.plan(wanted, Scope::Named).unwrap();
    // Another program is quicker.
    kernel.apply(&timeouts(77)).unwrap();
    kernel.apply(&Change::StartDaemon(Daemon::backup("eth1").build().unwrap())).unwrap();
    let before = kernel.table();
    kernel.fail_change(0, Fault::Lose);
    let failure = client.apply_plan(&plan).expect_err("answers are lost");
    assert!(failure.is_rolled_back(), "{failure:?}");
    assert_eq!(kernel.table(), before);
}

#[test]
fn what_is_gone_already_need_not_go() {
    let (old, new) = tables();
    let kernel = FakeKernel::with(old);
    let mut client = kernel.client().unwrap();
    let plan = client.plan(new.clone(), Scope::Whole).unwrap();
    for change in plan.changes() {
        if let Change::DeleteService(_) | Change::DeleteDestination(..) = change {
            kernel.apply(change).unwrap();
        }
    }
    client.apply_plan(&plan).unwrap();
    assert_eq!(kernel.table(), new);
}

#[test]
fn a_way_back_that_breaks_is_tried_another_way() {
    let (old, new) = tables();
    for fault in [Fault::Lose, Fault::NotSent(libc::EIO)] {
        let kernel = FakeKernel::with(old.clone());
        let mut client = kernel.client().unwrap();
        kernel.fail_change(2, Fault::Refuse(libc::ENOMEM));
        let first_batch = 7;
        kernel.fail_change(first_batch, fault);
        let failure = client.apply(new.clone(), Scope::Whole).expect_err("it fails");
        assert!(failure.is_rolled_back(), "{failure:?}");
        assert_eq!(failure.to_string(), "Memory allocation problem");
        assert_eq!(kernel.table(), old);
    }
}
