//! The lines of `-R`: read, understood, and handed to the kernel many at a time.
//!
//! What the user sees is what a line at a time would show: errors in the order of the lines, a list
//! of the table as of its own line, and nothing done behind a line that ends it all. Changes wait
//! only while the next line is already here; whoever types lines gets an answer to each.

use super::{Next, Run, status, text};
use crate::cli::{self, UsageError, check};
use crate::command::Command;
use crate::model::Change;
use std::io::{BufRead, BufReader, Read, Write};

/// How many changes wait at most.
const WAITING: usize = 4096;

/// A change and where it stands.
struct Line {
    number: usize,
    text: Vec<u8>,
    change: Change,
}

impl<R: Read, O: Write, E: Write> Run<'_, R, O, E> {
    /// Carry out the lines of `input`, in order. The status is that of the last.
    pub(super) fn restore(&mut self, input: impl Read) -> u8 {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        let mut waiting = Vec::new();
        let mut status = status::DONE;
        let mut line = Vec::new();
        for number in 1.. {
            if waiting.len() == WAITING || !input.buffer().contains(&b'\n') {
                match self.make(&mut waiting, status) {
                    Next::Go(now) => status = now,
                    Next::Stop(now) => return now,
                }
            }
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) => {
                    self.complain(&format!("cannot read standard input: {}", text(&e)));
                    return status::USAGE;
                }
            }
            let words = words(&line);
            if words.is_empty() {
                continue;
            }
            let command = match check::command(&words, self.names) {
                Ok(Command::Change(change)) => {
                    waiting.push(Line { number, text: line.clone(), change });
                    continue;
                }
                Ok(Command::Restore) => Err(UsageError {
                    status: status::REFUSED,
                    text: "-R cannot be in what -R reads".to_string(),
                    fatal: true,
                }),
                command => command,
            };
            if let Next::Stop(now) = self.make(&mut waiting, status) {
                return now;
            }
            let next = match command {
                Ok(command) => self.carry_out(command),
                Err(error) if error.fatal => Next::Stop(self.misused(&error)),
                Err(error) => Next::Go(self.misused(&error)),
            };
            let (Next::Go(now) | Next::Stop(now)) = next;
            if now != status::DONE {
                self.place(number, &line);
            }
            status = now;
            if let Next::Stop(now) = next {
                return now;
            }
        }
        match self.make(&mut waiting, status) {
            Next::Go(now) | Next::Stop(now) => now,
        }
    }

    /// Make the changes that wait; `status` is the one before them.
    fn make(&mut self, waiting: &mut Vec<Line>, status: u8) -> Next {
        if waiting.is_empty() {
            return Next::Go(status);
        }
        let lines = std::mem::take(waiting);
        let changes = lines.iter().map(|line| &line.change);
        let results = match self.client().and_then(|client| client.changes(changes)) {
            Ok(results) => results,
            Err(error) => return Next::Stop(self.failed(&error, status::REFUSED)),
        };
        let mut last = status;
        for (line, result) in lines.iter().zip(results) {
            last = match result {
                Ok(()) => status::DONE,
                Err(error) => {
                    let now = self.failed(&error, status::REFUSED);
                    self.place(line.number, &line.text);
                    if now != status::REFUSED {
                        return Next::Stop(now);
                    }
                    now
                }
            };
        }
        Next::Go(last)
    }

    /// Where in the input it happened, on a line behind the error.
    fn place(&mut self, number: usize, line: &[u8]) {
        let line = cli::shown(line.trim_ascii());
        self.complain(&format!("in line {number}: {line}"));
    }
}

/// The words of a line of rules. A leading `ipvsadm` and a comment are no words.
fn words(line: &[u8]) -> Vec<&[u8]> {
    line.split(|b| b" \t\r\n".contains(b))
        .filter(|word| !word.is_empty())
        .skip_while(|word| *word == b"ipvsadm")
        .take_while(|word| !word.starts_with(b"#"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line() {
        let of = |line: &'static str| words(line.as_bytes());
        assert_eq!(of("  -A\t-t x \r\n"), [b"-A".as_slice(), b"-t", b"x"]);
        assert_eq!(of("ipvsadm -C # all of it"), [b"-C".as_slice()]);
        assert!(of("# -C\n").is_empty() && of("\n").is_empty() && of("ipvsadm").is_empty());
    }
}
