//! Messages as the kernel takes them off a socket, and as it answers them.

use super::kernel::Reply;
use crate::netlink::attribute::{Attribute, Value};
use crate::netlink::socket::message;
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
    /// The requests of one send; `None` when they are not whole.
    pub fn all_of(mut bytes: &'a [u8]) -> Option<Vec<Request<'a>>> {
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

    /// The messages that answer it. A dump is marked when the table changed meanwhile.
    pub fn answered(&self, reply: Reply, interrupted: bool) -> Vec<Vec<u8>> {
        let data = match reply {
            Reply::Data(data) => data,
            Reply::Refused(errno, why) => return vec![self.refusal(errno, why)],
        };
        let dump = self.flags & NLM_F_DUMP == NLM_F_DUMP;
        let marks = match (dump, interrupted) {
            (true, true) => NLM_F_MULTIPART | NLM_F_DUMP_INTR,
            (true, false) => NLM_F_MULTIPART,
            (false, _) => 0,
        };
        let mut answers: Vec<_> =
            data.iter().map(|data| self.answer(self.kind, marks, data)).collect();
        if dump {
            answers.push(self.answer(NLMSG_DONE, marks, &[0; 4]));
        } else if self.flags & NLM_F_ACK != 0 {
            answers.push(self.acknowledgement());
        }
        answers
    }

    pub fn acknowledgement(&self) -> Vec<u8> {
        self.answer(NLMSG_ERROR, NLM_F_CAPPED, &[&[0; 4], self.header].concat())
    }

    fn refusal(&self, errno: i32, why: Option<String>) -> Vec<u8> {
        const NLMSGERR_ATTR_MSG: u16 = 1;
        let mut payload = errno.wrapping_neg().to_ne_bytes().to_vec();
        payload.extend_from_slice(self.header);
        let mut flags = NLM_F_CAPPED;
        if let Some(why) = why {
            flags |= NLM_F_ACK_TLVS;
            Attribute::new(NLMSGERR_ATTR_MSG, Value::Text(&why)).append(&mut payload);
        }
        self.answer(NLMSG_ERROR, flags, &payload)
    }

    fn answer(&self, kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        message(&mut bytes, kind, flags, self.sequence, |b| b.extend_from_slice(payload));
        bytes
    }
}
