//! Two directors with keepalived: the active one fails, and connections survive. lab/failover measures it.

use crate::support::{Ran, Test, program, project, run};

pub const TESTS: &[Test] = &[
    ("failover::connections_survive", connections_survive),
    ("failover::directors_that_are_real_servers_do_not_loop", no_loop),
    ("failover::one_command_sets_up_many_servers", many_servers),
];

/// Runs a part of lab/failover, with a prefix for its namespaces, and returns its figures.
#[track_caller]
fn part(name: &str) -> String {
    let words = [
        format!("IPVSADM={}", program("ipvsadm").display()),
        format!("NETWORK=f{}-", std::process::id()),
        "HOSTS=4".to_string(),
        project().join("lab/failover").display().to_string(),
        name.to_string(),
    ];
    let Ran { status, out, err } = run("env", &words, b"");
    assert_eq!(status, 0, "{out}{err}");
    println!("{out}");
    out
}

/// Sets up two directors, and then many, by the commands of docs/growing.md.
fn connections_survive() {
    let out = part("page");
    let words: Vec<&str> = out.split_whitespace().collect();
    let counts = words.windows(3).filter(|w| w[1] == "of" && w[2] == "100");
    let survive: Vec<u32> = counts.map(|w| w[0].parse().expect("a number")).collect();
    assert!(survive.len() == 2 && survive.iter().all(|count| (99..=100).contains(count)), "{out}");
}

fn no_loop() {
    let out = part("loop");
    assert_eq!(out.lines().filter(|line| line.contains("20 of 20")).count(), 5, "{out}");
    assert_eq!(out.lines().filter(|line| line.ends_with("warns")).count(), 1, "{out}");
}

fn many_servers() {
    assert_eq!(part("hosts").matches(" 4 ready,  0 not").count(), 2);
}
