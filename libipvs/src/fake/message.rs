//! Messages from the kernel's side of a socket: decoding of requests, encoding of answers.

use super::kernel::Reply;
use crate::netlink::attribute::{Attribute, Value};
use crate::netlink::message::{NLMSGERR_ATTR_MSG, append_message};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_MULTIPART,
    NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
};

/// A message from a client.
pub struct Request<'a> {
    pub kind: u16,
    pub payload: &'a [u8],
    flags: u16,
    sequence: u32,
    header: &'a [u8],
}

impl<'a> Request<'a> {
    /// Decodes the messages of one send. Returns `None` if one of them is truncated.
    pub fn decode_all(mut bytes: &'a [u8]) -> Option<Vec<Request<'a>>> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let message = NetlinkBuffer::new_checked(bytes).ok()?;
            all.push(Request {
                kind: message.message_type(),
                payload: message.payload(),
                flags: message.flags(),
                sequence: message.sequence_number(),
                header: bytes.get(..16)?,
            });
            let length = message.length() as usize;
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        }
        Some(all)
    }

    /// Encodes the messages that answer the request. `interrupted` marks a dump as one during which
    /// the table changed.
    pub fn answers(&self, reply: Reply, interrupted: bool) -> Vec<Vec<u8>> {
        let data = match reply {
            Reply::Data(data) => data,
            Reply::Refused(errno, explanation) => return vec![self.refusal(errno, explanation)],
        };
        let is_dump = self.flags & NLM_F_DUMP == NLM_F_DUMP;
        let flags = match (is_dump, interrupted) {
            (true, true) => NLM_F_MULTIPART | NLM_F_DUMP_INTR,
            (true, false) => NLM_F_MULTIPART,
            (false, _) => 0,
        };
        let mut answers: Vec<_> =
            data.iter().map(|data| self.answer(self.kind, flags, data)).collect();
        if is_dump {
            answers.push(self.answer(NLMSG_DONE, flags, &[0; 4]));
        } else if self.flags & NLM_F_ACK != 0 {
            answers.push(self.acknowledgement());
        }
        answers
    }

    pub fn acknowledgement(&self) -> Vec<u8> {
        self.answer(NLMSG_ERROR, NLM_F_CAPPED, &[&[0; 4], self.header].concat())
    }

    fn refusal(&self, errno: i32, explanation: Option<String>) -> Vec<u8> {
        let mut payload = errno.wrapping_neg().to_ne_bytes().to_vec();
        payload.extend_from_slice(self.header);
        let mut flags = NLM_F_CAPPED;
        if let Some(text) = explanation {
            flags |= NLM_F_ACK_TLVS;
            Attribute::new(NLMSGERR_ATTR_MSG, Value::Text(&text)).append(&mut payload);
        }
        self.answer(NLMSG_ERROR, flags, &payload)
    }

    fn answer(&self, kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_message(&mut bytes, kind, flags, self.sequence, |bytes| {
            bytes.extend_from_slice(payload);
        });
        bytes
    }
}
