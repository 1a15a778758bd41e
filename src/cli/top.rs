//! `ipvsadm top WORDS`: the words, parsed with clap.

use super::Invocation;
use super::draft::Draft;
use super::help::subcommand_arg;
use super::options::{self, SERVICE};
use crate::command::Top;
use crate::error::CommandError;
use crate::names::Names;
use crate::text::printable;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use libipvs::model::ServiceKey;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The kernel updates its rates this often.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);
/// A shorter interval costs more than it shows; a longer one is no live view.
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

/// Describes `top` to clap: for parsing, help, pages and completions.
pub fn command() -> Command {
    let services = options::group(SERVICE).map(|row| subcommand_arg(row).action(ArgAction::Append));
    Command::new("top")
        .bin_name("ipvsadm top")
        .about("Show virtual services and real servers live")
        .override_usage(
            "ipvsadm top [-n] [--interval SECONDS] [-t|-u|--sctp-service SERVICE | -f MARK [-6]]...",
        )
        .args(options::group("numeric").map(subcommand_arg))
        .mut_arg("numeric", |arg| arg.help("Show numbers instead of names; the n key switches"))
        .arg(
            Arg::new("interval")
                .long("interval")
                .value_name("SECONDS")
                .value_parser(value_parser!(OsString))
                .help("Time between readings, 0.1 to 3600; the kernel updates its rates every 2 seconds [default: 2]"),
        )
        .args(services)
        .args(options::group("ipv6").map(subcommand_arg))
}

/// Parses the words after `top`.
pub fn parse(
    words: &[impl AsRef<[u8]>],
    names: &dyn Names,
) -> Result<Invocation<Top>, CommandError> {
    super::parse(command(), words, |matches| {
        let interval = match matches.get_one::<OsString>("interval") {
            Some(text) => seconds(text)?,
            None => DEFAULT_INTERVAL,
        };
        let services = services(matches, names)?;
        Ok(Top { numeric: matches.get_flag("numeric"), interval, services })
    })
}

/// Returns the services given, each once.
fn services(matches: &ArgMatches, names: &dyn Names) -> Result<Vec<ServiceKey>, CommandError> {
    let mut services = Vec::new();
    for row in options::group(SERVICE) {
        for text in matches.get_many::<OsString>(row.long).unwrap_or_default() {
            let mut draft = Draft::new(names);
            row.apply(&mut draft, Some(text.as_bytes()))?;
            if matches.get_flag("ipv6") && matches!(draft.key, Some(ServiceKey::Mark { .. })) {
                draft.set_ipv6()?;
            }
            services.extend(draft.key.filter(|key| !services.contains(key)));
        }
    }
    Ok(services)
}

fn seconds(text: &OsStr) -> Result<Duration, CommandError> {
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    seconds.filter(|seconds| INTERVALS.contains(seconds)).map(Duration::from_secs_f64).ok_or_else(
        || {
            let text = printable(text.as_bytes());
            CommandError::usage(format!("illegal interval specified: `{text}'"))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;
    use libipvs::model::Protocol;

    fn top(words: &[&str]) -> Top {
        match parse(words, &System) {
            Ok(Invocation::Run(top)) => top,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn words_after_top() {
        let plain = Top { numeric: false, interval: Duration::from_secs(2), services: vec![] };
        assert_eq!(top(&[]), plain);
        let configured = top(&["-n", "--interval", "0.5"]);
        assert_eq!(
            configured,
            Top { numeric: true, interval: Duration::from_millis(500), ..plain }
        );
        assert!(
            matches!(parse(&["--help"], &System), Ok(Invocation::Help(text)) if text.contains("--interval"))
        );
    }

    #[test]
    fn services_of_every_kind_each_once() {
        let services = top(&[
            "-t",
            "10.0.0.1:80",
            "-u",
            "[fd00::1]:53",
            "--sctp-service=10.0.0.1:9",
            "-f",
            "7",
            "-6",
            "-t10.0.0.1:http",
            "--tcp-service",
            "10.0.0.2",
        ])
        .services;
        let address = |protocol, address: &str, port| ServiceKey::Address {
            protocol,
            address: address.parse().unwrap(),
            port,
        };
        assert_eq!(
            services,
            [
                address(Protocol::Tcp, "10.0.0.1", 80),
                address(Protocol::Tcp, "10.0.0.2", 0),
                address(Protocol::Udp, "fd00::1", 53),
                address(Protocol::Sctp, "10.0.0.1", 9),
                "mark 7 IPv6".parse().expect("a key"),
            ]
        );
    }

    #[test]
    fn an_error_is_one_line_that_quotes_the_word() {
        for (words, quoted) in [
            (&["--foo"][..], "'--foo'"),
            (&["left over"], "'left over'"),
            (&["--interval", "0"], "`0'"),
            (&["--interval", "NaN"], "`NaN'"),
            (&["--interval", "-1"], "'-1'"),
            (&["--interval", "x\x1b"], "`x\\u{1b}'"),
            (&["-t", "10.0.0.1:x y"], "`10.0.0.1:x y'"),
            (&["-f", "0"], "`0'"),
        ] {
            let error = parse(words, &System).expect_err("no such words");
            assert_eq!(crate::exit::status(error.kind), 2);
            assert!(
                error.message.contains(quoted) && !error.message.contains('\n'),
                "{}",
                error.message
            );
        }
    }
}
