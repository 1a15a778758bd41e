//! `ipvsadm`: arguments in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvsadm::commands::program(|run, words| run.ipvsadm(words)).into()
}
