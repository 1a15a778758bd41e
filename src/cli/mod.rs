//! The classic grammar: words, from argv or from a line of `-R`, to a typed [`Command`].
//!
//! [`options`] is the one table of what can be said, [`lexer`] turns words into options as popt
//! would, [`parser`] knows what goes together and makes the command. The words of
//! the subcommands are clap's ([`apply`], [`drain`], `top`).
//!
//! [`Command`]: crate::command::Command

pub mod apply;
pub mod drain;
pub mod help;
pub mod lexer;
pub mod options;
pub mod parser;
pub mod rs_setup;
pub mod top;
mod validation;
mod value;

use crate::error::CommandError;
use crate::text::printable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What the words of a subcommand ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    Help(String),
    For(T),
}

/// Read the words of a subcommand.
fn read(
    command: clap::Command,
    words: &[impl AsRef<[u8]>],
) -> Result<Asked<clap::ArgMatches>, CommandError> {
    let name = command.get_name().to_string();
    let words = words.iter().map(|word| OsString::from_vec(word.as_ref().to_vec()));
    let words = std::iter::once(OsString::from(&name)).chain(words);
    let known = command.clone();
    match command.try_get_matches_from(words) {
        Ok(matches) => Ok(Asked::For(matches)),
        Err(e) if e.kind() == ErrorKind::DisplayHelp => Ok(Asked::Help(e.to_string())),
        Err(e) => {
            let hint = suggestion(&e, known);
            Err(CommandError::usage(format!("{name}: {}", one_line(&e))).hint(hint))
        }
    }
}

/// What may have been meant by an option that clap does not know; `known` is what it does.
pub fn suggestion(error: &clap::Error, known: clap::Command) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let longs = known.get_arguments().filter(|arg| !arg.is_hide_set());
    let longs = longs.filter_map(|arg| arg.get_long()).chain(["help"]);
    near(word.strip_prefix("--")?, longs).map(|long| format!("did you mean --{long}?"))
}

/// The word that is most like another, if any is.
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A slip or two of the finger, or a beginning.
    let slips = |known: &str| strsim::osa_distance(word, known);
    let like = |known: &&str| {
        slips(known) <= known.len().div_ceil(3) || strsim::jaro_winkler(word, known) > 0.85
    };
    known.filter(like).min_by_key(|known| slips(known))
}

/// Of what clap says, the first paragraph: without its label, on one line, as it may go to a terminal.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    printable(first.lines().map(str::trim).collect::<Vec<_>>().join(" ").as_bytes())
}
