//! The words after `top`, read with clap, to what is to be watched.

use super::help::option;
use super::options::SERVICE;
use super::{Asked, parser, read};
use crate::command::{Command as Classic, List, Subject, Top};
use crate::error::CommandError;
use crate::names::Names;
use crate::text::printable;
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The kernel reckons its rates anew so often; the same are shown in between.
const INTERVAL: Duration = Duration::from_secs(2);
/// More often would cost more than it shows, less often is no live view.
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

/// `top` as clap knows it: for parsing, help, the page and completions.
pub fn command() -> Command {
    Command::new("top")
        .bin_name("ipvsadm top")
        .about("Watch services and servers at work")
        .override_usage(
            "ipvsadm top [-n] [--interval SECONDS] [-t|-u|--sctp-service SERVICE | -f MARK [-6]]...",
        )
        .arg(option("numeric").help("Numbers rather than names; the key n changes it"))
        .arg(
            Arg::new("interval")
                .long("interval")
                .value_name("SECONDS")
                .value_parser(value_parser!(OsString))
                .help("Time from one reading to the next, from 0.1 to 3600; 2 unless given: the kernel reckons its rates no more often"),
        )
        .args(SERVICE.map(|long| option(long).action(ArgAction::Append)))
        .arg(option("ipv6"))
}

/// Read the words after `top`.
pub fn asked(words: &[impl AsRef<[u8]>], names: &dyn Names) -> Result<Asked<Top>, CommandError> {
    let matches = match read(command(), words)? {
        Asked::Help(text) => return Ok(Asked::Help(text)),
        Asked::For(matches) => matches,
    };
    let given = |id: &str| matches.get_many::<OsString>(id).unwrap_or_default();
    let interval = match given("interval").next() {
        Some(text) => seconds(text.as_bytes())?,
        None => INTERVAL,
    };
    let mut services = Vec::new();
    let mut watch = |key| {
        if !services.contains(&key) {
            services.push(key);
        }
    };
    for id in SERVICE {
        let long = format!("--{id}");
        for text in given(id) {
            // What it means, the classic grammar says.
            let mut line = vec![&b"-L"[..], long.as_bytes(), text.as_bytes()];
            if id == "fwmark-service" && matches.get_flag("ipv6") {
                line.push(b"-6");
            }
            match parser::command(&line, names)? {
                Classic::List(List { subject: Subject::Services(Some(key), _), .. }) => watch(key),
                _ => return Err(CommandError::usage("top: this names no service")),
            }
        }
    }
    Ok(Asked::For(Top { numeric: matches.get_flag("numeric"), interval, services }))
}

fn seconds(text: &[u8]) -> Result<Duration, CommandError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|seconds| INTERVALS.contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| {
            CommandError::usage(format!("illegal interval specified: `{}'", printable(text)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;
    use libipvs::model::{Family, Protocol, ServiceKey};

    fn top(words: &[&str]) -> Top {
        match asked(words, &System) {
            Ok(Asked::For(top)) => top,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn words_after_top() {
        let plain = Top { numeric: false, interval: Duration::from_secs(2), services: vec![] };
        assert_eq!(top(&[]), plain);
        let asked_for = top(&["-n", "--interval", "0.5"]);
        assert_eq!(asked_for, Top { numeric: true, interval: Duration::from_millis(500), ..plain });
        assert!(
            matches!(asked(&["--help"], &System), Ok(Asked::Help(text)) if text.contains("--interval"))
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
                ServiceKey::Mark { mark: 7, family: Family::V6 },
            ]
        );
    }

    #[test]
    fn bad_words_are_quoted() {
        for (words, said) in [
            (&["--foo"][..], "'--foo'"),
            (&["left over"], "'left over'"),
            (&["--interval", "0"], "`0'"),
            (&["--interval", "NaN"], "`NaN'"),
            (&["--interval", "-1"], "'-1'"),
            (&["--interval", "x\x1b"], "`x\\u{1b}'"),
            (&["-t", "10.0.0.1:x y"], "`10.0.0.1:x y'"),
            (&["-f", "0"], "`0'"),
        ] {
            let error = asked(words, &System).expect_err("no such words");
            assert_eq!(crate::exit::status(error.kind), 2);
            assert!(
                error.message.contains(said) && !error.message.contains('\n'),
                "{}",
                error.message
            );
        }
    }
}
