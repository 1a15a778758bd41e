//! Whole tables: `-S`, `-R`, ipvsadm-save, ipvsadm-restore, and those of 1.31.

use crate::support::{
    Ran, Test, ipvsadm, ipvsadm_with, oracle, oracle_program, oracle_with, program, run, same_text,
    sh,
};
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("save: every kind of rule comes back from -S -n", round_trip),
    ("save: ipvsadm 1.31 reads what we save", oracle_reads_ours),
    ("save: we read what ipvsadm 1.31 saves", ours_reads_oracles),
    ("save: the list of every kind of rule", whole_list),
    ("save: ipvsadm-save and ipvsadm-restore", programs),
    ("save: programs of both read each other", programs_cross),
    ("save: ipvsadm-restore replaces what was there", restore_replaces),
    ("save: a table piped into its own restore is not lost", own_restore),
    ("save: ipvsadm-save refuses unknown options", save_usage),
];

/// Every kind of rule, in the order in which it is saved.
const RULES: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1
-a -t 10.0.0.1:80 -r 10.0.0.3:8080 -m -w 0
-a -t 10.0.0.1:80 -r 10.0.0.4:80 -i -w 65535 --tun-type ipip
-a -t 10.0.0.1:80 -r 10.0.0.5:80 -i -w 2147483647 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t 10.0.0.1:80 -r 10.0.0.6:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -t 10.0.0.1:80 -r 10.0.0.7:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.0.0.8:80 -i -w 1 --tun-type gre --tun-nocsum
-a -t 10.0.0.1:80 -r 10.0.0.9:80 -i -w 1 --tun-type gre --tun-csum
-a -t 10.0.0.1:80 -r 127.0.0.1:80 -g -w 1
-A -t 10.0.0.1:443 -s wrr -p 300 -M 255.255.255.0
-A -t 10.0.0.2:0 -s rr -p 360
-a -t 10.0.0.2:0 -r 10.1.0.1:0 -g -w 1
-A -t 10.0.0.3:80 -s lc
-a -t 10.0.0.3:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip
-A -u 10.0.0.1:53 -s rr -o
-a -u 10.0.0.1:53 -r 10.1.0.1:53 -m -w 7
-A -u 10.0.0.1:5060 -s rr -p 60 --pe sip -o
-A -u 10.0.0.9:99 -s sh -p 50 -b sh-fallback,sh-port
-A -u 10.0.0.9:100 -s mh -b mh-fallback,mh-port
-A -u 10.0.0.9:101 -s rr -b flag-1,flag-2,flag-3
-A --sctp-service 10.0.0.1:9999 -s lc
-a --sctp-service 10.0.0.1:9999 -r 10.1.0.1:9999 -g -w 1
-A -t [fd00::1]:80 -s dh
-a -t [fd00::1]:80 -r [fd00::2]:80 -g -w 1
-a -t [fd00::1]:80 -r [fd00::3]:81 -m -w 4
-A -u [fd00::1]:53 -s wlc -p 360 -M 64
-A --sctp-service [fd00::1]:53 -s wlc
-A -f 1 -s wlc -p 100 -M 255.255.0.0
-a -f 1 -r 10.1.0.1:0 -g -w 1
-a -f 1 -r 10.1.0.2:8080 -m -w 1
-A -f 2 -6 -s wlc -p 100 -M 48
-a -f 2 -6 -r [fd00::2]:0 -g -w 1
-a -f 2 -6 -r [fd00::3]:8080 -m -w 1
-A -f 2147483647 -s wlc
";

fn round_trip() {
    assert_eq!(ipvsadm_with("-R", RULES).ok(), "");
    let saved = ipvsadm("-S -n").ok();
    same_text(&saved, RULES);
    assert_eq!(ipvsadm("-C").ok(), "");
    assert_eq!(ipvsadm("-S -n").ok(), "");
    assert_eq!(ipvsadm_with("-R", &saved).ok(), "");
    same_text(&oracle("-S -n").ok(), RULES);
}

fn oracle_reads_ours() {
    ipvsadm_with("--restore", RULES).ok();
    let saved = ipvsadm("--save --numeric").ok();
    let list = oracle("-Ln --tun-info").ok();
    oracle("-C").ok();
    oracle_with("-R", &saved).ok();
    same_text(&oracle("-Ln --tun-info").ok(), &list);
    same_text(&oracle("-Sn").ok(), RULES);
}

fn ours_reads_oracles() {
    oracle_with("-R", RULES).ok();
    let saved = oracle("-Sn").ok();
    let list = oracle("-Ln --tun-info").ok();
    oracle("-C").ok();
    ipvsadm_with("-R", &saved).ok();
    same_text(&oracle("-Ln --tun-info").ok(), &list);
    same_text(&oracle("-Sn").ok(), RULES);
}

fn whole_list() {
    oracle_with("-R", RULES).ok();
    let list = ipvsadm("-Ln").ok();
    assert_eq!(list.lines().count(), 3 + RULES.lines().count());
    same_text(&list, &oracle("-Ln").ok());
    for v in ["-t 10.0.0.1:80", "-u 10.0.0.9:99", "-f 2 -6", "--sctp-service 10.0.0.1:9999"] {
        let line = format!("-L -n {v}");
        same_text(&ipvsadm(&line).ok(), &oracle(&line).ok());
    }
    same_text(&ipvsadm("-S").ok(), &oracle("-S").ok());
    same_text(&ipvsadm("-L").ok(), &oracle("-L").ok());
}

fn start(program: impl AsRef<Path>, args: &[&str], stdin: &str) -> Ran {
    run(program.as_ref(), args, stdin.as_bytes())
}

fn programs() {
    assert_eq!(start(program("ipvsadm-restore"), &[], RULES).ok(), "");
    same_text(&oracle("-Sn").ok(), RULES);
    same_text(&start(program("ipvsadm-save"), &["-n"], "").ok(), RULES);
    same_text(&start(program("ipvsadm-save"), &[], "").ok(), &oracle("-S").ok());
}

fn programs_cross() {
    start(program("ipvsadm-restore"), &[], RULES).ok();
    let theirs = start(oracle_program("ipvsadm-save"), &["-n"], "").ok();
    let ours = start(program("ipvsadm-save"), &["-n"], "").ok();
    start(oracle_program("ipvsadm-restore"), &[], &ours).ok();
    same_text(&oracle("-Sn").ok(), RULES);
    start(program("ipvsadm-restore"), &[], &theirs).ok();
    same_text(&oracle("-Sn").ok(), RULES);
}

fn restore_replaces() {
    oracle("-A -t 10.9.9.9:9").ok();
    start(program("ipvsadm-restore"), &[], "-A -t 10.0.0.1:80 -s rr\n").ok();
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s rr\n");
    start(program("ipvsadm-restore"), &[], "").ok();
    assert_eq!(oracle("-Sn").ok(), "");
}

fn save_usage() {
    oracle("-A -t 10.0.0.1:80").ok();
    assert_ne!(start(program("ipvsadm-save"), &["-x"], "").fails(1), "");
}

/// The table must stand until all of the input has been read.
fn own_restore() {
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    let (save, restore) = (program("ipvsadm-save"), program("ipvsadm-restore"));
    sh(&format!("{{ sleep 0.5; {} -n; }} | {}", save.display(), restore.display()));
    assert_eq!(oracle("-S -n").ok(), "-A -t 10.0.0.1:80 -s rr\n");
}
