//! Every kind of exchange, with every fault of the transport at every position.

use super::error::Error;
use super::exchange::Netlink;
use super::message::Family;
use super::test_transport::{
    DONE, ERROR, Received, WAIT, code, data, message, read, request, with_family,
};
use crate::transport::Transport;
use netlink_packet_core::NetlinkBuffer;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Exchange {
    Get,
    Dump,
    Batch,
}

const EXCHANGES: [Exchange; 3] = [Exchange::Get, Exchange::Dump, Exchange::Batch];

impl Exchange {
    /// Returns the answers of a healthy kernel to the messages of one send.
    fn answers(self, s: &[u32]) -> Vec<Vec<u8>> {
        match self {
            Exchange::Get => vec![data(0, s[0], 7)],
            Exchange::Dump => vec![data(2, s[0], 7), data(2, s[0], 8), code(DONE, s[0], 0)],
            Exchange::Batch => vec![code(ERROR, s[s.len() - 1], 0)],
        }
    }

    fn perform<C: Transport>(self, netlink: &mut Netlink<C>, f: Family) -> Result<Vec<u32>, Error> {
        match self {
            Exchange::Get => netlink.get(f, &request(), read).map(|value| vec![value]),
            Exchange::Dump => netlink.dump(f, &request(), read),
            Exchange::Batch => {
                let results = netlink.batch(f, (0..6).map(|_| request()))?;
                results.into_iter().map(|result| result.map(|()| 0)).collect()
            }
        }
    }
}

#[test]
fn every_exchange_succeeds_without_a_fault() {
    for exchange in EXCHANGES {
        let (mut netlink, f) =
            with_family(WAIT, |s| exchange.answers(s).into_iter().map(Ok).collect());
        exchange.perform(&mut netlink, f).unwrap_or_else(|e| panic!("{exchange:?}: {e}"));
    }
}

#[test]
fn an_errno_in_place_of_any_answer_is_returned() {
    for exchange in EXCHANGES {
        for errno in 1..=133 {
            for (position, kind) in
                (0..exchange.answers(&[1]).len()).flat_map(|n| [(n, ERROR), (n, DONE)])
            {
                let (mut netlink, f) = with_family(WAIT, |s| {
                    let mut answers = exchange.answers(s);
                    answers[position] = code(kind, s[s.len() - 1], errno);
                    answers.into_iter().map(Ok).collect()
                });
                let error = exchange.perform(&mut netlink, f).unwrap_err();
                assert_eq!(error.code(), Some(errno), "{exchange:?}, answer {position}: {error}");
            }
        }
    }
}

#[test]
fn a_refused_request_of_a_batch_does_not_affect_the_others() {
    for errno in [libc::EPERM, libc::ENOENT, libc::ENOBUFS, libc::EMSGSIZE] {
        for refused in 0..50 {
            let mut previous = 0;
            let (mut netlink, f) = with_family(WAIT, |s| {
                let mut answers = Vec::new();
                let (last, requests) = s.split_last().unwrap();
                let positions = previous..previous + requests.len();
                if positions.contains(&refused) {
                    answers.push(Ok(code(ERROR, requests[refused - previous], errno)));
                }
                answers.push(Ok(code(ERROR, *last, 0)));
                previous = positions.end;
                answers
            });
            let results = netlink.batch(f, (0..50).map(|_| request())).unwrap();
            let codes: Vec<_> =
                results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
            let mut expected = vec![None; 50];
            expected[refused] = Some(errno);
            assert_eq!(codes, expected);
        }
    }
}

#[test]
fn an_answer_truncated_at_any_byte_is_never_success() {
    for exchange in EXCHANGES {
        let length = exchange.answers(&[1]).concat().len();
        for end in 0..length {
            let (mut netlink, f) =
                with_family(WAIT, |s| vec![Ok(exchange.answers(s).concat()[..end].into())]);
            let error = exchange.perform(&mut netlink, f).unwrap_err();
            let whole = [28, 56].contains(&end) && exchange == Exchange::Dump;
            assert_eq!(
                matches!(error, Error::Malformed(_)),
                !whole,
                "{exchange:?}, {end}: {error}"
            );
        }
    }
    // The same with headers that give the truncated length.
    for end in 0..12 {
        let payload = &data(0, 2, 7)[16..16 + end];
        let (mut netlink, f) = with_family(WAIT, |s| vec![Ok(message(21, 0, s[0], payload))]);
        assert!(matches!(netlink.get(f, &request(), read), Err(Error::Malformed(_))), "{end}");
    }
    for end in 0..4 {
        for kind in [ERROR, DONE] {
            let payload = &[0, 0, 0, 0][..end];
            let (mut netlink, f) = with_family(WAIT, |s| vec![Ok(message(kind, 0, s[0], payload))]);
            let done = netlink.batch(f, [request()]);
            assert!(matches!(done, Err(Error::Malformed(_))), "{kind}, {end}");
        }
    }
}

#[test]
fn a_dump_interrupted_at_any_answer_starts_again_at_most_nine_times() {
    for interruptions in 0..12 {
        for position in 0..3 {
            let mut attempts = 0;
            let (mut netlink, f) = with_family(WAIT, |s| {
                attempts += 1;
                let mut answers = Exchange::Dump.answers(s);
                if attempts <= interruptions {
                    NetlinkBuffer::new(&mut answers[position]).set_flags(2 | 16);
                }
                answers.into_iter().map(Ok).collect()
            });
            match netlink.dump(f, &request(), read) {
                Ok(items) => assert_eq!((items, interruptions < 10), (vec![7, 8], true)),
                Err(e) => assert!(matches!(e, Error::TableChanging) && interruptions >= 10, "{e}"),
            }
            drop(netlink);
            assert_eq!(attempts, 10.min(interruptions + 1));
        }
    }
}

#[test]
fn lost_answers_are_an_error_and_do_not_affect_later_exchanges() {
    for exchange in EXCHANGES {
        for position in 0..exchange.answers(&[1]).len() {
            let mut first = true;
            let (mut netlink, f) = with_family(WAIT, |s| {
                let mut received: Vec<Received> = exchange.answers(s).into_iter().map(Ok).collect();
                if std::mem::take(&mut first) {
                    // The answer itself is lost; the buffer still holds others.
                    received[position] = Err(libc::ENOBUFS);
                    received.push(Ok(data(0, s[0], 99)));
                }
                received
            });
            let error = exchange.perform(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::AnswersLost), "{exchange:?}, {position}: {error}");
            assert_eq!(error.code(), None, "the text of an errno would mislead");
            assert!(
                !exchange.perform(&mut netlink, f).unwrap().contains(&99),
                "{exchange:?}, {position}"
            );
        }
    }
}

#[test]
fn an_error_of_the_socket_ends_the_exchange() {
    for exchange in EXCHANGES {
        for errno in (1..=133).filter(|&e| e != libc::ENOBUFS) {
            let (mut netlink, f) = with_family(Err(errno), |_| vec![]);
            let error = exchange.perform(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::Socket(_)), "{error}");
            assert_eq!(error.code(), Some(errno));
        }
    }
}

#[test]
fn endless_unmatched_answers_end_the_exchange() {
    let unmatched = [
        data(0, 77, 1),
        code(ERROR, 77, 0),
        code(ERROR, 77, 5),
        code(DONE, 77, 0),
        message(1, 0, 2, &[]),
        [data(0, 77, 1), code(DONE, 77, 0)].concat(),
    ];
    for exchange in EXCHANGES {
        for unmatched in &unmatched {
            let (mut netlink, f) = with_family(Ok(unmatched.clone()), |_| vec![]);
            let error = exchange.perform(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::Malformed(_)), "{exchange:?}: {error}");
        }
    }
    // Nor does one answer end a dump or a batch when it is repeated.
    let (mut netlink, f) = with_family(Ok(code(ERROR, 2, 0)), |_| vec![]);
    assert!(matches!(Exchange::Batch.perform(&mut netlink, f), Err(Error::Malformed(_))));
    let (mut netlink, f) = with_family(Ok(code(ERROR, 2, 0)), |_| vec![]);
    assert!(matches!(Exchange::Dump.perform(&mut netlink, f), Err(Error::Malformed(_))));
}

#[test]
fn unmatched_answers_are_skipped() {
    for exchange in EXCHANGES {
        for first in 0..3 {
            let (mut netlink, f) = with_family(WAIT, |s| {
                let unmatched =
                    [data(16, s[0] - 1, 5), code(ERROR, s[0] - 1, 5), code(DONE, s[0] + 99, 5)];
                let mut received = Vec::new();
                for answer in exchange.answers(s) {
                    received.extend(unmatched.iter().cycle().skip(first).take(3).cloned().map(Ok));
                    received.push(Ok(answer));
                }
                received
            });
            let found = exchange.perform(&mut netlink, f).unwrap();
            let (mut healthy, f) =
                with_family(WAIT, |s| exchange.answers(s).into_iter().map(Ok).collect());
            assert_eq!(found, exchange.perform(&mut healthy, f).unwrap());
        }
    }
}

#[test]
fn the_order_and_number_of_refusals_in_a_batch_do_not_matter() {
    // Three refusals in every order, each sent twice and then acknowledged.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut netlink, f) = with_family(WAIT, |s| {
            let refusals = order.iter().map(|&n| code(ERROR, s[n], 10 + n as i32));
            let acknowledgements = order.iter().map(|&n| code(ERROR, s[n], 0));
            let mut answers: Vec<Received> =
                refusals.clone().chain(refusals).chain(acknowledgements).map(Ok).collect();
            answers.push(Ok(code(ERROR, s[3], 0)));
            answers
        });
        let results = netlink.batch(f, (0..3).map(|_| request())).unwrap();
        let codes: Vec<_> =
            results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
        assert_eq!(codes, [Some(10), Some(11), Some(12)]);
    }
}
