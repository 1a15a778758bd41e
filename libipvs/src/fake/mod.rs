//! A kernel for tests: a table in memory that speaks the kernel's bytes, and fails as it is told to.
//!
//! What is built on a [`Client`] is tested without privilege, without a kernel, and at every failure
//! that a kernel has. A [`FakeKernel`] is a handle: clones of it are the same kernel, and any number of
//! clients talk to it, from any thread. So a test can look at the table, change it behind the back of what it tests, and say what fails next.
//!
//! ```
//! use libipvs::model::{Change, Destination, Service};
//! use libipvs::fake::{Fault, FakeKernel};
//! use libipvs::{ErrorKind, Scope};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = FakeKernel::new();
//! let mut client = kernel.client()?;
//! let web = Service::tcp("192.0.2.1:80".parse()?).scheduler("rr").build()?;
//! client.add_service(web.clone())?;
//! let again = client.add_service(web.clone()).map_err(|error| error.kind());
//! assert_eq!(again, Err(ErrorKind::ServiceExists));
//!
//! // The second change of what follows is refused, and the first one taken back.
//! let mut wanted = kernel.table();
//! for host in ["10.0.0.11:80", "10.0.0.12:80"] {
//!     let server = Destination::direct_routing(host.parse()?).build()?;
//!     wanted.apply(&Change::AddDestination(web.key, server))?;
//! }
//! kernel.fail_change(1, Fault::Refuse(libc::ENOMEM));
//! let failure = client.apply(wanted, Scope::Whole).expect_err("it is refused");
//! assert!(failure.is_rolled_back());
//! assert_eq!(kernel.table().service(&web.key).expect("it is there").destinations().count(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Like the kernel it refuses what is there already, what is not there, and most of what
//! [`Change::validate`] refuses. Unlike it, it takes any name of a scheduler or an interface, counts nothing,
//! makes no real server a local one, and begins with timeouts of 0. An errno is a number of the C
//! library's, as the crate `libc` names them.

mod kernel;
mod message;
#[cfg(test)]
mod tests;

use crate::client::Client;
use crate::error::Error;
use crate::model::*;
use crate::table::{Table, TableError};
use crate::transport::{Inbox, Transport};
use crate::wire::kernel_side::Asked;
use kernel::{FAMILY, Kernel, Reply};
use message::Request;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a request fails. An errno is positive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The kernel refuses it with this errno; nothing is done.
    Refuse(i32),
    /// The same, and says why (extended acknowledgement).
    RefuseSaying(i32, String),
    /// It is done, and its answer ends after so many bytes.
    Cut(usize),
    /// It is done, and all answers of this send are lost: ENOBUFS.
    Lose,
    /// A dump is marked as one under which the table changed (NLM_F_DUMP_INTR). Nothing to any other
    /// request.
    Interrupt,
    /// It cannot be sent; nothing of this send is done.
    NotSent(i32),
    /// It is done, and this comes in place of its answer.
    Answer(Vec<u8>),
}

/// A kernel that is a table in memory.
#[derive(Debug, Default)]
pub struct FakeKernel {
    state: Arc<Mutex<State>>,
    /// As a socket has them: each client reads its own.
    answers: VecDeque<Result<Vec<u8>, i32>>,
}

impl Clone for FakeKernel {
    fn clone(&self) -> FakeKernel {
        FakeKernel { state: Arc::clone(&self.state), answers: VecDeque::new() }
    }
}

#[derive(Debug, Default)]
struct State {
    kernel: Kernel,
    /// What is to fail: of all requests, and of changes alone.
    requests: Faults,
    changes: Faults,
}

/// What has been counted, and what fails at which count.
#[derive(Debug, Default)]
struct Faults {
    seen: usize,
    at: HashMap<usize, Fault>,
}

impl Faults {
    fn plan(&mut self, after: usize, fault: Fault) {
        self.at.insert(self.seen + after, fault);
    }

    fn next(&mut self) -> Option<Fault> {
        self.seen += 1;
        self.at.remove(&(self.seen - 1))
    }
}

impl FakeKernel {
    /// A kernel with an empty table.
    pub fn new() -> FakeKernel {
        FakeKernel::default()
    }

    /// A kernel with this table.
    pub fn with(table: Table) -> FakeKernel {
        let kernel = FakeKernel::new();
        kernel.state().kernel.table = table;
        kernel
    }

    /// A client of this kernel.
    pub fn client(&self) -> Result<Client<FakeKernel>, Error> {
        Client::over(self.clone(), || ())
    }

    /// The table as it is now.
    pub fn table(&self) -> Table {
        self.state().kernel.table.clone()
    }

    /// Change the table as another program would.
    pub fn apply(&self, change: &Change) -> Result<(), TableError> {
        self.state().kernel.table.apply(change)
    }

    /// The changes that were made by clients, in their order.
    pub fn made(&self) -> Vec<Change> {
        self.state().kernel.made.clone()
    }

    /// The request that comes after so many others fails: 0 for the next one. Changes and questions
    /// count, but not the look-up of the family.
    pub fn fail(&self, after: usize, fault: Fault) {
        self.state().requests.plan(after, fault);
    }

    /// The change that comes after so many others fails: 0 for the next one.
    pub fn fail_change(&self, after: usize, fault: Fault) {
        self.state().changes.plan(after, fault);
    }

    /// What is shown as a service's statistics from now on.
    pub fn count(&self, service: ServiceKey, statistics: Statistics) {
        self.state().kernel.services.insert(service, statistics);
    }

    /// What is shown as a real server's connections and statistics from now on.
    pub fn count_destination(&self, service: ServiceKey, shown: ObservedDestination) {
        let key = (service, shown.destination.key);
        self.state().kernel.destinations.insert(key, shown);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed with the lock held is no reason to fail in another way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for FakeKernel {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut failing = Vec::new();
        for request in Request::all_of(bytes).ok_or(io::ErrorKind::InvalidInput)? {
            let fault = state.fault_of(&request);
            if let Some(Fault::NotSent(errno)) = fault {
                return Err(io::Error::from_raw_os_error(errno));
            }
            failing.push((request, fault));
        }
        let mut answers = Vec::new();
        for (request, fault) in failing {
            state.take(&request, fault, &mut answers);
        }
        drop(state);
        self.answers.extend(answers);
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        match self.answers.pop_front() {
            Some(Ok(datagram)) => {
                inbox.put(&datagram);
                Ok(())
            }
            Some(Err(errno)) => Err(io::Error::from_raw_os_error(errno)),
            // The kernel's socket would wait for ever.
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn answers_that_fit(&self) -> usize {
        1000
    }
}

impl State {
    fn fault_of(&mut self, request: &Request) -> Option<Fault> {
        if request.kind != FAMILY {
            return None;
        }
        let of_all = self.requests.next();
        match kernel::asked(request.payload) {
            Ok(Asked::Change(_)) => self.changes.next().or(of_all),
            _ => of_all,
        }
    }

    /// Do what is asked, and lay the answers out behind those to what was sent with it.
    fn take(
        &mut self,
        request: &Request,
        fault: Option<Fault>,
        sent: &mut Vec<Result<Vec<u8>, i32>>,
    ) {
        let reply = match &fault {
            Some(Fault::Refuse(errno)) => Reply::Refused(*errno, None),
            Some(Fault::RefuseSaying(errno, why)) => Reply::Refused(*errno, Some(why.clone())),
            _ => self.kernel.reply(request.kind, request.payload),
        };
        let mut answers = request.answered(reply, fault == Some(Fault::Interrupt));
        match fault {
            Some(Fault::Cut(length)) => {
                answers.truncate(1);
                // A change that is made has no answer of its own in a batch.
                if answers.is_empty() {
                    answers.push(request.acknowledgement());
                }
                answers.iter_mut().for_each(|answer| answer.truncate(length));
            }
            Some(Fault::Answer(bytes)) => answers = vec![bytes],
            Some(Fault::Lose) => {
                sent.clear();
                sent.push(Err(libc::ENOBUFS));
                return;
            }
            _ => {}
        }
        sent.extend(answers.into_iter().map(Ok));
    }
}
