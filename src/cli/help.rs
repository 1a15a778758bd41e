//! The help and the version, from the option table.

use super::options::{Argument, OPTIONS, OptionRow, Section};
use clap::{Arg, ArgAction, Command, value_parser};
use std::ffi::OsString;

/// Returns the version, on one line.
pub fn version() -> String {
    // Programs that ask for the version expect the number of the original.
    format!("ipvsadm v1.31 (ipvsadm in Rust {}; IPVS v1.2.1)", env!("CARGO_PKG_VERSION"))
}

/// Returns a screen of help: the commands, and how a first service is made.
pub fn short() -> String {
    format!("{}\n{SHORT}", version())
}

const SHORT: &str = "\
Usage: ipvsadm COMMAND [OPTIONS]

Virtual services and real servers
  -A SERVICE [-s scheduler] [-p]   add a virtual service; -E edits, -D deletes
  -a SERVICE -r HOST[:PORT] [-g|-i|-m] [-w weight]
                                   add a real server; -e edits, -d deletes
  -C                               delete all virtual services
SERVICE is -t, -u or --sctp-service with VIP:PORT, or -f with a firewall mark.
-g is direct routing (default), -i a tunnel, -m NAT.

Table
  -L [SERVICE] [-n]                list (default); --stats, --rate, --pretty,
                                   --json; -c connections, --timeout, --daemon,
                                   --status, --sysctls
  -Z [SERVICE]                     zero the counters
  -S, ipvsadm-save [FILE]          save the table as rules
  -R, ipvsadm-restore [FILE]       execute rules; replace the table by a file
  --set TCP TCPFIN UDP             set timeouts
  --start-daemon, --stop-daemon    synchronise connections with a director
  -h, --help, -v, --version

Subcommands, each with --help
  apply FILE                       change the table to match a file
  drain SERVICE -r HOST[:PORT]     take a real server out without breaking
                                   connections
  rs-setup VIP                     make this host a real server
  top                              watch the table live

Examples
  ipvsadm -A -t 192.0.2.1:80 -s rr
  ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.11 -g
  ipvsadm -Ln
Every option: ipvsadm --help, or man ipvsadm.
";

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
             ipvsadm -L -c|--timeout|--daemon|--status|--sysctls [-n] [--json]\n       \
             ipvsadm -L --all --json\n       \
             ipvsadm -Z [SERVICE]\n       \
             ipvsadm -C\n       \
             ipvsadm -S [-n] [--full]\n       \
             ipvsadm -R [FILE]\n       \
             ipvsadm --set tcp tcpfin udp\n       \
             ipvsadm --start-daemon|--stop-daemon master|backup [...]\n       \
             ipvsadm -h | -v\n       \
             ipvsadm apply [--dry-run] [--keep] [--json] [--allow-empty] FILE\n       \
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
    fn the_short_help_fits_a_screen() {
        let text = short();
        let lines: Vec<&str> = text.lines().collect();
        assert!((24..=40).contains(&lines.len()), "{} lines", lines.len());
        assert!(lines.iter().all(|line| line.len() <= 80), "{text}");
        for row in OPTIONS.iter().filter(|row| row.verb.is_some()) {
            let name = match row.short.first() {
                Some(letter) => format!("-{}", char::from(*letter)),
                None => format!("--{}", row.long),
            };
            assert!(text.contains(&name), "{name}");
        }
        let examples = lines.iter().filter(|line| line.starts_with("  ipvsadm ")).count();
        assert_eq!(examples, 3);
    }

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
