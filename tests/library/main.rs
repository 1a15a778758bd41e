//! The library in the lab kernel: its claims about the kernel, its fake kernel, and its examples.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/random_tables.rs"]
mod random_tables;

mod examples;
mod others;
mod promises;

use libipvs::Client;
use std::net::SocketAddr;
use std::process::{Command, ExitCode};

fn connect() -> Client {
    Client::connect().expect("IPVS")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn main() -> ExitCode {
    if !support::in_lab() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--locked",
                "--quiet",
                "--package",
                "libipvs",
                "--features",
                "serde",
                "--examples",
            ])
            .current_dir(support::project())
            .status();
        if !built.is_ok_and(|status| status.success()) {
            return ExitCode::FAILURE;
        }
    }
    support::main(&[promises::TESTS, others::TESTS, examples::TESTS].concat())
}
