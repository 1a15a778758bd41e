//! The columns of the view and the numbers in them.

use crate::view::columns::push_number;
use crate::view::counters::rates;
use libipvs::model::ObservedDestination;

/// A column, in the order of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Name,
    Cps,
    InPps,
    OutPps,
    InBps,
    OutBps,
    Active,
    Inactive,
    Weight,
}

use Column::*;

/// All columns; a digit key sorts by the column at its position.
pub const ALL: [Column; 9] = [Name, Cps, InPps, OutPps, InBps, OutBps, Active, Inactive, Weight];

/// The columns that are dropped first on a narrow terminal.
pub const DISPENSABLE: [Column; 7] = [OutPps, InPps, Inactive, OutBps, InBps, Weight, Active];

/// The number of columns that are rates and have a history.
pub const RATES: usize = 5;

impl Column {
    pub fn head(self) -> &'static str {
        match self {
            Name => "Prot LocalAddress:Port",
            Cps => "CPS",
            InPps => "InPPS",
            OutPps => "OutPPS",
            InBps => "InBPS",
            OutBps => "OutBPS",
            Active => "Active",
            Inactive => "InAct",
            Weight => "Weight",
        }
    }

    /// Returns the index among the rates, if the column is one.
    pub fn rate(self) -> Option<usize> {
        match self {
            Cps => Some(0),
            InPps => Some(1),
            OutPps => Some(2),
            InBps => Some(3),
            OutBps => Some(4),
            Name | Active | Inactive | Weight => None,
        }
    }
}

/// The numbers of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    pub rates: [u64; RATES],
    pub active: u64,
    pub inactive: u64,
    pub weight: u64,
}

impl From<&ObservedDestination> for Figures {
    fn from(server: &ObservedDestination) -> Figures {
        Figures {
            rates: rates(&server.statistics),
            active: server.active.into(),
            inactive: server.inactive.into(),
            weight: server.destination.weight.into(),
        }
    }
}

impl Figures {
    /// Returns the totals of several rows. The rates of a service are the kernel's, not sums.
    pub fn sum(rates: [u64; RATES], parts: impl Iterator<Item = Figures>) -> Figures {
        parts.fold(Figures { rates, ..Figures::default() }, |sum, part| Figures {
            active: sum.active + part.active,
            inactive: sum.inactive + part.inactive,
            weight: sum.weight + part.weight,
            ..sum
        })
    }

    /// Returns the number in a column; 0 for the column of names.
    pub fn get(&self, column: Column) -> u64 {
        match column {
            Name => 0,
            Cps | InPps | OutPps | InBps | OutBps => {
                column.rate().and_then(|n| self.rates.get(n)).copied().unwrap_or(0)
            }
            Active => self.active,
            Inactive => self.inactive,
            Weight => self.weight,
        }
    }
}

/// Appends a number in at most six characters: in full up to 99999, then in thousands, millions and
/// so on, rounded down as in the listing.
pub fn push_short(line: &mut String, mut number: u64) {
    let mut units = "KMGTP".chars();
    let mut unit = None;
    while number >= 100_000 {
        number /= 1_000;
        unit = units.next();
    }
    push_number(line, number);
    line.extend(unit);
}

/// The maximum number of characters of a number.
pub const WIDEST: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use libipvs::model::Statistics;

    #[test]
    fn numbers_fit_their_column() {
        let short = |number| {
            let mut line = String::new();
            push_short(&mut line, number);
            line
        };
        assert_eq!(short(0), "0");
        assert_eq!(short(99_999), "99999");
        assert_eq!(short(100_000), "100K");
        assert_eq!(short(99_999_999), "99999K");
        assert_eq!(short(100_000_000), "100M");
        assert_eq!(short(100_000_000_000), "100G");
        assert_eq!(short(u64::MAX), "18446P");
        for power in 0..64 {
            assert!(short(1 << power).len() <= WIDEST && short((1 << power) - 1).len() <= WIDEST);
        }
        assert!(ALL.iter().skip(1).all(|column| column.head().len() <= WIDEST));
    }

    #[test]
    fn a_column_shows_its_number() {
        let mut statistics = Statistics::default();
        statistics.connections_rate = 1;
        (statistics.packets_in_rate, statistics.packets_out_rate) = (2, 3);
        (statistics.bytes_in_rate, statistics.bytes_out_rate) = (4, 5);
        let part = Figures { active: 6, inactive: 7, weight: 8, ..Figures::default() };
        let sum = Figures::sum(rates(&statistics), [part, part].into_iter());
        let shown = ALL.map(|column| sum.get(column));
        assert_eq!(shown, [0, 1, 2, 3, 4, 5, 12, 14, 16]);
    }
}
