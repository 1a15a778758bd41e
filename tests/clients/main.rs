//! The programs that run ipvsadm, for real where Debian has them, and else their command lines and parsers:
//! none of them may notice which ipvsadm it runs.

#[path = "../support/mod.rs"]
mod support;

mod agents;
mod apply;
mod counters;
mod failover;
mod feeders;
mod init_script;
mod keepalived;
mod lab;
mod ldirectord;
mod listing;
mod monitors;
mod spellings;
mod traffic;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if !support::in_lab() {
        let packages = support::project().join("lab/packages");
        let there = Command::new(packages).arg("clients").status();
        if !there.is_ok_and(|s| s.success()) {
            return ExitCode::FAILURE;
        }
    }
    let tests = [
        ldirectord::TESTS,
        init_script::TESTS,
        keepalived::TESTS,
        counters::TESTS,
        agents::TESTS,
        monitors::TESTS,
        listing::TESTS,
        feeders::TESTS,
        spellings::TESTS,
        traffic::TESTS,
        apply::TESTS,
        failover::TESTS,
    ]
    .concat();
    support::main(&tests)
}
