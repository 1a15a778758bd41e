//! `ipvsadm-restore WORDS`: the words, parsed with clap.

use super::{Invocation, apply, flag, help};
use crate::command::Apply;
use crate::error::CommandError;
use clap::{Arg, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Describes `ipvsadm-restore` to clap: for parsing, help and pages.
pub fn command() -> Command {
    Command::new("ipvsadm-restore")
        .about("Replace the table by the rules of a file or of standard input")
        .override_usage("ipvsadm-restore [--dry-run] [--keep] [--allow-empty] [FILE]")
        .disable_version_flag(true)
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .default_value("-")
                .hide_default_value(true)
                .value_parser(value_parser!(OsString))
                .help("Rules as ipvsadm-save writes them; - for standard input (default)"),
        )
        .arg(flag("dry-run", "Print the changes as rules for -R without making them; exit with status 1 if there are any"))
        .arg(flag("keep", "Keep the services and daemons that the file does not name"))
        .arg(apply::allow_empty())
        .arg(flag("version", "Print the version").short('v'))
        // A save has numbers or names; both are read.
        .arg(flag("numeric", "Without effect").short('n').hide(true))
}

/// Parses the words after `ipvsadm-restore`.
pub fn parse(words: &[impl AsRef<[u8]>]) -> Result<Invocation<Apply>, CommandError> {
    // A script may pass an empty variable.
    let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).filter(|w| !w.is_empty()).collect();
    let parsed = super::parse(command(), &words, |matches| {
        let file = matches.get_one::<OsString>("file").map(|name| name.as_bytes().to_vec());
        let task = Apply {
            file: file.unwrap_or_default(),
            dry_run: matches.get_flag("dry-run"),
            keep: matches.get_flag("keep"),
            json: false,
            allow_empty: matches.get_flag("allow-empty"),
        };
        Ok((task, matches.get_flag("version")))
    });
    Ok(match parsed? {
        Invocation::Run((_, true)) => Invocation::Help(format!("{}\n", help::version())),
        Invocation::Run((task, false)) => Invocation::Run(task),
        Invocation::Help(text) => Invocation::Help(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Result<Invocation<Apply>, CommandError> {
        parse(&words.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn words_are_options_or_a_file() {
        let task = Apply {
            file: b"-".to_vec(),
            dry_run: false,
            keep: false,
            json: false,
            allow_empty: false,
        };
        for words in ["", "-", "-n", "-n "] {
            assert_eq!(parsed(words), Ok(Invocation::Run(task.clone())), "{words}");
        }
        let all = Apply { dry_run: true, keep: true, allow_empty: true, ..task };
        assert_eq!(
            parsed("--dry-run rules --keep --allow-empty"),
            Ok(Invocation::Run(Apply { file: b"rules".to_vec(), ..all }))
        );
    }

    #[test]
    fn help_and_version_are_answers() {
        for words in ["-h", "--help", "rules --help"] {
            let Ok(Invocation::Help(text)) = parsed(words) else { panic!("{words}") };
            assert!(text.contains("--allow-empty") && !text.contains("--numeric"), "{text}");
        }
        for words in ["-v", "--version", "--version rules"] {
            let version = format!("{}\n", help::version());
            assert_eq!(parsed(words), Ok(Invocation::Help(version)), "{words}");
        }
    }

    #[test]
    fn other_words_are_errors() {
        for (words, text) in [
            ("--dry-rnu", "ipvsadm-restore: unexpected argument '--dry-rnu' found"),
            ("-x rules", "ipvsadm-restore: unexpected argument '-x' found"),
            ("rules more", "ipvsadm-restore: unexpected argument 'more' found"),
        ] {
            assert_eq!(parsed(words).expect_err(words).message, text);
        }
        let hint = parsed("--dry-rnu").expect_err("an unknown option").hint;
        assert_eq!(hint.as_deref(), Some("did you mean --dry-run?"));
    }
}
