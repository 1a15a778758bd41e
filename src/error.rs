//! Why a command failed: a kind, a message, a hint.

use crate::text::os_error;
use std::io;

/// The kind of a failure. [`crate::exit`] maps it to the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A bad value, or options that do not go together.
    Usage,
    /// An unknown option, or one without its argument. `-R` continues with the next line.
    Option,
    /// The first word is no command. It ends `-R`.
    Verb,
    /// The output could not be written.
    Output,
    /// The reader of standard output closed the pipe.
    ClosedPipe,
    /// `rs-setup --check` found the host not ready, or there is nothing to check.
    NotReady,
    /// `rs-setup` could not change the host.
    SetupFailed,
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    pub kind: ErrorKind,
    /// What failed, on which value.
    pub message: String,
    /// What to do instead. It is printed when stderr is a terminal.
    pub hint: Option<String>,
}

impl CommandError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> CommandError {
        CommandError { kind, message: message.into(), hint: None }
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

    /// The same error with a hint.
    pub fn hint(self, hint: impl Into<Option<String>>) -> CommandError {
        CommandError { hint: hint.into(), ..self }
    }

    /// Returns true for an error after which `-R` reads no further line.
    pub fn ends_restore(&self) -> bool {
        match self.kind {
            ErrorKind::Usage | ErrorKind::Verb => true,
            ErrorKind::Option => false,
            ErrorKind::Output
            | ErrorKind::ClosedPipe
            | ErrorKind::NotReady
            | ErrorKind::SetupFailed => true,
        }
    }
}
