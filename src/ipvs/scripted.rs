//! A kernel for tests: a table in memory that speaks the kernel's bytes, and fails as it is told to.
//!
//! What is built on a [`Client`] is tested without privilege, without a kernel, and at every failure
//! that a kernel has. A [`Script`] is a handle: clones of it are the same kernel, and any number of
//! clients talk to it, from any thread. So a test can look at the table, change it behind the back of what it tests, and say what fails next.
//!
//! ```
//! use ipvsadm::model::{Change, Destination, Service};
//! use ipvsadm::scripted::{Fault, Script};
//! use ipvsadm::{ErrorKind, Scope};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = Script::new();
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
//!     wanted.run(&Change::AddDestination(web.key, server))?;
//! }
//! kernel.fail_change(1, Fault::Refuse(libc::ENOMEM));
//! let failure = client.apply(wanted, Scope::Whole).expect_err("it is refused");
//! assert!(failure.is_taken_back());
//! assert_eq!(kernel.table().service(&web.key).expect("it is there").destinations().count(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! Like the kernel it refuses what is there already, what is not there, and most of what
//! [`Change::check`] refuses. Unlike it, it takes any name of a scheduler or an interface, counts nothing,
//! makes no real server a local one, and begins with timeouts of 0. An errno is a number of the C
//! library's, as the crate `libc` names them.

use super::client::Client;
use super::error::Error;
use super::uapi::*;
use super::wire::{self, answer};
use crate::model::*;
use crate::netlink::attribute::{Attribute, Attributes, Malformed, Value, attributes};
use crate::netlink::socket::message;
use crate::netlink::{Connection, Inbox};
use crate::table::{Refused, Table};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_MULTIPART,
    NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NetlinkBuffer,
};
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the family is numbered here.
const FAMILY: u16 = 0x1c;

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
pub struct Script {
    state: Arc<Mutex<State>>,
    /// As a socket has them: each client reads its own.
    answers: VecDeque<Result<Vec<u8>, i32>>,
}

impl Clone for Script {
    fn clone(&self) -> Script {
        Script { state: Arc::clone(&self.state), answers: VecDeque::new() }
    }
}

#[derive(Debug, Default)]
struct State {
    table: Table,
    services: HashMap<ServiceKey, Statistics>,
    destinations: HashMap<(ServiceKey, DestinationKey), ObservedDestination>,
    /// What is to fail: of all requests, and of changes alone.
    requests: Faults,
    changes: Faults,
    made: Vec<Change>,
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

impl Script {
    /// A kernel with an empty table.
    pub fn new() -> Script {
        Script::default()
    }

    /// A kernel with this table.
    pub fn with(table: Table) -> Script {
        let kernel = Script::new();
        kernel.state().table = table;
        kernel
    }

    /// A client of this kernel.
    pub fn client(&self) -> Result<Client<Script>, Error> {
        Client::over(self.clone(), || ())
    }

    /// The table as it is now.
    pub fn table(&self) -> Table {
        self.state().table.clone()
    }

    /// Change the table as another program would.
    pub fn run(&self, change: &Change) -> Result<(), Refused> {
        self.state().table.run(change)
    }

    /// The changes that were made by clients, in their order.
    pub fn made(&self) -> Vec<Change> {
        self.state().made.clone()
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
        self.state().services.insert(service, statistics);
    }

    /// What is shown as a real server's connections and statistics from now on.
    pub fn count_destination(&self, service: ServiceKey, shown: ObservedDestination) {
        let key = (service, shown.destination.key);
        self.state().destinations.insert(key, shown);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed with the lock held is no reason to fail in another way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection for Script {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut rest = bytes;
        let mut requests = Vec::new();
        while !rest.is_empty() {
            let request = Request::first_of(rest).ok_or(io::ErrorKind::InvalidInput)?;
            rest = rest.get(request.length.next_multiple_of(4)..).unwrap_or(&[]);
            let fault = state.fault_of(&request);
            if let Some(Fault::NotSent(errno)) = fault {
                return Err(io::Error::from_raw_os_error(errno));
            }
            requests.push((request, fault));
        }
        let mut answers = Vec::new();
        for (request, fault) in requests {
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

/// A message from a client.
struct Request<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    length: usize,
    header: &'a [u8],
    payload: &'a [u8],
}

impl Request<'_> {
    fn first_of(bytes: &[u8]) -> Option<Request<'_>> {
        let message = NetlinkBuffer::new_checked(bytes).ok()?;
        Some(Request {
            kind: message.message_type(),
            flags: message.flags(),
            sequence: message.sequence_number(),
            length: message.length() as usize,
            header: bytes.get(..16)?,
            payload: message.payload(),
        })
    }

    fn answer(&self, kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        message(&mut bytes, kind, flags, self.sequence, |b| b.extend_from_slice(payload));
        bytes
    }
}

/// What a request is answered with.
enum Reply {
    Data(Vec<Vec<u8>>),
    Refused(i32, Option<String>),
}

impl State {
    fn fault_of(&mut self, request: &Request) -> Option<Fault> {
        if request.kind != FAMILY {
            return None;
        }
        let asked = self.requests.next();
        let command = request.payload.first().copied().unwrap_or_default();
        match is_question(command) {
            true => asked,
            false => self.changes.next().or(asked),
        }
    }

    /// Do what is asked, and lay the answers out behind those to what was sent with it.
    fn take(
        &mut self,
        request: &Request,
        fault: Option<Fault>,
        sent: &mut Vec<Result<Vec<u8>, i32>>,
    ) {
        let reply = match (&fault, request.kind) {
            (Some(Fault::Refuse(errno)), _) => Reply::Refused(*errno, None),
            (Some(Fault::RefuseSaying(errno, why)), _) => Reply::Refused(*errno, Some(why.clone())),
            (_, NLMSG_NOOP) => Reply::Data(vec![]),
            (_, GENL_ID_CTRL) => Reply::Data(vec![laid_out(
                1,
                &[Attribute::new(CTRL_ATTR_FAMILY_ID, Value::U16(FAMILY))],
            )]),
            (_, FAMILY) => {
                self.answer(request.payload).unwrap_or(Reply::Refused(libc::EINVAL, None))
            }
            _ => Reply::Refused(libc::EOPNOTSUPP, None),
        };
        let dump = request.flags & NLM_F_DUMP == NLM_F_DUMP;
        let mut answers = Vec::new();
        match reply {
            Reply::Data(all) => {
                let interrupted = fault == Some(Fault::Interrupt);
                let marks = match (dump, interrupted) {
                    (true, true) => NLM_F_MULTIPART | NLM_F_DUMP_INTR,
                    (true, false) => NLM_F_MULTIPART,
                    (false, _) => 0,
                };
                answers.extend(all.iter().map(|data| request.answer(request.kind, marks, data)));
                if dump {
                    answers.push(request.answer(NLMSG_DONE, marks, &[0; 4]));
                } else if request.flags & NLM_F_ACK != 0 {
                    answers.push(acknowledgement(request));
                }
            }
            Reply::Refused(errno, why) => answers.push(refusal(request, errno, why)),
        }
        match fault {
            Some(Fault::Cut(length)) => {
                answers.truncate(1);
                // A change that is made has no answer of its own in a batch.
                if answers.is_empty() {
                    answers.push(acknowledgement(request));
                }
                answers.iter_mut().for_each(|a| a.truncate(length));
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

    /// A request of the family: its command, its attributes.
    fn answer(&mut self, payload: &[u8]) -> Result<Reply, Malformed> {
        let command = payload.first().copied().unwrap_or_default();
        let carried = attributes(payload.get(GENL_HDRLEN..).ok_or(Malformed("no command"))?);
        if !is_question(command) {
            return Ok(match self.change(change(command, carried)?) {
                Ok(()) => Reply::Data(vec![]),
                Err(errno) => Reply::Refused(errno, None),
            });
        }
        Ok(Reply::Data(match command {
            IPVS_CMD_GET_SERVICE if carried.clone().next().is_none() => {
                self.table.services().map(|entry| self.shown(entry.service())).collect()
            }
            IPVS_CMD_GET_SERVICE => match self.table.service(&key(carried)?) {
                Some(entry) => vec![self.shown(entry.service())],
                None => return Ok(Reply::Refused(libc::ESRCH, None)),
            },
            IPVS_CMD_GET_DEST => self.destinations(key(carried)?),
            IPVS_CMD_GET_DAEMON => [DaemonRole::Master, DaemonRole::Backup]
                .into_iter()
                .filter_map(|role| self.table.daemon(role))
                .map(|daemon| asked_as(command, &Change::StartDaemon(daemon.clone())))
                .collect(),
            IPVS_CMD_GET_CONFIG => {
                vec![asked_as(command, &Change::SetTimeouts(self.table.timeouts()))]
            }
            IPVS_CMD_GET_INFO => {
                let info = Info { version: 0x010201, connection_table_size: 4096 };
                vec![laid_out(command, &answer::info(&info))]
            }
            _ => return Ok(Reply::Refused(libc::EOPNOTSUPP, None)),
        }))
    }

    fn change(&mut self, change: Change) -> Result<(), i32> {
        // The kernel looks for the service before it looks at the server.
        if let Change::AddDestination(key, _) | Change::EditDestination(key, _) = &change
            && self.table.service(key).is_none()
        {
            return Err(libc::ESRCH);
        }
        change.check().map_err(|invalid| match invalid {
            Invalid::Weight(_) | Invalid::Thresholds { .. } => libc::ERANGE,
            _ => libc::EINVAL,
        })?;
        if let Change::StopDaemon(role) = change
            && self.table.daemon(role).is_none()
        {
            return Err(libc::ESRCH);
        }
        self.table.run(&change).map_err(errno)?;
        self.made.push(change);
        Ok(())
    }

    fn shown(&self, service: &Service) -> Vec<u8> {
        let statistics = self.services.get(&service.key).copied().unwrap_or_default();
        let request = Change::AddService(service.clone());
        laid_out(IPVS_CMD_NEW_SERVICE, &answer::service(&request, &statistics))
    }

    fn destinations(&self, service: ServiceKey) -> Vec<Vec<u8>> {
        let servers = self.table.service(&service).into_iter().flat_map(|e| e.destinations());
        let shown = servers.map(|destination| {
            let counted = self.destinations.get(&(service, destination.key)).cloned();
            let shown = counted.unwrap_or_else(|| destination.clone().into());
            let request = Change::AddDestination(service, destination.clone());
            laid_out(IPVS_CMD_NEW_DEST, &answer::destination(&request, &shown))
        });
        shown.collect()
    }
}

fn is_question(command: u8) -> bool {
    matches!(
        command,
        IPVS_CMD_GET_SERVICE
            | IPVS_CMD_GET_DEST
            | IPVS_CMD_GET_DAEMON
            | IPVS_CMD_GET_CONFIG
            | IPVS_CMD_GET_INFO
    )
}

fn key(carried: Attributes) -> Result<ServiceKey, Malformed> {
    Ok(wire::read_service(carried)?.service.key)
}

/// The change that a command with its attributes asks for.
fn change(command: u8, carried: Attributes) -> Result<Change, Malformed> {
    let service = |c: Attributes| Ok(wire::read_service(c)?.service);
    let destination = || {
        let key = key(carried.clone())?;
        let read = wire::read_destination(carried.clone(), key.family())?;
        Ok((key, read.destination))
    };
    Ok(match command {
        IPVS_CMD_NEW_SERVICE => Change::AddService(service(carried)?),
        IPVS_CMD_SET_SERVICE => Change::EditService(service(carried)?),
        IPVS_CMD_DEL_SERVICE => Change::DeleteService(key(carried)?),
        IPVS_CMD_NEW_DEST | IPVS_CMD_SET_DEST | IPVS_CMD_DEL_DEST => {
            let (key, destination) = destination()?;
            match command {
                IPVS_CMD_NEW_DEST => Change::AddDestination(key, destination),
                IPVS_CMD_SET_DEST => Change::EditDestination(key, destination),
                _ => Change::DeleteDestination(key, destination.key),
            }
        }
        IPVS_CMD_FLUSH => Change::Flush,
        IPVS_CMD_ZERO if carried.clone().next().is_none() => Change::Zero(None),
        IPVS_CMD_ZERO => Change::Zero(Some(key(carried)?)),
        IPVS_CMD_SET_CONFIG => Change::SetTimeouts(wire::read_timeouts(carried)?),
        IPVS_CMD_NEW_DAEMON => Change::StartDaemon(wire::read_daemon(carried)?),
        IPVS_CMD_DEL_DAEMON => Change::StopDaemon(wire::read_daemon(carried)?.role),
        _ => return Err(Malformed("no command of the family")),
    })
}

fn errno(refused: Refused) -> i32 {
    match refused {
        Refused::ServiceExists | Refused::DestinationExists | Refused::DaemonRuns => libc::EEXIST,
        Refused::NoService | Refused::NotDefined => libc::ESRCH,
        Refused::NoDestination => libc::ENOENT,
        Refused::Thresholds => libc::ERANGE,
    }
}

/// A generic netlink payload: the command, the attributes.
fn laid_out(command: u8, attributes: &[Attribute]) -> Vec<u8> {
    let mut bytes = vec![command, 1, 0, 0];
    attributes.iter().for_each(|attribute| attribute.append(&mut bytes));
    bytes
}

/// An answer with what a request carries.
fn asked_as(command: u8, request: &Change) -> Vec<u8> {
    laid_out(command, &wire::change(request).attributes)
}

fn acknowledgement(request: &Request) -> Vec<u8> {
    request.answer(NLMSG_ERROR, NLM_F_CAPPED, &[&[0; 4], request.header].concat())
}

fn refusal(request: &Request, errno: i32, why: Option<String>) -> Vec<u8> {
    const NLMSGERR_ATTR_MSG: u16 = 1;
    let mut payload = errno.wrapping_neg().to_ne_bytes().to_vec();
    payload.extend_from_slice(request.header);
    let mut flags = NLM_F_CAPPED;
    if let Some(why) = why {
        flags |= NLM_F_ACK_TLVS;
        Attribute::new(NLMSGERR_ATTR_MSG, Value::Text(&why)).append(&mut payload);
    }
    request.answer(NLMSG_ERROR, flags, &payload)
}

#[cfg(test)]
#[path = "scripted_tests.rs"]
mod tests;
