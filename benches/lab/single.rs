//! Small commands: the start of a program, one change, a short list; and its size on disk.

use crate::process::{Player, done, median, nothing};
use crate::report::Row;
use crate::tables::rules_file;
use crate::{Bench, fresh};

/// Runs of each command. A median near the resolution of the clock requires many.
const RUNS: usize = 41;

fn both(mut measure: impl FnMut(Player, usize) -> f64) -> [f64; 2] {
    let mut times = [vec![], vec![]];
    for run in 0..RUNS {
        for (player, times) in Player::PROGRAMS.into_iter().zip(&mut times) {
            times.push(measure(player, run));
        }
    }
    times.map(median)
}

pub fn starts(bench: &mut Bench) {
    let [classic, ours] = both(|player, _| done(player, "-v", nothing()).seconds);
    bench.report.rows.push(Row::time("start of a process (-v)", Some(classic), ours));
    let size = |player: Player| {
        let bytes = std::fs::metadata(player.program()).expect("the program").len();
        bytes as f64 / 1024.0
    };
    let sizes = Player::PROGRAMS.map(size);
    bench.report.rows.push(Row::memory("size of the program on disk", sizes[0], sizes[1]));
}

pub fn commands(bench: &mut Bench) {
    fresh();
    let [classic, ours] = both(|player, run| {
        let line = format!("-A -t 10.0.0.{}:{} -s rr", 1 + player as usize, 1 + run);
        done(player, &line, nothing()).seconds
    });
    bench.report.rows.push(Row::time("one -A", Some(classic), ours).at_least(1.0));
    fresh();
    done(Player::Ours, "-R", &rules_file(10, 2));
    let [classic, ours] = both(|player, _| done(player, "-Ln", nothing()).seconds);
    let row = Row::time("one -Ln of 10 services, 2 servers each", Some(classic), ours);
    bench.report.rows.push(row.at_least(1.0));
}
