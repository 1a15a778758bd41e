//! Every exchange against a connection on which everything goes wrong that can, everywhere it can.

use super::error::Error;
use super::scripted::{DONE, ERROR, Step, WAITS, code, data, message, read, request, scripted};
use super::socket::{Family, Netlink};
use crate::transport::Transport;
use netlink_packet_core::NetlinkBuffer;

/// The shapes of exchange, each with what it does when everything is well.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Get,
    Dump,
    Batch,
}

const SHAPES: [Shape; 3] = [Shape::Get, Shape::Dump, Shape::Batch];

impl Shape {
    /// Good answers to the messages of one send.
    fn answers(self, s: &[u32]) -> Vec<Vec<u8>> {
        match self {
            Shape::Get => vec![data(0, s[0], 7)],
            Shape::Dump => vec![data(2, s[0], 7), data(2, s[0], 8), code(DONE, s[0], 0)],
            Shape::Batch => vec![code(ERROR, s[s.len() - 1], 0)],
        }
    }

    /// Carry it out; what it gave, in a form that is the same for all.
    fn run<C: Transport>(self, netlink: &mut Netlink<C>, f: Family) -> Result<Vec<u32>, Error> {
        match self {
            Shape::Get => netlink.get(f, &request(), read).map(|value| vec![value]),
            Shape::Dump => netlink.dump(f, &request(), read),
            Shape::Batch => {
                let results = netlink.batch(f, (0..6).map(|_| request()))?;
                results.into_iter().map(|result| result.map(|()| 0)).collect()
            }
        }
    }
}

#[test]
fn without_a_fault_every_exchange_succeeds() {
    for shape in SHAPES {
        let (mut netlink, f) = scripted(WAITS, |s| shape.answers(s).into_iter().map(Ok).collect());
        shape.run(&mut netlink, f).unwrap_or_else(|e| panic!("{shape:?}: {e}"));
    }
}

#[test]
fn any_errno_in_place_of_any_answer() {
    for shape in SHAPES {
        for errno in 1..=133 {
            for (position, kind) in
                (0..shape.answers(&[1]).len()).flat_map(|n| [(n, ERROR), (n, DONE)])
            {
                let (mut netlink, f) = scripted(WAITS, |s| {
                    let mut answers = shape.answers(s);
                    answers[position] = code(kind, s[s.len() - 1], errno);
                    answers.into_iter().map(Ok).collect()
                });
                let error = shape.run(&mut netlink, f).unwrap_err();
                assert_eq!(error.code(), Some(errno), "{shape:?}, answer {position}: {error}");
            }
        }
    }
}

#[test]
fn any_request_of_a_batch_is_refused_alone() {
    for errno in [libc::EPERM, libc::ENOENT, libc::ENOBUFS, libc::EMSGSIZE] {
        for refused in 0..50 {
            let mut before = 0;
            let (mut netlink, f) = scripted(WAITS, |s| {
                let mut answers = Vec::new();
                let (behind, requests) = s.split_last().unwrap();
                let here = before..before + requests.len();
                if here.contains(&refused) {
                    answers.push(Ok(code(ERROR, requests[refused - before], errno)));
                }
                answers.push(Ok(code(ERROR, *behind, 0)));
                before = here.end;
                answers
            });
            let results = netlink.batch(f, (0..50).map(|_| request())).unwrap();
            let codes: Vec<_> =
                results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
            let mut meant = vec![None; 50];
            meant[refused] = Some(errno);
            assert_eq!(codes, meant);
        }
    }
}

#[test]
fn an_answer_cut_at_any_byte_is_never_success() {
    for shape in SHAPES {
        let length = shape.answers(&[1]).concat().len();
        for end in 0..length {
            let (mut netlink, f) =
                scripted(WAITS, |s| vec![Ok(shape.answers(s).concat()[..end].into())]);
            let error = shape.run(&mut netlink, f).unwrap_err();
            let whole = [28, 56].contains(&end) && shape == Shape::Dump;
            assert_eq!(matches!(error, Error::Malformed(_)), !whole, "{shape:?}, {end}: {error}");
        }
    }
    // The same with headers that fit what is left.
    for end in 0..12 {
        let payload = &data(0, 2, 7)[16..16 + end];
        let (mut netlink, f) = scripted(WAITS, |s| vec![Ok(message(21, 0, s[0], payload))]);
        assert!(matches!(netlink.get(f, &request(), read), Err(Error::Malformed(_))), "{end}");
    }
    for end in 0..4 {
        for kind in [ERROR, DONE] {
            let payload = &[0, 0, 0, 0][..end];
            let (mut netlink, f) = scripted(WAITS, |s| vec![Ok(message(kind, 0, s[0], payload))]);
            let done = netlink.batch(f, [request()]);
            assert!(matches!(done, Err(Error::Malformed(_))), "{kind}, {end}");
        }
    }
}

#[test]
fn a_dump_that_is_interrupted_anywhere_is_taken_again_boundedly() {
    for interruptions in 0..12 {
        for position in 0..3 {
            let mut tries = 0;
            let (mut netlink, f) = scripted(WAITS, |s| {
                tries += 1;
                let mut answers = Shape::Dump.answers(s);
                if tries <= interruptions {
                    NetlinkBuffer::new(&mut answers[position]).set_flags(2 | 16);
                }
                answers.into_iter().map(Ok).collect()
            });
            match netlink.dump(f, &request(), read) {
                Ok(items) => assert_eq!((items, interruptions < 10), (vec![7, 8], true)),
                Err(e) => assert!(matches!(e, Error::Changing) && interruptions >= 10, "{e}"),
            }
            drop(netlink);
            assert_eq!(tries, 10.min(interruptions + 1));
        }
    }
}

#[test]
fn lost_answers_are_an_error_and_what_comes_later_is_not_mixed_up_with_them() {
    for shape in SHAPES {
        for position in 0..shape.answers(&[1]).len() {
            let mut first = true;
            let (mut netlink, f) = scripted(WAITS, |s| {
                let mut steps: Vec<Step> = shape.answers(s).into_iter().map(Ok).collect();
                if std::mem::take(&mut first) {
                    // In its place, and behind it what the buffer still held.
                    steps[position] = Err(libc::ENOBUFS);
                    steps.push(Ok(data(0, s[0], 99)));
                }
                steps
            });
            let error = shape.run(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::Lost), "{shape:?}, {position}: {error}");
            assert_eq!(error.code(), None, "no errno's text says it");
            assert!(!shape.run(&mut netlink, f).unwrap().contains(&99), "{shape:?}, {position}");
        }
    }
}

#[test]
fn whatever_the_socket_says_ends_the_exchange() {
    for shape in SHAPES {
        for errno in (1..=133).filter(|&e| e != libc::ENOBUFS) {
            let (mut netlink, f) = scripted(Err(errno), |_| vec![]);
            let error = shape.run(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::Socket(_)), "{error}");
            assert_eq!(error.code(), Some(errno));
        }
    }
}

#[test]
fn answers_to_nothing_that_was_asked_end_the_exchange_too() {
    let strangers = [
        data(0, 77, 1),
        code(ERROR, 77, 0),
        code(ERROR, 77, 5),
        code(DONE, 77, 0),
        message(1, 0, 2, &[]),
        [data(0, 77, 1), code(DONE, 77, 0)].concat(),
    ];
    for shape in SHAPES {
        for stranger in &strangers {
            let (mut netlink, f) = scripted(Ok(stranger.clone()), |_| vec![]);
            let error = shape.run(&mut netlink, f).unwrap_err();
            assert!(matches!(error, Error::Malformed(_)), "{shape:?}: {error}");
        }
    }
    // Nor is one answer said over and over the end of what has several.
    let (mut netlink, f) = scripted(Ok(code(ERROR, 2, 0)), |_| vec![]);
    assert!(matches!(Shape::Batch.run(&mut netlink, f), Err(Error::Malformed(_))));
    let (mut netlink, f) = scripted(Ok(code(ERROR, 2, 0)), |_| vec![]);
    assert!(matches!(Shape::Dump.run(&mut netlink, f), Err(Error::Malformed(_))));
}

#[test]
fn answers_of_others_in_between_change_nothing() {
    for shape in SHAPES {
        for before in 0..3 {
            let (mut netlink, f) = scripted(WAITS, |s| {
                let strangers =
                    [data(16, s[0] - 1, 5), code(ERROR, s[0] - 1, 5), code(DONE, s[0] + 99, 5)];
                let mut steps = Vec::new();
                for answer in shape.answers(s) {
                    steps.extend(strangers.iter().cycle().skip(before).take(3).cloned().map(Ok));
                    steps.push(Ok(answer));
                }
                steps
            });
            let found = shape.run(&mut netlink, f).unwrap();
            let (mut well, f) = scripted(WAITS, |s| shape.answers(s).into_iter().map(Ok).collect());
            assert_eq!(found, shape.run(&mut well, f).unwrap());
        }
    }
}

#[test]
fn the_order_and_number_of_refusals_in_a_batch_do_not_matter() {
    // Every order of three refusals, each said twice, and then taken back: a refusal stands.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut netlink, f) = scripted(WAITS, |s| {
            let refusals = order.iter().map(|&n| code(ERROR, s[n], 10 + n as i32));
            let again = order.iter().map(|&n| code(ERROR, s[n], 0));
            let mut answers: Vec<Step> =
                refusals.clone().chain(refusals).chain(again).map(Ok).collect();
            answers.push(Ok(code(ERROR, s[3], 0)));
            answers
        });
        let results = netlink.batch(f, (0..3).map(|_| request())).unwrap();
        let codes: Vec<_> =
            results.iter().map(|r| r.as_ref().err().and_then(Error::code)).collect();
        assert_eq!(codes, [Some(10), Some(11), Some(12)]);
    }
}
