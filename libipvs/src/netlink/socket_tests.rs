//! The exchange of messages, against a connection that answers as it is told to.

use super::error::Error;
use super::scripted::{self, DONE, ERROR, WAITS, code, data, family, message, read, request};
use super::socket::{Family, Netlink};
use crate::transport::Transport;

/// A socket whose family is known, and whose further answers are `answers`.
fn scripted(mut answers: impl FnMut(&[u32]) -> Vec<Vec<u8>>) -> (Netlink<impl Transport>, Family) {
    scripted::scripted(WAITS, move |s| answers(s).into_iter().map(Ok).collect())
}

#[test]
fn a_family_numbered_0_is_refused() {
    let mut netlink = scripted::connection(WAITS, |s| vec![Ok(family(s[0], 0))]);
    assert!(matches!(netlink.family("IPVS", 1), Err(Error::Malformed(_))));
}

#[test]
fn each_request_of_a_batch_has_its_own_result() {
    let mut sends = 0;
    let (mut netlink, family) = scripted(move |sequences| {
        sends += 1;
        assert_eq!(sequences.len(), if sends < 4 { 4 } else { 2 });
        // The first of each send fails; the message behind them is acknowledged.
        vec![code(ERROR, sequences[0], 17), code(ERROR, *sequences.last().unwrap(), 0)]
    });
    let results = netlink.batch(family, (0..10).map(|_| request())).unwrap();
    let failed: Vec<_> = results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
    let no = None;
    let yes = Some(17);
    assert_eq!(failed, [yes, no, no, yes, no, no, yes, no, no, yes]);
}

#[test]
fn the_last_request_of_a_batch_may_fail_too() {
    let (mut netlink, family) =
        scripted(|sequences| vec![code(ERROR, sequences[0], 2), code(ERROR, sequences[1], 0)]);
    let results = netlink.batch(family, [request()]).unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().code(), Some(2));
    assert!(netlink.batch(family, []).unwrap().is_empty());
}

#[test]
fn a_request_that_is_never_answered_holds_nobody_up() {
    let (mut netlink, family) = scripted(|s| vec![code(ERROR, *s.last().unwrap(), 0)]);
    let results = netlink.batch(family, (0..3).map(|_| request())).unwrap();
    assert!(results.len() == 3 && results.iter().all(Result::is_ok));
}

#[test]
fn a_dump_is_taken_again_when_the_table_changed_under_it() {
    let mut tries = 0;
    let (mut netlink, family) = scripted(move |sequences| {
        tries += 1;
        let interrupted = if tries < 3 { 16 } else { 0 };
        let n = sequences[0];
        vec![data(interrupted, n, tries), data(0, n, 10 * tries), code(DONE, n, 0)]
    });
    assert_eq!(netlink.dump(family, &request(), read).unwrap(), [3, 30]);
}

#[test]
fn a_table_that_never_stands_still_is_an_error() {
    let (mut netlink, family) = scripted(|s| vec![data(16, s[0], 1), code(DONE, s[0], 0)]);
    assert!(matches!(netlink.dump(family, &request(), read), Err(Error::Changing)));
}

#[test]
fn done_carries_a_dumps_error() {
    let (mut netlink, family) = scripted(|s| vec![data(0, s[0], 1), code(DONE, s[0], 3)]);
    assert_eq!(netlink.dump(family, &request(), read).unwrap_err().code(), Some(3));
}

#[test]
fn answers_to_earlier_requests_are_passed_over() {
    let (mut netlink, family) = scripted(|s| {
        vec![data(0, s[0] - 1, 1), code(ERROR, s[0].wrapping_sub(9), 5), data(0, s[0], 2)]
    });
    assert_eq!(netlink.get(family, &request(), read).unwrap(), 2);
}

#[test]
fn several_messages_in_one_datagram() {
    let (mut netlink, family) =
        scripted(|s| vec![[data(0, s[0], 1), data(0, s[0], 2), code(DONE, s[0], 0)].concat()]);
    assert_eq!(netlink.dump(family, &request(), read).unwrap(), [1, 2]);
}

#[test]
fn messages_that_are_cut_or_empty_are_errors() {
    let whole = |s: u32| data(0, s, 1);
    for end in 0..whole(1).len() {
        let (mut netlink, family) = scripted(move |s| vec![whole(s[0])[..end].to_vec()]);
        let error = netlink.get(family, &request(), read).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "cut after {end} bytes: {error}");
    }
    let (mut netlink, family) = scripted(|s| vec![[data(0, s[0], 1), vec![0; 70_000]].concat()]);
    assert!(matches!(netlink.get(family, &request(), read), Err(Error::Malformed(_))));
}

#[test]
fn the_kernels_own_words_are_kept() {
    let (mut netlink, family) = scripted(|s| {
        let mut payload = (-22i32).to_ne_bytes().to_vec();
        payload.extend([16, 0, 0, 0, 21, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        payload.extend([9, 0, 1, 0, b'w', b'h', b'y', b'!', 0, 0, 0, 0]);
        vec![message(ERROR, 0x100 | 0x200, s[0], &payload)]
    });
    let error = netlink.get(family, &request(), read).unwrap_err();
    assert_eq!(error.to_string(), "Invalid argument (why!)");
}
