//! `ipvsadm top` on a terminal, in the lab kernel: its screen, the restored terminal, its cost, and the
//! pictures in docs/ (`make screenshots`).

#[allow(dead_code)]
#[path = "../clients/lab.rs"]
mod lab;
#[path = "../support/mod.rs"]
mod support;

mod cost;
mod leaving;
mod pictures;
mod rates;
mod showing;
mod tty;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if std::env::var_os("TOP_PICTURES").is_none() {
        return support::main(
            &[leaving::TESTS, showing::TESTS, rates::TESTS, cost::TESTS].concat(),
        );
    }
    if !support::in_lab() {
        let docs = support::project().join("docs").display().to_string();
        return support::run_in_lab(
            &["--time", "900", "--results", &docs],
            std::env::args().skip(1),
        );
    }
    support::main(pictures::TESTS)
}

/// Runs `ipvsadm top WORDS` on a terminal.
#[track_caller]
fn top(words: &str, size: (u16, u16)) -> tty::Tty {
    tty::Tty::start(command(words), size)
}

fn command(words: &str) -> Command {
    let mut command = Command::new(support::program("ipvsadm"));
    command.arg("top").args(words.split_whitespace());
    command
}
