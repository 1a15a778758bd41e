//! `ipvsadm-save`: the table to a file, or to standard output.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvsadm::commands::program(|run, words| run.save_program(words)).into()
}
