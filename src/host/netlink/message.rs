//! The messages of a datagram from the kernel, and their effect on an exchange.

use super::{Error, c_string, read};
use neli::consts::nl::{NlmF, NlmsgerrAttr};
use neli::types::{Buffer, GenlBuffer};

/// Bytes of struct nlmsghdr.
const HEADER: usize = 16;
/// NLM_F_CAPPED: an answer has only the header of the request, not its payload.
const CAPPED: u16 = 0x100;
/// NLM_F_ACK_TLVS: an answer has attributes.
const ACK_TLVS: u16 = 0x200;
/// The error of a message whose lengths contradict each other.
pub(super) const UNREADABLE: Error = Error::Malformed("a message that cannot be read");

/// The answers to one request.
pub(super) struct Exchange {
    pub sequence: u32,
    /// False when the table changed during a dump.
    pub consistent: bool,
}

/// The effect of a datagram on an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The exchange is complete.
    Complete,
    /// The datagram had answers, and more follow.
    Answered,
    /// The datagram had no answer to this request.
    Stray,
}

impl Exchange {
    /// Reads a datagram and passes each answer to `each`.
    pub fn read(
        &mut self,
        datagram: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<bool, Error>,
    ) -> Result<Progress, Error> {
        let mut progress = Progress::Stray;
        let mut rest = datagram;
        while !rest.is_empty() {
            let (message, after) = Message::split(rest)?;
            rest = after;
            if message.sequence != self.sequence {
                continue;
            }
            progress = Progress::Answered;
            self.consistent &= message.flags & NlmF::DUMP_INTR.bits() == 0;
            let complete = match i32::from(message.kind) {
                libc::NLMSG_NOOP => false,
                libc::NLMSG_ERROR | libc::NLMSG_DONE => message.result().map(|()| true)?,
                _ => each(message.payload)?,
            };
            if complete {
                return Ok(Progress::Complete);
            }
        }
        Ok(progress)
    }
}

/// A message of a datagram. neli's own reader fails on an acknowledgement that has a text.
struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Splits the first message off a datagram.
    fn split(datagram: &'a [u8]) -> Result<(Message<'a>, &'a [u8]), Error> {
        let length = u32_at(datagram, 0)? as usize;
        let message = datagram.get(..length).ok_or(UNREADABLE)?;
        let payload = message.get(HEADER..).ok_or(UNREADABLE)?;
        let (kind, flags) = (u16_at(message, 4)?, u16_at(message, 6)?);
        let rest = datagram.get(aligned(length)..).unwrap_or_default();
        Ok((Message { kind, flags, sequence: u32_at(message, 8)?, payload }, rest))
    }

    /// The result in the payload of an error message, an acknowledgement or the end of a dump: 0 or
    /// a negated errno, then the request's header (not at the end of a dump), then attributes.
    fn result(&self) -> Result<(), Error> {
        let kind = i32::from(self.kind);
        // Some dumps end without a result.
        if kind == libc::NLMSG_DONE && self.payload.is_empty() {
            return Ok(());
        }
        let code = u32_at(self.payload, 0)? as i32;
        if code == 0 {
            return Ok(());
        }
        let attributes = match kind {
            libc::NLMSG_DONE => 4,
            _ if self.flags & CAPPED != 0 => 4 + HEADER,
            _ => 4 + aligned(u32_at(self.payload, 4)? as usize),
        };
        let attributes = self.payload.get(attributes..).filter(|_| self.flags & ACK_TLVS != 0);
        let text = attributes.and_then(|attributes| {
            let attributes = read::<GenlBuffer<NlmsgerrAttr, Buffer>>(attributes).ok()?;
            let mut attributes = attributes.iter();
            let text = attributes.find(|a| *a.nla_type().nla_type() == NlmsgerrAttr::Msg)?;
            Some(c_string(text.nla_payload().as_ref()))
        });
        Err(Error::Refused { code: code.saturating_neg(), text })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    let value = bytes.get(at..at + 2).and_then(|value| value.try_into().ok());
    value.map(u16::from_ne_bytes).ok_or(UNREADABLE)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let value = bytes.get(at..at + 4).and_then(|value| value.try_into().ok());
    value.map(u32::from_ne_bytes).ok_or(UNREADABLE)
}

/// The next multiple of four: messages start there.
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    const MULTI: u16 = 2;
    const DUMP_INTR: u16 = 0x10;
    const ANSWER: u16 = 16;

    /// A message to the request with sequence number 7, padded.
    fn message(kind: i32, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((16 + payload.len() as u32).to_ne_bytes());
        bytes.extend((kind as u16).to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn text_attribute(text: &str) -> Vec<u8> {
        let mut bytes = (4 + text.len() as u16 + 1).to_ne_bytes().to_vec();
        bytes.extend(1u16.to_ne_bytes());
        bytes.extend(text.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// An error or an acknowledgement, with the whole request (20 bytes) or its header alone.
    fn result(code: i32, flags: u16, text: Option<&str>) -> Vec<u8> {
        let mut payload = code.to_ne_bytes().to_vec();
        payload.extend(message(ANSWER.into(), 0, b"four"));
        payload.truncate(if flags & CAPPED != 0 { 20 } else { 24 });
        payload.extend(text.map(text_attribute).unwrap_or_default());
        message(libc::NLMSG_ERROR, flags, &payload)
    }

    /// The progress after a datagram, and the answers in it. An answer "end" completes the exchange.
    fn read_datagram(datagram: &[u8]) -> (Result<Progress, Error>, Vec<Vec<u8>>, bool) {
        let mut exchange = Exchange { sequence: 7, consistent: true };
        let mut answers = Vec::new();
        let progress = exchange.read(datagram, |payload| {
            answers.push(payload.to_vec());
            Ok(payload == b"end")
        });
        (progress, answers, exchange.consistent)
    }

    #[track_caller]
    fn error_of(datagram: &[u8]) -> String {
        read_datagram(datagram).0.expect_err("an error").to_string()
    }

    #[test]
    fn a_dump_ends_with_its_done_message() {
        let first = message(ANSWER.into(), MULTI, b"one");
        let second = message(ANSWER.into(), MULTI, b"second");
        let done = message(libc::NLMSG_DONE, MULTI, &[0; 4]);
        let (progress, answers, consistent) = read_datagram(&[&*first, &*second].concat());
        assert_eq!((progress.unwrap(), consistent), (Progress::Answered, true));
        assert_eq!(answers, [&b"one"[..], b"second"]);
        for end in [done.clone(), message(libc::NLMSG_DONE, MULTI, &[])] {
            let (progress, answers, _) = read_datagram(&[&*first, &*end].concat());
            assert_eq!((progress.unwrap(), answers.len()), (Progress::Complete, 1));
        }
        let interrupted = message(libc::NLMSG_DONE, MULTI | DUMP_INTR, &[0; 4]);
        let (progress, _, consistent) = read_datagram(&interrupted);
        assert_eq!((progress.unwrap(), consistent), (Progress::Complete, false));
        let interrupted = message(ANSWER.into(), MULTI | DUMP_INTR, b"one");
        assert!(!read_datagram(&[interrupted, done].concat()).2);
    }

    #[test]
    fn a_dump_can_end_with_an_error() {
        let mut payload = (-libc::EMSGSIZE).to_ne_bytes().to_vec();
        assert_eq!(error_of(&message(libc::NLMSG_DONE, MULTI, &payload)), "Message too long");
        payload.extend(text_attribute("no room"));
        let done = message(libc::NLMSG_DONE, MULTI | ACK_TLVS, &payload);
        assert_eq!(error_of(&done), "Message too long (no room)");
    }

    #[test]
    fn an_answer_can_complete_the_exchange() {
        let answers = [message(ANSWER.into(), 0, b"end"), message(ANSWER.into(), 0, b"more")];
        let (progress, answers, _) = read_datagram(&answers.concat());
        assert_eq!((progress.unwrap(), answers), (Progress::Complete, vec![b"end".to_vec()]));
        let noop = read_datagram(&message(libc::NLMSG_NOOP, 0, b""));
        assert_eq!((noop.0.unwrap(), noop.1.len()), (Progress::Answered, 0));
    }

    #[test]
    fn an_acknowledgement_can_have_a_text() {
        for acknowledgement in [
            result(0, 0, None),
            result(0, CAPPED, None),
            result(0, CAPPED | ACK_TLVS, Some("a warning")),
        ] {
            let (progress, answers, _) = read_datagram(&acknowledgement);
            assert_eq!((progress.unwrap(), answers.len()), (Progress::Complete, 0));
        }
    }

    #[test]
    fn an_error_can_have_a_text() {
        let code = -libc::EEXIST;
        assert_eq!(error_of(&result(code, 0, None)), "File exists");
        assert_eq!(error_of(&result(code, ACK_TLVS, Some("taken"))), "File exists (taken)");
        let capped = result(code, CAPPED | ACK_TLVS, Some("taken"));
        assert_eq!(error_of(&capped), "File exists (taken)");
        // Without the flag these bytes are no attributes.
        assert_eq!(error_of(&result(code, CAPPED, Some("taken"))), "File exists");
        let error = read_datagram(&result(code, 0, None)).0.expect_err("an error");
        assert_eq!(error.code(), Some(libc::EEXIST));
    }

    #[test]
    fn answers_to_other_requests_are_strays() {
        let mut stray = message(ANSWER.into(), MULTI | DUMP_INTR, b"end");
        stray[8] = 6;
        let (progress, answers, consistent) = read_datagram(&stray);
        assert_eq!((progress.unwrap(), answers.len(), consistent), (Progress::Stray, 0, true));
        let answered = [stray, message(ANSWER.into(), 0, b"one")].concat();
        assert_eq!(read_datagram(&answered).0.unwrap(), Progress::Answered);
        assert_eq!(read_datagram(&[]).0.unwrap(), Progress::Stray);
    }

    #[test]
    fn truncated_messages_are_errors() {
        let whole = result(-libc::EEXIST, ACK_TLVS, Some("taken"));
        for length in 1..u32_at(&whole, 0).expect("a length") as usize {
            let mut cut = whole[..length].to_vec();
            assert!(error_of(&cut).starts_with("malformed message"), "{length}");
            if length >= HEADER {
                // A header that does not claim more than there is.
                cut[..4].copy_from_slice(&(length as u32).to_ne_bytes());
                assert!(read_datagram(&cut).0.is_err(), "{length}");
            }
        }
        let mut longest = whole;
        longest[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert!(error_of(&longest).starts_with("malformed message"));
        longest[..4].copy_from_slice(&15u32.to_ne_bytes());
        assert!(error_of(&longest).starts_with("malformed message"));
    }
}
