//! The one reader of rules: lines of `-R`, of a file to restore, of one to apply.
//!
//! In: bytes. Out: for each line with words in it, its number and what it asks for, or what is wrong
//! with it. Nothing is done here, and no more than one line of bounded length is held.

use super::file::Source;
use crate::cli::parser;
use crate::command::Command;
use crate::error::{CommandError, ErrorKind};
use crate::names::Names;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of the longest line.
const LONGEST_LINE: usize = 64 * 1024;

/// A line and what it asks for.
pub(super) struct Rule {
    pub(super) number: usize,
    pub(super) text: Vec<u8>,
    pub(super) command: Result<Command, CommandError>,
}

/// What a reader comes upon.
pub(super) enum Step {
    Rule(Rule),
    /// No whole line is here: what comes next may take its time.
    Pause,
}

/// Reads rules: the lines that have words in them, or why the file cannot be read.
pub(super) struct Reader<'a> {
    names: &'a dyn Names,
    source: Source<BufReader<Box<dyn Read + 'a>>>,
    line: Vec<u8>,
    number: usize,
    /// Bytes that may still be read.
    left: u64,
    /// The rest of a line that is too long comes next.
    cut: bool,
    /// The pause before the next line has been said.
    paused: bool,
}

impl Iterator for Reader<'_> {
    type Item = Result<Step, String>;

    fn next(&mut self) -> Option<Result<Step, String>> {
        loop {
            let ready = self.source.input.buffer().contains(&b'\n');
            if !ready && !std::mem::replace(&mut self.paused, true) {
                return Some(Ok(Step::Pause));
            }
            self.paused = false;
            match self.read_line() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => return Some(Err(self.source.cannot_read(&e))),
            }
            self.number += 1;
            if let Some(command) = self.command() {
                return Some(Ok(Step::Rule(self.rule(command))));
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// A reader of at most `limit` bytes.
    pub(super) fn new(
        source: Source<Box<dyn Read + 'a>>,
        limit: u64,
        names: &'a dyn Names,
    ) -> Reader<'a> {
        let Source { name, input } = source;
        let input = BufReader::with_capacity(64 * 1024, input);
        let source = Source { name, input };
        Reader {
            names,
            source,
            line: Vec::new(),
            number: 0,
            left: limit,
            cut: false,
            paused: false,
        }
    }

    /// What the line asks for, if there is a word in it.
    fn command(&self) -> Option<Result<Command, CommandError>> {
        if self.cut {
            // Who made this file meant something else.
            let text = format!("the line is longer than {LONGEST_LINE} bytes");
            return Some(Err(CommandError::usage(text)));
        }
        let words = words(&self.line);
        if words.is_empty() {
            return None;
        }
        Some(match parser::command(&words, self.names) {
            Ok(Command::Restore { .. }) => {
                Err(CommandError::new(ErrorKind::Verb, "-R cannot be in what -R reads"))
            }
            command => command,
        })
    }

    fn rule(&self, command: Result<Command, CommandError>) -> Rule {
        let text = self.line.trim_ascii();
        // Of what is too long, no more than can be shown.
        let end = if self.cut { text.len().min(1024) } else { text.len() };
        let text = text[..end].to_vec();
        Rule { number: self.number, text, command }
    }

    /// Read a line; false at the end.
    fn read_line(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.cut) {
            while !self.take(usize::MAX, false)? {}
        }
        self.line.clear();
        loop {
            // A newline is none of the line's own bytes.
            let room = LONGEST_LINE + 1 - self.line.len();
            if self.take(room, true)? {
                return Ok(!self.line.is_empty());
            }
            if self.line.len() > LONGEST_LINE {
                self.cut = true;
                return Ok(true);
            }
        }
    }

    /// Take at most `room` bytes of a line, to keep them or to skip them. True at its end.
    fn take(&mut self, room: usize, keep: bool) -> io::Result<bool> {
        let here = match self.source.input.fill_buf() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(false),
            here => here?,
        };
        let here = &here[..here.len().min(room)];
        let end = here.iter().position(|b| *b == b'\n');
        let taken = end.map_or(here.len(), |end| end + 1);
        if keep {
            self.line.extend_from_slice(&here[..taken]);
        }
        let ended = end.is_some() || here.is_empty();
        self.source.input.consume(taken);
        self.left = self.left.checked_sub(taken as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "it is too long to be a file of rules")
        })?;
        Ok(ended)
    }
}

/// The lines of a file, kept small: what they ask for is read again when it is wanted again.
#[derive(Default)]
pub(super) struct Lines {
    /// Each on the line of its number; what is not kept is empty.
    text: Vec<u8>,
    count: usize,
}

impl Lines {
    pub(super) fn keep(&mut self, rule: &Rule) {
        let before = rule.number.saturating_sub(self.count);
        self.text.extend(std::iter::repeat_n(b'\n', before));
        self.text.extend_from_slice(&rule.text);
        self.count = rule.number;
    }

    /// The lines, the last first.
    pub(super) fn backwards(
        &self,
        names: &dyn Names,
    ) -> impl Iterator<Item = (usize, &[u8], Result<Command, CommandError>)> {
        let numbered = self.text.rsplit(|b| *b == b'\n').zip((0..=self.count).rev());
        let kept = numbered.filter(|(text, _)| !text.is_empty());
        kept.map(|(text, number)| (number, text, parser::command(&words(text), names)))
    }
}

/// The words of a line of rules. A leading `ipvsadm` and a comment are no words.
pub(super) fn words(line: &[u8]) -> Vec<&[u8]> {
    let mut words = Vec::with_capacity(16);
    for word in line.split(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
        match word {
            [] => {}
            b"ipvsadm" if words.is_empty() => {}
            [b'#', ..] => break,
            word => words.push(word),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;

    #[test]
    fn words_of_a_line() {
        let of = |line: &'static str| words(line.as_bytes());
        assert_eq!(of("  -A\t-t x \r\n"), [b"-A".as_slice(), b"-t", b"x"]);
        assert_eq!(of("ipvsadm -C # all of it"), [b"-C".as_slice()]);
        assert!(of("# -C\n").is_empty() && of("\n").is_empty() && of("ipvsadm").is_empty());
    }

    /// Number and error of each line.
    fn read(input: impl Read, limit: u64) -> Vec<(usize, Option<String>)> {
        let source = Source { name: "it".to_string(), input: Box::new(input) as Box<dyn Read> };
        let mut all = Vec::new();
        for step in Reader::new(source, limit, &System) {
            match step {
                Ok(Step::Rule(rule)) => {
                    all.push((rule.number, rule.command.err().map(|e| e.message)))
                }
                Ok(Step::Pause) => {}
                Err(why) => {
                    all.push((0, Some(why)));
                    break;
                }
            }
        }
        all
    }

    #[test]
    fn lines_are_kept_with_their_numbers() {
        let text = "\n# all\n-C\n\n  -Z \r\n-C # again\n\n";
        let source = Source { name: "it".to_string(), input: Box::new(text.as_bytes()) as Box<_> };
        let mut lines = Lines::default();
        for step in Reader::new(source, u64::MAX, &System) {
            if let Ok(Step::Rule(rule)) = step {
                lines.keep(&rule);
            }
        }
        let kept: Vec<_> = lines.backwards(&System).map(|(n, text, _)| (n, text)).collect();
        assert_eq!(kept, [(6, b"-C # again".as_slice()), (5, b"-Z"), (3, b"-C")]);
        assert_eq!(Lines::default().backwards(&System).count(), 0);
    }

    #[test]
    fn a_line_too_long_is_an_error_of_its_own() {
        let too_long = Some(format!("the line is longer than {LONGEST_LINE} bytes"));
        for extra in [1, 2, LONGEST_LINE, 5 * LONGEST_LINE + 7] {
            let long = "x".repeat(LONGEST_LINE + extra);
            let text = format!("-C\n\n{long}\n-Z\n{long}");
            let expected = [(1, None), (3, too_long.clone()), (4, None), (5, too_long.clone())];
            assert_eq!(read(text.as_bytes(), u64::MAX), expected, "{extra}");
        }
        let blanks = " ".repeat(LONGEST_LINE - 2);
        assert_eq!(read(format!("-C{blanks}\n-C").as_bytes(), u64::MAX), [(1, None), (2, None)]);
    }

    #[test]
    fn an_endless_file_has_an_end() {
        let read = read(io::repeat(0), 1 << 20);
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!(
            read[1].1.as_deref(),
            Some("cannot read it: it is too long to be a file of rules")
        );
    }

    #[test]
    fn the_last_line_needs_no_newline() {
        assert_eq!(read(&b"-C\n-Z"[..], 5), [(1, None), (2, None)]);
        assert_eq!(read(&b"\n\n"[..], 5), []);
    }
}
