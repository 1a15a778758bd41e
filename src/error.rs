//! The one error type of commands: a kind, a message, the rule it is about, a hint.

use crate::text::{os_error, printable};
use libipvs::table::TableError;
use serde::Serialize;
use std::fmt;
use std::io;

/// The kind of a failure. [`crate::exit`] maps it to the exit status; JSON errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A bad value, or options that do not go together.
    Usage,
    /// An unknown option, or one without its argument.
    Option,
    /// The first word is no command.
    Verb,
    /// A bad command line of `ipvsadm-save`.
    SaveUsage,
    /// A file of rules that cannot be read.
    Input,
    /// IPVS, or the network namespace, cannot be used.
    Unavailable,
    /// The caller needs a privilege.
    NotPermitted,
    /// The kernel refused a change, or the exchange with it failed.
    Refused,
    /// The table could not be read for a list or a save.
    ListFailed,
    /// The output could not be written.
    Output,
    /// The output of `apply` could not be written. Its status differs from that of a difference.
    ApplyOutput,
    /// The reader of standard output closed the pipe.
    ClosedPipe,
    /// `apply --dry-run` found changes to make.
    DifferenceFound,
    /// `drain` ended before the last connection, or `drain --undo` restored no weight.
    NotDrained,
    /// A signal ended the wait of `drain`.
    Interrupted,
    /// The state file of a command cannot be read or written.
    StateFile,
    /// `rs-setup --check` found the host not ready, or there is nothing to check.
    NotReady,
    /// `rs-setup` could not change the host.
    SetupFailed,
    /// `top` cannot use the terminal.
    Terminal,
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    pub kind: ErrorKind,
    /// The failure and the value that caused it. Empty when there is nothing to print.
    pub message: String,
    /// The rule that the error is about.
    pub place: Option<Place>,
    /// Advice, printed when stderr is a terminal.
    pub hint: Option<String>,
}

/// The rule that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its line in the file, from 1. A change that no line requests, such as a deletion, has none.
    pub line: Option<usize>,
    /// Its text, printable.
    pub rule: String,
}

impl Place {
    pub fn new(line: Option<usize>, rule: &[u8]) -> Place {
        Place { line, rule: printable(rule.trim_ascii()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "in line {line}: {}", self.rule),
            None => write!(f, "in: {}", self.rule),
        }
    }
}

impl CommandError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> CommandError {
        CommandError { kind, message: message.into(), place: None, hint: None }
    }

    /// A bad value, or options that do not go together.
    pub fn usage(message: impl Into<String>) -> CommandError {
        CommandError::new(ErrorKind::Usage, message)
    }

    /// An error that prints nothing: its message was already printed, or it has none.
    pub fn silent(kind: ErrorKind) -> CommandError {
        CommandError::new(kind, "")
    }

    /// A failed write to standard output.
    pub fn output(error: io::Error) -> CommandError {
        match error.kind() {
            io::ErrorKind::BrokenPipe => CommandError::silent(ErrorKind::ClosedPipe),
            _ => {
                let message = format!("cannot write: {}", os_error(&error));
                CommandError::new(ErrorKind::Output, message)
            }
        }
    }

    /// The same error with the rule that it is about.
    pub fn at(self, place: Place) -> CommandError {
        CommandError { place: Some(place), ..self }
    }

    /// The same error with a hint.
    pub fn hint(self, hint: impl Into<Option<String>>) -> CommandError {
        CommandError { hint: hint.into(), ..self }
    }

    /// The same error for a command that only reads the table.
    pub fn into_list_failure(self) -> CommandError {
        match self.kind {
            ErrorKind::Refused => CommandError { kind: ErrorKind::ListFailed, ..self },
            _ => self,
        }
    }

    /// Returns true for an error after which `-R` reads no further line.
    pub fn ends_restore(&self) -> bool {
        !matches!(self.kind, ErrorKind::Option | ErrorKind::Refused)
    }
}

impl From<libipvs::Error> for CommandError {
    fn from(error: libipvs::Error) -> CommandError {
        let initialize = |kind| CommandError::new(kind, format!("Can't initialize ipvs: {error}"));
        match error {
            libipvs::Error::NotPermitted => initialize(ErrorKind::NotPermitted),
            libipvs::Error::Unavailable(_) | libipvs::Error::Namespace(_) => {
                initialize(ErrorKind::Unavailable)
            }
            _ => CommandError::new(ErrorKind::Refused, error.to_string()),
        }
    }
}

/// A change that the kernel would refuse.
impl From<TableError> for CommandError {
    fn from(error: TableError) -> CommandError {
        CommandError::new(ErrorKind::Refused, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_silent() {
        let closed = CommandError::output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed, CommandError::silent(ErrorKind::ClosedPipe));
        let full = CommandError::output(io::Error::from_raw_os_error(libc::ENOSPC));
        let expected = "cannot write: No space left on device";
        assert_eq!(full, CommandError::new(ErrorKind::Output, expected));
    }

    #[test]
    fn places() {
        assert_eq!(Place::new(Some(3), b" -A \x1b ").to_string(), "in line 3: -A \\u{1b}");
        assert_eq!(Place::new(None, b"-D -f 9\n").to_string(), "in: -D -f 9");
    }

    #[test]
    fn refusals_and_unknown_options_do_not_end_restore() {
        let ends = |kind| CommandError::silent(kind).ends_restore();
        assert!(!ends(ErrorKind::Refused) && !ends(ErrorKind::Option));
        for kind in [
            ErrorKind::Usage,
            ErrorKind::Verb,
            ErrorKind::ListFailed,
            ErrorKind::NotPermitted,
            ErrorKind::Output,
            ErrorKind::ClosedPipe,
        ] {
            assert!(ends(kind), "{kind:?}");
        }
    }

    #[test]
    fn errors_of_the_library() {
        let error = CommandError::from(libipvs::Error::NotPermitted);
        let expected = "Can't initialize ipvs: Permission denied (you must be root)";
        assert_eq!(error, CommandError::new(ErrorKind::NotPermitted, expected));
        assert_eq!(error.clone().into_list_failure(), error);
        let namespace = libipvs::Error::Namespace(io::Error::from_raw_os_error(libc::ENOENT));
        let error = CommandError::from(namespace);
        let expected = "Can't initialize ipvs: \
                        cannot enter the network namespace: No such file or directory";
        assert_eq!(error, CommandError::new(ErrorKind::Unavailable, expected));
        let error = CommandError::from(TableError::NoSuchService);
        assert_eq!(error, CommandError::new(ErrorKind::Refused, "No such service"));
        let listed = CommandError::new(ErrorKind::ListFailed, "No such service");
        assert_eq!(error.into_list_failure(), listed);
    }
}
