//! Text that is held until all of it is known.
//!
//! The rules of a table are much alike from one line to the next: kept of each piece is what it does
//! not share with the one before, which is a quarter where services have nine servers. Of a save's own
//! time most goes into page faults, so memory that is not touched is time that is not spent.

use std::io::{self, Write};

/// The longest piece, so that each of its lengths is a byte.
const PIECE: usize = u8::MAX as usize;

/// What has been written so far; best a line at a time.
#[derive(Default)]
pub struct Held {
    /// For each piece: how many bytes at its beginning and at its end are those of the piece before,
    /// how many of its own are between them, and these.
    kept: Vec<u8>,
    last: Vec<u8>,
}

impl Held {
    /// Write all of it.
    pub fn pour(&self, out: &mut impl Write) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        let mut kept = &self.kept[..];
        while let [start, end, own, rest @ ..] = kept {
            let (own, rest) = rest.split_at((*own).into());
            piece.splice(usize::from(*start)..piece.len() - usize::from(*end), own.iter().copied());
            out.write_all(&piece)?;
            kept = rest;
        }
        Ok(())
    }
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(PIECE) {
            let start = alike(piece.iter().zip(&self.last));
            let rest = &piece[start..];
            let end = alike(rest.iter().rev().zip(self.last[start..].iter().rev()));
            let own = &rest[..rest.len() - end];
            self.kept.extend([start, end, own.len()].map(|length| length as u8));
            self.kept.extend_from_slice(own);
            self.last.clear();
            self.last.extend_from_slice(piece);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many pairs there are before the first that differs.
fn alike<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pieces: &[&[u8]]) -> Held {
        let mut held = Held::default();
        pieces.iter().for_each(|piece| held.write_all(piece).unwrap());
        let mut poured = Vec::new();
        held.pour(&mut poured).unwrap();
        assert_eq!(poured, pieces.concat());
        held
    }

    #[test]
    fn what_was_written_is_poured() {
        held(&[]);
        held(&[b"", b"a", b"", b"a\n"]);
        held(&[b"aaaa", b"aaa", b"aaaaa", b"aa", b"", b"aa"]);
        held(&[
            b"-A -t 1.2.3.4:80 -s rr\n",
            b"-a -t 1.2.3.4:80 -r 5.6.7.8:80 -m -w 1\n",
            b"\xff\0",
        ]);
        held(&[&[b'x'; 255], &[b'x'; 256], &[b'x'; 1000], b"x", &[b'x'; 254]]);
    }

    #[test]
    fn any_bytes_come_back() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let pieces: Vec<Vec<u8>> = (0..random.usize(..20))
                .map(|_| {
                    let longest = if random.bool() { 6 } else { 600 };
                    (0..random.usize(..longest)).map(|_| b'a' + random.u8(..2)).collect()
                })
                .collect();
            held(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_table_is_held_in_a_quarter_of_its_size() {
        let mut rules = Vec::new();
        for service in 0..200 {
            rules.push(format!("-A -t 10.0.0.{service}:80 -s rr\n"));
            rules.extend((0..9).map(|server| {
                format!("-a -t 10.0.0.{service}:80 -r 172.16.{service}.{server}:8080 -m -w 1\n")
            }));
        }
        let held = held(&rules.iter().map(String::as_bytes).collect::<Vec<_>>());
        let (kept, whole) = (held.kept.len(), rules.concat().len());
        assert!(kept * 4 < whole, "{kept} of {whole} bytes");
    }
}
