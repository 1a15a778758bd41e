//! Every spelling of a command found in real scripts. Exit status, output and the resulting table must
//! equal those of 1.31.

use crate::support::{Ran, Test, ipvsadm_with, oracle, oracle_with};

pub const TESTS: &[Test] = &[
    ("spellings_of_lists", lists),
    ("spellings_of_services", services),
    ("spellings_of_servers", servers),
    ("spellings_of_the_rest", the_rest),
    ("spellings_in_restore_lines", restore_lines),
];

type Program = fn(&str, &str) -> Ran;

/// Replaces `@` by an address and `#` by a mark that belong to line `number` alone.
fn numbered(number: usize, text: &str) -> String {
    text.replace('@', &format!("10.0.1.{number}")).replace('#', &number.to_string())
}

const TABLE: &str = "\
-A -t @:80 -s rr
-a -t @:80 -r 10.0.0.11:80 -w 5
-a -t @:80 -r 10.0.0.12:80 -i
-A -f # -s rr
-a -f # -r 10.0.0.11
-A -f # -6 -s rr
";

/// Runs the lines with one program and then with the other, from the same table, and compares.
#[track_caller]
fn compare(lines: &[&str], input: &str) {
    let all = |program: Program| {
        let table: String = (1..=lines.len()).map(|n| numbered(n, TABLE)).collect();
        oracle_with("-R", &format!("-C\n{table}")).ok();
        let mut ran = Vec::new();
        for (n, line) in lines.iter().enumerate() {
            ran.push(program(&numbered(n + 1, line), input));
        }
        (ran, oracle("-Sn").ok(), oracle("-Ln --thresholds").ok())
    };
    let (ours, saved, shown) = all(ipvsadm_with);
    let (theirs, their_saved, their_shown) = all(oracle_with);
    let mut found = String::new();
    for ((line, ours), theirs) in lines.iter().zip(&ours).zip(&theirs) {
        assert_eq!(theirs.status, 0, "1.31 refuses {line}: {theirs:?}");
        if ours != theirs {
            found += &format!("{line}:\n  ours: {ours:?}\n  1.31: {theirs:?}\n");
        }
    }
    for (ours, theirs) in [(saved, their_saved), (shown, their_shown)] {
        for (who, one, other) in [("ours", &ours, &theirs), ("1.31", &theirs, &ours)] {
            for line in one.lines().filter(|l| !other.lines().any(|o| o == *l)) {
                found += &format!("only the table of {who} has: {line}\n");
            }
        }
        if found.is_empty() {
            assert_eq!(ours, theirs);
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

fn lists() {
    // None of these changes the table.
    compare(
        &[
            "",
            "-L",
            "-l",
            "-Ln",
            "-ln",
            "-L -n",
            "--list --numeric",
            "-lnc",
            "-Lnc",
            "-Lcn",
            "-lc",
            "-L -c -n",
            "-L --connection -n",
            "-Sn",
            "-S -n",
            "-S",
            "--save",
            "--save --numeric",
            "-Ln -t @:80",
            "-L -t @:80 -n",
            "-Lnt @:80",
            "-Lt @:http -n",
            "-ln --tcp-service @:80",
            "-ln --tcp-service=@:80",
            "-L --fwmark-service=# -n",
            "-L -n -f#",
            "-L -n -f # -6",
            "-Ln --stats",
            "-Ln --rate",
            "-Ln --stats --rate",
            "-Ln --rate --stats",
            "-Ln --exact --stats",
            "-LnX --stats",
            "-Ln --thresholds",
            "-Ln --persistent-conn",
            "-Ln --timeout",
            "-L --timeout",
            "-L --daemon",
            "-ln --sort",
            "-ln --nosort",
            "-Lnc --persistent-conn",
            "-L -n --tun-info",
        ],
        "",
    );
}

fn services() {
    compare(
        &[
            "-At @:81",
            "-A -t @:81",
            "-A -t@:81 -srr",
            "--add-service --tcp-service @:81 --scheduler rr",
            "--add-service --tcp-service=@:81 --scheduler=rr",
            "-A --udp-service=@:81 -s wlc",
            "-A -u @:81",
            "-A --fwmark-service 1000# -s rr",
            "-A -f1000#",
            "-A --sctp-service @:81",
            "-A -t @:https -s rr",
            "-D -t @:http",
            "-E -t @:http -s lc",
            "-A -t @:domain",
            "-A -t @:81 -p",
            "-A -t @:81 -p 300",
            "-A -t @:81 -p300",
            "-A -t @:81 --persistent",
            "-A -t @:81 --persistent 300",
            "-A -t @:81 --persistent=300",
            "-A -t @:81 -p -s rr",
            "-A -p -t @:81",
            "-A -t @:81 -p 300 -M 255.255.255.0",
            "-A -t @:81 -p 300 --netmask=255.255.0.0",
            "-A -t @:81 -s sh -b sh-port",
            "-A -t @:81 -s sh --sched-flags=sh-port,sh-fallback",
            "-A -u @:81 -o",
            "-A -u @:81 --ops",
            "-A -u @:5060 --pe sip -p 60",
            "-A -f 1000# -6",
            "-A -f 1000# --ipv6 -s rr",
            "-A -t [fd00::#]:80 -s rr",
            "-At [fd00::#]:80 -p 60 -M 64",
            "-Et @:80 -s wrr",
            "-E -t @:80 -s wrr -p 100",
            "--edit-service -t @:80 -s wrr",
            "-Dt @:80",
            "--delete-service -t @:80",
            "-D -f #",
        ],
        "",
    );
}

fn servers() {
    compare(
        &[
            "-at @:80 -r 10.0.0.13",
            "-a -t @:80 -r 10.0.0.13:80",
            "-a -t @:80 -r10.0.0.13:80 -g",
            "-a -t @:http -r 10.0.0.13:http -m",
            "-a -t @:80 -r 10.0.0.13:https -m",
            "-a -t @:80 -r 10.0.0.13:8080 -m -w5",
            "-a -t @:80 -r 10.0.0.13 -w 0",
            "-a -t @:80 -r 10.0.0.13 --weight=7",
            "-a -t @:80 -r 10.0.0.13 --weight 7",
            "-a -t @:80 -r 10.0.0.13 -gw 7",
            "-a -t @:80 -r 10.0.0.13 -iw7",
            "--add-server --tcp-service @:80 --real-server 10.0.0.13 --gatewaying",
            "--add-server --tcp-service=@:80 --real-server=10.0.0.13 --ipip",
            "-a -t @:80 -r 10.0.0.13:8080 --masquerading",
            "-a -t @:80 -r 10.0.0.13 -x 200 -y 10",
            "-a -t @:80 -r 10.0.0.13 --u-threshold=200 --l-threshold=10",
            "-a -t @:80 -r 10.0.0.13 -i --tun-type gue --tun-port 5555",
            "-a -t @:80 -r 10.0.0.13 -i --tun-type=gre --tun-csum",
            "-a -f # -r 10.0.0.13",
            "-a -f # -6 -r fd00::11",
            "-et @:80 -r 10.0.0.11 -w 9",
            "-e -t @:80 -r 10.0.0.11:80 -m",
            "--edit-server -t @:80 -r 10.0.0.11:80 -w 3",
            "-d -t @:80 -r 10.0.0.11",
            "-dt @:80 -r 10.0.0.11:80",
            "--delete-server -t @:80 -r 10.0.0.11:80",
        ],
        "",
    );
}

fn the_rest() {
    // The commands that clear everything come last.
    compare(
        &["-Z -t @:80", "-Zt @:80", "-Z -f #", "-Z", "--zero", "--set 900 120 300", "--set 0 0 0"],
        "",
    );
    for clear in ["-C", "--clear"] {
        compare(&[clear], "");
    }
}

fn restore_lines() {
    for spelling in ["-R", "--restore"] {
        compare(
            &[spelling],
            "-A -t 10.0.0.101:80 -s rr\n\
             ipvsadm -A -t 10.0.0.102:80 -p\n\
             \n\
             ipvsadm --add-service --tcp-service=10.0.0.103:https --scheduler=wrr\n\
             -at 10.0.0.101:http -r 10.0.0.11 -w5\n\
             --add-server -t 10.0.0.101:80 --real-server=10.0.0.12:80 -i\n\
             -A -t 10.0.0.104:80 -p300 -s sh -b sh-port\n\
             \t-A   -u\t10.0.0.104:53  -o \n\
             -d -t 10.0.1.1:80 -r 10.0.0.12\n\
             -E -t 10.0.1.1:80 -s wlc",
        );
    }
}
