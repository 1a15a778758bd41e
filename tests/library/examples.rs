//! The library's example programs, run in the lab.

use crate::support::{self, Test, oracle, run, sh, unprivileged};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("examples: the health checker", health_checker),
    ("examples: the exporter", exporter),
    ("examples: the watcher", watcher),
    ("examples: the controller", controller),
    ("examples: errors without privilege and with wrong arguments", errors),
];

/// Returns the path of an example, which cargo builds in a folder beside the programs.
pub fn program(name: &str) -> PathBuf {
    support::program("ipvsadm").with_file_name("examples").join(name)
}

/// A running program, and the lines it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(name: &str, words: &[&str]) -> Running {
        let mut child = Command::new(program(name))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("an example starts");
        let out = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Running { child, lines }
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("a line")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds a service with two real servers; this host has all their addresses.
fn director() {
    sh("for a in 10.0.0.1 10.1.0.1 10.1.0.2; do ip addr add $a/32 dev lo; done");
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 3").ok();
}

fn listen(host: &str) -> TcpListener {
    TcpListener::bind((host, 80)).expect("an address of this host")
}

fn weights() -> String {
    let rules = oracle("-S -n").ok();
    let weights = rules.lines().filter_map(|line| line.split_once("-w "));
    weights.map(|(_, weight)| weight).collect::<Vec<_>>().join(" ")
}

fn health_checker() {
    director();
    let one = listen("10.1.0.1");
    let two = listen("10.1.0.2");
    // The checker ignores UDP services.
    oracle("-A -u 10.0.0.1:80 -s rr").ok();
    oracle("-a -u 10.0.0.1:80 -r 10.1.0.9:80 -m -w 4").ok();
    let checker = Running::start("health_checker", &["0.2"]);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(weights(), "5 3 4");
    drop(one);
    assert_eq!(checker.line(), "tcp 10.0.0.1:80: 10.1.0.1:80 gets weight 0");
    assert_eq!(weights(), "0 3 4");
    drop(two);
    assert_eq!(checker.line(), "tcp 10.0.0.1:80: 10.1.0.2:80 gets weight 0");
    assert_eq!(weights(), "0 0 4");
    let _one = listen("10.1.0.1");
    assert_eq!(checker.line(), "tcp 10.0.0.1:80: 10.1.0.1:80 gets weight 5");
    // A server that was removed and added again keeps its new weight.
    oracle("-d -t 10.0.0.1:80 -r 10.1.0.2:80").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 8").ok();
    let _two = listen("10.1.0.2");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(weights(), "5 8 4");
}

fn exporter() {
    director();
    let servers = [listen("10.1.0.1"), listen("10.1.0.2")];
    oracle("-A -f 7 -6 -s wlc").ok();
    let _exporter = Running::start("exporter", &["127.0.0.1:9103"]);
    let connections: Vec<TcpStream> = (0..7)
        .map(|_| TcpStream::connect("10.0.0.1:80").expect("a connection through the director"))
        .collect();
    let service = "protocol=\"tcp\",address=\"10.0.0.1\",port=\"80\"";
    // The kernel updates the counters every two seconds.
    let counted = format!("ipvs_service_connections_total{{{service}}} 7\n");
    let started = Instant::now();
    let text = loop {
        let text = get("/metrics", "HTTP/1.1 200 OK");
        if text.contains(&counted) {
            break text;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{text}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let value = |name: &str, labels: &str| -> u64 {
        let line = format!("{name}{{{labels}}} ");
        let found = text.lines().find_map(|l| l.strip_prefix(&line));
        found.unwrap_or_else(|| panic!("no {line}:\n{text}")).parse().expect("a number")
    };
    let (one, two) =
        (format!("{service},server=\"10.1.0.1:80\""), format!("{service},server=\"10.1.0.2:80\""));
    assert_eq!(value("ipvs_service_connections_total", "mark=\"7\",family=\"IPv6\""), 0);
    assert_eq!(value("ipvs_server_weight", &one), 5);
    let active = [&one, &two].map(|server| value("ipvs_server_active_connections", server));
    assert_eq!(active.iter().sum::<u64>(), 7);
    assert!(active.iter().all(|n| *n >= 3), "{active:?}");
    // The counters equal those of 1.31.
    let shown = oracle("-L -n --stats --exact -t 10.0.0.1:80").ok();
    let row: Vec<u64> = shown
        .lines()
        .find_map(|line| line.strip_prefix("TCP  10.0.0.1:80 "))
        .expect(&shown)
        .split_whitespace()
        .map(|number| number.parse().expect("a number"))
        .collect();
    let names = [
        "connections_total",
        "incoming_packets_total",
        "outgoing_packets_total",
        "incoming_bytes_total",
        "outgoing_bytes_total",
    ];
    for (name, number) in names.iter().zip(row) {
        assert_eq!(value(&format!("ipvs_service_{name}"), service), number, "{name}");
    }
    // Prometheus requires help and type once per name, then all values of the name.
    let mut seen = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("# HELP ") {
            Some(help) => seen.push(help.split(' ').next().expect("a name").to_string()),
            None if line.starts_with("# TYPE ") => {}
            None => assert_eq!(line.split('{').next(), seen.last().map(String::as_str)),
        }
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (13, 13));
    get("/other", "HTTP/1.1 404 Not Found");
    let once = run(program("exporter"), &["-"], b"").ok();
    assert!(once.contains("ipvs_server_weight"));
    drop((connections, servers));
}

/// Returns the body of the exporter's answer, whose status line must be `status`.
fn get(path: &str, status: &str) -> String {
    let place: SocketAddr = ([127, 0, 0, 1], 9103).into();
    let started = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(place) {
            Ok(stream) => break stream,
            Err(e) => assert!(started.elapsed() < Duration::from_secs(30), "{e}"),
        }
    };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
    assert_eq!(head.lines().next(), Some(status));
    text.to_string()
}

fn watcher() {
    sh("ip link add d0 type dummy && ip link set d0 up");
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    let watcher = Running::start("watcher", &["0.1"]);
    assert_eq!(watcher.line(), "watching 1 services");
    for (line, printed) in [
        ("-A -u [fd00::1]:53 -s wlc -p 60", "+ udp [fd00::1]:53 wlc, persistent 60 s"),
        (
            "-a -t 10.0.0.1:80 -r 10.1.0.1 -g -w 2",
            "+ tcp 10.0.0.1:80: 10.1.0.1:80 weight 2, direct routing",
        ),
        (
            "-e -t 10.0.0.1:80 -r 10.1.0.1 -i -w 2",
            "~ tcp 10.0.0.1:80: 10.1.0.1:80 weight 2, tunnel",
        ),
        ("-E -t 10.0.0.1:80 -s sh", "~ tcp 10.0.0.1:80 sh"),
        ("--set 5 6 7", "~ timeouts"),
        ("--start-daemon backup --mcast-interface d0", "+ sync daemon on d0"),
        ("--stop-daemon backup", "- sync daemon on d0"),
        ("-D -t 10.0.0.1:80", "- tcp 10.0.0.1:80, with 1 servers"),
        ("-D -u [fd00::1]:53", "- udp [fd00::1]:53, with 0 servers"),
    ] {
        oracle(line).ok();
        assert_eq!(watcher.line(), printed, "{line}");
    }
}

/// A JSON file with the services of [`director`], in which the first real server has this weight.
fn desired(weight: u32) -> String {
    let server = |address: &str, weight: u32| {
        format!(
            r#"{{"address": "{address}", "port": 80, "forwarding": "masquerading", "tunnel": null,
               "weight": {weight}, "upper_threshold": 0, "lower_threshold": 0}}"#
        )
    };
    format!(
        r#"{{"services": [{{"protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "rr",
           "scheduler_flags": [], "persistence": null, "persistence_engine": null,
           "one_packet": false, "servers": [{}, {}]}}], "timeouts": null, "daemons": []}}"#,
        server("10.1.0.1", weight),
        server("10.1.0.2", 3)
    )
}

fn controller() {
    director();
    oracle("-C").ok();
    let servers = [listen("10.1.0.1"), listen("10.1.0.2")];
    let file = "/tmp/desired.json";
    std::fs::write(file, desired(5)).expect("written");
    let mut controller = Running::start("controller", &[file, "0.2"]);
    assert_eq!(controller.line(), "add service tcp 10.0.0.1:80 (rr)");
    for (address, weight) in [("10.1.0.1", 5), ("10.1.0.2", 3)] {
        let line = format!(
            "add real server {address}:80 to tcp 10.0.0.1:80 (masquerading, weight {weight})"
        );
        assert_eq!(controller.line(), line);
    }
    // The lines of the statistics come between those of changes.
    let change = |controller: &Running| loop {
        let line = controller.line();
        if line.starts_with("edit ") {
            return line;
        }
    };
    let edited = |weight| {
        format!("edit real server 10.1.0.1:80 of tcp 10.0.0.1:80 (masquerading, weight {weight})")
    };
    let [one, _two] = servers;
    drop(one);
    assert_eq!(change(&controller), edited(0));
    assert_eq!(weights(), "0 3");
    let _one = listen("10.1.0.1");
    assert_eq!(change(&controller), edited(5));
    // A wrong key empties nothing.
    std::fs::write(file, desired(5).replace("servers", "destinations")).expect("written");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(weights(), "5 3");
    std::fs::write(file, desired(7)).expect("written");
    assert_eq!(change(&controller), edited(7));
    assert_eq!(weights(), "7 3");
    let pid = nix::unistd::Pid::from_raw(controller.child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    assert!(controller.child.wait().expect("it ends").success());
    let rest: Vec<String> = controller.lines.iter().collect();
    let service = |line: &&String| line.starts_with("tcp 10.0.0.1:80: ") && line.contains("bytes");
    assert!(rest.iter().any(|line| service(&line)), "{rest:?}");
    let server = "  10.1.0.1:80: 0 active, 0 inactive, 0 persistent";
    assert!(rest.iter().any(|line| line == server), "{rest:?}");
}

fn errors() {
    for name in ["health_checker", "watcher"] {
        let refused = unprivileged(&program(name), &[]).fails(1);
        assert_eq!(refused, format!("{name}: Permission denied (you must be root)\n"));
        for word in ["soon", "-1", "1e99"] {
            let says = format!("{name} [SECONDS]: '{word}' is not a number of seconds\n");
            assert_eq!(run(program(name), &[word], b"").fails(2), says);
        }
    }
    let refused = unprivileged(&program("exporter"), &["-"]).fails(1);
    assert_eq!(refused, "exporter: Permission denied (you must be root)\n");
    let refused = run(program("exporter"), &["nowhere"], b"").fails(1);
    assert!(refused.starts_with("exporter: nowhere: "), "{refused}");
}
