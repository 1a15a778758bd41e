//! Every list equals that of 1.31 byte for byte: empty, one service, five thousand, names, every kind of entry.

use crate::lab::{Place, assert_same, privately};
use crate::support::{Test, ipvsadm, ipvsadm_with, oracle};

pub const TESTS: &[Test] = &[
    ("list_of_an_empty_table", empty_table),
    ("list_of_one_service", one_service),
    ("list_of_every_kind", every_kind),
    ("list_of_5000_services", five_thousand),
    ("list_with_names", || privately(names)),
    ("list_of_daemons_and_timeouts", daemons_and_timeouts),
    ("list_of_a_missing_service", missing_service),
];

const VIEWS: &[&str] = &[
    "",
    "-n",
    "-n --exact",
    "-n --stats",
    "-n --stats --exact",
    "-n --rate",
    "-n --thresholds",
    "-n --persistent-conn",
    "-n --tun-info",
    "-n --nosort",
    "-n --sort",
    "-n --stats --rate",
    "-n --thresholds --nosort",
    "-n --tun-info --exact",
];

/// Checks that both programs print the same in all views of the table.
#[track_caller]
fn all_views_agree() {
    for view in VIEWS {
        let line = format!("-L {view}");
        let theirs = oracle(&line);
        assert_eq!(theirs.status, 0, "{line}: {}", theirs.err);
        assert_same(&line, &ipvsadm(&line), &theirs);
    }
    assert_same("-S -n", &without_thresholds(ipvsadm("-S -n")), &oracle("-S -n"));
}

/// Removes the thresholds from a save: ours has them, 1.31's does not.
fn without_thresholds(mut ran: crate::support::Ran) -> crate::support::Ran {
    ran.out = ran
        .out
        .lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if let Some(at) = words.iter().position(|w| *w == "-x") {
                words.drain(at..at + 4);
            }
            words.join(" ") + "\n"
        })
        .collect();
    ran
}

fn empty_table() {
    all_views_agree();
    assert_eq!(oracle("-Ln").ok().lines().count(), 3);
    for line in ["", "-l", "-S", "-Lc", "-Lnc", "-L --timeout", "-L --daemon", "-C", "-Z", "--save"]
    {
        assert_same(line, &ipvsadm(line), &oracle(line));
    }
}

fn one_service() {
    ipvsadm("-A -t 10.0.0.100:80 -s rr").ok();
    all_views_agree();
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.11:80").ok();
    all_views_agree();
    assert_eq!(oracle("-Ln").ok().lines().count(), 5);
    for view in VIEWS {
        let line = format!("-L -t 10.0.0.100:80 {view}");
        assert_same(&line, &ipvsadm(&line), &oracle(&line));
    }
}

/// Every scheduler flag, persistence, mask, family, protocol, method and tunnel.
pub const EVERY_KIND: &str = "\
-A -t 10.0.0.100:80 -s rr
-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g
-a -t 10.0.0.100:80 -r 10.0.0.12:80 -i
-a -t 10.0.0.100:80 -r 10.0.0.13:80 -i --tun-type gue --tun-port 5555
-a -t 10.0.0.100:80 -r 10.0.0.14:80 -i --tun-type gue --tun-port 5556 --tun-csum
-a -t 10.0.0.100:80 -r 10.0.0.15:80 -i --tun-type gue --tun-port 65535 --tun-remcsum
-a -t 10.0.0.100:80 -r 10.0.0.16:80 -i --tun-type gre
-a -t 10.0.0.100:80 -r 10.0.0.17:80 -i --tun-type gre --tun-csum
-a -t 10.0.0.100:80 -r 127.0.0.1:80 -g -w 2147483647
-a -t 10.0.0.100:80 -r 10.0.0.9:8080 -m -w 0 -x 2147483647 -y 2147483646
-A -t 10.0.0.100:8080 -s wlc -p
-A -t 10.0.0.100:443 -s wrr -p 86400 -M 255.255.255.0
-a -t 10.0.0.100:443 -r 10.0.0.11 -m -w 100 -x 20 -y 10
-A -u 10.0.0.100:53 -s sh -b sh-fallback,sh-port -o
-A -u 10.0.0.100:5060 -s rr -p 60 --pe sip
-A --sctp-service 10.0.0.100:9 -s mh -b mh-fallback,mh-port
-a --sctp-service 10.0.0.100:9 -r 10.0.0.11:9 -m
-A -t 10.0.0.100:0 -s lblc -p 100
-A -t 255.255.255.254:65535 -s lblcr
-A -t 9.255.0.1:1 -s dh
-A -t [fd00::100]:80 -s sed
-a -t [fd00::100]:80 -r [fd00::11]:8080 -m
-a -t [fd00::100]:80 -r [fd00:1111:2222:3333:4444:5555:6666:7777]:65535 -m
-a -t [fd00::100]:80 -r [::1]:80 -g
-A -t [fd00::100]:443 -s nq -p 300 -M 64
-A -u [fd00:1111:2222:3333:4444:5555:6666:7777]:65535 -s fo
-A --sctp-service [fd00::100]:9 -s ovf
-A -f 1 -s rr
-a -f 1 -r 10.0.0.11 -g
-a -f 1 -r 10.0.0.12 -i
-A -f 2147483647 -s lc -p 300
-A -f 3 -6 -s rr -p 300 -M 48
-a -f 3 -6 -r fd00::11 -g
-a -f 3 -6 -r fd00::12 -i
";

fn every_kind() {
    let ran = ipvsadm_with("-R", EVERY_KIND);
    assert_eq!(ran.ok(), "");
    assert_eq!(oracle("-Ln").ok().lines().count(), 3 + EVERY_KIND.lines().count());
    all_views_agree();
    // Each service alone.
    for rule in EVERY_KIND.lines().filter(|l| l.starts_with("-A")) {
        let service: Vec<&str> = rule.split(' ').skip(1).take_while(|w| *w != "-s").collect();
        let line = format!("-L -n {}", service.join(" "));
        let theirs = oracle(&line);
        assert_same(&line, &ipvsadm(&line), &theirs);
    }
}

fn five_thousand() {
    // In random order; every hundredth service has real servers.
    let mut random = fastrand::Rng::with_seed(5000);
    let mut rules = String::new();
    for i in 0..5000u32 {
        let port = 1 + random.u16(..65535);
        let (a, b, c) = (random.u8(..), random.u8(..), i % 250);
        let service = match i % 10 {
            0..=4 => format!("-t 10.{a}.{b}.{c}:{port}"),
            5 => format!("-u 10.{a}.{b}.{c}:{port}"),
            6 => format!("-t 192.168.{a}.{c}:{port}"),
            7 => format!("-t [fd00:{a:x}{b:02x}::{i:x}]:{port}"),
            8 => format!("--sctp-service 10.{a}.{b}.{c}:{port}"),
            _ => format!("-f {}", i + 1),
        };
        rules += &format!("-A {service} -s rr\n");
        if i % 100 == 1 {
            for n in [31, 4, 200, 5] {
                rules += &format!("-a {service} -r 10.1.{b}.{n}:{port} -m -w {}\n", random.u8(..));
            }
        }
    }
    let count = rules.lines().count();
    ipvsadm_with("-R", &rules).ok();
    for line in ["-Ln", "-Sn"] {
        let theirs = oracle(line);
        assert_same(line, &ipvsadm(line), &theirs);
        let headers = if line == "-Ln" { 3 } else { 0 };
        assert_eq!(theirs.ok().lines().count(), headers + count);
    }
}

fn names(place: &Place) {
    place.hosts(
        "10.0.0.100 www.example.com\n\
         10.0.0.11 a-very-long-name-of-a-real-server.in-a.long.domain.example.com\n\
         10.0.0.12 n2345678901234567890123456789012\n\
         10.0.0.13 n234567890123456789012345678901\n\
         10.0.0.14 n23456789012345678901\n\
         10.0.0.15 n2345678901234567890\n\
         10.0.0.16 rs16\n\
         10.96.0.1 ip-10-96-0-1.ec2.internal\n\
         fd00::100 v6-name.example.com\n\
         fd00::11 a-very-long-name-of-a-v6-real-server.example.com\n",
    );
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:80 -s rr\n\
         -a -t 10.0.0.100:80 -r 10.0.0.11:80\n\
         -a -t 10.0.0.100:80 -r 10.0.0.12:80\n\
         -a -t 10.0.0.100:80 -r 10.0.0.13:80 -i\n\
         -a -t 10.0.0.100:80 -r 10.0.0.14:80 -i --tun-type gue --tun-port 5555\n\
         -a -t 10.0.0.100:80 -r 10.0.0.15:80\n\
         -a -t 10.0.0.100:80 -r 10.0.0.16:80\n\
         -a -t 10.0.0.100:80 -r 10.0.0.17:80\n\
         -A -t 10.96.0.1:443 -s rr\n\
         -a -t 10.96.0.1:443 -r 10.96.0.1:443 -m\n\
         -A -u 10.0.0.11:53 -s rr\n\
         -A -t 10.0.0.12:65000 -s rr\n\
         -A -t [fd00::100]:80\n\
         -a -t [fd00::100]:80 -r [fd00::11]:8080 -m\n\
         -a -t [fd00::100]:80 -r [fd00::100]:8080 -m\n\
         -A -f 7\n\
         -a -f 7 -r 10.0.0.11 -g\n",
    )
    .ok();
    assert!(oracle("-L").ok().contains("\nTCP  www.example.com:http rr\n"));
    for view in [
        "",
        "--stats",
        "--rate",
        "--thresholds",
        "--persistent-conn",
        "--tun-info",
        "--nosort",
        "-c",
    ] {
        let line = format!("-L {view}");
        assert_same(&line, &ipvsadm(&line), &oracle(&line));
    }
    // Services can be given by name.
    for line in [
        "-L -t www.example.com:http",
        "-L -n -t www.example.com:http",
        "-L -t 10.96.0.1:https",
        "-L -t ip-10-96-0-1.ec2.internal:https",
        "-L -u a-very-long-name-of-a-real-server.in-a.long.domain.example.com:domain",
    ] {
        let theirs = oracle(line);
        assert_eq!(theirs.status, 0, "{line}: {}", theirs.err);
        assert_same(line, &ipvsadm(line), &theirs);
    }
}

fn daemons_and_timeouts() {
    crate::support::sh(
        "ip link add eth7 type dummy; ip link set eth7 up; ip addr add 10.7.0.1/24 dev eth7",
    );
    ipvsadm("--start-daemon master --mcast-interface eth7 --syncid 42").ok();
    oracle("--start-daemon backup --mcast-interface eth7 --syncid 43 --sync-maxlen 1000 --mcast-group 224.0.0.90 --mcast-port 8850 --mcast-ttl 3").ok();
    let theirs = oracle("-L --daemon");
    assert_eq!(theirs.out.lines().count(), 2, "{theirs:?}");
    assert_same("-L --daemon", &ipvsadm("-L --daemon"), &theirs);
    // Each program lists the daemons that the other started.
    for program in [ipvsadm, oracle] {
        for state in ["master", "backup"] {
            program(&format!("--stop-daemon {state}")).ok();
        }
        assert_same("-L --daemon", &ipvsadm("-L --daemon"), &oracle("-L --daemon"));
        assert_eq!(oracle("-L --daemon").ok(), "");
        program(
            "--start-daemon backup --mcast-interface eth7 --mcast-group 224.0.0.90 --mcast-ttl 7",
        )
        .ok();
        program("--start-daemon master --mcast-interface eth7 --syncid 9 --sync-maxlen 1234 --mcast-port 8851").ok();
        assert_same("-L --daemon", &ipvsadm("-L --daemon"), &oracle("-L --daemon"));
    }
    ipvsadm("--set 1 2 3").ok();
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 1 2 3\n");
    assert_same("-L --timeout", &ipvsadm("-L --timeout"), &oracle("-L --timeout"));
    ipvsadm("--set 0 0 4").ok();
    assert_same("-L --timeout", &ipvsadm("-L --timeout"), &oracle("-L --timeout"));
}

fn missing_service() {
    for line in [
        "-L -t 10.0.0.100:80",
        "-L -n -u 10.0.0.100:80 --stats",
        "-L -n -f 7",
        "-L -n -f 7 -6",
        "-L -n -t [fd00::100]:80 --thresholds",
        "-Z -t 10.0.0.100:80",
    ] {
        let (ours, theirs) = (ipvsadm(line), oracle(line));
        assert_ne!(theirs.status, 0, "{line}");
        assert_same(line, &ours, &theirs);
    }
}
