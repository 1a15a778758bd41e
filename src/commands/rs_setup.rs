//! `ipvsadm rs-setup`: this host made a real server, and what was made taken back without a trace.
//!
//! ```text
//! words -> args -> Task ------+
//! kernel -> host -> Observed -+-> plan -> steps -> commands | carry_out | check
//!                                          carry_out <-> journal (/run), persist (/etc)
//! ```
//!
//! What a method needs of a host is said once, in [`plan`].

use crate::cli::rs_setup::{self as args, Stop, Task, Verb};
use crate::error::{CommandError, ErrorKind};
use crate::host::host::Host;
use crate::host::state_file;
use crate::setup::carry_out::{self, Error};
use crate::setup::check::{self, Report};
use crate::setup::journal::{Journal, Record, Setup};
use crate::setup::persist::{self, Changes, Persist};
use crate::setup::plan::{self, Plan};
use crate::setup::settings::{Method, Settings};
use crate::setup::{balanced, commands};
use crate::ui::Ui;
use crate::view::json;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt;

mod status {
    pub const DONE: u8 = 0;
    /// Something is missing, or the kernel refused.
    pub const MISSING: u8 = 1;
}

/// Why it did not come to an end.
enum Failure {
    Refused(Error),
    Bad(String),
    /// There is nothing to check.
    Nothing,
    Io(io::Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Refused(error.into())
    }
}

/// `ipvsadm rs-setup WORDS`.
pub fn program(ui: &mut Ui, words: &[impl AsRef<[u8]>]) -> Result<(), CommandError> {
    let words = words.iter().map(|word| OsString::from_vec(word.as_ref().to_vec()));
    let task = match args::task(words) {
        Ok(task) => task,
        Err(Stop::Help(text)) => return write!(ui, "{text}").map_err(CommandError::output),
        Err(Stop::Bad(text, hint)) => return Err(CommandError::usage(text).hint(hint)),
    };
    let mut notes = Vec::new();
    let result = run(&task, ui, &mut notes);
    ui.flush().map_err(CommandError::output)?;
    notes.iter().for_each(|note| ui.message(note));
    match result {
        Ok(status::DONE) => Ok(()),
        Ok(_) => Err(CommandError::silent(ErrorKind::NotReady)),
        Err(Failure::Io(e)) => Err(CommandError::output(e)),
        Err(Failure::Bad(text)) => Err(CommandError::usage(text)),
        Err(Failure::Nothing) => {
            let text = "nothing is set up here by rs-setup: say which VIP to check for";
            Err(CommandError::new(ErrorKind::NotReady, text))
        }
        Err(Failure::Refused(error)) => {
            let hint = if error.not_permitted() && !nix::unistd::geteuid().is_root() {
                " (you must be root)"
            } else {
                ""
            };
            Err(CommandError::new(ErrorKind::SetupFailed, format!("{error}{hint}")))
        }
    }
}

fn run(task: &Task, out: &mut impl Write, notes: &mut Vec<String>) -> Result<u8, Failure> {
    match (task.verb, task.dry_run) {
        (Verb::Setup, false) => setup(task, out, notes),
        (Verb::Setup, true) => dry_run(task, out),
        (Verb::Check, _) => check(task, out),
        (Verb::Undo, false) => undo(task, out, notes),
        (Verb::Undo, true) => dry_undo(task, out),
    }
}

/// Those that something is done for: the VIPs, or with NAT and none of them, the gateways.
fn owners(settings: &Settings, vips: &[IpAddr]) -> Vec<IpAddr> {
    match &settings.method {
        Method::Masquerading { gateways } if vips.is_empty() => gateways.clone(),
        _ => vips.to_vec(),
    }
}

/// A plan that nothing stands against.
fn feasible(task: &Task, record: &Record, host: &mut Host) -> Result<Plan, Failure> {
    for owner in owners(&task.settings, &task.vips) {
        let earlier = record.setups.get(&owner);
        if let Some(setup) = earlier.filter(|setup| setup.settings != task.settings) {
            return Err(Failure::Bad(format!(
                "{owner} is set up already, with {}; first take that back: ipvsadm rs-setup --undo {owner}",
                setup.settings.words().join(" "),
            )));
        }
    }
    let seen = host.observe(&task.settings)?;
    if let Some(missing) = task.settings.interfaces.iter().find(|name| seen.link(name).is_none()) {
        return Err(Failure::Bad(format!("there is no device {missing}")));
    }
    let plan = plan::plan(&task.settings, &task.vips, &seen);
    match plan.conflicts.first() {
        Some(conflict) => Err(Failure::Bad(format!("{}: {}", conflict.text, conflict.advice))),
        None => Ok(plan),
    }
}

fn setup(task: &Task, out: &mut impl Write, notes: &mut Vec<String>) -> Result<u8, Failure> {
    let persist = Persist::below(&task.root);
    if task.persist && !persist.applies() {
        return Err(Failure::Bad(
            "--persist is for the network namespace that the system starts in, and this is another"
                .into(),
        ));
    }
    let mut journal = Journal::open()?;
    persist.recall(&mut journal.record)?;
    let mut host = Host::open()?;
    let plan = feasible(task, &journal.record, &mut host)?;
    let setups: Vec<_> = owners(&task.settings, &task.vips)
        .into_iter()
        .map(|owner| {
            let persist = task.persist
                || journal.record.setups.get(&owner).is_some_and(|earlier| earlier.persist);
            (owner, Setup { settings: task.settings.clone(), persist })
        })
        .collect();
    let names = listed(setups.iter().map(|(owner, _)| owner));
    let count = carry_out::setup(&mut host, &mut journal, &plan.steps, setups, notes)?;
    let count = match count {
        0 => "nothing to change".to_string(),
        1 => "1 change".to_string(),
        count => format!("{count} changes"),
    };
    writeln!(out, "{names}: ready for {} ({count})", task.settings.title()).map_err(Failure::Io)?;
    let lasting = journal.record.setups.values().any(|setup| setup.persist);
    if lasting && !persist.systemd() {
        if task.persist {
            notes.push("there is no systemd here to make it last: at each boot, run".into());
            notes.extend(
                persist::lines(&journal.record.setups).iter().map(|l| format!("  ipvsadm {l}")),
            );
            return Ok(status::MISSING);
        }
        return Ok(status::DONE);
    }
    let changes = persist.sync(&journal.record, &host.indexes()?)?;
    told(&changes, out, notes)
}

/// Say what became of the files of --persist.
fn told(changes: &Changes, out: &mut impl Write, notes: &mut Vec<String>) -> Result<u8, Failure> {
    for path in &changes.written {
        writeln!(out, "written: {}", path.display()).map_err(Failure::Io)?;
    }
    for path in &changes.removed {
        writeln!(out, "removed: {}", path.display()).map_err(Failure::Io)?;
    }
    notes.extend(
        changes
            .left
            .iter()
            .map(|path| format!("{}: not as rs-setup writes it, left as it is", path.display())),
    );
    Ok(status::DONE)
}

fn dry_run(task: &Task, out: &mut impl Write) -> Result<u8, Failure> {
    let record = state_file::read().unwrap_or_default();
    let plan = feasible(task, &record, &mut Host::open()?)?;
    let steps = plan.steps.iter().filter(|step| !step.in_place());
    let lines = steps.flat_map(|s| commands::commands(&s.what, &s.found, &s.wanted)).collect();
    print_commands(task, lines, out)
}

fn print_commands(task: &Task, lines: Vec<String>, out: &mut impl Write) -> Result<u8, Failure> {
    if task.json {
        json::document(out, "commands", &lines).map_err(Failure::Io)?;
    } else {
        for line in lines {
            writeln!(out, "{line}").map_err(Failure::Io)?;
        }
    }
    Ok(status::DONE)
}

fn undo(task: &Task, out: &mut impl Write, notes: &mut Vec<String>) -> Result<u8, Failure> {
    let persist = Persist::below(&task.root);
    let mut journal = Journal::open()?;
    persist.recall(&mut journal.record)?;
    let (chosen, names) = chosen(task, &journal.record, notes);
    let mut host = Host::open()?;
    let before = journal.record.entries.len();
    let failures = carry_out::undo(&mut host, &mut journal, chosen.as_ref(), notes)?;
    let count = before - journal.record.entries.len();
    notes.extend(failures.iter().map(Error::to_string));
    if !failures.is_empty() {
        return Ok(status::MISSING);
    }
    if !names.is_empty() || before > 0 {
        writeln!(out, "{}: taken back ({count} settings)", listed(&names)).map_err(Failure::Io)?;
    }
    let changes = persist.sync(&journal.record, &host.indexes()?)?;
    told(&changes, out, notes)
}

/// Who is to be taken back; none for all. What is not set up is said.
fn chosen(
    task: &Task,
    record: &Record,
    notes: &mut Vec<String>,
) -> (Option<BTreeSet<IpAddr>>, Vec<IpAddr>) {
    if task.vips.is_empty() {
        return (None, record.setups.keys().copied().collect());
    }
    let known = |vip: &&IpAddr| {
        record.setups.contains_key(vip) || record.entries.iter().any(|e| e.owners.contains(vip))
    };
    notes.extend(
        task.vips
            .iter()
            .filter(|vip| !known(vip))
            .map(|vip| format!("{vip}: nothing here is of rs-setup")),
    );
    let vips: Vec<IpAddr> = task.vips.iter().filter(known).copied().collect();
    (Some(vips.iter().copied().collect()), vips)
}

fn dry_undo(task: &Task, out: &mut impl Write) -> Result<u8, Failure> {
    let record = state_file::read()?;
    let (chosen, _) = chosen(task, &record, &mut Vec::new());
    let mut host = Host::open()?;
    let steps = carry_out::inverses(&mut host, &record, chosen.as_ref())?;
    let lines =
        steps.iter().flat_map(|(what, now, to)| commands::commands(what, now, to)).collect();
    print_commands(task, lines, out)
}

fn check(task: &Task, out: &mut impl Write) -> Result<u8, Failure> {
    // Without privilege nothing is known of what was set up; named VIPs can be checked all the same.
    let record = match state_file::read() {
        Ok(mut record) => {
            let _ = Persist::below(&task.root).recall(&mut record);
            record
        }
        Err(error) if task.vips.is_empty() && !task.method_given => return Err(error.into()),
        Err(_) => Record::default(),
    };
    // What was set up says with what method, unless the command line does.
    let mut groups: Vec<(Settings, Vec<IpAddr>)> = Vec::new();
    let mut add = |settings: &Settings, vip: IpAddr| {
        let vips = match &settings.method {
            Method::Masquerading { gateways } if gateways.contains(&vip) => None,
            _ => Some(vip),
        };
        match groups.iter_mut().find(|(known, _)| known == settings) {
            Some((_, known)) => known.extend(vips),
            None => groups.push((settings.clone(), vips.into_iter().collect())),
        }
    };
    if task.vips.is_empty() && !task.method_given {
        for (&vip, setup) in &record.setups {
            add(&setup.settings, vip);
        }
    }
    for &vip in &task.vips {
        match record.setups.get(&vip) {
            Some(setup) if !task.method_given => add(&setup.settings, vip),
            _ => add(&task.settings, vip),
        }
    }
    if let (Method::Masquerading { gateways }, true) = (&task.settings.method, task.vips.is_empty())
    {
        gateways.iter().for_each(|&gateway| add(&task.settings, gateway));
    }
    if groups.is_empty() {
        return Err(Failure::Nothing);
    }
    let mut host = Host::open()?;
    let mut reports = Vec::new();
    for (settings, vips) in &groups {
        let mut seen = host.observe(settings)?;
        if !matches!(settings.method, Method::Masquerading { .. }) {
            let here = |address| seen.addresses.iter().any(|a| a.address == address);
            seen.balancing = balanced::look(vips, here);
        }
        reports.push(Report::new(settings, vips, &seen));
    }
    let written = match task.json {
        true => json::document(out, "reports", &reports),
        false => check::tables(&reports, out),
    };
    written.map_err(Failure::Io)?;
    Ok(if reports.iter().all(Report::good) { status::DONE } else { status::MISSING })
}

fn listed<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> String {
    addresses.into_iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}
