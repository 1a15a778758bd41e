//! `ipvsadm-restore`: the table from standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvsadm::run::program(|run, _| run.restore_program())
}
