//! Small things, once: the start of a program, one change, a short list, its size on disk.

use crate::process::{Who, done, median, nothing};
use crate::report::Row;
use crate::tables::rules_file;
use crate::{Bench, fresh};

/// Runs of each: a median of what is near the grain of the clock needs many.
const RUNS: usize = 41;

fn both(mut play: impl FnMut(Who, usize) -> f64) -> [f64; 2] {
    let mut times = [vec![], vec![]];
    for run in 0..RUNS {
        for (who, times) in Who::PROGRAMS.into_iter().zip(&mut times) {
            times.push(play(who, run));
        }
    }
    times.map(median)
}

pub fn starts(bench: &mut Bench) {
    let [classic, ours] = both(|who, _| done(who, "-v", nothing()).seconds);
    bench.report.rows.push(Row::time("start of a process (-v)", Some(classic), ours));
    let size = |who: Who| {
        let bytes = std::fs::metadata(who.program()).expect("the program").len();
        bytes as f64 / 1024.0
    };
    let sizes = Who::PROGRAMS.map(size);
    bench.report.rows.push(Row::memory("size of the program on disk", sizes[0], sizes[1]));
}

pub fn commands(bench: &mut Bench) {
    fresh();
    let [classic, ours] = both(|who, run| {
        let line = format!("-A -t 10.0.0.{}:{} -s rr", 1 + who as usize, 1 + run);
        done(who, &line, nothing()).seconds
    });
    bench.report.rows.push(Row::time("one -A", Some(classic), ours).at_least(1.0));
    fresh();
    done(Who::Ours, "-R", &rules_file(10, 2));
    let [classic, ours] = both(|who, _| done(who, "-Ln", nothing()).seconds);
    let row = Row::time("one -Ln of 10 services, 2 servers each", Some(classic), ours);
    bench.report.rows.push(row.at_least(1.0));
}
