//! The command line: words, from argv or from a line of `-R`, parsed to a typed command.
//!
//! The classic grammar is ours: [`lexer`] turns words into options as popt does, [`parser`] applies
//! each by its row in [`options`] to a [`draft`], [`validation`] makes a [`Command`] of the draft.
//! The subcommands ([`apply`], [`drain`], [`rs_setup`], [`top`]) and [`restore`] are parsed by clap.
//!
//! [`Command`]: crate::command::Command

pub mod apply;
mod draft;
pub mod drain;
pub mod help;
pub mod lexer;
pub mod options;
pub mod parser;
pub mod restore;
mod row;
pub mod rs_setup;
pub mod suggestions;
#[cfg(test)]
mod tests;
pub mod top;
mod validation;
mod value;

use crate::error::CommandError;
use crate::text::printable;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// A parsed subcommand: run it, or print its help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation<T> {
    Help(String),
    Run(T),
}

/// Parses the words of a subcommand with clap; `convert` makes the typed task of the matches.
fn parse<T>(
    command: clap::Command,
    words: &[impl AsRef<[u8]>],
    convert: impl FnOnce(&ArgMatches) -> Result<T, CommandError>,
) -> Result<Invocation<T>, CommandError> {
    let name = command.get_name().to_string();
    let words = words.iter().map(|word| OsString::from_vec(word.as_ref().to_vec()));
    let words = std::iter::once(OsString::from(&name)).chain(words);
    match command.try_get_matches_from(words) {
        Ok(matches) => convert(&matches).map(Invocation::Run),
        Err(e) if e.kind() == ErrorKind::DisplayHelp => Ok(Invocation::Help(e.to_string())),
        Err(e) => {
            let message = format!("{name}: {}", one_line(&e));
            Err(CommandError::usage(message).hint(suggestions::argument(&e)))
        }
    }
}

/// An option of a subcommand without a value.
fn flag(long: &'static str, help: &'static str) -> Arg {
    Arg::new(long).long(long).help(help).action(ArgAction::SetTrue)
}

/// Returns the first paragraph of clap's error on one printable line, without its label.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    printable(first.lines().map(str::trim).collect::<Vec<_>>().join(" ").as_bytes())
}
