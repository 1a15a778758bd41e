//! `ipvsadm apply WORDS`: the words, parsed with clap.

use super::{Invocation, flag};
use crate::command::Apply;
use crate::error::CommandError;
use clap::{Arg, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Describes `apply` to clap: for parsing, help, pages and completions.
pub fn command() -> Command {
    Command::new("apply")
        .bin_name("ipvsadm apply")
        .about("Change the table to match a file, with the fewest changes")
        .override_usage("ipvsadm apply [--dry-run] [--keep] [--json] [--allow-empty] FILE|-")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(OsString))
                .help("Rules as -S prints them, optionally with --set and --start-daemon; - for standard input"),
        )
        .arg(flag("dry-run", "Print the changes as rules for -R without making them; exit with status 1 if there are any"))
        .arg(flag("keep", "Keep the services and daemons that the file does not name"))
        .arg(flag("json", "Print the changes as JSON"))
        .arg(allow_empty())
}

/// The option to accept a file without rules.
pub fn allow_empty() -> Arg {
    flag("allow-empty", "Accept a file without a single rule, and delete all services")
}

/// Parses the words after `apply`.
pub fn parse(words: &[impl AsRef<[u8]>]) -> Result<Invocation<Apply>, CommandError> {
    super::parse(command(), words, |matches| {
        let file = matches.get_one::<OsString>("file").map(|name| name.as_bytes().to_vec());
        Ok(Apply {
            file: file.unwrap_or_default(),
            dry_run: matches.get_flag("dry-run"),
            keep: matches.get_flag("keep"),
            json: matches.get_flag("json"),
            allow_empty: matches.get_flag("allow-empty"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_after_apply() {
        let plain = Apply {
            file: b"rules".to_vec(),
            dry_run: false,
            keep: false,
            json: false,
            allow_empty: false,
        };
        for (words, apply) in [
            (&["rules"][..], plain.clone()),
            (&["--", "rules"], plain.clone()),
            (&["--dry-run", "rules"], Apply { dry_run: true, ..plain.clone() }),
            (&["--keep", "rules"], Apply { keep: true, ..plain.clone() }),
            (&["--allow-empty", "rules"], Apply { allow_empty: true, ..plain.clone() }),
            (&["--json", "-"], Apply { json: true, file: b"-".to_vec(), ..plain }),
        ] {
            assert_eq!(parse(words), Ok(Invocation::Run(apply)), "{words:?}");
        }
        assert!(
            matches!(parse(&["--help"]), Ok(Invocation::Help(text)) if text.contains("--keep"))
        );
    }

    #[test]
    fn an_error_is_one_line_that_quotes_the_word() {
        for (words, message, hint) in [
            (
                &["--kep", "f"][..],
                "apply: unexpected argument '--kep' found",
                Some("did you mean --keep?"),
            ),
            (&["one", "two"], "apply: unexpected argument 'two' found", None),
            (&[], "apply: the following required arguments were not provided: <FILE>", None),
        ] {
            let error = parse(words).expect_err(message);
            assert_eq!(crate::exit::status(error.kind), 2);
            assert_eq!((error.message.as_str(), error.hint.as_deref()), (message, hint));
        }
    }
}
