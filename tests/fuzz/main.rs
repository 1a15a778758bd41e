//! A short run of every fuzz target: its corpus, and random changes of it, the same ones each time.
//! `make fuzz` is the long run. A crash found there is kept as one more file of the corpus.

mod targets;

use fastrand::Rng;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Numbers that stand at the edge of something.
const EDGES: [u8; 10] = [0, 1, 4, 5, 16, 20, 0x20, 0x7f, 0x80, 0xff];

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} is empty");
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

/// One change somewhere in `bytes`.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(..=bytes.len());
    let length = rng.usize(1..=8).min(bytes.len() - at);
    match rng.u8(..8) {
        0 if length > 0 => bytes[at] ^= 1 << rng.u8(..8),
        1 if length > 0 => bytes[at] = rng.u8(..),
        2 if length > 0 => bytes[at] = EDGES[rng.usize(..EDGES.len())],
        3 => drop(bytes.drain(at..at + length)),
        4 => bytes.insert(at, rng.u8(..)),
        5 => bytes.splice(at..at, bytes[at..at + length].to_vec()).for_each(drop),
        6 => bytes.truncate(at),
        _ => {
            let from = rng.usize(..=other.len());
            let taken = &other[from..(from + rng.usize(..32)).min(other.len())];
            bytes.splice(at..at + length, taken.iter().copied()).for_each(drop);
        }
    }
}

fn must_pass(body: impl Fn(&[u8]) + RefUnwindSafe, bytes: &[u8], what: &str) {
    if catch_unwind(|| body(bytes)).is_err() {
        panic!("{what}: {}", bytes.escape_ascii());
    }
}

fn run(target: &str, mutations: usize) {
    let (_, body) = targets::TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let corpus = corpus(target);
    for (file, bytes) in &corpus {
        must_pass(body, bytes, &format!("{file:?}"));
    }
    let mut rng = Rng::with_seed(6);
    let mut bytes = Vec::new();
    for n in 0..mutations {
        let (_, start) = &corpus[rng.usize(..corpus.len())];
        let (_, other) = &corpus[rng.usize(..corpus.len())];
        bytes.clear();
        // A large seed would take the time of many small ones.
        bytes.extend_from_slice(&start[..start.len().min(2048)]);
        for _ in 0..rng.usize(1..=6) {
            mutate(&mut rng, &mut bytes, other);
        }
        must_pass(body, &bytes, &format!("{target}, change {n}"));
    }
}

#[test]
fn lexer() {
    run("lexer", 150_000);
}

#[test]
fn rules() {
    run("rules", 60_000);
}

#[test]
fn kernel_message() {
    run("kernel_message", 60_000);
}

#[test]
fn connections() {
    run("connections", 60_000);
}
