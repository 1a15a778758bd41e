//! `ipvsadm-restore`: the table from a file, or from standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvsadm::commands::program(|run, words| run.restore_program(words)).into()
}
