//! The help and the version, made from the option table.

use super::options::{self, OPTIONS, Section, Spec, Takes};
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;

/// One line: program, version, what it stands in for.
pub fn version() -> String {
    format!("ipvsadm v{} (takes what ipvsadm 1.31 takes; IPVS v1.2.1)", env!("CARGO_PKG_VERSION"))
}

/// All of the help.
pub fn text() -> String {
    let help = command().render_help();
    format!("{}\n{help}", version())
}

/// The option table as clap knows it: for the help, never for parsing a whole line.
pub fn command() -> Command {
    Command::new("ipvsadm")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .override_usage(
            "ipvsadm -A|-E SERVICE [-s scheduler] [-p [seconds]] [-M netmask] [--pe engine] [-b flags] [-o]\n       \
             ipvsadm -D SERVICE\n       \
             ipvsadm -a|-e SERVICE -r host[:port] [-g|-i|-m] [-w weight] [-x connections] [-y connections]\n       \
             ipvsadm -d SERVICE -r host[:port]\n       \
             ipvsadm [-L|-l] [SERVICE] [-n] [--stats|--rate|...] [--json|--pretty]\n       \
             ipvsadm -L -c|--timeout|--daemon [-n] [--json]\n       \
             ipvsadm -Z [SERVICE]\n       \
             ipvsadm -C\n       \
             ipvsadm -S [-n] [--full]\n       \
             ipvsadm -R [FILE]\n       \
             ipvsadm apply [--dry-run] [--keep] [--json] FILE (ipvsadm apply --help)\n       \
             ipvsadm drain [--undo] SERVICE -r host[:port] [--wait seconds] (ipvsadm drain --help)\n       \
             ipvsadm --set tcp tcpfin udp\n       \
             ipvsadm --start-daemon|--stop-daemon master|backup [...]\n       \
             ipvsadm top [-n] [--interval seconds] [SERVICE]... (ipvsadm top --help)\n       \
             ipvsadm rs-setup ... (on a real server; ipvsadm rs-setup --help)\n       \
             ipvsadm -h | -v",
        )
        .args(OPTIONS.iter().map(arg))
}

/// An option of the table, for a subcommand that has it as well.
pub fn option(long: &'static str) -> Arg {
    let spec = options::long(long.as_bytes());
    spec.map_or_else(|| Arg::new(long), arg).help_heading(None::<&str>)
}

fn arg(spec: &'static Spec) -> Arg {
    let arg =
        Arg::new(spec.long).long(spec.long).help(spec.doc).help_heading(heading(spec.section));
    let arg = match spec.short {
        [first, others @ ..] => arg
            .short(char::from(*first))
            .visible_short_aliases(others.iter().map(|b| char::from(*b))),
        [] => arg,
    };
    match spec.takes {
        Takes::Nothing => arg.action(ArgAction::SetTrue),
        Takes::Value(name) => arg.value_name(name).value_parser(value_parser!(OsString)),
        Takes::Maybe(name) => arg.value_name(name).num_args(0..=1),
    }
}

fn heading(section: Section) -> &'static str {
    match section {
        Section::Commands => "Commands (one, and first)",
        Section::VirtualService => "Virtual service (SERVICE)",
        Section::RealServer => "Real server",
        Section::Listing => "Listing",
        Section::Daemon => "Synchronisation daemon",
        Section::Everywhere => "With everything",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_option() {
        command().debug_assert();
        let text = text();
        for spec in OPTIONS {
            assert!(text.contains(&format!("--{}", spec.long)), "{}", spec.long);
            assert!(text.contains(spec.doc.split_whitespace().next().unwrap()));
        }
    }
}
