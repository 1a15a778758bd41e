//! `ipvsadm`: the arguments in, the exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipvsadm::run::program(|run, words| run.ipvsadm(words))
}
