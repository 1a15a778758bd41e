//! Loading, listing and saving whole tables, and the growth of the time of a load.

use crate::process::{self, Player, done, median};
use crate::report::Row;
use crate::{Bench, file, fresh, number, time_row};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Services, real servers of each, and true if ratios to 1.31 and to the floor are required.
const TABLES: [(usize, usize, bool); 4] =
    [(1_000, 9, true), (10_000, 4, true), (1, 1_000, false), (50_000, 0, false)];

/// Returns lines for -R with this many services and real servers of each.
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

/// Writes the lines of [`rules`] to a file.
pub fn rules_file(services: usize, servers: usize) -> PathBuf {
    let path = file(&format!("rules-{services}x{servers}"));
    std::fs::write(&path, rules(services, servers)).expect("the rules");
    path
}

fn size(bench: &Bench, (services, servers): (usize, usize)) -> (usize, usize) {
    match services {
        1 => (1, bench.sized(servers)),
        _ => (bench.sized(services), servers),
    }
}

/// Loads rules into a new network namespace and returns the seconds.
fn load(player: Player, rules: &Path) -> f64 {
    fresh();
    match player {
        Player::Start => process::start(),
        Player::Floor => process::floor("load", rules),
        _ => done(player, "-R", rules).seconds,
    }
}

/// Checks that the kernel accepted every rule.
fn assert_loaded(rules: &Path) {
    let lines = |text: std::io::Result<String>| text.expect("a readable file").lines().count();
    let table = lines(std::fs::read_to_string("/proc/net/ip_vs"));
    assert_eq!(table, 3 + lines(std::fs::read_to_string(rules)), "an incomplete table");
}

fn dimensions(services: usize, servers: usize) -> String {
    format!("{} x {}", number(services), number(servers))
}

pub fn loads(bench: &mut Bench) {
    for (services, servers, required) in TABLES {
        let (services, servers) = size(bench, (services, servers));
        let rules = rules_file(services, servers);
        let times = bench.compare(required, 1, |player| {
            let seconds = load(player, &rules);
            if player != Player::Start {
                assert_loaded(&rules);
            }
            seconds
        });
        let (faster, floor) = if required { (100.0, 3.0) } else { (0.0, 0.0) };
        time_row(bench, format!("load {}", dimensions(services, servers)), times, faster, floor);
        let [classic, ours] = Player::PROGRAMS.map(|player| {
            // The memory of 1.31 does not depend on the length of the file.
            let short = rules_file(services.min(10), servers.min(10));
            fresh();
            done(player, "-R", if player == Player::Classic { &short } else { &rules }).peak
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
    for (services, servers, required) in TABLES {
        let (services, servers) = size(bench, (services, servers));
        let rules = rules_file(services, servers);
        load(Player::Ours, &rules);
        assert_loaded(&rules);
        let texts = Player::PROGRAMS.map(|player| {
            done(player, args, process::nothing());
            std::fs::read(process::out()).expect("a list")
        });
        assert!(texts[0] == texts[1], "{args} of {services} x {servers} differs from 1.31's");
        drop(texts);
        let mut peaks = [0.0; 4];
        let times = bench.compare(required, if required { 3 } else { 1 }, |player| match player {
            Player::Start => process::start(),
            Player::Floor => process::floor("list", &rules),
            _ => {
                let sample = done(player, args, process::nothing());
                peaks[player as usize] = sample.peak;
                sample.seconds
            }
        });
        let (faster, floor) = if required { (5.0, 1.3) } else { (0.0, 0.0) };
        time_row(bench, format!("{name} {}", dimensions(services, servers)), times, faster, floor);
        bench.report.rows.push(Row::memory("  its peak memory", peaks[0], peaks[1]));
        let _ = std::fs::remove_file(rules);
    }
}

/// Loads growing numbers of rules; with 1.31 only as many as take a bearable time.
pub fn growth(bench: &mut Bench) {
    let sizes = [10_000, 20_000, 50_000, 100_000].map(|rules| bench.sized(rules));
    let mut lines =
        String::from("# rules  1.31  ours  floor (seconds; without the start of the process)\n");
    let mut each = Vec::new();
    for size in sizes {
        let rules = rules_file(size / 10, 9);
        let classic = (size <= sizes[2]).then(|| load(Player::Classic, &rules));
        let mut times = [vec![], vec![], vec![]];
        for _ in 0..bench.rounds() {
            for (player, times) in
                [Player::Ours, Player::Start, Player::Floor].into_iter().zip(&mut times)
            {
                times.push(load(player, &rules));
            }
        }
        let [ours, start, floor] = times.map(median);
        let ours = ours - start;
        let classic_text = classic.map_or("?".to_string(), |seconds| seconds.to_string());
        let _ = writeln!(lines, "{size} {classic_text} {ours} {floor}");
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
