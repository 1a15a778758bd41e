//! `ipvsadm-save`: saves the table as rules to a file or to standard output.

use ipvsadm::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::program(commands::save::program)
}
