//! `--netns`: commands act in another network namespace and change nothing in this one.

use crate::support::{Test, in_lab, ipvsadm, ipvsadm_with, oracle, program, run, sh, unprivileged};
use std::process::Command;

pub const TESTS: &[Test] = &[
    ("netns: each command acts in the named namespace", commands),
    ("netns: by path, including a process's", paths),
    ("netns: saves, restores, apply, rs-setup", programs),
    ("netns: a file that is no namespace, and --netns in -R", errors),
];

const NAMES: [&str; 2] = ["web", "other"];

/// Named namespaces, deleted when the test ends: ip_vs cannot be unloaded while they have services.
struct Named;

impl Drop for Named {
    fn drop(&mut self) {
        for name in NAMES {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// A table here and one there; no command may confuse them.
fn web() -> Named {
    assert!(in_lab(), "this test names namespaces in /run, so it runs in the lab only");
    oracle("-A -t 10.0.0.1:80").ok();
    for name in NAMES {
        sh(&format!("ip netns add {name} && ip -n {name} link set lo up"));
    }
    Named
}

fn here() {
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
}

/// Returns the table that 1.31 sees there.
fn there(line: &str) -> String {
    sh(&format!("ip netns exec web /usr/sbin/ipvsadm {line}"))
}

fn commands() {
    let _named = web();
    ipvsadm("--netns web -A -f 7 -s rr").ok();
    ipvsadm("-a -f 7 --netns=web -r 10.1.0.1 -g").ok();
    ipvsadm("--netns web --set 1 2 3").ok();
    here();
    assert_eq!(there("-Sn"), "-A -f 7 -s rr\n-a -f 7 -r 10.1.0.1:0 -g -w 1\n");
    for list in ["-Ln", "-Lnc", "-L --timeout", "-Ln --stats", "-Sn"] {
        let (first, last) = (format!("--netns web {list}"), format!("{list} --netns web"));
        let seen = ipvsadm(&first).ok();
        assert_eq!(seen, there(list), "{list}");
        assert_eq!(ipvsadm(&last).ok(), seen);
    }
    assert_eq!(ipvsadm("--netns web").ok(), there("-L"));
    ipvsadm_with("--netns web -R", "-A -f 8\n-D -f 7\n").ok();
    assert_eq!(there("-Sn"), "-A -f 8 -s wlc\n");
    ipvsadm("-C --netns web").ok();
    assert_eq!(there("-Sn"), "");
    here();
}

fn paths() {
    let _named = web();
    ipvsadm("--netns /run/netns/web -A -f 7").ok();
    assert_eq!(there("-Sn"), "-A -f 7 -s wlc\n");
    let ours = program("ipvsadm");
    let seen = sh(&format!(
        "ip netns exec web sleep 60 & sleep 0.5\n\
         {} --netns /proc/$!/ns/net -Sn; kill $!",
        ours.display()
    ));
    assert_eq!(seen, "-A -f 7 -s wlc\n");
    here();
}

fn programs() {
    let _named = web();
    let (save, restore) = (program("ipvsadm-save"), program("ipvsadm-restore"));
    run(&restore, &["--netns", "web"], b"-A -f 7 -s rr\n").ok();
    assert_eq!(run(&save, &["-n", "--netns=web"], b"").ok(), "-A -f 7 -s rr\n");
    run(&save, &["--netns", "web", "-n", "/tmp/saved"], b"").ok();
    assert_eq!(std::fs::read_to_string("/tmp/saved").expect("a file"), "-A -f 7 -s rr\n");
    assert_eq!(ipvsadm_with("apply --dry-run - --netns web", "-A -f 8\n").status, 1);
    ipvsadm_with("--netns web apply -", "-A -f 8\n").ok();
    assert_eq!(there("-Sn"), "-A -f 8 -s wlc\n");
    let ignore =
        |ns: &str| sh(&format!("ip netns exec {ns} sysctl -n net.ipv4.conf.all.arp_ignore"));
    ipvsadm("rs-setup 10.0.0.100 --netns web").ok();
    assert_eq!((ignore("web").as_str(), ignore("other").as_str()), ("1\n", "0\n"));
    assert!(sh("ip -n web addr show lo").contains("10.0.0.100/32"));
    assert!(!sh("ip addr show lo").contains("10.0.0.100"));
    ipvsadm("--netns web rs-setup --undo").ok();
    assert_eq!(ignore("web"), "0\n");
    here();
}

fn errors() {
    let _named = web();
    let none = "cannot enter network namespace";
    for (name, why) in [
        ("nowhere", "No such file or directory"),
        ("/etc/hostname", "not a network namespace"),
        ("/proc/self/ns/mnt", "not a network namespace"),
        ("..", "not a network namespace"),
    ] {
        let error = ipvsadm(&format!("-C --netns {name}")).fails(2);
        assert_eq!(error, format!("{none} `{name}': {why}\n"));
    }
    assert_eq!(
        unprivileged(&program("ipvsadm"), &["--netns", "web", "-L"]).fails(2),
        format!("{none} `web': Permission denied (you must be root)\n")
    );
    assert_eq!(
        ipvsadm("--netns web -C --netns web").fails(2),
        "multiple 'netns' options specified\n"
    );
    let error = ipvsadm_with("-R", "-A -f 9\n-A -f 8 --netns web\n").fails(2);
    assert!(
        error.starts_with("Illegal 'netns' option with the 'add-service' command\n"),
        "{error}"
    );
    ipvsadm("-D -f 9").ok();
    assert!(ipvsadm("--netns").fails(255).starts_with("--netns: missing argument\n"));
    here();
}
