//! Netlink messages: encoding of requests, decoding of answers.

use super::attribute::{Attribute, Attributes, Malformed, attributes};
use super::error::Error;
use netlink_packet_core::{
    Emitable, ErrorBuffer, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NetlinkBuffer, NetlinkHeader,
};

// linux/genetlink.h
pub const GENL_ID_CTRL: u16 = 0x10;
pub const GENL_HDRLEN: usize = 4;
pub const CTRL_CMD_GETFAMILY: u8 = 3;
pub const CTRL_ATTR_FAMILY_ID: u16 = 1;
pub const CTRL_ATTR_FAMILY_NAME: u16 = 2;

/// Length of a netlink message's header in bytes.
const NLMSG_HDRLEN: usize = 16;
/// Attribute of an extended acknowledgement that explains the error (linux/netlink.h).
pub const NLMSGERR_ATTR_MSG: u16 = 1;

/// A generic netlink family, as this kernel numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    pub id: u16,
    pub version: u8,
}

/// A command of a family, with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    pub command: u8,
    pub attributes: Vec<Attribute<'a>>,
}

/// The content of one message from the kernel.
pub enum Answer<'a> {
    Data(&'a [u8]),
    /// NLMSG_ERROR: an acknowledgement, or the error that ended the request.
    Acknowledged(Result<(), Error>),
    /// NLMSG_DONE: the end of a dump, with its error.
    Done(Result<(), Error>),
}

/// Appends a netlink message to `bytes`; `payload` appends the part behind its header.
pub fn append_message(
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

/// Appends the generic netlink header and the attributes of a request to `bytes`.
pub fn append_payload(bytes: &mut Vec<u8>, version: u8, request: &Request) {
    bytes.extend_from_slice(&[request.command, version, 0, 0]);
    request.attributes.iter().for_each(|attribute| attribute.append(bytes));
}

/// Calls `each` with the sequence number, flags and content of every message in a datagram.
pub fn decode(
    mut datagram: &[u8],
    each: &mut impl FnMut(u32, u16, Answer),
) -> Result<(), Malformed> {
    if datagram.is_empty() {
        return Err(Malformed("an empty message"));
    }
    while !datagram.is_empty() {
        let message =
            NetlinkBuffer::new_checked(datagram).map_err(|_| Malformed("a truncated message"))?;
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
        let length = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or(&[]);
    }
    Ok(())
}

/// Returns the attributes behind the generic netlink header.
pub fn payload_attributes(payload: &[u8]) -> Result<Attributes<'_>, Malformed> {
    payload.get(GENL_HDRLEN..).map(attributes).ok_or(Malformed("a message without a command"))
}

/// Decodes the error number in an acknowledgement or at the end of a dump.
fn outcome(payload: &[u8], flags: u16) -> Result<Result<(), Error>, Malformed> {
    let error =
        ErrorBuffer::new_checked(payload).map_err(|_| Malformed("an error without a number"))?;
    Ok(match error.code() {
        None => Ok(()),
        Some(code) => {
            let code = code.get().unsigned_abs() as i32;
            Err(Error::Refused { code, text: explanation(error.payload(), flags) })
        }
    })
}

/// Returns the text of an extended acknowledgement, which follows the header of the request, or the
/// whole request.
fn explanation(payload: &[u8], flags: u16) -> Option<String> {
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let request = NetlinkBuffer::new(payload.get(..NLMSG_HDRLEN)?);
    let capped = flags & NLM_F_CAPPED != 0;
    let length = if capped { NLMSG_HDRLEN } else { request.length() as usize };
    attributes(payload.get(length.next_multiple_of(4)..)?)
        .filter_map(Result::ok)
        .find(|attribute| attribute.kind == NLMSGERR_ATTR_MSG)
        .map(|attribute| attribute.text())
}
