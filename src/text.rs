//! Text for messages: errors of the system, and bytes from outside.

use std::borrow::Cow;
use std::io;

/// The C library's text for an error. `io::Error` appends "(os error N)"; this does not.
pub fn os_error(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

/// Bytes from outside, for a message: control characters are escaped, invalid UTF-8 is replaced, and
/// at most 200 characters are shown.
pub fn printable(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    let mut printable = String::with_capacity(text.len());
    for (n, c) in text.chars().enumerate() {
        if n == LONGEST {
            printable.push_str("...");
            break;
        }
        if c.is_control() { printable.extend(c.escape_default()) } else { printable.push(c) }
    }
    printable
}

/// Text from outside, for a column: each control character becomes a question mark, so that a name
/// cannot control the terminal.
pub fn without_controls(text: &str) -> Cow<'_, str> {
    match text.chars().any(char::is_control) {
        true => Cow::Owned(text.replace(char::is_control, "?")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_no_number() {
        assert_eq!(os_error(&io::Error::from_raw_os_error(34)), "Numerical result out of range");
        assert_eq!(os_error(&io::Error::other("anything")), "anything");
    }

    #[test]
    fn controls_are_escaped_and_long_texts_cut() {
        assert_eq!(printable(b"a\x1b[31mb\xff"), "a\\u{1b}[31mb\u{fffd}");
        assert_eq!(printable(&[b'x'; 200]), "x".repeat(200));
        assert_eq!(printable(&[b'x'; 201]), "x".repeat(200) + "...");
    }

    #[test]
    fn controls_in_names_become_question_marks() {
        assert_eq!(without_controls("a\x1b[31mb\u{9b}"), "a?[31mb?");
        assert!(matches!(without_controls("plain"), Cow::Borrowed("plain")));
    }
}
