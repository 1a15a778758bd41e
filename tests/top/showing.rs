//! The contents of the screen, and the effect of keys.

use crate::support::{Test, ipvsadm, ipvsadm_with, program};
use crate::top;
use crate::tty::Tty;
use std::process::Command;

pub const TESTS: &[Test] = &[
    ("showing: services and servers come and go", coming_and_going),
    ("showing: keys", keys),
    ("showing: a terminal that changes its size", another_size),
    ("showing: only the requested services", only_some),
    ("showing: names and numbers", names),
    ("showing: NO_COLOR, and a terminal without UTF-8", looks),
];

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 3
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 0
-A -u [fd00::1]:53 -s rr
-A -f 7 -s rr
-a -f 7 -r 10.1.0.3:0 -g
";

fn coming_and_going() {
    let mut tty = top("-n --interval 0.3", (120, 24));
    tty.shows("No such virtual service at present.");
    ipvsadm_with("-R", TABLE).ok();
    let screen = tty.shows("3 services, 3 servers (1 with weight 0)");
    for row in [
        "TCP  10.0.0.1:80 ",
        "  -> 10.1.0.1:80 ",
        "  -| 10.1.0.2:80 ",
        "UDP  [fd00::1]:53 ",
        "FWM  7 ",
    ] {
        assert!(screen.contains(row), "{row}\n{screen}");
    }
    ipvsadm("-e -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5").ok();
    tty.shows("  -> 10.1.0.2:80 ");
    ipvsadm("-d -t 10.0.0.1:80 -r 10.1.0.1:80").ok();
    tty.no_more("10.1.0.1:80");
    ipvsadm("-D -f 7").ok();
    tty.no_more("FWM");
    // A paused view does not show the change.
    tty.keys("p");
    tty.shows("paused");
    ipvsadm("-C").ok();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(tty.text().contains("2 services"), "{}", tty.text());
    tty.keys("p");
    tty.shows("0 services");
}

fn keys() {
    ipvsadm_with("-R", TABLE).ok();
    // Readings are rare: every change on the screen comes from a key.
    let mut tty = top("-n --interval 60", (120, 24));
    tty.shows("10.1.0.3:0");
    tty.keys("-");
    tty.no_more("->");
    // An arrow opens the second service: its servers.
    let second = tty.text().lines().nth(4).expect("a row").to_string();
    tty.keys("1\x1b[B\r");
    tty.until("the selected service open", |screen| {
        screen.matches("-> ").count() < 2 && screen != second
    });
    tty.keys("+");
    tty.shows("-> 10.1.0.1:80");
    tty.keys("9");
    tty.until("by weight", |screen| screen.contains("▼Weight"));
    tty.keys("9");
    tty.shows("▲Weight");
    tty.keys("/0.3:0\r");
    tty.no_more("10.1.0.1");
    let screen = tty.shows("Esc shows all");
    assert!(screen.contains("FWM  7") && screen.contains("10.1.0.3:0"), "{screen}");
    tty.keys("\x1b");
    tty.shows("10.1.0.1:80");
    tty.keys("?");
    tty.shows("Keys");
    // An incomplete key sequence blocks nothing.
    tty.keys("x");
    tty.no_more("show what has a text");
    tty.keys("\x1b[");
    std::thread::sleep(std::time::Duration::from_millis(300));
    tty.resize((90, 20));
    tty.until("the new size", |screen| screen.lines().count() == 20);
    tty.keys("Aq");
    assert_eq!(tty.ends(), 0);
}

fn another_size() {
    ipvsadm_with("-R", TABLE).ok();
    let tty = top("-n --interval 60", (120, 24));
    tty.shows("OutPPS");
    for size in [(80, 10), (200, 60), (10, 3), (1, 1), (60, 12)] {
        tty.resize(size);
        let (columns, lines) = size;
        if lines > 4 {
            tty.until("the new size", |screen| {
                screen.lines().count() == lines as usize && screen.contains("10.1.0.1:80")
            });
        }
        let widest = tty.text().lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap_or(0) <= columns.into());
    }
    tty.no_more("OutPPS");
    // A serial line does not know its size.
    let mut tty = top("-n --interval 60", (0, 0));
    let screen = tty.shows("10.1.0.3:0");
    assert_eq!(screen.lines().count(), 24);
    tty.keys("\x0c-");
    // The screen is blank for a moment.
    tty.until("the servers hidden", |screen| {
        screen.lines().count() == 24 && !screen.contains("10.1.0.3:0")
    });
}

fn only_some() {
    ipvsadm_with("-R", TABLE).ok();
    let tty = top("-n --interval 0.3 -u [fd00::1]:53 -t 10.0.0.9:80", (120, 24));
    let screen = tty.shows("1 service,");
    assert!(screen.contains("UDP  [fd00::1]:53") && !screen.contains("TCP"), "{screen}");
    ipvsadm("-A -t 10.0.0.9:80").ok();
    tty.shows("TCP  10.0.0.9:80");
    ipvsadm("-C").ok();
    tty.shows("No such virtual service at present.");
}

fn names() {
    ipvsadm("-A -t 127.0.0.1:80").ok();
    let mut tty = top("--interval 60", (120, 24));
    tty.shows("TCP  localhost:http ");
    tty.keys("n");
    tty.shows("TCP  127.0.0.1:80 ");
    let tty = top("-n --interval 60", (120, 24));
    tty.shows("TCP  127.0.0.1:80 ");
}

fn looks() {
    ipvsadm_with("-R", TABLE).ok();
    let colours = |tty: &Tty| {
        let bytes = String::from_utf8_lossy(&tty.bytes()).into_owned();
        let sequences = bytes.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m'));
        let codes = sequences
            .map(|(codes, _)| codes)
            .filter(|codes| codes.bytes().all(|b| b.is_ascii_digit() || b == b';'));
        let coloured = |code: &str| matches!(code.parse(), Ok(30..=38 | 40..=48 | 90..=97u8));
        codes.filter(|codes| codes.split(';').any(coloured)).count()
    };
    let mut tty = top("-n", (120, 24));
    tty.shows("10.1.0.2");
    tty.keys("q");
    tty.ends();
    assert!(colours(&tty) > 0);
    let mut plain = Command::new("/usr/bin/env");
    plain.args(["NO_COLOR=1", "LC_ALL=C"]).arg(program("ipvsadm")).args(["top", "-n"]);
    let mut tty = Tty::start(plain, (120, 24));
    tty.shows("10.1.0.2");
    tty.shows("vCPS");
    tty.keys("q");
    tty.ends();
    assert_eq!(colours(&tty), 0);
    assert!(tty.bytes().is_ascii());
}
