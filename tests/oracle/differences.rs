//! Explains differences by the list in `meant.rs`.
//!
//! The tester accepts a difference only for an entry of this list, which the manual page repeats. An
//! entry has one of two effects. It rewrites the case, so that our outcome must equal the oracle's
//! outcome of the rewritten case. Or it removes from both outcomes what the entry is about, and the
//! rest must be equal byte for byte.

use crate::compare::Outcome;
use crate::excuses;
use crate::generate::Case;
use crate::meant::MEANT;

/// The effect of an entry on the comparison.
pub enum Effect {
    /// None: the tester does not compare this.
    Invisible,
    /// Rewrites the case: ours does what the oracle does with the rewritten one.
    Rewrite(fn(&Case) -> Option<Case>),
    /// Edits the two outcomes (the oracle's first) where they differ as meant.
    Normalize(fn(&Case, &str, &mut Outcome, &mut Outcome)),
}

fn effect(name: &str) -> Effect {
    match name {
        "thresholds are saved" => Effect::Normalize(excuses::thresholds),
        "errors quote the value" => Effect::Invisible,
        "errors name the line" => Effect::Invisible,
        "saved names can be restored" => Effect::Normalize(excuses::names),
        "concurrent lookups" => Effect::Invisible,
        "help and version" => Effect::Normalize(excuses::help),
        "arguments first" | "reasons" | "unknown commands" | "output" => Effect::Invisible,
        "large marks" => Effect::Normalize(excuses::marks),
        "comments" => Effect::Rewrite(excuses::comments),
        "restore checks first" => Effect::Normalize(excuses::checked),
        "restore changes what differs" => Effect::Normalize(excuses::kept_daemons),
        "restore without rules" => Effect::Normalize(excuses::no_rules),
        "options of restore" => Effect::Normalize(excuses::restore_options),
        "a file to restore" => Effect::Normalize(excuses::file_to_restore),
        "a file to save" => Effect::Normalize(excuses::file_to_save),
        "timeouts and daemons can be saved" => Effect::Invisible,
        "-6 in any place" => Effect::Rewrite(excuses::six),
        "the order of -r" => Effect::Rewrite(excuses::server_last),
        "brackets" => Effect::Rewrite(excuses::brackets),
        "IPv6 netmasks" => Effect::Normalize(excuses::netmask),
        "zeroing no address" => Effect::Normalize(excuses::zeroing),
        "counters of servers" => Effect::Invisible,
        "flags without a name" => Effect::Normalize(excuses::flags),
        "crashes" => Effect::Normalize(excuses::crash),
        _ => unreachable!("{name} is in the list"),
    }
}

/// Returns the names of the meant differences that make both outcomes equal, or None when they do
/// not. `run_oracle` runs a rewritten case.
pub fn explain(
    case: &Case,
    start: &str,
    oracle: &Outcome,
    ours: &Outcome,
    mut run_oracle: impl FnMut(&Case) -> Outcome,
) -> Option<Vec<&'static str>> {
    if let Some(names) = normalize(case, start, oracle, ours) {
        return Some(names);
    }
    let mut case = case.clone();
    let mut names = Vec::new();
    for entry in MEANT {
        let Effect::Rewrite(rewrite) = effect(entry.name) else { continue };
        if let Some(rewritten) = rewrite(&case) {
            case = rewritten;
            names.push(entry.name);
            let oracle = run_oracle(&case);
            if let Some(more) = normalize(&case, start, &oracle, ours) {
                names.extend(more);
                return Some(names);
            }
        }
    }
    None
}

fn normalize(
    case: &Case,
    start: &str,
    oracle: &Outcome,
    ours: &Outcome,
) -> Option<Vec<&'static str>> {
    let (mut oracle, mut ours) = (oracle.clone(), ours.clone());
    let mut names = Vec::new();
    for entry in MEANT {
        if oracle.differs(&ours).is_empty() {
            break;
        }
        if let Effect::Normalize(edit) = effect(entry.name) {
            let before = (oracle.clone(), ours.clone());
            edit(case, start, &mut oracle, &mut ours);
            if before != (oracle.clone(), ours.clone()) {
                names.push(entry.name);
            }
        }
    }
    oracle.differs(&ours).is_empty().then_some(names)
}
