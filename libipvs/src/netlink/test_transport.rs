//! A transport for tests, which answers as a closure says, and messages for its answers.

use super::attribute::{Attribute, Attributes, Malformed, Value};
use super::exchange::Netlink;
use super::message::{Family, GENL_ID_CTRL, Request, append_message};
use crate::transport::{Inbox, Transport};
use netlink_packet_core::NetlinkBuffer;
use std::collections::VecDeque;
use std::io;

pub const ERROR: u16 = 2;
pub const DONE: u16 = 3;
pub const FAMILY: u16 = 21;

/// A datagram, or the errno of the receive.
pub type Received = Result<Vec<u8>, i32>;

/// The receive where a real socket would wait.
pub const WAIT: Received = Err(libc::EAGAIN);

/// Receives what `answer` returns for the sequence numbers of each send, and then `rest` for ever.
pub struct TestTransport<F> {
    answer: F,
    pending: VecDeque<Received>,
    rest: Received,
}

impl<F: FnMut(&[u32]) -> Vec<Received>> Transport for TestTransport<F> {
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut sequences = Vec::new();
        while !bytes.is_empty() {
            let message = NetlinkBuffer::new_checked(bytes).unwrap();
            sequences.push(message.sequence_number());
            bytes = &bytes[message.length() as usize..];
        }
        self.pending.extend((self.answer)(&sequences));
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        let received = self.pending.pop_front().unwrap_or_else(|| self.rest.clone());
        inbox.put(&received.map_err(io::Error::from_raw_os_error)?);
        Ok(())
    }

    fn answers_that_fit(&self) -> usize {
        4
    }
}

pub fn transport<F: FnMut(&[u32]) -> Vec<Received>>(rest: Received, answer: F) -> TestTransport<F> {
    TestTransport { answer, pending: VecDeque::new(), rest }
}

pub fn netlink(
    rest: Received,
    answer: impl FnMut(&[u32]) -> Vec<Received>,
) -> Netlink<impl Transport> {
    Netlink::new(transport(rest, answer))
}

/// A transport on which the look-up of the family succeeded. `answer` is for all further sends.
pub fn with_family(
    rest: Received,
    mut answer: impl FnMut(&[u32]) -> Vec<Received>,
) -> (Netlink<impl Transport>, Family) {
    let mut first = true;
    let mut netlink = netlink(rest, move |s| match std::mem::take(&mut first) {
        true => vec![Ok(family(s[0], FAMILY))],
        false => answer(s),
    });
    let family = netlink.family("IPVS", 1).unwrap();
    (netlink, family)
}

pub fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_message(&mut bytes, kind, flags, sequence, |bytes| bytes.extend_from_slice(payload));
    bytes
}

/// An acknowledgement, or the end of a dump, with this errno.
pub fn code(kind: u16, sequence: u32, errno: i32) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend([0; 16]);
    message(kind, 0, sequence, &payload)
}

/// A message of the family with one attribute, which holds `value`.
pub fn data(flags: u16, sequence: u32, value: u32) -> Vec<u8> {
    let mut payload = vec![1, 1, 0, 0, 8, 0, 1, 0];
    payload.extend(value.to_ne_bytes());
    message(FAMILY, flags, sequence, &payload)
}

/// The controller's answer to the look-up of a family.
pub fn family(sequence: u32, number: u16) -> Vec<u8> {
    let mut payload = vec![1, 2, 0, 0, 6, 0, 1, 0];
    payload.extend(number.to_ne_bytes());
    payload.extend([0, 0]);
    message(GENL_ID_CTRL, 0, sequence, &payload)
}

pub fn request() -> Request<'static> {
    Request { command: 1, attributes: vec![Attribute::new(1, Value::U32(7))] }
}

pub fn read(mut attributes: Attributes) -> Result<u32, Malformed> {
    attributes.next().ok_or(Malformed("nothing"))??.u32()
}
