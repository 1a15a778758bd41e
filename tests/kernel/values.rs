//! Bad values: status 2, a message that quotes the value, and no change.

use crate::support::{Ran, Test, ipvsadm, oracle, program, run};

pub const TESTS: &[Test] = &[
    ("values: marks", marks),
    ("values: persistence and timeouts", timeouts),
    ("values: scheduler flags", flags),
    ("values: the largest timeout", largest_timeout),
    ("values: numbers are parsed as in 1.31", lenient_numbers),
    ("values: the limits of numbers are those of 1.31", limits),
    // 1.31 does not quote these values, so it fails the tests from here on.
    ("values: addresses of services", service_addresses),
    ("values: addresses of servers", server_addresses),
    ("values: weights", weights),
    ("values: thresholds", thresholds),
    ("values: masks", masks),
    ("values: tunnels", tunnels),
    ("values: daemons", daemons),
];

/// Appends each value to `before`: the line is refused with status 2, and the value quoted.
#[track_caller]
fn refused(before: &str, values: &[&str]) {
    oracle("-C").ok();
    oracle("-A -t 10.0.0.1:80").ok();
    for value in values {
        let mut words: Vec<&str> = before.split_whitespace().collect();
        words.push(value);
        let err = run(program("ipvsadm"), &words, b"").fails(2);
        assert!(err.contains(value), "ipvsadm {before} '{value}': {err}");
    }
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
}

/// Both programs take or refuse the numbers at, below and above each limit.
fn limits() {
    let daemon = "--start-daemon master --mcast-interface lo";
    for (before, least, most) in [
        ("-A -f", 1_i64, 4294967295),
        ("-A -p 9 -t 10.0.0.2:", 0, 65535),
        ("-A -t 10.0.0.3:80 -p", 1, 2678400),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -w", 0, 2147483647),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -x", 0, 2147483647),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -x 2147483647 -y", 0, 2147483647),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port", 1, 65535),
        (&format!("{daemon} --syncid"), 0, 255),
        (&format!("{daemon} --sync-maxlen"), 1, 65507),
        (&format!("{daemon} --mcast-port"), 1, 65535),
        (&format!("{daemon} --mcast-ttl"), 1, 255),
        ("--set 0 0", 0, 2678400),
    ] {
        for value in [least - 1, least, least + 1, most - 1, most, most + 1] {
            let blank = if before.ends_with(':') { "" } else { " " };
            let line = format!("{before}{blank}{value}");
            let result = |program: fn(&str) -> Ran| {
                oracle("-C").ok();
                oracle("-A -t 10.0.0.1:80").ok();
                oracle("--set 900 120 300").ok();
                let status = program(&line).status;
                let shown = ["-Sn", "-Ln --thresholds", "-L --timeout", "-L --daemon"];
                let table = shown.map(|list| oracle(list).ok());
                oracle("--stop-daemon master");
                (status, table)
            };
            let (theirs, ours) = (result(oracle), result(ipvsadm));
            assert_eq!(ours, theirs, "{line}");
            let outside = !(least..=most).contains(&value);
            assert_eq!(theirs.0 != 0, outside, "{line}: {}", theirs.0);
        }
    }
}

fn marks() {
    refused("-A -f", &["0", "-1", "zq", "0x10", "3.5", "4294967296", "99999999999999999999"]);
    assert_eq!(ipvsadm("-A -f x").fails(2), "invalid fwmark value `x' specified\n");
}

fn timeouts() {
    refused("-A -u 10.0.0.1:80 -p", &["0", "zq", "3000000", "99999999999999999999"]);
    refused("--set 1 1", &["zq", "3000000", "99999999999999999999"]);
    let text = "invalid timeout value `x' specified\n";
    assert_eq!(ipvsadm("-A -u 10.0.0.1:80 -p x").fails(2), text);
    assert_eq!(ipvsadm("--set x 1 1").fails(2), text);
}

fn flags() {
    refused("-A -t 10.0.0.9:80 -s sh -b", &["zq", "flag-4", "SH-PORT"]);
    refused("-A -t 10.0.0.9:80 -s rr -b", &["sh-port", "sh-fallback", "mh-port", "mh-fallback"]);
    refused("-A -t 10.0.0.9:80 -s sh -b", &["mh-port"]);
    let err = ipvsadm("-A -t 10.0.0.9:80 -s sh -b sh-port,x").fails(2);
    assert_eq!(err, "invalid scheduler flag `x'\n");
    let err = ipvsadm("-A -t 10.0.0.9:80 -b sh-port").fails(2);
    assert_eq!(err, "incompatible scheduler flag `sh-port'\n");
}

/// 31 days.
fn largest_timeout() {
    ipvsadm("-A -u 10.0.0.1:80 -p 2678400").ok();
    ipvsadm("--set 2678400 1 2678400").ok();
    assert_eq!(oracle("-Sn").ok(), "-A -u 10.0.0.1:80 -s wlc -p 2678400\n");
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 2678400 1 2678400\n");
    let text = "invalid timeout value `2678401' specified\n";
    assert_eq!(ipvsadm("-A -u 10.0.0.1:81 -p 2678401").fails(2), text);
    assert_eq!(ipvsadm("--set 1 2678401 1").fails(2), text);
}

fn lenient_numbers() {
    for line in [
        "-A -t 10.0.0.1:080 -p 010 -M 0xffffff00",
        "-A -t 10.1:+81",
        "-A -f 010",
        "-A -f +5",
        "-A -u [fd00::1]:53 -p 060 -M 064",
        "-a -t 10.0.0.1:80 -r 10.0.0.2 -w 010 -x +5",
    ] {
        assert_eq!(ipvsadm(line).ok(), "", "{line}");
    }
    assert_eq!(
        oracle("-Sn").ok(),
        "-A -t 10.0.0.1:80 -s wlc -p 10 -M 255.255.255.0\n\
         -a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 10\n\
         -A -t 10.0.0.1:81 -s wlc\n\
         -A -u [fd00::1]:53 -s wlc -p 60 -M 64\n\
         -A -f 5 -s wlc\n\
         -A -f 10 -s wlc\n"
    );
}

const ADDRESSES: &[&str] = &[
    "10.0.0.300:80",
    "10.0.0.1:65536",
    "10.0.0.1:nosuchport",
    "10.0.0.1:-1",
    "10.0.0.1:0x50",
    "10.0.0.1:",
    ":80",
    "10.0.0.1:80:80",
    "no.such.host.invalid:80",
    "[fd00::zz]:80",
    "[fd00::1:80",
    "[fd00::1]:65536",
];

fn service_addresses() {
    for option in ["-A -t", "-A -u", "-D -t", "-L -t"] {
        refused(option, ADDRESSES);
    }
    refused("-A --sctp-service", &ADDRESSES[..3]);
}

fn server_addresses() {
    refused("-a -t 10.0.0.1:80 -r", ADDRESSES);
    refused("-d -t 10.0.0.1:80 -r", &ADDRESSES[..3]);
}

fn weights() {
    let values = ["zq", "-1", "5x", "0x5", "2147483648", "99999999999999999999"];
    refused("-a -t 10.0.0.1:80 -r 10.0.0.2 -w", &values);
    refused("-e -t 10.0.0.1:80 -r 10.0.0.2 -w", &values);
}

fn thresholds() {
    let values = ["zq", "-1", "5x", "2147483648", "4294967295"];
    refused("-a -t 10.0.0.1:80 -r 10.0.0.2 -x", &values);
    refused("-a -t 10.0.0.1:80 -r 10.0.0.2 -x 9 -y", &values);
}

fn masks() {
    refused("-A -t 10.0.0.9:80 -p 60 -M", &["zq", "300.1.1.1", "255.255.255.0.0"]);
    refused("-A -t [fd00::1]:80 -p 60 -M", &["zq", "0", "129", "-1", "255.255.255.0"]);
    refused("-A -f 1 -6 -p 60 -M", &["129"]);
}

fn tunnels() {
    let server = "-a -t 10.0.0.1:80 -r 10.0.0.2 -i";
    refused(&format!("{server} --tun-type"), &["zq", "GUE"]);
    refused(&format!("{server} --tun-type gue --tun-port"), &["0", "zq", "-1", "65536"]);
}

fn daemons() {
    refused("--start-daemon", &["foo"]);
    refused("--stop-daemon", &["foo"]);
    let daemon = "--start-daemon master --mcast-interface lo";
    refused(&format!("{daemon} --syncid"), &["zq", "256", "-1"]);
    refused(&format!("{daemon} --mcast-group"), &["1.1.2.3"]);
    refused(&format!("{daemon} --sync-maxlen"), &["zq", "100000"]);
    refused(&format!("{daemon} --mcast-port"), &["zq", "65536"]);
    refused(&format!("{daemon} --mcast-ttl"), &["zq", "256"]);
    assert_eq!(oracle("-L --daemon").ok(), "");
}
