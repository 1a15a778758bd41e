//! The option table of the classic grammar, and a command line as a list of items.
//!
//! Items are options with their values. They become the words of a command line, in a random spelling
//! that the option parser knows. A line need not be valid.

use fastrand::Rng;

pub type Word = Vec<u8>;

/// The value of an option: none, required, or optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Value,
    Maybe,
}

#[derive(Debug)]
pub struct Opt {
    pub long: &'static str,
    pub short: Option<char>,
    pub takes: Takes,
}

const fn opt(long: &'static str, short: char, takes: Takes) -> Opt {
    let short = if short == ' ' { None } else { Some(short) };
    Opt { long, short, takes }
}

use Takes::{Maybe, Nothing, Value};

pub const OPTIONS: &[Opt] = &[
    opt("add-service", 'A', Nothing),
    opt("edit-service", 'E', Nothing),
    opt("delete-service", 'D', Nothing),
    opt("clear", 'C', Nothing),
    opt("list", 'L', Nothing),
    opt("list", 'l', Nothing),
    opt("zero", 'Z', Nothing),
    opt("add-server", 'a', Nothing),
    opt("edit-server", 'e', Nothing),
    opt("delete-server", 'd', Nothing),
    opt("set", ' ', Nothing),
    opt("start-daemon", ' ', Value),
    opt("stop-daemon", ' ', Value),
    opt("restore", 'R', Nothing),
    opt("save", 'S', Nothing),
    opt("help", 'h', Nothing),
    opt("version", 'v', Nothing),
    opt("tcp-service", 't', Value),
    opt("udp-service", 'u', Value),
    opt("sctp-service", ' ', Value),
    opt("fwmark-service", 'f', Value),
    opt("ipv6", '6', Nothing),
    opt("scheduler", 's', Value),
    opt("persistent", 'p', Maybe),
    opt("netmask", 'M', Value),
    opt("pe", ' ', Value),
    opt("ops", 'o', Nothing),
    opt("sched-flags", 'b', Value),
    opt("real-server", 'r', Value),
    opt("gatewaying", 'g', Nothing),
    opt("ipip", 'i', Nothing),
    opt("masquerading", 'm', Nothing),
    opt("tun-type", ' ', Value),
    opt("tun-port", ' ', Value),
    opt("tun-nocsum", ' ', Nothing),
    opt("tun-csum", ' ', Nothing),
    opt("tun-remcsum", ' ', Nothing),
    opt("weight", 'w', Value),
    opt("u-threshold", 'x', Value),
    opt("l-threshold", 'y', Value),
    opt("connection", 'c', Nothing),
    opt("timeout", ' ', Nothing),
    opt("daemon", ' ', Nothing),
    opt("stats", ' ', Nothing),
    opt("rate", ' ', Nothing),
    opt("exact", 'X', Nothing),
    opt("thresholds", ' ', Nothing),
    opt("persistent-conn", ' ', Nothing),
    opt("tun-info", ' ', Nothing),
    opt("nosort", ' ', Nothing),
    opt("sort", ' ', Nothing),
    opt("numeric", 'n', Nothing),
    opt("syncid", ' ', Value),
    opt("sync-maxlen", ' ', Value),
    opt("mcast-interface", ' ', Value),
    opt("mcast-group", ' ', Value),
    opt("mcast-port", ' ', Value),
    opt("mcast-ttl", ' ', Value),
];

/// Returns the option with this long name or letter.
pub fn named(name: &str) -> &'static Opt {
    OPTIONS
        .iter()
        .find(|o| match o.short {
            Some(c) if name.len() == 1 => name.starts_with(c),
            _ => o.long == name,
        })
        .unwrap_or_else(|| panic!("no option {name}"))
}

/// One option with its value, or a bare word.
#[derive(Debug, Clone)]
pub enum Item {
    Opt(&'static Opt, Option<Word>),
    Bare(Word),
}

pub fn flag(name: &str) -> Item {
    Item::Opt(named(name), None)
}

pub fn with(name: &str, value: impl Into<Word>) -> Item {
    Item::Opt(named(name), Some(value.into()))
}

pub fn bare(word: impl Into<Word>) -> Item {
    Item::Bare(word.into())
}

/// The spelling of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// Short options, each a separate word followed by its value.
    Plain,
    /// Any spelling that the option parser accepts.
    Free,
}

/// Returns the words of a line.
pub fn words(rng: &mut Rng, items: &[Item], spelling: Spelling) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    // True while the last word is a bundle of short options that another letter may join.
    let mut open = false;
    for item in items {
        let (opt, value) = match item {
            Item::Bare(w) => {
                out.push(w.clone());
                open = false;
                continue;
            }
            Item::Opt(opt, value) => (*opt, value.as_deref()),
        };
        let free = spelling == Spelling::Free;
        let long = opt.short.is_none() || (free && rng.u8(..10) < 4);
        let join = free && rng.bool();
        match (long, opt.short) {
            (false, Some(letter)) => {
                if open && free && rng.u8(..10) < 4 {
                    out.last_mut().expect("an open word").push(letter as u8);
                } else {
                    out.push(vec![b'-', letter as u8]);
                }
                open = opt.takes == Takes::Nothing;
                if let Some(v) = value {
                    if join {
                        let last = out.last_mut().expect("a word was pushed");
                        if rng.u8(..4) == 0 {
                            last.push(b'=');
                        }
                        last.extend_from_slice(v);
                    } else {
                        out.push(v.to_vec());
                    }
                    open = false;
                }
            }
            _ => {
                let mut w = format!("--{}", opt.long).into_bytes();
                match value {
                    Some(v) if join => {
                        w.push(b'=');
                        w.extend_from_slice(v);
                        out.push(w);
                    }
                    Some(v) => out.extend([w, v.to_vec()]),
                    None => out.push(w),
                }
                open = false;
            }
        }
    }
    out
}

/// Returns a random element of a list, which must not be empty.
pub fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.usize(..list.len())]
}

/// Returns true in `percent` of all calls.
pub fn chance(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(..100) < percent
}
