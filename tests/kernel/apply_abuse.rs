//! `ipvsadm apply` between any two tables, refused at any change, interrupted, killed, and concurrent.

use crate::random_tables;
use crate::support::{
    Test, fresh_namespace, ipvsadm, ipvsadm_with, oracle, program, same_text, sh,
};
use fastrand::Rng;
use ipvsadm::view::labels::Labels;
use ipvsadm::view::rules;
use libipvs::Client;
use libipvs::model::{Change, Protocol, ServiceKey};
use libipvs::table::{Table, diff};
use libipvs::transport::{Inbox, Kernel, Transport};
use libipvs::{ApplyError, Plan, Scope};
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::str::FromStr;

pub const TESTS: &[Test] = &[
    ("apply: random tables, by the library", random_pairs),
    ("apply: random tables, by the program", random_pairs_by_program),
    ("apply: refused at every single change", every_position),
    ("apply: answers lost at every send", lost_answers),
    ("apply: killed in the middle, completed by the next", killed),
    ("apply: a signal takes effect after the changes", interrupted),
    ("apply: ten run concurrently", ten_at_once),
];

fn connect() -> Client {
    Client::connect().expect("IPVS")
}

/// The services, without timeouts and daemons.
fn read<C: Transport>(client: &mut Client<C>) -> Table {
    Table::from_observed(&client.snapshot().expect("the table"))
}

/// Makes the kernel's table equal to `wanted`.
fn load<C: Transport>(client: &mut Client<C>, wanted: &Table) {
    client.apply(wanted, Scope::Whole).expect("every change is good");
}

/// The changes that turn the kernel's table into `wanted`.
fn plan<C: Transport>(client: &mut Client<C>, wanted: &Table) -> Plan {
    client.plan(wanted, Scope::Whole).expect("the table")
}

fn random_pairs() {
    let mut rng = Rng::with_seed(66);
    let mut changes_made = 0;
    for _ in 0..6 {
        // The kernel keeps deleted servers for a while: use a new namespace for each hundred.
        fresh_namespace().expect("a namespace");
        let mut client = connect();
        for _ in 0..100 {
            let mut table = || random_tables::table(&mut rng, 6, 5);
            let (a, b) = (table(), table());
            load(&mut client, &a);
            let before = read(&mut client);
            assert_eq!(before, a);
            let plan = plan(&mut client, &b);
            assert_eq!(plan.changes(), diff(&b, &before));
            client.apply_plan(&plan).expect("every one is good");
            let after = read(&mut client);
            assert_eq!(after, b);
            assert_eq!(diff(&b, &after), []);
            changes_made += plan.changes().len();
        }
    }
    println!("600 pairs, {changes_made} changes");
}

fn text(table: &Table) -> String {
    let mut text = Vec::new();
    for change in diff(table, &Table::default()) {
        rules::change(&mut text, &mut Labels::numeric(), &change).expect("written");
    }
    String::from_utf8(text).expect("rules are text")
}

fn random_pairs_by_program() {
    let mut rng = Rng::with_seed(67);
    for _ in 0..12 {
        let [a, b] = [0; 2].map(|_| random_tables::table(&mut rng, 5, 4));
        let (a, b) = (text(&a), text(&b));
        oracle("-C").ok();
        ipvsadm_with("-R", &a).ok();
        let saved = ipvsadm("-S -n").ok();
        ipvsadm_with("apply --allow-empty -", &b).ok();
        assert_eq!(ipvsadm_with("apply --dry-run -", &b).ok(), "", "{a}to\n{b}");
        // The way back uses the lines of -S.
        ipvsadm_with("apply --allow-empty -", &saved).ok();
        same_text(&ipvsadm("-S -n").ok(), &saved);
    }
}

/// The kernel, with an unknown command in one of the messages that change something.
struct Spoiled {
    kernel: Kernel,
    /// The number of changes that pass before one is spoiled; negative once it is.
    left: Rc<Cell<i64>>,
}

impl Transport for Spoiled {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let length = u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
            // NEW_SERVICE, SET_SERVICE, DEL_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, SET_CONFIG.
            let command = bytes[at..at + length].get(16);
            if matches!(command, Some(1..=3 | 5..=7 | 12)) && self.left.get() >= 0 {
                self.left.set(self.left.get() - 1);
                if self.left.get() < 0 {
                    bytes[at + 16] = 200;
                }
            }
            at += length.next_multiple_of(4);
        }
        self.kernel.send(&bytes)
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        self.kernel.receive(inbox)
    }

    fn answers_that_fit(&self) -> usize {
        self.kernel.answers_that_fit()
    }
}

/// Two tables with 50 changes of every kind between them, and a service that is the same in both.
fn fifty_changes() -> (String, String) {
    let (mut old, mut new) = (String::new(), String::new());
    for n in 0..7 {
        for (rules, odd) in [(&mut old, 0), (&mut new, 1)] {
            let (rr, weight) = (if odd == 1 { "rr" } else { "wlc -p 60" }, 1 + odd);
            *rules += &format!(
                "-A -t 10.0.0.{n}:80 -s {rr}\n-a -t 10.0.0.{n}:80 -r 10.1.0.1 -w {weight}\n\
                 -a -t 10.0.0.{n}:80 -r 10.1.0.{} -m -x 9 -y 8\n\
                 -A -u 10.{odd}.0.{n}:80 -s rr -o\n-a -u 10.{odd}.0.{n}:80 -r 10.1.0.1 -i\n",
                2 + odd
            );
        }
    }
    new += "--set 33 44 55\n";
    // The rollback must not touch it either.
    let stays = "-A -f 7 -s rr\n-a -f 7 -r 10.1.0.1 -w 5\n-A -f 8 -s rr\n";
    (old + stays, new + stays)
}

fn table_of(rules: &str) -> Table {
    let mut table = Table::default();
    for line in rules.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match ipvsadm::cli::parser::command(&words, &ipvsadm::names::System) {
            Ok(ipvsadm::command::Command::Change(change)) => table.apply(&change).expect(line),
            other => panic!("{line}: {other:?}"),
        }
    }
    table
}

fn every_position() {
    let (old, new) = fifty_changes();
    let (old, new) = (table_of(&old), table_of(&new));
    let left = Rc::new(Cell::new(-1));
    let spoiled = Spoiled { kernel: Kernel::open().expect("a socket"), left: left.clone() };
    let mut client = Client::over(spoiled, || {}).expect("IPVS");
    load(&mut client, &old);
    let before = client.table().expect("the table");
    let plan = plan(&mut client, &new);
    let changes = plan.changes();
    assert_eq!(changes.len(), 50, "{changes:#?}");
    assert!(
        before.iter().any(|entry| new.service(&entry.service().key) == Some(entry)),
        "all is touched"
    );
    let mut kinds = [0; 4];
    for position in 0..changes.len() {
        left.set(position as i64);
        let result = client.apply_plan(&plan);
        assert!(left.get() < 0, "nothing was spoiled");
        match result {
            Err(ApplyError::Refused { refused, unrestored, .. }) => {
                assert_eq!(refused[0].change, changes[position]);
                assert!(unrestored.is_empty(), "{position}: {unrestored:?}");
            }
            other => panic!("{position}: {other:?}"),
        }
        let after = client.table().expect("the table");
        assert_eq!(after, before, "{position}: {:?}", changes[position]);
        kinds[match changes[position] {
            Change::AddService(_) | Change::AddDestination(..) => 0,
            Change::EditService(_) | Change::EditDestination(..) => 1,
            Change::DeleteService(_) | Change::DeleteDestination(..) => 2,
            _ => 3,
        }] += 1;
    }
    assert!(kinds.iter().all(|n| *n > 0), "{kinds:?}");
    println!("refused at each of {} changes, the table as before each time", changes.len());
    client.apply_plan(&plan).expect("none is spoiled");
    assert_eq!(read(&mut client).len(), 16);
}

/// The kernel, with the answers to one send lost, as when the receive buffer overflows.
struct Deaf {
    kernel: Kernel,
    /// The number of sends before one loses its answers; negative once it has.
    left: Rc<Cell<i64>>,
}

impl Transport for Deaf {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left.set(self.left.get() - 1);
        self.kernel.send(bytes)
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        if self.left.get() == 0 {
            return Err(io::Error::from_raw_os_error(nix::libc::ENOBUFS));
        }
        self.kernel.receive(inbox)
    }

    /// A low limit, so that there are many sends.
    fn answers_that_fit(&self) -> usize {
        4
    }
}

fn lost_answers() {
    let (old, mut new) = fifty_changes();
    sh("ip link add d0 type dummy && ip link set d0 up");
    new += "--start-daemon master --mcast-interface d0\n";
    let (old, new) = (table_of(&old), table_of(&new));
    let left = Rc::new(Cell::new(-1));
    let deaf = Deaf { kernel: Kernel::open().expect("a socket"), left: left.clone() };
    let mut client = Client::over(deaf, || {}).expect("IPVS");
    load(&mut client, &old);
    let before = client.table().expect("the table");
    let plan = plan(&mut client, &new);
    assert_eq!(plan.changes().len(), 51);
    let mut lost = 0;
    for send in 1.. {
        left.set(send);
        match client.apply_plan(&plan) {
            Err(ApplyError::Failed { error, rollback }) => {
                assert!(error.to_string().contains("lost"), "{error}");
                rollback.unwrap_or_else(|e| panic!("send {send}: {e}"));
            }
            Ok(()) => break,
            other => panic!("send {send}: {other:?}"),
        }
        left.set(-1);
        let after = client.table().expect("the table");
        assert_eq!(after, before, "send {send}");
        lost += 1;
    }
    assert!(lost > 10, "{lost}");
    println!("answers lost at each of {lost} sends, the table as before each time");
    left.set(-1);
    client.change(&Change::StopDaemon(libipvs::model::DaemonRole::Master)).expect("it runs");
}

/// The number of services of a table that takes long enough to be interrupted.
const MANY: usize = 6000;

/// A table, and one with as many other services.
fn large() -> (Table, String) {
    let (mut old, mut new) = (String::new(), String::new());
    for n in 0..MANY {
        for (rules, odd) in [(&mut old, 0), (&mut new, 1)] {
            let v = format!("-t 10.{}.{}.{odd}:80", n / 200, n % 200);
            *rules += &format!("-A {v} -s rr\n-a {v} -r 10.200.0.1 -w 1\n");
        }
    }
    (table_of(&old), new)
}

/// Sends `apply` a signal once it has begun to change the table. Returns how many services of the old
/// and of the new table exist afterwards. The next apply completes the change.
fn disturbed(signal: &str) -> (usize, usize) {
    let (old, new) = large();
    let first =
        ServiceKey::Address { protocol: Protocol::Tcp, address: [10, 0, 0, 1].into(), port: 80 };
    std::fs::write("/tmp/new", &new).expect("written");
    let new = table_of(&new);
    let mut client = connect();
    load(&mut client, &old);
    let mut child = Command::new(program("ipvsadm"))
        .args(["apply", "/tmp/new"])
        .stdin(Stdio::null())
        .spawn()
        .expect("ipvsadm starts");
    while client.service(&first).is_err() {
        let ended = child.try_wait().expect("a child of ours");
        assert!(ended.is_none(), "apply ended before it changed anything: {ended:?}");
    }
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, Signal::from_str(signal).expect("a signal")).expect("it runs");
    let ended = child.wait().expect("a child of ours");
    assert_eq!(
        ended.signal().map(|n| Signal::try_from(n).expect("a signal").as_str()),
        Some(signal)
    );
    let now = read(&mut client);
    let of =
        |table: &Table| now.iter().filter(|e| table.service(&e.service().key).is_some()).count();
    let seen = (of(&old), of(&new));
    assert_eq!(seen.0 + seen.1, now.len(), "a service is in neither table");
    println!("{signal}: {} of {MANY} old services, {} of {MANY} new ones", seen.0, seen.1);
    assert_eq!(ipvsadm("apply /tmp/new").ok(), "");
    assert_eq!(read(&mut client), new);
    seen
}

fn killed() {
    let (old, new) = disturbed("SIGKILL");
    assert!(old < MANY || new < MANY, "apply had finished: this tests nothing");
    assert!(new > 0);
}

fn interrupted() {
    for signal in ["SIGINT", "SIGTERM"] {
        assert_eq!(disturbed(signal), (0, MANY));
    }
}

fn ten_at_once() {
    let (old, new) = fifty_changes();
    sh("mkdir -p /tmp/apply");
    for (name, rules) in [("old", &old), ("new", &new)] {
        let mut file = std::fs::File::create(format!("/tmp/apply/{name}")).expect("made");
        file.write_all(rules.as_bytes()).expect("written");
    }
    for _ in 0..3 {
        // They run concurrently: each may be refused, and must say so.
        let children: Vec<_> = (0..10)
            .map(|n| {
                Command::new(program("ipvsadm"))
                    .args(["apply", ["/tmp/apply/old", "/tmp/apply/new"][n % 2]])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("ipvsadm starts")
            })
            .collect();
        for child in children {
            let ran = child.wait_with_output().expect("a child of ours");
            let said = !ran.stderr.is_empty();
            assert!(
                matches!(ran.status.code(), Some(0) if !said)
                    || said && ran.status.code() == Some(255)
            );
        }
        // The next apply, alone, completes the change.
        assert_eq!(ipvsadm("apply /tmp/apply/new").ok(), "");
        assert_eq!(ipvsadm("apply --dry-run /tmp/apply/new").ok(), "");
    }
}
