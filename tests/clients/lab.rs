//! Helpers of the client tests: a network that carries traffic, a mount namespace where our programs
//! are in /sbin, and waiting for a result.

use crate::support;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The network of lab/network.sh, controlled through one shell.
pub struct Network {
    prefix: String,
    shell: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Network {
    /// Creates a network, `flat` (direct routing, tunnels) or `nat`, with two real servers.
    #[track_caller]
    pub fn up(kind: &str) -> Network {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("c{}n{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut shell = Command::new("/bin/bash")
            .env("NETWORK", &prefix)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let mut network = Network {
            prefix,
            input: shell.stdin.take(),
            output: BufReader::new(shell.stdout.take().expect("stdout is a pipe")),
            shell,
        };
        let library = support::project().join("lab/network.sh");
        network.sh(&format!(". '{}'", library.display()));
        network.sh(&format!("network_up {kind} 2"));
        network
    }

    /// Runs lines in a shell with the functions of network.sh. All must succeed. Returns their output.
    #[track_caller]
    pub fn sh(&mut self, script: &str) -> String {
        let (status, out) = self.run(script);
        assert_eq!(status, "0", "{script}\n{out}");
        out
    }

    fn run(&mut self, script: &str) -> (String, String) {
        // No subshell, so the shell keeps its variables: `&&` stops at the first failure.
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        let joined = lines.join(" &&\n");
        let input = self.input.as_mut().expect("the shell is running");
        writeln!(input, "{{ {joined}\n}} 2>&1 </dev/null; printf '\\nended %s\\n' $?")
            .expect("the shell is running");
        let mut out = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line);
            assert!(matches!(read, Ok(n) if n > 0), "the shell ended: {script}\n{out}");
            if let Some(status) = line.strip_prefix("ended ") {
                out.pop(); // the line feed before `ended`
                return (status.trim().to_owned(), out);
            }
            out += &line;
        }
    }

    /// Moves the test to `node`: its programs run there from now on.
    #[track_caller]
    pub fn enter(&self, node: &str) {
        let path = format!("/run/netns/{}{node}", self.prefix);
        let space = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        setns(space, CloneFlags::CLONE_NEWNET).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(mut input) = self.input.take() {
            // Stop background jobs of the test too.
            let _ = writeln!(input, "kill $(jobs -p) 2>/dev/null; network_down");
        }
        let _ = self.shell.wait();
    }
}

/// A folder in memory, private to the test's mount namespace.
pub struct Place(PathBuf);

impl Place {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Creates a file in the folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// Mounts an overlay on `folder`, so that only this test sees what it writes there.
    pub fn catch_writes(&self, folder: &str) {
        let name = folder.replace('/', "_");
        let (upper, work) =
            (self.0.join(format!("{name}.upper")), self.0.join(format!("{name}.work")));
        std::fs::create_dir(&upper).expect("a new folder");
        std::fs::create_dir(&work).expect("a new folder");
        let options =
            format!("lowerdir={folder},upperdir={},workdir={}", upper.display(), work.display());
        mount(Some("overlay"), folder, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .unwrap_or_else(|e| panic!("overlay on {folder}: {e}"));
    }

    /// Appends `lines` to /etc/hosts, for this test only.
    pub fn hosts(&self, lines: &str) {
        let old = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let file = self.file("hosts", &format!("{old}\n{lines}"));
        cover(&file, "/etc/hosts");
    }
}

/// Runs `test` in a mount namespace of its own, with a folder in memory.
pub fn privately(test: impl FnOnce(&Place) + Send + 'static) {
    // In a new thread, so that the thread of the test runner keeps its mounts.
    let outcome = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .expect("private mounts");
        let folder = tempfile::tempdir().expect("a folder");
        mount(Some("place"), folder.path(), Some("tmpfs"), MsFlags::empty(), none)
            .expect("a tmpfs");
        test(&Place(folder.path().to_owned()));
        // Unmount the tmpfs, so that the folder below it can be removed.
        nix::mount::umount2(folder.path(), nix::mount::MntFlags::MNT_DETACH).ok();
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `test` where /sbin/ipvsadm, ipvsadm-save and ipvsadm-restore are our programs.
pub fn with_ours_at_sbin(test: impl FnOnce(&Place) + Send + 'static) {
    privately(move |place| {
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            let ours = std::fs::canonicalize(support::program(name)).expect("our program is built");
            let there = format!("/usr/sbin/{name}");
            cover(&ours, &there);
            // /sbin and /usr/sbin are the same folder, so both paths run our program.
            let at_sbin = std::fs::read(format!("/sbin/{name}")).expect("a readable program");
            assert!(at_sbin == std::fs::read(&ours).expect("a readable program"));
        }
        test(place);
    });
}

/// Bind-mounts `with` over `what`.
fn cover(with: &Path, what: &str) {
    let none: Option<&str> = None;
    mount(Some(with), what, none, MsFlags::MS_BIND, none)
        .unwrap_or_else(|e| panic!("{} over {what}: {e}", with.display()));
}

/// Waits until `actual` returns `expected`; fails after `seconds`.
#[track_caller]
pub fn wait_until(seconds: u64, expected: &str, actual: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let now = actual();
        if now == expected {
            return;
        }
        assert!(Instant::now() < end, "after {seconds} s got\n{now}expected\n{expected}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Checks that our program's status, standard output and standard error equal those of 1.31.
#[track_caller]
pub fn assert_same(what: &str, ours: &support::Ran, theirs: &support::Ran) {
    if ours == theirs {
        return;
    }
    let (a, b) = (lines(ours), lines(theirs));
    let at = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i));
    let line = |all: &[String]| at.and_then(|i| all.get(i).cloned());
    panic!(
        "{what}: line {} differs (status, then standard output, then standard error)\n\
         ours: {:?}\n1.31: {:?}",
        at.unwrap_or(0),
        line(&a),
        line(&b),
    );
}

fn lines(ran: &support::Ran) -> Vec<String> {
    let out = ran.out.split('\n').map(|l| format!("out {l}"));
    let err = ran.err.split('\n').map(|l| format!("err {l}"));
    let status = format!("status {}", ran.status);
    std::iter::once(status).chain(out).chain(err).collect()
}

/// Runs a line in /bin/sh, as client programs do.
#[track_caller]
pub fn shell(line: &str) -> support::Ran {
    support::run("/bin/sh", &["-c", line], b"")
}
