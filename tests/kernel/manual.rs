//! The statements of the manual about the kernel, tried on the kernel.

use crate::support::{Test, ipvsadm, oracle, oracle_with, sh};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("manual: schedulers", schedulers),
    ("manual: schedulers by address", schedulers_by_address),
    ("manual: thresholds", thresholds),
    ("manual: a service of every port", every_port),
    ("manual: servers of this host, and ports", local_servers),
    ("manual: lengths of sync messages", sync_lengths),
    ("manual: firewall marks", marks),
    ("manual: a connection idle for too long", idle),
];

/// A service with servers of these weights at 10.1.0.1 and up, and that many open connections.
/// Returns the connections of each server.
#[track_caller]
fn spread(scheduler: &str, servers: &[&str], connections: usize) -> Vec<usize> {
    sh("ip addr replace 10.0.0.1/32 dev lo; ip addr replace 10.1.0.0/24 dev lo");
    let mut rules = format!("-A -t 10.0.0.1:80 -s {scheduler}\n");
    for (n, options) in servers.iter().enumerate() {
        rules += &format!("-a -t 10.0.0.1:80 -r 10.1.0.{} -m {options}\n", n + 1);
    }
    oracle_with("-R", &rules).ok();
    let listener = |n: usize| TcpListener::bind(format!("10.1.0.{}:80", n + 1)).expect("a server");
    let listeners: Vec<TcpListener> = (0..servers.len()).map(listener).collect();
    let vip = "10.0.0.1:80".parse().expect("an address");
    let mut open = Vec::new();
    for n in 0..connections {
        let connection = TcpStream::connect_timeout(&vip, Duration::from_secs(30));
        open.push(connection.unwrap_or_else(|e| panic!("{scheduler}, connection {n}: {e}")));
        wait_for(open.len());
    }
    let counts = active();
    drop((open, listeners));
    oracle("-C").ok();
    counts
}

/// Waits until the director has seen the last packets of the handshakes.
#[track_caller]
fn wait_for(connections: usize) {
    let end = Instant::now() + Duration::from_secs(30);
    while active().iter().sum::<usize>() < connections {
        assert!(Instant::now() < end, "{connections}: {:?}", active());
    }
}

/// The active connections of each server, in the order of their addresses.
fn active() -> Vec<usize> {
    let rows = oracle("-Ln").ok();
    let rows = rows.lines().filter(|row| row.contains("Masq") || row.contains("Local"));
    rows.filter_map(|row| row.split_whitespace().nth(4)?.parse().ok()).collect()
}

fn schedulers() {
    for (scheduler, servers, connections, expected) in [
        // Weights have no effect but 0.
        ("rr", &["-w 1", "-w 9", "-w 0"][..], 8, &[4, 4, 0][..]),
        ("wrr", &["-w 1", "-w 3"], 8, &[2, 6]),
        ("lc", &["-w 1", "-w 9"], 8, &[4, 4]),
        ("wlc", &["-w 1", "-w 3"], 8, &[2, 6]),
        ("sed", &["-w 1", "-w 9"], 4, &[0, 4]),
        // An idle server comes first.
        ("nq", &["-w 1", "-w 9"], 4, &[1, 3]),
        // The server of the highest weight.
        ("fo", &["-w 1", "-w 9"], 4, &[0, 4]),
        // One connection more than its weight, then the next.
        ("ovf", &["-w 9", "-w 3", "-w 5"], 17, &[10, 1, 6]),
        // One destination address, so one server.
        ("lblc", &["-w 99", "-w 99"], 4, &[4, 0]),
        ("lblcr", &["-w 99", "-w 99"], 4, &[4, 0]),
    ] {
        let mut counts = spread(scheduler, servers, connections);
        if scheduler.starts_with("lblc") {
            counts.sort_by(|a, b| b.cmp(a));
        }
        assert_eq!(counts, expected, "{scheduler}");
    }
}

/// The servers, 0 or 1, of 60 clients. The clients use this source port, so that no connection of
/// an earlier call is theirs.
fn clients_of(scheduler: &str, weights: [u32; 2], port: u16) -> Vec<usize> {
    oracle("-C").ok();
    oracle(&format!("-A -u 10.0.0.1:53 -s {scheduler}")).ok();
    for (n, weight) in weights.iter().enumerate() {
        oracle(&format!("-a -u 10.0.0.1:53 -r 10.1.0.{} -m -w {weight}", n + 1)).ok();
    }
    let client = |n: usize| {
        let socket = UdpSocket::bind(format!("10.9.0.{n}:{port}")).expect("a socket");
        socket.send_to(b"x", "10.0.0.1:53").expect("sent");
        socket
    };
    let sockets: Vec<UdpSocket> = (1..=60).map(client).collect();
    let listed = oracle("-Lnc").ok();
    // The server of each client, in the order of the clients.
    let server = |socket: &UdpSocket| {
        let client = socket.local_addr().expect("an address").to_string();
        let line = listed.lines().find(|line| line.split_whitespace().nth(3) == Some(&client));
        let line = line.unwrap_or_else(|| panic!("{scheduler}: no {client} in {listed}"));
        usize::from(line.contains("10.1.0.2:53"))
    };
    sockets.iter().map(server).collect()
}

fn schedulers_by_address() {
    sh(
        "ip addr add 10.0.0.1/32 dev lo; ip addr add 10.1.0.0/24 dev lo; ip addr add 10.9.0.0/24 dev lo",
    );
    let second = |clients: &[usize]| clients.iter().sum::<usize>();
    for (scheduler, port) in [("sh", 1000), ("mh", 2000)] {
        // The same client, the same server; weights are shares.
        let equal = clients_of(scheduler, [1, 1], port);
        assert_eq!(clients_of(scheduler, [1, 1], port + 1), equal, "{scheduler}");
        assert!((15..=45).contains(&second(&equal)), "{scheduler}: {equal:?}");
        let one_to_nine = clients_of(scheduler, [1, 9], port + 2);
        assert!(second(&one_to_nine) >= 45, "{scheduler}: {one_to_nine:?}");
    }
    // All clients have one destination. Weights have no effect.
    let all = clients_of("dh", [1, 9], 3000);
    assert!([0, 60].contains(&second(&all)), "{all:?}");
    assert_eq!(clients_of("dh", [9, 1], 3001), all);
}

fn thresholds() {
    // The third server takes what the others may not have.
    assert_eq!(spread("rr", &["-x 2", "-x 3", ""], 12), [2, 3, 7]);
}

fn every_port() {
    oracle("-A -t 10.0.0.1:0").fails(2);
    oracle("-A -t 10.0.0.1:0 -p 60").ok();
    // A real server of such a service has no port of its own.
    oracle("-a -t 10.0.0.1:0 -r 10.1.0.1 -m").ok();
    sh("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.1.0.0/24 dev lo");
    oracle("-a -t 10.0.0.1:0 -r 10.1.0.2 -m").ok();
    let listeners = ["10.1.0.1:21", "10.1.0.2:21", "10.1.0.1:5000", "10.1.0.2:5000"]
        .map(|server| TcpListener::bind(server).expect("a server"));
    let _open = ["10.0.0.1:21", "10.0.0.1:5000", "10.0.0.1:21"]
        .map(|vip| TcpStream::connect(vip).expect("a connection"));
    wait_for(3);
    // One client, so one server for both ports.
    let mut counts = active();
    counts.sort_unstable();
    assert_eq!(counts, [0, 3]);
    drop(listeners);
    oracle("-C").ok();
}

/// The address at which a program of the director receives the packets of a local server.
fn local_servers() {
    sh("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.1.0.1/32 dev lo");
    for (method, port, at) in [("-g", 8080, "10.0.0.1:80"), ("-m", 8080, "10.1.0.1:8080")] {
        oracle("-A -t 10.0.0.1:80").ok();
        ipvsadm(&format!("-a -t 10.0.0.1:80 -r 10.1.0.1:{port} {method}")).ok();
        let _server = TcpListener::bind(at).expect("a server");
        let open = TcpStream::connect("10.0.0.1:80").expect("a connection");
        drop(open);
        let line = oracle("-Lnc").ok();
        let via = format!("10.0.0.1:80 10.1.0.1:{}", if method == "-m" { 8080 } else { 80 });
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&via), "{method}: {line}");
        oracle("-C").ok();
    }
    // -g and -i ignore another port.
    oracle("-A -t 10.0.0.1:80").ok();
    for (n, method) in ["-g", "-i", "-m"].iter().enumerate() {
        ipvsadm(&format!("-a -t 10.0.0.1:80 -r 10.2.0.{n}:8080 {method}")).ok();
    }
    let listed = oracle("-Ln").ok();
    let ports = ["10.2.0.0:80 ", "10.2.0.1:80 ", "10.2.0.2:8080 "];
    assert!(ports.iter().all(|server| listed.contains(server)), "{listed}");
}

fn sync_lengths() {
    sh(
        "ip link add eth0 type dummy; ip link set eth0 mtu 9000 up; ip addr add 10.0.0.1/24 dev eth0",
    );
    for (options, length) in [
        ("master", 1472),
        ("backup", 8972),
        ("backup --sync-maxlen 5", 1024),
        ("master --sync-maxlen 65507", 65507),
        ("master --mcast-group ff02::81", 1452),
    ] {
        ipvsadm(&format!("--start-daemon {options} --mcast-interface eth0")).ok();
        let listed = oracle("-L --daemon").ok();
        assert!(listed.contains(&format!("maxlen={length},")), "{options}: {listed}");
        oracle(&format!("--stop-daemon {}", &options[..6])).ok();
    }
}

/// A mark joins two ports. The socket sets it, because this kernel may have no netfilter tables.
fn marks() {
    sh("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.1.0.0/24 dev lo");
    oracle("-A -f 7 -s rr -p 60").ok();
    oracle("-a -f 7 -r 10.1.0.1 -m").ok();
    oracle("-a -f 7 -r 10.1.0.2 -m").ok();
    let _servers = ["10.1.0.1:80", "10.1.0.2:80", "10.1.0.1:443", "10.1.0.2:443"]
        .map(|server| TcpListener::bind(server).expect("a server"));
    sh("/usr/bin/python3 -c '
import socket
for port in 80, 443, 80:
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, 36, 7); s.connect((\"10.0.0.1\", port))'");
    let listed = oracle("-Lnc").ok();
    let to = |server: &str| {
        let ports = [":80", ":443"].map(|port| format!("{server}{port}"));
        let last = |line: &str| line.split_whitespace().last().map(str::to_string);
        listed.lines().filter_map(last).filter(|end| ports.contains(end)).count()
    };
    let counts = (to("10.1.0.1"), to("10.1.0.2"));
    assert!([(0, 3), (3, 0)].contains(&counts), "{listed}");
}

/// After the timeout of idle connections the next packet is answered by a reset.
fn idle() {
    sh("ip netns add client; ip link add veth-d type veth peer name veth-c netns client
        ip addr add 10.0.0.1/24 dev veth-d; ip addr add 10.1.0.0/24 dev lo; ip link set veth-d up
        ip -n client addr add 10.0.0.2/24 dev veth-c; ip -n client link set veth-c up");
    oracle("-A -t 10.0.0.1:80").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.1.0.1 -m").ok();
    oracle("--set 2 0 0").ok();
    let _server = TcpListener::bind("10.1.0.1:80").expect("a server");
    let send = "import socket, time
s = socket.create_connection((\"10.0.0.1\", 80), 5)
try:
    s.send(b\"x\"); time.sleep(0.3); s.send(b\"x\"); print(\"open\")
    for n in range(100): time.sleep(3); s.send(b\"x\")
except ConnectionResetError: print(\"reset\")";
    let said = sh(&format!("ip netns exec client /usr/bin/python3 -c '{send}'"));
    sh("ip netns del client");
    assert_eq!(said, "open\nreset\n");
}
