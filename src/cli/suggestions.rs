//! Suggestions: the known word that resembles an unknown one.

use super::options::OPTIONS;
use clap::error::{ContextKind, ContextValue};

/// Subcommands with a grammar of their own. `commands` dispatches them before the classic grammar.
const SUBCOMMANDS: [&str; 4] = ["apply", "drain", "rs-setup", "top"];

/// Returns the known word that resembles `word` most, if any does.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::osa_distance(word, known);
    // A few typing mistakes, or a common beginning.
    let resembles = |known: &&str| {
        distance(known) <= known.len().div_ceil(3) || strsim::jaro_winkler(word, known) > 0.85
    };
    known.filter(resembles).min_by_key(|known| distance(known))
}

/// Returns a hint for an unknown long option of the classic grammar.
pub fn option(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    nearest(name, OPTIONS.iter().map(|row| row.long)).map(|long| format!("did you mean --{long}?"))
}

/// Returns a hint for a first word that is no command.
pub fn subcommand(word: &[u8]) -> Option<String> {
    let word = std::str::from_utf8(word).ok()?;
    nearest(word, SUBCOMMANDS.into_iter()).map(|name| format!("did you mean {name}?"))
}

/// Returns a hint for an option of a subcommand: the one that clap suggests.
pub fn argument(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(argument) => Some(format!("did you mean {argument}?")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_typing_mistakes_or_a_common_beginning_suggest_an_option() {
        for (name, long) in [
            ("sheduler", "scheduler"),
            ("shceduler", "scheduler"),
            ("state", "stats"),
            ("lst", "list"),
            ("real-ser", "real-server"),
            ("sctp", "sctp-service"),
            ("add-servic", "add-service"),
        ] {
            assert_eq!(option(name.as_bytes()), Some(format!("did you mean --{long}?")), "{name}");
        }
        for name in [&b"qqqqqqq"[..], b"", b"x", b"weigh\xff"] {
            assert_eq!(option(name), None);
        }
    }

    #[test]
    fn the_threshold_grows_with_the_length_of_the_known_word() {
        let is_near = |word, known: &str| nearest(word, [known].into_iter()).is_some();
        assert!(is_near("xbcd", "abcd") && is_near("xycd", "abcd") && !is_near("xyzd", "abcd"));
        assert!(is_near("xbc", "abc") && !is_near("xyc", "abc"));
    }

    #[test]
    fn a_word_that_resembles_a_subcommand_suggests_it() {
        for (word, name) in [("aply", "apply"), ("rs_setup", "rs-setup"), ("tpo", "top")] {
            assert_eq!(subcommand(word.as_bytes()), Some(format!("did you mean {name}?")));
        }
        assert_eq!(subcommand(b"frobnicate"), None);
        assert_eq!(subcommand(b"\xff"), None);
    }

    #[test]
    fn clap_suggests_an_option_of_a_subcommand() {
        let error = |word: &str| {
            let words = ["apply", word, "rules"];
            crate::cli::apply::command().try_get_matches_from(words).expect_err(word)
        };
        assert_eq!(argument(&error("--dryrun")).as_deref(), Some("did you mean --dry-run?"));
        assert_eq!(argument(&error("--qqqqqqq")), None);
        assert_eq!(argument(&error("--json=x")), None);
    }
}
