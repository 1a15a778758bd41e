//! Exchanges with the kernel over one transport, matched by sequence number.
//!
//! [`Netlink::get`] expects one answer and [`Netlink::dump`] any number of them. [`Netlink::batch`]
//! sends many requests at once and returns a result for each. Callers encode and decode the
//! attributes, which differ from family to family.

use super::attribute::{Attribute, Attributes, Malformed, Value};
use super::error::Error;
use super::message::{
    Answer, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, Family, GENL_ID_CTRL,
    Request, append_message, append_payload, decode, payload_attributes,
};
use crate::transport::{Inbox, Transport};
use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_NOOP};

/// Bytes after which a batch is sent.
const SEND_SIZE: usize = 64 * 1024;
/// Attempts at a dump during which the table keeps changing.
const DUMP_ATTEMPTS: usize = 10;
/// Maximum receives without a matching answer. Leftovers of earlier exchanges take fewer, even
/// those of an abandoned dump of a large table.
const MAX_UNMATCHED_RECEIVES: usize = 20_000;

const UNMATCHED: Malformed = Malformed("answers to other requests, and none to this one");

/// A transport, and the numbering of the requests that it carries.
#[derive(Debug)]
pub struct Netlink<T> {
    transport: T,
    sequence: u32,
    inbox: Inbox,
}

impl<T: Transport> Netlink<T> {
    pub fn new(transport: T) -> Netlink<T> {
        Netlink { transport, sequence: 0, inbox: Inbox::default() }
    }

    /// Looks up a family by name. Fails with ENOENT if this kernel has no such family.
    pub fn family(&mut self, name: &str, version: u8) -> Result<Family, Error> {
        let controller = Family { id: GENL_ID_CTRL, version: 2 };
        let request = Request {
            command: CTRL_CMD_GETFAMILY,
            attributes: vec![Attribute::new(CTRL_ATTR_FAMILY_NAME, Value::Text(name))],
        };
        let id = self.get(controller, &request, |attributes| {
            for attribute in attributes {
                let attribute = attribute?;
                if attribute.kind == CTRL_ATTR_FAMILY_ID {
                    return attribute.u16();
                }
            }
            Err(Malformed("a family without a number"))
        })?;
        // The kernel acknowledges a message to family 0 and does nothing.
        match id {
            0 => Err(Malformed("a family numbered 0").into()),
            id => Ok(Family { id, version }),
        }
    }

    /// Sends one request and returns its answer.
    pub fn get<A>(
        &mut self,
        family: Family,
        request: &Request,
        read: impl Fn(Attributes) -> Result<A, Malformed>,
    ) -> Result<A, Error> {
        let sequence = self.send(family, request, 0)?;
        let mut result = None;
        for _ in 0..MAX_UNMATCHED_RECEIVES {
            self.receive(|answered, _, answer| {
                if answered != sequence || result.is_some() {
                    return;
                }
                result = Some(match answer {
                    Answer::Data(payload) => {
                        payload_attributes(payload).and_then(&read).map_err(Error::from)
                    }
                    Answer::Acknowledged(Err(e)) | Answer::Done(Err(e)) => Err(e),
                    Answer::Acknowledged(Ok(())) | Answer::Done(Ok(())) => {
                        Err(Malformed("an acknowledgement in place of an answer").into())
                    }
                });
            })?;
            if let Some(result) = result {
                return result;
            }
        }
        Err(UNMATCHED.into())
    }

    /// Sends one request and returns all answers to it. Starts again, a limited number of times, if
    /// the table changed during the dump.
    pub fn dump<A>(
        &mut self,
        family: Family,
        request: &Request,
        read: impl Fn(Attributes) -> Result<A, Malformed>,
    ) -> Result<Vec<A>, Error> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(items) = self.dump_once(family, request, &read)? {
                return Ok(items);
            }
        }
        Err(Error::TableChanging)
    }

    /// Returns `None` if the table changed during the dump.
    fn dump_once<A>(
        &mut self,
        family: Family,
        request: &Request,
        read: impl Fn(Attributes) -> Result<A, Malformed>,
    ) -> Result<Option<Vec<A>>, Error> {
        let sequence = self.send(family, request, NLM_F_DUMP)?;
        let mut items = Vec::new();
        let mut interrupted = false;
        let mut end = None;
        let mut unmatched = 0;
        while unmatched < MAX_UNMATCHED_RECEIVES {
            let count = items.len();
            self.receive(|answered, flags, answer| {
                if answered != sequence || end.is_some() {
                    return;
                }
                interrupted |= flags & NLM_F_DUMP_INTR != 0;
                match answer {
                    Answer::Data(payload) => match payload_attributes(payload).and_then(&read) {
                        Ok(item) => items.push(item),
                        Err(e) => end = Some(Err(e.into())),
                    },
                    Answer::Acknowledged(Ok(())) => {}
                    Answer::Acknowledged(result) | Answer::Done(result) => end = Some(result),
                }
            })?;
            if let Some(end) = end {
                return end.map(|()| (!interrupted).then_some(items));
            }
            if items.len() == count {
                unmatched += 1;
            }
        }
        Err(UNMATCHED.into())
    }

    /// Sends many requests, which the kernel executes in order, and returns one result for each.
    ///
    /// A refused request does not stop the ones after it. A failure of the transport ends the
    /// batch; the requests sent before it have been executed.
    ///
    /// No request asks for an acknowledgement: the kernel never answers a request that ends with
    /// EINTR, such as the stop of a sync daemon that has not run yet. A message at the end of each
    /// send, which does nothing, asks for one instead.
    pub fn batch<'a>(
        &mut self,
        family: Family,
        requests: impl IntoIterator<Item = Request<'a>>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let mut requests = requests.into_iter().peekable();
        let mut results = Vec::new();
        let mut bytes = Vec::new();
        // One of the answers is that to the last message.
        let max_count = self.transport.answers_that_fit().max(2) - 1;
        while requests.peek().is_some() {
            bytes.clear();
            let first = self.sequence.wrapping_add(1);
            let mut count = 0;
            while bytes.len() < SEND_SIZE && count < max_count {
                let Some(request) = requests.next() else { break };
                self.append_request(&mut bytes, family, &request, 0);
                count += 1;
            }
            let flags = NLM_F_REQUEST | NLM_F_ACK;
            append_message(&mut bytes, NLMSG_NOOP, flags, self.next_sequence(), |_| {});
            self.transport.send(&bytes)?;
            self.receive_results(first, count, &mut results)?;
        }
        Ok(results)
    }

    /// Appends to `results` those of `count` requests numbered from `first`. Ends with the answer
    /// to the message behind them.
    fn receive_results(
        &mut self,
        first: u32,
        count: usize,
        results: &mut Vec<Result<(), Error>>,
    ) -> Result<(), Error> {
        let base = results.len();
        results.extend((0..count).map(|_| Ok(())));
        let mut end = None;
        for _ in 0..MAX_UNMATCHED_RECEIVES + count {
            self.receive(|answered, _, answer| {
                let (Answer::Acknowledged(result) | Answer::Done(result)) = answer else { return };
                let position = answered.wrapping_sub(first) as usize;
                if position == count {
                    end.get_or_insert(result);
                } else if position < count && results[base + position].is_ok() {
                    // An acknowledgement after a refusal does not cancel it.
                    results[base + position] = result;
                }
            })?;
            if let Some(end) = end {
                return end;
            }
        }
        Err(UNMATCHED.into())
    }

    fn send(&mut self, family: Family, request: &Request, flags: u16) -> Result<u32, Error> {
        let mut bytes = Vec::with_capacity(256);
        self.append_request(&mut bytes, family, request, flags);
        self.transport.send(&bytes)?;
        Ok(self.sequence)
    }

    fn append_request(
        &mut self,
        bytes: &mut Vec<u8>,
        family: Family,
        request: &Request,
        flags: u16,
    ) {
        append_message(bytes, family.id, NLM_F_REQUEST | flags, self.next_sequence(), |bytes| {
            append_payload(bytes, family.version, request);
        });
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Receives some datagrams and calls `each` with the messages in them.
    fn receive(&mut self, mut each: impl FnMut(u32, u16, Answer)) -> Result<(), Error> {
        // The kernel reports ENOBUFS once, and then delivers the remaining answers as if they were
        // all.
        self.transport.receive(&mut self.inbox).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOBUFS) => Error::AnswersLost,
            _ => e.into(),
        })?;
        for datagram in self.inbox.datagrams() {
            let datagram =
                datagram.map_err(|_| Malformed("a message longer than any the kernel sends"))?;
            decode(datagram, &mut each)?;
        }
        Ok(())
    }
}
