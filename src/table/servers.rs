//! The servers of a service, by their keys, in the order in which they were named.
//!
//! Most services have a few: those stand in a row and are looked through. A map for each would take
//! more than twice the memory, and a table has tens of thousands.

use super::Map;
use crate::model::{Destination, DestinationKey};

/// As many as are looked through.
const FEW: usize = 16;

#[derive(Debug, Clone)]
pub(super) enum Servers {
    Few(Vec<Destination>),
    Many(Box<Map<DestinationKey, Destination>>),
}

impl Servers {
    pub(super) fn len(&self) -> usize {
        match self {
            Servers::Few(row) => row.len(),
            Servers::Many(map) => map.len(),
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Destination> {
        (0..self.len()).map(move |place| match self {
            Servers::Few(row) => &row[place],
            Servers::Many(map) => &map[place],
        })
    }

    pub(super) fn get(&self, key: &DestinationKey) -> Option<&Destination> {
        match self {
            Servers::Few(row) => row.iter().find(|server| server.key == *key),
            Servers::Many(map) => map.get(key),
        }
    }

    pub(super) fn get_mut(&mut self, key: &DestinationKey) -> Option<&mut Destination> {
        match self {
            Servers::Few(row) => row.iter_mut().find(|server| server.key == *key),
            Servers::Many(map) => map.get_mut(key),
        }
    }

    /// One more; false, and nothing changes, where there is one with its key.
    pub(super) fn add(&mut self, server: Destination) -> bool {
        if self.get(&server.key).is_some() {
            return false;
        }
        match self {
            Servers::Few(row) if row.len() < FEW => row.push(server),
            Servers::Few(row) => {
                let all = std::mem::take(row).into_iter().chain([server]);
                *self = Servers::Many(Box::new(all.map(|server| (server.key, server)).collect()));
            }
            Servers::Many(map) => {
                map.insert(server.key, server);
            }
        }
        true
    }

    pub(super) fn remove(&mut self, key: &DestinationKey) -> Option<Destination> {
        match self {
            Servers::Few(row) => {
                let place = row.iter().position(|server| server.key == *key)?;
                Some(row.swap_remove(place))
            }
            Servers::Many(map) => map.swap_remove(key),
        }
    }
}

impl Default for Servers {
    fn default() -> Servers {
        Servers::Few(Vec::new())
    }
}

impl FromIterator<Destination> for Servers {
    fn from_iter<I: IntoIterator<Item = Destination>>(all: I) -> Servers {
        let mut servers = Servers::default();
        for server in all {
            servers.add(server);
        }
        servers
    }
}

/// The same servers, in whatever order.
impl PartialEq for Servers {
    fn eq(&self, other: &Servers) -> bool {
        self.len() == other.len()
            && self.iter().all(|server| other.get(&server.key) == Some(server))
    }
}

impl Eq for Servers {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Destination;
    use std::net::SocketAddr;

    fn server(number: usize, weight: u32) -> Destination {
        let at = SocketAddr::from(([10, 0, 0, number as u8], 80));
        Destination::masquerading(at).weight(weight).build().expect("a server")
    }

    /// Few and many do the same, on either side of the bound and across it.
    #[test]
    fn whatever_their_number() {
        for count in [1, FEW - 1, FEW, FEW + 1, 3 * FEW] {
            let mut servers: Servers = (0..count).map(|n| server(n, 1)).collect();
            let order: Vec<_> = servers.iter().cloned().collect();
            assert_eq!(order, (0..count).map(|n| server(n, 1)).collect::<Vec<_>>());
            let backwards: Servers = order.iter().rev().cloned().collect();
            assert_eq!(servers, backwards);

            assert!(!servers.add(server(0, 7)));
            assert_eq!((servers.len(), &servers), (count, &backwards));
            servers.get_mut(&server(0, 0).key).expect("it is there").weight = 7;
            assert_eq!(servers.get(&server(0, 0).key), Some(&server(0, 7)));
            assert_ne!(servers, backwards);
            servers.get_mut(&server(0, 0).key).expect("it is there").weight = 1;

            assert_eq!(servers.remove(&server(count, 0).key), None);
            assert_eq!(servers.remove(&server(0, 0).key), Some(server(0, 1)));
            assert_eq!((servers.len(), servers.get(&server(0, 0).key)), (count - 1, None));
        }
    }
}
