//! The rates of the last minutes: for each row a ring with a fixed number of steps of time.
//!
//! It takes readings with their times and keeps the maximum of each step. It returns a line of bars.

use super::columns::RATES;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// The number of steps of a ring.
pub const STEPS: usize = 60;
/// The shortest step: a ring then holds five minutes.
const STEP: Duration = Duration::from_secs(5);

type Rates = [f32; RATES];

/// The rates of one row. The last step may lie before the current one.
#[derive(Debug, Default)]
struct Ring {
    last: u64,
    steps: VecDeque<Rates>,
}

/// The rates of every row seen within the time that a ring covers.
#[derive(Debug)]
pub struct History<K> {
    step: Duration,
    now: u64,
    rings: HashMap<K, Ring>,
}

impl<K: Eq + Hash> History<K> {
    /// A history for readings at this interval: a step holds at least one.
    pub fn new(interval: Duration) -> History<K> {
        History { step: interval.max(STEP), now: 0, rings: HashMap::new() }
    }

    /// Returns the time that a ring covers.
    pub fn length(&self) -> Duration {
        self.step * STEPS as u32
    }

    /// Starts a new reading at this time after the first. Rows not seen for too long are dropped.
    pub fn advance_to(&mut self, since_start: Duration) {
        let now = (since_start.as_millis() / self.step.as_millis().max(1)) as u64;
        if now != self.now {
            self.now = now;
            self.rings.retain(|_, ring| now - ring.last.min(now) < STEPS as u64);
        }
    }

    /// Adds the current rates of a row.
    pub fn add(&mut self, row: K, rates: [u64; RATES]) {
        let rates = rates.map(|rate| rate as f32);
        let now = self.now;
        let ring = self.rings.entry(row).or_insert_with(|| Ring { last: now, ..Ring::default() });
        let missed = now.saturating_sub(ring.last).min(STEPS as u64);
        for _ in 1..missed {
            ring.steps.push_back(Rates::default());
        }
        match ring.steps.back_mut() {
            Some(last) if missed == 0 => {
                for (kept, rate) in last.iter_mut().zip(rates) {
                    *kept = kept.max(rate);
                }
            }
            _ => ring.steps.push_back(rates),
        }
        ring.last = now;
        while ring.steps.len() > STEPS {
            ring.steps.pop_front();
        }
    }

    /// Returns one rate of a row in a number of cells, oldest first: each the maximum of its steps.
    pub fn cells(&self, row: &K, rate: usize, width: usize) -> Vec<f32> {
        let width = width.min(STEPS);
        let mut cells = vec![0.0f32; width];
        let Some(ring) = self.rings.get(row).filter(|_| width > 0) else { return cells };
        let age_of_last = self.now.saturating_sub(ring.last) as usize;
        for (age, rates) in (age_of_last..STEPS).zip(ring.steps.iter().rev()) {
            // The newest step belongs to the last cell.
            let cell = &mut cells[width - 1 - age * width / STEPS];
            *cell = cell.max(rates[rate]);
        }
        cells
    }
}

/// Appends cells as bars: the maximum is a full one, and every rate above 0 shows.
pub fn push_bars(line: &mut String, cells: &[f32], levels: &[char]) {
    let highest = cells.iter().copied().fold(0.0f32, f32::max);
    for &cell in cells {
        let level = match cell > 0.0 {
            true => ((cell / highest * levels.len() as f32).ceil() as usize).clamp(1, levels.len()),
            false => 0,
        };
        line.push(level.checked_sub(1).and_then(|n| levels.get(n)).copied().unwrap_or(' '));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_highest_of_each_step_newest_at_the_right() {
        let mut history = History::new(seconds(2));
        for (at, rate) in [(0, 3), (2, 9), (4, 1), (6, 4), (20, 7)] {
            history.advance_to(seconds(at));
            history.add("row", [rate, 0, 0, 0, 10 * rate]);
        }
        let cells = history.cells(&"row", 0, 60);
        assert_eq!(cells.len(), 60);
        assert_eq!(cells[54..], [0.0, 9.0, 4.0, 0.0, 0.0, 7.0]);
        assert_eq!(history.cells(&"row", 4, 30)[26..], [0.0, 90.0, 40.0, 70.0]);
        // The history moves on without readings too.
        history.advance_to(seconds(30));
        assert_eq!(history.cells(&"row", 0, 60)[52..], [0.0, 9.0, 4.0, 0.0, 0.0, 7.0, 0.0, 0.0]);
        assert_eq!(history.cells(&"other", 0, 5), [0.0; 5]);
        assert!(history.cells(&"row", 0, 0).is_empty());
    }

    #[test]
    fn no_more_is_kept_than_is_shown() {
        let mut history = History::new(seconds(2));
        for at in 0..10_000 {
            history.advance_to(seconds(2 * at));
            history.add(at / 400, [at, 0, 0, 0, 0]);
        }
        assert_eq!(history.rings.len(), 1, "rows of the last five minutes only");
        assert!(history.rings.values().all(|ring| ring.steps.len() == STEPS));
        assert_eq!(history.length(), seconds(300));
        assert_eq!(History::<()>::new(seconds(60)).length(), seconds(3600));
    }

    #[test]
    fn a_long_pause_leaves_nothing_of_before() {
        let mut history = History::new(seconds(2));
        history.add(1, [5; RATES]);
        history.advance_to(seconds(100_000));
        history.add(1, [6; RATES]);
        let cells = history.cells(&1, 0, 60);
        assert_eq!(cells.iter().sum::<f32>(), 6.0);
        assert_eq!(cells[59], 6.0);
    }

    #[test]
    fn bars_from_nothing_to_the_highest() {
        let bars = |cells: &[f32]| {
            let mut line = String::new();
            push_bars(&mut line, cells, &['1', '2', '3', '4']);
            line
        };
        assert_eq!(bars(&[0.0, 0.1, 25.0, 26.0, 100.0]), " 1124");
        assert_eq!(bars(&[0.0, 0.0]), "  ");
        assert_eq!(bars(&[f32::MAX, 1.0]), "41");
    }
}
