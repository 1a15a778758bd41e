//! `-S` and `ipvsadm-save`: the table as rules, to standard output or to a file.
//!
//! Nothing is written before the whole table has been read.

use super::context::Context;
use super::list::{addresses, group_size, labels};
use crate::command::Save;
use crate::error::{CommandError, ErrorKind};
use crate::host::files;
use crate::text::{os_error, printable};
use crate::view::{order, rules};
use libipvs::Transport;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `-S`: prints rules.
pub fn save<C: Transport>(context: &mut Context<C>, save: Save) -> Result<(), CommandError> {
    let rules = read_rules(context, save)?;
    context.ui.write_all(&rules).map_err(CommandError::output)
}

/// `ipvsadm-save [-n] [--full] [--no-thresholds] [FILE]`: prints rules, or writes them to a file.
pub fn program<C: Transport>(
    context: &mut Context<C>,
    words: &[impl AsRef<[u8]>],
) -> Result<(), CommandError> {
    let mut options = Save::default();
    let mut name = None;
    let usage = |message| CommandError::new(ErrorKind::SaveUsage, message);
    for word in words {
        match word.as_ref() {
            b"-n" => options.numeric = true,
            b"--full" => options.full = true,
            b"--no-thresholds" => options.no_thresholds = true,
            b"" => {}
            word @ [b'-', _, ..] => {
                return Err(usage(format!(
                    "unknown option `{}'\n\
                     Usage: ipvsadm-save [-n] [--full] [--no-thresholds] [FILE]\n\
                     Writes the IPVS table to standard output or a file, with -n in numbers,\n\
                     with --full the timeouts and synchronisation daemons too,\n\
                     with --no-thresholds without the thresholds of real servers, as 1.31.",
                    printable(word)
                )));
            }
            word if name.is_some() => {
                return Err(usage(format!("unexpected argument {}", printable(word))));
            }
            word => name = Some(word),
        }
    }
    match name {
        None | Some(b"-" | b"/dev/stdout") => save(context, options),
        Some(name) => {
            let rules = read_rules(context, options)?;
            files::save(Path::new(OsStr::from_bytes(name)), &rules).map_err(|error| {
                let name = printable(name);
                let message = format!("cannot write `{name}': {}", os_error(&error));
                CommandError::new(ErrorKind::Output, message)
            })
        }
    }
}

/// Reads the table and renders it as rules. Writing them to a Vec does not fail.
fn read_rules<C: Transport>(context: &mut Context<C>, save: Save) -> Result<Vec<u8>, CommandError> {
    render(context, save).map_err(CommandError::into_list_failure)
}

fn render<C: Transport>(context: &mut Context<C>, save: Save) -> Result<Vec<u8>, CommandError> {
    let mut labels = labels(context.names, save.numeric).restorable();
    let client = context.client.get()?;
    let mut services = client.configured_services()?;
    order::services(&mut services, |service| &service.key);
    let mut rules = Vec::new();
    for group in services.chunks(group_size(save.numeric)) {
        let mut table = Vec::with_capacity(group.len());
        for service in group {
            let mut servers = client.configured_destinations(&service.key)?;
            order::destinations(&mut servers, |server| &server.key);
            if save.no_thresholds {
                for server in &mut servers {
                    (server.upper_threshold, server.lower_threshold) = (0, 0);
                }
            }
            table.push((service, servers));
        }
        labels.prepare(table.iter().flat_map(|(service, servers)| {
            addresses(&service.key, servers.iter().map(|server| &server.key))
        }));
        for (service, servers) in table {
            rules::service(&mut rules, &mut labels, service, &servers)
                .map_err(CommandError::output)?;
        }
    }
    if save.full {
        let (timeouts, daemons) = (client.timeouts()?, client.daemons()?);
        rules::timeouts(&mut rules, &timeouts).map_err(CommandError::output)?;
        for daemon in &daemons {
            rules::daemon(&mut rules, daemon).map_err(CommandError::output)?;
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Fixture, Ran, words};
    use libipvs::fake::Fault;
    use std::fs;

    const RULES: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.0.0.1:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 2
-A -t 10.0.0.2:80 -s rr
";

    fn run(fixture: &Fixture, line: &str) -> Ran {
        fixture.run("", |context| program(context, &words(line)))
    }

    /// The rules in another order than that of a save.
    fn table() -> Fixture {
        let reversed = "\
-A -t 10.0.0.2:80 -s rr
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 2
-a -t 10.0.0.1:80 -r 10.0.0.1:80 -g -w 1
";
        Fixture::with(reversed)
    }

    #[test]
    fn a_save_is_sorted() {
        let fixture = table();
        for line in ["-n", "-n -", "-n /dev/stdout"] {
            assert_eq!(run(&fixture, line).ok(), RULES, "{line}");
        }
        assert_eq!(fixture.line("-Sn").ok(), RULES);
        let names = RULES.replace("10.0.0.1", "web").replace(":80", ":http");
        assert_eq!(run(&fixture, "").ok(), names);
        let empty = fixture.run("", |context| program(context, &["-n", ""]));
        assert_eq!(empty.ok(), RULES);
    }

    #[test]
    fn a_full_save_has_timeouts_and_daemons() {
        let fixture = table();
        fixture.line("--set 1 2 3").ok();
        fixture.line("--start-daemon backup --mcast-interface d0 --syncid 7").ok();
        assert_eq!(fixture.line("-Sn").ok(), RULES);
        let saved = run(&fixture, "-n --full").ok();
        let rest = saved.strip_prefix(RULES).expect("the rules come first");
        assert!(
            rest.starts_with("--set 1 2 3\n--start-daemon backup --mcast-interface d0 --syncid 7")
        );
        assert_eq!(fixture.line("-Sn --full").ok(), saved);
    }

    #[test]
    fn thresholds_can_be_left_out() {
        let line = "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 1";
        let fixture = Fixture::with(&format!("-A -t 10.0.0.1:80\n{line} -x 9 -y 8\n"));
        let with = format!("-A -t 10.0.0.1:80 -s wlc\n{line} -x 9 -y 8\n");
        let without = format!("-A -t 10.0.0.1:80 -s wlc\n{line}\n");
        assert_eq!(fixture.line("-Sn").ok(), with);
        assert_eq!(fixture.line("-Sn --no-thresholds").ok(), without);
        assert_eq!(run(&fixture, "-n --no-thresholds").ok(), without);
        // The number of words that some programs expect.
        assert_eq!(without.lines().nth(1).map(|line| line.split(' ').count()), Some(8));
    }

    #[test]
    fn a_save_into_a_file() {
        let fixture = table();
        let path = fixture.state.path().join("rules");
        let line = format!("-n {}", path.display());
        assert_eq!(run(&fixture, &line).ok(), "");
        assert_eq!(fs::read_to_string(&path).expect("a file"), RULES);
        // A table that cannot be read leaves the file as it is.
        for after in 0..3 {
            fixture.kernel.fail_request(after, Fault::Refuse(libc::ENOMEM));
            assert_eq!(run(&fixture, &line).fails(1), "Memory allocation problem\n");
            fixture.kernel.fail_request(after, Fault::Refuse(libc::ENOMEM));
            assert_eq!(run(&fixture, "-n").fails(1), "Memory allocation problem\n");
        }
        assert_eq!(fs::read_to_string(&path).expect("a file"), RULES);
        let error = run(&fixture, "/no\x1b/such").fails(1);
        assert_eq!(error, "cannot write `/no\\u{1b}/such': No such file or directory\n");
    }

    #[test]
    fn bad_command_lines_have_the_status_of_1_31() {
        let fixture = Fixture::new();
        let error = run(&fixture, "-x").fails(1);
        assert!(error.starts_with("unknown option `-x'\nUsage: ipvsadm-save "), "{error}");
        assert!(run(&fixture, "--fulll").fails(1).starts_with("unknown option `--fulll'\n"));
        assert_eq!(run(&fixture, "a b").fails(1), "unexpected argument b\n");
    }
}
