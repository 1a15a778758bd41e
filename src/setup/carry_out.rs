//! A plan carried out and taken back, each step written down before it is done.

use super::debug;
use super::journal::{self, Journal, Setup};
use super::persist;
use crate::host::host::{self, Host};
use crate::host::resource::{Resource, ResourceState};
use crate::host::state_file;
use crate::setup::step::PlanStep;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Why it was not done. By then what had been done is taken back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} could not be made {wanted}: {source}")]
    Step { what: String, wanted: String, source: host::Error },
    #[error(transparent)]
    Host(#[from] host::Error),
    #[error(transparent)]
    Journal(#[from] state_file::Error),
    #[error(transparent)]
    Persist(#[from] persist::Error),
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        match self {
            Error::Step { source, .. } | Error::Host(source) => source.not_permitted(),
            Error::Journal(source) => source.not_permitted(),
            Error::Persist(source) => source.not_permitted(),
        }
    }
}

/// Take the steps that are not in place; how many there were. A step that fails takes back those
/// before it; `notes` says what could not be taken back.
pub fn setup(
    host: &mut Host,
    journal: &mut Journal,
    steps: &[PlanStep],
    setups: impl IntoIterator<Item = (IpAddr, Setup)>,
    notes: &mut Vec<String>,
) -> Result<usize, Error> {
    // All that can be known to fail does so before anything is changed.
    for step in steps.iter().filter(|step| !step.in_place()) {
        if let Resource::Sysctl { key } = &step.what {
            host::writable(key)?;
        }
    }
    let earlier = journal.record.clone();
    journal.record.setups.extend(setups);
    for step in steps {
        if let Some(entry) = journal.record.entry(&step.what) {
            entry.owners.extend(&step.owners);
        }
    }
    journal.save()?;
    let mut taken = Vec::new();
    for step in steps {
        if let Err(error) = take(host, journal, step, &mut taken) {
            for (what, before, after) in taken.into_iter().rev() {
                if let Err(error) = back(host, &what, &before, &[after]) {
                    notes.push(format!("{what} could not be put back: {error}"));
                }
            }
            journal.record = earlier;
            journal.save()?;
            return Err(error);
        }
    }
    Ok(taken.len())
}

fn take(
    host: &mut Host,
    journal: &mut Journal,
    step: &PlanStep,
    taken: &mut Vec<(Resource, ResourceState, ResourceState)>,
) -> Result<(), Error> {
    let failed = |source| Error::Step {
        what: step.what.to_string(),
        wanted: step.wanted.text(&step.what),
        source,
    };
    // How it is now, which may be news: a device that an earlier step made has its settings.
    let found = host.state(&step.what).map_err(failed)?;
    if found == step.wanted && !step.forced {
        return Ok(());
    }
    journal.record.begin(&step.what, found.clone(), step.wanted.clone(), &step.owners);
    journal.save()?;
    debug::moment();
    taken.push((step.what.clone(), found.clone(), step.wanted.clone()));
    if debug::fails() {
        return Err(failed(host::Error::NoSetting));
    }
    host.apply(&step.what, &found, &step.wanted).map_err(failed)?;
    debug::moment();
    Ok(())
}

/// What became of one thing that was to be put back.
enum Back {
    Done,
    /// Somebody changed it since.
    Changed(ResourceState),
    /// Somebody else's addresses are on the device.
    InUse(Vec<IpAddr>),
}

/// Put one thing back into the state it was found in, if it is as rs-setup made it.
fn back(
    host: &mut Host,
    what: &Resource,
    before: &ResourceState,
    after: &[ResourceState],
) -> Result<Back, host::Error> {
    let now = host.state(what)?;
    let gone = matches!(what, Resource::Sysctl { .. }) && now == ResourceState::Absent;
    if now == *before || gone {
        return Ok(Back::Done);
    }
    if !after.contains(&now) {
        return Ok(Back::Changed(now));
    }
    if let Resource::Up { device, .. } | Resource::Device { name: device, .. } = what {
        let others = host.addresses_on(device)?;
        if !others.is_empty() {
            return Ok(Back::InUse(others));
        }
    }
    host.apply(what, &now, before)?;
    Ok(Back::Done)
}

/// Take back what was done for `owners` (for all, without any) and is not needed by others.
///
/// Goes on after a failure. What was left alone is in `notes`, failures are returned.
pub fn undo(
    host: &mut Host,
    journal: &mut Journal,
    owners: Option<&BTreeSet<IpAddr>>,
    notes: &mut Vec<String>,
) -> Result<Vec<Error>, Error> {
    let gone = |owner: &IpAddr| owners.is_none_or(|owners| owners.contains(owner));
    let mut failures = Vec::new();
    for position in (0..journal.record.entries.len()).rev() {
        let entry = &mut journal.record.entries[position];
        if entry.owners.iter().all(gone) {
            let entry = entry.clone();
            match back(host, &entry.what, &entry.before, &entry.after) {
                Ok(back) => {
                    debug::moment();
                    notes.extend(left_alone(&entry.what, back));
                    journal.record.entries.remove(position);
                }
                Err(source) => {
                    let wanted = entry.before.text(&entry.what);
                    failures.push(Error::Step { what: entry.what.to_string(), wanted, source });
                    continue;
                }
            }
        } else {
            entry.owners.retain(|owner| !gone(owner));
        }
        journal.save()?;
        debug::moment();
    }
    if failures.is_empty() {
        journal.record.setups.retain(|owner, _| !gone(owner));
        journal.save()?;
    }
    Ok(failures)
}

fn left_alone(what: &Resource, back: Back) -> Option<String> {
    match back {
        Back::Done => None,
        Back::Changed(now) => Some(format!(
            "{what} is {} now, which is not what rs-setup made it: left as it is",
            now.text(what)
        )),
        Back::InUse(others) => Some(format!(
            "{what} stays: {} on it is not of rs-setup",
            others.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// What [`undo`] would do: each thing, how it is, and how it would be.
pub fn inverses(
    host: &mut Host,
    record: &journal::Record,
    owners: Option<&BTreeSet<IpAddr>>,
) -> Result<Vec<(Resource, ResourceState, ResourceState)>, Error> {
    let gone = |owner: &IpAddr| owners.is_none_or(|owners| owners.contains(owner));
    let mut steps = Vec::new();
    for entry in record.entries.iter().rev().filter(|entry| entry.owners.iter().all(gone)) {
        let now = host.state(&entry.what)?;
        if now != entry.before && entry.after.contains(&now) {
            steps.push((entry.what.clone(), now, entry.before.clone()));
        }
    }
    Ok(steps)
}
