//! `-L --sysctls` and `-L --status`.

use crate::schema::{document, is_closed};
use crate::support::{Test, ipvsadm, oracle, program, run, sh};
use std::net::{TcpListener, TcpStream};

pub const TESTS: &[Test] = &[
    ("settings: every sysctl of this kernel is known, and has its default", sysctls),
    ("settings: connections, their limit, and estimation", status),
    ("settings: a note says that rates stand still", frozen),
    ("settings: options that do not go together", conflicts),
];

fn sysctls() {
    let folder = std::fs::read_dir("/proc/sys/net/ipv4/vs").expect("the folder");
    let count = folder.count();
    let listed = ipvsadm("-L --sysctls").ok();
    assert_eq!(listed.lines().count(), 1 + count);
    // Nobody has configured this network namespace.
    assert!(listed.lines().skip(1).all(|line| line.starts_with("  ")), "{listed}");
    // Each has a meaning.
    assert!(listed.lines().all(|line| line.split_whitespace().count() > 3), "{listed}");
    sh("sysctl -qw net.ipv4.vs.conntrack=1; sysctl -qw net.ipv4.vs.sync_threshold='3 60'");
    let listed = ipvsadm("-L --sysctls").ok();
    let marked: Vec<&str> = listed.lines().filter(|line| line.starts_with('*')).collect();
    let words = |line: &str| line.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    assert_eq!(words(marked[0]), "* conntrack 1 0 1: netfilter");
    assert_eq!(words(marked[1]), "* sync_threshold 3 60 3 50");
    assert_eq!(marked.len(), 2, "{listed}");
    let json = document("sysctls", &ipvsadm("-L --sysctls --json").ok());
    is_closed("sysctls", &json);
    let all = json["sysctls"].as_array().expect("a list");
    assert_eq!(all.len(), count);
    let differ: Vec<&str> =
        all.iter().filter(|s| s["differs"] == true).filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(differ, ["conntrack", "sync_threshold"]);
}

fn status() {
    sh("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.1.0.1/32 dev lo");
    oracle("-A -t 10.0.0.1:80 -s rr").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.1.0.1 -m").ok();
    let _server = TcpListener::bind("10.1.0.1:80").expect("a server");
    let connections: Vec<TcpStream> =
        (0..7).map(|_| TcpStream::connect("10.0.0.1:80").expect("a connection")).collect();
    let size = oracle("-Ln").ok();
    let size = size.split("size=").nth(1).and_then(|s| s.split(')').next()).expect("a size");
    let json = document("status", &ipvsadm("-L --status --json").ok());
    is_closed("status", &json);
    let status = &json["status"];
    assert_eq!((&status["connections"], &status["services"]), (&7.into(), &1.into()));
    assert_eq!(status["connection_buckets"].to_string(), size);
    assert_eq!(status["estimation"], true);
    let limit = std::fs::read_to_string("/proc/sys/net/ipv4/vs/conn_max").ok();
    let limit = limit.map(|text| text.trim().to_string());
    assert_eq!(status["max_connections"].to_string(), limit.clone().unwrap_or("null".into()));
    let listed = ipvsadm("-L --status").ok();
    let first = match limit {
        Some(limit) => format!("connections         7 of {limit}\n"),
        None => "connections         7, without a limit\n".to_string(),
    };
    assert!(listed.starts_with(&first) && listed.contains("estimation          on\n"), "{listed}");
    // The kernel's own lines follow, where it has them.
    let details = listed.lines().filter(|line| line.starts_with("  ")).count();
    let own = std::fs::read_to_string("/proc/thread-self/net/ip_vs_status").unwrap_or_default();
    assert_eq!(details, own.lines().count(), "{listed}");
    let of_json = status["details"].as_array().expect("a list");
    assert_eq!(of_json.len(), details);
    let conns = of_json.iter().find(|line| line["name"] == "Conns");
    assert_eq!(conns.map(|line| &line["value"]), (details > 0).then_some(&"7".into()));
    drop(connections);
}

fn frozen() {
    let rate = format!("{} -L -n --rate", program("ipvsadm").display());
    let on_terminal = |command: &str| run("script", &["-qec", command, "/dev/null"], b"").ok();
    assert!(!on_terminal(&rate).contains("note:"));
    sh("sysctl -qw net.ipv4.vs.run_estimation=0");
    let note = "note: the rates stand still: net.ipv4.vs.run_estimation is 0\r\n";
    assert!(on_terminal(&rate).starts_with(note));
    assert!(!on_terminal(&rate.replace("--rate", "--stats")).contains("note:"));
    assert_eq!(ipvsadm("-L -n --rate").ok(), oracle("-L -n --rate").ok());
    let off = "estimation          off: net.ipv4.vs.run_estimation is 0\n";
    assert!(ipvsadm("-L --status").ok().contains(off));
}

fn conflicts() {
    for line in [
        "-L --sysctls --status",
        "-L --status -c",
        "-L --sysctls --pretty",
        "-L --sysctls --stats",
        "-L --status -t 10.0.0.1:80",
        "-S --status",
    ] {
        let err = ipvsadm(line).fails(2);
        assert!(["conflicts", "Illegal"].iter().any(|word| err.contains(word)), "{line}: {err}");
    }
}
