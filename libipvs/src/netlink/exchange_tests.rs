//! Exchanges over a transport that answers like the kernel.

use super::attribute::{Attribute, Value};
use super::error::Error;
use super::exchange::Netlink;
use super::message::{Family, Request};
use super::test_transport::{
    self, DONE, ERROR, WAIT, code, data, family, message, netlink, read, request,
};
use crate::transport::{Inbox, Transport};
use netlink_packet_core::NetlinkBuffer;
use std::io;

/// A transport that receives `answer` and never waits.
fn with_family(
    mut answer: impl FnMut(&[u32]) -> Vec<Vec<u8>>,
) -> (Netlink<impl Transport>, Family) {
    test_transport::with_family(WAIT, move |s| answer(s).into_iter().map(Ok).collect())
}

#[test]
fn a_family_has_a_number_other_than_0() {
    let mut looked_up = netlink(WAIT, |s| vec![Ok(family(s[0], 9))]);
    assert_eq!(looked_up.family("IPVS", 3).unwrap(), Family { id: 9, version: 3 });
    let mut zero = netlink(WAIT, |s| vec![Ok(family(s[0], 0))]);
    assert!(matches!(zero.family("IPVS", 1), Err(Error::Malformed(_))));
    let mut none = netlink(WAIT, |s| vec![Ok(data(0, s[0], 0)[..20].to_vec())]);
    assert!(matches!(none.family("IPVS", 1), Err(Error::Malformed(_))));
}

#[test]
fn each_request_of_a_batch_has_its_own_result() {
    let mut sends = 0;
    let (mut netlink, family) = with_family(move |sequences| {
        sends += 1;
        assert_eq!(sequences.len(), if sends < 4 { 4 } else { 2 });
        // The first request of each send fails; the message behind all requests is acknowledged.
        vec![code(ERROR, sequences[0], 17), code(ERROR, *sequences.last().unwrap(), 0)]
    });
    let results = netlink.batch(family, (0..10).map(|_| request())).unwrap();
    let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
    let (no, yes) = (None, Some(17));
    assert_eq!(codes, [yes, no, no, yes, no, no, yes, no, no, yes]);
}

#[test]
fn the_last_request_of_a_batch_can_fail() {
    let (mut netlink, family) =
        with_family(|sequences| vec![code(ERROR, sequences[0], 2), code(ERROR, sequences[1], 0)]);
    let results = netlink.batch(family, [request()]).unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().code(), Some(2));
}

#[test]
fn an_empty_batch_sends_nothing() {
    let (mut netlink, family) = with_family(|_| panic!("nothing to send"));
    assert!(netlink.batch(family, []).unwrap().is_empty());
}

/// A transport that records sends, and acknowledges the last message of each.
#[derive(Default)]
struct Recorder {
    sends: Vec<Vec<u8>>,
}

impl Transport for &mut Recorder {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sends.push(bytes.to_vec());
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        let mut bytes = self.sends.last().unwrap().as_slice();
        while let Some(rest) = bytes.get(NetlinkBuffer::new(bytes).length() as usize..) {
            if rest.is_empty() {
                break;
            }
            bytes = rest;
        }
        inbox.put(&code(ERROR, NetlinkBuffer::new(bytes).sequence_number(), 0));
        Ok(())
    }

    fn answers_that_fit(&self) -> usize {
        1000
    }
}

#[test]
fn a_request_is_sent_with_its_command_and_flags() {
    let family = Family { id: 21, version: 5 };
    let attribute = [8, 0, 1, 0, 7, 0, 0, 0];
    let mut recorder = Recorder::default();
    Netlink::new(&mut recorder).get(family, &request(), read).unwrap_err();
    Netlink::new(&mut recorder).batch(family, [request()]).unwrap();
    let [get, batch] = recorder.sends.as_slice() else { panic!("two sends") };
    let header = [28, 0, 0, 0, 21, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0, 0];
    assert_eq!(*get, [&header[..], &attribute].concat());
    // Only the NLMSG_NOOP at the end requests an acknowledgement.
    let no_op = [16, 0, 0, 0, 1, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(*batch, [&header[..], &attribute, &no_op].concat());
}

#[test]
fn a_send_of_a_batch_has_a_limited_size() {
    let text = "x".repeat(1024 - 16 - 4 - 4 - 1);
    let attributes = || vec![Attribute::new(1, Value::Text(&text))];
    let requests = (0..65).map(|_| Request { command: 1, attributes: attributes() });
    let mut recorder = Recorder::default();
    let family = Family { id: 21, version: 1 };
    assert_eq!(Netlink::new(&mut recorder).batch(family, requests).unwrap().len(), 65);
    let sizes: Vec<usize> = recorder.sends.iter().map(Vec::len).collect();
    assert_eq!(sizes, [64 * 1024 + 16, 1024 + 16]);
}

#[test]
fn a_request_without_an_answer_does_not_block_a_batch() {
    let (mut netlink, family) = with_family(|s| vec![code(ERROR, *s.last().unwrap(), 0)]);
    let results = netlink.batch(family, (0..3).map(|_| request())).unwrap();
    assert!(results.len() == 3 && results.iter().all(Result::is_ok));
}

#[test]
fn a_dump_starts_again_when_the_table_changed() {
    let mut attempts = 0;
    let (mut netlink, family) = with_family(move |sequences| {
        attempts += 1;
        let interrupted = if attempts < 3 { 16 } else { 0 };
        let n = sequences[0];
        vec![data(interrupted, n, attempts), data(0, n, 10 * attempts), code(DONE, n, 0)]
    });
    assert_eq!(netlink.dump(family, &request(), read).unwrap(), [3, 30]);
}

#[test]
fn a_table_that_keeps_changing_is_an_error() {
    let (mut netlink, family) = with_family(|s| vec![data(16, s[0], 1), code(DONE, s[0], 0)]);
    assert!(matches!(netlink.dump(family, &request(), read), Err(Error::TableChanging)));
}

#[test]
fn done_carries_the_error_of_a_dump() {
    let (mut netlink, family) = with_family(|s| vec![data(0, s[0], 1), code(DONE, s[0], 3)]);
    assert_eq!(netlink.dump(family, &request(), read).unwrap_err().code(), Some(3));
}

#[test]
fn answers_to_earlier_requests_are_skipped() {
    let (mut netlink, family) = with_family(|s| {
        vec![data(0, s[0] - 1, 1), code(ERROR, s[0].wrapping_sub(9), 5), data(0, s[0], 2)]
    });
    assert_eq!(netlink.get(family, &request(), read).unwrap(), 2);
}

#[test]
fn a_datagram_can_hold_several_messages() {
    let (mut netlink, family) = with_family(|s| {
        let no_op = message(1, 0, s[0], &[]);
        vec![[no_op, data(0, s[0], 1), data(0, s[0], 2), code(DONE, s[0], 0)].concat()]
    });
    assert_eq!(netlink.dump(family, &request(), read).unwrap(), [1, 2]);
}

#[test]
fn an_acknowledgement_does_not_end_a_dump() {
    let (mut netlink, family) = with_family(|s| {
        vec![data(0, s[0], 1), code(ERROR, s[0], 0), data(0, s[0], 2), code(DONE, s[0], 0)]
    });
    assert_eq!(netlink.dump(family, &request(), read).unwrap(), [1, 2]);
}

#[test]
fn truncated_messages_are_errors() {
    let whole = |s: u32| data(0, s, 1);
    for end in 0..whole(1).len() {
        let (mut netlink, family) = with_family(move |s| vec![whole(s[0])[..end].to_vec()]);
        let error = netlink.get(family, &request(), read).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "cut after {end} bytes: {error}");
    }
}

#[test]
fn a_message_longer_than_the_inbox_is_an_error() {
    let (mut netlink, family) = with_family(|s| vec![[data(0, s[0], 1), vec![0; 70_000]].concat()]);
    assert!(matches!(netlink.get(family, &request(), read), Err(Error::Malformed(_))));
}

/// Returns the payload of a refusal (EINVAL) that contains the rest of a request of 21 bytes.
fn refusal(request: &[u8]) -> Vec<u8> {
    let mut payload = (-22i32).to_ne_bytes().to_vec();
    payload.extend([21, 0, 0, 0, 21, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend(request);
    payload.extend([9, 0, 1, 0, b'w', b'h', b'y', b'!', 0, 0, 0, 0]);
    payload
}

#[test]
fn the_explanation_of_the_kernel_is_part_of_the_text() {
    let (capped, tlvs) = (0x100, 0x200);
    let whole_request = refusal(&[0xff; 8]);
    let header_only = refusal(&[]);
    for (flags, payload, text) in [
        (capped | tlvs, &header_only, "Invalid argument (why!)"),
        (tlvs, &whole_request, "Invalid argument (why!)"),
        (capped, &header_only, "Invalid argument"),
    ] {
        let (mut netlink, family) = with_family(|s| vec![message(ERROR, flags, s[0], payload)]);
        let error = netlink.get(family, &request(), read).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}
