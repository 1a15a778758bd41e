//! How fast: ipvsadm 1.31, ours, and the floor (what the kernel itself takes), side by side in one run of the lab.
//!
//! Outside the lab this program runs itself again inside, then writes `results.txt` and draws
//! `growth.svg`, into benches/ when everything ran at full size and beside the build otherwise.
//! `BENCH=load,list` runs some parts only, `BENCH_QUICK=1` makes everything smaller. What is timed
//! is a process of its own each time, and each load has a network namespace of its own.

#[path = "../../tests/support/mod.rs"]
mod support;

mod connections;
mod count;
mod errors;
mod floor;
mod live;
mod names;
mod plot;
mod process;
mod report;
mod single;
mod tables;

use process::{Who, median};
use report::{Report, Row};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Where a lab runs: the options of lab/run, and how the results say it.
#[derive(Clone, Copy, PartialEq)]
struct Place(&'static [&'static str], &'static str);

/// There a system call is dear, as it was when the figures were demanded.
const ANYWHERE: Place = Place(&["--spread"], "wherever the system runs it");
/// For what waits in threads: a user-mode kernel maps all of a process again for each that starts, which
/// anywhere else takes about as long as what is waited for.
const ALONE: Place = Place(&[], "on a processor of its own");

type Part = (&'static str, Place, fn(&mut Bench));

/// The last ones leave a namespace with services behind, of which a thread lives on: with such a one the
/// kernel loses rows where it reads /proc/net/ip_vs for another.
const PARTS: &[Part] = &[
    ("start", ANYWHERE, single::starts),
    ("load", ANYWHERE, tables::loads),
    ("list", ANYWHERE, tables::lists),
    ("save", ANYWHERE, tables::saves),
    ("growth", ANYWHERE, tables::growth),
    ("single", ANYWHERE, single::commands),
    ("connections", ANYWHERE, connections::connections),
    ("errors", ANYWHERE, errors::errors),
    ("count", ANYWHERE, count::counts),
    ("names", ALONE, names::names),
    ("live", ANYWHERE, live::live),
];

/// What the parts share.
pub struct Bench {
    pub quick: bool,
    pub report: Report,
}

impl Bench {
    /// A size, or a tenth of it.
    pub fn sized(&self, full: usize) -> usize {
        if self.quick { full / 10 } else { full }
    }

    pub fn rounds(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    /// Time the players in turn; each gets its median. Where nothing is demanded, 1.31 plays three times
    /// only if it takes long. The others play `often` as often as 1.31: they are compared more closely.
    pub fn compare(
        &self,
        demanded: bool,
        often: usize,
        mut play: impl FnMut(Who) -> f64,
    ) -> [f64; 4] {
        let mut times = [vec![], vec![], vec![], vec![]];
        for turn in 0..self.rounds() * often {
            for (who, times) in Who::ALL.into_iter().zip(&mut times) {
                let patience = match who {
                    Who::Classic if turn % often != 0 => false,
                    Who::Classic => demanded || times.len() < 3 || times[0] < 8.0,
                    _ => true,
                };
                if patience {
                    times.push(play(who));
                }
            }
        }
        times.map(median)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["measure", rest @ ..] => process::measure(rest),
        ["floor", "load", rules] => floor::load(Path::new(rules)),
        ["floor", "list", rules] => floor::list(Path::new(rules)),
        ["floor", "read", file] => floor::read(Path::new(file)),
        ["probe", address] => live::probe(address),
        [place, parts @ ..] if support::in_lab() => return inside(place, parts),
        _ => return outside(),
    }
    ExitCode::SUCCESS
}

fn quick() -> bool {
    std::env::var("BENCH_QUICK").is_ok_and(|quick| !quick.is_empty() && quick != "0")
}

fn inside(place: &str, parts: &[&str]) -> ExitCode {
    support::sh("modprobe ip_vs");
    let mut bench = Bench { quick: quick(), report: Report::default() };
    for (name, _, part) in PARTS.iter().filter(|(name, ..)| parts.contains(name)) {
        eprintln!("bench: {name}");
        part(&mut bench);
        // What is there by now, should a later part fail.
        let text = bench.report.text(place, quick());
        std::fs::write("/results/results.txt", text).expect("the results can be written");
    }
    ExitCode::SUCCESS
}

fn outside() -> ExitCode {
    let names: Vec<&str> = PARTS.iter().map(|(name, ..)| *name).collect();
    let wanted = std::env::var("BENCH").unwrap_or_default();
    let mut wanted: Vec<&str> = wanted.split(',').filter(|part| !part.is_empty()).collect();
    if let Some(part) = wanted.iter().find(|part| !names.contains(part)) {
        eprintln!("bench: no part `{part}': there are {}", names.join(" "));
        return ExitCode::FAILURE;
    }
    let mut whole = wanted.is_empty() && !quick();
    if wanted.is_empty() {
        wanted = names;
    }
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = results.path().to_str().expect("a path in UTF-8");
    let mut text = report::made_how();
    let mut ended = ExitCode::SUCCESS;
    for place in [ANYWHERE, ALONE] {
        let here = PARTS.iter().filter(|(name, at, _)| *at == place && wanted.contains(name));
        let parts: Vec<&str> = here.map(|(name, ..)| *name).collect();
        if parts.is_empty() {
            continue;
        }
        let options = [&["--time", "7200", "--results", directory], place.0].concat();
        let args = [place.1].into_iter().chain(parts).map(str::to_string);
        let status = support::run_in_lab(&options, args);
        if status != ExitCode::SUCCESS {
            (whole, ended) = (false, status);
        }
        let file = results.path().join("results.txt");
        // Without a table, what the other place found still stands.
        let table = std::fs::read_to_string(&file).unwrap_or_default();
        let _ = std::fs::remove_file(&file);
        text = [text, table].join("\n");
    }
    print!("{text}");
    let to = if whole { support::project().join("benches") } else { beside_the_build() };
    std::fs::write(to.join("results.txt"), &text).expect("the results can be written");
    let data = results.path().join("growth.dat");
    if data.exists() {
        let kernel = text.lines().find(|line| line.starts_with("Kernel")).unwrap_or_default();
        plot::draw(&data, kernel, &to.join("growth.svg"));
    }
    println!("\nwritten to {}", to.display());
    ended
}

fn beside_the_build() -> PathBuf {
    let me = std::env::current_exe().expect("this program's own path");
    me.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A network namespace with an empty table, in a kernel that has done with the one before.
pub fn fresh() {
    support::fresh_namespace().expect("a network namespace");
    settle();
}

/// Wait until the kernel is idle: namespaces are taken apart behind one's back.
fn settle() {
    let idle = || {
        let stat = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
        let field = stat.split_whitespace().nth(4).and_then(|field| field.parse::<u64>().ok());
        field.expect("idle ticks")
    };
    let mut quiet = 0;
    for _ in 0..100 {
        let before = idle();
        std::thread::sleep(Duration::from_millis(100));
        quiet = if idle() - before >= 8 { quiet + 1 } else { 0 };
        if quiet == 2 {
            return;
        }
    }
}

/// A file in the lab's memory.
pub fn file(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

pub fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The row of a time: what was demanded of it against 1.31 and against the floor.
pub fn time_row(bench: &mut Bench, work: String, times: [f64; 4], faster: f64, floor: f64) {
    let [classic, ours, start, bottom] = times;
    let net = ours - start;
    bench.report.rows.push(
        Row::time(work, Some(classic), ours)
            .floor(bottom, net / bottom)
            .at_least(faster)
            .at_most(floor),
    );
}
