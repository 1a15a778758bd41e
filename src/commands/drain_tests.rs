use super::*;
use crate::commands::testing::{Fixture, Ran};
use libipvs::fake::{FakeKernel, Fault};
use nix::sys::signal::{Signal, raise};
use std::net::SocketAddr;

const RULES: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5 -x 90 -y 80
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
";

fn service(protocol: Protocol) -> ServiceKey {
    ServiceKey::Address { protocol, address: [10, 0, 0, 1].into(), port: 80 }
}

fn task(wait: Option<u32>) -> Drain {
    let server = DestinationKey { address: [10, 1, 0, 1].into(), port: 80 };
    Drain { service: service(Protocol::Tcp), server, wait, undo: false }
}

fn run(fixture: &Fixture, task: &Drain) -> Ran {
    fixture.run("", |context| drain(context, task))
}

fn undo(fixture: &Fixture) -> Ran {
    run(fixture, &Drain { undo: true, ..task(None) })
}

/// The connections of the server from now on.
fn show(kernel: &FakeKernel, active: u32, inactive: u32) {
    let mut observed = ObservedDestination::from(server(0));
    (observed.active, observed.inactive) = (active, inactive);
    kernel.set_destination(service(Protocol::Tcp), observed);
}

fn server(weight: u32) -> Destination {
    let address = SocketAddr::from(([10, 1, 0, 1], 80));
    Destination::masquerading(address).weight(weight).build().expect("a server")
}

#[test]
fn a_server_without_connections_is_drained_at_once() {
    let fixture = Fixture::with(RULES);
    for _ in 0..2 {
        let drained = "10.1.0.1:80: drained, no connection is active\n";
        assert_eq!(run(&fixture, &task(None)).ok(), drained);
        assert_eq!(fixture.rules(), RULES.replace("-w 5", "-w 0"), "nothing else has changed");
    }
    assert_eq!(undo(&fixture).ok(), "10.1.0.1:80: its weight is 5 again\n");
    assert_eq!(fixture.rules(), RULES);
    assert!(!fixture.state.path().join("state").exists(), "no state is left");
    let text = "10.1.0.1:80 of -t 10.0.0.1:80 has not been drained here\n";
    assert_eq!(undo(&fixture).fails(1), text);
}

#[test]
fn each_server_has_its_own_weight() {
    let fixture = Fixture::with(RULES);
    let mut other = task(None);
    other.server.address = [10, 1, 0, 2].into();
    run(&fixture, &task(None)).ok();
    run(&fixture, &other).ok();
    undo(&fixture).ok();
    assert_eq!(fixture.rules(), RULES.replace("-w 1", "-w 0"));
    let text = run(&fixture, &Drain { undo: true, ..other }).ok();
    assert_eq!(text, "10.1.0.2:80: its weight is 1 again\n");
}

#[test]
fn the_wait_has_a_limit() {
    let fixture = Fixture::with(RULES);
    show(&fixture.kernel, 1, 0);
    let text = "10.1.0.1:80: 1 connection still active after 0 s, its weight is 0\n";
    assert_eq!(run(&fixture, &task(Some(0))).fails(1), text);
    show(&fixture.kernel, 2, 3);
    let fixture = fixture.on_terminal();
    let started = Instant::now();
    let said = run(&fixture, &task(Some(1))).fails(1);
    // On a busy machine more than one second can pass, and more progress is reported.
    assert!(said.starts_with("\r10.1.0.1:80: 2 connections still active, "), "{said:?}");
    let last = "\r\x1b[K10.1.0.1:80: 2 connections still active after 1 s, its weight is 0\n";
    assert!(said.ends_with(last), "{said:?}");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn the_wait_ends_with_the_last_connection() {
    let fixture = Fixture::with(RULES);
    show(&fixture.kernel, 1, 0);
    let kernel = fixture.kernel.clone();
    let end = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        show(&kernel, 0, 3);
    });
    let started = Instant::now();
    let drained = "10.1.0.1:80: drained, no connection is active\n";
    assert_eq!(run(&fixture, &task(Some(60))).ok(), drained);
    assert!(started.elapsed() < Duration::from_secs(10));
    end.join().expect("it ends");
}

#[test]
fn a_signal_ends_the_wait() {
    let fixture = Fixture::with(RULES);
    show(&fixture.kernel, 1, 0);
    // Blocked before, so that it is pending when the wait begins; it goes to this thread alone.
    let blocked = signals::block().expect("blocked");
    raise(Signal::SIGTERM).expect("a signal");
    let error = run(&fixture, &task(None)).fails(1);
    assert_eq!(
        error,
        "10.1.0.1:80: interrupted, 1 connection still active, its weight is 0; \
         run 'ipvsadm drain --undo -t 10.0.0.1:80 -r 10.1.0.1:80' to restore the weight\n"
    );
    drop(blocked);
}

#[test]
fn a_concurrent_change_of_the_weight_is_respected() {
    let fixture = Fixture::with(RULES);
    show(&fixture.kernel, 1, 0);
    let (kernel, before) = (fixture.kernel.clone(), fixture.changes());
    let other_program = std::thread::spawn(move || {
        while kernel.changes().len() == before {
            std::thread::yield_now();
        }
        let change = Change::EditDestination(service(Protocol::Tcp), server(7));
        kernel.apply(&change).expect("changed");
    });
    let text = "10.1.0.1:80: the weight was changed to 7 concurrently\n";
    assert_eq!(run(&fixture, &task(None)).fails(1), text);
    other_program.join().expect("it ends");
    let text = "10.1.0.1:80: its weight is already 7, and was not changed\n";
    assert_eq!(undo(&fixture).fails(1), text);
    let text = "10.1.0.1:80 of -t 10.0.0.1:80 has not been drained here\n";
    assert_eq!(undo(&fixture).fails(1), text, "the state is gone");
}

#[test]
fn a_server_that_does_not_exist() {
    let fixture = Fixture::new();
    assert_eq!(run(&fixture, &task(None)).fails(255), "Service not defined\n");
    fixture.line("-A -t 10.0.0.1:80").ok();
    assert_eq!(run(&fixture, &task(None)).fails(255), "No such destination\n");
    assert!(!fixture.state.path().join("state").exists(), "no state was created");
    let fixture = Fixture::with(RULES);
    run(&fixture, &task(None)).ok();
    fixture.line("-d -t 10.0.0.1:80 -r 10.1.0.1").ok();
    assert_eq!(undo(&fixture).fails(255), "No such destination\n");
    assert!(!fixture.state.path().join("state").exists(), "the state is gone");
}

#[test]
fn a_weight_that_cannot_be_set_leaves_no_state() {
    let fixture = Fixture::with(RULES);
    fixture.kernel.fail_change(0, Fault::Refuse(libc::ENOMEM));
    assert_eq!(run(&fixture, &task(None)).fails(255), "Memory allocation problem\n");
    assert!(!fixture.state.path().join("state").exists());
    run(&fixture, &task(None)).ok();
    // The state remains when the weight cannot be restored.
    fixture.kernel.fail_change(0, Fault::Refuse(libc::ENOMEM));
    assert_eq!(undo(&fixture).fails(255), "Memory allocation problem\n");
    assert_eq!(undo(&fixture).ok(), "10.1.0.1:80: its weight is 5 again\n");
}

#[test]
fn a_state_file_that_cannot_be_read() {
    let fixture = Fixture::with(RULES);
    std::fs::write(fixture.state.path().join("state"), "not a folder").expect("written");
    let error = run(&fixture, &task(None)).fails(255);
    assert!(error.ends_with("/state/drain: Not a directory\n"), "{error}");
    assert_eq!(fixture.rules(), RULES);
}

#[test]
fn connections_of_udp_are_inactive_to_the_kernel() {
    let fixture = Fixture::with(RULES);
    show(&fixture.kernel, 2, 3);
    let client = fixture.kernel.client();
    let servers = client.and_then(|mut client| client.destinations(&service(Protocol::Tcp)));
    let observed = &servers.expect("a table")[0];
    assert_eq!(open_connections(&service(Protocol::Tcp), observed), 2);
    assert_eq!(open_connections(&service(Protocol::Udp), observed), 5);
}

#[test]
fn persistence_is_warned_of() {
    let warning = |templates, sysctl| persistence_warning("10.1.0.1:80", templates, sysctl);
    assert_eq!(
        warning(1, "0\n").as_deref(),
        Some(
            "10.1.0.1:80: persistence still sends clients to it (1 entry); \
             run 'sysctl -w net.ipv4.vs.expire_quiescent_template=1' to stop that"
        )
    );
    assert!(warning(2, "0\n").is_some_and(|text| text.contains("(2 entries)")));
    assert_eq!(warning(0, "0\n"), None);
    assert_eq!(warning(1, "1\n"), None);
    assert_eq!(warning(1, ""), None, "a kernel without the sysctl");
}
