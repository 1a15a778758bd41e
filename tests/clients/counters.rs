//! Counters larger than the traffic of a test can produce: a shim between kernel and program inserts them.

use crate::lab::{Place, assert_same, privately};
use crate::support::{Ran, Test, oracle_program, oracle_with, program, project, sh};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const TESTS: &[Test] = &[
    ("counters_of_services", || privately(services)),
    ("counters_of_servers", || privately(servers)),
    ("counters_of_servers_beyond_32_bits", || privately(servers_beyond_32_bits)),
];

/// Returns every number where a suffix could change, and its neighbours.
pub fn borders() -> Vec<u64> {
    let mut all = vec![0, 1, u64::MAX, u64::MAX - 1, u64::MAX / 2, 1 << 63];
    for power in 3..=19 {
        let ten = 10u64.pow(power);
        all.extend([ten - 1, ten, ten + 1, ten / 2 * 3]);
    }
    for power in [10, 20, 30, 31, 32, 33, 40, 50, 60] {
        let two = 1u64 << power;
        all.extend([two - 1, two, two + 1]);
    }
    all
}

pub struct Shim(PathBuf);

impl Shim {
    #[track_caller]
    pub fn build(place: &Path) -> Shim {
        let shim = place.join("counters.so");
        let source = project().join("tests/clients/counters.c");
        sh(&format!(
            "cc -Wall -Werror -O1 -shared -fPIC -o {} {}",
            shim.display(),
            source.display()
        ));
        Shim(shim)
    }

    /// Runs `program` with the words of `line`, and with `counters` in every answer of the kernel.
    #[track_caller]
    pub fn run(&self, program: &Path, line: &str, counters: &[u64]) -> Ran {
        let counters: Vec<String> = counters.iter().map(u64::to_string).collect();
        Command::new(program)
            .args(line.split_whitespace())
            .env("LD_PRELOAD", &self.0)
            .env("COUNTERS", counters.join(","))
            .output()
            .unwrap_or_else(|e| panic!("cannot start {program:?}: {e}"))
            .into()
    }
}

/// Returns rules for ports 1 to `ports`. With as many ports as numbers, each column of a service and
/// of a server shows every number once.
fn table(ports: usize, with_servers: bool) -> String {
    let mut rules = String::new();
    for port in 1..=ports {
        rules += &format!("-A -t 10.0.0.100:{port}\n");
        if with_servers {
            rules += &format!("-a -t 10.0.0.100:{port} -r 10.0.0.11:{port} -g\n");
        }
    }
    rules += "-A -f 7\n-A -t [fd00::100]:80\n";
    if with_servers {
        rules += "-a -t [fd00::100]:80 -r [fd00::11]:80\n";
    }
    rules
}

/// Checks that both programs print the same `lists` with `counters`, each with its word.
#[track_caller]
fn compare(place: &Place, counters: &[u64], with_servers: bool, lists: &[(&str, &str)]) {
    let shim = Shim::build(place.path());
    oracle_with("-R", &table(counters.len(), with_servers)).ok();
    for &(list, word) in lists {
        let theirs = shim.run(&oracle_program("ipvsadm"), list, counters);
        let ours = shim.run(&program("ipvsadm"), list, counters);
        // The shim inserted the numbers.
        assert!(
            theirs.out.split_whitespace().any(|w| w.ends_with(word)),
            "{list}: no {word} in\n{}",
            theirs.out
        );
        assert_same(list, &ours, &theirs);
    }
}

fn services(place: &Place) {
    compare(
        place,
        &borders(),
        false,
        &[
            ("-Ln --stats", "18446744T"),
            ("-Ln --stats --exact", "18446744073709551615"),
            ("-Ln --rate", "18446744T"),
            ("-Ln --rate --exact", "18446744073709551615"),
            ("-Ln --rate -X", "99999999999999"),
            ("-Ln --stats -t 10.0.0.100:37", "99999M"),
        ],
    );
}

fn servers(place: &Place) {
    let small: Vec<u64> = borders().into_iter().filter(|n| *n < 1 << 32).collect();
    compare(
        place,
        &small,
        true,
        &[
            ("-Ln --stats", "4294M"),
            ("-Ln --stats --exact", "4294967295"),
            ("-Ln --rate", "4294M"),
            ("-Ln --rate --exact", "4294967295"),
            ("-Ln", "4294967295"),
            ("-Ln --exact", "4294967295"),
            ("-Ln --persistent-conn", "4294967295"),
            ("-Ln --persistent-conn --exact", "4294967295"),
            ("-Ln --thresholds", "4294967295"),
        ],
    );
}

/// 1.31 truncates connections and packets of servers, but not of services, to 32 bits. Ours shows a
/// server's counters as both programs show a service's.
fn servers_beyond_32_bits(place: &Place) {
    let shim = Shim::build(place.path());
    oracle_with("-R", "-A -t 10.0.0.100:1\n-a -t 10.0.0.100:1 -r 10.0.0.11:1 -g\n").ok();
    let counters = |ran: Ran, mark: &str| -> Vec<String> {
        let out = ran.ok();
        let row = out
            .lines()
            .find(|row| row.starts_with(mark) && row.len() > 33)
            .unwrap_or_else(|| panic!("{out}"));
        row.as_bytes()[33..].chunks(9).map(|c| String::from_utf8_lossy(c).into_owned()).collect()
    };
    for number in [1 << 32, 99_999_999_999, 100_000_000_000, 100_000_000_000_000, u64::MAX] {
        let theirs = shim.run(&oracle_program("ipvsadm"), "-Ln --stats", &[number]);
        let ours = shim.run(&program("ipvsadm"), "-Ln --stats", &[number]);
        let expected = counters(theirs.clone(), "TCP");
        assert_eq!(counters(ours.clone(), "TCP"), expected, "{number}");
        assert_eq!(counters(ours, "  ->"), expected, "{number}");
        assert_ne!(counters(theirs, "  ->"), expected, "{number}: 1.31 has been fixed");
    }
}
