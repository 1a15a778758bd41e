//! The lexer of the classic grammar: words to options, as popt reads them.
//!
//! `--long`, `--long=value`, `--long value`, `-s`, `-svalue`, `-s=value`, `-s value`, several letters
//! after one dash, `--` ends the options. An optional value is the next word unless that begins with
//! a dash. Words that belong to no option are collected. Options have no meaning here.

use super::options::{self, Argument, OptionRow};
use super::suggestions;
use crate::error::{CommandError, ErrorKind};
use crate::text::printable;

/// Reads the options of one command line.
#[derive(Debug)]
pub struct Lexer<'a, W> {
    words: &'a [W],
    /// The index of the next word.
    next: usize,
    /// The unread letters of the current word.
    letters: &'a [u8],
    arguments: Vec<&'a [u8]>,
}

/// An option with its value, if it has one.
pub type LexedOption<'a> = (&'static OptionRow, Option<&'a [u8]>);

impl<'a, W: AsRef<[u8]>> Lexer<'a, W> {
    pub fn new(words: &'a [W]) -> Lexer<'a, W> {
        Lexer { words, next: 0, letters: &[], arguments: Vec::new() }
    }

    /// Returns the words that belong to no option. Call it after the last option.
    pub fn arguments(self) -> Vec<&'a [u8]> {
        self.arguments
    }

    /// Returns the word that was read last, for messages.
    pub fn word(&self) -> &'a [u8] {
        self.next.checked_sub(1).and_then(|n| self.words.get(n)).map_or(b"", |word| word.as_ref())
    }

    /// Returns the next option.
    pub fn option(&mut self) -> Result<Option<LexedOption<'a>>, CommandError> {
        loop {
            if let Some((&letter, rest)) = self.letters.split_first() {
                return self.short(letter, rest).map(Some);
            }
            let Some(word) = self.words.get(self.next).map(AsRef::as_ref) else {
                return Ok(None);
            };
            self.next += 1;
            match word {
                b"--" => {
                    self.arguments.extend(self.words[self.next..].iter().map(AsRef::as_ref));
                    self.next = self.words.len();
                }
                [b'-', b'-', name @ ..] => return self.long(name).map(Some),
                [b'-', letters @ ..] if !letters.is_empty() => self.letters = letters,
                _ => self.arguments.push(word),
            }
        }
    }

    fn long(&mut self, word: &'a [u8]) -> Result<LexedOption<'a>, CommandError> {
        let (name, attached) = match word.iter().position(|&b| b == b'=') {
            Some(n) => (&word[..n], Some(&word[n + 1..])),
            None => (word, None),
        };
        let row = options::long(name)
            .ok_or_else(|| self.error("unknown option").hint(suggestions::option(name)))?;
        self.value(row, attached)
    }

    fn short(&mut self, letter: u8, rest: &'a [u8]) -> Result<LexedOption<'a>, CommandError> {
        self.letters = rest;
        let row = options::short(letter).ok_or_else(|| self.error("unknown option"))?;
        let attached = match (row.argument, rest) {
            // An equals sign attaches a value even to an option that takes none: an error.
            (_, [b'=', value @ ..]) => Some(value),
            (Argument::None, _) | (_, []) => None,
            (_, value) => Some(value),
        };
        if attached.is_some() {
            self.letters = &[];
        }
        self.value(row, attached)
    }

    fn value(
        &mut self,
        row: &'static OptionRow,
        attached: Option<&'a [u8]>,
    ) -> Result<LexedOption<'a>, CommandError> {
        let following = self.words.get(self.next).map(AsRef::as_ref);
        let value = match (row.argument, attached) {
            (Argument::None, None) => return Ok((row, None)),
            (Argument::None, Some(_)) => {
                return Err(self.error("option does not take an argument"));
            }
            (_, Some(value)) => return Ok((row, Some(value))),
            (Argument::Required(_), None) => {
                following.ok_or_else(|| self.error("missing argument"))?
            }
            (Argument::Optional { .. }, None) => match following {
                Some(word) if !word.starts_with(b"-") => word,
                _ => return Ok((row, None)),
            },
        };
        self.next += 1;
        Ok((row, Some(value)))
    }

    fn error(&self, problem: &str) -> CommandError {
        let text = format!("{}: {problem}", printable(self.word()));
        CommandError::new(ErrorKind::Option, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lexed = (&'static str, Option<String>);

    fn lexed(line: &str) -> Result<(Vec<Lexed>, Vec<String>), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut lexer = Lexer::new(&words);
        let mut options = Vec::new();
        while let Some((row, value)) = lexer.option().map_err(|e| e.message)? {
            options.push((row.long, value.map(|v| String::from_utf8_lossy(v).into_owned())));
        }
        let arguments = lexer.arguments();
        Ok((options, arguments.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect()))
    }

    fn options(line: &str) -> Vec<Lexed> {
        lexed(line).unwrap().0
    }

    #[test]
    fn letters_can_share_a_dash() {
        assert_eq!(options("-Lnc"), [("list", None), ("numeric", None), ("connection", None)]);
        assert_eq!(
            options("-At 1.2.3.4:80"),
            [("add-service", None), ("tcp-service", Some("1.2.3.4:80".into()))]
        );
    }

    #[test]
    fn values_are_attached_or_follow() {
        for line in ["-w5", "-w=5", "-w 5", "--weight=5", "--weight 5"] {
            assert_eq!(options(line), [("weight", Some("5".into()))], "{line}");
        }
        assert_eq!(options("-w -1"), [("weight", Some("-1".into()))]);
        assert_eq!(options("--weight="), [("weight", Some("".into()))]);
    }

    #[test]
    fn an_optional_value_does_not_begin_with_a_dash() {
        assert_eq!(options("-p -t x"), [("persistent", None), ("tcp-service", Some("x".into()))]);
        assert_eq!(options("-p 30"), [("persistent", Some("30".into()))]);
        assert_eq!(options("-p30"), [("persistent", Some("30".into()))]);
        assert_eq!(options("-ps rr"), [("persistent", Some("s".into()))]);
        assert_eq!(options("-p"), [("persistent", None)]);
    }

    #[test]
    fn words_that_belong_to_no_option_are_arguments() {
        let (options, arguments) = lexed("foo -L - bar -- -n").unwrap();
        assert_eq!(options, [("list", None)]);
        assert_eq!(arguments, ["foo", "-", "bar", "-n"]);
    }

    #[test]
    fn errors_name_the_whole_word() {
        assert_eq!(lexed("-L -nq").unwrap_err(), "-nq: unknown option");
        assert_eq!(lexed("--foo=5").unwrap_err(), "--foo=5: unknown option");
        assert_eq!(lexed("-A -t").unwrap_err(), "-t: missing argument");
        assert_eq!(lexed("--list=x").unwrap_err(), "--list=x: option does not take an argument");
        assert_eq!(lexed("-n=5").unwrap_err(), "-n=5: option does not take an argument");
    }
}
