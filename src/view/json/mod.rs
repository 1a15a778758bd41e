//! JSON: the model under stable names, numbers as numbers, addresses and ports apart, never a name of a
//! host or a port. A document follows `schema/ipvsadm.schema.json`.
//!
//! A list is written item by item: nothing here holds more than one of its items.

mod changes;
mod connections;
mod settings;
mod table;

pub use changes::changes;
pub use connections::Connections;
pub use settings::{Settings, status, sysctls};
pub use table::Services;

use libipvs::model::{Daemon, Timeouts};
use serde::Serialize;
use std::io::{self, Write};

/// The format number. It changes when a name goes or changes its meaning, not when one is added.
const FORMAT: u32 = 1;

/// Writes a document, one member or one item of its list at a time.
pub struct Document<W> {
    out: W,
    /// The text before the next item, and the text after the last one.
    list: Option<(&'static str, &'static str)>,
}

impl<W: Write> Document<W> {
    pub fn new(mut out: W) -> io::Result<Document<W>> {
        write!(out, "{{\n  \"format\": {FORMAT}")?;
        Ok(Document { out, list: None })
    }

    /// Writes one member. `name` is ours and needs no escapes.
    pub fn member(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.out, ",\n  \"{name}\": ")?;
        self.value(serde_json::to_string_pretty(value)?, "\n  ")
    }

    /// Starts the last member: a list.
    pub fn list(&mut self, name: &str) -> io::Result<()> {
        self.list = Some(("\n    ", "]"));
        write!(self.out, ",\n  \"{name}\": [")
    }

    /// Writes an item of the list over several lines.
    pub fn item(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.next()?;
        self.value(serde_json::to_string_pretty(value)?, "\n    ")
    }

    /// Writes an item of the list on one line.
    pub fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.next()?;
        self.value(serde_json::to_string(value)?, "\n")
    }

    pub fn end(mut self) -> io::Result<()> {
        let (_, end) = self.list.unwrap_or_default();
        writeln!(self.out, "{end}\n}}")
    }

    fn next(&mut self) -> io::Result<()> {
        let (before, _) = self.list.unwrap_or_default();
        self.list = Some((",\n    ", "\n  ]"));
        self.out.write_all(before.as_bytes())
    }

    /// Writes a value, its lines indented by `newline`; no string contains a newline. Escapes the
    /// control characters that JSON allows, which could drive a terminal.
    fn value(&mut self, text: String, newline: &str) -> io::Result<()> {
        let mut rest = text.as_str();
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| c.is_control()) {
            self.out.write_all(&rest.as_bytes()[..at])?;
            match c {
                '\n' => self.out.write_all(newline.as_bytes())?,
                other => write!(self.out, "\\u{:04x}", u32::from(other))?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.out.write_all(rest.as_bytes())
    }
}

/// Writes a document with one member.
pub fn document(out: impl Write, name: &str, value: &impl Serialize) -> io::Result<()> {
    let mut document = Document::new(out)?;
    document.member(name, value)?;
    document.end()
}

/// Writes the timeouts of connections.
pub fn timeouts(out: impl Write, timeouts: &Timeouts) -> io::Result<()> {
    document(out, "timeouts", timeouts)
}

/// Writes the synchronisation daemons.
pub fn daemons(out: impl Write, daemons: &[Daemon]) -> io::Result<()> {
    document(out, "daemons", &daemons)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(fill: impl FnOnce(&mut Document<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        let mut document = Document::new(&mut out).expect("a Vec takes everything");
        fill(&mut document).expect("a Vec takes everything");
        document.end().expect("a Vec takes everything");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn a_document_to_the_byte() {
        assert_eq!(written(|_| Ok(())), "{\n  \"format\": 1\n}\n");
        assert_eq!(written(|d| d.list("items")), "{\n  \"format\": 1,\n  \"items\": []\n}\n");
        let text = written(|d| {
            d.member("one", &json!({"two": 3}))?;
            d.list("items")?;
            d.item(&json!({"a": [1]}))?;
            d.line(&json!({"a": [1]}))
        });
        let expected = "\
{
  \"format\": 1,
  \"one\": {
    \"two\": 3
  },
  \"items\": [
    {
      \"a\": [
        1
      ]
    },
    {\"a\":[1]}
  ]
}
";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_control_character_gets_out_as_it_is() {
        let nasty = "a\u{1b}[2J\u{7f}\u{9b}31m\n\u{85}ü";
        let text = written(|d| {
            d.member("member", &nasty)?;
            d.list("items")?;
            d.item(&[nasty])?;
            d.line(&[nasty])
        });
        assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(&text).expect("a document");
        let expected = json!({"format": 1, "member": nasty, "items": [[nasty], [nasty]]});
        assert_eq!(read, expected);
    }
}
