//! A command meets the kernel and the view. (`top`, which goes on by itself, has a loop of its own.)
//!
//! Standard output goes through one buffer, standard error is written at once; each command has
//! the exit status that 1.31 gives it.

use crate::cli::{self, Asked, help, parser};
use crate::command::Command;
use crate::error::{CommandError, ErrorKind};
use crate::exit;
use crate::host::netns;
use crate::names::{self, Names};
use libipvs::Client;
use libipvs::Error;
use libipvs::connections;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStringExt;

mod apply;
mod drain;
mod file;
mod held;
mod hints;
mod list;
mod restore;
pub mod rs_setup;
mod rules;
mod save;
pub mod top;

/// Exit statuses. 1.31 has no others.
pub mod status {
    pub const DONE: u8 = 0;
    /// A list failed.
    pub const LIST: u8 = 1;
    /// A bad value or combination, no IPVS, no privilege.
    pub const USAGE: u8 = 2;
    /// The kernel refused, or the option parser did.
    pub const REFUSED: u8 = 255;
}

/// Bytes that are written at a time.
const OUT: usize = 32 * 1024;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Ipvs(#[from] Error),
    /// Standard output takes nothing.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The kernel's file of connections cannot be read.
    #[error("cannot read {}: {}", connections::PATH, text(.0))]
    Connections(io::Error),
}

/// Carries commands out.
pub struct Run<'n, R, O, E> {
    names: &'n dyn Names,
    client: Option<Client>,
    /// What -R reads, until it is read.
    input: Option<R>,
    out: O,
    /// Whether it has been said that `out` takes nothing.
    unwritable: bool,
    err: E,
    /// A person reads `err`, as it is written.
    watched: bool,
}

/// A run over the process's own standard streams.
pub type Standard = Run<
    'static,
    io::StdinLock<'static>,
    io::BufWriter<io::StdoutLock<'static>>,
    io::StderrLock<'static>,
>;

/// A whole program: arguments in, exit status out.
pub fn program(main: impl FnOnce(&mut Standard, &[Vec<u8>]) -> u8) -> u8 {
    let mut words: Vec<Vec<u8>> = std::env::args_os().skip(1).map(OsString::into_vec).collect();
    let out = io::BufWriter::with_capacity(OUT, io::stdout().lock());
    let mut run = Run::new(&names::System, io::stdin().lock(), out, io::stderr().lock());
    run.watched = io::stderr().is_terminal();
    match netns::enter(&mut words) {
        Ok(()) => main(&mut run, &words),
        Err(error) => run.misused(&error),
    }
}

/// What comes after a command.
enum Next {
    /// The next one, with this status so far.
    Go(u8),
    /// Nothing more.
    Stop(u8),
}

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    pub fn new(names: &'n dyn Names, input: R, out: O, err: E) -> Run<'n, R, O, E> {
        Run { names, client: None, input: Some(input), out, unwritable: false, err, watched: false }
    }

    /// `ipvsadm WORDS`: its exit status.
    pub fn ipvsadm(&mut self, words: &[impl AsRef<[u8]>]) -> u8 {
        if let [first, rest @ ..] = words {
            let names = self.names;
            match first.as_ref() {
                b"apply" => return self.apply_program(rest),
                b"drain" => return self.subcommand(cli::drain::asked(rest, names), Self::drain),
                b"rs-setup" => return self.rs_setup_program(rest),
                b"top" => return self.subcommand(cli::top::asked(rest, names), Self::top),
                _ => {}
            }
        }
        let command = match words {
            [] => parser::command(&["-L"], self.names),
            words => parser::command(words, self.names),
        };
        let status = match command {
            Ok(Command::Restore { file }) => match self.client().and_then(Client::info) {
                Ok(_) => self.restore(&file),
                Err(e) => self.failed(&e, status::USAGE),
            },
            Ok(command) => match self.carry_out(command) {
                Next::Go(status) | Next::Stop(status) => status,
            },
            Err(error) => self.misused(&error),
        };
        self.finish(status)
    }

    /// `ipvsadm SUBCOMMAND WORDS`: its exit status.
    fn subcommand<T>(
        &mut self,
        asked: Result<Asked<T>, CommandError>,
        carry_out: impl FnOnce(&mut Self, &T) -> u8,
    ) -> u8 {
        let status = self.asked(asked, carry_out);
        self.finish(status)
    }

    /// What words ask for, or their help, or what is wrong with them; the status before the end.
    fn asked<T>(
        &mut self,
        asked: Result<Asked<T>, CommandError>,
        carry_out: impl FnOnce(&mut Self, &T) -> u8,
    ) -> u8 {
        match asked {
            Ok(Asked::For(task)) => carry_out(self, &task),
            Ok(Asked::Help(text)) => {
                let written = write!(self.out, "{text}");
                self.written(written, status::DONE, status::LIST)
            }
            Err(error) => self.misused(&error),
        }
    }

    /// `ipvsadm rs-setup WORDS`: its exit status.
    fn rs_setup_program(&mut self, words: &[impl AsRef<[u8]>]) -> u8 {
        let mut notes = Vec::new();
        let result = rs_setup::program(words, &mut self.out, &mut notes);
        notes.iter().for_each(|note| self.complain(note));
        let status = match result {
            Ok(()) => status::DONE,
            Err(error) if error.message.is_empty() => exit::status(error.kind),
            Err(error) => {
                self.unwritable = error.kind == ErrorKind::Output;
                self.misused(&error)
            }
        };
        self.finish(status)
    }

    /// One command and its status.
    fn carry_out(&mut self, command: Command) -> Next {
        let (result, refused) = match command {
            Command::Help => (self.out.write_all(help::text().as_bytes()).map_err(Failure::Io), 0),
            Command::Version => (writeln!(self.out, "{}", help::version()).map_err(Failure::Io), 0),
            Command::Change(ref change) => {
                let result = self.client().and_then(|client| client.change(change));
                (result.map_err(Failure::Ipvs), status::REFUSED)
            }
            Command::List(ref list) => (self.list(list), status::LIST),
            Command::Save(save) => (self.save(save), status::LIST),
            Command::Restore { .. } => (Ok(()), 0),
        };
        match result {
            Ok(()) if matches!(command, Command::Help | Command::Version) => {
                Next::Stop(status::DONE)
            }
            Ok(()) => Next::Go(status::DONE),
            Err(Failure::Io(e)) => Next::Stop(self.written(Err(e), status::DONE, status::LIST)),
            Err(failure @ Failure::Connections(_)) => {
                self.complain(&failure.to_string());
                Next::Stop(status::LIST)
            }
            Err(Failure::Ipvs(error)) if !matches!(error, Error::Refused { .. }) => {
                Next::Stop(self.failed(&error, status::USAGE))
            }
            // A list that fails ends -R; a change that fails does not.
            Err(Failure::Ipvs(error)) => {
                let now = self.failed(&error, refused);
                self.hint(&command, &error);
                if refused == status::LIST { Next::Stop(now) } else { Next::Go(now) }
            }
        }
    }

    /// The one connection to the kernel, opened when it is first needed.
    fn client(&mut self) -> Result<&mut Client, Error> {
        connected(&mut self.client)
    }

    /// Say what may help, to a person.
    fn hint(&mut self, command: &Command, error: &Error) {
        if !self.watched {
            return;
        }
        let hint = self.client().ok().and_then(|client| hints::hint(client, command, error));
        if let Some(hint) = hint {
            self.complain(&hint);
        }
    }

    /// Say what was wrong with a command line; its status.
    fn misused(&mut self, error: &CommandError) -> u8 {
        self.complain(&error.message);
        if let (Some(hint), true) = (&error.hint, self.watched) {
            self.complain(hint);
        }
        exit::status(error.kind)
    }

    /// Say why IPVS did not do it; `refused` is the status when it is the kernel's refusal.
    fn failed(&mut self, error: &Error, refused: u8) -> u8 {
        let (text, status) = explained(error, refused);
        self.complain(&text);
        status
    }

    /// One error, behind what was printed before it.
    fn complain(&mut self, text: &str) {
        let _ = self.out.flush();
        // There is nowhere to report that standard error is closed.
        let _ = self.err.write_all(format!("{text}\n").as_bytes());
    }

    /// The status after everything has been written.
    fn finish(&mut self, status: u8) -> u8 {
        let flushed = self.out.flush();
        self.written(flushed, status, status::LIST)
    }

    /// The status after something was written: `done`, or `failed` when that could not be.
    fn written(&mut self, result: io::Result<()>, done: u8, failed: u8) -> u8 {
        match result {
            Ok(()) => done,
            // Whoever reads has read enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => done,
            Err(e) => {
                // What is still in the buffer is tried once more at the end, and fails again.
                if !std::mem::replace(&mut self.unwritable, true) {
                    self.complain(&format!("cannot write: {}", text(&e)));
                }
                failed
            }
        }
    }
}

/// The connection, opened when it is not yet.
fn connected(client: &mut Option<Client>) -> Result<&mut Client, Error> {
    match client {
        Some(client) => Ok(client),
        none => Ok(none.insert(Client::connect()?)),
    }
}

/// Why IPVS did not do it, and the status then; `refused` is that of the kernel's refusal.
fn explained(error: &Error, refused: u8) -> (String, u8) {
    match error {
        Error::Unavailable(_) | Error::NotPermitted | Error::Namespace(_) => {
            (format!("Can't initialize ipvs: {error}"), status::USAGE)
        }
        _ => (error.to_string(), refused),
    }
}

fn text(error: &io::Error) -> String {
    crate::text::os_error(error)
}
