//! The cost of the view: 1,000 servers on a large screen.

use crate::support::{Test, ipvsadm_with};
use crate::top;
use std::fmt::Write;
use std::time::Duration;

pub const TESTS: &[Test] = &[("cost: 1,000 servers", thousand_servers)];

/// The limit in milliseconds of processor time per second. A build without optimisation is slower.
const LIMIT: f64 = if cfg!(debug_assertions) { 500.0 } else { 50.0 };

/// Returns the processor time of a process in milliseconds (user and kernel) and its memory in KiB.
fn used(id: nix::unistd::Pid) -> (f64, f64, u64) {
    let schedule = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let (_, rest) = schedule.rsplit_once(')').expect("a name");
    let field = |n: usize| -> f64 {
        rest.split_whitespace().nth(n - 3).and_then(|n| n.parse().ok()).expect("a number")
    };
    let tick = 1000.0 / 100.0;
    (field(14) * tick, field(15) * tick, (field(24) * 4.0) as u64)
}

fn thousand_servers() {
    let mut rules = String::new();
    for service in 0..100 {
        writeln!(rules, "-A -t 10.0.{service}.1:80 -s rr").expect("a String takes everything");
        for server in 1..=10 {
            writeln!(rules, "-a -t 10.0.{service}.1:80 -r 10.1.{service}.{server}:80 -m")
                .expect("a String takes everything");
        }
    }
    ipvsadm_with("-R", &rules).ok();
    for interval in ["1", "2"] {
        let mut tty = top(&format!("-n --interval {interval}"), (200, 50));
        tty.shows("100 services, 1000 servers");
        std::thread::sleep(Duration::from_secs(3));
        let seconds = 10.0;
        let (drawn, before) = (tty.bytes().len(), used(tty.id()));
        std::thread::sleep(Duration::from_secs_f64(seconds));
        let after = used(tty.id());
        let (user, system) = ((after.0 - before.0) / seconds, (after.1 - before.1) / seconds);
        println!(
            "every {interval} s: {user:.1} ms user and {system:.1} ms system a second, {} KiB, {} bytes drawn",
            after.2,
            tty.bytes().len() - drawn
        );
        assert!(user + system < LIMIT, "{user} and {system} ms a second");
        // Keys stay fast: through all rows and back, one frame each.
        tty.keys("\x1b[F");
        tty.until("the end", |screen| !screen.contains("10.0.0.1:80"));
        tty.keys("q");
        assert_eq!(tty.ends(), 0);
    }
}
