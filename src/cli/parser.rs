//! The classic grammar: words parsed to a command.
//!
//! Options are applied in order, each value parsed as it comes, so that the first of several mistakes
//! is reported. Only [`Names`] are looked up; the system is asked for nothing else.

use super::draft::Draft;
use super::lexer::Lexer;
use super::options::OptionRow;
use super::suggestions;
use crate::command::{Command, Defaults};
use crate::error::{CommandError, ErrorKind};
use crate::names::Names;
use crate::text::printable;

/// Parses the words of a command line, or of a line of `-R`.
pub fn command<W: AsRef<[u8]>>(words: &[W], names: &dyn Names) -> Result<Command, CommandError> {
    Ok(command_and_defaults(words, names)?.0)
}

/// Parses the words of a command line, and returns what they left to defaults.
pub fn command_and_defaults<W: AsRef<[u8]>>(
    words: &[W],
    names: &dyn Names,
) -> Result<(Command, Defaults), CommandError> {
    let mut lexer = Lexer::new(words);
    // Without a valid first option the line has no command at all.
    let first = lexer.option().map_err(|e| no_command(&e.message).hint(e.hint))?;
    let Some((row @ OptionRow { verb: Some(verb), .. }, value)) = first else {
        let word = words.first().map_or(&b""[..], AsRef::as_ref);
        let message = format!("unknown command `{}'", printable(word));
        return Err(no_command(&message).hint(suggestions::command(word)));
    };
    let mut draft = Draft::new(names);
    draft.is_long = lexer.word().starts_with(b"--");
    row.apply(&mut draft, value)?;
    if verb.ignores_rest {
        return Ok(((verb.command)(draft)?, Defaults::default()));
    }
    let mut illegal = None;
    while let Some((option, value)) = lexer.option()? {
        if option.verb.is_some() {
            let error =
                CommandError::usage(format!("invalid option `{}'", printable(lexer.word())));
            let is_help = matches!(option.long, "help" | "version");
            let hint = is_help.then(|| format!("did you mean ipvsadm --{}?", option.long));
            return Err(error.hint(hint));
        }
        if !option.unchecked {
            draft.record(option.name)?;
            if !option.verbs.contains(&row.long) {
                illegal = illegal.or(Some(option.name));
            }
        }
        option.apply(&mut draft, value)?;
    }
    let mut operands = lexer.arguments().into_iter();
    (verb.operands)(&mut draft, &mut operands)?;
    if let Some(word) = operands.next() {
        return Err(CommandError::usage(format!("unexpected argument {}", printable(word))));
    }
    draft.check_options(row.name, verb.requires, illegal)?;
    let defaults = draft.defaults();
    Ok(((verb.command)(draft)?, defaults))
}

fn no_command(reason: &str) -> CommandError {
    let text = format!("{reason}\nTry `ipvsadm -h' or 'ipvsadm --help' for more information.");
    CommandError::new(ErrorKind::Verb, text)
}
