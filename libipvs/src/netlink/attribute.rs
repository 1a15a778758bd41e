//! Attributes: what a request carries, and a tolerant walk over what an answer carries.
//!
//! Going out, an [`Attribute`] is a kind and a typed [`Value`], laid out in one pass; nests carry the
//! nested flag.
//! Coming in, [`attributes`] yields kinds and bytes. It never judges by the nested flag, which
//! the kernel leaves off its own nests, and passes over padding; unknown kinds are the caller's
//! to skip.

use netlink_packet_core::{NLA_F_NESTED, NLA_TYPE_MASK};

/// Bytes of a text. The kernel takes none that is near it, and refuses what is cut here as it would
/// the whole, whose length an attribute could not say.
const LONGEST_TEXT: usize = 1024;

/// One attribute of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub value: Value<'a>,
}

/// The forms that attribute values take in the families we speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    /// In network byte order.
    Be16(u16),
    /// In network byte order.
    Be32(u32),
    /// Text with a closing zero byte.
    Text(&'a str),
    /// An address as the kernel keeps it: 16 bytes, an IPv4 one in the first four.
    Address([u8; 16]),
    /// Two words, as `struct ip_vs_flags` is: the flags, and which of them are meant.
    Flags {
        flags: u32,
        mask: u32,
    },
    Nest(Vec<Attribute<'a>>),
}

impl<'a> Attribute<'a> {
    pub fn new(kind: u16, value: Value<'a>) -> Attribute<'a> {
        Attribute { kind, value }
    }
}

impl Attribute<'_> {
    /// Lay the attribute out at the end of `bytes`, and what a nest holds behind it.
    pub fn append(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        match &self.value {
            Value::Nest(inner) => {
                bytes.extend_from_slice(&[0; 4]);
                inner.iter().for_each(|attribute| attribute.append(bytes));
                let length = bytes.len() - start - 4;
                bytes[start..start + 4].copy_from_slice(&head(self.kind | NLA_F_NESTED, length));
            }
            Value::U8(v) => push(bytes, self.kind, [*v]),
            Value::U16(v) => push(bytes, self.kind, v.to_ne_bytes()),
            Value::U32(v) => push(bytes, self.kind, v.to_ne_bytes()),
            Value::U64(v) => push(bytes, self.kind, v.to_ne_bytes()),
            Value::Be16(v) => push(bytes, self.kind, v.to_be_bytes()),
            Value::Be32(v) => push(bytes, self.kind, v.to_be_bytes()),
            Value::Address(v) => push(bytes, self.kind, *v),
            Value::Flags { flags, mask } => {
                let [a, b, c, d] = flags.to_ne_bytes();
                let [e, f, g, h] = mask.to_ne_bytes();
                push(bytes, self.kind, [a, b, c, d, e, f, g, h]);
            }
            Value::Text(text) => {
                let text = &text.as_bytes()[..text.len().min(LONGEST_TEXT)];
                bytes.extend_from_slice(&head(self.kind, text.len() + 1));
                bytes.extend_from_slice(text);
                bytes.push(0);
                bytes.resize(start + padded(bytes.len() - start), 0);
            }
        }
    }
}

/// Attributes begin at multiples of four bytes.
const fn padded(length: usize) -> usize {
    (length + 3) & !3
}

/// What is before a value of `length` bytes: the length of both, and the kind.
fn head(kind: u16, length: usize) -> [u8; 4] {
    let [a, b] = ((4 + length) as u16).to_ne_bytes();
    let [c, d] = kind.to_ne_bytes();
    [a, b, c, d]
}

/// An attribute of a size that is known beforehand.
fn push<const N: usize>(bytes: &mut Vec<u8>, kind: u16, value: [u8; N]) {
    bytes.extend_from_slice(&head(kind, N));
    bytes.extend_from_slice(&value);
    bytes.extend_from_slice(&[0; 4][..padded(N) - N]);
}

/// The attributes in `bytes`: kind without its flags, and value.
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// See [`attributes`].
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Received<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while let &[a, b, c, d, ..] = self.rest {
            let length = usize::from(u16::from_ne_bytes([a, b]));
            if length == 0 {
                // Padding: a length of nothing at all.
                self.rest = &self.rest[4..];
                continue;
            }
            let Some(value) = self.rest.get(4..length) else {
                self.rest = &[];
                return Some(Err(Malformed("an attribute longer than its message")));
            };
            let kind = u16::from_ne_bytes([c, d]) & NLA_TYPE_MASK;
            self.rest = self.rest.get(padded(length)..).unwrap_or(&[]);
            return Some(Ok(Received { kind, value }));
        }
        None
    }
}

/// One attribute of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received<'a> {
    pub kind: u16,
    pub value: &'a [u8],
}

/// An answer that is not what its kind of message says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed message from the kernel: {0}")]
pub struct Malformed(pub &'static str);

impl<'a> Received<'a> {
    fn array<const N: usize>(&self) -> Result<[u8; N], Malformed> {
        self.value
            .get(..N)
            .and_then(|v| v.try_into().ok())
            .ok_or(Malformed("an attribute shorter than its type"))
    }

    pub fn u16(&self) -> Result<u16, Malformed> {
        self.array().map(u16::from_ne_bytes)
    }

    pub fn u32(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_ne_bytes)
    }

    pub fn u64(&self) -> Result<u64, Malformed> {
        self.array().map(u64::from_ne_bytes)
    }

    pub fn u8(&self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[v]| v)
    }

    pub fn be16(&self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn be32(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// 16 bytes; what is missing is zero (a kernel may send an IPv4 address in four).
    pub fn address(&self) -> Result<[u8; 16], Malformed> {
        let mut whole = [0; 16];
        let n = self.value.len().min(16);
        if n < 4 {
            return Err(Malformed("an address of less than four bytes"));
        }
        whole[..n].copy_from_slice(&self.value[..n]);
        Ok(whole)
    }

    /// Text up to its closing zero byte.
    pub fn text(&self) -> String {
        let end = self.value.iter().position(|&b| b == 0).unwrap_or(self.value.len());
        String::from_utf8_lossy(&self.value[..end]).into_owned()
    }

    /// The first word of a flags pair.
    pub fn flags(&self) -> Result<u32, Malformed> {
        self.u32()
    }

    /// The attributes inside this one.
    pub fn nested(&self) -> Attributes<'a> {
        attributes(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitted(attribute: &Attribute) -> Vec<u8> {
        let mut bytes = vec![0xff; 4];
        attribute.append(&mut bytes);
        bytes.split_off(4)
    }

    #[test]
    fn values_are_laid_out_as_the_kernel_reads_them() {
        assert_eq!(emitted(&Attribute::new(4, Value::Be16(80))), [6, 0, 4, 0, 0, 80, 0, 0]);
        assert_eq!(emitted(&Attribute::new(6, Value::Text("rr"))), [7, 0, 6, 0, b'r', b'r', 0, 0]);
        assert_eq!(
            emitted(&Attribute::new(1, Value::Nest(vec![Attribute::new(2, Value::U8(7))]))),
            [12, 0, 1, 0x80, 5, 0, 2, 0, 7, 0, 0, 0]
        );
    }

    #[test]
    fn a_text_of_any_length_leaves_the_message_whole() {
        let text = "x".repeat(70_000);
        let bytes = emitted(&Attribute::new(
            1,
            Value::Nest(vec![
                Attribute::new(2, Value::Text(&text)),
                Attribute::new(3, Value::U8(4)),
            ]),
        ));
        let nest = attributes(&bytes).next().unwrap().unwrap();
        let inner: Vec<_> = nest.nested().map(Result::unwrap).collect();
        assert_eq!(inner[0].value.len(), LONGEST_TEXT + 1);
        assert_eq!(inner[1], Received { kind: 3, value: &[4] });
    }

    #[test]
    fn padding_is_passed_over_and_flags_are_ignored() {
        let bytes = [0, 0, 0, 0, 5, 0, 2, 0x80, 7, 0, 0, 0, 0, 0];
        let all: Vec<_> = attributes(&bytes).collect();
        assert_eq!(all, [Ok(Received { kind: 2, value: &[7] })]);
    }

    #[test]
    fn an_attribute_that_overruns_is_an_error_and_the_last_one() {
        let bytes = [5, 0, 1, 0, 9, 0, 0, 0, 40, 0, 2, 0, 1];
        let all: Vec<_> = attributes(&bytes).collect();
        assert_eq!(all.len(), 2);
        assert!(all[0].is_ok() && all[1].is_err());
        assert_eq!(attributes(&[3, 0, 1, 0]).next().map(|r| r.is_err()), Some(true));
    }

    #[test]
    fn short_values_are_errors() {
        let short = Received { kind: 1, value: &[1] };
        assert!(short.u16().is_err() && short.u32().is_err() && short.u64().is_err());
        assert!(short.address().is_err());
        assert_eq!(short.u8(), Ok(1));
    }
}
