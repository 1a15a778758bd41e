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
    ("save: ipvsadm-save and ipvsadm-restore of both read each other", programs_cross),
    ("save: ipvsadm-restore replaces the table", restore_replaces),
    ("save: a table piped into its own restore is not lost", own_restore),
    ("save: ipvsadm-save refuses unknown options", save_usage),
    ("save: --full, and ipvsadm 1.31 reads it", full),
    ("save: into a file, with its mode and through a link", into_file),
    ("save: to a pipe, a device or a descriptor", special_files),
    ("save: on a full disk the old file is whole", full_disk),
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
    start(program("ipvsadm-restore"), &["--allow-empty"], "").ok();
    assert_eq!(oracle("-Sn").ok(), "");
}

fn save_usage() {
    oracle("-A -t 10.0.0.1:80").ok();
    assert_ne!(start(program("ipvsadm-save"), &["-x"], "").fails(1), "");
}

/// The table must not change before all of the input was read.
fn own_restore() {
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    let (save, restore) = (program("ipvsadm-save"), program("ipvsadm-restore"));
    sh(&format!("{{ sleep 0.5; {} -n; }} | {}", save.display(), restore.display()));
    assert_eq!(oracle("-S -n").ok(), "-A -t 10.0.0.1:80 -s rr\n");
}

fn full() {
    sh("ip link add d0 type dummy; ip link set d0 up");
    let rules = RULES.replace("-a -t 10.0.0.3:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip\n", "");
    let rest = "--set 901 121 301\n\
        --start-daemon master --mcast-interface d0 --syncid 7 --sync-maxlen 1400 --mcast-group 224.0.0.99 --mcast-port 9999 --mcast-ttl 3\n\
        --start-daemon backup --mcast-interface d0 --syncid 8 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n";
    oracle_with("-R", &rules).ok();
    same_text(&ipvsadm("-S -n --full").ok(), &format!("{rules}--set 900 120 300\n"));
    let stop = || {
        for role in ["master", "backup"] {
            oracle(&format!("--stop-daemon {role}")).ok();
        }
    };
    ipvsadm_with("-R", rest).ok();
    let daemons = oracle("-L --daemon").ok();
    let saved = ipvsadm("--save --full -n").ok();
    same_text(&saved, &format!("{rules}{rest}"));
    same_text(&start(program("ipvsadm-save"), &["-n", "--full"], "").ok(), &saved);
    // A save without it is identical to 1.31's.
    same_text(&ipvsadm("-S -n").ok(), &rules);
    stop();
    oracle("-C").ok();
    oracle("--set 1 2 3").ok();
    oracle_with("-R", &saved).ok();
    same_text(&oracle("-Sn").ok(), &rules);
    same_text(&oracle("-L --daemon").ok(), &daemons);
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 901 121 301\n");
    assert_eq!(ipvsadm_with("apply --dry-run -", &saved).ok(), "");
    stop();
    ipvsadm_with("apply -", &saved).ok();
    same_text(&oracle("-L --daemon").ok(), &daemons);
    stop();
    let group = "--start-daemon master --mcast-interface d0 --syncid 0 --sync-maxlen 1000 --mcast-group ff05::1 --mcast-port 1 --mcast-ttl 255\n";
    oracle_with("-R", group).ok();
    assert!(ipvsadm("-S -n --full").ok().ends_with(group));
    oracle("--stop-daemon master").ok();
}

fn into_file() {
    oracle_with("-R", RULES).ok();
    let save = |name: &str| start(program("ipvsadm-save"), &["-n", name], "").ok();
    let mode = |name: &str| sh(&format!("stat -c %a,%u,%F {name}"));
    sh(
        "mkdir /tmp/s; cd /tmp/s; echo old >old; chmod 640 old; chown 7 old; ln -s old link; ln -s new dangling",
    );
    for name in ["/tmp/s/fresh", "/tmp/s/link", "/tmp/s/dangling"] {
        assert_eq!(save(name), "");
        same_text(&sh(&format!("cat {name}")), RULES);
    }
    assert_eq!(mode("/tmp/s/fresh"), "644,0,regular file\n");
    assert_eq!(mode("/tmp/s/old"), "640,7,regular file\n");
    assert_eq!(mode("/tmp/s/link"), "777,0,symbolic link\n");
    let umask = format!("umask 077; cd /tmp/s; {} -n secret", program("ipvsadm-save").display());
    sh(&umask);
    assert_eq!(mode("/tmp/s/secret"), "600,0,regular file\n");
    assert_eq!(sh("ls -A /tmp/s"), "dangling\nfresh\nlink\nnew\nold\nsecret\n");
    for (args, said) in [
        (&["/tmp/s"][..], "cannot write `/tmp/s': Is a directory\n"),
        (&["/no/such"], "cannot write `/no/such': No such file or directory\n"),
        (&["/tmp/s/a", "b"], "unexpected argument b\n"),
    ] {
        assert_eq!(start(program("ipvsadm-save"), args, "").fails(1), said);
    }
}

fn special_files() {
    oracle_with("-R", RULES).ok();
    let save = program("ipvsadm-save");
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", ""] {
        same_text(&start(&save, &["-n", name], "").ok(), RULES);
    }
    start(&save, &["-n", "/dev/null"], "").ok();
    assert_eq!(sh("stat -c %F /dev/null"), "character special file\n");
    let script = format!("mkfifo /tmp/f; {} -n /tmp/f & cat /tmp/f; wait $!", save.display());
    same_text(&sh(&script), RULES);
    // A redirected save is written to the file that the shell opened.
    sh(&format!("echo first >/tmp/r; {} -n /dev/stdout >>/tmp/r", save.display()));
    same_text(&sh("cat /tmp/r"), &format!("first\n{RULES}"));
}

fn full_disk() {
    sh("mkdir /tmp/small; mount -t tmpfs -o size=8k none /tmp/small; echo old >/tmp/small/rules");
    // The disk is full at the last write, or long before.
    for count in [400, 4000] {
        let lines: String = (1..count).map(|n| format!("-A -f {n} -s rr\n")).collect();
        ipvsadm("-C").ok();
        ipvsadm_with("-R", &lines).ok();
        let ran = start(program("ipvsadm-save"), &["-n", "/tmp/small/rules"], "");
        assert_eq!(ran.fails(1), "cannot write `/tmp/small/rules': No space left on device\n");
        assert_eq!(sh("ls -A /tmp/small; cat /tmp/small/rules"), "rules\nold\n", "{count}");
    }
    sh("umount /tmp/small");
}
