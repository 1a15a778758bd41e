//! A fake kernel for tests: a table in memory behind the netlink protocol of IPVS.
//!
//! Code that uses a [`Client`] can be tested with it, without privilege and without IPVS, and with
//! every failure that a kernel can produce. A [`FakeKernel`] is a handle: its clones share one
//! kernel, and any number of clients can use it from any thread. A test can inspect the table,
//! change it as another program would, and plan the next failures.
//!
//! ```
//! use libipvs::fake::{FakeKernel, Fault};
//! use libipvs::model::{Change, Destination, Service};
//! use libipvs::{ErrorKind, Scope};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = FakeKernel::new();
//! let mut client = kernel.client()?;
//! let web = Service::tcp("192.0.2.1:80".parse()?).scheduler("rr").build()?;
//! client.add_service(&web)?;
//! let again = client.add_service(&web).map_err(|error| error.kind());
//! assert_eq!(again, Err(ErrorKind::ServiceExists));
//!
//! // The kernel refuses one of two changes, so the other one is rolled back.
//! let mut desired = kernel.table();
//! for address in ["10.0.0.11:80", "10.0.0.12:80"] {
//!     let destination = Destination::direct_routing(address.parse()?).build()?;
//!     desired.apply(&Change::AddDestination(web.key, destination))?;
//! }
//! kernel.fail_changes_if(
//!     |change| matches!(change, Change::AddDestination(_, new) if new.key.to_string() == "10.0.0.12:80"),
//!     Fault::Refuse(libc::ENOMEM),
//! );
//! let error = client.apply(&desired, Scope::Whole).expect_err("one change is refused");
//! let text = "cannot add real server 10.0.0.12:80 to tcp 192.0.2.1:80 (direct routing, weight 1): \
//!             Memory allocation problem (1 of 2 changes failed; the table is as it was before)";
//! assert_eq!(error.to_string(), text);
//! let table = kernel.table();
//! assert_eq!(table.service(&web.key).expect("the service").destinations().count(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Like the kernel, it refuses to add what exists, to edit or delete what does not exist, and most
//! of what [`Change::validate`] refuses; it keeps the netmask of a service without persistence, and
//! zeroes counters and rates. Unlike the kernel, it accepts any name of a scheduler or
//! an interface, counts no traffic ([`FakeKernel::set_statistics`] and
//! [`FakeKernel::set_destination`] do), and never marks a real server as local. An errno is a positive
//! number of the C library: `libc::ENOMEM` of the crate `libc`, or 12.

mod kernel;
mod message;
#[cfg(test)]
mod tests;

use crate::client::Client;
use crate::error::Error;
use crate::model::*;
use crate::table::{Table, TableError};
use crate::transport::{Inbox, Transport};
use crate::wire::kernel_side;
use kernel::{FAMILY, Kernel, Reply};
use message::Request;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A failure of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The kernel refuses the request with this errno, and does nothing.
    Refuse(i32),
    /// The kernel refuses the request with this errno and explains why (extended acknowledgement).
    RefuseWithText(i32, String),
    /// The kernel executes the request; its answer is cut to this many bytes.
    TruncateAnswer(usize),
    /// The kernel executes the request; all answers to this send are lost (ENOBUFS).
    LoseAnswers,
    /// The kernel marks the dump as one during which the table changed (NLM_F_DUMP_INTR). Other
    /// requests succeed.
    InterruptDump,
    /// The send fails with this errno; the kernel executes no request of it.
    FailSend(i32),
    /// The kernel executes the request, and answers with these bytes.
    ReplaceAnswer(Vec<u8>),
}

/// A kernel with a table in memory.
#[derive(Debug, Default)]
pub struct FakeKernel {
    state: Arc<Mutex<State>>,
    /// The receive queue, which each client has for itself: datagrams, or the errno of a receive.
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
    request_faults: Faults,
    change_faults: Faults,
    conditions: Vec<Condition>,
}

/// A fault of each change for which a predicate is true.
struct Condition {
    concerns: Box<dyn Fn(&Change) -> bool + Send>,
    fault: Fault,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// Planned faults, by the number of the request or change.
#[derive(Debug, Default)]
struct Faults {
    count: usize,
    planned: HashMap<usize, Fault>,
}

impl Faults {
    fn plan(&mut self, after: usize, fault: Fault) {
        self.planned.insert(self.count + after, fault);
    }

    fn next(&mut self) -> Option<Fault> {
        let fault = self.planned.remove(&self.count);
        self.count += 1;
        fault
    }
}

impl FakeKernel {
    /// Creates a kernel with an empty table.
    pub fn new() -> FakeKernel {
        FakeKernel::default()
    }

    /// Creates a kernel with this table. Timeouts of 0 get the kernel's defaults: 900, 120 and 300
    /// seconds.
    pub fn with_table(table: Table) -> FakeKernel {
        let kernel = FakeKernel::default();
        kernel.state().kernel = Kernel::with_table(table);
        kernel
    }

    /// Connects a client to this kernel. Fails after [`FakeKernel::refuse_connections`].
    pub fn client(&self) -> Result<Client<FakeKernel>, Error> {
        Client::over(self.clone(), || ())
    }

    /// Returns the current table.
    pub fn table(&self) -> Table {
        self.state().kernel.table().clone()
    }

    /// Changes the table as another program would.
    pub fn apply(&self, change: &Change) -> Result<(), TableError> {
        self.state().kernel.apply(change)
    }

    /// Returns the changes that clients have made, in order.
    pub fn changes(&self) -> Vec<Change> {
        self.state().kernel.changes.clone()
    }

    /// Plans a fault of the request that follows `after` others: 0 means the next one. Changes and
    /// queries count as requests, the look-up of the family does not.
    pub fn fail_request(&self, after: usize, fault: Fault) {
        self.state().request_faults.plan(after, fault);
    }

    /// Plans a fault of the change that follows `after` others: 0 means the next one.
    pub fn fail_change(&self, after: usize, fault: Fault) {
        self.state().change_faults.plan(after, fault);
    }

    /// Plans a fault of each change for which the predicate is true, until [`FakeKernel::clear_faults`].
    /// The predicate must not use the kernel itself.
    pub fn fail_changes_if(
        &self,
        concerns: impl Fn(&Change) -> bool + Send + 'static,
        fault: Fault,
    ) {
        self.state().conditions.push(Condition { concerns: Box::new(concerns), fault });
    }

    /// Removes all planned faults.
    pub fn clear_faults(&self) {
        let mut state = self.state();
        state.request_faults = Faults::default();
        state.change_faults = Faults::default();
        state.conditions.clear();
    }

    /// Refuses new clients with this errno from now on: ENOENT as a kernel without IPVS, EPERM as one
    /// that does not permit its use. Clients that are connected stay.
    pub fn refuse_connections(&self, errno: i32) {
        self.state().kernel.refuses_connections = Some(errno);
    }

    /// Accepts new clients again.
    pub fn accept_connections(&self) {
        self.state().kernel.refuses_connections = None;
    }

    /// Sets the statistics of a service.
    pub fn set_statistics(&self, service: ServiceKey, statistics: Statistics) {
        self.state().kernel.services.insert(service, statistics);
    }

    /// Sets the connections and statistics of a real server.
    pub fn set_destination(&self, service: ServiceKey, observed: ObservedDestination) {
        let key = (service, observed.destination.key);
        self.state().kernel.destinations.insert(key, observed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock should not hide its own message.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for FakeKernel {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut requests = Vec::new();
        for request in Request::decode_all(bytes).ok_or(io::ErrorKind::InvalidInput)? {
            let fault = state.next_fault(&request);
            if let Some(Fault::FailSend(errno)) = fault {
                return Err(io::Error::from_raw_os_error(errno));
            }
            requests.push((request, fault));
        }
        let mut answers = Vec::new();
        for (request, fault) in requests {
            state.execute(&request, fault, &mut answers);
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
            // A socket of the kernel would wait for ever.
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn answers_that_fit(&self) -> usize {
        1000
    }
}

impl State {
    fn next_fault(&mut self, request: &Request) -> Option<Fault> {
        if request.kind != FAMILY {
            return None;
        }
        let request_fault = self.request_faults.next();
        match kernel::decode(request.payload) {
            Ok(kernel_side::Request::Change(change)) => {
                let condition = self.conditions.iter().find(|c| (c.concerns)(&change));
                let planned = self.change_faults.next().or(request_fault);
                planned.or(condition.map(|condition| condition.fault.clone()))
            }
            _ => request_fault,
        }
    }

    /// Executes a request and appends its answers to those of the same send.
    fn execute(
        &mut self,
        request: &Request,
        fault: Option<Fault>,
        sent: &mut Vec<Result<Vec<u8>, i32>>,
    ) {
        let reply = match &fault {
            Some(Fault::Refuse(errno)) => Reply::Refused(*errno, None),
            Some(Fault::RefuseWithText(errno, text)) => Reply::Refused(*errno, Some(text.clone())),
            _ => self.kernel.execute(request.kind, request.payload),
        };
        let mut answers = request.answers(reply, fault == Some(Fault::InterruptDump));
        match fault {
            Some(Fault::TruncateAnswer(length)) => {
                answers.truncate(1);
                // A change in a batch has no answer if it succeeds.
                if answers.is_empty() {
                    answers.push(request.acknowledgement());
                }
                answers.iter_mut().for_each(|answer| answer.truncate(length));
            }
            Some(Fault::ReplaceAnswer(bytes)) => answers = vec![bytes],
            Some(Fault::LoseAnswers) => {
                sent.clear();
                sent.push(Err(libc::ENOBUFS));
                return;
            }
            _ => {}
        }
        sent.extend(answers.into_iter().map(Ok));
    }
}
