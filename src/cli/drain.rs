//! `ipvsadm drain WORDS`: the words, parsed with clap.

use super::draft::Draft;
use super::help::subcommand_arg;
use super::options::{self, OptionRow, SERVER, SERVICE};
use super::{Invocation, flag};
use crate::command::Drain;
use crate::error::CommandError;
use crate::names::Names;
use clap::{Arg, ArgGroup, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Describes `drain` to clap: for parsing, help, pages and completions.
pub fn command() -> Command {
    Command::new("drain")
        .bin_name("ipvsadm drain")
        .about("Stop new connections to a real server and wait until its open connections end")
        .override_usage(
            "ipvsadm drain SERVICE -r SERVER [--wait SECONDS]\n       \
             ipvsadm drain --undo SERVICE -r SERVER",
        )
        .args(endpoints().chain(options::group("ipv6")).map(subcommand_arg))
        .group(
            ArgGroup::new("service")
                .args(options::group(SERVICE).map(|row| row.long))
                .required(true),
        )
        .mut_arg(SERVER, |arg| arg.required(true))
        .arg(
            Arg::new("wait")
                .long("wait")
                .value_name("SECONDS")
                .value_parser(value_parser!(u32))
                .conflicts_with("undo")
                .help("Wait at most this long, 0 for not at all [default: until no connection is active]"),
        )
        .arg(flag("undo", "Restore the weight that the real server had"))
}

/// The options that name the service and its real server.
fn endpoints() -> impl Iterator<Item = &'static OptionRow> {
    options::group(SERVICE).chain(options::group(SERVER))
}

/// Parses the words after `drain`.
pub fn parse(
    words: &[impl AsRef<[u8]>],
    names: &dyn Names,
) -> Result<Invocation<Drain>, CommandError> {
    super::parse(command(), words, |matches| {
        let mut draft = Draft::new(names);
        for row in endpoints() {
            if let Some(value) = matches.get_one::<OsString>(row.long) {
                row.apply(&mut draft, Some(value.as_bytes()))?;
            }
        }
        if matches.get_flag("ipv6") {
            draft.set_ipv6()?;
        }
        Ok(Drain {
            service: draft.key()?,
            server: draft.destination_key()?,
            wait: matches.get_one("wait").copied(),
            undo: matches.get_flag("undo"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::System;
    use libipvs::model::{DestinationKey, Protocol, ServiceKey};

    fn parsed(line: &str) -> Result<Invocation<Drain>, CommandError> {
        parse(&line.split(' ').collect::<Vec<_>>(), &System)
    }

    #[test]
    fn words_after_drain() {
        let address = [10, 0, 0, 1].into();
        let service = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
        let server = DestinationKey { address: [10, 0, 0, 11].into(), port: 80 };
        let plain = Drain { service, server, wait: None, undo: false };
        assert_eq!(parsed("-t 10.0.0.1:80 -r 10.0.0.11"), Ok(Invocation::Run(plain.clone())));
        let waits = Drain { wait: Some(60), ..plain.clone() };
        assert_eq!(
            parsed("--wait 60 -r 10.0.0.11:80 --tcp-service=10.0.0.1:80"),
            Ok(Invocation::Run(waits))
        );
        let undo = Drain { undo: true, ..plain.clone() };
        assert_eq!(parsed("--undo -t 10.0.0.1:80 -r 10.0.0.11"), Ok(Invocation::Run(undo)));
        let mark = Drain {
            service: "mark 7 IPv6".parse().expect("a key"),
            server: DestinationKey { port: 0, ..server },
            ..plain
        };
        assert_eq!(parsed("-f 7 -6 -r 10.0.0.11"), Ok(Invocation::Run(mark)));
        assert!(matches!(parsed("--help"), Ok(Invocation::Help(text)) if text.contains("--wait")));
    }

    #[test]
    fn an_error_is_one_line_that_quotes_the_word() {
        for (line, quoted) in [
            ("-t 10.0.0.1:80", "--real-server"),
            ("-r 10.0.0.11", "--tcp-service"),
            ("-t 10.0.0.1:x -r 10.0.0.11", "10.0.0.1:x"),
            ("-t 10.0.0.1:80 -u 10.0.0.1:80 -r 10.0.0.11", "--udp-service"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 --wait soon", "'soon'"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 --wait 5 --undo", "--undo"),
            ("-t 10.0.0.1:80 -r 10.0.0.11 more", "'more'"),
            ("-t 10.0.0.1:80 -6 -r 10.0.0.11", "-6"),
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(crate::exit::status(error.kind), 2, "{line}");
            assert!(
                error.message.contains(quoted) && !error.message.contains('\n'),
                "{}",
                error.message
            );
        }
    }
}
