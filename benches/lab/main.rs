//! Benchmarks of ipvsadm 1.31, ours and the floor (the kernel itself), side by side in one run of
//! the lab.
//!
//! Outside the lab, this program runs itself inside the lab, writes `results.txt` and plots
//! `growth.svg`: into benches/ if all parts ran at full size, otherwise beside the build.
//! `BENCH=load,list` selects parts, and `BENCH_QUICK=1` makes all sizes smaller. Each measurement
//! runs in its own process, and each load in its own network namespace.

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

use process::{Player, median};
use report::{Report, Row};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A way to run the lab: the options of lab/run, and a description for the results.
#[derive(Clone, Copy, PartialEq)]
struct Place(&'static [&'static str], &'static str);

/// On any processor, where a system call is expensive. The required ratios were set there.
const ANY: Place = Place(&["--spread"], "on any processor");
/// Pinned to one processor, for measurements with threads. A user-mode kernel maps the whole
/// process again for each new thread, which elsewhere takes about as long as the measurement.
const PINNED: Place = Place(&[], "pinned to one processor");

type Part = (&'static str, Place, fn(&mut Bench));

/// The last parts leave threads in namespaces with services. While these exist, the kernel loses
/// rows when another namespace reads /proc/net/ip_vs.
const PARTS: &[Part] = &[
    ("start", ANY, single::starts),
    ("load", ANY, tables::loads),
    ("list", ANY, tables::lists),
    ("save", ANY, tables::saves),
    ("growth", ANY, tables::growth),
    ("single", ANY, single::commands),
    ("connections", ANY, connections::connections),
    ("errors", ANY, errors::errors),
    ("count", ANY, count::counts),
    ("names", PINNED, names::names),
    ("live", ANY, live::live),
];

/// The options and results that all parts share.
pub struct Bench {
    pub quick: bool,
    pub report: Report,
}

impl Bench {
    /// Returns a size, or a tenth of it in a quick run.
    pub fn sized(&self, full: usize) -> usize {
        if self.quick { full / 10 } else { full }
    }

    pub fn rounds(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    /// Times the players in turn and returns the median of each. 1.31 runs only three times if it
    /// is slow and no figure is required. The others run `repeats` times as often, for a closer
    /// comparison.
    pub fn compare(
        &self,
        required: bool,
        repeats: usize,
        mut measure: impl FnMut(Player) -> f64,
    ) -> [f64; 4] {
        let mut times = [vec![], vec![], vec![], vec![]];
        for turn in 0..self.rounds() * repeats {
            for (player, times) in Player::ALL.into_iter().zip(&mut times) {
                let runs = match player {
                    Player::Classic if turn % repeats != 0 => false,
                    Player::Classic => required || times.len() < 3 || times[0] < 8.0,
                    _ => true,
                };
                if runs {
                    times.push(measure(player));
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
        // Keep the results so far in case a later part fails.
        let text = bench.report.text(place, quick());
        std::fs::write("/results/results.txt", text).expect("the results can be written");
    }
    ExitCode::SUCCESS
}

fn outside() -> ExitCode {
    let names: Vec<&str> = PARTS.iter().map(|(name, ..)| *name).collect();
    let selected = std::env::var("BENCH").unwrap_or_default();
    let mut selected: Vec<&str> = selected.split(',').filter(|part| !part.is_empty()).collect();
    if let Some(part) = selected.iter().find(|part| !names.contains(part)) {
        eprintln!("bench: unknown part '{part}'; the parts are {}", names.join(" "));
        return ExitCode::FAILURE;
    }
    let mut whole = selected.is_empty() && !quick();
    if selected.is_empty() {
        selected = names;
    }
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = results.path().to_str().expect("a path in UTF-8");
    let mut text = report::heading();
    let mut exit_code = ExitCode::SUCCESS;
    for place in [ANY, PINNED] {
        let here = PARTS.iter().filter(|(name, at, _)| *at == place && selected.contains(name));
        let parts: Vec<&str> = here.map(|(name, ..)| *name).collect();
        if parts.is_empty() {
            continue;
        }
        let options = [&["--time", "7200", "--results", directory], place.0].concat();
        let args = [place.1].into_iter().chain(parts).map(str::to_string);
        let status = support::run_in_lab(&options, args);
        if status != ExitCode::SUCCESS {
            (whole, exit_code) = (false, status);
        }
        let file = results.path().join("results.txt");
        // If there are no results, those of the other place remain.
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
    exit_code
}

fn beside_the_build() -> PathBuf {
    let me = std::env::current_exe().expect("this program's own path");
    me.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Enters a new network namespace, after the kernel has removed the previous one.
pub fn fresh() {
    support::fresh_namespace().expect("a network namespace");
    settle();
}

/// Waits until the kernel is idle, because it removes namespaces asynchronously.
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

/// Returns the path of a file in the memory of the lab.
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

/// Adds a row of times, with the required ratios to 1.31 and to the floor.
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
