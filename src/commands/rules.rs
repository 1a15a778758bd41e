//! The reader of rules: the lines of `-R`, of a file to restore or to apply.
//!
//! It returns each line that has words, with its number and its command or error. It holds one line
//! of bounded length, and executes nothing.

use super::input::Source;
use crate::cli::parser;
use crate::command::Command;
use crate::error::{CommandError, ErrorKind};
use crate::names::Names;
use crate::text::os_error;
use std::io::{self, BufRead, BufReader, Read, Take};

/// The maximum length of a line in bytes, without its newline.
const MAX_LINE: usize = 64 * 1024;
/// The maximum of bytes of an overlong line that are kept for its error.
const MAX_QUOTED: usize = 1024;

/// A line and its command.
pub struct Rule {
    pub number: usize,
    pub text: Vec<u8>,
    pub command: Result<Command, CommandError>,
}

/// An item of a [`Reader`].
pub enum Item {
    Rule(Rule),
    /// No complete line has arrived: the next read may block.
    Pause,
}

/// Reads rules: those of the lines that have words, or the error when the file cannot be read.
pub struct Reader<R> {
    names: &'static dyn Names,
    source: Source<Take<BufReader<R>>>,
    /// The maximum of bytes to read. The source ends one byte behind it.
    limit: u64,
    line: Vec<u8>,
    number: usize,
    /// The current line is too long, and its rest has not been read.
    is_cut: bool,
    /// The pause before the next line has been returned.
    paused: bool,
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Item, CommandError>;

    fn next(&mut self) -> Option<Result<Item, CommandError>> {
        loop {
            let has_line = self.source.input.get_ref().buffer().contains(&b'\n');
            if !has_line && !std::mem::replace(&mut self.paused, true) {
                return Some(Ok(Item::Pause));
            }
            self.paused = false;
            match self.read_line() {
                Ok(()) => {}
                Err(e) => return Some(Err(self.source.error(&os_error(&e)))),
            }
            if self.source.input.limit() == 0 {
                let reason = format!("it is longer than {} bytes", self.limit);
                return Some(Err(self.source.error(&reason)));
            }
            if self.line.is_empty() {
                return None;
            }
            self.number += 1;
            if let Some(command) = self.command() {
                return Some(Ok(Item::Rule(self.rule(command))));
            }
        }
    }
}

impl<R: Read> Reader<R> {
    /// A reader of at most `limit` bytes.
    pub fn new(source: Source<R>, limit: u64, names: &'static dyn Names) -> Reader<R> {
        let input = BufReader::with_capacity(64 * 1024, source.input);
        let source = Source { name: source.name, input: input.take(limit.saturating_add(1)) };
        Reader { names, source, limit, line: Vec::new(), number: 0, is_cut: false, paused: false }
    }

    /// Parses the line, if it has words.
    fn command(&self) -> Option<Result<Command, CommandError>> {
        if self.is_cut {
            // A part of a line is not what its author meant.
            let text = format!("the line is longer than {MAX_LINE} bytes");
            return Some(Err(CommandError::usage(text)));
        }
        let words = words(&self.line);
        if words.is_empty() {
            return None;
        }
        Some(match parser::command(&words, self.names) {
            Ok(Command::Restore { .. }) => {
                let text = "-R is not allowed in the input of -R";
                Err(CommandError::new(ErrorKind::Verb, text))
            }
            command => command,
        })
    }

    fn rule(&self, command: Result<Command, CommandError>) -> Rule {
        let text = self.line.trim_ascii();
        let end = if self.is_cut { text.len().min(MAX_QUOTED) } else { text.len() };
        Rule { number: self.number, text: text[..end].to_vec(), command }
    }

    /// Reads the next line. At the end of the input the line is empty.
    fn read_line(&mut self) -> io::Result<()> {
        let input = &mut self.source.input;
        if std::mem::take(&mut self.is_cut) {
            input.skip_until(b'\n')?;
        }
        self.line.clear();
        let length = input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.line)?;
        self.is_cut = length > MAX_LINE && self.line.last() != Some(&b'\n');
        Ok(())
    }
}

/// The lines of a file in one buffer: a large file has millions of them. A line is parsed again when
/// its command is needed again.
#[derive(Default)]
pub struct Lines {
    /// Each line at the place of its number; lines that were not added are empty.
    text: Vec<u8>,
    last: usize,
}

impl Lines {
    pub fn add(&mut self, rule: &Rule) {
        let newlines = rule.number.saturating_sub(self.last);
        self.text.extend(std::iter::repeat_n(b'\n', newlines));
        self.text.extend_from_slice(&rule.text);
        self.last = rule.number;
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The lines as rules.
    pub fn rules(&self, names: &dyn Names) -> impl Iterator<Item = Rule> {
        let numbered = self.text.split(|b| *b == b'\n').enumerate();
        let added = numbered.filter(|(_, text)| !text.is_empty());
        added.map(|(number, text)| {
            let command = parser::command(&words(text), names);
            Rule { number, text: text.to_vec(), command }
        })
    }

    /// The lines with their numbers and commands, the last one first.
    pub fn reversed(
        &self,
        names: &dyn Names,
    ) -> impl Iterator<Item = (usize, &[u8], Result<Command, CommandError>)> {
        let numbered = self.text.rsplit(|b| *b == b'\n').zip((0..=self.last).rev());
        let added = numbered.filter(|(text, _)| !text.is_empty());
        added.map(|(text, number)| (number, text, parser::command(&words(text), names)))
    }
}

/// The words of a line. A leading `ipvsadm` and a comment are not among them.
fn words(line: &[u8]) -> Vec<&[u8]> {
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

    fn reader<R: Read>(input: R, limit: u64) -> Reader<R> {
        Reader::new(Source { name: "it".to_string(), input }, limit, &System)
    }

    /// The number and error of each line, up to the error of the file.
    fn read(input: impl Read, limit: u64) -> Vec<(usize, Option<String>)> {
        let mut all = Vec::new();
        for item in reader(input, limit) {
            match item {
                Ok(Item::Rule(rule)) => {
                    all.push((rule.number, rule.command.err().map(|e| e.message)))
                }
                Ok(Item::Pause) => {}
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::Input);
                    all.push((0, Some(error.message)));
                    break;
                }
            }
        }
        all
    }

    #[test]
    fn lines_keep_their_numbers() {
        let text = "\n# all\n-C\n\n  -Z \r\n-C # again\n\n";
        let mut lines = Lines::default();
        for item in reader(text.as_bytes(), u64::MAX) {
            if let Ok(Item::Rule(rule)) = item {
                lines.add(&rule);
            }
        }
        let reversed: Vec<_> = lines.reversed(&System).map(|(n, text, _)| (n, text)).collect();
        assert_eq!(reversed, [(6, b"-C # again".as_slice()), (5, b"-Z"), (3, b"-C")]);
        assert!(lines.reversed(&System).all(|(_, _, command)| command.is_ok()));
        assert_eq!(Lines::default().reversed(&System).count(), 0);
    }

    #[test]
    fn an_overlong_line_is_an_error_of_its_own() {
        let too_long = Some(format!("the line is longer than {MAX_LINE} bytes"));
        for extra in [1, 2, MAX_LINE, 5 * MAX_LINE + 7] {
            let long = "x".repeat(MAX_LINE + extra);
            let text = format!("-C\n\n{long}\n-Z\n{long}");
            let expected = [(1, None), (3, too_long.clone()), (4, None), (5, too_long.clone())];
            assert_eq!(read(text.as_bytes(), u64::MAX), expected, "{extra}");
        }
        for blanks in [MAX_LINE - 3, MAX_LINE - 2] {
            let text = format!("-C{}\n-C", " ".repeat(blanks));
            assert_eq!(read(text.as_bytes(), u64::MAX), [(1, None), (2, None)], "{blanks}");
        }
    }

    #[test]
    fn an_overlong_line_is_quoted_in_part() {
        let text = "x".repeat(2 * MAX_LINE);
        let rules = reader(text.as_bytes(), u64::MAX).filter_map(|item| match item {
            Ok(Item::Rule(rule)) => Some(rule),
            _ => None,
        });
        assert_eq!(rules.map(|rule| rule.text.len()).collect::<Vec<_>>(), [MAX_QUOTED]);
        let long = format!("-C #{}", "x".repeat(2 * MAX_QUOTED));
        let rule = reader(long.as_bytes(), u64::MAX).nth(1);
        assert!(matches!(rule, Some(Ok(Item::Rule(rule))) if rule.text == long.as_bytes()));
    }

    #[test]
    fn an_endless_file_is_too_long() {
        let too_long =
            |limit| (0, Some(format!("cannot read it: it is longer than {limit} bytes")));
        let zeros = read(io::repeat(0), 1 << 20);
        assert_eq!(zeros.len(), 2, "{zeros:?}");
        assert_eq!(zeros[1], too_long(1 << 20));
        assert_eq!(read(&b"-C\n-Z"[..], 4), [(1, None), too_long(4)]);
    }

    #[test]
    fn the_last_line_needs_no_newline() {
        assert_eq!(read(&b"-C\n-Z"[..], 5), [(1, None), (2, None)]);
        assert_eq!(read(&b"\n\n"[..], 5), []);
    }

    #[test]
    fn restore_is_not_allowed_inside_restore() {
        let message = "-R is not allowed in the input of -R".to_string();
        assert_eq!(read(&b"-R\n"[..], 5), [(1, Some(message))]);
    }

    /// Gives one part of the input with each read.
    struct Parts(Vec<&'static [u8]>);

    impl Read for Parts {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.is_empty() {
                true => Ok(0),
                false => self.0.remove(0).read(buffer),
            }
        }
    }

    #[test]
    fn a_pause_comes_before_each_read_that_may_block() {
        let parts = Parts(vec![b"-C\n-Z\n", b"-", b"C\n", b"-Z"]);
        let items: String = reader(parts, u64::MAX)
            .map(|item| match item {
                Ok(Item::Rule(rule)) => rule.number.to_string(),
                Ok(Item::Pause) => ".".to_string(),
                Err(error) => error.message,
            })
            .collect();
        assert_eq!(items, ".12.3.4.");
    }

    /// Fails after its first part.
    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match std::mem::replace(&mut self.0, true) {
                true => Err(io::Error::from_raw_os_error(libc::EIO)),
                false => (&b"-C\n"[..]).read(buffer),
            }
        }
    }

    #[test]
    fn a_failed_read_is_an_error_of_the_file() {
        let expected = [(1, None), (0, Some("cannot read it: Input/output error".to_string()))];
        assert_eq!(read(Broken(false), 5), expected);
    }
}
