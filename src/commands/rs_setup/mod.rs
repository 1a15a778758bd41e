//! `ipvsadm rs-setup`: sets a host up as a real server, checks it, and reverts the set-up.
//!
//! ```text
//! words -> cli -> RsSetup ---------+
//! kernel -> host -> Snapshot ------+-> setup::real_server -> Plan -> render | apply | report
//! ```

mod own_table;
mod report;
#[cfg(test)]
mod tests;

use crate::cli::Invocation;
use crate::cli::rs_setup::{self as cli, Action, RsSetup};
use crate::diagnose::real_server::OwnTable;
use crate::error::{CommandError, ErrorKind};
use crate::host::Host;
use crate::host::snapshot::Snapshot;
use crate::setup::journal::{self, Journal, Setup};
use crate::setup::persistence::{Changes, Persistence};
use crate::setup::plan::Plan;
use crate::setup::real_server::{self, Method, Settings};
use crate::setup::{Error, apply, render, revert};
use crate::ui::Ui;
use crate::view::json;
use report::Report;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

type Record = journal::Record<Settings>;

/// `ipvsadm rs-setup WORDS`.
pub fn program(ui: &mut Ui, words: &[impl AsRef<[u8]>]) -> Result<(), CommandError> {
    let mut notes = Vec::new();
    let result = run(words, ui, &mut notes);
    notes.iter().for_each(|note| ui.message(note));
    result
}

/// Runs the command. The caller prints `notes`, whatever the result.
fn run(
    words: &[impl AsRef<[u8]>],
    out: &mut impl Write,
    notes: &mut Vec<String>,
) -> Result<(), CommandError> {
    let command = match cli::parse(words)? {
        Invocation::Help(text) => {
            return out.write_all(text.as_bytes()).map_err(CommandError::output);
        }
        Invocation::Run(command) => command,
    };
    let result = match (command.action, command.dry_run) {
        (Action::Setup, false) => setup(&command, out, notes),
        (Action::Setup, true) => dry_run(&command, out),
        (Action::Check, _) => check(&command, out),
        (Action::Undo, false) => undo(&command, out, notes),
        (Action::Undo, true) => dry_undo(&command, out),
    };
    result.map_err(|failure| match failure {
        Failure::Setup(error) => {
            let needs_root = error.not_permitted() && !nix::unistd::geteuid().is_root();
            let hint = if needs_root { " (you must be root)" } else { "" };
            CommandError::new(ErrorKind::SetupFailed, format!("{error}{hint}"))
        }
        Failure::Command(error) => error,
    })
}

#[derive(Debug)]
enum Failure {
    Setup(Error),
    Command(CommandError),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Setup(error.into())
    }
}

fn usage(text: impl Into<String>) -> Failure {
    Failure::Command(CommandError::usage(text))
}

fn not_written(error: io::Error) -> Failure {
    Failure::Command(CommandError::output(error))
}

/// A failure that is explained already.
fn not_ready() -> Failure {
    Failure::Command(CommandError::silent(ErrorKind::NotReady))
}

/// The plan for a host, unless something conflicts with it.
fn plan(command: &RsSetup, record: &Record, snapshot: &Snapshot) -> Result<Plan, Failure> {
    let RsSetup { settings, vips, .. } = command;
    for owner in settings.owners(vips) {
        let earlier = record.setups.get(&owner).map(|setup| &setup.settings);
        if let Some(earlier) = earlier.filter(|earlier| *earlier != settings) {
            return Err(usage(format!(
                "{owner} is set up with {}; to change that, first run 'ipvsadm rs-setup --undo {owner}'",
                render::shell_line(&earlier.options()),
            )));
        }
    }
    if let Some(missing) = settings.interfaces.iter().find(|name| snapshot.link(name).is_none()) {
        return Err(usage(format!("there is no device {missing}")));
    }
    let plan = real_server::plan(settings, vips, snapshot)?;
    match plan.conflicts.first() {
        Some(conflict) => Err(usage(format!("{}. {}", conflict.text, conflict.advice))),
        None => Ok(plan),
    }
}

fn setup(command: &RsSetup, out: &mut impl Write, notes: &mut Vec<String>) -> Result<(), Failure> {
    let RsSetup { settings, vips, .. } = command;
    let persistence = Persistence::below(&command.root);
    if command.persist && !persistence.applies() {
        return Err(usage(
            "--persist works only in the network namespace that the system starts in",
        ));
    }
    let mut journal: Journal<Settings> = Journal::open()?;
    persistence.recall(&mut journal.record)?;
    let mut host = Host::open()?;
    let plan = plan(command, &journal.record, &host.observe(&real_server::query(settings))?)?;
    let owners = settings.owners(vips);
    let setups = owners.iter().map(|owner| {
        let earlier = journal.record.setups.get(owner);
        let persist = command.persist || earlier.is_some_and(|earlier| earlier.persist);
        (*owner, Setup { settings: settings.clone(), persist })
    });
    let setups: Vec<_> = setups.collect();
    let count = apply::apply(&mut host, &mut journal, &plan.steps, setups, notes)?;
    let count = match count {
        0 => "nothing to change".to_string(),
        1 => "1 change".to_string(),
        count => format!("{count} changes"),
    };
    let (owners, method) = (list(&owners), settings.method_name());
    writeln!(out, "{owners}: ready for {method} ({count})").map_err(not_written)?;
    let lasts = journal.record.setups.values().any(|setup| setup.persist);
    if lasts && !persistence.has_systemd() {
        if command.persist {
            notes.push("cannot make it last: systemd is not running; at each boot, run".into());
            notes.extend(
                real_server::commands(&journal.record.setups)
                    .iter()
                    .map(|words| format!("  ipvsadm {}", render::shell_line(words))),
            );
            return Err(not_ready());
        }
        return Ok(());
    }
    let changes = persistence.sync(&journal.record, &host.indexes()?)?;
    print_changes(&changes, out, notes).map_err(not_written)
}

/// Prints the changes to the files of --persist.
fn print_changes(
    changes: &Changes,
    out: &mut impl Write,
    notes: &mut Vec<String>,
) -> io::Result<()> {
    for path in &changes.written {
        writeln!(out, "written: {}", path.display())?;
    }
    for path in &changes.removed {
        writeln!(out, "removed: {}", path.display())?;
    }
    let left_alone = changes.left_alone.iter().map(|path| path.display());
    notes.extend(left_alone.map(|path| format!("{path}: not written by rs-setup, left as it is")));
    Ok(())
}

fn dry_run(command: &RsSetup, out: &mut impl Write) -> Result<(), Failure> {
    let record = journal::read().unwrap_or_default();
    let snapshot = Host::open()?.observe(&real_server::query(&command.settings))?;
    let plan = plan(command, &record, &snapshot)?;
    let steps = plan.steps.iter().filter(|step| !step.in_place());
    let lines =
        steps.flat_map(|step| render::commands(&step.resource, &step.current, &step.desired));
    print_commands(command, &lines.collect::<Vec<_>>(), out).map_err(not_written)
}

fn print_commands(command: &RsSetup, lines: &[String], out: &mut impl Write) -> io::Result<()> {
    if command.json {
        return json::document(out, "commands", &lines);
    }
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn undo(command: &RsSetup, out: &mut impl Write, notes: &mut Vec<String>) -> Result<(), Failure> {
    let persistence = Persistence::below(&command.root);
    let mut journal: Journal<Settings> = Journal::open()?;
    persistence.recall(&mut journal.record)?;
    let owners = owners_to_revert(command, &journal.record, notes);
    let names = match &owners {
        Some(owners) => list(owners),
        None => list(journal.record.setups.keys()),
    };
    let mut host = Host::open()?;
    let before = journal.record.entries.len();
    let failures = revert::revert(&mut host, &mut journal, owners.as_ref(), notes)?;
    if !failures.is_empty() {
        notes.extend(failures.iter().map(Error::to_string));
        return Err(not_ready());
    }
    let count = before - journal.record.entries.len();
    if !names.is_empty() || before > 0 {
        writeln!(out, "{names}: reverted ({count} settings)").map_err(not_written)?;
    }
    let changes = persistence.sync(&journal.record, &host.indexes()?)?;
    print_changes(&changes, out, notes).map_err(not_written)
}

/// The owners whose set-up is reverted; `None` for all of them.
fn owners_to_revert(
    command: &RsSetup,
    record: &Record,
    notes: &mut Vec<String>,
) -> Option<BTreeSet<IpAddr>> {
    if command.vips.is_empty() {
        return None;
    }
    let is_known = |vip: &IpAddr| {
        record.setups.contains_key(vip) || record.entries.iter().any(|e| e.owners.contains(vip))
    };
    let unknown = command.vips.iter().filter(|vip| !is_known(vip));
    notes.extend(unknown.map(|vip| format!("{vip} is not set up by rs-setup")));
    Some(command.vips.iter().copied().filter(is_known).collect())
}

fn dry_undo(command: &RsSetup, out: &mut impl Write) -> Result<(), Failure> {
    let record = journal::read()?;
    let owners = owners_to_revert(command, &record, &mut Vec::new());
    let changes = revert::pending(&mut Host::open()?, &record, owners.as_ref())?;
    let lines =
        changes.iter().flat_map(|(resource, from, to)| render::commands(resource, from, to));
    print_commands(command, &lines.collect::<Vec<_>>(), out).map_err(not_written)
}

fn check(command: &RsSetup, out: &mut impl Write) -> Result<(), Failure> {
    let of_record = command.vips.is_empty() && !command.method_given;
    // The record is readable by root only. VIPs that are named can be checked without it.
    let record = match journal::read() {
        Ok(mut record) => {
            let _ = Persistence::below(&command.root).recall(&mut record);
            record
        }
        Err(error) if of_record => return Err(error.into()),
        Err(_) => Record::default(),
    };
    let groups = groups_to_check(command, &record);
    if groups.is_empty() {
        let text = "nothing is set up by rs-setup here; give the VIPs to check";
        return Err(Failure::Command(CommandError::new(ErrorKind::NotReady, text)));
    }
    let mut host = Host::open()?;
    let mut reports = Vec::new();
    for (settings, vips) in &groups {
        let snapshot = host.observe(&real_server::query(settings))?;
        let is_local = |address| snapshot.addresses.iter().any(|local| local.net.addr() == address);
        let own_table = match settings.method {
            Method::Masquerading { .. } => OwnTable::default(),
            Method::Gatewaying | Method::Ipip(_) => own_table::read(vips, is_local),
        };
        reports.push(Report::new(settings, vips, &snapshot, &own_table)?);
    }
    let written = match command.json {
        true => json::document(out, "reports", &reports),
        false => report::print(&reports, out),
    };
    written.map_err(not_written)?;
    if reports.iter().all(|report| report.ok) { Ok(()) } else { Err(not_ready()) }
}

/// The settings to check, each with its VIPs. A VIP that is set up is checked with its settings,
/// unless the command line gives a method.
fn groups_to_check(command: &RsSetup, record: &Record) -> Vec<(Settings, Vec<IpAddr>)> {
    let RsSetup { settings, vips, .. } = command;
    let recorded = |vip: &IpAddr| record.setups.get(vip).map(|setup| &setup.settings);
    if vips.is_empty() && !command.method_given {
        return real_server::by_settings(record.setups.iter().map(|(&vip, s)| (&s.settings, vip)));
    }
    let settings_of = |vip| match command.method_given {
        true => settings,
        false => recorded(vip).unwrap_or(settings),
    };
    let owners = settings.owners(vips);
    real_server::by_settings(owners.iter().map(|owner| (settings_of(owner), *owner)))
}

fn list<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> String {
    addresses.into_iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}
