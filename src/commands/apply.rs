//! `ipvsadm apply`: the table becomes what a file says, with the fewest changes, or stays as it is.

use super::restore::Fault;
use super::rules::{Lines, Rule};
use super::{Run, status};
use crate::cli::apply;
use crate::command::{Apply, Command};
use crate::host::signals;
use crate::text::printable;
use crate::view::labels::Labels;
use crate::view::{json, rules};
use libipvs::Table;
use libipvs::model::Change;
use libipvs::{ApplyError, Plan, Refusal, Scope};
use std::io::{Read, Write};

impl<R: Read, O: Write, E: Write> Run<'_, R, O, E> {
    /// `ipvsadm apply WORDS`: its exit status.
    pub(super) fn apply_program(&mut self, words: &[impl AsRef<[u8]>]) -> u8 {
        let status = self.asked(apply::parse(words), Self::apply);
        let flushed = self.out.flush();
        // 1 would be a result.
        self.written(flushed, status, status::REFUSED)
    }

    fn apply(&mut self, task: &Apply) -> u8 {
        let mut lines = Lines::default();
        let wanted = match self.checked(&task.file, try_on, |rule| lines.keep(&rule)) {
            Ok(wanted) => wanted,
            Err(bad) if bad.misused => return status::USAGE,
            Err(_) => return status::REFUSED,
        };
        let scope = if task.keep { Scope::Named } else { Scope::Whole };
        let plan = match self.client().and_then(|client| client.plan(wanted, scope)) {
            Ok(plan) => plan,
            Err(error) => return self.failed(&error, status::REFUSED),
        };
        let changes = plan.changes();
        if !task.dry_run && !changes.is_empty() {
            if let Err(status) = self.carry_out_plan(&plan, &lines) {
                return status;
            }
        }
        let status = match task.dry_run && !changes.is_empty() {
            true => status::LIST,
            false => status::DONE,
        };
        let written = match (task.json, task.dry_run) {
            (true, _) => json::changes(&mut self.out, changes),
            (_, true) => {
                let mut labels = Labels::numeric();
                changes.iter().try_for_each(|c| rules::change(&mut self.out, &mut labels, c))
            }
            _ => Ok(()),
        };
        self.written(written, status, status::REFUSED)
    }

    /// Make the changes, or say why not; the status then.
    fn carry_out_plan(&mut self, plan: &Plan, lines: &Lines) -> Result<(), u8> {
        // A signal that would end this waits until the table is the new one or the old one.
        let held = signals::hold();
        let result = match self.client() {
            Ok(client) => Ok(client.apply_plan(plan)),
            Err(error) => Err(error),
        };
        drop(held);
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(self.not_applied(failure, lines)),
            Err(error) => Err(self.failed(&error, status::REFUSED)),
        }
    }

    fn not_applied(&mut self, failure: ApplyError, lines: &Lines) -> u8 {
        match failure {
            ApplyError::Refused { refused, unrestored } => {
                let mut status = status::REFUSED;
                for (change, error) in &refused {
                    status = self.failed(error, status::REFUSED);
                    let wanted = |command: &_| matches!(command, Ok(Command::Change(line)) if wants(line, change));
                    let mut lines = lines.backwards(self.names);
                    match lines.find(|(_, _, command)| wanted(command)) {
                        Some((number, text, _)) => self.place(number, text),
                        None => self.complain(&format!("in: {}", as_line(change))),
                    }
                }
                self.unrestored(&unrestored);
                status
            }
            ApplyError::Failed { error, rollback } => {
                let status = self.failed(&error, status::REFUSED);
                if let Err(error) = rollback {
                    self.complain(&format!("the table may have changed: {error}"));
                }
                status
            }
            other => {
                self.complain(&other.to_string());
                status::REFUSED
            }
        }
    }

    fn unrestored(&mut self, unrestored: &[Refusal]) {
        for (change, error) in unrestored {
            self.complain(&format!("cannot roll back: {error}\nin: {}", as_line(change)));
        }
    }
}

/// What a line of a file to apply does to the table: it has to say how the table is to be.
fn try_on(table: &mut Table, rule: &Rule, command: &Command) -> Result<(), Fault> {
    match command {
        Command::Change(Change::Zero(_) | Change::StopDaemon(_)) => {}
        Command::Change(change) => return Ok(table.apply(change)?),
        Command::List(_) | Command::Save(_) | Command::Restore { .. } => {}
        Command::Help | Command::Version => {}
    }
    let verb = rule.text.split(|b| b.is_ascii_whitespace()).find(|word| word.starts_with(b"-"));
    let verb = printable(verb.unwrap_or_default());
    Err(Fault::new(&format!("`{verb}' cannot be in what apply reads")))
}

/// Whether a line of the file is what the change was made for.
fn wants(line: &Change, change: &Change) -> bool {
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

fn as_line(change: &Change) -> String {
    let mut line = Vec::new();
    // Writing to a Vec does not fail.
    let _ = rules::change(&mut line, &mut Labels::numeric(), change);
    printable(line.trim_ascii())
}
