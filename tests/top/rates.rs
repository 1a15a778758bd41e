//! The screen shows the same rates as `--rate` while traffic flows.

use crate::lab::Network;
use crate::support::{Test, ipvsadm, ipvsadm_with};
use crate::top;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[("rates: the same as in --rate", as_rate_has_them)];

/// Returns the five rates of each row of a text, by the name of the row.
fn rows(text: &str) -> BTreeMap<String, [u64; 5]> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = words.get(1).filter(|name| name.starts_with("10."))?;
        let mut numbers = words.get(2..7)?.iter().map(|word| word.parse());
        let mut next = || numbers.next()?.ok();
        Some((name.to_string(), [next()?, next()?, next()?, next()?, next()?]))
    };
    text.lines().filter_map(row).collect()
}

fn as_rate_has_them() {
    let mut net = Network::up("nat");
    net.sh("director_vip 10.0.0.100\nserve rs1 80\nserve rs2 80");
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:8080 -s wrr\n\
         -a -t 10.0.0.100:8080 -r 10.1.0.11:80 -m -w 3\n\
         -a -t 10.0.0.100:8080 -r 10.1.0.12:80 -m -w 1\n\
         -A -t 10.0.0.100:99 -s rr\n",
    )
    .ok();
    net.sh("(ask client 10.0.0.100 8080 100000 >/dev/null 2>&1 &)");
    let mut tty = top("-n --interval 0.2", (120, 24));
    tty.until("a rate", |screen| {
        rows(screen).get("10.0.0.100:8080").is_some_and(|rates| rates[0] > 0)
    });
    // The kernel updates the rates every two seconds, one row after the other. So a row of the screen
    // equals a row that --rate printed just before or just after, and many different ones are seen.
    let end = Instant::now() + Duration::from_secs(90);
    let rate = || rows(&ipvsadm("-Ln --rate").ok());
    let (mut different, mut compared) = (BTreeSet::new(), 0);
    while (compared < 5 || different.len() < 3) && Instant::now() < end {
        let before = rate();
        // The screen is at most one reading old.
        std::thread::sleep(Duration::from_millis(500));
        let screen = rows(&tty.text());
        let after = rate();
        if before != after {
            continue;
        }
        assert_eq!(screen, before);
        assert_eq!(screen.len(), 4);
        compared += 1;
        different.insert(screen["10.1.0.11:80"]);
    }
    println!("{compared} screens compared, {} different rates of one server", different.len());
    assert!(compared >= 5, "{compared} screens compared");
    assert!(different.len() >= 3, "{different:?}");
    assert!(different.iter().any(|rates| rates.iter().all(|rate| *rate > 0)), "{different:?}");
    tty.keys("q");
    assert_eq!(tty.ends(), 0);
}
