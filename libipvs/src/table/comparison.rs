//! The table that is wanted beside the one that is there, as that is read: what is the same in both
//! is held no longer.

use super::{Table, normal};
use crate::model::*;

/// What is wanted, and what has been read so far.
#[derive(Debug)]
pub struct Comparison {
    wanted: Table,
    /// For each service that is wanted, in their order: it is there as it should be.
    same: Vec<bool>,
    current: Table,
}

impl Comparison {
    /// `current` has the timeouts and daemons, and no service yet.
    pub fn new(wanted: Table, current: Table) -> Comparison {
        let same = vec![false; wanted.services.len()];
        Comparison { wanted, same, current }
    }

    /// A service that the kernel shows, and all its servers.
    pub fn observe(&mut self, service: Service, destinations: Vec<Destination>) {
        let service = normal::service(service);
        let destinations: Vec<_> = destinations.into_iter().map(normal::destination).collect();
        let wanted = self.wanted.services.get_full(&service.key);
        let same = wanted.filter(|(_, _, entry)| {
            entry.service == service
                && entry.destinations.len() == destinations.len()
                && destinations.iter().all(|current| {
                    let wanted = entry.destinations.get(&current.key);
                    wanted.is_some_and(|wanted| normal::same_destination(wanted, current))
                })
        });
        match same {
            Some((place, ..)) => self.same[place] = true,
            None => self.current.insert(service, destinations.into_iter()),
        }
    }

    /// What differs: as it is wanted, and as it is.
    pub fn differences(mut self) -> (Table, Table) {
        let mut same = self.same.into_iter();
        self.wanted.services.retain(|_, _| !same.next().unwrap_or(false));
        (self.wanted, self.current)
    }
}
