//! What becomes of connections while the table is changed under them: by `apply`, and by a restore.

use crate::lab::Network;
use crate::support::{Test, ipvsadm, ipvsadm_with, oracle, oracle_program, project, run, sh};
use std::path::Path;
use std::time::Duration;

pub const TESTS: &[Test] = &[("apply_under_200_connections", connections)];

const PORTS: [u16; 10] = [8001, 8002, 8003, 8004, 8005, 8006, 8007, 8008, 8009, 8010];
/// To each of the ten services.
const CONNECTIONS: usize = 20;

/// Ten services; the last five are `changed`: another scheduler, a weight, and a server less.
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

/// Connections in use while `change` is made: how many of each service still carry data after it.
fn held(net: &mut Network, change: impl FnOnce()) -> Vec<usize> {
    let script = project().join("tests/clients/hold.py");
    let ports = PORTS.map(|port| port.to_string()).join(" ");
    // Before the shell's own line: all of that goes to the background.
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
    // A connection whose server is gone ends with its next packet, as directors are mostly set up.
    net.sh("on director sysctl -qw net.ipv4.vs.expire_nodest_conn=1");
    net.enter("director");
    let half = PORTS.len() / 2;

    ipvsadm_with("-R", &rules(false)).ok();
    let kept = held(&mut net, || {
        assert_eq!(ipvsadm_with("apply -", &rules(true)).ok(), "");
        let list = oracle("-Lnc").ok();
        for port in &PORTS[..half] {
            let of = format!("10.0.0.100:{port} ");
            let there = list.lines().filter(|l| l.contains(&of) && l.contains("ESTABLISHED"));
            assert_eq!(there.count(), CONNECTIONS, "{list}");
        }
    });
    assert_eq!(ipvsadm_with("apply --dry-run -", &rules(true)).ok(), "");
    let whole = CONNECTIONS * half;
    let sum = |of: &[usize]| of.iter().sum::<usize>();
    println!(
        "apply: {} of {whole} connections of unchanged services broke, {} of {whole} of changed ones",
        whole - sum(&kept[..half]),
        whole - sum(&kept[half..])
    );
    assert_eq!(kept[..half], [CONNECTIONS; 5]);
    // Those of the server that is gone break: otherwise nothing here could.
    assert!(sum(&kept[half..]) < whole, "{kept:?}");

    ipvsadm("-C").ok();
    ipvsadm_with("-R", &rules(false)).ok();
    let kept = held(&mut net, || {
        run(oracle_program("ipvsadm-restore"), &[""; 0], rules(true).as_bytes()).ok();
    });
    println!(
        "1.31's restore: {} of {whole} connections of unchanged services broke, {} of {whole} of changed ones",
        whole - sum(&kept[..half]),
        whole - sum(&kept[half..])
    );
}
