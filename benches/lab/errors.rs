//! Loading a file in which the kernel refuses every other line. No error may be lost.

use crate::process::{self, Player, run};
use crate::report::Row;
use crate::{Bench, file, fresh, number};
use std::fmt::Write;
use std::net::Ipv4Addr;

pub fn errors(bench: &mut Bench) {
    let lines = bench.sized(10_000);
    let mut text = String::new();
    for n in 0..lines as u32 / 2 {
        let _ = writeln!(text, "-A -t {}:80 -s rr", Ipv4Addr::from_bits(0x0a00_0001 + n));
        let absent = Ipv4Addr::from_bits(0xac10_0001 + n);
        let _ = writeln!(text, "-a -t {absent}:80 -r 192.168.0.1:80 -m");
    }
    let rules = file("rules-errors");
    std::fs::write(&rules, text).expect("the rules");
    let mut times = [vec![], vec![]];
    let mut lost = 0;
    for _ in 0..bench.rounds() {
        for player in Player::PROGRAMS {
            fresh();
            times[player as usize].push(run(&player.program(), "-R", &rules).seconds);
            let err = std::fs::read_to_string(process::err()).expect("the errors");
            if player == Player::Classic {
                assert_eq!(err.matches("Service not defined").count(), lines / 2);
                continue;
            }
            let numbers = err.lines().filter_map(|line| {
                line.strip_prefix("in line ")?.split(':').next()?.parse::<usize>().ok()
            });
            let expected = (1..=lines / 2).map(|n| 2 * n);
            if !numbers.eq(expected) {
                lost += 1;
            }
        }
    }
    let [classic, ours] = times.map(process::median);
    let work = format!("load of {} lines, every other refused", number(lines));
    bench.report.rows.push(Row::time(work, Some(classic), ours).at_least(20.0));
    let row = Row::plain("  runs in which an error was lost or misplaced", None, f64::from(lost));
    bench.report.rows.push(row.limit(0.0));
}
