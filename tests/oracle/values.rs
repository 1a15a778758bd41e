//! Values of options: mostly valid ones, and invalid ones.

use crate::grammar::{Opt, Word, chance, pick};
use fastrand::Rng;

const V4: &[&str] = &[
    "10.0.0.1:80",
    "10.0.0.1:80",
    "10.0.0.1:443",
    "10.0.0.2:0",
    "10.0.0.2",
    "10.0.1.1:21",
    "10.0.0.3:8080",
    "192.168.1.1:1",
    "255.255.255.254:65535",
    "0.0.0.0:80",
    "10.0.0.1:53",
    "127.0.0.1:7005",
];
const V6: &[&str] = &[
    "[2001:db8::1]:80",
    "[2001:db8::1]:80",
    "[2001:db8::1]:53",
    "2001:db8::2",
    "[2001:db8::2]:0",
    "[::1]:80",
    "[2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa]:65535",
    "[::ffff:10.0.0.1]:80",
    "[2001:DB8::1]:0080",
    "::",
];
const UDP: &[&str] =
    &["10.0.0.1:53", "10.0.0.1:53", "10.0.0.7:7002", "10.0.0.1:7003", "10.0.0.9:69", "10.0.0.2"];
const SCTP: &[&str] = &["10.0.0.2:7004", "10.0.0.1:7004", "10.0.0.9:9"];
const NAMED: &[&str] = &[
    "vip:80",
    "vip.oracle.test:http",
    "vip.oracle.test",
    "both:7002",
    "both.oracle.test:80",
    "ftp:ftp",
    "10.0.0.1:http",
    "10.0.0.1:https",
    "10.0.0.1:domain",
    "10.0.0.1:oracle-tcp",
    "10.0.0.1:oracle-udp",
    "10.0.0.1:oracle-both-with-a-long-name",
    "10.0.0.2:oracle-sctp",
    "localhost:o-x",
    "[six]:80",
    "[six.oracle.test]:http",
    "six",
    "six:80",
    "[2001:db8::1]:http",
    "VIP:80",
    "Vip.Oracle.Test:80",
];
const SERVERS4: &[&str] = &[
    "10.1.0.1:80",
    "10.1.0.1:80",
    "10.1.0.1",
    "10.1.0.2:80",
    "10.1.0.2",
    "10.1.0.3:8080",
    "10.1.0.3:81",
    "10.1.0.9:65535",
    "10.1.0.1:0",
    "127.0.0.1",
    "10.1.0.2:53",
    "10.1.0.4:80",
];
const SERVERS6: &[&str] = &[
    "[2001:db8:1::1]:80",
    "[2001:db8:1::1]:80",
    "2001:db8:1::1",
    "[2001:db8:1::2]:8080",
    "[2001:db8:1::2]:0",
    "[::1]:80",
    "2001:db8:1::9",
    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
];
const SERVERS_NAMED: &[&str] = &[
    "rs1",
    "rs1:80",
    "rs1.oracle.test:http",
    "longrs:oracle-tcp",
    "longrs:oracle-udp",
    "twice:oracle-both-with-a-long-name",
    "twice.oracle.test",
    "rs6",
    "[rs6]:80",
    "rs6:80",
    "rs6.oracle.test",
    "localhost",
    "10.1.0.1:www",
    "10.1.0.1:http",
    "both:80",
];
const MARKS: &[&str] = &["1", "1", "1", "2", "3", "100", "2147483647", "7", "+1", "01"];
const SCHEDULERS: &[&str] =
    &["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"];
const SCHED_FLAGS: &[&str] = &[
    "flag-1",
    "flag-2",
    "flag-3",
    "flag-1,flag-2",
    "flag-3,flag-1",
    "sh-fallback",
    "sh-port",
    "sh-fallback,sh-port",
    "mh-fallback",
    "mh-port",
    "mh-port,mh-fallback",
    "flag-1,flag-2,flag-3",
    "sh-port,flag-3",
    "flag-1,",
    "",
    "flag-1,flag-1",
];
const MASKS: &[&str] = &[
    "255.255.255.0",
    "255.255.255.255",
    "255.255.0.0",
    "0.0.0.0",
    "255.0.255.0",
    "64",
    "128",
    "1",
    "48",
    "24",
];
const TIMEOUTS: &[&str] = &["1", "60", "300", "360", "1999999", "2678400", "+5", "010", " 7"];
const WEIGHTS: &[&str] =
    &["0", "1", "5", "10", "100", "65535", "65536", "2147483647", "+3", "007", " 2"];
const THRESHOLDS: &[&str] = &["0", "1", "5", "10", "50", "100", "2147483647", "+3", "007"];
const PORTS: &[&str] = &["1", "6080", "8848", "65535", "080", "+9"];
const BYTES: &[&str] = &["0", "1", "7", "9", "128", "255", "+3"];
const LENGTHS: &[&str] = &["1", "100", "1400", "1472", "1500", "65507", "65508", "65535", "65000"];
const GROUPS: &[&str] = &["224.0.0.81", "224.0.0.99", "239.255.255.255", "ff02::81", "ff05::1"];
const INTERFACES: &[&str] = &["lo", "d0", "d0", "lo", "nope", "averylonginterfacename"];

/// Values that few options accept, or none.
const BAD: &[&str] = &[
    "",
    " ",
    "x",
    "-",
    "--",
    "-1",
    "0",
    "00",
    "-0",
    "+",
    "0x10",
    "1e3",
    "1.5",
    "5x",
    "5 ",
    " 5",
    "\t5",
    "5\n",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "-2147483648",
    "18446744073709551616",
    "99999999999999999999999999",
    "65536",
    "65535",
    "256",
    "255",
    "129",
    "128",
    "2678401",
    "1,2",
    ",",
    ",,",
    ":",
    "::",
    ":80",
    "10.0.0.1:",
    "10.0.0.1:99999",
    "10.0.0.1:-1",
    "10.0.0.1: 80",
    "10.0.0.1:80 ",
    " 10.0.0.1:80",
    "10.0.0.1:80:80",
    "10.0.0.1:nosuchservice",
    "10.0.0.256:80",
    "10.0.0:80",
    "10:80",
    "010.0.0.1:80",
    "0x0a000001:80",
    "167772161:80",
    "1.2.3.4.5:80",
    "10.0.0.1/24",
    "*:80",
    "nosuchhost",
    "nosuchhost:80",
    "-host:80",
    "a..b:80",
    "[",
    "]",
    "[]",
    "[]:80",
    "[::1",
    "::1]",
    "::1]:80",
    "[::1]",
    "[::1]:",
    "[::1]80",
    "[::1] :80",
    "[::1]:99999",
    "[10.0.0.1]:80",
    "[vip]:80",
    "[fe80::1%lo]:80",
    "fe80::1%lo",
    "[nosuch]:80",
    "2001:db8:::1",
    "[2001:db8::g]:80",
    "::ffff:10.0.0.1",
    "255.255.255.256",
    "255.255",
    "ffff::",
    "RR",
    "Rr",
    "wl",
    "twos",
    "none",
    "averyveryverylongschedulername",
    "GUE",
    "gue ",
    "master",
    "backup",
    "Master",
    "MASTER",
    "both",
    "224.0.0.1",
    "10.0.0.1",
    "ff02::1",
    "sip",
    "SIP",
    "http",
    "domain",
    "%s",
    "%n",
    "$HOME",
    "'",
    "\"",
    "\\",
    "\\0",
    "#",
    "é",
    "10.0.0.1:80é",
];
const BAD_BYTES: &[&[u8]] = &[
    b"\xff",
    b"\xff\xfe:80",
    b"10.0.0.1:\xc3",
    b"\x80rr",
    b"\x01",
    b"\x7f",
    b"rr\xe9",
    b"10.0.0.1\xff:80",
    b"\xf0\x9f\x90",
    b"5\xa0",
    b"\x1b[31m",
    b"a\x0bb",
];

fn text(rng: &mut Rng, list: &[&str]) -> Word {
    pick(rng, list).as_bytes().to_vec()
}

/// The kind of addresses in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
    Named,
    Any,
}

fn concrete(rng: &mut Rng, family: Family) -> Family {
    match family {
        Family::Any => *pick(rng, &[Family::V4, Family::V4, Family::V4, Family::V6, Family::Named]),
        f => f,
    }
}

/// Returns a service address for the option `t`, `u` or `sctp-service`.
pub fn service(rng: &mut Rng, option: &str, family: Family) -> Word {
    match (concrete(rng, family), option) {
        (Family::V6, _) => text(rng, V6),
        (Family::Named, _) => text(rng, NAMED),
        (_, "u") if chance(rng, 80) => text(rng, UDP),
        (_, "sctp-service") if chance(rng, 80) => text(rng, SCTP),
        _ => text(rng, V4),
    }
}

pub fn server(rng: &mut Rng, family: Family) -> Word {
    match concrete(rng, family) {
        Family::V6 => text(rng, SERVERS6),
        Family::Named => text(rng, SERVERS_NAMED),
        _ => text(rng, SERVERS4),
    }
}

/// Returns a value that is mostly valid for `option`.
pub fn good(rng: &mut Rng, option: &Opt) -> Word {
    match option.long {
        "tcp-service" => service(rng, "t", Family::Any),
        "udp-service" => service(rng, "u", Family::Any),
        "sctp-service" => service(rng, "sctp-service", Family::Any),
        "fwmark-service" => text(rng, MARKS),
        "scheduler" => text(rng, SCHEDULERS),
        "persistent" => text(rng, TIMEOUTS),
        "netmask" => text(rng, MASKS),
        "pe" => text(rng, &["sip"]),
        "sched-flags" => text(rng, SCHED_FLAGS),
        "real-server" => server(rng, Family::Any),
        "tun-type" => text(rng, &["ipip", "gue", "gre"]),
        "tun-port" | "mcast-port" => text(rng, PORTS),
        "weight" => text(rng, WEIGHTS),
        "u-threshold" | "l-threshold" => text(rng, THRESHOLDS),
        "syncid" | "mcast-ttl" => text(rng, BYTES),
        "sync-maxlen" => text(rng, LENGTHS),
        "mcast-interface" => text(rng, INTERFACES),
        "mcast-group" => text(rng, GROUPS),
        "start-daemon" | "stop-daemon" => text(rng, &["master", "backup"]),
        "set" => text(rng, TIMEOUTS),
        other => panic!("{other} takes no value"),
    }
}

/// Returns a value that most options refuse.
pub fn bad(rng: &mut Rng) -> Word {
    match rng.u8(..20) {
        0..3 => pick(rng, BAD_BYTES).to_vec(),
        3 => {
            let length =
                *pick(rng, &[15, 16, 17, 31, 32, 63, 64, 127, 255, 256, 257, 1024, 4096, 60_000]);
            vec![*pick(rng, b"a19:.[ \xff"); length]
        }
        4 => {
            let length = 1 + rng.usize(..8);
            (0..length).map(|_| rng.u8(1..)).collect()
        }
        5 => rng.i64(-5_000_000_000..5_000_000_000).to_string().into_bytes(),
        _ => text(rng, BAD),
    }
}

/// Returns a mark that 1.31 shows as a negative number.
pub fn large_mark(rng: &mut Rng) -> Word {
    text(rng, &["2147483648", "4294967295", "3000000000"])
}
