//! `ipvsadm`: arguments in, exit status out.

use ipvsadm::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::program(commands::ipvsadm)
}
