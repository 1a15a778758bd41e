//! The words after `drain`, read with clap, to which real server of which virtual service is meant.

use super::help::option;
use super::options::SERVICE;
use super::{Asked, parser, read};
use crate::command::{Command as Classic, Drain};
use crate::error::CommandError;
use crate::names::Names;
use clap::{Arg, ArgAction, ArgGroup, Command, value_parser};
use libipvs::model::Change;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The option that names one of its servers.
const SERVER: &str = "real-server";

/// `drain` as clap knows it: for parsing, help, the page and completions.
pub fn command() -> Command {
    let flag = |id: &'static str, doc: &'static str| {
        Arg::new(id).long(id).help(doc).action(ArgAction::SetTrue)
    };
    Command::new("drain")
        .bin_name("ipvsadm drain")
        .about(
            "Give a real server no new connections, and wait until those that are open have ended",
        )
        .override_usage(
            "ipvsadm drain SERVICE -r SERVER [--wait SECONDS]\n       \
             ipvsadm drain --undo SERVICE -r SERVER",
        )
        .args(SERVICE.into_iter().chain([SERVER, "ipv6"]).map(option))
        .group(ArgGroup::new("service").args(SERVICE).required(true))
        .mut_arg(SERVER, |arg| arg.required(true))
        .arg(
            Arg::new("wait")
                .long("wait")
                .value_name("SECONDS")
                .value_parser(value_parser!(u32))
                .conflicts_with("undo")
                .help("Wait no longer than this, 0 for not at all; without it as long as it takes"),
        )
        .arg(flag("undo", "Put back the weight that the server had"))
}

/// Read the words after `drain`.
pub fn asked(words: &[impl AsRef<[u8]>], names: &dyn Names) -> Result<Asked<Drain>, CommandError> {
    let matches = match read(command(), words)? {
        Asked::Help(text) => return Ok(Asked::Help(text)),
        Asked::For(matches) => matches,
    };
    // What they mean, the classic grammar says: of the same words behind -d.
    let mut line: Vec<&[u8]> = vec![b"-d"];
    let long: Vec<String> = SERVICE.iter().chain([&SERVER]).map(|n| format!("--{n}")).collect();
    for (id, long) in SERVICE.iter().chain([&SERVER]).zip(&long) {
        if let Some(value) = matches.get_one::<OsString>(id) {
            line.extend([long.as_bytes(), value.as_bytes()]);
        }
    }
    if matches.get_flag("ipv6") {
        line.push(b"-6");
    }
    match parser::command(&line, names)? {
        Classic::Change(Change::DeleteDestination(service, server)) => Ok(Asked::For(Drain {
            service,
            server,
            wait: matches.get_one("wait").copied(),
            undo: matches.get_flag("undo"),
        })),
        _ => Err(CommandError::usage("drain: this names no real server")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;
    use libipvs::model::{DestinationKey, Family, Protocol, ServiceKey};

    fn of(line: &str) -> Result<Asked<Drain>, CommandError> {
        asked(&line.split(' ').collect::<Vec<_>>(), &System)
    }

    #[test]
    fn words_after_drain() {
        let address = [10, 0, 0, 1].into();
        let service = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
        let server = DestinationKey { address: [10, 0, 0, 11].into(), port: 80 };
        let plain = Drain { service, server, wait: None, undo: false };
        assert_eq!(of("-t 10.0.0.1:80 -r 10.0.0.11"), Ok(Asked::For(plain.clone())));
        let waits = Drain { wait: Some(60), ..plain.clone() };
        assert_eq!(
            of("--wait 60 -r 10.0.0.11:80 --tcp-service=10.0.0.1:80"),
            Ok(Asked::For(waits))
        );
        let undo = Drain { undo: true, ..plain.clone() };
        assert_eq!(of("--undo -t 10.0.0.1:80 -r 10.0.0.11"), Ok(Asked::For(undo)));
        let mark = Drain {
            service: ServiceKey::Mark { mark: 7, family: Family::V6 },
            server: DestinationKey { port: 0, ..server },
            ..plain
        };
        assert_eq!(of("-f 7 -6 -r 10.0.0.11"), Ok(Asked::For(mark)));
        assert!(matches!(of("--help"), Ok(Asked::Help(text)) if text.contains("--wait")));
    }

    #[test]
    fn what_is_no_server_of_a_service_is_quoted() {
        for (line, said) in [
            ("-t 10.0.0.1:80", "--real-server"),
            ("-r 10.0.0.11", "--tcp-service"),
            ("-t 10.0.0.1:x -r 10.0.0.11", "10.0.0.1:x"),
            ("-t 10.0.0.1:80 -u 10.0.0.1:80 -r 10.0.0.11", "--udp-service"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 --wait soon", "'soon'"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 --wait 5 --undo", "--undo"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 more", "'more'"),
            ("-t 10.0.0.1:80 -6 -r 10.0.0.11", "-6"),
        ] {
            let error = of(line).expect_err(line);
            assert_eq!(crate::exit::status(error.kind), 2, "{line}");
            assert!(
                error.message.contains(said) && !error.message.contains('\n'),
                "{}",
                error.message
            );
        }
    }
}
