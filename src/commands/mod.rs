//! The commands: one file per verb or subcommand. This file dispatches.
//!
//! A command takes a [`Context`] and returns `Result<(), CommandError>`. [`program`] reports the error
//! and turns it into the exit status.

mod apply;
mod change;
mod context;
mod drain;
mod help;
mod hints;
mod input;
mod list;
mod netns;
mod notes;
pub mod restore;
pub mod rs_setup;
mod rules;
pub mod save;
mod settings;
mod simulation;
#[cfg(test)]
mod testing;
pub mod top;

pub use context::Context;

use crate::cli::{self, Invocation, parser};
use crate::command::Command;
use crate::error::CommandError;
use crate::exit;
use libipvs::Transport;
use std::ffi::OsString;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

/// A whole program: arguments in, exit status out.
pub fn program(
    main: impl FnOnce(&mut Context, &[Vec<u8>]) -> Result<(), CommandError>,
) -> ExitCode {
    let mut context = Context::process();
    let mut words: Vec<Vec<u8>> = std::env::args_os().skip(1).map(OsString::into_vec).collect();
    if words.iter().any(|word| word == b"--json") {
        context.ui.set_json_errors();
    }
    let result = netns::enter(&mut words).and_then(|()| main(&mut context, &words));
    match context.ui.finish(result) {
        Ok(()) => ExitCode::SUCCESS,
        Err(kind) => exit::status(kind).into(),
    }
}

/// `ipvsadm WORDS`.
pub fn ipvsadm(context: &mut Context, words: &[impl AsRef<[u8]>]) -> Result<(), CommandError> {
    let names = context.names;
    if let [first, rest @ ..] = words {
        match first.as_ref() {
            b"apply" => return apply::program(context, rest),
            b"drain" => return subcommand(context, cli::drain::parse(rest, names), drain::drain),
            b"rs-setup" => return rs_setup::program(&mut context.ui, rest),
            b"top" => return subcommand(context, cli::top::parse(rest, names), top::top),
            _ => {}
        }
    }
    classic(context, words)
}

/// A subcommand whose words have been parsed, or its help.
fn subcommand<C, T>(
    context: &mut Context<C>,
    parsed: Result<Invocation<T>, CommandError>,
    run: impl FnOnce(&mut Context<C>, &T) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    match parsed? {
        Invocation::Run(task) => run(context, &task),
        Invocation::Help(text) => {
            context.ui.write_all(text.as_bytes()).map_err(CommandError::output)
        }
    }
}

/// The classic command line: a verb and its options. Without words it is a list.
fn classic<C: Transport>(
    context: &mut Context<C>,
    words: &[impl AsRef<[u8]>],
) -> Result<(), CommandError> {
    let (command, defaults) = match words {
        [] => parser::command_and_defaults(&["-L"], context.names)?,
        words => parser::command_and_defaults(words, context.names)?,
    };
    match command {
        Command::Change(change) => change::change_with_notes(context, &change, defaults),
        command => execute(context, &command).map(|_| ()),
    }
}

/// Executes a command line, or a line of `-R`. `Break` ends `-R`.
fn execute<C: Transport>(
    context: &mut Context<C>,
    command: &Command,
) -> Result<ControlFlow<()>, CommandError> {
    match command {
        Command::Change(change) => change::change(context, change)?,
        Command::List(list) => list::list(context, list)?,
        Command::Save(save) => save::save(context, *save)?,
        Command::Restore { file } => restore::restore(context, file)?,
        Command::Help { whole } => {
            help::help(&mut context.ui, *whole)?;
            return Ok(ControlFlow::Break(()));
        }
        Command::Version => {
            help::version(&mut context.ui)?;
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[cfg(test)]
mod tests {
    use super::testing::{Fixture, unprivileged, words};
    use super::*;

    #[test]
    fn subcommands_are_dispatched() {
        let help = |line: &str| unprivileged(|context| ipvsadm(context, &words(line))).ok();
        for name in ["apply", "drain", "rs-setup", "top"] {
            let text = help(&format!("{name} --help"));
            assert!(text.contains(&format!("ipvsadm {name} ")), "{text}");
            assert!(!text.contains("--add-service"), "the help of ipvsadm: {text}");
        }
    }

    #[test]
    fn commands_without_privilege() {
        let denied = "Can't initialize ipvs: Permission denied (you must be root)\n";
        for line in [
            "",
            "-L",
            "-Lc",
            "-L --timeout",
            "-L --daemon",
            "-Sn",
            "-C",
            "-R",
            "drain -t 10.0.0.1:80 -r 10.0.0.2",
            "drain --undo -t 10.0.0.1:80 -r 10.0.0.2",
            "apply -",
        ] {
            let ran = unprivileged(|context| ipvsadm(context, &words(line)));
            assert_eq!(ran.fails(2), denied, "{line}");
        }
        let ran = unprivileged(|context| restore::program(context, &words("")));
        assert_eq!(ran.fails(2), denied);
        let ran = unprivileged(|context| save::program(context, &words("")));
        assert_eq!(ran.fails(2), denied);
    }

    #[test]
    fn bad_command_lines() {
        let fixture = Fixture::new();
        assert_eq!(fixture.line("-C extra").fails(2), "unexpected argument extra\n");
        assert_eq!(fixture.line("-L --state").fails(255), "--state: unknown option\n");
        assert!(fixture.line("foo").fails(255).starts_with("unknown command `foo'"));
        assert_eq!(fixture.changes(), 0);
        let fixture = fixture.on_terminal();
        let error = fixture.line("-L --state").fails(255);
        assert_eq!(error, "--state: unknown option\ndid you mean --stats?\n");
    }

    #[test]
    fn no_words_print_a_list() {
        let fixture = Fixture::with("-A -t 10.0.0.1:80 -s rr\n");
        assert_eq!(fixture.line("").ok(), fixture.line("-L").ok());
        assert!(fixture.line("").ok().ends_with("\nTCP  web:http rr\n"));
    }

    #[test]
    fn help_and_version_are_printed() {
        let fixture = Fixture::new();
        let version = fixture.line("-v").ok();
        assert!(version.starts_with("ipvsadm v") && version.lines().count() == 1, "{version}");
        assert!(fixture.line("--help").ok().contains("--add-service"));
        let short = fixture.line("-h").ok();
        assert!(short.contains("Examples") && !short.contains("--add-service"), "{short}");
    }

    #[test]
    fn a_full_disk_fails_every_command_that_prints() {
        let mut fixture = Fixture::with("-A -t 10.0.0.1:80\n");
        fixture.stdout_error = Some(libc::ENOSPC);
        for line in ["-L", "-Sn", "-h", "-v", "-L --timeout", "-L --json"] {
            let error = fixture.line(line).fails(1);
            assert_eq!(error, "cannot write: No space left on device\n", "{line}");
        }
        fixture.line("-D -t 10.0.0.1:80").ok();
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let mut fixture = Fixture::with("-A -t 10.0.0.1:80\n");
        fixture.stdout_error = Some(libc::EPIPE);
        for line in ["-L", "-Sn", "-h", "-v", "-L --timeout", "-L --json"] {
            assert_eq!(fixture.line(line).ok(), "", "{line}");
        }
        assert_eq!(fixture.line("-D -f 1").fails(255), "No such service\n");
    }
}
