use super::*;
use crate::fake::{FakeKernel, Fault};
use crate::model::*;
use std::error::Error as _;
use std::net::SocketAddr;

fn service(host: u8, scheduler: &str) -> Service {
    let vip = SocketAddr::from(([192, 0, 2, host], 80));
    Service::tcp(vip).scheduler(scheduler).build().unwrap()
}

fn key(host: u8) -> ServiceKey {
    service(host, "rr").key
}

fn destination(host: u8) -> Destination {
    let server = SocketAddr::from(([10, 0, 0, host], 80));
    Destination::direct_routing(server).weight(host.into()).build().unwrap()
}

fn table(changes: &[Change]) -> Table {
    let mut table = Table::default();
    changes.iter().for_each(|change| table.apply(change).unwrap());
    table
}

fn start(builder: DaemonBuilder) -> Change {
    Change::StartDaemon(builder.build().unwrap())
}

/// Two tables that differ in every kind of change.
fn tables() -> (Table, Table) {
    let mut heavy = destination(2);
    heavy.weight = 100;
    let old = [
        Change::AddService(service(1, "rr")),
        Change::AddDestination(key(1), destination(1)),
        Change::AddDestination(key(1), destination(2)),
        Change::AddService(service(2, "rr")),
        Change::AddService(service(3, "rr")),
        Change::AddDestination(key(3), destination(1)),
        Change::SetTimeouts(Timeouts { tcp: 5, tcp_fin: 120, udp: 300 }),
    ];
    let new = [
        Change::AddService(service(1, "wlc")),
        Change::AddDestination(key(1), heavy),
        Change::AddDestination(key(1), destination(3)),
        Change::AddService(service(2, "rr")),
        Change::AddService(service(4, "rr")),
        Change::AddDestination(key(4), destination(1)),
        Change::SetTimeouts(Timeouts { tcp: 6, tcp_fin: 120, udp: 300 }),
        start(Daemon::master("eth0")),
    ];
    (table(&old), table(&new))
}

/// The changes between the two tables that are not deletions.
const FIRST_BATCH: usize = 7;

#[test]
fn a_plan_that_fails_at_any_change_is_rolled_back() {
    let (old, new) = tables();
    let changes = crate::table::diff(&new, &old).len();
    assert_eq!(changes, 9);
    for position in 0..changes {
        for fault in [Fault::Refuse(libc::ENOMEM), Fault::LoseAnswers, Fault::FailSend(libc::EIO)] {
            let kernel = FakeKernel::with_table(old.clone());
            let mut client = kernel.client().unwrap();
            kernel.fail_change(position, fault.clone());
            let error = client.apply(&new, Scope::Whole).expect_err("a fault");
            assert!(error.is_rolled_back(), "{position} {fault:?}: {error:?}");
            assert_eq!(kernel.table(), old, "{position} {fault:?}");
            match (error, fault) {
                (ApplyError::Refused { refused, .. }, Fault::Refuse(_)) => {
                    assert_eq!(refused.len(), 1);
                }
                (ApplyError::Failed { .. }, Fault::LoseAnswers | Fault::FailSend(_)) => {}
                other => panic!("{position}: {other:?}"),
            }
            assert_eq!(client.apply(&new, Scope::Whole).unwrap().len(), changes);
            assert_eq!(kernel.table(), new);
            assert_eq!(client.apply(&new, Scope::Whole).unwrap(), []);
        }
    }
}

#[test]
fn a_refused_rollback_is_reported() {
    let (old, new) = tables();
    let kernel = FakeKernel::with_table(old);
    let mut client = kernel.client().unwrap();
    kernel.fail_change(2, Fault::RefuseWithText(libc::ENOMEM, "no space".to_string()));
    // The first change of the rollback.
    kernel.fail_change(FIRST_BATCH, Fault::Refuse(libc::EPERM));
    let error = client.apply(&new, Scope::Whole).expect_err("a fault");
    assert!(!error.is_rolled_back());
    let text = "cannot add real server 10.0.0.1:80 to tcp 192.0.2.4:80 (direct routing, weight 1): Memory allocation problem \
                (1 of 9 changes failed; some others could not be rolled back: \
                cannot stop the master daemon: Permission denied (you must be root))";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.error().unwrap().kind(), ErrorKind::OutOfMemory);
    assert_eq!(error.source().unwrap().to_string(), "Cannot allocate memory (no space)");
    let ApplyError::Refused { refused, unrestored, .. } = error else { panic!("{error:?}") };
    let changes = |errors: Vec<ChangeError>| -> Vec<Change> {
        errors.into_iter().map(|error| error.change).collect()
    };
    assert_eq!(changes(refused), [Change::AddDestination(key(4), destination(1))]);
    let daemon = Change::StopDaemon(DaemonRole::Master);
    assert_eq!(changes(unrestored), [daemon]);
}

#[test]
fn real_servers_of_a_refused_service_are_not_reported() {
    let (_, new) = tables();
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    kernel.fail_change(0, Fault::Refuse(libc::ENOENT));
    kernel.fail_change(4, Fault::Refuse(libc::ENOMEM));
    let error = client.apply(&new, Scope::Whole).expect_err("a fault");
    let ApplyError::Refused { refused, .. } = error else { panic!("{error:?}") };
    let changes: Vec<Change> = refused.into_iter().map(|error| error.change).collect();
    assert_eq!(
        changes,
        [Change::AddService(service(1, "wlc")), Change::AddService(service(4, "rr"))]
    );
}

#[test]
fn a_failed_read_of_the_table_changes_nothing() {
    let (old, new) = tables();
    let kernel = FakeKernel::with_table(old.clone());
    let mut client = kernel.client().unwrap();
    kernel.fail_request(0, Fault::Refuse(libc::EIO));
    let error = client.apply(&new, Scope::Whole).expect_err("a fault");
    assert!(matches!(error, ApplyError::Failed { .. }) && error.is_rolled_back(), "{error:?}");
    assert_eq!(error.to_string(), "Input/output error (the table is as it was before)");
    assert_eq!(kernel.table(), old);
}

#[test]
fn a_failed_rollback_is_reported() {
    let (old, new) = tables();
    let kernel = FakeKernel::with_table(old);
    let mut client = kernel.client().unwrap();
    kernel.fail_change(0, Fault::LoseAnswers);
    // The requests of the plan: timeouts, daemons, services, three lists of destinations.
    kernel.fail_request(6 + FIRST_BATCH, Fault::Refuse(libc::EIO));
    let error = client.apply(&new, Scope::Whole).expect_err("a fault");
    assert!(!error.is_rolled_back(), "{error:?}");
    assert_eq!(error.error().unwrap().kind(), ErrorKind::AnswersLost);
    let text = "the kernel's answers were lost; the last requests may have taken effect (some changes may have been made: Input/output error)";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_partial_table_leaves_other_services_and_daemons() {
    let (old, mut new) = tables();
    let kernel = FakeKernel::with_table(old.clone());
    kernel.apply(&start(Daemon::backup("eth1"))).unwrap();
    let mut client = kernel.client().unwrap();
    client.apply(&new, Scope::Named).unwrap();
    for change in [
        Change::AddService(service(3, "rr")),
        Change::AddDestination(key(3), destination(1)),
        start(Daemon::backup("eth1")),
    ] {
        new.apply(&change).unwrap();
    }
    assert_eq!(kernel.table(), new);
    // A daemon that is named is replaced.
    let edited = table(&[start(Daemon::backup("eth2"))]);
    let changes = client.apply(&edited, Scope::Named).unwrap();
    assert_eq!(
        changes,
        [Change::StopDaemon(DaemonRole::Backup), start(Daemon::backup("eth2"))].map(normalized)
    );
}

/// Fills in the default settings of a daemon.
fn normalized(change: Change) -> Change {
    match change {
        Change::StartDaemon(daemon) => {
            let role = daemon.role;
            Change::StartDaemon(table(&[Change::StartDaemon(daemon)]).daemon(role).unwrap().clone())
        }
        other => other,
    }
}

#[test]
fn a_plan_reads_only_settings_that_it_may_change() {
    let kernel = FakeKernel::with_table(tables().1);
    let mut client = kernel.client().unwrap();
    let desired = table(&[Change::AddService(service(9, "rr"))]);
    let before = client.plan(&desired, Scope::Whole).unwrap().before;
    assert_eq!((before.timeouts(), before.has_daemons()), (Timeouts::default(), false));
    assert_eq!(before.len(), 3);
    let desired = table(&[start(Daemon::backup("eth0"))]);
    let before = client.plan(&desired, Scope::Whole).unwrap().before;
    assert_eq!((before.timeouts(), before.has_daemons()), (Timeouts::default(), true));
}

#[test]
fn a_rollback_does_not_touch_what_the_plan_did_not_change() {
    let timeouts = |udp| Change::SetTimeouts(Timeouts::default().with_tcp(9).with_udp(udp));
    let master = start(Daemon::master("eth0"));
    let kernel = FakeKernel::new();
    kernel.apply(&timeouts(9)).unwrap();
    kernel.apply(&master).unwrap();
    let mut desired = Table::default();
    for change in [timeouts(0), master, Change::AddService(service(1, "rr"))] {
        desired.apply(&change).unwrap();
    }
    let mut client = kernel.client().unwrap();
    let plan = client.plan(&desired, Scope::Named).unwrap();
    // Another program changes settings that the plan does not change.
    kernel.apply(&timeouts(77)).unwrap();
    kernel.apply(&start(Daemon::backup("eth1"))).unwrap();
    let before = kernel.table();
    kernel.fail_change(0, Fault::LoseAnswers);
    let error = client.apply_plan(&plan).expect_err("answers are lost");
    assert!(error.is_rolled_back(), "{error:?}");
    assert_eq!(kernel.table(), before);
}

#[test]
fn a_deletion_made_by_another_program_succeeds() {
    let (old, new) = tables();
    let kernel = FakeKernel::with_table(old);
    let mut client = kernel.client().unwrap();
    let plan = client.plan(&new, Scope::Whole).unwrap();
    assert_eq!(plan.changes(), crate::table::diff(&new, &kernel.table()));
    for change in plan.changes() {
        if let Change::DeleteService(_) | Change::DeleteDestination(..) = change {
            kernel.apply(change).unwrap();
        }
    }
    client.apply_plan(&plan).unwrap();
    assert_eq!(kernel.table(), new);
}

#[test]
fn a_rollback_that_fails_is_repeated_from_the_current_table() {
    let (old, new) = tables();
    for fault in [Fault::LoseAnswers, Fault::FailSend(libc::EIO)] {
        let kernel = FakeKernel::with_table(old.clone());
        let mut client = kernel.client().unwrap();
        kernel.fail_change(2, Fault::Refuse(libc::ENOMEM));
        kernel.fail_change(FIRST_BATCH, fault);
        let error = client.apply(&new, Scope::Whole).expect_err("a fault");
        assert!(error.is_rolled_back(), "{error:?}");
        assert!(error.to_string().ends_with("the table is as it was before)"), "{error}");
        assert_eq!(kernel.table(), old);
    }
}

/// A transport that counts what is sent.
struct Counted<T> {
    inner: T,
    sends: std::rc::Rc<std::cell::Cell<usize>>,
}

impl<T: Transport> Transport for Counted<T> {
    fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sends.set(self.sends.get() + 1);
        self.inner.send(bytes)
    }

    fn receive(&mut self, inbox: &mut crate::transport::Inbox) -> std::io::Result<()> {
        self.inner.receive(inbox)
    }

    fn answers_that_fit(&self) -> usize {
        self.inner.answers_that_fit()
    }
}

#[test]
fn one_service_of_a_thousand_costs_two_requests() {
    let vip = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), 80));
    let web = |n: u32| Service::tcp(vip(n)).build().unwrap();
    let kernel = FakeKernel::new();
    (0..1000).for_each(|n| kernel.apply(&Change::AddService(web(n))).unwrap());
    let sends = std::rc::Rc::default();
    let mut handle = kernel.clone();
    // A transport behind a pointer is a transport.
    let transport: Box<dyn Transport> =
        Box::new(Counted { inner: &mut handle, sends: std::rc::Rc::clone(&sends) });
    let mut client = Client::over(transport, || ()).unwrap();
    let edited = Entry::new(Service { scheduler: "rr".into(), ..web(7) }, [destination(1)]);
    sends.set(0);
    let plan = client.plan(&[edited].into_iter().collect(), Scope::Named).unwrap();
    assert_eq!((sends.get(), plan.changes().len()), (2, 2));
    client.apply_plan(&plan).unwrap();
    assert_eq!(sends.get(), 3);
    let missing: Table = [Entry::new(web(1000), [])].into_iter().collect();
    sends.set(0);
    assert_eq!(client.plan(&missing, Scope::Named).unwrap().changes().len(), 1);
    assert_eq!(sends.get(), 1);
    kernel.fail_request(0, Fault::Refuse(libc::EIO));
    assert_eq!(client.plan(&missing, Scope::Named).unwrap_err().kind(), ErrorKind::Other);
}

#[test]
fn an_invalid_change_is_refused_before_anything_is_sent() {
    let kernel = FakeKernel::new();
    let mut client = kernel.client().unwrap();
    let mut endless = service(2, "rr");
    endless.persistence = Some(50_000_000);
    let desired: Table =
        [Entry::new(service(1, "rr"), []), Entry::new(endless.clone(), [])].into_iter().collect();
    let error = client.apply(&desired, Scope::Whole).expect_err("invalid");
    assert_eq!(error.error().unwrap().kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "cannot add service tcp 192.0.2.2:80 (rr): persistence of 50000000 seconds is not between 1 and \
         42949672 (1 of 2 changes failed; the table is as it was before)"
    );
    assert_eq!(kernel.changes(), []);
}

#[test]
fn an_error_before_the_first_change_becomes_one_of_apply() {
    let error = ApplyError::from(Error::NotPermitted);
    assert!(error.is_rolled_back());
    assert_eq!(error.error().unwrap().kind(), ErrorKind::NotPermitted);
}
