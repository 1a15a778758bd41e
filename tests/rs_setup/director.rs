//! A host that is a director too: findings about its own table.

use crate::host::*;
use crate::support::{self, Test, ipvsadm, program};

pub const TESTS: &[Test] = &[
    ("director::its_own_service_is_found", own_service),
    ("director::a_standby_that_does_not_balance_is_ready", standby),
];

const READY: &str = "All in place.";

/// The status and the output of --check.
fn check() -> (i32, String) {
    let ran = rs_setup("--check");
    assert_eq!(ran.err, "");
    (ran.status, ran.out)
}

#[track_caller]
fn ready() {
    let (status, out) = check();
    assert!(status == 0 && out.contains(READY), "{status}: {out}");
}

#[track_caller]
fn warned(text: &str) {
    let (status, out) = check();
    assert!(status == 1 && out.contains(text), "{status}: {out}");
}

fn own_service() {
    make();
    ipvsadm("-A -t 10.0.0.100:80 -s rr").ok();
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.11 -g").ok();
    ipvsadm("-A -f 7 -s rr").ok();
    ipvsadm("-a -f 7 -r 10.0.0.12 -g").ok();
    ipvsadm("-A -t 10.0.0.101:80 -s rr").ok();
    ipvsadm("-a -t 10.0.0.101:80 -r 10.0.0.12 -g").ok();
    // Only itself, a firewall mark, another VIP.
    rs_setup("10.0.0.100 fd00::100").ok();
    ready();
    // A destination without new connections.
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.12 -g -w 0").ok();
    ready();
    ipvsadm("-e -t 10.0.0.100:80 -r 10.0.0.12 -g -w 1").ok();
    warned(
        "WRONG: this host balances 10.0.0.100 itself (-t 10.0.0.100:80, to 10.0.0.12): \
         it forwards the packets of another director again, and they may loop [director-loop]",
    );
    let json: serde_json::Value =
        serde_json::from_str(&rs_setup("--check --json").out).expect("JSON");
    assert_eq!(json["reports"][0]["ok"], false);
    let finding = &json["reports"][0]["findings"][0];
    assert_eq!((&finding["wrong"], &finding["id"]), (&true.into(), &"director-loop".into()));
    // Without privilege the table cannot be read.
    let ran = support::unprivileged(&program("ipvsadm"), &["rs-setup", "--check", "10.0.0.100"]);
    assert_eq!(ran.err, "");
    assert!(ran.out.contains("the IPVS table of this host cannot be read"), "{}", ran.out);
    ipvsadm("-D -t 10.0.0.100:80").ok();
    ready();
    for (protocol, option) in [("-u", "-u"), ("--sctp-service", "--sctp-service")] {
        ipvsadm(&format!("-A {protocol} [fd00::100]:53 -s rr")).ok();
        ipvsadm(&format!("-a {protocol} [fd00::100]:53 -r [fd00::12]:53 -i")).ok();
        warned(&format!("({option} [fd00::100]:53, to fd00::12)"));
        ipvsadm("-C").ok();
    }
    rs_setup("--undo").ok();
}

fn standby() {
    make();
    ipvsadm("-A -t 10.0.0.100:80 -s rr").ok();
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.12 -i").ok();
    rs_setup("-i --rp-filter loose 10.0.0.100").ok();
    let text = "this host balances 10.0.0.100 itself";
    warned(text);
    // The setting has an effect only while the backup daemon runs.
    set_sysctl("net/ipv4/vs/backup_only", 1);
    warned(text);
    ipvsadm("--start-daemon master --mcast-interface eth0").ok();
    warned(text);
    ipvsadm("--start-daemon backup --mcast-interface eth0").ok();
    ready();
    set_sysctl("net/ipv4/vs/backup_only", 0);
    warned(text);
    ipvsadm("--stop-daemon backup").ok();
    ipvsadm("--stop-daemon master").ok();
    rs_setup("--undo").ok();
}
