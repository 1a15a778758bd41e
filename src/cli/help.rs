//! The help and the version, from the option table.

use super::options::{Argument, OPTIONS, OptionRow, Section};
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;

/// Returns the version, on one line.
pub fn version() -> String {
    // Programs that ask for the version expect the number of the original.
    format!("ipvsadm v1.31 (ipvsadm in Rust {}; IPVS v1.2.1)", env!("CARGO_PKG_VERSION"))
}

/// Returns the whole help.
pub fn text() -> String {
    let help = command().render_help();
    format!("{}\n{help}", version())
}

/// Describes the option table to clap, for help and pages. The classic grammar is not clap's.
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
             ipvsadm --set tcp tcpfin udp\n       \
             ipvsadm --start-daemon|--stop-daemon master|backup [...]\n       \
             ipvsadm -h | -v\n       \
             ipvsadm apply [--dry-run] [--keep] [--json] FILE\n       \
             ipvsadm drain [--undo] SERVICE -r host[:port] [--wait seconds]\n       \
             ipvsadm rs-setup [-g|-i|-m] VIP...\n       \
             ipvsadm top [-n] [--interval seconds] [SERVICE]...\n       \
             ipvsadm apply|drain|rs-setup|top --help",
        )
        .args(OPTIONS.iter().map(arg))
}

/// Describes an option of the table to clap, for a subcommand.
pub fn subcommand_arg(row: &'static OptionRow) -> Arg {
    arg(row).help_heading(None::<&str>)
}

fn arg(row: &'static OptionRow) -> Arg {
    // As clap prints values; its own list in a man page takes a line for each.
    let help = match row.values {
        [] => row.help.to_string(),
        values => format!("{} [possible values: {}]", row.help, values.join(", ")),
    };
    let arg = Arg::new(row.long).long(row.long).help(help).help_heading(heading(row.section));
    let arg = match row.short {
        [first, others @ ..] => arg
            .short(char::from(*first))
            .visible_short_aliases(others.iter().map(|b| char::from(*b))),
        [] => arg,
    };
    match row.argument {
        Argument::None => arg.action(ArgAction::SetTrue),
        Argument::Required(name) => arg.value_name(name).value_parser(value_parser!(OsString)),
        Argument::Optional { name, .. } => arg.value_name(name).num_args(0..=1),
    }
}

fn heading(section: Section) -> &'static str {
    match section {
        Section::Commands => "Commands (exactly one, first on the line)",
        Section::VirtualService => "Virtual service (SERVICE)",
        Section::RealServer => "Real server",
        Section::Listing => "Listing",
        Section::Daemon => "Synchronisation daemon",
        Section::Everywhere => "With every command",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_describes_every_option() {
        command().debug_assert();
        let text = text();
        for row in OPTIONS {
            assert!(text.contains(&format!("--{}", row.long)), "{}", row.long);
            assert!(!row.help.is_empty() && text.contains(row.help), "{}", row.long);
        }
        for part in [
            "ipvsadm v1.31 (ipvsadm in Rust 0.1.0; IPVS v1.2.1)\n",
            "-w, --weight <weight> ",
            "-p, --persistent [<seconds>] ",
            "[possible values: ipip, gue, gre]",
            "[alias: -l]",
            "\nReal server:\n",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }
}
