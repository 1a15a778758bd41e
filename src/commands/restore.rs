//! Rules carried out: `-R` line by line as they come, `ipvsadm-restore` once all are known to be good.
//!
//! What the user sees is what a line at a time would show: errors in the order of the lines, a list
//! of the table as of its own line, and nothing done behind a line that ends it all. Changes wait
//! only while the next line is already here; whoever types lines gets an answer to each.

use super::file;
use super::rules::{Reader, Rule, Step};
use super::{Next, Run, explained, status};
use crate::command::{Command, List, Subject};
use crate::exit;
use crate::text::printable;
use libipvs::model::Change;
use libipvs::table::{Table, TableError};
use std::io::{self, Read, Write};

/// How many changes wait at most: about as many as fit into one send.
const WAITING: usize = 400;

/// The most rules of a file that is read before anything is done.
const MOST: usize = 2_000_000;

/// A change and where it stands.
struct Line {
    number: usize,
    text: Vec<u8>,
    change: Change,
}

impl<'n, R: Read, O: Write, E: Write> Run<'n, R, O, E> {
    /// `-R [FILE]`: carry out lines in order. The status is that of the last.
    pub(super) fn restore(&mut self, name: &[u8]) -> u8 {
        match file::open(name, self.input.take()) {
            Ok(source) => self.rules(Reader::new(source, u64::MAX, self.names)),
            Err(why) => self.unreadable(&why),
        }
    }

    fn rules(&mut self, steps: impl Iterator<Item = Result<Step, String>>) -> u8 {
        let mut waiting = Vec::new();
        let mut status = status::DONE;
        for step in steps {
            let next = match step {
                Ok(Step::Rule(rule)) => self.carry_out_line(rule, &mut waiting, status),
                Ok(Step::Pause) => self.make(&mut waiting, status),
                // Nothing waits: there was a pause before.
                Err(why) => Next::Stop(self.unreadable(&why)),
            };
            match next {
                Next::Go(now) => status = now,
                Next::Stop(now) => return now,
            }
        }
        match self.make(&mut waiting, status) {
            Next::Go(now) | Next::Stop(now) => now,
        }
    }

    /// `ipvsadm-restore [FILE]`: the table becomes what the file says. Its exit status.
    ///
    /// All of it is read and checked before the table is touched: it may come from a program that
    /// has not even begun, or from this very table, and a bad line must cost nothing.
    pub fn restore_program(&mut self, words: &[impl AsRef<[u8]>]) -> u8 {
        // 1.31 takes no notice of any word; options of it stand in scripts.
        let mut names = words
            .iter()
            .map(AsRef::as_ref)
            .filter(|word| *word == b"-" || !word.starts_with(b"-") && !word.is_empty());
        let name = names.next().unwrap_or(b"-");
        if let Some(word) = names.next() {
            self.complain(&format!("unexpected argument {}", printable(word)));
            return status::USAGE;
        }
        let mut rules = Vec::new();
        let status = match self.checked(name, simulate, |rule| rules.push(rule)) {
            Ok(_) => match self.carry_out(Command::Change(Change::Flush)) {
                Next::Go(status::DONE) => self.rules(rules.into_iter().map(|r| Ok(Step::Rule(r)))),
                Next::Go(status) | Next::Stop(status) => status,
            },
            Err(bad) => bad.first,
        };
        self.finish(status)
    }

    /// Read a whole file and try it on an empty table: what comes of it. `try_on` says what each line
    /// does there, `keep` takes the lines while all are good. Every bad line is reported.
    pub(super) fn checked(
        &mut self,
        name: &[u8],
        try_on: impl Fn(&mut Table, &Rule, &Command) -> Result<(), Fault>,
        mut keep: impl FnMut(Rule),
    ) -> Result<Table, Bad> {
        let source = file::open(name, self.input.take());
        let source = source.map_err(|why| Bad::only(self.unreadable(&why)))?;
        let too_many =
            source.cannot_read(&io::Error::other(format!("it has more than {MOST} rules")));
        let (mut count, mut table) = (0, Table::default());
        let mut bad: Option<Bad> = None;
        for step in Reader::new(source, file::LONGEST, self.names) {
            let rule = match step {
                Ok(Step::Rule(rule)) => rule,
                Ok(Step::Pause) => continue,
                Err(why) => {
                    let status = self.unreadable(&why);
                    return Err(bad.unwrap_or(Bad::only(status)));
                }
            };
            let fault = match &rule.command {
                Ok(command) => try_on(&mut table, &rule, command).err(),
                Err(error) => {
                    Some(Fault { status: exit::status(error.kind), ..Fault::new(&error.message) })
                }
            };
            match fault {
                None => {}
                // What is not there may be what a bad line before was to add.
                Some(fault) if fault.for_lack && bad.is_some() => {}
                Some(fault) => {
                    self.complain(&fault.text);
                    self.place(rule.number, &rule.text);
                    bad.get_or_insert(Bad::only(fault.status)).misused |=
                        fault.status == status::USAGE;
                }
            }
            count += 1;
            if count > MOST {
                return Err(Bad::only(self.unreadable(&too_many)));
            }
            if bad.is_none() {
                let last = matches!(rule.command, Ok(Command::Help | Command::Version));
                keep(rule);
                if last {
                    // It ends -R, whatever comes behind it.
                    break;
                }
            }
        }
        match bad {
            Some(bad) => Err(bad),
            None => Ok(table),
        }
    }

    /// One line: a change waits, anything else is done behind those that wait.
    fn carry_out_line(&mut self, rule: Rule, waiting: &mut Vec<Line>, status: u8) -> Next {
        let Rule { number, text, command } = rule;
        let command = match command {
            Ok(Command::Change(change)) => {
                waiting.push(Line { number, text, change });
                return match waiting.len() {
                    WAITING.. => self.make(waiting, status),
                    _ => Next::Go(status),
                };
            }
            command => command,
        };
        if let Next::Stop(now) = self.make(waiting, status) {
            return Next::Stop(now);
        }
        let next = match command {
            Ok(command) => self.carry_out(command),
            Err(error) if error.ends_restore() => Next::Stop(self.misused(&error)),
            Err(error) => Next::Go(self.misused(&error)),
        };
        let (Next::Go(now) | Next::Stop(now)) = next;
        if now != status::DONE {
            self.place(number, &text);
        }
        next
    }

    /// Make the changes that wait; `status` is the one before them.
    fn make(&mut self, waiting: &mut Vec<Line>, status: u8) -> Next {
        if waiting.is_empty() {
            return Next::Go(status);
        }
        let changes = waiting.iter().map(|line| &line.change);
        let results = match self.client().and_then(|client| client.changes(changes)) {
            Ok(results) => results,
            Err(error) => {
                waiting.clear();
                return Next::Stop(self.failed(&error, status::REFUSED));
            }
        };
        // All that is wrong goes out in one piece: it may be hundreds of lines.
        let mut errors = Vec::new();
        let mut next = Next::Go(status);
        for (line, result) in waiting.iter().zip(results) {
            let Err(error) = result else {
                next = Next::Go(status::DONE);
                continue;
            };
            let (text, now) = explained(&error, status::REFUSED);
            errors.extend([text, place(line.number, &line.text)]);
            next = Next::Go(now);
            if now != status::REFUSED {
                next = Next::Stop(now);
                break;
            }
        }
        if !errors.is_empty() {
            self.complain(&errors.join("\n"));
        }
        waiting.clear();
        next
    }

    /// Where in the input it happened, on a line behind the error.
    pub(super) fn place(&mut self, number: usize, line: &[u8]) {
        self.complain(&place(number, line));
    }

    fn unreadable(&mut self, why: &str) -> u8 {
        self.complain(why);
        status::USAGE
    }
}

fn place(number: usize, line: &[u8]) -> String {
    format!("in line {number}: {}", printable(line.trim_ascii()))
}

/// Why a file was refused, in short.
pub(super) struct Bad {
    /// The status of the first bad line.
    pub(super) first: u8,
    /// Whether any line had a bad value or combination.
    pub(super) misused: bool,
}

impl Bad {
    fn only(status: u8) -> Bad {
        Bad { first: status, misused: status == status::USAGE }
    }
}

/// What is wrong with a line that can be read.
pub(super) struct Fault {
    pub(super) status: u8,
    pub(super) text: String,
    /// Something that it is about is not there.
    pub(super) for_lack: bool,
}

impl Fault {
    pub(super) fn new(text: &str) -> Fault {
        Fault { status: status::USAGE, text: text.to_string(), for_lack: false }
    }
}

impl From<TableError> for Fault {
    fn from(refused: TableError) -> Fault {
        Fault { status: status::REFUSED, text: refused.to_string(), for_lack: refused.is_missing() }
    }
}

/// What a line of a file to restore does to the table.
fn simulate(table: &mut Table, _: &Rule, command: &Command) -> Result<(), Fault> {
    match command {
        Command::Change(change) => Ok(table.apply(change)?),
        Command::List(List { subject: Subject::Services(Some(key), _), .. })
            if table.service(key).is_none() =>
        {
            Err(Fault { status: status::LIST, ..Fault::from(TableError::NoSuchService) })
        }
        _ => Ok(()),
    }
}
