//! What the client tests need beside `support`: a network to send traffic through, a place where our
//! programs stand at /sbin, and patience.

use crate::support;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The network of lab/network.sh, kept by one shell.
pub struct Network {
    prefix: String,
    shell: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Network {
    /// `flat` (direct routing, tunnels) or `nat`, with two real servers.
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
            output: BufReader::new(shell.stdout.take().expect("a pipe was asked for")),
            shell,
        };
        let library = support::project().join("lab/network.sh");
        network.sh(&format!(". '{}'", library.display()));
        network.sh(&format!("network_up {kind} 2"));
        network
    }

    /// Lines for the shell that has network.sh's functions; all must succeed. Their output.
    #[track_caller]
    pub fn sh(&mut self, script: &str) -> String {
        let (status, out) = self.tell(script);
        assert_eq!(status, "0", "{script}\n{out}");
        out
    }

    fn tell(&mut self, script: &str) -> (String, String) {
        // The shell keeps its variables: the lines run in itself, and `&&` is what stops them.
        let lines: Vec<&str> = script.lines().map(str::trim).collect();
        let joined = lines.join(" &&\n");
        let input = self.input.as_mut().expect("the shell still listens");
        writeln!(input, "{{ {joined}\n}} 2>&1 </dev/null; printf '\\nended %s\\n' $?")
            .expect("the shell still listens");
        let mut out = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line);
            assert!(matches!(read, Ok(n) if n > 0), "the shell ended: {script}\n{out}");
            if let Some(status) = line.strip_prefix("ended ") {
                out.pop(); // the line feed before the mark
                return (status.trim().to_owned(), out);
            }
            out += &line;
        }
    }

    /// From now on this test's programs run on `node`.
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
            // What the test left in the background goes too.
            let _ = writeln!(input, "kill $(jobs -p) 2>/dev/null; network_down");
        }
        let _ = self.shell.wait();
    }
}

/// A folder of the test's own, in memory, that goes with its mount namespace.
pub struct Place(PathBuf);

impl Place {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A new file in the folder.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }

    /// Writes to `folder` stay in this test from now on.
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

    /// `lines` after what /etc/hosts has, for this test alone.
    pub fn hosts(&self, lines: &str) {
        let old = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let file = self.file("hosts", &format!("{old}\n{lines}"));
        cover(&file, "/etc/hosts");
    }
}

/// Run `test` where mounts are its own, with a folder in memory.
pub fn privately(test: impl FnOnce(&Place) + Send + 'static) {
    // A thread of its own: the one that runs the tests keeps its mounts.
    let outcome = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .expect("mounts of our own");
        let folder = tempfile::tempdir().expect("a folder");
        mount(Some("place"), folder.path(), Some("tmpfs"), MsFlags::empty(), none)
            .expect("a tmpfs");
        test(&Place(folder.path().to_owned()));
        // The namespace takes the tmpfs with it; the empty folder below is removed by whoever sees it.
        nix::mount::umount2(folder.path(), nix::mount::MntFlags::MNT_DETACH).ok();
    })
    .join();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Run `test` where /sbin/ipvsadm, ipvsadm-save and ipvsadm-restore are ours.
pub fn with_ours_at_sbin(test: impl FnOnce(&Place) + Send + 'static) {
    privately(move |place| {
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            let ours = std::fs::canonicalize(support::program(name)).expect("our program is built");
            let there = format!("/usr/sbin/{name}");
            cover(&ours, &there);
            // Whoever runs /sbin/ipvsadm now runs the very file that the tests were given.
            let at_sbin = std::fs::read(format!("/sbin/{name}")).expect("it can be read");
            assert!(at_sbin == std::fs::read(&ours).expect("it can be read"));
        }
        test(place);
    });
}

fn cover(with: &Path, what: &str) {
    let none: Option<&str> = None;
    mount(Some(with), what, none, MsFlags::MS_BIND, none)
        .unwrap_or_else(|e| panic!("{} over {what}: {e}", with.display()));
}

/// Ask until `got` gives `wanted`; at most `seconds`.
#[track_caller]
pub fn becomes(seconds: u64, wanted: &str, got: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let now = got();
        if now == wanted {
            return;
        }
        assert!(Instant::now() < end, "after {seconds} s there was\n{now}and not\n{wanted}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Ours against 1.31: status, standard output and standard error to the byte.
#[track_caller]
pub fn same(what: &str, ours: &support::Ran, theirs: &support::Ran) {
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

/// A line of shell, as the programs under test write them.
#[track_caller]
pub fn shell(line: &str) -> support::Ran {
    support::run("/bin/sh", &["-c", line], b"")
}
