//! Names looked up in the background and shown when found: a resolver that does not answer never
//! blocks the view.

use crate::names::Names;
use libipvs::model::Protocol;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of concurrent lookups.
const THREADS: usize = 16;

/// The maximum number of remembered answers: servers may come and go for weeks.
const MAX_ANSWERS: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Query {
    Host(IpAddr),
    Port(u16, Protocol),
}

/// None while a lookup is pending, and for an address without a name.
type Answers = Arc<Mutex<HashMap<Query, Option<String>>>>;

/// The names found so far.
pub struct NameCache {
    answers: Answers,
    queue: Sender<Query>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock still holds complete data: nothing that can fail runs under it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NameCache {
    /// Looks up names by `names`, and calls `found` after each one.
    pub fn new(
        names: impl Names + Clone + Send + 'static,
        found: impl Fn() + Clone + Send + 'static,
    ) -> NameCache {
        let (queue, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let answers = Answers::default();
        for _ in 0..THREADS {
            let (names, found) = (names.clone(), found.clone());
            let (waiting, answers) = (waiting.clone(), answers.clone());
            // With fewer threads lookups are slower; with none, numbers stay.
            let _ =
                std::thread::Builder::new().spawn(move || work(&names, &found, &waiting, &answers));
        }
        NameCache { answers, queue }
    }

    fn name(&self, query: Query) -> Option<String> {
        let mut answers = lock(&self.answers);
        if let Some(answer) = answers.get(&query) {
            return answer.clone();
        }
        if answers.len() >= MAX_ANSWERS {
            answers.clear();
        }
        answers.insert(query, None);
        // Without a thread to look it up, the number stays.
        let _ = self.queue.send(query);
        None
    }
}

fn work(
    names: &impl Names,
    found: &impl Fn(),
    waiting: &Mutex<Receiver<Query>>,
    answers: &Answers,
) {
    loop {
        let next = lock(waiting).recv();
        let Ok(query) = next else { return };
        let answer = match query {
            Query::Host(address) => names.host_name(address),
            Query::Port(port, protocol) => names.port_name(port, protocol),
        };
        if answer.is_some() {
            lock(answers).insert(query, answer);
            found();
        }
    }
}

impl Names for NameCache {
    /// The view takes no names as input.
    fn host(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }

    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        self.name(Query::Host(address))
    }

    fn port_name(&self, port: u16, protocol: Protocol) -> Option<String> {
        self.name(Query::Port(port, protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Knows 10.0.0.1 at once, and takes a minute for everything else.
    #[derive(Clone)]
    struct Slow;

    impl Names for Slow {
        fn host(&self, _: &str) -> Option<Ipv4Addr> {
            None
        }
        fn port(&self, _: &str, _: Protocol) -> Option<u16> {
            None
        }
        fn host_name(&self, address: IpAddr) -> Option<String> {
            if address != IpAddr::from([10, 0, 0, 1]) {
                std::thread::sleep(Duration::from_secs(60));
            }
            Some("one".into())
        }
        fn port_name(&self, port: u16, _: Protocol) -> Option<String> {
            (port == 80).then(|| "http".into())
        }
    }

    #[test]
    fn a_lookup_does_not_block() {
        let (found, announced) = channel();
        let known = NameCache::new(Slow, move || {
            let _ = found.send(());
        });
        let start = Instant::now();
        for last in [9, 1, 8, 1] {
            assert_eq!(known.host_name([10, 0, 0, last].into()), None);
        }
        assert_eq!(known.port_name(80, Protocol::Tcp), None);
        assert_eq!(known.port_name(81, Protocol::Tcp), None);
        for _ in 0..2 {
            announced.recv_timeout(Duration::from_secs(10)).expect("a name");
        }
        assert_eq!(known.host_name([10, 0, 0, 1].into()).as_deref(), Some("one"));
        assert_eq!(known.port_name(80, Protocol::Tcp).as_deref(), Some("http"));
        assert_eq!(known.host_name([10, 0, 0, 9].into()), None);
        assert!(start.elapsed() < Duration::from_secs(30));
        // Requested twice, looked up once.
        assert!(announced.try_recv().is_err());
    }
}
