//! A short run of every fuzz target: its corpus, and the same random mutations of it each time.
//!
//! `make fuzz` is the long run. Add an input that crashed there to the corpus.

mod targets;

use fastrand::Rng;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Numbers with a special meaning in some format.
const SPECIAL: [u8; 10] = [0, 1, 4, 5, 16, 20, 0x20, 0x7f, 0x80, 0xff];

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} is empty");
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

/// Makes one random mutation of `bytes`, perhaps with a part of `other`.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.usize(..=bytes.len());
    let length = rng.usize(1..=8).min(bytes.len() - at);
    match rng.u8(..8) {
        0 if length > 0 => bytes[at] ^= 1 << rng.u8(..8),
        1 if length > 0 => bytes[at] = rng.u8(..),
        2 if length > 0 => bytes[at] = SPECIAL[rng.usize(..SPECIAL.len())],
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

fn check(target: impl Fn(&[u8]) + RefUnwindSafe, bytes: &[u8], origin: &str) {
    if catch_unwind(|| target(bytes)).is_err() {
        panic!("{origin}: {}", bytes.escape_ascii());
    }
}

fn run(name: &str, mutations: usize) {
    let (_, target) = targets::TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        check(target, bytes, &format!("{file:?}"));
    }
    let mut rng = Rng::with_seed(6);
    let mut bytes = Vec::new();
    for n in 0..mutations {
        let (_, start) = &corpus[rng.usize(..corpus.len())];
        let (_, other) = &corpus[rng.usize(..corpus.len())];
        bytes.clear();
        // A large seed would take as long as many small ones.
        bytes.extend_from_slice(&start[..start.len().min(2048)]);
        for _ in 0..rng.usize(1..=6) {
            mutate(&mut rng, &mut bytes, other);
        }
        check(target, &bytes, &format!("{name}, mutation {n}"));
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
