//! Small mutations of a command line: of its items, its values, or its words.

use crate::generate::any_option;
use crate::grammar::{Item, OPTIONS, Takes, Word, bare, chance, pick};
use crate::values;
use fastrand::Rng;

/// Drops, repeats or swaps items, or inserts an option that the command may not accept.
pub fn items(rng: &mut Rng, mut items: Vec<Item>) -> Vec<Item> {
    let at = |rng: &mut Rng, items: &[Item]| rng.usize(..items.len().max(1));
    match rng.u8(..10) {
        0 if !items.is_empty() => {
            let i = at(rng, &items);
            items.remove(i);
        }
        1 if !items.is_empty() => {
            let item = pick(rng, &items).clone();
            let i = at(rng, &items);
            items.insert(i, item);
        }
        2 if !items.is_empty() => {
            let (i, j) = (at(rng, &items), at(rng, &items));
            items.swap(i, j);
        }
        3 => items.push(bare(*pick(rng, &["stray", "--", "-", "", "5", "10.0.0.1:80"]))),
        4 if !items.is_empty() => {
            let i = at(rng, &items);
            let option = pick(rng, OPTIONS);
            items[i] = Item::Opt(option, None);
        }
        _ => {
            // Mostly after the command.
            let i = match items.len() {
                0 => 0,
                n if chance(rng, 90) => rng.usize(1..=n),
                _ => 0,
            };
            let new = any_option(rng);
            items.splice(i..i, new);
        }
    }
    items
}

/// Replaces a value by another one, mostly an invalid one.
pub fn bad_value(rng: &mut Rng, mut items: Vec<Item>) -> Vec<Item> {
    let slots: Vec<usize> = items
        .iter()
        .enumerate()
        .filter(|(_, i)| match i {
            Item::Bare(_) => true,
            Item::Opt(o, _) => o.takes != Takes::Nothing,
        })
        .map(|(i, _)| i)
        .collect();
    if slots.is_empty() {
        let bad = values::bad(rng);
        items.push(bare(bad));
        return items;
    }
    let i = *pick(rng, &slots);
    let bad = values::bad(rng);
    match &mut items[i] {
        Item::Bare(word) => *word = bad,
        Item::Opt(_, value) => {
            *value = match value.take() {
                // A valid value with a small mutation finds other faults.
                Some(old) if chance(rng, 30) => Some(mutated(rng, old)),
                _ => Some(bad),
            }
        }
    }
    items
}

fn mutated(rng: &mut Rng, mut word: Word) -> Word {
    let at = rng.usize(..=word.len());
    match rng.u8(..6) {
        0 if !word.is_empty() => {
            word.remove(at.min(word.len() - 1));
        }
        1 => word.insert(at, *pick(rng, b" :.-[]0x,#\"'\xff\\=")),
        2 => word.make_ascii_uppercase(),
        3 => word.truncate(at),
        4 => word.extend_from_within(..),
        _ if !word.is_empty() => {
            let at = at.min(word.len() - 1);
            word[at] = *pick(rng, b"0123456789:.ax-");
        }
        _ => {}
    }
    word
}

/// Makes a typing mistake.
pub fn words(rng: &mut Rng, mut words: Vec<Word>) -> Vec<Word> {
    if words.is_empty() {
        return words;
    }
    let i = rng.usize(..words.len());
    match rng.u8(..8) {
        0 => {
            words.remove(i);
        }
        1 => {
            let word = words[i].clone();
            words.insert(i, word);
        }
        2 => {
            let j = rng.usize(..words.len());
            words.swap(i, j);
        }
        3 if i + 1 < words.len() => {
            let next = words.remove(i + 1);
            words[i].extend_from_slice(&next);
        }
        4 if words[i].len() > 1 => {
            let at = rng.usize(1..words[i].len());
            let tail = words[i].split_off(at);
            words.insert(i + 1, tail);
        }
        5 => words[i] = mutated(rng, words[i].clone()),
        6 => words.insert(i, b"--".to_vec()),
        _ => return spelling(rng, words),
    }
    words
}

/// Misspells a word: a truncated long option, one dash, a stray `=`, another case.
pub fn spelling(rng: &mut Rng, mut words: Vec<Word>) -> Vec<Word> {
    if words.is_empty() {
        return words;
    }
    let i = rng.usize(..words.len());
    let long = words[i].starts_with(b"--") && words[i].len() > 3;
    let short = words[i].starts_with(b"-") && words[i].len() > 1 && !long;
    match rng.u8(..8) {
        0 if long => {
            let at = rng.usize(3..words[i].len());
            words[i].truncate(at);
        }
        1 if long => {
            words[i].remove(0);
        }
        2 if short => words[i].insert(0, b'-'),
        3 => words[i].push(b'='),
        4 if long || short => words[i].extend_from_slice(b"=1"),
        5 => {
            for b in &mut words[i] {
                *b ^= if b.is_ascii_alphabetic() { 0x20 } else { 0 };
            }
        }
        6 if i + 1 < words.len() => {
            let next = words.remove(i + 1);
            let glue = *pick(rng, &[&b"="[..], b"", b" ", b"= "]);
            words[i].extend_from_slice(glue);
            words[i].extend_from_slice(&next);
        }
        7 if short => {
            let letter = *pick(rng, b"nctpwLlXoq6");
            words[i].push(letter);
        }
        _ => words.insert(i, pick(rng, &[&b"--"[..], b"-", b"-n", b"="]).to_vec()),
    }
    words
}
