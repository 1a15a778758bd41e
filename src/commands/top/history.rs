//! What the rates of the last minutes were: for each row a ring of so many steps of time, and no more.
//!
//! Readings come in, each with its time; the highest of a step is kept. A line of bars comes out.

use super::columns::RATES;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Steps that are kept.
pub const STEPS: usize = 60;
/// The shortest step: five minutes are kept then.
const STEP: Duration = Duration::from_secs(5);

type Rates = [f32; RATES];

/// The rates of one row. The last step may be an older one than that of now.
#[derive(Debug, Default)]
struct Ring {
    last: u64,
    steps: VecDeque<Rates>,
}

/// The rates of every row there was within the time that is kept.
#[derive(Debug)]
pub struct History<K> {
    step: Duration,
    now: u64,
    rings: HashMap<K, Ring>,
}

impl<K: Eq + Hash> History<K> {
    /// For readings at this interval: a step has at least one.
    pub fn new(interval: Duration) -> History<K> {
        History { step: interval.max(STEP), now: 0, rings: HashMap::new() }
    }

    /// How long it goes back.
    pub fn length(&self) -> Duration {
        self.step * STEPS as u32
    }

    /// A new reading begins, so long after the first one. Rows not seen for too long are forgotten.
    pub fn turn_to(&mut self, since_start: Duration) {
        let now = (since_start.as_millis() / self.step.as_millis().max(1)) as u64;
        if now != self.now {
            self.now = now;
            self.rings.retain(|_, ring| now - ring.last.min(now) < STEPS as u64);
        }
    }

    /// What the rates of a row are now.
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

    /// One rate of a row, oldest first, in so many cells: in each the highest of its steps.
    pub fn cells(&self, row: &K, rate: usize, width: usize) -> Vec<f32> {
        let width = width.min(STEPS);
        let mut cells = vec![0.0f32; width];
        let Some(ring) = self.rings.get(row).filter(|_| width > 0) else { return cells };
        let age_of_last = self.now.saturating_sub(ring.last) as usize;
        for (age, rates) in (age_of_last..STEPS).zip(ring.steps.iter().rev()) {
            // The newest step is in the last cell.
            let cell = &mut cells[width - 1 - age * width / STEPS];
            *cell = cell.max(rates[rate]);
        }
        cells
    }
}

/// Cells as bars: the highest one is full, and what is not zero is seen.
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
            history.turn_to(seconds(at));
            history.add("row", [rate, 0, 0, 0, 10 * rate]);
        }
        let cells = history.cells(&"row", 0, 60);
        assert_eq!(cells.len(), 60);
        assert_eq!(cells[54..], [0.0, 9.0, 4.0, 0.0, 0.0, 7.0]);
        assert_eq!(history.cells(&"row", 4, 30)[26..], [0.0, 90.0, 40.0, 70.0]);
        // It moves on, also where nothing comes.
        history.turn_to(seconds(30));
        assert_eq!(history.cells(&"row", 0, 60)[52..], [0.0, 9.0, 4.0, 0.0, 0.0, 7.0, 0.0, 0.0]);
        assert_eq!(history.cells(&"other", 0, 5), [0.0; 5]);
        assert!(history.cells(&"row", 0, 0).is_empty());
    }

    #[test]
    fn no_more_is_kept_than_is_shown() {
        let mut history = History::new(seconds(2));
        for at in 0..10_000 {
            history.turn_to(seconds(2 * at));
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
        history.turn_to(seconds(100_000));
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
