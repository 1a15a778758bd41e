//! Whole tables: loading, listing and saving them, and how a load grows.

use crate::process::{self, Who, done, median};
use crate::report::Row;
use crate::{Bench, file, fresh, number, time_row};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Services, servers of each, and what is demanded of loads: against 1.31, against the floor.
const TABLES: [(usize, usize, bool); 4] =
    [(1_000, 9, true), (10_000, 4, true), (1, 1_000, false), (50_000, 0, false)];

/// Lines for -R: so many services of so many servers each.
pub fn rules(services: usize, servers: usize) -> String {
    let mut text = String::new();
    for s in 0..services {
        let service = Ipv4Addr::from_bits(0x0a00_0001 + s as u32);
        let _ = writeln!(text, "-A -t {service}:80 -s rr");
        for d in 0..servers {
            let server = Ipv4Addr::from_bits(0xac10_0001 + (s * servers + d) as u32);
            let _ = writeln!(text, "-a -t {service}:80 -r {server}:8080 -m -w 1");
        }
    }
    text
}

/// The same in a file.
pub fn rules_file(services: usize, servers: usize) -> PathBuf {
    let path = file(&format!("rules-{services}x{servers}"));
    std::fs::write(&path, rules(services, servers)).expect("the rules");
    path
}

fn shape(bench: &Bench, (services, servers): (usize, usize)) -> (usize, usize) {
    match services {
        1 => (1, bench.sized(servers)),
        _ => (bench.sized(services), servers),
    }
}

/// One load into an empty namespace, in seconds.
fn load(who: Who, rules: &Path) -> f64 {
    fresh();
    match who {
        Who::Start => process::start(),
        Who::Floor => process::floor("load", rules),
        _ => done(who, "-R", rules).seconds,
    }
}

/// Every rule must have been taken.
fn loaded(rules: &Path) {
    let lines = |text: std::io::Result<String>| text.expect("a readable file").lines().count();
    let table = lines(std::fs::read_to_string("/proc/net/ip_vs"));
    assert_eq!(table, 3 + lines(std::fs::read_to_string(rules)), "a table that is not whole");
}

fn named(services: usize, servers: usize) -> String {
    format!("{} x {}", number(services), number(servers))
}

pub fn loads(bench: &mut Bench) {
    for (services, servers, demanded) in TABLES {
        let (services, servers) = shape(bench, (services, servers));
        let rules = rules_file(services, servers);
        let times = bench.compare(demanded, 1, |who| {
            let seconds = load(who, &rules);
            if who != Who::Start {
                loaded(&rules);
            }
            seconds
        });
        let (faster, floor) = if demanded { (100.0, 3.0) } else { (0.0, 0.0) };
        time_row(bench, format!("load {}", named(services, servers)), times, faster, floor);
        let [classic, ours] = Who::PROGRAMS.map(|who| {
            // 1.31 holds no more for a long file than for a short one.
            let short = rules_file(services.min(10), servers.min(10));
            fresh();
            done(who, "-R", if who == Who::Classic { &short } else { &rules }).peak
        });
        bench.report.rows.push(Row::memory("  its peak memory", classic, ours));
        let _ = std::fs::remove_file(rules);
    }
}

pub fn lists(bench: &mut Bench) {
    reads(bench, "-Ln", "list -Ln");
}

pub fn saves(bench: &mut Bench) {
    reads(bench, "-S -n", "save -S -n");
}

fn reads(bench: &mut Bench, args: &str, name: &str) {
    for (services, servers, demanded) in TABLES {
        let (services, servers) = shape(bench, (services, servers));
        let rules = rules_file(services, servers);
        load(Who::Ours, &rules);
        loaded(&rules);
        let texts = Who::PROGRAMS.map(|who| {
            done(who, args, process::nothing());
            std::fs::read(process::out()).expect("a list")
        });
        assert!(texts[0] == texts[1], "{args} of {services} x {servers} differs from 1.31's");
        drop(texts);
        let mut peaks = [0.0; 4];
        let times = bench.compare(demanded, if demanded { 3 } else { 1 }, |who| match who {
            Who::Start => process::start(),
            Who::Floor => process::floor("list", &rules),
            _ => {
                let sample = done(who, args, process::nothing());
                peaks[who as usize] = sample.peak;
                sample.seconds
            }
        });
        let (faster, floor) = if demanded { (5.0, 1.3) } else { (0.0, 0.0) };
        time_row(bench, format!("{name} {}", named(services, servers)), times, faster, floor);
        bench.report.rows.push(Row::memory("  its peak memory", peaks[0], peaks[1]));
        let _ = std::fs::remove_file(rules);
    }
}

/// Loads of more and more rules; 1.31 up to what can be borne.
pub fn growth(bench: &mut Bench) {
    let sizes = [10_000, 20_000, 50_000, 100_000].map(|rules| bench.sized(rules));
    let mut lines = String::from("# rules  1.31  ours  floor (seconds; process start taken off)\n");
    let mut each = Vec::new();
    for size in sizes {
        let rules = rules_file(size / 10, 9);
        let classic = (size <= sizes[2]).then(|| load(Who::Classic, &rules));
        let mut times = [vec![], vec![], vec![]];
        for _ in 0..bench.rounds() {
            for (who, times) in [Who::Ours, Who::Start, Who::Floor].into_iter().zip(&mut times) {
                times.push(load(who, &rules));
            }
        }
        let [ours, start, floor] = times.map(median);
        let ours = ours - start;
        let bearable = classic.map_or("?".to_string(), |seconds| seconds.to_string());
        let _ = writeln!(lines, "{size} {bearable} {ours} {floor}");
        bench.report.rows.push(
            Row::time(format!("load {} rules (growth)", number(size)), classic, ours)
                .floor(floor, ours / floor),
        );
        each.push([ours, floor].map(|seconds| seconds / size as f64));
        let _ = std::fs::remove_file(rules);
    }
    let last = each.len() - 1;
    let [ours, floor] = [0, 1].map(|n| each[last][n] / each[0][n]);
    let work = format!("time per rule, {} against {}", number(sizes[last]), number(sizes[0]));
    bench.report.rows.push(Row::plain(work, None, ours).floor(floor, ours / floor).at_most(1.0));
    std::fs::write("/results/growth.dat", lines).expect("the figures of the plot");
}
