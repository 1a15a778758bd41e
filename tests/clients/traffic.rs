//! Lists after real connections through the director: both programs print the same.

use crate::lab::{Network, assert_same};
use crate::support::{Ran, Test, ipvsadm, ipvsadm_with, oracle};

pub const TESTS: &[Test] = &[
    ("traffic_by_direct_routing", direct_routing),
    ("traffic_by_nat", nat),
    ("traffic_through_tunnels", tunnels),
    ("traffic_of_persistent_services", persistent),
    ("traffic_by_firewall_mark", firewall_mark),
];

/// The lists that traffic changes.
const LISTS: &[&str] = &[
    "-Lnc",
    "-Lc",
    "-Lnc --persistent-conn",
    "-Ln",
    "-Ln --stats",
    "-Ln --stats --exact",
    "-Ln --rate",
    "-Ln --persistent-conn",
    "-Ln --thresholds",
    "-L --stats",
];

/// Checks that ours prints what 1.31 prints just before or just after, because counters and times
/// change. The time of a connection must lie between the two.
#[track_caller]
fn agrees(line: &str) -> Ran {
    let mut before = oracle(line);
    for _ in 0..20 {
        let ours = ipvsadm(line);
        let after = oracle(line);
        assert_eq!((after.status, after.err.as_str()), (0, ""), "{line}");
        if ours == before || ours == after || between(&before, &ours, &after) {
            return ours;
        }
        before = after;
    }
    let ours = ipvsadm(line);
    assert_same(line, &ours, &before);
    ours
}

/// Returns true when three lists of connections, in this order, differ only in their decreasing times.
fn between(before: &Ran, ours: &Ran, after: &Ran) -> bool {
    let [(one, first), (two, second), (three, third)] =
        [before, ours, after].map(|ran| untimed(&ran.out));
    let down = |a: &[u32], b: &[u32]| a.iter().zip(b).all(|(a, b)| a >= b);
    (ours.status, &ours.err) == (before.status, &before.err)
        && one == two
        && two == three
        && down(&first, &second)
        && down(&second, &third)
}

/// Returns a list without its times (`TCP 01:59 ...`), and the times in seconds.
fn untimed(list: &str) -> (String, Vec<u32>) {
    let mut times = Vec::new();
    let rest = list.lines().map(|line| {
        let Some((protocol, (time, rest))) =
            line.split_once(' ').and_then(|(p, r)| Some((p, r.split_once(' ')?)))
        else {
            return format!("{line}\n");
        };
        let seconds = time
            .split_once(':')
            .filter(|(m, s)| m.len() >= 2 && s.len() == 2)
            .and_then(|(m, s)| Some(m.parse::<u32>().ok()? * 60 + s.parse::<u32>().ok()?));
        match seconds {
            None => format!("{line}\n"),
            Some(seconds) => {
                times.push(seconds);
                // A longer time makes the column wider, so the width is part of the text.
                format!("{protocol} {} {rest}\n", "#".repeat(time.len()))
            }
        }
    });
    (rest.collect(), times)
}

#[track_caller]
fn all_agree() {
    for line in LISTS {
        agrees(line);
    }
}

/// Waits until a list contains `word`: the kernel updates the counters every two seconds.
#[track_caller]
fn wait_for(line: &str, word: &str) {
    for _ in 0..20 {
        if oracle(line).ok().contains(word) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    panic!("{line}: no {word:?} in\n{}", oracle(line).out);
}

/// Opens connections that stay open: the client is silent, and the server waits ten seconds for a request.
fn linger(net: &mut Network, address: &str, port: u16, count: usize) {
    // Once all are open, the shell becomes a background process that holds them.
    net.sh(&format!(
        "on client bash -c 'for i in {{1..{count}}}; do exec {{fd}}<>/dev/tcp/{address}/{port} || exit 1; done; sleep 30 >/dev/null 2>&1 &'"
    ));
}

/// Sends one datagram from each of `count` sockets.
fn datagrams(net: &mut Network, address: &str, port: u16, count: usize) {
    net.sh(&format!(
        "on client bash -c 'for i in {{1..{count}}}; do echo hello >/dev/udp/{address}/{port} || exit 1; done'"
    ));
}

/// Starts an HTTP server on each real server.
fn serve(net: &mut Network) {
    net.sh("serve rs1 80 http
        serve rs2 80 http");
}

fn direct_routing() {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100 fd00::100
        real_server_dr rs1 10.0.0.100 fd00::100
        real_server_dr rs2 10.0.0.100 fd00::100");
    serve(&mut net);
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:80 -s rr\n\
         -a -t 10.0.0.100:80 -r 10.0.0.11:80 -g\n\
         -a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -x 100 -y 50\n\
         -A -t [fd00::100]:80 -s rr\n\
         -a -t [fd00::100]:80 -r [fd00::11]:80 -g\n\
         -a -t [fd00::100]:80 -r [fd00::12]:80 -g\n\
         -A -u 10.0.0.100:5300 -s rr\n\
         -a -u 10.0.0.100:5300 -r 10.0.0.11 -g\n\
         -A -u [fd00::100]:5300 -s rr -o\n\
         -a -u [fd00::100]:5300 -r [fd00::11]:5300 -g\n\
         -A -t 10.0.0.100:99 -s rr\n",
    )
    .ok();
    assert_eq!(net.sh("ask client 10.0.0.100 80 4 http | sort | uniq -c | xargs"), "2 rs1 2 rs2\n");
    assert_eq!(net.sh("ask client fd00::100 80 4 http | sort | uniq -c | xargs"), "2 rs1 2 rs2\n");
    linger(&mut net, "10.0.0.100", 80, 3);
    linger(&mut net, "fd00::100", 80, 2);
    datagrams(&mut net, "10.0.0.100", 5300, 3);
    datagrams(&mut net, "fd00::100", 5300, 3);
    // The service on port 99 has no real server, so it gets no connection.
    net.sh("! ask client 10.0.0.100 99 1");
    for state in ["FIN_WAIT", "ESTABLISHED", "UDP "] {
        wait_for("-Lnc", state);
    }
    wait_for("-Lnc", "[fd00::2]:");
    wait_for("-Ln --stats --exact", "TCP  10.0.0.100:80                       7 ");
    all_agree();
    let list = agrees("-Lnc").ok();
    assert_eq!(list.lines().filter(|l| l.starts_with("TCP")).count(), 13, "{list}");
    assert_eq!(list.lines().filter(|l| l.starts_with("UDP")).count(), 3, "{list}");

    // Reset the counters of one service, and then of all.
    ipvsadm("-Z -t 10.0.0.100:80").ok();
    let stats = agrees("-Ln --stats").ok();
    assert!(stats.contains("TCP  10.0.0.100:80                       0        0 "), "{stats}");
    assert!(!stats.contains("TCP  [fd00::100]:80                      0 "), "{stats}");
    ipvsadm("-Z").ok();
    let stats = agrees("-Ln --stats").ok();
    assert!(stats.contains("TCP  [fd00::100]:80                      0 "), "{stats}");
    // The connections of a deleted service stay.
    ipvsadm("-D -t 10.0.0.100:80").ok();
    all_agree();
}

fn nat() {
    let mut net = Network::up("nat");
    net.sh("director_vip 10.0.0.100 fd00::100");
    serve(&mut net);
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:8080 -s wrr\n\
         -a -t 10.0.0.100:8080 -r 10.1.0.11:80 -m -w 3\n\
         -a -t 10.0.0.100:8080 -r 10.1.0.12:80 -m -w 1\n\
         -A -t [fd00::100]:443 -s rr\n\
         -a -t [fd00::100]:443 -r [fd01::11]:80 -m\n\
         -a -t [fd00::100]:443 -r [fd01::12]:80 -m\n\
         -A -u 10.0.0.100:53 -s rr\n\
         -a -u 10.0.0.100:53 -r 10.1.0.11:5353 -m\n\
         -a -u 10.0.0.100:53 -r 10.1.0.12:5353 -m\n",
    )
    .ok();
    assert_eq!(
        net.sh("ask client 10.0.0.100 8080 8 http | sort | uniq -c | xargs"),
        "6 rs1 2 rs2\n"
    );
    assert_eq!(net.sh("ask client fd00::100 443 4 http | sort | uniq -c | xargs"), "2 rs1 2 rs2\n");
    linger(&mut net, "10.0.0.100", 8080, 4);
    // The real servers' ports are closed: they answer with ICMP errors, and the entries stay.
    datagrams(&mut net, "10.0.0.100", 53, 4);
    // A connection to a server that is down stays in SYN_RECV.
    net.sh("serve_stop rs2
        on rs2 ip link set eth0 down
        on client bash -c 'for i in 1 2 3 4; do (exec 3<>/dev/tcp/fd00::100/443) 2>/dev/null & done; sleep 2; kill $(jobs -p)'");
    for state in ["TIME_WAIT", "ESTABLISHED", "UDP ", "SYN_RECV"] {
        wait_for("-Lnc", state);
    }
    // With NAT both directions pass through the director.
    wait_for("-Ln --stats --exact", "TCP  10.0.0.100:8080                    12 ");
    all_agree();
    let stats = agrees("-Ln --stats --exact").ok();
    let row: Vec<&str> = stats.lines().nth(3).expect("a service").split_whitespace().collect();
    assert!(row[2..].iter().all(|n| n.parse::<u64>().expect("a number") > 0), "{stats}");
}

fn tunnels() {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100
        real_server_tunnel rs1 10.0.0.100
        real_server_tunnel rs2 10.0.0.100");
    serve(&mut net);
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:80 -s rr\n\
         -a -t 10.0.0.100:80 -r 10.0.0.11:80 -i\n\
         -a -t 10.0.0.100:80 -r 10.0.0.12:80 -i\n\
         -A -u 10.0.0.100:53 -s rr\n\
         -a -u 10.0.0.100:53 -r 10.0.0.12 -i --tun-type gue --tun-port 5555\n",
    )
    .ok();
    assert_eq!(net.sh("ask client 10.0.0.100 80 4 http | sort | uniq -c | xargs"), "2 rs1 2 rs2\n");
    datagrams(&mut net, "10.0.0.100", 53, 2);
    wait_for("-Ln --stats", "TCP  10.0.0.100:80                       4 ");
    all_agree();
    agrees("-Ln --tun-info");
}

fn persistent() {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100 fd00::100
        real_server_dr rs1 10.0.0.100 fd00::100
        real_server_dr rs2 10.0.0.100 fd00::100");
    serve(&mut net);
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:80 -s rr -p 300\n\
         -a -t 10.0.0.100:80 -r 10.0.0.11:80 -g\n\
         -a -t 10.0.0.100:80 -r 10.0.0.12:80 -g\n\
         -A -t [fd00::100]:80 -s rr -p 4000 -M 64\n\
         -a -t [fd00::100]:80 -r [fd00::11]:80 -g\n\
         -a -t [fd00::100]:80 -r [fd00::12]:80 -g\n\
         -A -u 10.0.0.100:5060 -s rr -p 60 --pe sip\n\
         -a -u 10.0.0.100:5060 -r 10.0.0.11:5060 -g\n\
         -A -u 10.0.0.100:0 -s rr -p 100 -M 255.255.255.0\n\
         -a -u 10.0.0.100:0 -r 10.0.0.12 -g\n",
    )
    .ok();
    // A client always gets the same server.
    assert_eq!(net.sh("ask client 10.0.0.100 80 4 http | uniq | wc -l"), "1\n");
    assert_eq!(net.sh("ask client fd00::100 80 3 http | uniq | wc -l"), "1\n");
    linger(&mut net, "10.0.0.100", 80, 2);
    datagrams(&mut net, "10.0.0.100", 4000, 2);
    // A SIP request in one datagram: the persistence engine stores its Call-ID.
    net.sh("on client bash -c 'printf \"INVITE sip:a@10.0.0.100 SIP/2.0\\r\\nVia: SIP/2.0/UDP 10.0.0.2\\r\\nCall-ID: 12345.abc@10.0.0.2\\r\\n\\r\\n\" | dd obs=4096 status=none >/dev/udp/10.0.0.100/5060'");
    wait_for("-Lnc --persistent-conn", "sip");
    wait_for("-Lnc --persistent-conn", "12345.abc@10.0.0.2");
    wait_for("-Lnc", "ASSURED");
    wait_for("-Ln --stats", "TCP  10.0.0.100:80                       6 ");
    all_agree();
    let list = agrees("-Ln --persistent-conn").ok();
    let persistent: Vec<&str> =
        list.lines().filter(|l| l.split_whitespace().nth(3) == Some("1")).collect();
    assert_eq!(persistent.len(), 4, "{list}");
}

fn firewall_mark() {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100 fd00::100
        real_server_dr rs1 10.0.0.100 fd00::100
        real_server_dr rs2 10.0.0.100 fd00::100
        on director tc qdisc add dev eth0 ingress
        on director tc filter add dev eth0 parent ffff: protocol ip u32 match ip dst 10.0.0.100 action skbedit mark 7
        on director tc filter add dev eth0 parent ffff: protocol ipv6 u32 match ip6 dst fd00::100 action skbedit mark 9");
    serve(&mut net);
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -f 7 -s rr -p 300\n\
         -a -f 7 -r 10.0.0.11 -g\n\
         -a -f 7 -r 10.0.0.12 -g\n\
         -A -f 9 -6 -s rr\n\
         -a -f 9 -6 -r fd00::11 -g\n\
         -a -f 9 -6 -r fd00::12 -g\n",
    )
    .ok();
    assert_eq!(net.sh("ask client 10.0.0.100 80 4 http | uniq | wc -l"), "1\n");
    assert_eq!(net.sh("ask client fd00::100 80 4 http | sort | uniq -c | xargs"), "2 rs1 2 rs2\n");
    wait_for("-Lnc", "IP  ");
    wait_for("-Ln --stats", "FWM  9 IPv6                              4 ");
    all_agree();
}
