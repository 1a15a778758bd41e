//! A connection that answers as it is told to, and the messages to answer with: for tests.

use super::attribute::{Attribute, Malformed, Value};
use super::socket::{Family, Netlink, Request};
use crate::transport::{Inbox, Transport};
use netlink_packet_core::NetlinkBuffer;
use std::collections::VecDeque;
use std::io;

pub const ERROR: u16 = 2;
pub const DONE: u16 = 3;
pub const FAMILY: u16 = 21;

/// A datagram, or the errno of the receive.
pub type Step = Result<Vec<u8>, i32>;

/// Answers as `steps` makes them of the sequence numbers that were sent; then `rest` for ever.
pub struct Scripted<F> {
    steps: F,
    waiting: VecDeque<Step>,
    rest: Step,
}

/// Where a real socket would wait.
pub const WAITS: Step = Err(libc::EAGAIN);

impl<F: FnMut(&[u32]) -> Vec<Step>> Transport for Scripted<F> {
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut sequences = Vec::new();
        while !bytes.is_empty() {
            let message = NetlinkBuffer::new_checked(bytes).unwrap();
            sequences.push(message.sequence_number());
            bytes = &bytes[message.length() as usize..];
        }
        self.waiting.extend((self.steps)(&sequences));
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        let step = self.waiting.pop_front().unwrap_or_else(|| self.rest.clone());
        inbox.put(&step.map_err(io::Error::from_raw_os_error)?);
        Ok(())
    }

    fn answers_that_fit(&self) -> usize {
        4
    }
}

pub fn connection<F: FnMut(&[u32]) -> Vec<Step>>(rest: Step, steps: F) -> Netlink<Scripted<F>> {
    Netlink::new(Scripted { steps, waiting: VecDeque::new(), rest })
}

/// The same, with the family known already.
pub fn scripted(
    rest: Step,
    mut steps: impl FnMut(&[u32]) -> Vec<Step>,
) -> (Netlink<impl Transport>, Family) {
    let mut first = true;
    let mut netlink = connection(rest, move |s| match std::mem::take(&mut first) {
        true => vec![Ok(family(s[0], FAMILY))],
        false => steps(s),
    });
    let family = netlink.family("IPVS", 1).unwrap();
    (netlink, family)
}

pub fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    bytes.extend_from_slice(payload);
    let length = bytes.len() as u32;
    let mut header = NetlinkBuffer::new(&mut bytes);
    header.set_length(length);
    header.set_message_type(kind);
    header.set_flags(flags);
    header.set_sequence_number(sequence);
    bytes
}

pub fn code(kind: u16, sequence: u32, errno: i32) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend([0; 16]);
    message(kind, 0, sequence, &payload)
}

/// A message of the family whose one attribute holds `value`.
pub fn data(flags: u16, sequence: u32, value: u32) -> Vec<u8> {
    let mut payload = vec![1, 1, 0, 0, 8, 0, 1, 0];
    payload.extend(value.to_ne_bytes());
    message(FAMILY, flags, sequence, &payload)
}

/// A family number, as the controller answers it.
pub fn family(sequence: u32, number: u16) -> Vec<u8> {
    let mut payload = vec![1, 2, 0, 0, 6, 0, 1, 0];
    payload.extend(number.to_ne_bytes());
    payload.extend([0, 0]);
    message(16, 0, sequence, &payload)
}

pub fn request() -> Request<'static> {
    Request { command: 1, attributes: vec![Attribute::new(1, Value::U32(7))] }
}

pub fn read(mut attributes: super::attribute::Attributes) -> Result<u32, Malformed> {
    attributes.next().ok_or(Malformed("nothing"))??.u32()
}
