//! Names of hosts and services on input and, without -n, on output. The machine's own /etc/hosts is
//! changed only in the lab, where it is a copy in memory.

use crate::list::HEAD;
use crate::support::{Test, in_lab, ipvsadm, ipvsadm_with, oracle, oracle_with, same_text, sh};
use std::fs::OpenOptions;
use std::io::Write;

pub const TESTS: &[Test] = &[
    ("names: localhost:http is resolved", localhost),
    ("names: hosts in /etc/hosts are resolved", hosts_in),
    ("names: service names depend on the protocol", services_in),
    ("names: without -n, names are shown", names_out),
    ("names: long names are cut in a list, not in a save", long_names),
    ("names: IPv6 names stand in brackets", ipv6_names),
    ("names: a port without a name stays a number", nameless_ports),
    ("names: -n shows numbers only", numeric),
    ("names: a save with names is read back", save_with_names),
    ("names: more services than one group", many),
];

/// Adds a line to /etc/hosts. Tests share the file, so each uses names and addresses of its own.
fn host(line: &str) {
    assert!(in_lab(), "this test writes /etc/hosts, so it runs in the lab only");
    let mut file = OpenOptions::new().append(true).open("/etc/hosts").expect("/etc/hosts");
    file.write_all(format!("{line}\n").as_bytes()).expect("/etc/hosts can be written");
}

fn localhost() {
    assert_eq!(ipvsadm("-A -t localhost:http").ok(), "");
    assert_eq!(ipvsadm("-a -t localhost:http -r localhost:8080 -m").ok(), "");
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 127.0.0.1:80 -s wlc\n-a -t 127.0.0.1:80 -r 127.0.0.1:8080 -m -w 1\n"
    );
    assert_eq!(ipvsadm("-E -t localhost:http -s rr").ok(), "");
    assert_eq!(ipvsadm("-d -t localhost:http -r localhost:8080").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "-A -t 127.0.0.1:80 -s rr\n");
    assert_eq!(ipvsadm("-D -t localhost:http").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
}

fn hosts_in() {
    host("10.77.1.1 vip-in.test\n10.77.1.2 real-in.test real-in");
    ipvsadm("-A -t vip-in.test:https").ok();
    ipvsadm("-a -t vip-in.test:https -r real-in").ok();
    ipvsadm("-A -u vip-in.test -p").ok();
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.77.1.1:443 -s wlc\n\
         -a -t 10.77.1.1:443 -r 10.77.1.2:443 -g -w 1\n\
         -A -u 10.77.1.1:0 -s wlc -p 360\n"
    );
}

fn services_in() {
    ipvsadm("-A -t 10.0.0.1:domain").ok();
    ipvsadm("-A -u 10.0.0.1:domain").ok();
    ipvsadm("-A -u 10.0.0.1:tftp").ok();
    ipvsadm("-a -u 10.0.0.1:tftp -r 10.0.0.2:ntp -m").ok();
    ipvsadm("-A -t [fd00::1]:https").ok();
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.0.0.1:53 -s wlc\n\
         -A -u 10.0.0.1:53 -s wlc\n\
         -A -u 10.0.0.1:69 -s wlc\n\
         -a -u 10.0.0.1:69 -r 10.0.0.2:123 -m -w 1\n\
         -A -t [fd00::1]:443 -s wlc\n"
    );
    // http is a name for TCP only.
    for line in ["-A -u 10.0.0.1:http", "-A -t 10.0.0.1:tftp"] {
        assert_ne!(ipvsadm(line).fails(2), "", "{line}");
    }
}

fn names_out() {
    host("10.77.2.1 vip-out.test\n10.77.2.2 real-out.test");
    oracle_with(
        "-R",
        "-A -t 10.77.2.1:80
         -a -t 10.77.2.1:80 -r 10.77.2.2:443 -m
         -a -t 10.77.2.1:80 -r 10.77.2.3:80
         -A -u 10.77.2.1:53
         -A --sctp-service 10.77.2.1:53
         -A -f 5
         -a -f 5 -r 10.77.2.2",
    )
    .ok();
    let rows = "TCP  vip-out.test:http wlc\n  \
        -> real-out.test:https          Masq    1      0          0         \n  \
        -> 10.77.2.3:http               Route   1      0          0         \n\
        UDP  vip-out.test:domain wlc\n\
        SCTP vip-out.test:53 wlc\n\
        FWM  5 wlc\n  \
        -> real-out.test:0              Route   1      0          0         \n";
    assert_eq!(ipvsadm("-L").ok(), format!("{HEAD}{rows}"));
    assert_eq!(
        ipvsadm("-L -u vip-out.test:domain").ok(),
        format!("{}UDP  vip-out.test:domain wlc\n", HEAD.to_string().split_once('\n').unwrap().1)
    );
    assert_eq!(
        ipvsadm("-S").ok(),
        "-A -t vip-out.test:http -s wlc\n\
         -a -t vip-out.test:http -r real-out.test:https -m -w 1\n\
         -a -t vip-out.test:http -r 10.77.2.3:http -g -w 1\n\
         -A -u vip-out.test:domain -s wlc\n\
         -A --sctp-service vip-out.test:53 -s wlc\n\
         -A -f 5 -s wlc\n\
         -a -f 5 -r real-out.test:0 -g -w 1\n"
    );
}

fn long_names() {
    host("10.77.3.1 www.some.very.long.name.example.test\n10.77.3.2 a.name.of.28.characters.test");
    oracle_with(
        "-R",
        "-A -t 10.77.3.1:2049\n-a -t 10.77.3.1:2049 -r 10.77.3.1:2049\n-a -t 10.77.3.1:2049 -r 10.77.3.2:80 -m",
    )
    .ok();
    let rows = "TCP  www.some.very.long.name.exam wlc\n  \
        -> www.some.very.long.name.exam Route   1      0          0         \n  \
        -> a.name.of.28.characters.test Masq    1      0          0         \n";
    assert_eq!(ipvsadm("-L").ok(), format!("{HEAD}{rows}"));
    let v = "www.some.very.long.name.example.test:nfs";
    assert_eq!(
        ipvsadm("-S").ok(),
        format!(
            "-A -t {v} -s wlc\n-a -t {v} -r {v} -g -w 1\n-a -t {v} -r a.name.of.28.characters.test:http -m -w 1\n"
        )
    );
}

fn ipv6_names() {
    host("fd00:77::1 vip6.test\nfd00:77::2 real6-with-a-long-name.example.test");
    oracle("-A -t [fd00:77::1]:80").ok();
    oracle("-a -t [fd00:77::1]:80 -r [fd00:77::2]:443 -m").ok();
    oracle("-a -t [fd00:77::1]:80 -r [fd00:77::3]:4443 -m").ok();
    let list = ipvsadm("-L").ok();
    assert_eq!(list, oracle("-L").ok());
    assert!(list.contains("\nTCP  [vip6.test]:http wlc\n"), "{list}");
    assert!(
        list.ends_with("  -> [fd00:77::3]:4443            Masq    1      0          0         \n"),
        "{list}"
    );
}

fn nameless_ports() {
    oracle("-A -t 10.0.0.1:65000").ok();
    oracle("-A -t 10.0.0.1:0 -p").ok();
    assert_eq!(
        ipvsadm("-L").ok(),
        format!("{HEAD}TCP  10.0.0.1:0 wlc persistent 360\nTCP  10.0.0.1:65000 wlc\n")
    );
}

fn numeric() {
    host("10.77.4.1 numeric.test");
    ipvsadm("-A -t numeric.test:http").ok();
    for line in ["-L -n", "-Ln", "-L --numeric", "-l -n"] {
        assert_eq!(ipvsadm(line).ok(), format!("{HEAD}TCP  10.77.4.1:80 wlc\n"), "{line}");
    }
    assert_eq!(ipvsadm("-S -n").ok(), "-A -t 10.77.4.1:80 -s wlc\n");
}

fn save_with_names() {
    host("10.77.5.1 vip-save.test\n10.77.5.2 real-save.test");
    let rules = "-A -t 10.77.5.1:80 -s rr\n-a -t 10.77.5.1:80 -r 10.77.5.2:443 -m -w 3\n";
    oracle_with("-R", rules).ok();
    let saved = ipvsadm("-S").ok();
    assert_eq!(
        saved,
        "-A -t vip-save.test:http -s rr\n-a -t vip-save.test:http -r real-save.test:https -m -w 3\n"
    );
    sh("/usr/sbin/ipvsadm -C");
    ipvsadm_with("-R", &saved).ok();
    assert_eq!(oracle("-Sn").ok(), rules);
}

/// Services are shown in groups of some hundred; none is lost or repeated between two groups.
fn many() {
    host("10.77.6.1 real-many.test");
    for count in [255, 256, 257, 513] {
        let rules: String = (1..=count)
            .map(|n| format!("-A -f {n} -s rr\n-a -f {n} -r 10.77.6.1:0 -g -w {n}\n"))
            .collect();
        ipvsadm("-C").ok();
        ipvsadm_with("-R", &rules).ok();
        let (list, save) = (ipvsadm("-L").ok(), ipvsadm("-S").ok());
        assert_eq!(list.matches("  -> real-many.test:0 ").count(), count, "{list}");
        same_text(&list, &oracle("-L").ok());
        same_text(&save, &rules.replace("10.77.6.1", "real-many.test"));
        same_text(&save, &oracle("-S").ok());
    }
}
