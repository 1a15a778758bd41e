//! `ipvsadm apply`: the table becomes what a file says, or stays as it is.

use crate::random_tables;
use crate::support::{
    Test, fresh_namespace, ipvsadm, ipvsadm_with, oracle, oracle_with, program, same_text, sh,
};
use fastrand::Rng;
use ipvsadm::ipvs::client::Client;
use ipvsadm::model::{Change, Protocol, ServiceKey};
use ipvsadm::netlink::socket::{Connection, Inbox, Kernel};
use ipvsadm::run::transaction::{self, Failure};
use ipvsadm::table::{Table, diff};
use ipvsadm::view::labels::Labels;
use ipvsadm::view::rules;
use nix::sys::signal::Signal;
use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::str::FromStr;

pub const TESTS: &[Test] = &[
    ("apply: the fewest changes, and none the second time", fewest),
    ("apply: what stays keeps its counters and is not touched", untouched),
    ("apply: --keep leaves what is not named", keep),
    ("apply: --json says what is done", as_json),
    ("apply: a bad file changes nothing, every bad line is said", bad_file),
    ("apply: what is no rule is an error", no_rules),
    ("apply: what the kernel refuses takes all back", refused),
    ("apply: timeouts and daemons", timeouts_and_daemons),
    ("apply: what the kernel makes of it is no difference", normal_forms),
    ("apply: random tables, by the library", random_pairs),
    ("apply: random tables, by the program", random_pairs_by_program),
    ("apply: refused at every single change", every_position),
    ("apply: killed in the middle, and mended by the next", killed),
    ("apply: a signal in the middle waits", interrupted),
    ("apply: ten at once", ten_at_once),
];

const OLD: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1
-A -t 10.0.0.2:80 -s wlc
-a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.3:80 -s rr
";

const NEW: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -t 10.0.0.2:80 -s wrr -p 300
-a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.4:80 -s rr
-a -t 10.0.0.4:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
";

const CHANGES: &str = "\
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -t 10.0.0.4:80 -s rr
-a -t 10.0.0.4:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip
-e -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-E -t 10.0.0.2:80 -s wrr -p 300
-d -t 10.0.0.1:80 -r 10.1.0.2:80
-D -t 10.0.0.3:80
";

fn fewest() {
    oracle_with("-R", OLD).ok();
    let ran = ipvsadm_with("apply --dry-run -", NEW);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    same_text(&ran.out, CHANGES);
    same_text(&oracle("-Sn").ok(), OLD);
    assert_eq!(ipvsadm_with("apply -", NEW).ok(), "");
    same_text(&oracle("-Sn").ok(), NEW);
    assert_eq!(ipvsadm_with("apply --dry-run -", NEW).ok(), "");
    assert_eq!(ipvsadm_with("apply -", NEW).ok(), "");
    // What --dry-run prints does the same.
    oracle("-C").ok();
    oracle_with("-R", OLD).ok();
    oracle_with("-R", CHANGES).ok();
    same_text(&oracle("-Sn").ok(), NEW);
    // An empty file empties the table.
    assert_eq!(ipvsadm_with("apply -", "# nothing\n").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
}

/// The kernel moves a service to the front of its list when it is added: the order is a witness.
fn untouched() {
    oracle_with("-R", OLD).ok();
    let before = oracle("-Ln --nosort").ok();
    ipvsadm_with("apply -", &format!("{OLD}-A -t 10.0.0.9:80\n")).ok();
    ipvsadm_with("apply -", OLD).ok();
    same_text(&oracle("-Ln --nosort").ok(), &before);
}

fn keep() {
    oracle_with("-R", OLD).ok();
    let file = "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.9:80 -s rr\n";
    let ran = ipvsadm_with("apply --dry-run --keep -", file);
    assert_eq!(ran.status, 1);
    same_text(
        &ran.out,
        "-A -t 10.0.0.9:80 -s rr\n-E -t 10.0.0.1:80 -s rr\n\
         -d -t 10.0.0.1:80 -r 10.1.0.2:80\n-d -t 10.0.0.1:80 -r 10.1.0.1:80\n",
    );
    ipvsadm_with("apply --keep -", file).ok();
    same_text(
        &oracle("-Sn").ok(),
        "-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.2:80 -s wlc\n\
         -a -t 10.0.0.2:80 -r 10.1.0.1:80 -g -w 1\n-A -t 10.0.0.3:80 -s rr\n\
         -A -t 10.0.0.9:80 -s rr\n",
    );
}

fn as_json() {
    oracle_with("-R", OLD).ok();
    let ran = ipvsadm_with("apply --dry-run --json -", NEW);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let shown: serde_json::Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!(shown["changes"].as_array().map(Vec::len), Some(7), "{}", ran.out);
    assert_eq!(shown["changes"][0]["server"]["port"], 80);
    assert_eq!(shown["changes"][6]["change"], "delete-service");
    let done = ipvsadm_with("apply --json -", NEW).ok();
    assert_eq!(done, ran.out);
    same_text(&oracle("-Sn").ok(), NEW);
    let none: serde_json::Value =
        serde_json::from_str(&ipvsadm_with("apply --json -", NEW).ok()).expect("a document");
    assert_eq!(none, serde_json::json!({"changes": []}));
}

fn bad_file() {
    oracle_with("-R", OLD).ok();
    let file = "-A -t 10.0.0.9:80\n-A -t 10.0.0.9:80\n-a -t 10.0.0.8:80 -r 10.1.0.1\n\
                -A -t 10.0.0.7:80 -w 5\n-A --foo\n-a -t 10.0.0.7:80 -r 10.1.0.1\n-A -t 10.0.0.9:80\n";
    let said = "Service already exists\nin line 2: -A -t 10.0.0.9:80\n\
                Illegal 'weight' option with the 'add-service' command\nin line 4: -A -t 10.0.0.7:80 -w 5\n\
                --foo: unknown option\nin line 5: -A --foo\n\
                Service already exists\nin line 7: -A -t 10.0.0.9:80\n";
    // The third line lacks its service for the second's sake, as far as anybody can tell.
    assert_eq!(ipvsadm_with("apply -", file).fails(2), said);
    assert_eq!(ipvsadm_with("apply --dry-run -", file).fails(2), said);
    let only = "-a -t 10.0.0.8:80 -r 10.1.0.1\n-A --foo\n";
    assert_eq!(
        ipvsadm_with("apply -", only).fails(255),
        "Service not defined\nin line 1: -a -t 10.0.0.8:80 -r 10.1.0.1\n\
         --foo: unknown option\nin line 2: -A --foo\n"
    );
    for name in ["/", "/dev/zero", "/nowhere"] {
        let err = ipvsadm(&format!("apply {name}")).fails(2);
        assert!(err.starts_with(&format!("cannot read `{name}': ")), "{err}");
    }
    ipvsadm("apply").fails(2);
    ipvsadm("apply --foo -").fails(2);
    same_text(&oracle("-Sn").ok(), OLD);
}

fn no_rules() {
    oracle_with("-R", OLD).ok();
    for line in ["-L -n", "-Ln", "-S", "-Z", "--stop-daemon master", "-h", "ipvsadm -v"] {
        let verb = line.trim_start_matches("ipvsadm ").split(' ').next().unwrap_or("");
        assert_eq!(
            ipvsadm_with("apply -", &format!("{OLD}{line}\n")).fails(2),
            format!("`{verb}' cannot be in what apply reads\nin line 7: {line}\n")
        );
    }
    same_text(&oracle("-Sn").ok(), OLD);
}

fn refused() {
    oracle_with("-R", OLD).ok();
    let file = format!(
        "{NEW}# no such scheduler\n-A -t 10.0.0.5:80 -s nosuch\n-a -t 10.0.0.5:80 -r 10.1.0.1\n-A -t 10.0.0.6:80\n"
    );
    assert_eq!(
        ipvsadm_with("apply -", &file).fails(255),
        "Scheduler or persistence engine not found\nin line 9: -A -t 10.0.0.5:80 -s nosuch\n"
    );
    same_text(&oracle("-Sn").ok(), OLD);
    let file = format!("{OLD}-E -t 10.0.0.1:80 -s nosuch\n-a -t 10.0.0.2:80 -r 224.0.0.1\n");
    let err = ipvsadm_with("apply --json -", &file).fails(255);
    let places: Vec<&str> = err.lines().filter(|l| l.starts_with("in line")).collect();
    assert_eq!(
        places,
        ["in line 8: -a -t 10.0.0.2:80 -r 224.0.0.1", "in line 7: -E -t 10.0.0.1:80 -s nosuch"]
    );
    same_text(&oracle("-Sn").ok(), OLD);
}

fn timeouts_and_daemons() {
    sh(
        "ip link add d0 type dummy; ip link set d0 up; ip link add d1 type dummy; ip link set d1 up",
    );
    oracle("--set 900 120 300").ok();
    oracle("--start-daemon master --mcast-interface d0 --syncid 1").ok();
    let running = oracle("-L --daemon").ok();
    // A file without daemons leaves them alone.
    ipvsadm_with("apply -", "--set 0 60 300\n").ok();
    same_text(&oracle("-L --daemon").ok(), &running);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 900 60 300\n");
    for file in [
        "--start-daemon master --mcast-interface d0 --syncid 1\n",
        "--start-daemon master --mcast-interface d0 --syncid 2 --mcast-ttl 4 --mcast-group 224.0.0.99 --mcast-port 9999 --sync-maxlen 1300\n",
        "--start-daemon backup --mcast-interface d1\n--start-daemon master --mcast-interface d1 --mcast-group ff05::99\n",
        "--start-daemon backup --mcast-interface d1 --sync-maxlen 7 --syncid 3\n",
        "--start-daemon backup --mcast-interface d1 --sync-maxlen 65535 --syncid 3\n",
    ] {
        let ran = ipvsadm_with("apply -", file);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{file}");
        assert_eq!(ipvsadm_with("apply --dry-run -", file).ok(), "", "{file}");
        let daemons = oracle("-L --daemon").ok();
        assert_eq!(daemons.lines().count(), file.lines().count(), "{file}{daemons}");
    }
    // A daemon that cannot be started: the old one is back.
    let before = oracle("-L --daemon").ok();
    let file = "-A -t 10.0.0.1:80\n--set 1 2 3\n--start-daemon backup --mcast-interface nosuch\n";
    let err = ipvsadm_with("apply -", file).fails(255);
    assert!(err.contains("in line 3: --start-daemon backup"), "{err}");
    same_text(&oracle("-L --daemon").ok(), &before);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 900 60 300\n");
    assert_eq!(oracle("-Sn").ok(), "");
    for role in ["master", "backup"] {
        oracle(&format!("--stop-daemon {role}"));
    }
}

/// Whatever the grammar takes and the kernel too: the second time there is nothing to do.
fn normal_forms() {
    for rules in [
        "-A -t 10.0.0.1:80 -M 255.255.0.0",
        "-A -t 10.0.0.1:80 -p -M 0.0.0.0",
        "-A -t 10.0.0.1:0 -p",
        "-A -t [fd00::1]:80 -M 64",
        "-A -t [fd00::1]:80 -p 9 -M 64",
        "-A -u 10.0.0.1:80 --pe sip",
        "-A -u 10.0.0.1:80 -o -b flag-1,flag-3 -s mh",
        "-A -f 4294967295 -o",
        "-A -f 1 -6 -p 5 -M 1",
        "-A -t 10.0.0.1:80 -s none",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1:99 -m",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1 -g",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 127.0.0.1 -i",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:99 -g",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1:99 -i",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -w 2147483647 -x 2147483647 -y 2147483647",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gre --tun-csum",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -i --tun-type gue --tun-port 9 --tun-remcsum",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r [fd00::9]:99 -i",
        "-A -f 3\n-a -f 3 -r 10.1.0.1:99 -g\n-a -f 3 -r 10.1.0.1:98 -m\n-a -f 3 -r 10.1.0.1 -i",
        "--set 1 2 3",
        "--set 0 0 0",
        "--set 2678400 0 5",
    ] {
        let ran = ipvsadm_with("apply -", rules);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{rules}");
        assert_eq!(ipvsadm_with("apply --dry-run -", rules).ok(), "", "{rules}");
    }
    let ran = ipvsadm_with("apply -", "-A -f 1\n-a -f 1 -r 10.0.0.1 -y 5\n");
    assert_eq!(
        ran.fails(255),
        "Numerical result out of range\nin line 2: -a -f 1 -r 10.0.0.1 -y 5\n"
    );
}

fn connect() -> Client {
    Client::connect().expect("IPVS")
}

fn read<C: Connection>(client: &mut Client<C>) -> Table {
    transaction::read(client, false, false).expect("the table")
}

/// Make the table `wanted`, whatever it is.
fn load<C: Connection>(client: &mut Client<C>, wanted: &Table) {
    let now = read(client);
    transaction::carry_out(client, &diff(wanted, &now), &now).expect("every change is good");
}

fn random_pairs() {
    let mut rng = Rng::with_seed(66);
    let mut changes_made = 0;
    for _ in 0..6 {
        // Servers that are gone stay with the kernel for a while: a new place for each hundred.
        fresh_namespace().expect("a namespace");
        let mut client = connect();
        for _ in 0..100 {
            let mut table = || random_tables::table(&mut rng, 6, 5);
            let (a, b) = (table(), table());
            load(&mut client, &a);
            let before = read(&mut client);
            assert_eq!(before, a);
            let changes = diff(&b, &before);
            transaction::carry_out(&mut client, &changes, &before).expect("every change is good");
            let after = read(&mut client);
            assert_eq!(after, b);
            assert_eq!(diff(&b, &after), []);
            changes_made += changes.len();
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
        ipvsadm_with("apply -", &b).ok();
        assert_eq!(ipvsadm_with("apply --dry-run -", &b).ok(), "", "{a}to\n{b}");
        // And back by what -S has written.
        ipvsadm_with("apply -", &saved).ok();
        same_text(&ipvsadm("-S -n").ok(), &saved);
    }
}

/// The kernel, but one of the messages that change something has an unknown command.
struct Spoiled {
    kernel: Kernel,
    /// How many changes are still let through; none when negative.
    left: Rc<Cell<i64>>,
}

impl Connection for Spoiled {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let length = u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
            // NEW_SERVICE, SET_SERVICE, DEL_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, SET_CONFIG.
            if matches!(bytes[at + 16], 1..=3 | 5..=7 | 12) && self.left.get() >= 0 {
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

/// Two tables with 50 changes from one to the other, of every kind.
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
    (old, new)
}

fn table_of(rules: &str) -> Table {
    let mut table = Table::default();
    for line in rules.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match ipvsadm::cli::check::command(&words, &ipvsadm::names::System) {
            Ok(ipvsadm::command::Command::Change(change)) => table.run(&change).expect(line),
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
    let before = transaction::read(&mut client, true, false).expect("the table");
    let changes = diff(&new, &before);
    assert_eq!(changes.len(), 50, "{changes:#?}");
    let mut kinds = [0; 4];
    for position in 0..changes.len() {
        left.set(position as i64);
        let result = transaction::carry_out(&mut client, &changes, &before);
        assert!(left.get() < 0, "nothing was spoiled");
        match result {
            Err(Failure::Refused { refused, left }) => {
                assert_eq!(refused[0].0, changes[position]);
                assert!(left.is_empty(), "{position}: {left:?}");
            }
            other => panic!("{position}: {other:?}"),
        }
        let after = transaction::read(&mut client, true, false).expect("the table");
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
    transaction::carry_out(&mut client, &changes, &before).expect("none is spoiled");
    assert_eq!(read(&mut client).services().count(), 14);
}

/// Services of a table large enough to be met in the middle of a change.
const MANY: usize = 6000;

/// A table and one with as many other services.
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

/// Send `apply` a signal once it has begun to change the table; how many services of the old and of
/// the new table are there afterwards. The next apply makes it right.
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
        assert!(ended.is_none(), "it has changed nothing: {ended:?}");
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
        |table: &Table| now.services().filter(|e| table.service(&e.service.key).is_some()).count();
    let seen = (of(&old), of(&new));
    assert_eq!(seen.0 + seen.1, now.services().count(), "something is in it that is in neither");
    println!("{signal}: {} of {MANY} old services, {} of {MANY} new ones", seen.0, seen.1);
    assert_eq!(ipvsadm("apply /tmp/new").ok(), "");
    assert_eq!(read(&mut client), new);
    seen
}

fn killed() {
    let (old, new) = disturbed("SIGKILL");
    assert!(old < MANY || new < MANY, "it had come to its end: this shows nothing");
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
        // They get into each other's way: each may be refused, and must say so.
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
        // Whatever is left, the next alone makes it right.
        assert_eq!(ipvsadm("apply /tmp/apply/new").ok(), "");
        assert_eq!(ipvsadm("apply --dry-run /tmp/apply/new").ok(), "");
    }
}
