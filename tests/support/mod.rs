//! The base of every suite that needs a kernel with IPVS.
//!
//! A test binary calls [`main`] with its tests. Outside a kernel with IPVS it runs itself again inside
//! the lab (`lab/run`). There each test gets a network namespace of its own, so that it starts with an
//! empty table and leaves nothing behind. With `IPVSADM_TEST_KERNEL=host` the tests run on the kernel of
//! this machine. Without any kernel to run on, the suite fails.

#![allow(dead_code)] // each test binary uses a part of this

use libtest_mimic::{Arguments, Failed, Trial};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::RwLock;

/// A test: its name and its function.
pub type Test = (&'static str, fn());

/// Runs `tests` in a kernel with IPVS and reports how many ran where.
pub fn main(tests: &[Test]) -> ExitCode {
    main_with(tests, &[])
}

/// Like [`main`]. Tests run one after the other; those of `patient` run concurrently: they mostly wait,
/// and their tables are small. A kernel has one table of services for all network namespaces, and a
/// dump of several messages continues by position in it. So changes in another namespace can make a
/// dump skip or repeat rows.
pub fn main_with(tests: &[Test], patient: &[Test]) -> ExitCode {
    let mut args = Arguments::from_args();
    args.test_threads = args.test_threads.or(Some(patient.len().max(1)));
    let host = std::env::var("IPVSADM_TEST_KERNEL").is_ok_and(|v| v == "host");
    if !args.list && !host && !in_lab() {
        return run_in_lab(&["--time", "1500"], std::env::args().skip(1));
    }
    if !args.list {
        let loaded = Command::new("modprobe").arg("ip_vs").status();
        if !Path::new("/proc/net/ip_vs").exists() {
            eprintln!("this kernel has no IPVS, and modprobe ip_vs gave {loaded:?}: no test ran");
            return ExitCode::FAILURE;
        }
    }
    static TURN: RwLock<()> = RwLock::new(());
    let patient = patient.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            let _turn = TURN.read();
            in_namespace(test)
        })
    });
    let single = tests.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            let _turn = TURN.write();
            in_namespace(test)
        })
    });
    let trials = patient.chain(single).collect();
    let conclusion = libtest_mimic::run(&args, trials);
    if !args.list {
        println!(
            "{} kernel {}: {} tests ran, {} failed, {} skipped",
            if host { "host" } else { "lab" },
            std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
            conclusion.num_passed + conclusion.num_failed,
            conclusion.num_failed,
            conclusion.num_ignored,
        );
    }
    conclusion.exit_code()
}

/// Returns true in the lab kernel.
pub fn in_lab() -> bool {
    std::env::var_os("IPVSADM_LAB").is_some()
}

/// Returns the folder of the project.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs this program again in the lab with these arguments; `options` are those of lab/run.
pub fn run_in_lab(options: &[&str], args: impl IntoIterator<Item = String>) -> ExitCode {
    let me = std::env::current_exe().expect("this program's own path");
    let status = Command::new(project().join("lab/run"))
        .args(options)
        .arg("--")
        .arg(me)
        .args(args)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(s) => ExitCode::from(s.code().unwrap_or(1) as u8),
        Err(e) => {
            eprintln!("cannot start the lab: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a test in a thread with a private network and a private /run; lo is up.
fn in_namespace(test: fn()) -> Result<(), Failed> {
    let thread = std::thread::spawn(move || {
        fresh_namespace()?;
        fresh_run()?;
        test();
        Ok(())
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Gives the calling thread an empty, private /run.
fn fresh_run() -> Result<(), String> {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing))
        .and_then(|()| {
            mount(Some("run"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        })
        .map_err(|e| format!("no /run of the test's own: {e}"))
}

/// Moves the calling thread into a new network namespace.
pub fn fresh_namespace() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| format!("no network namespace: {e}"))?;
    lo_up().map_err(|e| format!("lo cannot be set up: {e}"))
}

/// Sets lo up without starting a program in every test.
fn lo_up() -> std::io::Result<()> {
    let mut message = [0u8; 32]; // struct nlmsghdr, struct ifinfomsg
    message[0..4].copy_from_slice(&32u32.to_ne_bytes());
    message[4..6].copy_from_slice(&16u16.to_ne_bytes()); // RTM_NEWLINK
    message[6..8].copy_from_slice(&5u16.to_ne_bytes()); // NLM_F_REQUEST, NLM_F_ACK
    message[20..24].copy_from_slice(&1i32.to_ne_bytes()); // lo is the first interface
    message[24..28].copy_from_slice(&1u32.to_ne_bytes()); // IFF_UP
    message[28..32].copy_from_slice(&1u32.to_ne_bytes()); // and nothing else
    let mut socket = netlink_sys::Socket::new(0)?; // NETLINK_ROUTE
    socket.bind_auto()?;
    socket.send(&message, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    match answer.get(16..20) {
        Some([0, 0, 0, 0]) => Ok(()),
        Some(&[a, b, c, d]) => {
            let error = i32::from_ne_bytes([a, b, c, d]);
            Err(std::io::Error::from_raw_os_error(-error))
        }
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The output and exit status of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Returns stdout; the program must have exited with status 0 and nothing on stderr.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "stdout: {}", self.out);
        self.out
    }

    /// Returns stderr; the program must have exited with `status` and nothing on stdout.
    #[track_caller]
    pub fn fails(self, status: i32) -> String {
        assert_eq!((self.status, self.out.as_str()), (status, ""), "stderr: {}", self.err);
        self.err
    }
}

impl From<Output> for Ran {
    fn from(o: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        Ran {
            status: o.status.code().unwrap_or_else(|| 128 + o.status.signal().unwrap_or(0)),
            out: String::from_utf8_lossy(&o.stdout).into_owned(),
            err: String::from_utf8_lossy(&o.stderr).into_owned(),
        }
    }
}

/// Runs a program with arguments and standard input in the namespace of the test.
#[track_caller]
pub fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: &[S], stdin: &[u8]) -> Ran {
    let program = program.as_ref();
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {program:?}: {e}"));
    let mut pipe = child.stdin.take().expect("a pipe was asked for");
    let input = stdin.to_vec();
    // The child may exit without reading all of it.
    let feeder = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().expect("the child can be waited for");
    feeder.join().expect("the feeder only writes");
    output.into()
}

/// Returns the path of one of our programs, in IPVSADM_BIN_DIR if that is set.
pub fn program(name: &str) -> PathBuf {
    match std::env::var_os("IPVSADM_BIN_DIR") {
        Some(dir) => Path::new(&dir).join(name),
        None => PathBuf::from(match name {
            "ipvsadm" => env!("CARGO_BIN_EXE_ipvsadm"),
            "ipvsadm-save" => env!("CARGO_BIN_EXE_ipvsadm-save"),
            "ipvsadm-restore" => env!("CARGO_BIN_EXE_ipvsadm-restore"),
            other => panic!("no program {other}"),
        }),
    }
}

/// Returns the path of ipvsadm 1.31 as Debian ships it.
pub fn oracle_program(name: &str) -> PathBuf {
    Path::new("/usr/sbin").join(name)
}

/// Runs our `ipvsadm` with the words of `line` (separated by blanks, no quoting).
#[track_caller]
pub fn ipvsadm(line: &str) -> Ran {
    ipvsadm_with(line, "")
}

/// Runs our `ipvsadm` with standard input.
#[track_caller]
pub fn ipvsadm_with(line: &str, stdin: &str) -> Ran {
    run(program("ipvsadm"), &words(line), stdin.as_bytes())
}

/// Runs ipvsadm 1.31 with the words of `line`.
#[track_caller]
pub fn oracle(line: &str) -> Ran {
    oracle_with(line, "")
}

#[track_caller]
pub fn oracle_with(line: &str, stdin: &str) -> Ran {
    run(oracle_program("ipvsadm"), &words(line), stdin.as_bytes())
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a shell line that must succeed, and returns its stdout.
#[track_caller]
pub fn sh(script: &str) -> String {
    let r = run("/bin/sh", &["-ec", script], b"");
    assert_eq!(r.status, 0, "{script}\n{}{}", r.out, r.err);
    r.out
}

/// Runs `f` in a child process without privilege.
#[track_caller]
pub fn unprivileged(program: &Path, args: &[&str]) -> Ran {
    let mut all = vec!["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let program = program.to_str().expect("a path in UTF-8");
    all.push(program);
    all.extend(args);
    run("setpriv", &all, b"")
}

/// Returns the size of the connection table now, as 1.31 shows it. From Linux 7.1 on it changes, and is
/// 0 until the first service.
#[track_caller]
pub fn table_size() -> String {
    let list = oracle("-L -n").ok();
    let size = list.split("(size=").nth(1).and_then(|rest| rest.split(')').next());
    size.expect("a size in the first line").to_string()
}

/// Compares two long texts and reports only the first difference.
#[track_caller]
pub fn same_text(left: &str, right: &str) {
    let differ = left.lines().zip(right.lines()).position(|(l, r)| l != r);
    if left != right {
        let (l, r) = (left.lines().count(), right.lines().count());
        let at = differ.unwrap_or(l.min(r));
        panic!(
            "{l} and {r} lines differ at line {}:\n{:?}\n{:?}",
            at + 1,
            left.lines().nth(at),
            right.lines().nth(at)
        );
    }
}
