//! Every verb against a real kernel: in the lab (or on the host), one namespace per test.
//!
//! Expected texts are 1.31's. `IPVSADM_BIN_DIR=/usr/sbin` runs the tests with 1.31 in our place: all
//! pass then, except those that name a fault of 1.31 which ours does not repeat.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/random_tables.rs"]
mod random_tables;

#[path = "../support/schema.rs"]
mod schema;

mod apply;
mod apply_abuse;
mod drain;
mod errors;
mod examples;
mod faults;
mod grid;
mod hints;
mod json;
mod json_rules;
mod list;
mod manual;
mod misc;
mod names;
mod netns;
mod options;
mod pretty;
mod restore;
mod save;
mod settings;
mod units;
mod usage;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    let tests = [
        grid::TESTS,
        hints::TESTS,
        list::TESTS,
        json::TESTS,
        json_rules::TESTS,
        pretty::TESTS,
        options::TESTS,
        drain::TESTS,
        errors::TESTS,
        examples::TESTS,
        units::TESTS,
        usage::TESTS,
        values::TESTS,
        save::TESTS,
        settings::TESTS,
        manual::TESTS,
        restore::TESTS,
        apply::TESTS,
        apply_abuse::TESTS,
        names::TESTS,
        netns::TESTS,
        misc::TESTS,
        faults::TESTS,
    ]
    .concat();
    support::main_with(&tests, grid::PATIENT)
}
