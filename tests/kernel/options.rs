//! The effect of each option of services and servers in the kernel, in a list and in a save.

use crate::support::{Test, ipvsadm, oracle};

pub const TESTS: &[Test] = &[
    ("options: persistence, with and without a value", persistence),
    ("options: an IPv4 netmask", netmask),
    ("options: an IPv6 prefix length", prefix),
    ("options: default masks are not shown", plain_masks),
    ("options: one-packet scheduling", one_packet),
    ("options: a persistence engine", engine),
    ("options: flags of the sh scheduler", sh_flags),
    ("options: flags of the mh scheduler", mh_flags),
    ("options: flags by number", numbered_flags),
    ("options: all of a service's options at once", all_at_once),
    ("options: an edit resets omitted options", edit_drops),
    ("options: a service without port", without_port),
    ("options: weights", weights),
    ("options: thresholds", thresholds),
    ("options: an edit sets and resets thresholds", edit_thresholds),
    ("options: tunnels of type ipip", ipip),
    ("options: tunnels of type gue", gue),
    ("options: tunnels of type gre", gre),
    ("options: an edit changes the tunnel type", edit_tunnel),
    ("options: long spellings", long_spellings),
    ("options: values attached to their option", glued),
];

/// Adds a service. Returns its rows in a list and in a save, without key and scheduler.
#[track_caller]
fn service(add: &str, row: &str, rule: &str) {
    ipvsadm("-C").ok();
    assert_eq!(ipvsadm(add).ok(), "", "{add}");
    let list = ipvsadm("-Ln").ok();
    assert_eq!(list.lines().nth(3), Some(row), "{add}");
    assert_eq!(list, oracle("-Ln").ok(), "{add}");
    assert_eq!(ipvsadm("-Sn").ok(), format!("{rule}\n"), "{add}");
    assert_eq!(oracle("-Sn").ok(), format!("{rule}\n"), "{add}");
}

/// Adds a server to a service. Returns its row and its rule.
#[track_caller]
fn server(options: &str, row: &str, rule: &str) {
    ipvsadm("-C").ok();
    ipvsadm("-A -t 10.0.0.1:80").ok();
    let add = format!("-a -t 10.0.0.1:80 -r 10.0.0.2 {options}");
    assert_eq!(ipvsadm(&add).ok(), "", "{add}");
    assert_eq!(ipvsadm("-Ln").ok().lines().nth(4), Some(row), "{add}");
    let rule = format!("-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 {rule}\n");
    assert_eq!(ipvsadm("-Sn").ok(), rule, "{add}");
    assert_eq!(oracle("-Sn").ok(), rule, "{add}");
}

fn persistence() {
    let v = "-A -u 10.0.0.1:80";
    for (given, seconds) in [
        ("-p", "360"),
        ("-p 1", "1"),
        ("-p300", "300"),
        ("-p=300", "300"),
        ("--persistent", "360"),
        ("--persistent 77", "77"),
        ("--persistent=77", "77"),
        ("-p 1999999", "1999999"),
    ] {
        service(
            &format!("{v} {given}"),
            &format!("UDP  10.0.0.1:80 wlc persistent {seconds}"),
            &format!("{v} -s wlc -p {seconds}"),
        );
    }
}

fn netmask() {
    let v = "-A -t 10.0.0.1:80";
    for mask in ["255.255.255.0", "255.255.0.255", "0.0.0.0"] {
        service(
            &format!("{v} -p 60 -M {mask}"),
            &format!("TCP  10.0.0.1:80 wlc persistent 60 mask {mask}"),
            &format!("{v} -s wlc -p 60 -M {mask}"),
        );
    }
}

fn prefix() {
    for length in [1, 64, 127] {
        service(
            &format!("-A -t [fd00::1]:80 -p 60 -M {length}"),
            &format!("TCP  [fd00::1]:80 wlc persistent 60 mask {length}"),
            &format!("-A -t [fd00::1]:80 -s wlc -p 60 -M {length}"),
        );
    }
    service(
        "-A -f 9 -6 -p 100 -M 48",
        "FWM  9 IPv6 wlc persistent 100 mask 48",
        "-A -f 9 -6 -s wlc -p 100 -M 48",
    );
}

fn plain_masks() {
    let (row, rule) = ("TCP  10.0.0.1:80 wlc", "-A -t 10.0.0.1:80 -s wlc");
    service("-A -t 10.0.0.1:80 -M 255.255.0.0", row, rule);
    service(
        "-A -t 10.0.0.1:80 -p 5 -M 255.255.255.255",
        &format!("{row} persistent 5"),
        &format!("{rule} -p 5"),
    );
    service(
        "-A -t [fd00::1]:80 -p 5 -M 128",
        "TCP  [fd00::1]:80 wlc persistent 5",
        "-A -t [fd00::1]:80 -s wlc -p 5",
    );
}

fn one_packet() {
    service("-A -u 10.0.0.1:53 -o", "UDP  10.0.0.1:53 wlc ops", "-A -u 10.0.0.1:53 -s wlc -o");
    service("-A -f 3 --ops", "FWM  3 wlc ops", "-A -f 3 -s wlc -o");
    service("-A -u [fd00::1]:53 -o", "UDP  [fd00::1]:53 wlc ops", "-A -u [fd00::1]:53 -s wlc -o");
}

fn engine() {
    service(
        "-A -u 10.0.0.1:5060 -p 60 --pe sip",
        "UDP  10.0.0.1:5060 wlc persistent 60 pe sip",
        "-A -u 10.0.0.1:5060 -s wlc -p 60 --pe sip",
    );
    // Without persistence a list does not show it, but a save does.
    service(
        "-A -u 10.0.0.1:5060 --pe sip",
        "UDP  10.0.0.1:5060 wlc",
        "-A -u 10.0.0.1:5060 -s wlc --pe sip",
    );
}

fn sh_flags() {
    for (given, shown) in [
        ("sh-fallback", "sh-fallback"),
        ("sh-port", "sh-port"),
        ("sh-port,sh-fallback", "sh-fallback,sh-port"),
        ("flag-1", "sh-fallback"),
    ] {
        service(
            &format!("-A -t 10.0.0.1:80 -s sh -b {given}"),
            &format!("TCP  10.0.0.1:80 sh ({shown})"),
            &format!("-A -t 10.0.0.1:80 -s sh -b {shown}"),
        );
    }
    // The third flag has no name and is not listed; a save of 1.31 loses it, ours does not.
    oracle("-C").ok();
    oracle("-A -t 10.0.0.1:80 -s sh -b flag-1,flag-3").ok();
    assert_eq!(ipvsadm("-Ln").ok(), oracle("-Ln").ok());
    assert_eq!(ipvsadm("-Sn").ok(), "-A -t 10.0.0.1:80 -s sh -b sh-fallback,flag-3\n");
}

fn mh_flags() {
    for (given, shown) in [
        ("mh-fallback", "mh-fallback"),
        ("mh-port,mh-fallback", "mh-fallback,mh-port"),
        ("flag-2", "mh-port"),
    ] {
        service(
            &format!("-A -t 10.0.0.1:80 -s mh -b {given}"),
            &format!("TCP  10.0.0.1:80 mh ({shown})"),
            &format!("-A -t 10.0.0.1:80 -s mh -b {shown}"),
        );
    }
}

fn numbered_flags() {
    for flags in ["flag-1", "flag-3", "flag-1,flag-2,flag-3"] {
        service(
            &format!("-A -t 10.0.0.1:80 -s rr --sched-flags {flags}"),
            &format!("TCP  10.0.0.1:80 rr ({flags})"),
            &format!("-A -t 10.0.0.1:80 -s rr -b {flags}"),
        );
    }
}

fn all_at_once() {
    service(
        "-A -u 10.0.0.1:5060 -o -b sh-port --pe sip -M 255.255.255.0 -p 60 -s sh",
        "UDP  10.0.0.1:5060 sh (sh-port) persistent 60 mask 255.255.255.0 pe sip ops",
        "-A -u 10.0.0.1:5060 -s sh -p 60 -M 255.255.255.0 --pe sip -o -b sh-port",
    );
}

fn edit_drops() {
    let v = "-u 10.0.0.1:5060";
    ipvsadm(&format!("-A {v} -s sh -p 60 -M 255.255.255.0 -b sh-port -o")).ok();
    ipvsadm(&format!("-E {v} -s sh -b sh-fallback")).ok();
    assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s sh -b sh-fallback\n"));
    ipvsadm(&format!("-E {v} -s rr -p 9")).ok();
    assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s rr -p 9\n"));
    ipvsadm(&format!("-E {v} --pe sip -p -o")).ok();
    assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wlc -p 360 --pe sip -o\n"));
    ipvsadm(&format!("-E {v}")).ok();
    assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wlc\n"));
}

fn without_port() {
    for v in ["10.0.0.1", "10.0.0.1:0"] {
        service(
            &format!("-A -t {v} -p 1999999 -s lc"),
            "TCP  10.0.0.1:0 lc persistent 1999999",
            "-A -t 10.0.0.1:0 -s lc -p 1999999",
        );
        let err = ipvsadm(&format!("-A -u {v}")).fails(2);
        assert_eq!(err, "Zero port specified for non-persistent service\n");
    }
    ipvsadm("-a -t 10.0.0.1 -r 10.0.0.2 -g").ok();
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.0.0.1:0 -s lc -p 1999999\n-a -t 10.0.0.1:0 -r 10.0.0.2:0 -g -w 1\n"
    );
    ipvsadm("-D -t 10.0.0.1").ok();
    assert_eq!(oracle("-Sn").ok(), "");
}

fn weights() {
    for w in ["0", "1", "65535", "65536", "2147483647"] {
        server(
            &format!("-w {w}"),
            &format!("  -> 10.0.0.2:80                  Route   {w:<6} 0          0         "),
            &format!("-g -w {w}"),
        );
    }
}

const THRESHOLDS: &str = "-L -n --thresholds";

fn thresholds() {
    ipvsadm("-A -t 10.0.0.1:80").ok();
    for options in ["2 -x 100 -y 50", "3 -x 7", "4 -x 5 -y 5", "5 -x 2147483647 -y 2147483646"] {
        ipvsadm(&format!("-a -t 10.0.0.1:80 -r 10.0.0.{options}")).ok();
    }
    ipvsadm("-a -t 10.0.0.1:80 -r 10.0.0.6 --u-threshold 9 --l-threshold=8").ok();
    let out = oracle(THRESHOLDS).ok();
    let rows: Vec<&str> = out.lines().skip(4).collect();
    assert_eq!(
        rows,
        [
            "  -> 10.0.0.2:80                  100        50         0          0         ",
            "  -> 10.0.0.3:80                  7          0          0          0         ",
            "  -> 10.0.0.4:80                  5          5          0          0         ",
            "  -> 10.0.0.5:80                  2147483647 2147483646 0          0         ",
            "  -> 10.0.0.6:80                  9          8          0          0         ",
        ]
    );
}

fn edit_thresholds() {
    let server = "-t 10.0.0.1:80 -r 10.0.0.2:80";
    ipvsadm("-A -t 10.0.0.1:80").ok();
    ipvsadm(&format!("-a {server}")).ok();
    ipvsadm(&format!("-e {server} -x 100 -y 50")).ok();
    let row = "  -> 10.0.0.2:80                  100        50         0          0         ";
    assert_eq!(oracle(THRESHOLDS).ok().lines().nth(4), Some(row));
    ipvsadm(&format!("-e {server}")).ok();
    let row = "  -> 10.0.0.2:80                  0          0          0          0         ";
    assert_eq!(oracle(THRESHOLDS).ok().lines().nth(4), Some(row));
}

const TUNNEL: &str = "  -> 10.0.0.2:80                  Tunnel  1      0          0         ";

fn ipip() {
    server("-i", TUNNEL, "-i -w 1 --tun-type ipip");
    server("--ipip", TUNNEL, "-i -w 1 --tun-type ipip");
    server("-i --tun-type ipip", TUNNEL, "-i -w 1 --tun-type ipip");
}

fn gue() {
    let gue = "-i -w 1 --tun-type gue --tun-port";
    server("-i --tun-type gue --tun-port 6080", TUNNEL, &format!("{gue} 6080 --tun-nocsum"));
    for checksum in ["--tun-nocsum", "--tun-csum", "--tun-remcsum"] {
        server(
            &format!("-i --tun-type gue --tun-port 65535 {checksum}"),
            TUNNEL,
            &format!("{gue} 65535 {checksum}"),
        );
    }
}

fn gre() {
    let gre = "-i -w 1 --tun-type gre";
    server("-i --tun-type gre", TUNNEL, &format!("{gre} --tun-nocsum"));
    for checksum in ["--tun-nocsum", "--tun-csum"] {
        let rule = format!("{gre} {checksum}");
        server(&format!("-i --tun-type gre {checksum}"), TUNNEL, &rule);
    }
}

fn edit_tunnel() {
    let server = "-t 10.0.0.1:80 -r 10.0.0.2:80";
    let saved = |rule: &str| format!("-A -t 10.0.0.1:80 -s wlc\n-a {server} {rule}\n");
    ipvsadm("-A -t 10.0.0.1:80").ok();
    ipvsadm(&format!("-a {server} -m")).ok();
    for (options, rule) in [
        (
            "-i --tun-type gue --tun-port 6080 --tun-csum -w 2",
            "-i -w 2 --tun-type gue --tun-port 6080 --tun-csum",
        ),
        ("-i --tun-type gre", "-i -w 1 --tun-type gre --tun-nocsum"),
        ("-i", "-i -w 1 --tun-type ipip"),
        ("-m", "-m -w 1"),
        ("", "-g -w 1"),
    ] {
        ipvsadm(&format!("-e {server} {options}")).ok();
        assert_eq!(oracle("-Sn").ok(), saved(rule), "{options}");
    }
}

fn long_spellings() {
    for line in [
        "--add-service --tcp-service 10.0.0.1:80 --scheduler wrr --persistent 60 --netmask 255.255.255.0",
        "--add-service --udp-service=10.0.0.1:80 --scheduler=rr --ops",
        "--add-service --fwmark-service 5 --ipv6 --scheduler dh",
        "--add-server --tcp-service=10.0.0.1:80 --real-server=10.0.0.2:81 --masquerading --weight=5",
        "--add-server --udp-service 10.0.0.1:80 --real-server 10.0.0.2 --gatewaying --weight 6",
        "--add-server --fwmark-service=5 --ipv6 --real-server fd00::2 --ipip",
        "--edit-service --udp-service 10.0.0.1:80 --scheduler=lc",
        "--edit-server --udp-service 10.0.0.1:80 --real-server 10.0.0.2 --weight 7",
        "--zero",
        "--zero --tcp-service 10.0.0.1:80",
    ] {
        assert_eq!(ipvsadm(line).ok(), "", "{line}");
    }
    let rules = "\
-A -t 10.0.0.1:80 -s wrr -p 60 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.0.0.2:81 -m -w 5
-A -u 10.0.0.1:80 -s lc
-a -u 10.0.0.1:80 -r 10.0.0.2:80 -g -w 7
-A -f 5 -6 -s dh
-a -f 5 -6 -r [fd00::2]:0 -i -w 1 --tun-type ipip
";
    assert_eq!(oracle("-Sn").ok(), rules);
    assert_eq!(ipvsadm("--save --numeric").ok(), rules);
    ipvsadm("--delete-server --tcp-service 10.0.0.1:80 --real-server 10.0.0.2:81").ok();
    ipvsadm("--delete-service --udp-service 10.0.0.1:80").ok();
    assert_eq!(oracle("-Sn").ok().lines().count(), 3);
    assert_eq!(ipvsadm("--clear").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
}

fn glued() {
    ipvsadm("-At 10.0.0.1:80 -srr -p300 -M255.255.255.0").ok();
    ipvsadm("-at 10.0.0.1:80 -r10.0.0.3:81 -m -w5").ok();
    ipvsadm("-Au10.0.0.1:53 -s wrr -o").ok();
    ipvsadm("-au10.0.0.1:53 -r10.0.0.3 -gw6").ok();
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.0.0.1:80 -s rr -p 300 -M 255.255.255.0\n\
         -a -t 10.0.0.1:80 -r 10.0.0.3:81 -m -w 5\n\
         -A -u 10.0.0.1:53 -s wrr -o\n\
         -a -u 10.0.0.1:53 -r 10.0.0.3:53 -g -w 6\n"
    );
}
