//! Runs a case with one program, from the case's starting table, in a network namespace.
//!
//! Each starting table has a namespace. The oracle's `-R` rebuilds the table only after a run that
//! changed it. Both programs run in the same namespace: the kernel's order of services depends on
//! the namespace, and `--nosort` shows it.

use crate::dump::{Dumper, has_stable_order};
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

/// The status of a program that was killed after a timeout.
pub const HUNG: i32 = 124;

/// The output and the effect of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 128 plus the signal when a signal ended the program; [`HUNG`] when it did not end.
    pub status: i32,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub table: String,
}

/// The names of the aspects to compare.
pub const ASPECTS: [&str; 4] = ["exit status", "stdout", "stderr", "table"];

impl Outcome {
    /// The aspects in which two runs differ. Two error messages are equal unless one is empty.
    pub fn differs(&self, other: &Outcome) -> Vec<&'static str> {
        let same = [
            self.status == other.status,
            same_lines(&self.out, &other.out),
            self.err.is_empty() == other.err.is_empty(),
            self.table == other.table,
        ];
        ASPECTS.into_iter().zip(same).filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// Compares two outputs. Where the kernel's order changes, that of lines has no meaning.
fn same_lines(one: &[u8], other: &[u8]) -> bool {
    let sorted = |text: &[u8]| {
        let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    one == other || !has_stable_order() && sorted(one) == sorted(other)
}

pub enum Side {
    Oracle,
    Ours,
}

/// A namespace with a starting table.
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

    /// Runs `case` and restores its table.
    pub fn run(&mut self, case: &Case, side: &Side) -> Outcome {
        self.enter(case.table);
        let program = match side {
            Side::Oracle => support::oracle_program(case.program.name()),
            Side::Ours => support::program(case.program.name()),
        };
        let mut outcome = self.start(&program, case);
        outcome.table = self.dumper.dump();
        let place = self.places[case.table].as_mut().expect("entered");
        if outcome.table != place.start {
            let daemons = daemons(&outcome.table) != daemons(&place.start);
            place.rebuilt += 1;
            self.build(case.table, daemons);
            let again = self.dumper.dump();
            let place = self.places[case.table].as_ref().expect("entered");
            assert_eq!(again, place.start, "the rebuilt table differs");
        }
        outcome
    }

    /// Returns the starting table of `case`. All runs until the next call use the same namespace.
    pub fn begin(&mut self, case: &Case) -> String {
        if self.places[case.table].as_ref().is_some_and(|p| p.rebuilt > 200) {
            // Removed servers accumulate in the kernel's trash list.
            self.places[case.table] = None;
        }
        self.enter(case.table);
        let place = self.places[case.table].as_ref().expect("entered");
        place.start.clone()
    }

    fn enter(&mut self, table: usize) {
        if let Some(place) = &self.places[table] {
            setns(&place.namespace, CloneFlags::CLONE_NEWNET).expect("the table's namespace");
            return;
        }
        setns(&self.home, CloneFlags::CLONE_NEWNET).expect("the first namespace");
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
        support::sh("ip link set lo up; ip link add d0 type dummy; ip link set d0 up");
        self.build(table, true);
        self.places[table] =
            Some(Place { namespace: namespace(), start: self.dumper.dump(), rebuilt: 0 });
    }

    /// Builds a starting table, whatever the current table is.
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
            // Daemons stop first: while one runs, the kernel refuses IPv6 servers of IPv4 services.
            // Each command is a process: 1.31 can hang when one -R starts and stops daemons.
            for state in ["master", "backup"] {
                rules(&["--stop-daemon", state], "");
            }
        }
        let outcome = rules(&["-R"], &build(table));
        assert_eq!(outcome.status, 0, "{}", String::from_utf8_lossy(&outcome.err));
        for line in starts(table).filter(|_| daemons) {
            let outcome = rules(&line.split(' ').collect::<Vec<_>>(), "");
            assert_eq!(outcome.status, 0, "{}", String::from_utf8_lossy(&outcome.err));
        }
    }

    fn start(&self, program: &Path, case: &Case) -> Outcome {
        let mut input = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        let mut out = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        let mut err = tempfile::tempfile_in("/dev/shm").expect("a temporary file");
        input.write_all(&case.input).expect("a writable file");
        input.rewind().expect("a seekable file");
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
            child.kill().expect("a running child");
        }
        let status = child.wait().expect("a child");
        let mut outcome = Outcome {
            status: match status.code() {
                _ if !ended => HUNG,
                Some(code) => code,
                None => 128 + status.signal().unwrap_or(0),
            },
            out: Vec::new(),
            err: Vec::new(),
            table: String::new(),
        };
        for (file, bytes) in [(&mut out, &mut outcome.out), (&mut err, &mut outcome.err)] {
            file.rewind().expect("a seekable file");
            file.read_to_end(bytes).expect("a readable file");
        }
        outcome
    }
}

/// Returns input for `-R` that builds a starting table from any other, without its daemons.
pub fn build(table: usize) -> String {
    let rules = TABLES[table].rules.lines();
    let mut text = format!("-C\n{TIMEOUTS}\n");
    for line in rules.filter(|l| !l.starts_with("--start-daemon")) {
        text += line;
        text.push('\n');
    }
    // The last line determines the exit status: -Z always succeeds.
    text + "-Z\n"
}

/// Returns the command lines that start a table's daemons.
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

/// Returns true when the process ends within five seconds.
fn wait(pid: u32) -> bool {
    // SAFETY: system calls on the process id of our child, and on a descriptor opened here.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) as i32;
        assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
        let fd = <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd);
        let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        libc::poll(&mut poll, 1, 5_000) == 1
    }
}
