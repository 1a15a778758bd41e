//! Timing of one run of a program. A small process starts it, so that it always inherits the same
//! state.

use crate::{file, support};
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A program that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    Classic,
    Ours,
    /// Ours with -v, which only starts and ends. Its time is subtracted before comparing with the
    /// floor.
    Start,
    Floor,
}

impl Player {
    pub const ALL: [Player; 4] = [Player::Classic, Player::Ours, Player::Start, Player::Floor];
    pub const PROGRAMS: [Player; 2] = [Player::Classic, Player::Ours];

    /// Returns the path of the program.
    pub fn program(self) -> PathBuf {
        match self {
            Player::Classic => support::oracle_program("ipvsadm"),
            _ => support::program("ipvsadm"),
        }
    }
}

/// The resources that one run used.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub seconds: f64,
    /// Peak memory in KiB.
    pub peak: f64,
    pub status: i32,
}

/// Times `program ARGS` with standard input from a file. Its output goes to [`out`] and [`err`].
pub fn run(program: &Path, args: &str, stdin: &Path) -> Sample {
    let mut command = Command::new(me());
    command.arg("measure").arg(stdin).arg(out()).arg(err()).arg(program);
    let text = output(command.args(args.split_whitespace()));
    let mut fields = text.split_whitespace().map(|field| field.parse::<f64>().expect("a number"));
    let mut next = || fields.next().expect("three numbers");
    Sample { seconds: next() / 1e9, peak: next(), status: next() as i32 }
}

/// Times a player, which must succeed.
#[track_caller]
pub fn done(player: Player, args: &str, stdin: &Path) -> Sample {
    let sample = run(&player.program(), args, stdin);
    if sample.status != 0 {
        let err = std::fs::read_to_string(err()).unwrap_or_default();
        let lines: Vec<&str> = err.lines().take(5).collect();
        panic!("{player:?} {args}: status {}\n{}", sample.status, lines.join("\n"));
    }
    sample
}

/// Returns the seconds that the start of our program takes.
pub fn start() -> f64 {
    done(Player::Start, "-v", nothing()).seconds
}

/// Returns the seconds of the floor, which times itself.
pub fn floor(what: &str, argument: &Path) -> f64 {
    let mut command = Command::new(me());
    let text = output(command.args(["floor", what]).arg(argument));
    text.trim().parse::<f64>().expect("nanoseconds") / 1e9
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

/// Runs `measure STDIN STDOUT STDERR PROGRAM ARG...`, and prints nanoseconds, KiB and the exit
/// status.
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
    // This process has no other child.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("its resource usage");
    println!("{nanoseconds} {} {status}", usage.max_rss());
}

/// Returns a command with the environment of a boot script. Cargo's environment names folders for
/// libraries, which costs system calls in every program.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// Returns the median of an odd number of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
