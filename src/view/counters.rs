//! Counters and rates: their order in every view, and their form in the classic listing.

use super::columns::push_number_right;
use crate::command::Columns;
use libipvs::model::Statistics;

/// Returns the counters that the columns show: rates, or the counts since the last zeroing.
pub fn counters(statistics: &Statistics, columns: Columns) -> [u64; 5] {
    match columns {
        Columns::Rates => rates(statistics),
        _ => {
            let s = statistics;
            [s.connections, s.packets_in, s.packets_out, s.bytes_in, s.bytes_out]
        }
    }
}

/// Returns the rates per second.
pub fn rates(s: &Statistics) -> [u64; 5] {
    [s.connections_rate, s.packets_in_rate, s.packets_out_rate, s.bytes_in_rate, s.bytes_out_rate]
}

/// Appends a counter in nine columns: in thousands, millions and so on if eight digits do not hold it.
pub fn push_counter(line: &mut String, number: u64, exact: bool) {
    let (number, unit) = match number {
        0..100_000_000 => (number, None),
        _ if exact => (number, None),
        100_000_000..1_000_000_000 => (number / 1_000, Some('K')),
        1_000_000_000..100_000_000_000 => (number / 1_000_000, Some('M')),
        100_000_000_000..100_000_000_000_000 => (number / 1_000_000_000, Some('G')),
        _ => (number / 1_000_000_000_000, Some('T')),
    };
    match unit {
        // A blank precedes it, however long it is.
        None => {
            line.push(' ');
            push_number_right(line, number, 8);
        }
        Some(unit) => {
            push_number_right(line, number, 8);
            line.push(unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_change_their_unit_at_its_borders() {
        let shown = |number, exact| {
            let mut line = String::new();
            push_counter(&mut line, number, exact);
            line
        };
        assert_eq!(shown(0, false), "        0");
        assert_eq!(shown(99_999_999, false), " 99999999");
        assert_eq!(shown(100_000_000, false), "  100000K");
        assert_eq!(shown(1_000_000_000, false), "    1000M");
        assert_eq!(shown(100_000_000_000, false), "     100G");
        assert_eq!(shown(100_000_000_000_000, false), "     100T");
        assert_eq!(shown(u64::MAX, false), "18446744T");
        assert_eq!(shown(1_000_000_000, true), " 1000000000");
    }
}
