//! Netlink attributes: typed values in requests, and a tolerant walk over those in answers.
//!
//! Nests in requests carry the nested flag. The walk ignores that flag, which the kernel leaves off
//! its own nests, and skips padding. Callers skip unknown kinds.

use netlink_packet_core::{NLA_ALIGNTO, NLA_HEADER_SIZE, NLA_TYPE_MASK, NlaBuffer};

/// Maximum bytes of a text. The kernel accepts no text of nearly this length, and refuses a
/// truncated one just as it would refuse the whole text, whose length does not fit into an
/// attribute's header.
const MAX_TEXT: usize = 1024;

/// One attribute of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub value: Value<'a>,
}

/// A value, with the encoding that its attribute requires.
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
    /// Text, terminated by a zero byte.
    Text(&'a str),
    /// An address in 16 bytes (`union nf_inet_addr`); an IPv4 address in the first four.
    Address([u8; 16]),
    /// `struct ip_vs_flags`: the flags, and a mask of those to set.
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

    /// Appends the attribute to `bytes`, with its padding.
    pub fn append(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; NLA_HEADER_SIZE]);
        match &self.value {
            Value::U8(v) => bytes.push(*v),
            Value::U16(v) => bytes.extend_from_slice(&v.to_ne_bytes()),
            Value::U32(v) => bytes.extend_from_slice(&v.to_ne_bytes()),
            Value::U64(v) => bytes.extend_from_slice(&v.to_ne_bytes()),
            Value::Be16(v) => bytes.extend_from_slice(&v.to_be_bytes()),
            Value::Be32(v) => bytes.extend_from_slice(&v.to_be_bytes()),
            Value::Address(v) => bytes.extend_from_slice(v),
            Value::Flags { flags, mask } => {
                bytes.extend_from_slice(&flags.to_ne_bytes());
                bytes.extend_from_slice(&mask.to_ne_bytes());
            }
            Value::Text(text) => {
                bytes.extend_from_slice(&text.as_bytes()[..text.len().min(MAX_TEXT)]);
                bytes.push(0);
            }
            Value::Nest(inner) => inner.iter().for_each(|attribute| attribute.append(bytes)),
        }
        let length = bytes.len() - start;
        let mut header = NlaBuffer::new(&mut bytes[start..]);
        header.set_kind(self.kind);
        header.set_length(length as u16);
        if let Value::Nest(_) = self.value {
            header.set_nested_flag();
        }
        bytes.resize(start + length.next_multiple_of(NLA_ALIGNTO), 0);
    }
}

/// Iterates over the attributes in `bytes`: their kinds without flags, and their values.
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// The iterator that [`attributes`] returns.
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
                // Padding.
                self.rest = &self.rest[NLA_HEADER_SIZE..];
                continue;
            }
            let Some(value) = self.rest.get(NLA_HEADER_SIZE..length) else {
                self.rest = &[];
                return Some(Err(Malformed("an attribute longer than its message")));
            };
            let kind = u16::from_ne_bytes([c, d]) & NLA_TYPE_MASK;
            self.rest = self.rest.get(length.next_multiple_of(NLA_ALIGNTO)..).unwrap_or(&[]);
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

/// An answer that does not have the format of its kind of message.
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

    /// Returns the 16 bytes of an address, padded with zeros: a kernel may send an IPv4 address in
    /// four.
    pub fn address(&self) -> Result<[u8; 16], Malformed> {
        let mut address = [0; 16];
        let n = self.value.len().min(16);
        if n < 4 {
            return Err(Malformed("an address shorter than four bytes"));
        }
        address[..n].copy_from_slice(&self.value[..n]);
        Ok(address)
    }

    /// Returns the text up to its terminating zero byte.
    pub fn text(&self) -> String {
        let end = self.value.iter().position(|&b| b == 0).unwrap_or(self.value.len());
        String::from_utf8_lossy(&self.value[..end]).into_owned()
    }

    /// Returns the flags of a `struct ip_vs_flags`, without its mask.
    pub fn flags(&self) -> Result<u32, Malformed> {
        self.u32()
    }

    /// Iterates over the attributes of a nest.
    pub fn nested(&self) -> Attributes<'a> {
        attributes(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(attribute: &Attribute) -> Vec<u8> {
        let mut bytes = vec![0xff; 4];
        attribute.append(&mut bytes);
        bytes.split_off(4)
    }

    #[test]
    fn every_value_has_the_encoding_of_the_kernel() {
        for (value, bytes) in [
            (Value::U8(7), &[5, 0, 4, 0, 7, 0, 0, 0][..]),
            (Value::U16(7), &[6, 0, 4, 0, 7, 0, 0, 0]),
            (Value::U32(7), &[8, 0, 4, 0, 7, 0, 0, 0]),
            (Value::U64(7), &[12, 0, 4, 0, 7, 0, 0, 0, 0, 0, 0, 0]),
            (Value::Be16(80), &[6, 0, 4, 0, 0, 80, 0, 0]),
            (Value::Be32(80), &[8, 0, 4, 0, 0, 0, 0, 80]),
            (Value::Flags { flags: 1, mask: 2 }, &[12, 0, 4, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
            (Value::Text("rr"), &[7, 0, 4, 0, b'r', b'r', 0, 0]),
            (Value::Text("wrr"), &[8, 0, 4, 0, b'w', b'r', b'r', 0]),
        ] {
            assert_eq!(encoded(&Attribute::new(4, value.clone())), bytes, "{value:?}");
        }
        let address = Attribute::new(4, Value::Address([9; 16]));
        assert_eq!(encoded(&address), [[20, 0, 4, 0].as_slice(), &[9; 16]].concat());
        let nest = Attribute::new(1, Value::Nest(vec![Attribute::new(2, Value::U8(7))]));
        assert_eq!(encoded(&nest), [12, 0, 1, 0x80, 5, 0, 2, 0, 7, 0, 0, 0]);
    }

    #[test]
    fn a_text_of_any_length_leaves_the_message_whole() {
        let text = "x".repeat(70_000);
        let text = Attribute::new(2, Value::Text(&text));
        let last = Attribute::new(3, Value::U8(4));
        let bytes = encoded(&Attribute::new(1, Value::Nest(vec![text, last])));
        let nest = attributes(&bytes).next().unwrap().unwrap();
        let inner: Vec<_> = nest.nested().map(Result::unwrap).collect();
        assert_eq!(inner[0].value.len(), MAX_TEXT + 1);
        assert_eq!(inner[1], Received { kind: 3, value: &[4] });
    }

    #[test]
    fn padding_is_skipped_and_flags_are_ignored() {
        let bytes = [0, 0, 0, 0, 5, 0, 2, 0x80, 7, 0, 0, 0, 4, 0, 3, 0x40, 0, 0];
        let all: Vec<_> = attributes(&bytes).collect();
        let expected = [Received { kind: 2, value: &[7] }, Received { kind: 3, value: &[] }];
        assert_eq!(all, expected.map(Ok));
    }

    #[test]
    fn an_attribute_that_overruns_ends_the_walk_with_an_error() {
        let bytes = [5, 0, 1, 0, 9, 0, 0, 0, 40, 0, 2, 0, 1];
        let all: Vec<_> = attributes(&bytes).collect();
        assert_eq!(all.len(), 2);
        assert!(all[0].is_ok() && all[1].is_err());
        assert!(attributes(&[3, 0, 1, 0]).next().unwrap().is_err());
    }

    #[test]
    fn values_are_decoded() {
        let value = Received { kind: 1, value: &[1, 2, 3, 4, 5, 6, 7, 8] };
        assert_eq!(value.u8(), Ok(1));
        assert_eq!(value.u16(), Ok(0x0201));
        assert_eq!(value.u32(), Ok(0x0403_0201));
        assert_eq!(value.flags(), Ok(0x0403_0201));
        assert_eq!(value.u64(), Ok(0x0807_0605_0403_0201));
        assert_eq!(value.be16(), Ok(0x0102));
        assert_eq!(value.be32(), Ok(0x0102_0304));
        assert_eq!(value.address(), Ok([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(Received { kind: 1, value: b"rr" }.text(), "rr");
        assert_eq!(Received { kind: 1, value: b"rr\0junk" }.text(), "rr");
    }

    #[test]
    fn values_that_are_too_short_are_errors() {
        let short = Received { kind: 1, value: &[1] };
        assert!(short.u16().is_err() && short.u32().is_err() && short.u64().is_err());
        assert!(short.be16().is_err() && short.be32().is_err());
        assert!(Received { kind: 1, value: &[] }.u8().is_err());
        assert!(Received { kind: 1, value: &[1, 2, 3] }.address().is_err());
        assert_eq!(Received { kind: 1, value: &[1; 4] }.address().unwrap()[3..5], [1, 0]);
        assert_eq!(Received { kind: 1, value: &[1; 20] }.address(), Ok([1; 16]));
    }
}
