//! A program run once, and timed: from a small process of its own, so that what it inherits is always the same.

use crate::{file, support};
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Classic,
    Ours,
    /// Ours that only starts and ends: what is taken off before it is held against the floor.
    Start,
    Floor,
}

impl Who {
    pub const ALL: [Who; 4] = [Who::Classic, Who::Ours, Who::Start, Who::Floor];
    pub const PROGRAMS: [Who; 2] = [Who::Classic, Who::Ours];

    /// The program, for those that are one.
    pub fn program(self) -> PathBuf {
        match self {
            Who::Classic => support::oracle_program("ipvsadm"),
            _ => support::program("ipvsadm"),
        }
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub seconds: f64,
    /// Most memory at a time, in KiB.
    pub peak: f64,
    pub status: i32,
}

/// Time `program ARGS`, standard input from a file; its output goes to [`out`] and [`err`].
pub fn run(program: &Path, args: &str, stdin: &Path) -> Sample {
    let mut command = Command::new(me());
    command.arg("measure").arg(stdin).arg(out()).arg(err()).arg(program);
    let said = output(command.args(args.split_whitespace()));
    let mut fields = said.split_whitespace().map(|field| field.parse::<f64>().expect("a number"));
    let mut next = || fields.next().expect("three numbers");
    Sample { seconds: next() / 1e9, peak: next(), status: next() as i32 }
}

/// The same of one of the players; it must succeed.
#[track_caller]
pub fn done(who: Who, args: &str, stdin: &Path) -> Sample {
    let sample = run(&who.program(), args, stdin);
    if sample.status != 0 {
        let err = std::fs::read_to_string(err()).unwrap_or_default();
        let lines: Vec<&str> = err.lines().take(5).collect();
        panic!("{who:?} {args}: status {}\n{}", sample.status, lines.join("\n"));
    }
    sample
}

/// Seconds that the start of our program takes.
pub fn start() -> f64 {
    done(Who::Start, "-v", nothing()).seconds
}

/// Seconds of the floor, which times itself.
pub fn floor(what: &str, argument: &Path) -> f64 {
    let mut command = Command::new(me());
    let said = output(command.args(["floor", what]).arg(argument));
    said.trim().parse::<f64>().expect("nanoseconds") / 1e9
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("this program can be started");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

fn me() -> PathBuf {
    std::env::current_exe().expect("this program's own path")
}

pub fn out() -> PathBuf {
    file("out")
}

pub fn err() -> PathBuf {
    file("err")
}

/// An empty standard input.
pub fn nothing() -> &'static Path {
    Path::new("/dev/null")
}

/// `measure STDIN STDOUT STDERR PROGRAM ARG...`: prints nanoseconds, KiB and the exit status.
pub fn measure(words: &[&str]) {
    let [stdin, stdout, stderr, program, args @ ..] = words else { panic!("too few words") };
    let mut command = clean(program);
    command
        .args(args)
        .stdin(File::open(stdin).expect("the input"))
        .stdout(File::create(stdout).expect("the output"))
        .stderr(File::create(stderr).expect("the errors"));
    let start = Instant::now();
    let status = command.status().expect("the program can be started");
    let nanoseconds = start.elapsed().as_nanos();
    let status = status.code().unwrap_or_else(|| panic!("{program}: {status}"));
    // It was the only child.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what it used");
    println!("{nanoseconds} {} {status}", usage.max_rss());
}

/// A program in an environment like a boot script's: cargo's own names folders for libraries, which costs
/// system calls in every program that is started.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// The middle one of an odd number of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
