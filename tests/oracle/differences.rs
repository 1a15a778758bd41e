//! What the tester makes of the list in `meant.rs`.
//!
//! The tester excuses a difference only by an entry of this list, and the manual page repeats the
//! list. An entry either turns the case into one whose result by the oracle ours must equal, or
//! takes out of two results what the entry is about; what is left must be equal to the byte.

use crate::compare::Seen;
use crate::excuses;
use crate::generate::Case;
use crate::meant::MEANT;

pub enum How {
    /// Nothing that the tester compares.
    Unseen,
    /// Ours does what the oracle does with another line or file.
    Like(fn(&Case) -> Option<Case>),
    /// Changes the two results (the oracle's first) where they differ in the meant way.
    Levels(fn(&Case, &str, &mut Seen, &mut Seen)),
}

/// What the tester makes of an entry of the list.
fn how(name: &str) -> How {
    match name {
        "thresholds are saved" => How::Levels(excuses::thresholds),
        "errors quote the value" => How::Unseen,
        "errors name the line" => How::Unseen,
        "saved names can be restored" => How::Levels(excuses::names),
        "names at once" => How::Unseen,
        "help and version" => How::Levels(excuses::help),
        "large marks" => How::Levels(excuses::marks),
        "comments" => How::Like(excuses::comments),
        "restore checks first" => How::Levels(excuses::checked),
        "a file to restore" => How::Levels(excuses::file_to_restore),
        "a file to save" => How::Levels(excuses::file_to_save),
        "timeouts and daemons can be saved" => How::Unseen,
        "-6 in any place" => How::Like(excuses::six),
        "the order of -r" => How::Like(excuses::server_last),
        "brackets" => How::Like(excuses::brackets),
        "IPv6 netmasks" => How::Levels(excuses::netmask),
        "zeroing no address" => How::Levels(excuses::zeroing),
        "counters of servers" => How::Unseen,
        "flags without a name" => How::Levels(excuses::flags),
        "crashes" => How::Levels(excuses::crash),
        _ => unreachable!("{name} is in the list"),
    }
}

/// The names of the meant differences that make the two results equal; None if they do not.
pub fn explain(
    case: &Case,
    start: &str,
    oracle: &Seen,
    ours: &Seen,
    mut ask: impl FnMut(&Case) -> Seen,
) -> Option<Vec<&'static str>> {
    if let Some(names) = level(case, start, oracle, ours) {
        return Some(names);
    }
    let mut like = case.clone();
    let mut names = Vec::new();
    for meant in MEANT {
        let How::Like(rewrite) = how(meant.name) else { continue };
        if let Some(other) = rewrite(&like) {
            like = other;
            names.push(meant.name);
            let oracle = ask(&like);
            if let Some(more) = level(&like, start, &oracle, ours) {
                names.extend(more);
                return Some(names);
            }
        }
    }
    None
}

fn level(case: &Case, start: &str, oracle: &Seen, ours: &Seen) -> Option<Vec<&'static str>> {
    let (mut oracle, mut ours) = (oracle.clone(), ours.clone());
    let mut names = Vec::new();
    for meant in MEANT {
        if oracle.differs(&ours).is_empty() {
            break;
        }
        if let How::Levels(change) = how(meant.name) {
            let before = (oracle.clone(), ours.clone());
            change(case, start, &mut oracle, &mut ours);
            if before != (oracle.clone(), ours.clone()) {
                names.push(meant.name);
            }
        }
    }
    oracle.differs(&ours).is_empty().then_some(names)
}
