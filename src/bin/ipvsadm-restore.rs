//! `ipvsadm-restore`: replaces the table by the rules of a file or of standard input.

use ipvsadm::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::program(commands::restore::program)
}
