//! Programs that only read the table: munin, Diamond, icinga's check_ipvs, sosreport, and `watch`.

use crate::counters::Shim;
use crate::lab::{Place, assert_same, privately, shell, with_ours_at_sbin};
use crate::support::{Ran, Test, ipvsadm, ipvsadm_with, oracle, program, run, sh};
use std::path::Path;

pub const TESTS: &[Test] = &[
    ("munin_cps", || with_ours_at_sbin(munin)),
    ("munin_without_permission", || with_ours_at_sbin(munin_without_permission)),
    ("diamond_collector", || with_ours_at_sbin(diamond)),
    ("icinga_check_ipvs", || with_ours_at_sbin(icinga)),
    ("sosreport_plugin", || privately(sosreport)),
    ("swarm_and_kube_by_hand", || with_ours_at_sbin(by_hand)),
];

const TABLE: &str = "\
-A -t 10.0.0.100:80 -s rr
-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 5
-a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 0
-A -u 10.0.0.100:53 -s wlc
-a -u 10.0.0.100:53 -r 10.0.0.11:5353 -m
";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Parses a number with a suffix as munin does.
fn munin_number(word: &str) -> u64 {
    let (digits, factor) = match word.as_bytes().last() {
        Some(b'K') => (&word[..word.len() - 1], 1_000),
        Some(b'M') => (&word[..word.len() - 1], 1_000_000),
        Some(b'G') => (&word[..word.len() - 1], 1_000_000_000),
        Some(b'T') => (&word[..word.len() - 1], 1_000_000_000_000),
        _ => (word, 1),
    };
    digits.parse::<u64>().unwrap_or_else(|_| panic!("{word}")) * factor
}

fn munin(place: &Place) {
    ipvsadm_with("-R", TABLE).ok();
    let shim = Shim::build(place.path());
    // Conns of port 80 is the element 81 mod 5 of `numbers`; that of the server on 5353 is 5354 mod 5.
    let numbers = [7, 123_456_789_012, 99_999_999, 100_000_000, 1_234_567_890_123_456];
    let ran = shim.run(Path::new("/usr/sbin/ipvsadm"), "-L -n --stats", &numbers);
    assert_eq!(ran.status, 0);
    let mut services = Vec::new();
    let mut servers = Vec::new();
    for line in ran.out.lines() {
        match words(line)[..] {
            [protocol @ ("TCP" | "UDP"), address, connections, ..] => {
                services.push((protocol, address, munin_number(connections)));
            }
            ["->", address, connections, ..]
                if connections.ends_with(|c: char| c.is_ascii_digit()) =>
            {
                servers.push((address, munin_number(connections)));
            }
            _ => {}
        }
    }
    assert_eq!(
        services,
        [
            ("TCP", "10.0.0.100:80", 123_000_000_000),
            ("UDP", "10.0.0.100:53", 1_234_000_000_000_000),
        ]
    );
    assert_eq!(servers.len(), 0, "{}", ran.out);
    // One number with each suffix, and the largest without one.
    let row = words(ran.out.lines().nth(3).expect("a service"));
    assert_eq!(row[2..], ["123G", "99999999", "100000K", "1234T", "7"]);
}

fn munin_without_permission(_: &Place) {
    let as_nobody = |line: &str| {
        run(
            "setpriv",
            &["--reuid=65534", "--regid=65534", "--clear-groups", "--", "/bin/sh", "-c", line],
            b"",
        )
    };
    let ran = as_nobody("/sbin/ipvsadm -L -n --stats");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("Permission denied"), "{}", ran.err);
    // A missing program is status 127 in the shell.
    let ran = as_nobody("/sbin/ipvsadm-is-missing -L -n --stats");
    assert_eq!(ran.status, 127);
    assert_eq!(shell("/sbin/ipvsadm -L -n --stats").status, 0);
}

fn diamond(place: &Place) {
    ipvsadm_with("-R", TABLE).ok();
    let shim = Shim::build(place.path());
    let numbers = [7, 4_000_000_000, 99_999_999, 100_000_000, 3];
    let ran =
        shim.run(Path::new("/usr/sbin/ipvsadm"), "--list --stats --numeric --exact", &numbers);
    assert_eq!(ran.status, 0);
    let collected = |output: &str, columns: std::ops::RangeInclusive<usize>| {
        let mut external = String::new();
        let mut all = Vec::new();
        for line in output.lines().skip(3) {
            let row = words(line);
            let name = match row[0] {
                "->" => format!("{external} {}", row[1]),
                protocol => {
                    external = format!("{protocol} {}", row[1]);
                    if row.len() < 7 {
                        continue; // a service has no numbers in a plain list
                    }
                    format!("{external} total")
                }
            };
            let numbers: Vec<u64> =
                columns.clone().map(|c| row[c].parse().expect("int()")).collect();
            all.push((name, numbers));
        }
        all
    };
    let port_80 = vec![4_000_000_000, 99_999_999, 100_000_000, 3, 7];
    let port_53 = vec![3, 7, 4_000_000_000, 99_999_999, 100_000_000];
    assert_eq!(
        collected(&ran.out, 2..=6),
        [
            ("TCP 10.0.0.100:80 total".to_owned(), port_80.clone()),
            ("TCP 10.0.0.100:80 10.0.0.11:80".to_owned(), port_80.clone()),
            ("TCP 10.0.0.100:80 10.0.0.12:80".to_owned(), port_80),
            ("UDP 10.0.0.100:53 total".to_owned(), port_53.clone()),
            ("UDP 10.0.0.100:53 10.0.0.11:5353".to_owned(), port_53),
        ]
    );
    // Active and inactive connections are the elements 80 and 81, or 5353 and 5354, mod 5 of `numbers`.
    let ran = shim.run(Path::new("/usr/sbin/ipvsadm"), "--list --numeric", &numbers);
    assert_eq!(ran.status, 0);
    assert_eq!(
        collected(&ran.out, 4..=5),
        [
            ("TCP 10.0.0.100:80 10.0.0.11:80".to_owned(), vec![7, 4_000_000_000]),
            ("TCP 10.0.0.100:80 10.0.0.12:80".to_owned(), vec![7, 4_000_000_000]),
            ("UDP 10.0.0.100:53 10.0.0.11:5353".to_owned(), vec![100_000_000, 3]),
        ]
    );
}

fn icinga(_: &Place) {
    ipvsadm_with("-R", TABLE).ok();
    // Two header lines, then: arrow, address:port, method, and three numbers to the end of the line.
    let servers = |output: &str| {
        let mut found = Vec::new();
        for line in output.lines() {
            let Some(rest) = line.strip_prefix("  -> ") else { continue };
            let row = words(rest);
            let [server, method, numbers @ ..] = &row[..] else { continue };
            if numbers.len() == 3 && numbers.iter().all(|n| n.bytes().all(|b| b.is_ascii_digit())) {
                let (address, port) = server.rsplit_once(':').expect("address:port");
                found.push(format!("{address} {port} {method} {}", numbers.join(" ")));
            }
        }
        found
    };
    let list = shell("ipvsadm -L -n -t 10.0.0.100:80").ok();
    assert_eq!(list.lines().count(), 5, "{list}");
    assert_eq!(servers(&list), ["10.0.0.11 80 Route 5 0 0", "10.0.0.12 80 Route 0 0 0"]);
    let ran = shell("ipvsadm -L -n -t 10.0.0.200:80");
    assert_eq!((ran.status, ran.out.as_str(), ran.err.trim()), (1, "", "No such service"));
}

fn sosreport(_: &Place) {
    ipvsadm_with("-R", TABLE).ok();
    ipvsadm("--set 901 121 301").ok();
    for list in [
        "-Ln",
        "-Ln --connection",
        "-Ln --persistent-conn",
        "-Ln --rate",
        "-Ln --stats",
        "-Ln --thresholds",
        "-Ln --timeout",
    ] {
        let ours = ipvsadm(list);
        assert_same(list, &ours, &oracle(list));
        let first = ours.ok();
        let header = match list {
            "-Ln --timeout" => "Timeout (tcp tcpfin udp): 901 121 301\n",
            "-Ln --connection" => {
                "IPVS connection entries\n\
                 pro expire state       source             virtual            destination\n"
            }
            _ => "IP Virtual Server version 1.2.1 (size=4096)\n",
        };
        assert!(first.starts_with(header), "{list}: {first}");
    }
}

fn by_hand(_: &Place) {
    // Docker's routing mesh: a service by mark in a namespace named ingress_sbox.
    sh("ip netns add ingress_sbox; ip -n ingress_sbox link set lo up");
    let inside = |line: &str| shell(&format!("ip netns exec ingress_sbox {line}"));
    let outcome = std::panic::catch_unwind(|| {
        inside("ipvsadm -A -f 256 -s rr").ok();
        inside("ipvsadm -a -f 256 -r 10.255.0.5 -m").ok();
        assert_eq!(
            inside("ipvsadm -L").ok(),
            "IP Virtual Server version 1.2.1 (size=4096)\n\
             Prot LocalAddress:Port Scheduler Flags\n\
             \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
             FWM  256 rr\n\
             \x20 -> 10.255.0.5:0                 Masq    1      0          0         \n"
        );
        inside("ipvsadm --clear").ok();
        assert_eq!(inside("ipvsadm -Sn").ok(), "");
    });
    sh("ip netns del ingress_sbox");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }

    // kube-proxy's tables: `watch` shows a service once a second.
    ipvsadm_with("-R", TABLE).ok();
    let ran: Ran = shell(
        "COLUMNS=100 LINES=30 TERM=vt100 timeout 1.5 watch -n 1 -t ipvsadm -Ln -t 10.0.0.100:80",
    );
    let seen: String = ran.out.chars().filter(|c| *c != '\r').collect();
    for piece in ["TCP  10.0.0.100:80 rr", "-> 10.0.0.11:80", "Route   5"] {
        assert!(seen.contains(piece), "{piece}: {seen:?}");
    }
    assert_eq!(
        run(program("ipvsadm"), &["-Ln", "-t", "10.0.0.100:80"], b"").ok(),
        "Prot LocalAddress:Port Scheduler Flags\n\
         \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
         TCP  10.0.0.100:80 rr\n\
         \x20 -> 10.0.0.11:80                 Route   5      0          0         \n\
         \x20 -> 10.0.0.12:80                 Route   0      0          0         \n"
    );
}
