//! Suggestions: the known word that resembles an unknown one, or that means the same.

use super::options::{OPTIONS, OptionRow, long, short};
use clap::error::{ContextKind, ContextValue};
use libipvs::model::{Protocol, ServiceKey};
use std::net::Ipv6Addr;

/// Subcommands with a grammar of their own. `commands` dispatches them before the classic grammar.
const SUBCOMMANDS: [&str; 4] = ["apply", "drain", "rs-setup", "top"];

/// Words that people type in place of a command, and the command that they mean.
const MEANINGS: &[(&[&str], &str)] = &[
    (&["list", "ls", "show", "status"], "did you mean ipvsadm -Ln?"),
    (
        &["add", "create", "new"],
        "use ipvsadm -A to add a virtual service, and -a to add a real server",
    ),
    (
        &["edit", "change", "modify"],
        "use ipvsadm -E to edit a virtual service, and -e to edit a real server",
    ),
    (
        &["delete", "del", "remove", "rm"],
        "use ipvsadm -D to delete a virtual service, and -d to delete a real server",
    ),
    (&["save", "dump", "export"], "did you mean ipvsadm -Sn, or ipvsadm-save -n FILE?"),
    (&["restore", "load", "start"], "did you mean ipvsadm-restore FILE?"),
    (
        &["stop", "clear", "flush", "reset"],
        "use ipvsadm -C to delete all virtual services, and --stop-daemon to stop a sync daemon",
    ),
    (&["zero"], "did you mean ipvsadm -Z?"),
    (&["watch", "monitor"], "did you mean ipvsadm top?"),
    (&["setup", "check"], "did you mean ipvsadm rs-setup?"),
    (&["help"], "did you mean ipvsadm -h?"),
    (&["version"], "did you mean ipvsadm -v?"),
];

/// Other names of schedulers, without dashes and blanks.
const SCHEDULERS: &[(&[&str], &str)] = &[
    (&["roundrobin"], "rr"),
    (&["weightedroundrobin", "weighted"], "wrr"),
    (&["leastconnection", "leastconnections", "leastconn", "leastconns"], "lc"),
    (&["weightedleastconnection", "weightedleastconnections", "weightedleastconn"], "wlc"),
    (&["source", "sourcehash", "sourcehashing", "iphash", "sticky"], "sh"),
    (&["destination", "destinationhash", "destinationhashing"], "dh"),
    (&["maglev", "maglevhash", "maglevhashing", "consistenthash"], "mh"),
    (&["failover", "weightedfailover", "backup"], "fo"),
    (&["overflow", "weightedoverflow"], "ovf"),
    (&["shortestexpecteddelay", "shortestdelay"], "sed"),
    (&["neverqueue"], "nq"),
];

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
pub fn command(word: &[u8]) -> Option<String> {
    let word = std::str::from_utf8(word).ok()?;
    if word.starts_with('-') {
        return option_first(word);
    }
    let meaning = |word: &str| {
        let row = MEANINGS.iter().find(|(words, _)| words.contains(&word));
        row.map(|(_, hint)| hint.to_string())
    };
    let words = MEANINGS.iter().flat_map(|(words, _)| words.iter().copied());
    meaning(word)
        .or_else(|| {
            nearest(word, SUBCOMMANDS.into_iter()).map(|name| format!("did you mean {name}?"))
        })
        .or_else(|| meaning(nearest(word, words)?))
}

/// Returns a hint for a line that begins with an option that is no command: `-nL`, `-n`, `--json`.
fn option_first(word: &str) -> Option<String> {
    if let Some(name) = word.strip_prefix("--") {
        let row = long(name.split('=').next().unwrap_or_default().as_bytes())?;
        let is_listed = row.verbs.contains(&"list") && !row.verbs.contains(&"add-service");
        return is_listed.then(|| format!("did you mean ipvsadm -L {word}?"));
    }
    let letters = &word[1..];
    let rows: Option<Vec<&OptionRow>> = letters.bytes().map(short).collect();
    let rows = rows?;
    let (verbs, options): (Vec<&OptionRow>, Vec<&OptionRow>) =
        rows.into_iter().partition(|row| row.verb.is_some());
    let verb = match verbs[..] {
        [] => long(b"list")?,
        [verb] => verb,
        _ => return None,
    };
    let letter = |row: &OptionRow| row.short.first().copied().map(char::from);
    let fits = options.iter().all(|row| row.verbs.contains(&verb.long));
    let takes_value = options.iter().any(|row| row.argument != super::options::Argument::None);
    match fits && !takes_value {
        true => {
            let first = letter(verb)?;
            let others: String = options.into_iter().filter_map(letter).collect();
            Some(format!("the command comes first: ipvsadm -{first}{others}"))
        }
        false => Some("the command comes first, for example -L or -A".to_string()),
    }
}

/// Returns the name of a scheduler that a longer name means, or that resembles it.
pub fn scheduler(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let plain = plain.to_lowercase();
    let row = SCHEDULERS.iter().find(|(names, _)| names.contains(&plain.as_str()));
    row.map(|(_, scheduler)| *scheduler).or_else(|| nearest(name, known.iter().copied()))
}

/// Returns a hint for an address in brackets that no port follows.
pub fn brackets(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let whole = text.starts_with('[') && text.ends_with(']');
    whole.then(|| format!("give a port, for example {text}:80, or leave out the brackets"))
}

/// Returns a hint for a service without a port and without persistence. `text` is its address.
pub fn port(text: &[u8], key: &ServiceKey) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let option = match key {
        ServiceKey::Address { protocol: Protocol::Tcp, .. } => "-t",
        ServiceKey::Address { protocol: Protocol::Udp, .. } => "-u",
        ServiceKey::Address { .. } => "--sctp-service",
        ServiceKey::Mark { .. } => return None,
    };
    let all = "or -p for a service of all ports";
    let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    if is_ipv6(text) {
        return Some(match text.rsplit_once(':') {
            Some((address, port)) if is_ipv6(address) && port.parse::<u16>().is_ok() => {
                format!("did you mean {option} [{address}]:{port}?")
            }
            _ => format!("give a port, for example {option} [{text}]:80, {all}"),
        });
    }
    let host = text.trim_end_matches(":0");
    Some(format!("give a port, for example {option} {host}:80, {all}"))
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
            assert_eq!(command(word.as_bytes()), Some(format!("did you mean {name}?")));
        }
        assert_eq!(command(b"frobnicate"), None);
        assert_eq!(command(b"\xff"), None);
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
