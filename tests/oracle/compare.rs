//! One case through one program, from the table it starts on, in a network namespace.
//!
//! A namespace is kept for each starting table, and rebuilt by the oracle's `-R` only after a run
//! that changed something. Both programs run in the same one: the kernel's order of services
//! depends on the namespace, and `--nosort` shows it.

use crate::dump::Dumper;
use crate::generate::{Case, Program};
use crate::support;
use crate::tables::{TABLES, TIMEOUTS};
use nix::sched::{CloneFlags, setns, unshare};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The status of a program that had to be ended.
pub const HUNG: i32 = 124;

/// What a run showed and left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// 128 and the signal for a program that a signal ended; [`HUNG`] for one that did not end.
    pub status: i32,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub table: String,
}

/// What is compared, by name.
pub const ASPECTS: [&str; 4] = ["exit status", "stdout", "stderr", "table"];

impl Seen {
    /// The aspects in which two runs differ; of `err` only whether it is there.
    pub fn differs(&self, other: &Seen) -> Vec<&'static str> {
        let same = [
            self.status == other.status,
            self.out == other.out,
            self.err.is_empty() == other.err.is_empty(),
            self.table == other.table,
        ];
        ASPECTS.into_iter().zip(same).filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

pub enum Side {
    Oracle,
    Ours,
}

/// A namespace with a table in it.
struct Place {
    namespace: File,
    start: String,
    rebuilt: u32,
}

pub struct Bench {
    dumper: Dumper,
    home: File,
    places: Vec<Option<Place>>,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            dumper: Dumper::new(),
            home: namespace(),
            places: (0..TABLES.len()).map(|_| None).collect(),
        }
    }

    /// Runs `case` and puts its table back.
    pub fn run(&mut self, case: &Case, side: &Side) -> Seen {
        self.enter(case.table);
        let program = match side {
            Side::Oracle => support::oracle_program(case.program.name()),
            Side::Ours => support::program(case.program.name()),
        };
        let mut seen = self.start(&program, case);
        seen.table = self.dumper.dump();
        let place = self.places[case.table].as_mut().expect("entered");
        if seen.table != place.start {
            let daemons = daemons(&seen.table) != daemons(&place.start);
            place.rebuilt += 1;
            self.build(case.table, daemons);
            let again = self.dumper.dump();
            let place = self.places[case.table].as_ref().expect("entered");
            assert_eq!(again, place.start, "the table cannot be built again");
        }
        seen
    }

    /// The table that `case` starts on; until the next call all runs are in one namespace.
    pub fn begin(&mut self, case: &Case) -> String {
        if self.places[case.table].as_ref().is_some_and(|p| p.rebuilt > 200) {
            // Removed servers pile up in the kernel's trash.
            self.places[case.table] = None;
        }
        self.enter(case.table);
        let place = self.places[case.table].as_ref().expect("entered");
        place.start.clone()
    }

    fn enter(&mut self, table: usize) {
        if let Some(place) = &self.places[table] {
            setns(&place.namespace, CloneFlags::CLONE_NEWNET).expect("the namespace is there");
            return;
        }
        setns(&self.home, CloneFlags::CLONE_NEWNET).expect("the first namespace is there");
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        support::sh("ip link set lo up; ip link add d0 type dummy; ip link set d0 up");
        self.build(table, true);
        self.places[table] =
            Some(Place { namespace: namespace(), start: self.dumper.dump(), rebuilt: 0 });
    }

    /// Makes a table out of any other.
    fn build(&self, table: usize, daemons: bool) {
        let rules = |args: &[&str], input: &str| {
            let case = Case {
                seed: 0,
                number: 0,
                kind: "",
                table,
                program: Program::Ipvsadm,
                args: args.iter().map(|a| a.as_bytes().to_vec()).collect(),
                input: input.as_bytes().to_vec(),
            };
            self.start(&support::oracle_program("ipvsadm"), &case)
        };
        if daemons {
            // First of all, as the kernel takes no IPv6 server of an IPv4 service beside a daemon.
            // One process each: 1.31 can hang when it starts and stops daemons in one -R.
            for state in ["master", "backup"] {
                rules(&["--stop-daemon", state], "");
            }
        }
        let seen = rules(&["-R"], &build(table));
        assert_eq!(seen.status, 0, "{}", String::from_utf8_lossy(&seen.err));
        for line in starts(table).filter(|_| daemons) {
            let seen = rules(&line.split(' ').collect::<Vec<_>>(), "");
            assert_eq!(seen.status, 0, "{}", String::from_utf8_lossy(&seen.err));
        }
    }

    fn start(&self, program: &Path, case: &Case) -> Seen {
        let mut input = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        let mut out = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        let mut err = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        input.write_all(&case.input).expect("written");
        input.rewind().expect("a file can be rewound");
        let same = |f: &File| Stdio::from(f.try_clone().expect("a descriptor"));
        let mut child = Command::new(program)
            .arg0(case.program.name())
            .args(case.args.iter().map(|a| OsStr::from_bytes(a)))
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(same(&input))
            .stdout(same(&out))
            .stderr(same(&err))
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {program:?}: {e}"));
        let ended = wait(child.id());
        if !ended {
            child.kill().expect("a child of ours");
        }
        let status = child.wait().expect("a child of ours");
        let mut seen = Seen {
            status: match status.code() {
                _ if !ended => HUNG,
                Some(code) => code,
                None => 128 + status.signal().unwrap_or(0),
            },
            out: Vec::new(),
            err: Vec::new(),
            table: String::new(),
        };
        for (file, bytes) in [(&mut out, &mut seen.out), (&mut err, &mut seen.err)] {
            file.rewind().expect("a file can be rewound");
            file.read_to_end(bytes).expect("read");
        }
        seen
    }
}

/// Text for `-R` that makes a table out of any other, but for its daemons.
pub fn build(table: usize) -> String {
    let rules = TABLES[table].rules.lines();
    let mut text = format!("-C\n{TIMEOUTS}\n");
    for line in rules.filter(|l| !l.starts_with("--start-daemon")) {
        text += line;
        text.push('\n');
    }
    // The last line gives the status: one that always works.
    text + "-Z\n"
}

/// The command lines that start a table's daemons.
pub fn starts(table: usize) -> impl Iterator<Item = &'static str> {
    let rules = TABLES[table].rules.lines();
    rules.filter(|l| l.starts_with("--start-daemon"))
}

fn daemons(table: &str) -> Vec<&str> {
    table.lines().filter(|l| l.starts_with("daemon")).collect()
}

fn namespace() -> File {
    File::open(PathBuf::from("/proc/thread-self/ns/net")).expect("a network namespace")
}

/// Whether the process ended within five seconds.
fn wait(pid: u32) -> bool {
    // SAFETY: plain system calls on a process id of ours and on a descriptor just made.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) as i32;
        assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
        let fd = <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd);
        let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        libc::poll(&mut poll, 1, 5_000) == 1
    }
}
