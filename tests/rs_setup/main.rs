//! `ipvsadm rs-setup` in the lab kernel: packets that flow, hosts restored to their previous state, and
//! set-ups that fail or are interrupted.

#[path = "../support/mod.rs"]
mod support;

mod director;
mod flows;
mod host;
mod interrupted;
mod persist;
mod refusals;
mod state;

use std::process::ExitCode;
use support::Test;

fn main() -> ExitCode {
    let groups: [&[Test]; 6] = [
        state::TESTS,
        director::TESTS,
        interrupted::TESTS,
        refusals::TESTS,
        persist::TESTS,
        flows::TESTS,
    ];
    support::main(&groups.concat())
}
