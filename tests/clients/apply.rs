//! Connections that carry data while `apply` or a restore changes the table: 200 of services that stay
//! the same, 200 of services that change.

use crate::lab::Network;
use crate::support::{
    Test, ipvsadm, ipvsadm_with, oracle, oracle_program, program, project, run, sh,
};
use std::path::Path;
use std::time::Duration;

pub const TESTS: &[Test] = &[("changes_under_400_connections", connections)];

const PORTS: [u16; 10] = [8001, 8002, 8003, 8004, 8005, 8006, 8007, 8008, 8009, 8010];
/// Connections to each service.
const CONNECTIONS: usize = 40;

/// Returns rules with ten services. `changed` gives the last five another scheduler and another
/// weight, and removes a server from them.
fn rules(changed: bool) -> String {
    let mut rules = String::new();
    for (n, port) in PORTS.iter().enumerate() {
        let v = format!("-t 10.0.0.100:{port}");
        rules += &match changed && n >= PORTS.len() / 2 {
            true => format!("-A {v} -s wlc\n-a {v} -r 10.0.0.11 -g -w 7\n"),
            false => format!("-A {v} -s rr\n-a {v} -r 10.0.0.11 -g\n-a {v} -r 10.0.0.12 -g\n"),
        };
    }
    rules
}

/// Opens connections, makes `change`, and returns how many of each service still carry data.
fn surviving(net: &mut Network, change: &dyn Fn()) -> Vec<usize> {
    let script = project().join("tests/clients/hold.py");
    let ports = PORTS.map(|port| port.to_string()).join(" ");
    // Not in the next line, which runs in the background as a whole.
    sh("rm -rf /tmp/hold; mkdir /tmp/hold");
    net.sh(&format!(
        "(cd /tmp/hold && on client /usr/bin/python3 {} hold 10.0.0.100 {CONNECTIONS} {ports} >result.new 2>errors && mv result.new result) >/dev/null 2>&1 &",
        script.display()
    ));
    let wait = |name: &str| {
        for _ in 0..1200 {
            if Path::new("/tmp/hold").join(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {name}: {}", sh("cat /tmp/hold/errors"));
    };
    wait("ready");
    change();
    std::thread::sleep(Duration::from_millis(500));
    sh("touch /tmp/hold/stop");
    wait("result");
    let result = sh("cat /tmp/hold/result");
    result.lines().map(|l| l.rsplit(' ').next().and_then(|n| n.parse().ok()).expect(l)).collect()
}

fn connections() {
    let mut net = Network::up("flat");
    let script = project().join("tests/clients/hold.py");
    let ports = PORTS.map(|port| port.to_string()).join(" ");
    net.sh(&format!(
        "director_vip 10.0.0.100
        real_server_dr rs1 10.0.0.100
        real_server_dr rs2 10.0.0.100
        on rs1 /usr/bin/python3 {0} serve {ports}
        on rs2 /usr/bin/python3 {0} serve {ports}",
        script.display()
    ));
    // Most directors use this setting: a connection whose server is gone ends with its next packet.
    net.sh("on director sysctl -qw net.ipv4.vs.expire_nodest_conn=1");
    net.enter("director");
    let half = PORTS.len() / 2;

    let sum = |counts: &[usize]| counts.iter().sum::<usize>();
    let whole = CONNECTIONS * half;
    let mut broken = |name: &str, change: &dyn Fn()| {
        ipvsadm("-C").ok();
        ipvsadm_with("-R", &rules(false)).ok();
        let survived = surviving(&mut net, change);
        let broken = [&survived[..half], &survived[half..]].map(|part| whole - sum(part));
        println!(
            "{name}: {} of {whole} connections of unchanged services broke, {} of {whole} of changed ones",
            broken[0], broken[1]
        );
        broken
    };
    let unchanged_are_listed = || {
        let list = oracle("-Lnc").ok();
        for port in &PORTS[..half] {
            let service = format!("10.0.0.100:{port} ");
            let rows = list.lines().filter(|l| l.contains(&service) && l.contains("ESTABLISHED"));
            assert_eq!(rows.count(), CONNECTIONS, "{list}");
        }
        assert_eq!(ipvsadm_with("apply --dry-run -", &rules(true)).ok(), "");
    };
    let restore = |program| run(program, &[""; 0], rules(true).as_bytes()).ok();
    let ours = [
        broken("apply", &|| {
            assert_eq!(ipvsadm_with("apply -", &rules(true)).ok(), "");
            unchanged_are_listed();
        }),
        broken("ipvsadm-restore", &|| {
            assert_eq!(restore(program("ipvsadm-restore")), "");
            unchanged_are_listed();
        }),
    ];
    for [unchanged, changed] in ours {
        // Connections of the removed server must break, otherwise this test could not fail.
        assert!(unchanged == 0 && changed > 0, "{unchanged} {changed}");
    }
    broken("1.31's restore", &|| drop(restore(oracle_program("ipvsadm-restore"))));
}
