//! The parts of a line: numbers, addresses and columns, appended to a `String` without allocations.
//! Widths count characters; a text that is too long pushes the next columns aside.

use crate::text::without_controls;
use std::net::Ipv4Addr;

const BLANKS: &str = "                                ";

/// Appends a number in decimal.
pub fn push_number(line: &mut String, number: impl itoa::Integer) {
    line.push_str(itoa::Buffer::new().format(number));
}

/// Appends an IPv4 address.
pub fn push_ipv4(line: &mut String, address: Ipv4Addr) {
    let [first, rest @ ..] = address.octets();
    push_number(line, first);
    for octet in rest {
        line.push('.');
        push_number(line, octet);
    }
}

/// Appends text from outside: a Call-ID is whatever a client sent, an interface can have any name.
/// Control characters become question marks.
pub fn push_without_controls(line: &mut String, text: &str) {
    line.push_str(&without_controls(text));
}

/// Appends what `fill` adds, and blanks up to `width`.
pub fn push_padded(line: &mut String, width: usize, fill: impl FnOnce(&mut String)) {
    let start = line.len();
    fill(line);
    let added = &line[start..];
    let filled = if added.is_ascii() { added.len() } else { added.chars().count() };
    push_blanks(line, width.saturating_sub(filled));
}

/// Appends a column with its text on the left.
pub fn push_left(line: &mut String, text: &str, width: usize) {
    push_padded(line, width, |line| line.push_str(text));
}

/// Appends a column with its number on the left.
pub fn push_number_left(line: &mut String, number: impl itoa::Integer, width: usize) {
    push_padded(line, width, |line| push_number(line, number));
}

/// Appends a column with its number on the right.
pub fn push_number_right(line: &mut String, number: impl itoa::Integer, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number);
    push_blanks(line, width.saturating_sub(text.len()));
    line.push_str(text);
}

fn push_blanks(line: &mut String, mut count: usize) {
    while count > 0 {
        let some = count.min(BLANKS.len());
        line.push_str(&BLANKS[..some]);
        count -= some;
    }
}

/// Cuts the text that begins at `start` to a number of characters.
pub fn cut(line: &mut String, start: usize, longest: usize) {
    // A character has at least one byte.
    if line.len() - start > longest {
        if let Some((end, _)) = line[start..].char_indices().nth(longest) {
            line.truncate(start + end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(push: impl FnOnce(&mut String)) -> String {
        let mut line = String::from("|");
        push(&mut line);
        line + "|"
    }

    #[test]
    fn columns_are_filled_and_never_cut() {
        assert_eq!(of(|l| push_left(l, "Masq", 7)), "|Masq   |");
        assert_eq!(of(|l| push_left(l, "größer", 7)), "|größer |");
        assert_eq!(of(|l| push_left(l, "Masquerading", 7)), "|Masquerading|");
        assert_eq!(of(|l| push_left(l, "", 70)), format!("|{:70}|", ""));
        assert_eq!(of(|l| push_number_left(l, -5, 4)), "|-5  |");
        assert_eq!(of(|l| push_number_right(l, u64::MAX, 8)), "|18446744073709551615|");
        assert_eq!(of(|l| push_number_right(l, 80u16, 8)), "|      80|");
    }

    #[test]
    fn addresses_are_as_the_standard_library_writes_them() {
        for address in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 100, 1)] {
            assert_eq!(of(|l| push_ipv4(l, address)), format!("|{address}|"));
        }
    }

    #[test]
    fn cuts_count_characters_from_where_the_text_begins() {
        let cut = |text: &str, longest| {
            let mut line = format!("->{text}");
            super::cut(&mut line, 2, longest);
            line
        };
        assert_eq!(cut("abcdef", 6), "->abcdef");
        assert_eq!(cut("abcdef", 3), "->abc");
        assert_eq!(cut("äöü", 3), "->äöü");
        assert_eq!(cut("äöü", 2), "->äö");
    }
}
