//! Programs that run ipvsadm: the real ones where Debian has them, otherwise their command lines and
//! parsers. They must work the same with our ipvsadm as with 1.31.

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
        let packages =
            Command::new(support::project().join("lab/packages")).arg("clients").status();
        if !packages.is_ok_and(|s| s.success()) {
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
