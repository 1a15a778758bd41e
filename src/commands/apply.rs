//! `ipvsadm apply`: makes the table equal to that of a file with the fewest changes, or leaves it as
//! it is. `ipvsadm-restore` does the same with a plan of its own.

use super::context::Context;
use super::rules::{Lines, Rule};
use super::simulation::{LineError, simulate};
use super::subcommand;
use crate::cli::{self, Invocation};
use crate::command::{Apply, Command};
use crate::error::{CommandError, ErrorKind, Place};
use crate::host::signals;
use crate::text::printable;
use crate::ui::Ui;
use crate::view::labels::Labels;
use crate::view::{json, rules};
use libipvs::model::Change;
use libipvs::{ApplyError, ChangeError, Plan, Scope, Table, Transport};
use std::io::{self, Write};

/// `ipvsadm apply WORDS`.
pub fn program<C: Transport>(
    context: &mut Context<C>,
    words: &[impl AsRef<[u8]>],
) -> Result<(), CommandError> {
    task(context, cli::apply::parse(words), apply)
}

/// Runs a task whose status 1 means a difference: failed output has another one.
pub fn task<C: Transport>(
    context: &mut Context<C>,
    parsed: Result<Invocation<Apply>, CommandError>,
    run: impl FnOnce(&mut Context<C>, &Apply) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut result = subcommand(context, parsed, run);
    if let Err(error) = context.ui.flush().map_err(CommandError::output) {
        if error.kind == ErrorKind::Output {
            result = Err(error);
        }
    }
    result.map_err(|error| match error.kind {
        ErrorKind::Output => CommandError { kind: ErrorKind::ApplyOutput, ..error },
        _ => error,
    })
}

fn apply<C: Transport>(context: &mut Context<C>, task: &Apply) -> Result<(), CommandError> {
    let mut lines = Lines::default();
    let (ui, names) = (&mut context.ui, context.names);
    let desired = simulate(ui, names, &task.file, apply_line, |rule| lines.add(&rule));
    let desired = desired.map_err(|rejected| match rejected.is_misuse {
        true => CommandError::silent(ErrorKind::Usage),
        false => CommandError::silent(ErrorKind::Refused),
    })?;
    let plan = plan(context, task, &desired, &lines)?;
    carry_out(context, task, &plan, &lines)
}

/// Compares the table with the desired one. A file without rules is refused: its producer may have
/// failed.
pub fn plan<C: Transport>(
    context: &mut Context<C>,
    task: &Apply,
    desired: &Table,
    lines: &Lines,
) -> Result<Plan, CommandError> {
    let client = context.client.get()?;
    let scope = if task.keep { Scope::Named } else { Scope::Whole };
    let plan = client.plan(desired, scope)?;
    if lines.is_empty() && !task.allow_empty && !plan.changes().is_empty() {
        let name = match &task.file[..] {
            b"-" => "standard input".to_string(),
            name => format!("`{}'", printable(name)),
        };
        let message = format!("{name} has no rules, and would delete all services");
        let hint = "use --allow-empty to do that, or ipvsadm -C".to_string();
        return Err(CommandError::new(ErrorKind::Input, message).hint(hint));
    }
    Ok(plan)
}

/// Makes the changes of a plan, or prints them, as the options request.
pub fn carry_out<C: Transport>(
    context: &mut Context<C>,
    task: &Apply,
    plan: &Plan,
    lines: &Lines,
) -> Result<(), CommandError> {
    let changes = plan.changes();
    if !task.dry_run && !changes.is_empty() {
        make_changes(context, plan, lines)?;
    }
    match print(&mut context.ui, task, changes).map_err(CommandError::output) {
        Err(error) if error.kind != ErrorKind::ClosedPipe => Err(error),
        _ if task.dry_run && !changes.is_empty() => {
            Err(CommandError::silent(ErrorKind::DifferenceFound))
        }
        _ => Ok(()),
    }
}

/// Applies a line of the file to the desired table.
fn apply_line(table: &mut Table, rule: &Rule, command: &Command) -> Result<(), LineError> {
    match command {
        Command::Change(Change::Zero(_) | Change::StopDaemon(_)) => {}
        Command::Change(change) => return Ok(table.apply(change)?),
        Command::List(_) | Command::Save(_) | Command::Restore { .. } => {}
        Command::Help { .. } | Command::Version => {}
    }
    let verb = rule.text.split(|b| b.is_ascii_whitespace()).find(|word| word.starts_with(b"-"));
    let verb = printable(verb.unwrap_or_default());
    Err(CommandError::usage(format!("`{verb}' is not allowed in a file for apply")).into())
}

/// Prints the changes where the options request it.
fn print(ui: &mut Ui, task: &Apply, changes: &[Change]) -> io::Result<()> {
    match (task.json, task.dry_run) {
        (true, _) => json::changes(ui, changes),
        (false, true) => {
            let mut labels = Labels::numeric();
            changes.iter().try_for_each(|change| rules::change(ui, &mut labels, change))
        }
        (false, false) => Ok(()),
    }
}

/// Makes the changes of the plan, or none of them and reports the errors.
fn make_changes<C: Transport>(
    context: &mut Context<C>,
    plan: &Plan,
    lines: &Lines,
) -> Result<(), CommandError> {
    let client = context.client.get()?;
    // A signal that ends the program waits until the table is the new one or the old one.
    let blocked = signals::block();
    let result = client.apply_plan(plan);
    drop(blocked);
    result.map_err(|error| report(context, error, lines))
}

/// Reports each refused change with its line, and what the rollback could not restore.
fn report<C>(context: &mut Context<C>, error: ApplyError, lines: &Lines) -> CommandError {
    let (ui, names) = (&mut context.ui, context.names);
    let mut kind = ErrorKind::Refused;
    match error {
        ApplyError::Refused { refused, unrestored, .. } => {
            for ChangeError { change, error, .. } in refused {
                let error = CommandError::from(error);
                kind = error.kind;
                let causes = |command: &_| matches!(command, Ok(Command::Change(line)) if is_cause(line, &change));
                let place = match lines.reversed(names).find(|(_, _, command)| causes(command)) {
                    Some((number, text, _)) => Place::new(Some(number), text),
                    None => place_of(&change),
                };
                ui.report(&error.at(place));
            }
            report_unrestored(ui, &unrestored);
        }
        ApplyError::Failed { error, rollback } => {
            let error = CommandError::from(error);
            ui.report(&error);
            kind = error.kind;
            if let Err(error) = rollback {
                let message = format!("the table may have changed: {error}");
                ui.report(&CommandError::new(kind, message));
            }
        }
        other => ui.report(&CommandError::new(kind, other.to_string())),
    }
    CommandError::silent(kind)
}

fn report_unrestored(ui: &mut Ui, unrestored: &[ChangeError]) {
    for ChangeError { change, error, .. } in unrestored {
        let message = format!("cannot roll back: {error}");
        ui.report(&CommandError::new(ErrorKind::Refused, message).at(place_of(change)));
    }
}

/// Returns true when a line of the file is the reason for a change.
fn is_cause(line: &Change, change: &Change) -> bool {
    use Change::*;
    match (line, change) {
        (AddService(a) | EditService(a), AddService(b) | EditService(b)) => a.key == b.key,
        (
            AddDestination(a, x) | EditDestination(a, x),
            AddDestination(b, y) | EditDestination(b, y),
        ) => a == b && x.key == y.key,
        (SetTimeouts(_), SetTimeouts(_)) => true,
        (StartDaemon(a), StartDaemon(b)) => a.role == b.role,
        (StartDaemon(a), StopDaemon(role)) => a.role == *role,
        _ => false,
    }
}

/// A change that no line of the file requests.
fn place_of(change: &Change) -> Place {
    let mut line = Vec::new();
    // Writing to a Vec does not fail.
    let _ = rules::change(&mut line, &mut Labels::numeric(), change);
    Place::new(None, &line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Fixture, Ran, words};
    use libipvs::fake::Fault;
    use libipvs::model::DaemonRole;

    const OLD: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.3:80 -s rr
";
    const NEW: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-A -t 10.0.0.2:80 -s rr
";
    const CHANGES: &str = "\
-A -t 10.0.0.2:80 -s rr
-e -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 5
-D -t 10.0.0.3:80
";

    fn run(fixture: &Fixture, line: &str, stdin: &str) -> Ran {
        fixture.run(stdin, |context| program(context, &words(line)))
    }

    #[test]
    fn the_table_becomes_that_of_the_file() {
        let fixture = Fixture::with(OLD);
        let before = fixture.changes();
        let dry = run(&fixture, "--dry-run -", NEW);
        assert_eq!((dry.status, dry.out.as_str(), dry.err.as_str()), (1, CHANGES, ""));
        assert_eq!((fixture.changes(), fixture.rules().as_str()), (before, OLD));
        assert_eq!(run(&fixture, "-", NEW).ok(), "");
        assert_eq!((fixture.changes(), fixture.rules().as_str()), (before + 3, NEW));
        assert_eq!(run(&fixture, "--dry-run -", NEW).ok(), "");
        assert_eq!(run(&fixture, "-", NEW).ok(), "");
        assert_eq!(fixture.changes(), before + 3);
    }

    #[test]
    fn keep_leaves_other_services_alone() {
        let fixture = Fixture::with(OLD);
        run(&fixture, "--keep -", "-A -f 7 -s rr\n").ok();
        assert_eq!(fixture.rules(), format!("{OLD}-A -f 7 -s rr\n"));
        run(&fixture, "-", "-A -f 7 -s rr\n").ok();
        assert_eq!(fixture.rules(), "-A -f 7 -s rr\n");
    }

    #[test]
    fn changes_as_json() {
        let fixture = Fixture::with(OLD);
        let dry = run(&fixture, "--dry-run --json -", NEW);
        assert_eq!(dry.status, 1);
        let document: serde_json::Value = serde_json::from_str(&dry.out).expect("a document");
        assert_eq!(document["changes"].as_array().map(Vec::len), Some(3));
        assert_eq!(run(&fixture, "--json -", NEW).ok(), dry.out);
        let none = run(&fixture, "--dry-run --json -", NEW).ok();
        assert!(none.contains("\"changes\": []"), "{none}");
    }

    #[test]
    fn a_bad_file_changes_nothing() {
        let fixture = Fixture::with(OLD);
        let before = fixture.changes();
        for (file, status, text) in [
            ("-A -f 1\n-A -f 1\n", 255, "Service already exists\nin line 2: -A -f 1\n"),
            ("-A -f 1 extra\n", 2, "unexpected argument extra\nin line 1: -A -f 1 extra\n"),
            ("-A --foo\n", 255, "--foo: unknown option\nin line 1: -A --foo\n"),
            ("-L\n", 2, "`-L' is not allowed in a file for apply\nin line 1: -L\n"),
            ("-S\n", 2, "`-S' is not allowed in a file for apply\nin line 1: -S\n"),
            ("-h\n", 2, "`-h' is not allowed in a file for apply\nin line 1: -h\n"),
            ("-Z -f 1\n", 2, "`-Z' is not allowed in a file for apply\nin line 1: -Z -f 1\n"),
            (
                "ipvsadm --stop-daemon master",
                2,
                "`--stop-daemon' is not allowed in a file for apply\n\
                 in line 1: ipvsadm --stop-daemon master\n",
            ),
        ] {
            for line in ["-", "--dry-run -"] {
                assert_eq!(run(&fixture, line, file).fails(status), text, "{file}");
            }
        }
        let unreadable = "cannot read `/no/such': No such file or directory\n";
        assert_eq!(run(&fixture, "/no/such", "").fails(2), unreadable);
        assert_eq!(fixture.changes(), before);
    }

    #[test]
    fn a_refused_change_is_rolled_back_and_has_a_line() {
        let fixture = Fixture::with(OLD);
        let file = format!("# first\n{NEW}");
        for (change, line) in [(0, NEW.lines().nth(2)), (1, NEW.lines().nth(1))] {
            fixture.kernel.fail_change(change, Fault::Refuse(libc::ENOMEM));
            let number = if change == 0 { 4 } else { 3 };
            let line = line.expect("a line");
            let expected = format!("Memory allocation problem\nin line {number}: {line}\n");
            assert_eq!(run(&fixture, "-", &file).fails(255), expected);
            assert_eq!(fixture.rules(), OLD);
        }
        // No line of the file is the reason for a deletion.
        fixture.kernel.fail_change(2, Fault::Refuse(libc::ENOMEM));
        let error = run(&fixture, "-", &file).fails(255);
        assert_eq!(error, "Memory allocation problem\nin: -D -t 10.0.0.3:80\n");
        assert_eq!(fixture.rules(), OLD);
        fixture.kernel.fail_change(0, Fault::Refuse(libc::EPERM));
        let error = run(&fixture, "-", &file).fails(2);
        assert!(error.starts_with("Can't initialize ipvs: "), "{error}");
    }

    #[test]
    fn a_failed_rollback_is_reported() {
        let fixture = Fixture::with(OLD);
        fixture.kernel.fail_change(1, Fault::Refuse(libc::ENOMEM));
        fixture.kernel.fail_change(2, Fault::Refuse(libc::EINVAL));
        let error = run(
            &fixture,
            "-",
            &NEW.replace(
                "-A -t 10.0.0.2:80 -s rr\n",
                "-A -t 10.0.0.2:80 -s rr\n-A -t 10.0.0.3:80 -s rr\n",
            ),
        )
        .fails(255);
        let rollback = error.split_once("\ncannot roll back: ").expect(&error).1;
        assert!(rollback.ends_with("\nin: -D -t 10.0.0.2:80\n"), "{error}");
    }

    #[test]
    fn a_failed_exchange_is_reported() {
        let fixture = Fixture::with(OLD);
        fixture.kernel.fail_change(0, Fault::LoseAnswers);
        let error = run(&fixture, "-", NEW).fails(255);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(fixture.rules(), OLD, "the rollback succeeded");
        fixture.kernel.fail_change(0, Fault::LoseAnswers);
        // The requests of the plan, the changes, and then the rollback.
        let requests = 3;
        let changes = 3;
        fixture.kernel.fail_request(requests + changes, Fault::Refuse(libc::ENOMEM));
        let error = run(&fixture, "-", NEW).fails(255);
        assert!(
            error.ends_with("\nthe table may have changed: Memory allocation problem\n"),
            "{error}"
        );
    }

    #[test]
    fn failed_output_is_told_apart_from_differences() {
        let full = "cannot write: No space left on device\n";
        let mut fixture = Fixture::with(OLD);
        fixture.stdout_error = Some(libc::ENOSPC);
        for (line, rules) in [("--dry-run -", NEW), ("--dry-run --json -", OLD), ("--help", "")] {
            assert_eq!(run(&fixture, line, rules).fails(255), full, "{line}");
        }
        fixture.stdout_error = Some(libc::EPIPE);
        assert_eq!(run(&fixture, "--dry-run -", NEW).fails(1), "");
        assert_eq!(run(&fixture, "--dry-run --json -", OLD).ok(), "");
        assert_eq!(run(&fixture, "--help", "").ok(), "");
        // More than the buffer of stdout holds.
        let service = |port| format!("-A -t 10.0.0.1:{port} -s wlc -p 300 -M 255.255.255.0\n");
        let many: String = (1000..1900).map(service).collect();
        assert!(many.len() > 40_000);
        assert_eq!(run(&fixture, "--dry-run -", &many).fails(1), "");
        fixture.stdout_error = Some(libc::ENOSPC);
        assert_eq!(run(&fixture, "--dry-run -", &many).fails(255), full);
    }

    #[test]
    fn the_line_that_is_the_reason_for_a_change() {
        let of = |line: &str| match crate::cli::parser::command(&words(line), &crate::names::System)
        {
            Ok(Command::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        };
        let is = |line: &str, change: &str| is_cause(&of(line), &of(change));
        assert!(is("-A -f 1 -s rr", "-E -f 1 -s wlc") && !is("-A -f 1", "-E -f 2"));
        assert!(is("-e -f 1 -r 10.0.0.1", "-a -f 1 -r 10.0.0.1 -w 7"));
        assert!(!is("-a -f 1 -r 10.0.0.1", "-a -f 1 -r 10.0.0.2"));
        assert!(!is("-a -f 1 -r 10.0.0.1", "-a -f 2 -r 10.0.0.1"));
        assert!(is("--set 1 2 3", "--set 0 2 0") && !is("--set 1 2 3", "-C"));
        let start = |role| of(&format!("--start-daemon {role} --mcast-interface d0"));
        let stop = Change::StopDaemon(DaemonRole::Master);
        assert!(is_cause(&start("master"), &start("master")));
        assert!(!is_cause(&start("master"), &start("backup")));
        assert!(is_cause(&start("master"), &stop) && !is_cause(&start("backup"), &stop));
    }
}
