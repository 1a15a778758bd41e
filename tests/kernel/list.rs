//! The output of `-L -n` and `-S -n`, byte for byte.

use crate::support::{Test, ipvsadm, ipvsadm_with, oracle, oracle_with, same_text, sh, table_size};
use std::fmt::{self, Write};
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("list: an empty table is three header lines", empty),
    ("list: no argument at all lists the table", no_argument),
    ("list: -l, -Ln, -ln, --list --numeric are the same", spellings),
    ("list: a single service has two header lines", one_service),
    ("list: a missing service", missing_service),
    ("list: every scheduler of the kernel", schedulers),
    ("list: forwarding methods", forwarding),
    ("list: own addresses as servers", own_addresses),
    ("list: long IPv6 addresses push the columns", long_addresses),
    ("list: wide weights push the columns", wide_weights),
    ("list: an IPv4 service with an IPv6 server, and the other way", mixed),
    ("list: services and servers are in numeric order", order),
    ("list: marks of 2^31 and more are unsigned", large_marks),
    ("list: 2000 services are listed whole", two_thousand),
    ("list: 300 servers of one service are listed whole", three_hundred_servers),
    ("list: the size of the connection table is the kernel's", size),
];

/// The header lines of a list, with the size of the kernel's table.
pub const HEAD: Head = Head;

pub struct Head;

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "IP Virtual Server version 1.2.1 (size={})\n\
             Prot LocalAddress:Port Scheduler Flags\n  \
             -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
            table_size()
        )
    }
}

fn empty() {
    assert_eq!(ipvsadm("-L -n").ok(), HEAD.to_string());
    assert_eq!(ipvsadm("-L").ok(), HEAD.to_string());
    assert_eq!(ipvsadm("-S -n").ok(), "");
}

fn no_argument() {
    oracle("-A -t 10.0.0.1:9").ok();
    let out = ipvsadm("").ok();
    assert_eq!(out, oracle("").ok());
    assert_eq!(out, format!("{HEAD}TCP  10.0.0.1:discard wlc\n"));
}

fn spellings() {
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    let expected = format!("{HEAD}TCP  10.0.0.1:80 rr\n");
    for line in ["-L -n", "-l -n", "-Ln", "-ln", "-n -L", "--list --numeric", "--list -n"] {
        if line == "-n -L" {
            // The command must come first; 1.31 prints only "Try ...".
            let err = ipvsadm(line).fails(255);
            assert!(err.contains("Try `"), "{err}");
        } else {
            assert_eq!(ipvsadm(line).ok(), expected, "{line}");
        }
    }
}

fn one_service() {
    sh("/usr/sbin/ipvsadm -A -t 10.0.0.1:80; /usr/sbin/ipvsadm -a -t 10.0.0.1:80 -r 10.0.0.9
        /usr/sbin/ipvsadm -A -t 10.0.0.2:80; /usr/sbin/ipvsadm -A -u 10.0.0.1:80");
    for line in ["-L -n -t 10.0.0.1:80", "-Lnt 10.0.0.1:80", "-L -t 10.0.0.1:80 -n"] {
        assert_eq!(
            ipvsadm(line).ok(),
            "Prot LocalAddress:Port Scheduler Flags\n  \
             -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
             TCP  10.0.0.1:80 wlc\n  \
             -> 10.0.0.9:80                  Route   1      0          0         \n",
            "{line}"
        );
    }
}

fn missing_service() {
    oracle("-A -t 10.0.0.1:80").ok();
    for v in ["-t 10.0.0.2:80", "-t 10.0.0.1:81", "-u 10.0.0.1:80", "-f 1", "-t [fd00::1]:80"] {
        assert_eq!(ipvsadm(&format!("-L -n {v}")).fails(1), "No such service\n", "{v}");
    }
}

fn schedulers() {
    let all =
        ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"];
    let mut rows = String::new();
    let mut rules = String::new();
    for (i, s) in all.iter().enumerate() {
        let port = 1000 + i;
        assert_eq!(ipvsadm(&format!("-A -t 10.0.0.1:{port} -s {s}")).ok(), "");
        writeln!(rows, "TCP  10.0.0.1:{port} {s}").unwrap();
        writeln!(rules, "-A -t 10.0.0.1:{port} -s {s}").unwrap();
    }
    let rows = format!("{HEAD}{rows}");
    assert_eq!(oracle("-Ln").ok(), rows);
    assert_eq!(ipvsadm("-Ln").ok(), rows);
    assert_eq!(ipvsadm("-Sn").ok(), rules);
}

fn forwarding() {
    oracle_with(
        "-R",
        "-A -t 10.0.0.1:80
         -a -t 10.0.0.1:80 -r 10.0.0.10 -g
         -a -t 10.0.0.1:80 -r 10.0.0.11 -i
         -a -t 10.0.0.1:80 -r 10.0.0.12 -m
         -a -t 10.0.0.1:80 -r 10.0.0.13:8080 -m
         -a -t 10.0.0.1:80 -r 10.0.0.14:8080 -g
         -a -t 10.0.0.1:80 -r 10.0.0.15",
    )
    .ok();
    let rows = "TCP  10.0.0.1:80 wlc\n  \
        -> 10.0.0.10:80                 Route   1      0          0         \n  \
        -> 10.0.0.11:80                 Tunnel  1      0          0         \n  \
        -> 10.0.0.12:80                 Masq    1      0          0         \n  \
        -> 10.0.0.13:8080               Masq    1      0          0         \n  \
        -> 10.0.0.14:80                 Route   1      0          0         \n  \
        -> 10.0.0.15:80                 Route   1      0          0         \n";
    assert_eq!(ipvsadm("-Ln").ok(), format!("{HEAD}{rows}"));
}

/// This kernel keeps the requested method, and never answers Local.
fn own_addresses() {
    sh("ip addr add 10.0.0.7/32 dev lo");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.1:80
         -a -t 10.0.0.1:80 -r 10.0.0.7 -g
         -a -t 10.0.0.1:80 -r 127.0.0.1 -m
         -a -t 10.0.0.1:80 -r 127.0.0.2:99 -i",
    )
    .ok();
    let out = ipvsadm("-Ln").ok();
    assert_eq!(out, oracle("-Ln").ok());
    assert_eq!(
        out,
        format!(
            "{HEAD}TCP  10.0.0.1:80 wlc\n  \
            -> 10.0.0.7:80                  Route   1      0          0         \n  \
            -> 127.0.0.1:80                 Masq    1      0          0         \n  \
            -> 127.0.0.2:80                 Tunnel  1      0          0         \n"
        )
    );
}

fn long_addresses() {
    let v = "-t [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
    ipvsadm(&format!("-A {v} -s rr")).ok();
    ipvsadm(&format!("-a {v} -r [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff00]:65535 -m")).ok();
    ipvsadm(&format!("-a {v} -r [2001:db7:0:0:0:0:0:1]:65535")).ok();
    ipvsadm(&format!("-a {v} -r [::1]:1 -g -w 2")).ok();
    assert_eq!(
        ipvsadm("-Ln").ok(),
        format!(
            "{HEAD}TCP  [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535 rr\n  \
            -> [::1]:65535                  Route   2      0          0         \n  \
            -> [2001:db7::1]:65535          Route   1      0          0         \n  \
            -> [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff00]:65535 Masq    1      0          0         \n"
        )
    );
    assert_eq!(ipvsadm("-Ln").ok(), oracle("-Ln").ok());
}

fn wide_weights() {
    ipvsadm("-A -t 10.0.0.1:80 -s wrr").ok();
    for (host, weight) in [(1, "0"), (2, "65535"), (3, "1000000"), (4, "2147483647")] {
        ipvsadm(&format!("-a -t 10.0.0.1:80 -r 192.168.255.20{host} -w {weight}")).ok();
    }
    assert_eq!(
        ipvsadm("-Ln").ok(),
        format!(
            "{HEAD}TCP  10.0.0.1:80 wrr\n  \
            -> 192.168.255.201:80           Route   0      0          0         \n  \
            -> 192.168.255.202:80           Route   65535  0          0         \n  \
            -> 192.168.255.203:80           Route   1000000 0          0         \n  \
            -> 192.168.255.204:80           Route   2147483647 0          0         \n"
        )
    );
}

fn mixed() {
    ipvsadm("-A -t 10.0.0.1:80").ok();
    ipvsadm("-a -t 10.0.0.1:80 -r fd00::2 -i").ok();
    ipvsadm("-A -t [fd00::1]:80").ok();
    ipvsadm("-a -t [fd00::1]:80 -r 10.0.0.2 -i").ok();
    assert_eq!(
        ipvsadm("-Ln").ok(),
        format!(
            "{HEAD}TCP  10.0.0.1:80 wlc\n  \
            -> [fd00::2]:80                 Tunnel  1      0          0         \n\
            TCP  [fd00::1]:80 wlc\n  \
            -> 10.0.0.2:80                  Tunnel  1      0          0         \n"
        )
    );
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.0.0.1:80 -s wlc\n\
         -a -t 10.0.0.1:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip\n\
         -A -t [fd00::1]:80 -s wlc\n\
         -a -t [fd00::1]:80 -r 10.0.0.2:80 -i -w 1 --tun-type ipip\n"
    );
}

fn order() {
    let rules = "\
-A -t 9.0.0.1:8080 -s wlc
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 9.0.0.9:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.2:79 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.2:443 -m -w 1
-a -t 10.0.0.1:80 -r 10.0.0.10:80 -m -w 1
-a -t 10.0.0.1:80 -r 100.0.0.1:80 -m -w 1
-A -t 10.0.0.1:443 -s wlc
-A -t 10.0.0.2:80 -s wlc
-A -t 10.0.0.10:80 -s wlc
-A -t 100.0.0.1:80 -s wlc
-A -u 9.0.0.1:53 -s wlc
-A -u 10.0.0.1:53 -s wlc
-A --sctp-service 9.0.0.1:7 -s wlc
-A -t [fd00::2]:80 -s wlc
-A -t [fd00::2]:443 -s wlc
-A -t [fd00::10]:80 -s wlc
-A -t [fd01::1]:80 -s wlc
-A -u [fd00::1]:53 -s wlc
-A -f 1 -s wlc
-A -f 2 -s wlc
-A -f 2 -6 -s wlc
-A -f 10 -6 -s wlc
-A -f 100 -s wlc
";
    // Loaded in another order: services backwards, each before its servers.
    let mut lines: Vec<&str> = rules.lines().rev().collect();
    lines.sort_by_key(|l| l.starts_with("-a"));
    oracle_with("-R", &lines.join("\n")).ok();
    assert_eq!(ipvsadm("-Sn").ok(), rules);
    assert_eq!(ipvsadm("-Ln").ok(), oracle("-Ln").ok());
}

/// 1.31 lists these as negative numbers, which it cannot read back.
fn large_marks() {
    for mark in ["2147483647", "2147483648", "4294967295"] {
        ipvsadm(&format!("-A -f {mark}")).ok();
    }
    ipvsadm("-A -f 4026531840 -6").ok();
    ipvsadm("-a -f 4294967295 -r 10.0.0.2 -m").ok();
    let saved = ipvsadm("-Sn").ok();
    let mut sorted: Vec<&str> = saved.lines().collect();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "-A -f 2147483647 -s wlc",
            "-A -f 2147483648 -s wlc",
            "-A -f 4026531840 -6 -s wlc",
            "-A -f 4294967295 -s wlc",
            "-a -f 4294967295 -r 10.0.0.2:0 -m -w 1",
        ]
    );
    let listed = ipvsadm("-Ln").ok();
    for row in ["FWM  2147483648 wlc\n", "FWM  4026531840 IPv6 wlc\n", "FWM  4294967295 wlc\n"] {
        assert!(listed.contains(row), "{listed}");
    }
    ipvsadm("-C").ok();
    ipvsadm_with("-R", &saved).ok();
    // The order of marks this far apart depends on the order of input.
    let again = ipvsadm("-Sn").ok();
    let mut resorted: Vec<&str> = again.lines().collect();
    resorted.sort_unstable();
    assert_eq!(resorted, sorted);
}

fn two_thousand() {
    let mut rules = String::new();
    let mut rows = String::new();
    for i in 0..2000 {
        let (a, b) = (i / 200, i % 200);
        writeln!(rules, "-A -t 10.1.{a}.{b}:80 -s rr").unwrap();
        writeln!(rules, "-a -t 10.1.{a}.{b}:80 -r 10.2.{a}.{b}:80 -m -w {i}").unwrap();
        writeln!(rows, "TCP  10.1.{a}.{b}:80 rr").unwrap();
        let server = format!("10.2.{a}.{b}:80");
        writeln!(rows, "  -> {server:<28} Masq    {i:<6} 0          0         ").unwrap();
    }
    assert_eq!(ipvsadm_with("-R", &rules).ok(), "");
    same_text(&ipvsadm("-Ln").ok(), &format!("{HEAD}{rows}"));
    same_text(&ipvsadm("-Sn").ok(), &rules);
    // Time a program that only receives the kernel's dumps, and another reader.
    same_text(&oracle("-Sn").ok(), &rules);
}

fn three_hundred_servers() {
    let mut rules = "-A -u 10.0.0.1:53 -s wrr\n".to_string();
    for i in 0..300 {
        let host = format!("10.2.{}.{}", i / 100, i % 100);
        writeln!(rules, "-a -u 10.0.0.1:53 -r {host}:53 -g -w {i}").unwrap();
    }
    assert_eq!(ipvsadm_with("-R", &rules).ok(), "");
    same_text(&ipvsadm("-Sn").ok(), &rules);
    same_text(&ipvsadm("-Ln").ok(), &oracle("-Ln").ok());
}

/// Before Linux 7.1 a parameter of the module decides.
fn size() {
    let shown = oracle("-L -n").ok();
    assert_eq!(ipvsadm("-L -n").ok(), shown);
    if !Path::new("/proc/net/ip_vs_status").exists() {
        let bits = sh("cat /sys/module/ip_vs/parameters/conn_tab_bits");
        let size = 1u32 << bits.trim().parse::<u32>().expect("a number of bits");
        assert_eq!(table_size(), size.to_string());
    }
    oracle("-A -f 1").ok();
    assert_eq!(ipvsadm("-L -n").ok(), oracle("-L -n").ok());
}
