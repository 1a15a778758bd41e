//! `ipvsadm drain`: a real server that gets no new connections, and its end awaited.
//!
//! The weight that it had is kept below /run until `--undo`, so that whoever drains it and whoever puts
//! it back need not be the same process. Only the weight changes; the rest stays as it is found.

use super::{Run, status};
use crate::command::Drain;
use crate::host::signals;
use crate::host::state_file::{self, Kept};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::Error;
use libipvs::model::*;
use libipvs::table::TableError;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// How often it is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Whether a client that is bound to a server keeps it at weight 0.
const QUIESCENT: &str = "/proc/sys/net/ipv4/vs/expire_quiescent_template";

/// The servers that are drained.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Weights {
    drained: Vec<Weight>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Weight {
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

/// The server that is meant, and its names.
struct Target<'a> {
    task: &'a Drain,
    service: String,
    server: String,
}

impl Target<'_> {
    fn is(&self, weight: &Weight) -> bool {
        (&weight.service, &weight.server) == (&self.service, &self.server)
    }
}

/// Why it did not come to an end, and the status.
enum Stop {
    Said(String, u8),
    Ipvs(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Ipvs(error)
    }
}

impl From<state_file::Error> for Stop {
    fn from(error: state_file::Error) -> Stop {
        Stop::Said(error.to_string(), status::REFUSED)
    }
}

impl From<TableError> for Stop {
    fn from(refused: TableError) -> Stop {
        Stop::Said(refused.to_string(), status::REFUSED)
    }
}

impl<R: Read, O: Write, E: Write> Run<'_, R, O, E> {
    /// Drain a server, or put its weight back; the status.
    pub(super) fn drain(&mut self, task: &Drain) -> u8 {
        let labels = &mut Labels::numeric();
        let mut server = String::new();
        labels.endpoint(&mut server, task.server.address, task.server.port, None);
        let target = Target { task, service: rules::head(labels, &task.service), server };
        let result = match task.undo {
            true => self.undo_drain(&target),
            false => self.drain_and_wait(&target),
        };
        // Nothing stands where progress stood.
        self.progress("");
        match result {
            Ok(text) => {
                let written = writeln!(self.out, "{text}");
                self.written(written, status::DONE, status::LIST)
            }
            Err(Stop::Said(text, status)) => {
                self.complain(&text);
                status
            }
            Err(Stop::Ipvs(error)) => self.failed(&error, status::REFUSED),
        }
    }

    fn drain_and_wait(&mut self, target: &Target) -> Result<String, Stop> {
        // A signal finds it drained or not, never in between.
        let held = signals::hold();
        // Without it, or without privilege, there is nothing to keep.
        self.target(target)?;
        let mut kept = Kept::<Weights>::open()?;
        let found = self.target(target)?;
        let Target { service, server, .. } = target;
        let weight = found.destination.weight;
        if weight != 0 {
            let drained = &mut kept.record.drained;
            drained.retain(|old| !target.is(old));
            drained.push(Weight { service: service.clone(), server: server.clone(), weight });
            kept.save()?;
            if let Err(error) = self.set_weight(target, &found.destination, 0) {
                kept.record.drained.retain(|old| !target.is(old));
                kept.save()?;
                return Err(error.into());
            }
        }
        drop(kept);
        let started = Instant::now();
        let end = target.task.wait.map(|seconds| Duration::from_secs(seconds.into()));
        loop {
            let now = self.target(target)?;
            let (open, waited) = (open(target, &now), started.elapsed());
            if now.destination.weight != 0 {
                let weight = now.destination.weight;
                let text = format!("{server}: somebody has set its weight to {weight} meanwhile");
                return Err(Stop::Said(text, status::LIST));
            }
            if open == 0 {
                self.bound(target, &now);
                return Ok(format!("{server}: drained, no connection is active"));
            }
            let active = format!("{} still active", connections(open));
            if let Some(end) = end.filter(|end| waited >= *end) {
                let text = format!("{server}: {active} after {} s, its weight is 0", end.as_secs());
                return Err(Stop::Said(text, status::LIST));
            }
            self.progress(&format!("{server}: {active}, {} s", waited.as_secs()));
            let pause = end.map_or(PERIOD, |end| PERIOD.min(end - waited));
            let came = match &held {
                Some(held) => held.came_within(pause).unwrap_or(true),
                None => true,
            };
            if came {
                let text = format!(
                    "{server}: interrupted, {active}, its weight is 0; \
                     `ipvsadm drain --undo {service} -r {server}' puts back what it was"
                );
                return Err(Stop::Said(text, status::LIST));
            }
        }
    }

    fn undo_drain(&mut self, target: &Target) -> Result<String, Stop> {
        let _held = signals::hold();
        self.client()?.info()?;
        let mut kept = Kept::<Weights>::open()?;
        let Target { service, server, .. } = target;
        let drained = &mut kept.record.drained;
        let Some(place) = drained.iter().position(|old| target.is(old)) else {
            let text = format!("{server} of {service} has not been drained here");
            return Err(Stop::Said(text, status::LIST));
        };
        let weight = drained[place].weight;
        let result = match self.target(target) {
            Ok(found) if found.destination.weight == 0 => {
                self.set_weight(target, &found.destination, weight)?;
                Ok(format!("{server}: its weight is {weight} again"))
            }
            Ok(found) => {
                let now = found.destination.weight;
                let text = format!("{server}: its weight is {now} already, and stays");
                Err(Stop::Said(text, status::LIST))
            }
            Err(Stop::Ipvs(error)) => return Err(error.into()),
            // It is not there any more.
            Err(gone) => Err(gone),
        };
        kept.record.drained.remove(place);
        kept.save()?;
        result
    }

    /// The server as it is now.
    fn target(&mut self, target: &Target) -> Result<ObservedDestination, Stop> {
        let Drain { service, server, .. } = target.task;
        let client = self.client()?;
        let destinations = client.destinations(service)?;
        match destinations.into_iter().find(|d| d.destination.key == *server) {
            Some(found) => Ok(found),
            None if client.service(service).is_ok() => Err(TableError::NoSuchDestination.into()),
            None => Err(TableError::ServiceNotDefined.into()),
        }
    }

    fn set_weight(
        &mut self,
        target: &Target,
        destination: &Destination,
        weight: u32,
    ) -> Result<(), Error> {
        let mut destination = destination.configured();
        destination.weight = weight;
        self.client()?.change(&Change::EditDestination(target.task.service, destination))
    }

    /// Write over the line at the cursor, if somebody is watching.
    fn progress(&mut self, text: &str) {
        if self.watched {
            let _ = write!(self.err, "\r{text}\x1b[K");
            let _ = self.err.flush();
        }
    }

    /// Say who comes all the same.
    fn bound(&mut self, target: &Target, now: &ObservedDestination) {
        let keeps = || std::fs::read_to_string(QUIESCENT).is_ok_and(|value| value.trim() == "0");
        if now.persistent > 0 && keeps() {
            self.progress("");
            let entries = if now.persistent == 1 { "entry" } else { "entries" };
            self.complain(&format!(
                "{}: persistence brings clients back to it ({} {entries}); \
                 sysctl -w net.ipv4.vs.expire_quiescent_template=1 ends that",
                target.server, now.persistent
            ));
        }
    }
}

/// Connections that are not over. To the kernel those of UDP are never active.
fn open(target: &Target, server: &ObservedDestination) -> u32 {
    match target.task.service {
        ServiceKey::Address { protocol: Protocol::Udp, .. } => {
            server.active.saturating_add(server.inactive)
        }
        _ => server.active,
    }
}

fn connections(count: u32) -> String {
    match count {
        1 => "1 connection".to_string(),
        _ => format!("{count} connections"),
    }
}
