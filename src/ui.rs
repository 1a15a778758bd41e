//! The standard streams of a command.
//!
//! Standard output goes through one buffer. The buffer is flushed before anything goes to stderr, so
//! that an error follows what was printed before it.

use crate::error::{CommandError, ErrorKind};
use crate::exit;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal, Read, Write};

/// Bytes of standard output that are written at a time.
const OUTPUT_BUFFER: usize = 32 * 1024;

/// The standard streams of a command. Writing to it writes to stdout.
pub struct Ui {
    stdin: Box<dyn Read>,
    stdout: BufWriter<Box<dyn Write>>,
    stderr: Box<dyn Write>,
    stderr_is_terminal: bool,
    /// Print errors as JSON, each on a line.
    json_errors: bool,
    /// The length of the progress that is shown.
    progress: usize,
}

impl Ui {
    /// The standard streams of this process.
    pub fn process() -> Ui {
        let stderr = io::stderr();
        let stderr_is_terminal = stderr.is_terminal();
        Ui::new(io::stdin(), io::stdout().lock(), stderr, stderr_is_terminal)
    }

    pub fn new(
        stdin: impl Read + 'static,
        stdout: impl Write + 'static,
        stderr: impl Write + 'static,
        stderr_is_terminal: bool,
    ) -> Ui {
        let stdout: Box<dyn Write> = Box::new(stdout);
        Ui {
            stdin: Box::new(stdin),
            stdout: BufWriter::with_capacity(OUTPUT_BUFFER, stdout),
            stderr: Box::new(stderr),
            stderr_is_terminal,
            json_errors: false,
            progress: 0,
        }
    }

    /// Takes standard input. The second time it is empty.
    pub fn take_stdin(&mut self) -> Box<dyn Read> {
        std::mem::replace(&mut self.stdin, Box::new(io::empty()))
    }

    /// Prints errors as JSON from now on.
    pub fn set_json_errors(&mut self) {
        self.json_errors = true;
    }

    /// Returns true when hints and progress are printed.
    pub fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Prints a line to stderr.
    pub fn message(&mut self, text: &str) {
        // A failure shows again when the command ends, in `finish`.
        let _ = self.stdout.flush();
        // A closed stderr cannot be reported anywhere.
        let _ = self.stderr.write_all(format!("{text}\n").as_bytes());
    }

    /// Prints an error, and its hint when stderr is a terminal.
    pub fn report(&mut self, error: &CommandError) {
        self.report_all(std::slice::from_ref(error));
    }

    /// Prints errors with one write: there may be hundreds.
    pub fn report_all(&mut self, errors: &[CommandError]) {
        let mut lines = Vec::new();
        for error in errors {
            match self.json_errors {
                true if error.message.is_empty() => {}
                true => lines.push(as_json(error)),
                false => lines.extend(self.as_text(error)),
            }
        }
        if !lines.is_empty() {
            self.message(&lines.join("\n"));
        }
    }

    fn as_text(&self, error: &CommandError) -> impl Iterator<Item = String> {
        let message = Some(error.message.clone()).filter(|message| !message.is_empty());
        let place = error.place.as_ref().map(ToString::to_string);
        let hint = error.hint.clone().filter(|_| self.stderr_is_terminal);
        [message, place, hint].into_iter().flatten()
    }

    /// Overwrites the current line of the terminal; an empty text clears it. Without a terminal it
    /// prints nothing.
    pub fn progress(&mut self, text: &str) {
        let changes = text.len() + self.progress > 0;
        self.progress = text.len();
        if self.stderr_is_terminal && changes {
            let _ = write!(self.stderr, "\r{text}\x1b[K");
            let _ = self.stderr.flush();
        }
    }

    /// Reports the error of a command and flushes stdout. Returns the kind of the failure that
    /// decides about the exit status.
    pub fn finish(&mut self, result: Result<(), CommandError>) -> Result<(), ErrorKind> {
        let result = result.map_err(|error| {
            self.report(&error);
            error.kind
        });
        if let Err(ErrorKind::Output | ErrorKind::ApplyOutput) = result {
            return result;
        }
        match self.stdout.flush().map_err(CommandError::output) {
            Err(error) if error.kind == ErrorKind::Output => {
                self.report(&error);
                Err(error.kind)
            }
            // A reader that closed the pipe changes no status.
            _ => result,
        }
    }
}

/// An error as JSON, on one line.
fn as_json(error: &CommandError) -> String {
    #[derive(Serialize)]
    struct ErrorJson<'a> {
        kind: ErrorKind,
        status: u8,
        text: &'a str,
        line: Option<usize>,
        rule: Option<&'a str>,
        hint: Option<&'a str>,
    }
    let place = error.place.as_ref();
    let json = ErrorJson {
        kind: error.kind,
        status: exit::status(error.kind),
        text: &error.message,
        line: place.and_then(|place| place.line),
        rule: place.map(|place| place.rule.as_str()),
        hint: error.hint.as_deref(),
    };
    // Strings and numbers always have a JSON form.
    serde_json::to_string(&json).unwrap_or_default()
}

impl Write for Ui {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

#[cfg(test)]
pub mod testing {
    //! Streams of tests.

    use super::Ui;
    use std::cell::{Cell, RefCell};
    use std::io::{self, Cursor, Write};
    use std::rc::Rc;

    /// Two streams in one: what a terminal shows of stdout and stderr, and each alone.
    #[derive(Debug, Default, Clone)]
    pub struct Streams {
        pub stdout: Rc<RefCell<Vec<u8>>>,
        pub stderr: Rc<RefCell<Vec<u8>>>,
        both: Rc<RefCell<Vec<u8>>>,
        /// The errno of each write to stdout.
        stdout_error: Rc<Cell<Option<i32>>>,
    }

    impl Streams {
        /// Streams whose stdout fails with this errno.
        pub fn failing(errno: i32) -> Streams {
            let streams = Streams::default();
            streams.stdout_error.set(Some(errno));
            streams
        }

        pub fn ui(&self, stdin: &str, stderr_is_terminal: bool) -> Ui {
            let streams = self.clone();
            let stream = |own: &Rc<RefCell<Vec<u8>>>, error: &Rc<Cell<Option<i32>>>| Stream {
                own: own.clone(),
                both: streams.both.clone(),
                error: error.clone(),
            };
            let stdout = stream(&streams.stdout, &streams.stdout_error);
            let stderr = stream(&streams.stderr, &Rc::default());
            Ui::new(Cursor::new(stdin.to_string()), stdout, stderr, stderr_is_terminal)
        }

        pub fn both(&self) -> String {
            String::from_utf8(self.both.borrow().clone()).expect("text")
        }
    }

    struct Stream {
        own: Rc<RefCell<Vec<u8>>>,
        both: Rc<RefCell<Vec<u8>>>,
        error: Rc<Cell<Option<i32>>>,
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(errno) = self.error.get() {
                return Err(io::Error::from_raw_os_error(errno));
            }
            self.own.borrow_mut().extend_from_slice(bytes);
            self.both.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Streams;
    use super::*;

    #[test]
    fn an_error_follows_what_was_printed_before_it() {
        let streams = Streams::default();
        let mut ui = streams.ui("", false);
        ui.write_all(b"first\n").expect("buffered");
        assert_eq!(streams.both(), "");
        ui.report(&CommandError::usage("second").hint("a hint".to_string()));
        ui.progress("progress");
        writeln!(ui, "third").expect("buffered");
        let result = ui.finish(Err(CommandError::silent(ErrorKind::Refused)));
        assert_eq!(
            (result, streams.both().as_str()),
            (Err(ErrorKind::Refused), "first\nsecond\nthird\n")
        );
    }

    #[test]
    fn a_terminal_shows_hints_and_progress() {
        let streams = Streams::default();
        let mut ui = streams.ui("", true);
        ui.progress("waiting");
        ui.progress("");
        let result = ui.finish(Err(CommandError::usage("error").hint("hint".to_string())));
        assert_eq!(result, Err(ErrorKind::Usage));
        assert_eq!(streams.both(), "\rwaiting\x1b[K\r\x1b[Kerror\nhint\n");
    }

    #[test]
    fn a_full_disk_is_reported_once_and_decides_about_the_status() {
        let full = "cannot write: No space left on device\n";
        for result in [Ok(()), Err(CommandError::silent(ErrorKind::Refused))] {
            let streams = Streams::failing(libc::ENOSPC);
            let mut ui = streams.ui("", false);
            ui.write_all(b"text").expect("buffered");
            assert_eq!(ui.finish(result), Err(ErrorKind::Output));
            assert_eq!(streams.both(), full);
        }
        let streams = Streams::failing(libc::ENOSPC);
        let mut ui = streams.ui("", false);
        ui.write_all(b"text").expect("buffered");
        let error = CommandError::output(ui.flush().expect_err("the disk is full"));
        assert_eq!(ui.finish(Err(error)), Err(ErrorKind::Output));
        assert_eq!(streams.both(), full);
    }

    #[test]
    fn a_closed_pipe_changes_no_status() {
        for result in [Ok(()), Err(CommandError::silent(ErrorKind::Refused))] {
            let streams = Streams::failing(libc::EPIPE);
            let mut ui = streams.ui("", false);
            ui.write_all(b"text").expect("buffered");
            assert_eq!(ui.finish(result.clone()), result.map_err(|error| error.kind));
            assert_eq!(streams.both(), "");
        }
    }

    #[test]
    fn stdin_is_taken_once() {
        let mut ui = Streams::default().ui("text", false);
        let mut text = String::new();
        ui.take_stdin().read_to_string(&mut text).expect("text");
        ui.take_stdin().read_to_string(&mut text).expect("text");
        assert_eq!(text, "text");
    }
}
