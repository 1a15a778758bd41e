//! A whole file of rules, checked on a table in memory before the kernel's table changes.

use super::input;
use super::rules::{Item, Reader, Rule};
use crate::command::Command;
use crate::error::{CommandError, ErrorKind, Place};
use crate::names::Names;
use crate::ui::Ui;
use libipvs::Table;
use libipvs::table::TableError;

/// The maximum size of a file in bytes, and the maximum of lines with words. Tests have lower ones.
const MAX_FILE: u64 = if cfg!(test) { 1 << 20 } else { 256 << 20 };
const MAX_RULES: usize = if cfg!(test) { 1_000 } else { 2_000_000 };

/// The error of one line.
pub struct LineError {
    pub error: CommandError,
    /// The line refers to a service or server that does not exist.
    pub is_missing: bool,
}

impl From<CommandError> for LineError {
    fn from(error: CommandError) -> LineError {
        LineError { error, is_missing: false }
    }
}

impl From<TableError> for LineError {
    fn from(error: TableError) -> LineError {
        LineError { error: error.into(), is_missing: error.is_missing() }
    }
}

/// A file with errors, which have been reported.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The kind of the first error.
    pub first: ErrorKind,
    /// Any error was a bad value or combination, or the file cannot be read.
    pub is_misuse: bool,
}

impl Rejected {
    fn new(first: ErrorKind) -> Rejected {
        Rejected { first, is_misuse: matches!(first, ErrorKind::Usage | ErrorKind::Input) }
    }
}

/// Reads a whole file, applies its lines to an empty table and reports every bad line.
///
/// `apply` applies a line to the table. `keep` receives the lines while all of them are good.
pub fn simulate(
    ui: &mut Ui,
    names: &'static dyn Names,
    name: &[u8],
    apply: impl Fn(&mut Table, &Rule, &Command) -> Result<(), LineError>,
    mut keep: impl FnMut(Rule),
) -> Result<Table, Rejected> {
    let reject = |ui: &mut Ui, error: CommandError| {
        ui.report(&error);
        Rejected::new(error.kind)
    };
    let source = input::open(name, ui).map_err(|error| reject(ui, error))?;
    let too_many = source.error(&format!("it has more than {MAX_RULES} rules"));
    let (mut count, mut table) = (0, Table::default());
    let mut rejected: Option<Rejected> = None;
    for item in Reader::new(source, MAX_FILE, names) {
        let rule = match item {
            Ok(Item::Rule(rule)) => rule,
            Ok(Item::Pause) => continue,
            Err(error) => {
                let unreadable = reject(ui, error);
                return Err(rejected.unwrap_or(unreadable));
            }
        };
        let result = match &rule.command {
            Ok(command) => apply(&mut table, &rule, command),
            Err(error) => Err(error.clone().into()),
        };
        match result {
            Ok(()) => {}
            // An earlier bad line may have been meant to add the missing service or server.
            Err(LineError { is_missing: true, .. }) if rejected.is_some() => {}
            Err(LineError { error, .. }) => {
                ui.report(&error.clone().at(Place::new(Some(rule.number), &rule.text)));
                let new = Rejected::new(error.kind);
                let is_misuse = new.is_misuse;
                rejected.get_or_insert(new).is_misuse |= is_misuse;
            }
        }
        count += 1;
        if count > MAX_RULES {
            return Err(reject(ui, too_many));
        }
        if rejected.is_none() {
            let ends_restore = matches!(rule.command, Ok(Command::Help { .. } | Command::Version));
            keep(rule);
            if ends_restore {
                break;
            }
        }
    }
    match rejected {
        Some(rejected) => Err(rejected),
        None => Ok(table),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;
    use crate::ui::testing::Streams;
    use std::io::Write;

    /// The result of a file, the lines that were kept, and the messages.
    fn simulated(file: &str) -> (Result<Table, Rejected>, Vec<usize>, String) {
        let streams = Streams::default();
        let mut kept = Vec::new();
        let apply = |table: &mut Table, _: &Rule, command: &Command| match command {
            Command::Change(change) => Ok(table.apply(change)?),
            _ => Ok(()),
        };
        let mut ui = streams.ui(file, true);
        let result = simulate(&mut ui, &System, b"-", apply, |rule| kept.push(rule.number));
        (result, kept, streams.both())
    }

    #[test]
    fn a_good_file_becomes_a_table() {
        let (result, kept, messages) = simulated("# one\n-A -f 1\n\n-a -f 1 -r 10.0.0.2\n");
        let table = result.expect("a good file");
        assert_eq!(table.iter().next().map(|entry| entry.destinations().count()), Some(1));
        assert_eq!((kept, messages.as_str()), (vec![2, 4], ""));
    }

    #[test]
    fn every_bad_line_is_reported() {
        let file = "-A -f 1\n-A -f 1\n-A -f x\n-A --foo\nfoo\n-A -f 2\n";
        let (result, kept, messages) = simulated(file);
        let rejected = Rejected { first: ErrorKind::Refused, is_misuse: true };
        assert_eq!((result, kept), (Err(rejected), vec![1]));
        let (lines, others): (Vec<_>, Vec<_>) =
            messages.lines().partition(|line| line.starts_with("in line "));
        let expected =
            ["in line 2: -A -f 1", "in line 3: -A -f x", "in line 4: -A --foo", "in line 5: foo"];
        assert_eq!(lines, expected);
        assert_eq!(others[0], "Service already exists");
    }

    #[test]
    fn the_first_error_and_any_misuse_are_known() {
        for (file, first, is_misuse) in [
            ("-A -f x\n", ErrorKind::Usage, true),
            ("-A --foo\n", ErrorKind::Option, false),
            ("-A --foo\n-A -f x\n", ErrorKind::Option, true),
            ("-A -f x\n-A --foo\n", ErrorKind::Usage, true),
            ("-D -f 1\n-A --foo\n", ErrorKind::Refused, false),
        ] {
            assert_eq!(simulated(file).0, Err(Rejected { first, is_misuse }), "{file}");
        }
    }

    #[test]
    fn what_is_missing_after_an_error_is_not_reported() {
        let missing = "-D -f 7\n-a -f 7 -r 10.0.0.2\n";
        let (_, _, messages) = simulated(missing);
        assert_eq!(
            messages, "No such service\nin line 1: -D -f 7\n",
            "only the first: it may be why the second fails"
        );
        let (_, _, messages) = simulated(&format!("-A --foo\n{missing}-A -f 8\n-A -f 8\n"));
        assert_eq!(
            messages,
            "--foo: unknown option\nin line 1: -A --foo\n\
             Service already exists\nin line 5: -A -f 8\n"
        );
    }

    #[test]
    fn nothing_is_read_after_help() {
        let (result, kept, messages) = simulated("-A -f 1\n-h\n-A -f x\n");
        assert!(result.is_ok(), "{messages}");
        assert_eq!(kept, [1, 2]);
        let (result, ..) = simulated("-v\n-A -f x\n");
        assert!(result.is_ok());
        let (result, kept, _) = simulated("-A -f x\n-h\n-A -f y\n");
        assert!(result.is_err());
        assert_eq!(kept, [0; 0]);
    }

    /// The rejection of a file and the messages.
    fn rejected(path: &std::path::Path) -> (Rejected, String) {
        let streams = Streams::default();
        let mut ui = streams.ui("", false);
        let name = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
        let result = simulate(&mut ui, &System, name, |_, _, _| Ok(()), |_| ());
        (result.expect_err("rejected"), streams.both())
    }

    #[test]
    fn an_unreadable_file_is_misuse() {
        let (result, messages) = rejected("/no/such".as_ref());
        assert_eq!(result, Rejected { first: ErrorKind::Input, is_misuse: true });
        assert_eq!(messages, "cannot read `/no/such': No such file or directory\n");
    }

    #[test]
    fn a_file_of_too_many_bytes_is_rejected() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(b"-A --foo\n").expect("written");
        file.as_file().set_len(MAX_FILE + 1).expect("a sparse file");
        let (result, messages) = rejected(file.path());
        // The first error decides.
        assert_eq!(result, Rejected { first: ErrorKind::Option, is_misuse: true });
        assert!(messages.ends_with("': it is longer than 1048576 bytes\n"), "{messages}");
    }

    #[test]
    fn a_file_of_too_many_rules_is_rejected() {
        let rules = "-C\n".repeat(MAX_RULES + 1);
        let (result, _, messages) = simulated(&rules);
        assert_eq!(result, Err(Rejected { first: ErrorKind::Input, is_misuse: true }));
        assert_eq!(messages, "cannot read standard input: it has more than 1000 rules\n");
        assert!(simulated(&rules[3..]).0.is_ok());
    }
}
