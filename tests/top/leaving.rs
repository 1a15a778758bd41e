//! The terminal is restored, whatever ends or stops the view.

use crate::support::{self, Test, ipvsadm, program, sh};
use crate::tty::Tty;
use crate::{command, top};
use nix::sys::signal::Signal;
use std::process::Command;

pub const TESTS: &[Test] = &[
    ("leaving: by a key", by_a_key),
    ("leaving: by a signal", by_a_signal),
    ("leaving: a terminal of another session", foreign_terminal),
    ("leaving: the terminal goes away", terminal_gone),
    ("leaving: a terminal that accepts no output", stuck_terminal),
    ("leaving: a panic in any thread", panics),
    ("leaving: stopped and continued by the shell", job_control),
    ("leaving: stopped and continued from outside", stopped_from_outside),
    ("leaving: the kernel module is unloaded and loaded", kernel_fails),
    ("leaving: no terminal, no privilege", not_started),
];

const SIZE: (u16, u16) = (100, 24);

fn by_a_key() {
    for key in ["q", "\x1b", "\x03"] {
        let mut tty = top("-n", SIZE);
        tty.shows("0 services");
        tty.is_ours();
        tty.keys(key);
        assert_eq!(tty.ends(), 0, "{key:?}");
        tty.is_given_back();
        assert_eq!(tty.text().trim(), "", "nothing stays on the screen");
    }
}

/// The signal comes from another session, or from none.
fn foreign_terminal() {
    let mut foreign = Command::new("setsid");
    foreign.arg("--wait").arg(program("ipvsadm")).args(["top", "-n"]);
    let mut tty = Tty::start(foreign, SIZE);
    tty.shows("0 services");
    tty.is_ours();
    tty.keys("q");
    assert_eq!(tty.ends(), 0);
    tty.is_given_back();
}

fn by_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let mut tty = top("-n", SIZE);
        tty.shows("0 services");
        tty.signal(signal);
        assert_eq!(tty.ends(), 128 + signal as i32, "{signal}");
        tty.is_given_back();
    }
}

fn terminal_gone() {
    let mut tty = top("-n --interval 0.5", SIZE);
    tty.shows("0 services");
    tty.hang_up();
    assert_eq!(tty.ends(), 128 + Signal::SIGHUP as i32);
    // Under nohup too, where the signal is ignored.
    let mut ignoring = Command::new("/bin/sh");
    ignoring.args(["-c", "trap '' HUP; exec \"$0\" top"]).arg(program("ipvsadm"));
    let mut tty = Tty::start(ignoring, SIZE);
    tty.shows("0 services");
    tty.hang_up();
    assert_eq!(tty.ends(), 128 + Signal::SIGHUP as i32);
}

/// The terminal accepts no output, as over a hanging connection.
fn stuck_terminal() {
    let mut tty = top("-n --interval 0.1", SIZE);
    tty.shows("0 services");
    tty.read_no_more();
    // Each key repaints the whole screen, until the terminal accepts no more.
    for _ in 0..300 {
        tty.keys("\x0c");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let state = || sh(&format!("cut -d' ' -f3 /proc/{}/stat", tty.id())).trim().to_string();
    assert_eq!(state(), "S");
    tty.signal(Signal::SIGTERM);
    assert_eq!(tty.ends(), 128 + Signal::SIGTERM as i32);
}

/// A debug build can be made to panic; a release build has no such hook.
fn panics() {
    for place in ["draw", "read"] {
        let mut panicking = command("-n --interval 0.2");
        panicking.env("IPVSADM_TOP_PANIC", place).env("RUST_BACKTRACE", "0");
        let mut tty = Tty::start(panicking, SIZE);
        assert_eq!(tty.ends(), 128 + Signal::SIGABRT as i32, "{place}: {}", tty.text());
        tty.is_given_back();
        tty.shows("this is what was asked for");
        let bytes = String::from_utf8_lossy(&tty.bytes()).into_owned();
        assert!(bytes.contains("services,"), "it was at work before");
    }
}

fn job_control() {
    let mut shell = Command::new("/bin/bash");
    shell.args(["--norc", "--noprofile", "--noediting", "-i"]).env("PS1", "ready> ");
    let mut tty = Tty::start(shell, SIZE);
    tty.shows("ready>");
    tty.keys(&format!("{} top -n\r", program("ipvsadm").display()));
    tty.shows("0 services");
    tty.is_ours();
    for stop in ["by its key", "by a signal"] {
        match stop {
            "by its key" => tty.keys("\x1a"),
            _ => drop(sh("kill -TSTP $(pgrep -n -x ipvsadm)")),
        }
        tty.shows("Stopped");
        tty.is_given_back();
        // The shell has its terminal, and other text is on it when the view returns.
        tty.keys("clear; echo so''mething else\r");
        tty.shows("something else");
        // In the background the view stays away.
        tty.keys("bg\r");
        std::thread::sleep(std::time::Duration::from_millis(500));
        tty.is_given_back();
        // Nothing reads this line for a second: it must not stop the view in the background.
        tty.keys("clear; sleep 1\r");
        tty.keys("echo typed' 'ahead\r");
        tty.shows("typed ahead");
        tty.keys("jobs\r");
        tty.shows("Running");
        tty.keys("clear; echo so''mething else\r");
        tty.shows("something else");
        tty.keys("fg\r");
        let screen = tty.shows("0 services");
        tty.is_ours();
        assert!(!screen.contains("something else"), "{screen}");
    }
    tty.keys("q");
    tty.until("the shell", |screen| screen.trim_end().ends_with("ready>"));
    tty.is_given_back();
    tty.keys("echo status=$?\r");
    tty.shows("status=0");
}

/// SIGSTOP cannot be caught, so nothing is restored; its sender may have repaired the terminal.
fn stopped_from_outside() {
    let mut tty = top("-n", SIZE);
    tty.shows("0 services");
    tty.signal(Signal::SIGSTOP);
    tty.become_as_before();
    tty.signal(Signal::SIGCONT);
    tty.until("raw again", |_| tty.is_raw());
    // The only process of a session cannot be stopped by its key: it continues.
    tty.keys("\x1a");
    ipvsadm("-A -t 10.0.0.1:80").ok();
    tty.shows("1 service,");
    tty.until("raw again", |_| tty.is_raw());
    tty.keys("q");
    assert_eq!(tty.ends(), 0);
    tty.is_given_back();
}

fn kernel_fails() {
    ipvsadm("-A -t 10.0.0.1:80 -s rr").ok();
    let mut tty = top("-n --interval 0.3", SIZE);
    tty.shows("TCP  10.0.0.1:80");
    ipvsadm("-C").ok();
    tty.shows("0 services");
    // A namespace of an earlier test may still be going away.
    sh("for i in $(seq 50); do
            modprobe -r $(lsmod | sed -n 's/^\\(ip_vs_[a-z_0-9]*\\) .*/\\1/p') ip_vs 2>/dev/null || :
            grep -q '^ip_vs ' /proc/modules || exit 0
            sleep 0.2
        done
        lsmod; exit 1");
    tty.shows("Cannot read the table: this kernel has no IP Virtual Server");
    tty.is_ours();
    // The view does not reload a module that was unloaded.
    std::thread::sleep(std::time::Duration::from_secs(1));
    sh("! grep -q '^ip_vs ' /proc/modules");
    sh("modprobe ip_vs");
    ipvsadm("-A -t 10.0.0.2:80 -s rr").ok();
    tty.shows("TCP  10.0.0.2:80");
    tty.no_more("Cannot read");
    tty.keys("q");
    assert_eq!(tty.ends(), 0);
    tty.is_given_back();
}

fn not_started() {
    let said = ipvsadm("top").fails(2);
    assert_eq!(said, "top: standard input and standard output must be a terminal\n");
    let mut dumb = Command::new("/usr/bin/env");
    dumb.arg("TERM=dumb").arg(program("ipvsadm")).arg("top");
    let mut tty = Tty::start(dumb, SIZE);
    assert_eq!(tty.ends(), 2);
    assert!(tty.text().starts_with("top: this terminal cannot show the view"), "{}", tty.text());
    let list = support::unprivileged(&program("ipvsadm"), &["-L"]);
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    nobody.arg(program("ipvsadm")).arg("top");
    let mut tty = Tty::start(nobody, SIZE);
    assert_eq!(tty.ends(), list.status);
    assert_eq!(tty.text().trim(), list.err.trim());
    tty.is_given_back();
    assert!(!String::from_utf8_lossy(&tty.bytes()).contains("\x1b["), "nothing was drawn");
}
