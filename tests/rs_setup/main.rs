//! `ipvsadm rs-setup` in the lab kernel: packets that really flow, hosts given back as they were,
//! and what happens when something goes wrong half-way.

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
