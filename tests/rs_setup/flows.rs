//! Packets that flow: a client, a director, and two real servers set up by rs-setup.

use crate::support::{Test, program, project, run};

pub const TESTS: &[Test] = &[
    ("flows::direct_routing", || flow("flat", "-g", "-g", "10.0.0.100", "")),
    ("flows::direct_routing_ipv6", || flow("flat", "-g", "-g", "fd00::100", "")),
    ("flows::nat", || flow("nat", "-m --gateway 10.1.0.1", "-m", "10.0.0.100", "")),
    ("flows::nat_ipv6", || flow("nat", "-m --gateway fd01::1", "-m", "fd00::100", "")),
    ("flows::ipip", || tunnel("-i")),
    ("flows::ipip_loose", || strict("-i --rp-filter loose", "-i", "")),
    ("flows::gue", || tunnel(GUE)),
    ("flows::gre", || tunnel(GRE)),
    ("flows::tunnel_ipv6", || flow("flat", "-i", "-i", "fd00::100", "")),
    ("flows::gue_ipv6", || flow("flat", GUE, GUE, "fd00::100", "")),
    ("flows::gre_ipv6", || flow("flat", GRE, GRE, "fd00::100", "")),
    ("flows::ipv4_in_ipv6", || strict("-i --outer 6", "-i", SERVERS6)),
    ("flows::ipv6_in_ipv4", || flow("flat", "-i --outer 4", "-i", "fd00::100", SERVERS4)),
    ("flows::gue_ipv4_in_ipv6", || {
        strict("-i --tun-type gue --tun-port 6080 --outer 6", GUE, SERVERS6)
    }),
    ("flows::gre_ipv6_in_ipv4", || {
        flow("flat", "-i --tun-type gre --outer 4", GRE, "fd00::100", SERVERS4)
    }),
];

const GUE: &str = "-i --tun-type gue --tun-port 6080";
const GRE: &str = "-i --tun-type gre";
const SERVERS4: &str = "10.0.0.11 10.0.0.12";
const SERVERS6: &str = "[fd00::11]:80 [fd00::12]:80";

/// With each previous value of all.rp_filter.
fn tunnel(words: &str) {
    for rp_filter in 0..=2 {
        flow_from(rp_filter, "flat", words, words, "10.0.0.100", "");
    }
}

/// On strict servers, with the options of the director's -a.
fn strict(words: &str, forward: &str, servers: &str) {
    flow_from(1, "flat", words, forward, "10.0.0.100", servers);
}

fn flow(net: &str, words: &str, forward: &str, vip: &str, servers: &str) {
    flow_from(0, net, words, forward, vip, servers);
}

fn flow_from(rp: u8, net: &str, words: &str, forward: &str, vip: &str, servers: &str) {
    let lab = project().join("lab/network.sh");
    let here = project().join("tests/rs_setup");
    let script = format!(
        "set -euo pipefail
         export NETWORK=flow- RP_FILTER={rp} FLOW_DIR={here} IPVSADM={program}
         . {lab}; . {here}/flow.sh
         trap 'network_down 2>/dev/null || true' EXIT
         flow {net} '{words}' '{forward}' {vip} {servers}",
        here = here.display(),
        lab = lab.display(),
        program = program("ipvsadm").display(),
    );
    let ran = run("bash", &["-c", &script], b"");
    assert_eq!(ran.status, 0, "{words} {vip}, rp_filter {rp}\n{}{}", ran.out, ran.err);
    for line in ran.out.lines().filter(|l| l.starts_with("ARP") || l.starts_with("answers")) {
        println!("{words} {vip}, rp_filter {rp}: {line}");
    }
}
