//! The words after `apply`, read with clap, to what is to be applied.

use super::{Asked, read};
use crate::command::Apply;
use crate::error::CommandError;
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// `apply` as clap knows it: for parsing, help, the page and completions.
pub fn command() -> Command {
    let flag = |id: &'static str, doc: &'static str| {
        Arg::new(id).long(id).help(doc).action(ArgAction::SetTrue)
    };
    Command::new("apply")
        .bin_name("ipvsadm apply")
        .about("Make the table what a file says, with the fewest changes")
        .override_usage("ipvsadm apply [--dry-run] [--keep] [--json] FILE|-")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(OsString))
                .help("Rules as -S writes them, with --set and --start-daemon if need be; - for standard input"),
        )
        .arg(flag("dry-run", "Print the changes as lines that -R takes, and make none; the status is 1 when there are any"))
        .arg(flag("keep", "Leave services and daemons alone that the file does not name"))
        .arg(flag("json", "Print the changes as JSON"))
}

/// Read the words after `apply`.
pub fn asked(words: &[impl AsRef<[u8]>]) -> Result<Asked<Apply>, CommandError> {
    let matches = match read(command(), words)? {
        Asked::Help(text) => return Ok(Asked::Help(text)),
        Asked::For(matches) => matches,
    };
    let file = matches.get_one::<OsString>("file").map(|name| name.as_bytes().to_vec());
    Ok(Asked::For(Apply {
        file: file.unwrap_or_default(),
        dry_run: matches.get_flag("dry-run"),
        keep: matches.get_flag("keep"),
        json: matches.get_flag("json"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_after_apply() {
        let plain = Apply { file: b"rules".to_vec(), dry_run: false, keep: false, json: false };
        assert_eq!(asked(&["rules"]), Ok(Asked::For(plain.clone())));
        let all = Apply { file: b"-".to_vec(), dry_run: true, keep: true, json: true };
        assert_eq!(asked(&["--json", "-", "--dry-run", "--keep"]), Ok(Asked::For(all)));
        assert_eq!(asked(&["--", "rules"]), Ok(Asked::For(plain)));
        assert!(matches!(asked(&["--help"]), Ok(Asked::Help(text)) if text.contains("--keep")));
    }

    #[test]
    fn what_is_no_word_of_it_is_quoted() {
        for (words, said) in
            [(&["--foo", "f"][..], "'--foo'"), (&[], "FILE"), (&["one", "two"], "'two'")]
        {
            let error = asked(words).expect_err("no such words");
            assert_eq!(crate::exit::status(error.kind), 2);
            assert!(
                error.message.contains(said) && !error.message.contains('\n'),
                "{}",
                error.message
            );
        }
    }
}
