//! One netlink socket: requests out, answers in, each matched by its sequence number.
//!
//! In: a family number, a command, attributes. Out: the attributes of the answers, or the kernel's
//! refusal. Three shapes of exchange: [`Netlink::get`] (one answer), [`Netlink::dump`] (many), and
//! [`Netlink::batch`] (many requests in few sends, one acknowledgement a send, a result per
//! request). What the attributes mean is the family's affair.

use super::attribute::{Attribute, Attributes, Malformed, Value, attributes};
use super::error::Error;
use netlink_packet_core::{
    Emitable, ErrorBuffer, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR,
    NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NetlinkBuffer, NetlinkHeader,
};
use netlink_packet_generic::GenlHeader;
use netlink_packet_generic::constants::{
    CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_CMD_GETFAMILY, GENL_HDRLEN, GENL_ID_CTRL,
};

use crate::transport::{Inbox, Transport};

/// Bytes of a netlink message's header.
const NLMSG_HDRLEN: usize = 16;
/// Bytes that most requests fit into.
const REQUEST_SIZE: usize = 256;
/// Bytes of one send of a batch.
const SEND_SIZE: usize = 64 * 1024;
/// How often a dump is taken again when the table changed under it.
const DUMP_TRIES: usize = 10;
/// How many receives may bring nothing that was asked for: what is left of earlier exchanges comes
/// to less, even of a dump of a large table that was given up.
const PATIENCE: usize = 20_000;

/// A generic netlink family, as this kernel numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    id: u16,
    version: u8,
}

/// A command of a family and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    pub command: u8,
    pub attributes: Vec<Attribute<'a>>,
}

/// Encoded requests that go to the kernel together; the last asks for an acknowledgement.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    first: u32,
    count: usize,
}

/// Requests and answers over one connection.
#[derive(Debug)]
pub struct Netlink<C> {
    connection: C,
    sequence: u32,
    inbox: Inbox,
}

/// One message of an answer.
enum Answer<'a> {
    Data(&'a [u8]),
    /// An acknowledgement (no error) or a refusal.
    Acknowledged(Result<(), Error>),
    /// The end of a dump.
    Done(Result<(), Error>),
}

impl<C: Transport> Netlink<C> {
    pub fn new(connection: C) -> Netlink<C> {
        Netlink { connection, sequence: 0, inbox: Inbox::default() }
    }

    /// Look a family up by name. ENOENT when this kernel has none of that name.
    pub fn family(&mut self, name: &str, version: u8) -> Result<Family, Error> {
        let control = Family { id: GENL_ID_CTRL, version: 2 };
        let request = Request {
            command: CTRL_CMD_GETFAMILY,
            attributes: vec![Attribute::new(CTRL_ATTR_FAMILY_NAME, Value::Text(name))],
        };
        let id = self.get(control, &request, |attributes| {
            for attribute in attributes {
                let attribute = attribute?;
                if attribute.kind == CTRL_ATTR_FAMILY_ID {
                    return attribute.u16();
                }
            }
            Err(Malformed("a family without a number"))
        })?;
        // A message to family 0 is acknowledged and does nothing.
        match id {
            0 => Err(Malformed("a family numbered 0").into()),
            id => Ok(Family { id, version }),
        }
    }

    /// One request, one answer.
    pub fn get<T>(
        &mut self,
        family: Family,
        request: &Request,
        read: impl FnOnce(Attributes) -> Result<T, Malformed>,
    ) -> Result<T, Error> {
        let mut payload = Vec::with_capacity(REQUEST_SIZE);
        lay_out(&mut payload, family.version, request);
        self.one(family.id, &payload, |answer| read(attributes(body(answer)?)))
    }

    /// One request, any number of answers. Taken again, boundedly, when the table changed under it.
    pub fn dump<T>(
        &mut self,
        family: Family,
        request: &Request,
        mut read: impl FnMut(Attributes) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Error> {
        let mut payload = Vec::with_capacity(REQUEST_SIZE);
        lay_out(&mut payload, family.version, request);
        self.many(family.id, &payload, |answer| read(attributes(body(answer)?)))
    }

    /// One message, one answer to it.
    pub fn one<T>(
        &mut self,
        kind: u16,
        payload: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, Error> {
        let sequence = self.send_one(kind, 0, payload)?;
        let mut read = Some(read);
        let mut found = None;
        let mut patience = PATIENCE;
        while found.is_none() {
            spend(&mut patience)?;
            self.receive(|answered, _, answer| {
                if answered != sequence || found.is_some() {
                    return;
                }
                found = Some(match answer {
                    Answer::Data(payload) => match read.take() {
                        Some(read) => read(payload).map_err(Error::from),
                        None => return,
                    },
                    Answer::Acknowledged(Err(e)) | Answer::Done(Err(e)) => Err(e),
                    Answer::Acknowledged(Ok(())) | Answer::Done(Ok(())) => {
                        Err(Malformed("an acknowledgement in place of an answer").into())
                    }
                });
            })?;
        }
        found.unwrap_or(Err(Malformed("no answer").into()))
    }

    /// One message, any number of answers to it, as [`Netlink::dump`].
    pub fn many<T>(
        &mut self,
        kind: u16,
        payload: &[u8],
        mut read: impl FnMut(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Error> {
        for _ in 0..DUMP_TRIES {
            let sequence = self.send_one(kind, NLM_F_DUMP, payload)?;
            let mut items = Vec::new();
            let mut end = None;
            let mut interrupted = false;
            let (mut patience, mut held) = (PATIENCE, 0);
            while end.is_none() {
                if items.len() == held {
                    spend(&mut patience)?;
                }
                held = items.len();
                self.receive(|answered, flags, answer| {
                    if answered != sequence || end.is_some() {
                        return;
                    }
                    interrupted |= flags & NLM_F_DUMP_INTR != 0;
                    match answer {
                        Answer::Data(payload) => match read(payload) {
                            Ok(item) => push(&mut items, item),
                            Err(e) => end = Some(Err(e.into())),
                        },
                        Answer::Acknowledged(Ok(())) => {}
                        Answer::Acknowledged(Err(e)) => end = Some(Err(e)),
                        Answer::Done(result) => end = Some(result),
                    }
                })?;
            }
            match end {
                Some(Err(e)) => return Err(e),
                _ if interrupted => continue,
                _ => return Ok(items),
            }
        }
        Err(Error::Changing)
    }

    /// Many requests, run by the kernel in their order; one result for each, in the same order.
    ///
    /// A refused request does not keep the ones after it from being run. An error of the
    /// connection itself ends the batch: what was sent by then has been done.
    ///
    /// None of the requests asks for an acknowledgement, but a message behind them that does nothing:
    /// the kernel never answers a request that ends with EINTR, as the stop of a sync daemon does
    /// that has not come to run yet. Whoever waited for its acknowledgement would wait for ever.
    pub fn batch<'a>(
        &mut self,
        family: Family,
        requests: impl IntoIterator<Item = Request<'a>>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let mut results = Vec::new();
        let mut requests = requests.into_iter();
        let mut outbox = Outbox::default();
        while self.encode(family, &mut requests, &mut outbox) {
            self.deliver(&outbox, &mut results)?;
        }
        Ok(results)
    }

    /// Encode as many of the next requests as one send takes; false when there are none.
    pub fn encode<'a>(
        &mut self,
        family: Family,
        requests: &mut impl Iterator<Item = Request<'a>>,
        outbox: &mut Outbox,
    ) -> bool {
        // The last answer is that to the message behind the requests.
        let fit = self.connection.answers_that_fit().max(2) - 1;
        let bytes = &mut outbox.bytes;
        bytes.clear();
        outbox.first = self.sequence.wrapping_add(1);
        outbox.count = 0;
        while bytes.len() < SEND_SIZE && outbox.count < fit {
            let Some(request) = requests.next() else { break };
            self.sequence = self.sequence.wrapping_add(1);
            append(bytes, family, &request, NLM_F_REQUEST, self.sequence);
            outbox.count += 1;
        }
        if outbox.count > 0 {
            self.sequence = self.sequence.wrapping_add(1);
            message(bytes, NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, self.sequence, |_| {});
        }
        outbox.count > 0
    }

    /// Send what has been encoded; a result for each request of it at the end of `results`.
    pub fn deliver(
        &mut self,
        outbox: &Outbox,
        results: &mut Vec<Result<(), Error>>,
    ) -> Result<(), Error> {
        self.connection.send(&outbox.bytes)?;
        self.collect(outbox.first, outbox.count, results)
    }

    /// The answers to `count` requests numbered from `first`, and to the message behind them.
    fn collect(
        &mut self,
        first: u32,
        count: usize,
        results: &mut Vec<Result<(), Error>>,
    ) -> Result<(), Error> {
        let base = results.len();
        results.extend((0..count).map(|_| Ok(())));
        let mut end = None;
        let mut patience = PATIENCE + count;
        while end.is_none() {
            spend(&mut patience)?;
            self.receive(|answered, _, answer| {
                let (Answer::Acknowledged(result) | Answer::Done(result)) = answer else { return };
                let position = answered.wrapping_sub(first) as usize;
                if position == count {
                    end.get_or_insert(result);
                } else if position < count && results[base + position].is_ok() {
                    // Whatever else is said of it, a refusal stands.
                    results[base + position] = result;
                }
            })?;
        }
        end.unwrap_or(Ok(()))
    }

    fn send_one(&mut self, kind: u16, flags: u16, payload: &[u8]) -> Result<u32, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(NLMSG_HDRLEN + payload.len());
        message(&mut bytes, kind, NLM_F_REQUEST | flags, self.sequence, |bytes| {
            bytes.extend_from_slice(payload);
        });
        self.connection.send(&bytes)?;
        Ok(self.sequence)
    }

    /// Some datagrams, and each message in them: sequence number, flags, content.
    fn receive(&mut self, mut each: impl FnMut(u32, u16, Answer)) -> Result<(), Error> {
        // The kernel says so once, and hands out what is left as if it were all.
        self.connection.receive(&mut self.inbox).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOBUFS) => Error::Lost,
            _ => e.into(),
        })?;
        self.inbox.datagrams().try_for_each(|datagram| Ok(messages(datagram?, &mut each)?))
    }
}

/// One more item of a dump. A list of medium length is moved but once or twice: each copy touches
/// memory that the next has no use for. A long one moves without a copy.
fn push<T>(items: &mut Vec<T>, item: T) {
    let count = items.len();
    if count == items.capacity() && (32..2048).contains(&count) {
        items.reserve(7 * count);
    }
    items.push(item);
}

/// One more receive; an error when there have been too many for nothing.
fn spend(patience: &mut usize) -> Result<(), Malformed> {
    let left = patience.checked_sub(1);
    *patience = left.ok_or(Malformed("answers to what was not asked, and none to what was"))?;
    Ok(())
}

fn messages(mut rest: &[u8], each: &mut impl FnMut(u32, u16, Answer)) -> Result<(), Malformed> {
    if rest.is_empty() {
        return Err(Malformed("an empty message"));
    }
    while !rest.is_empty() {
        let message =
            NetlinkBuffer::new_checked(rest).map_err(|_| Malformed("a message cut short"))?;
        let (kind, flags) = (message.message_type(), message.flags());
        let payload = message.payload();
        let answer = match kind {
            NLMSG_NOOP => None,
            NLMSG_ERROR => Some(Answer::Acknowledged(outcome(payload, flags)?)),
            NLMSG_DONE => Some(Answer::Done(outcome(payload, 0)?)),
            _ => Some(Answer::Data(payload)),
        };
        if let Some(answer) = answer {
            each(message.sequence_number(), flags, answer);
        }
        let next = (message.length() as usize).next_multiple_of(4);
        rest = rest.get(next..).unwrap_or(&[]);
    }
    Ok(())
}

/// The error number that an acknowledgement or the end of a dump carries.
fn outcome(payload: &[u8], flags: u16) -> Result<Result<(), Error>, Malformed> {
    let error =
        ErrorBuffer::new_checked(payload).map_err(|_| Malformed("an error without a number"))?;
    Ok(match error.code() {
        None => Ok(()),
        Some(code) => {
            let code = code.get().unsigned_abs() as i32;
            Err(Error::Refused { code, text: kernel_words(error.payload(), flags) })
        }
    })
}

/// The text of an extended acknowledgement: behind the request's header, or the whole request.
fn kernel_words(payload: &[u8], flags: u16) -> Option<String> {
    const NLMSGERR_ATTR_MSG: u16 = 1;
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let request = NetlinkBuffer::new(payload.get(..16)?);
    let skip = if flags & NLM_F_CAPPED != 0 { 16 } else { request.length() as usize };
    attributes(payload.get(skip.next_multiple_of(4)..)?)
        .filter_map(Result::ok)
        .find(|attribute| attribute.kind == NLMSGERR_ATTR_MSG)
        .map(|attribute| attribute.text())
}

/// What follows the generic netlink header.
fn body(payload: &[u8]) -> Result<&[u8], Malformed> {
    payload.get(GENL_HDRLEN..).ok_or(Malformed("a message without a command"))
}

/// A netlink message at the end of `bytes`; `payload` lays out what is behind its header.
pub(crate) fn message(
    bytes: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = bytes.len();
    bytes.resize(start + NLMSG_HDRLEN, 0);
    payload(bytes);
    let mut header = NetlinkHeader::default();
    header.length = (bytes.len() - start) as u32;
    header.message_type = kind;
    header.flags = flags;
    header.sequence_number = sequence;
    header.emit(&mut bytes[start..]);
}

/// The generic netlink header and the attributes of a request, at the end of `bytes`.
pub fn lay_out(bytes: &mut Vec<u8>, version: u8, request: &Request) {
    let start = bytes.len();
    bytes.resize(start + GENL_HDRLEN, 0);
    GenlHeader { cmd: request.command, version }.emit(&mut bytes[start..]);
    request.attributes.iter().for_each(|attribute| attribute.append(bytes));
}

/// Encode one request at the end of `bytes`.
pub fn append(bytes: &mut Vec<u8>, family: Family, request: &Request, flags: u16, sequence: u32) {
    message(bytes, family.id, flags, sequence, |bytes| lay_out(bytes, family.version, request));
}
