//! `ipvsadm drain`: sets the weight of a real server to 0 and waits for its connections to end.
//!
//! The previous weight is kept in the state file until `--undo` restores it, so that another process
//! can do that. Nothing but the weight changes.

use super::context::Context;
use super::hints;
use crate::command::Drain;
use crate::error::{CommandError, ErrorKind};
use crate::host::signals::{self, BlockedSignals};
use crate::host::state_file::{self, StateFile};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::model::*;
use libipvs::table::TableError;
use libipvs::{Client, Error, Transport};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::time::{Duration, Instant};

/// The time from one look at the connections to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// The sysctl that is 0 when persistence keeps sending clients to a server of weight 0.
const EXPIRE_QUIESCENT_TEMPLATE: &str = "/proc/sys/net/ipv4/vs/expire_quiescent_template";

/// The drained servers of this namespace.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Weights {
    drained: Vec<PreviousWeight>,
}

/// The weight of a server before it was drained.
#[derive(Debug, Serialize, Deserialize)]
struct PreviousWeight {
    /// As rules name it, in numbers.
    service: String,
    server: String,
    weight: u32,
}

impl state_file::Record for Weights {
    const COMMAND: &'static str = "drain";

    fn is_empty(&self) -> bool {
        self.drained.is_empty()
    }
}

/// A server and its names.
struct Target<'a> {
    task: &'a Drain,
    service: String,
    server: String,
}

impl Target<'_> {
    fn is(&self, previous: &PreviousWeight) -> bool {
        (&previous.service, &previous.server) == (&self.service, &self.server)
    }

    fn not_drained(&self, text: &str) -> CommandError {
        CommandError::new(ErrorKind::NotDrained, format!("{}: {text}", self.server))
    }
}

impl From<state_file::Error> for CommandError {
    fn from(error: state_file::Error) -> CommandError {
        CommandError::new(ErrorKind::StateFile, error.to_string())
    }
}

/// Drains a server, or restores its weight.
pub fn drain<C: Transport>(context: &mut Context<C>, task: &Drain) -> Result<(), CommandError> {
    let labels = &mut Labels::numeric();
    let mut server = String::new();
    labels.endpoint(&mut server, task.server.address, task.server.port, None);
    let target = Target { task, service: rules::head(labels, &task.service), server };
    let result = match task.undo {
        true => restore_weight(context, &target),
        false => drain_and_wait(context, &target),
    };
    // Clears the line that showed the progress.
    context.ui.progress("");
    let result = result.map_err(|error| {
        let client = context.client.get().ok().filter(|_| context.ui.stderr_is_terminal());
        let missing = client.and_then(|client| match observe(client, task) {
            Ok(Err(missing)) => hints::of_missing(client, &task.service, missing),
            _ => None,
        });
        error.hint(missing)
    });
    writeln!(context.ui, "{}", result?).map_err(CommandError::output)
}

fn drain_and_wait<C: Transport>(
    context: &mut Context<C>,
    target: &Target,
) -> Result<String, CommandError> {
    // A signal must not come between the state file and the kernel's table.
    let blocked = signals::block();
    set_weight_to_zero(context, target)?;
    wait(context, target, blocked.as_ref())
}

fn set_weight_to_zero<C: Transport>(
    context: &mut Context<C>,
    target: &Target,
) -> Result<(), CommandError> {
    let client = context.client.get()?;
    // Without the server, or without privilege, no state file is created.
    observe(client, target.task)??;
    let mut file = StateFile::<Weights>::open_in(&context.state_folder)?;
    let current = observe(client, target.task)??.destination;
    if current.weight == 0 {
        return Ok(());
    }
    let drained = &mut file.record.drained;
    drained.retain(|old| !target.is(old));
    drained.push(PreviousWeight {
        service: target.service.clone(),
        server: target.server.clone(),
        weight: current.weight,
    });
    file.save()?;
    if let Err(error) = set_weight(client, target.task, &current, 0) {
        file.record.drained.retain(|old| !target.is(old));
        file.save()?;
        return Err(error.into());
    }
    Ok(())
}

/// Waits until no connection is open.
fn wait<C: Transport>(
    context: &mut Context<C>,
    target: &Target,
    signals: Option<&BlockedSignals>,
) -> Result<String, CommandError> {
    let Target { task, service, server } = target;
    let started = Instant::now();
    let limit = task.wait.map(|seconds| Duration::from_secs(seconds.into()));
    loop {
        let observed = observe(context.client.get()?, task)??;
        let (open, waited) = (open_connections(&task.service, &observed), started.elapsed());
        let weight = observed.destination.weight;
        if weight != 0 {
            let text = format!("the weight was changed to {weight} concurrently");
            return Err(target.not_drained(&text));
        }
        if open == 0 {
            warn_of_persistence(context, target, &observed);
            return Ok(format!("{server}: drained, no connection is active"));
        }
        let active = match open {
            1 => "1 connection still active".to_string(),
            _ => format!("{open} connections still active"),
        };
        let left = match limit {
            Some(limit) if waited >= limit => {
                let text = format!("{active} after {} s, its weight is 0", limit.as_secs());
                return Err(target.not_drained(&text));
            }
            Some(limit) => limit - waited,
            None => INTERVAL,
        };
        context.ui.progress(&format!("{server}: {active}, {} s", waited.as_secs()));
        // Without blocked signals a signal ends the program, but nothing waits for one.
        if signals.is_none_or(|signals| signals.wait(left.min(INTERVAL)).unwrap_or(true)) {
            let text = format!(
                "{server}: interrupted, {active}, its weight is 0; \
                 run 'ipvsadm drain --undo {service} -r {server}' to restore the weight"
            );
            return Err(CommandError::new(ErrorKind::Interrupted, text));
        }
    }
}

fn restore_weight<C: Transport>(
    context: &mut Context<C>,
    target: &Target,
) -> Result<String, CommandError> {
    let _blocked = signals::block();
    let client = context.client.get()?;
    // Without privilege no state file is created.
    client.info()?;
    let mut file = StateFile::<Weights>::open_in(&context.state_folder)?;
    let Target { task, service, server } = target;
    let drained = &mut file.record.drained;
    let Some(position) = drained.iter().position(|old| target.is(old)) else {
        let text = format!("{server} of {service} has not been drained here");
        return Err(CommandError::new(ErrorKind::NotDrained, text));
    };
    let weight = drained[position].weight;
    let result = match observe(client, task)? {
        Ok(observed) if observed.destination.weight == 0 => {
            set_weight(client, task, &observed.destination, weight)?;
            Ok(format!("{server}: its weight is {weight} again"))
        }
        Ok(observed) => {
            let weight = observed.destination.weight;
            Err(target.not_drained(&format!("its weight is already {weight}, and was not changed")))
        }
        // The server was deleted.
        Err(missing) => Err(missing.into()),
    };
    file.record.drained.remove(position);
    file.save()?;
    result
}

/// Returns the server as it is now. The inner error says that it does not exist.
fn observe<C: Transport>(
    client: &mut Client<C>,
    task: &Drain,
) -> Result<Result<ObservedDestination, TableError>, Error> {
    let destinations = client.destinations(&task.service)?;
    Ok(match destinations.into_iter().find(|d| d.destination.key == task.server) {
        Some(observed) => Ok(observed),
        None if client.service(&task.service).is_ok() => Err(TableError::NoSuchDestination),
        None => Err(TableError::ServiceNotDefined),
    })
}

fn set_weight<C: Transport>(
    client: &mut Client<C>,
    task: &Drain,
    current: &Destination,
    weight: u32,
) -> Result<(), Error> {
    let mut destination = current.configured();
    destination.weight = weight;
    client.change(&Change::EditDestination(task.service, destination))
}

/// The connections that have not ended. The kernel counts those of UDP as inactive.
fn open_connections(service: &ServiceKey, server: &ObservedDestination) -> u32 {
    match service {
        ServiceKey::Address { protocol: Protocol::Udp, .. } => {
            server.active.saturating_add(server.inactive)
        }
        _ => server.active,
    }
}

/// Warns that persistence sends clients to a server of weight 0.
fn warn_of_persistence<C>(
    context: &mut Context<C>,
    target: &Target,
    observed: &ObservedDestination,
) {
    let sysctl = std::fs::read_to_string(EXPIRE_QUIESCENT_TEMPLATE).unwrap_or_default();
    if let Some(warning) = persistence_warning(&target.server, observed.persistent, &sysctl) {
        context.ui.progress("");
        context.ui.message(&warning);
    }
}

fn persistence_warning(server: &str, templates: u32, sysctl: &str) -> Option<String> {
    if sysctl.trim() != "0" {
        return None;
    }
    let entries = match templates {
        0 => return None,
        1 => "entry",
        _ => "entries",
    };
    Some(format!(
        "{server}: persistence still sends clients to it ({templates} {entries}); \
         run 'sysctl -w net.ipv4.vs.expire_quiescent_template=1' to stop that"
    ))
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
