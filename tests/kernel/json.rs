//! `--json`: every list is a document of schema/ipvsadm.schema.json with true contents.

use crate::schema::{document, is_closed};
use crate::support::{
    Test, ipvsadm, ipvsadm_with, oracle, oracle_with, program, same_text, sh, table_size,
};
use libipvs::{Client, Table};
use serde_json::{Value, json};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("json: an empty table, no connections, no daemons", empty),
    ("json: a table, to the byte", to_the_byte),
    ("json: counters and rates", counted),
    ("json: connections", connections),
    ("json: timeouts and daemons", timeouts_and_daemons),
    ("json: everything in one document", everything),
    ("json: changes of apply", changes),
    ("json: the order of the listing", order),
    ("json: options combined with --json", combinations),
    ("json: errors", errors),
    ("json: reports and commands of rs-setup", rs_setup),
    ("json: 100,000 connections need constant memory", not_held),
];

fn empty() {
    let size = table_size();
    let expected = &format!(
        "{{\n  \"format\": 1,\n  \"ipvs\": {{\n    \"version\": \"1.2.1\",\n    \
        \"connection_table_size\": {size}\n  }},\n  \"services\": []\n}}\n"
    );
    assert_eq!(&ipvsadm("-L --json").ok(), expected);
    assert_eq!(&ipvsadm("-L -n --json").ok(), expected);
    document("services", expected);
    let expected = "{\n  \"format\": 1,\n  \"connections\": []\n}\n";
    assert_eq!(ipvsadm("-L -c --json").ok(), expected);
    document("connections", expected);
    let expected = "{\n  \"format\": 1,\n  \"daemons\": []\n}\n";
    assert_eq!(ipvsadm("-L --daemon --json").ok(), expected);
    document("daemons", expected);
}

const RULES: &str = "\
-A -t 10.0.0.1:80 -s mh -b mh-port -p 300 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1 -m -w 0
-a -t 10.0.0.1:80 -r [fd00::1]:80 -i --tun-type gue --tun-port 6080 --tun-remcsum -x 9 -y 8
-A -f 4294967295 -6 -s rr
";

fn to_the_byte() {
    ipvsadm_with("-R", RULES).ok();
    let service = r#"    {
      "protocol": "tcp",
      "address": "10.0.0.1",
      "port": 80,
      "scheduler": "mh",
      "scheduler_flags": [
        "mh-port"
      ],
      "persistence": {
        "timeout": 300,
        "netmask": "255.255.255.0"
      },
      "persistence_engine": null,
      "one_packet": false,
      "servers": [
        {
          "address": "10.1.0.1",
          "port": 80,
          "forwarding": "masquerading",
          "tunnel": null,
          "weight": 0,
          "upper_threshold": 0,
          "lower_threshold": 0,
          "active_connections": 0,
          "inactive_connections": 0,
          "persistent_connections": 0
        },
        {
          "address": "fd00::1",
          "port": 80,
          "forwarding": "tunnel",
          "tunnel": {
            "type": "gue",
            "port": 6080,
            "checksum": "remote"
          },
          "weight": 1,
          "upper_threshold": 9,
          "lower_threshold": 8,
          "active_connections": 0,
          "inactive_connections": 0,
          "persistent_connections": 0
        }
      ]
    }"#;
    let mark = r#"    {
      "mark": 4294967295,
      "family": "ipv6",
      "scheduler": "rr",
      "scheduler_flags": [],
      "persistence": null,
      "persistence_engine": null,
      "one_packet": false,
      "servers": []
    }"#;
    let size = table_size();
    let head = format!(
        "{{\n  \"format\": 1,\n  \"ipvs\": {{\n    \"version\": \"1.2.1\",\n    \
        \"connection_table_size\": {size}\n  }},\n  \"services\": [\n"
    );
    // In 1.31's order the mark is below 0 and comes first.
    let all = format!("{head}{mark},\n{service}\n  ]\n}}\n");
    same_text(&ipvsadm("-L --json").ok(), &all);
    same_text(&ipvsadm("--list --json --exact --tun-info").ok(), &all);
    let one = format!("{head}{service}\n  ]\n}}\n");
    same_text(&ipvsadm("-L --json -t 10.0.0.1:80").ok(), &one);
    is_closed("services", &document("services", &all));
    // The library reads a listing as a table.
    let table: Table = serde_json::from_str(&all).expect("a table");
    let snapshot = Client::connect().and_then(|mut client| client.snapshot()).expect("the table");
    assert_eq!(table, Table::from_observed(&snapshot));
}

/// Repeats `look` until it returns true.
#[track_caller]
fn wait(mut look: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !look() {
        assert!(Instant::now() < end, "timed out");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn counted() {
    oracle("-A -u 10.0.0.1:53 -s rr").ok();
    oracle("-a -u 10.0.0.1:53 -r 10.0.0.2 -m").ok();
    sh("ip address add 10.0.0.1/24 dev lo");
    // Packets to that address get no answer.
    let _server = UdpSocket::bind("10.0.0.2:53").expect("a server");
    let socket = UdpSocket::bind("10.0.0.1:0").expect("a socket");
    for _ in 0..3 {
        socket.send_to(b"knock", "10.0.0.1:53").expect("sent");
    }
    let list = |option: &str| document("services", &ipvsadm(&format!("-L --json {option}")).ok());
    wait(|| list("--stats")["services"][0]["statistics"]["packets_in"] == 3);
    let all = list("--stats");
    // Each packet has 5 bytes of data, 8 of UDP and 20 of IP.
    let expected = json!({"connections": 1, "packets_in": 3, "packets_out": 0, "bytes_in": 99, "bytes_out": 0});
    assert_eq!(all["services"][0]["statistics"], expected);
    assert_eq!(all["services"][0]["servers"][0]["statistics"], expected);
    assert_eq!(all["services"][0]["servers"][0]["inactive_connections"], 1);
    is_closed("services", &all);
    wait(|| {
        for _ in 0..20 {
            socket.send_to(b"knock", "10.0.0.1:53").expect("sent");
        }
        let rates = &list("--rate")["services"][0];
        let both = [&rates["rates"], &rates["servers"][0]["rates"]];
        both.iter().all(|r| r["packets_in"].as_u64() > Some(0) && r["bytes_in"].as_u64() > Some(0))
    });
    is_closed("services", &list("--rate"));
}

fn connections() {
    sh(
        "modprobe ip_vs_pe_sip; ip address add 10.0.0.1/24 dev lo; ip address add fd00::1/64 dev lo nodad; ip address add fd00::2/64 dev lo nodad",
    );
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.1:80 -s rr -p 77\n-a -t 10.0.0.1:80 -r 10.0.0.2 -m\n\
         -A -u [fd00::1]:53 -s rr\n-a -u [fd00::1]:53 -r fd00::2\n\
         -A -u 10.0.0.1:5060 -s rr -p 60 --pe sip\n-a -u 10.0.0.1:5060 -r 10.0.0.3 -m\n",
    )
    .ok();
    let _ = TcpStream::connect_timeout(&"10.0.0.1:80".parse().unwrap(), Duration::from_millis(50));
    let six = UdpSocket::bind("[fd00::1]:4000").expect("a socket");
    six.send_to(b"knock", "[fd00::1]:53").expect("sent");
    let sip = UdpSocket::bind("10.0.0.1:4001").expect("a socket");
    let call =
        "INVITE sip:a@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nCall-ID: 1\"\\2@x\r\n\r\n";
    sip.send_to(call.as_bytes(), "10.0.0.1:5060").expect("sent");
    let text = ipvsadm("-L -c --json").ok();
    let document = document("connections", &text);
    let all = document["connections"].as_array().expect("connections");
    // Three connections, and two templates of persistence.
    assert_eq!(all.len(), 5, "{text}");
    assert_eq!(text.lines().count(), 5 + 5, "{text}");
    let one = |protocol: &str, server: &str, client_port: Option<u64>| {
        let is = |c: &&Value| {
            c["protocol"] == protocol
                && c["server"]["address"] == server
                && client_port.is_none_or(|port| c["client"]["port"] == port)
        };
        all.iter().find(is).unwrap_or_else(|| panic!("no {protocol} to {server}: {text}"))
    };
    let template = one("tcp", "10.0.0.2", Some(0));
    assert_eq!(
        (&template["virtual"], &template["state"]),
        (&json!({"address": "10.0.0.1", "port": 80}), &json!("NONE"))
    );
    assert!(template["expires"].as_u64().is_some_and(|s| (60..=77).contains(&s)), "{text}");
    let udp = one("udp", "fd00::2", None);
    assert_eq!(udp["client"], json!({"address": "fd00::1", "port": 4000}));
    assert_eq!(udp["virtual"], json!({"address": "fd00::1", "port": 53}));
    let call = one("udp", "10.0.0.3", Some(0));
    assert_eq!(
        (&call["persistence_engine"], &call["persistence_data"]),
        (&json!("sip"), &json!("1\"\\2@x"))
    );
    assert!(text.contains(r#""1\"\\2@x""#), "{text}");
    is_closed("connections", &document);
}

fn timeouts_and_daemons() {
    let text = "{\n  \"format\": 1,\n  \"timeouts\": {\n    \"tcp\": 11,\n    \"tcp_fin\": 12,\n    \"udp\": 13\n  }\n}\n";
    oracle("--set 11 12 13").ok();
    assert_eq!(ipvsadm("-L --timeout --json").ok(), text);
    is_closed("timeouts", &document("timeouts", text));
    sh("ip link add eth0 type dummy; ip link set eth0 up; ip address add 10.0.0.1/24 dev eth0");
    oracle("--start-daemon master --mcast-interface eth0 --syncid 7 --sync-maxlen 1400").ok();
    oracle("--start-daemon backup --mcast-interface eth0 --mcast-group ff02::81 --mcast-port 99 --mcast-ttl 3").ok();
    let all = document("daemons", &ipvsadm("-L --daemon --json").ok());
    let master = json!({"role": "master", "interface": "eth0", "sync_id": 7, "max_length": 1400,
        "group": "224.0.0.81", "port": 8848, "ttl": 1});
    assert_eq!(all["daemons"][0], master);
    let backup = &all["daemons"][1];
    assert_eq!(
        (&backup["role"], &backup["group"], &backup["port"], &backup["ttl"]),
        (&json!("backup"), &json!("ff02::81"), &json!(99), &json!(3))
    );
    is_closed("daemons", &all);
}

fn everything() {
    sh("ip link add eth0 type dummy; ip link set eth0 up; ip address add 10.0.0.1/24 dev eth0");
    oracle_with("-R", "-A -f 1\n-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1 -m\n").ok();
    oracle("--set 11 12 13").ok();
    oracle("--start-daemon backup --mcast-interface eth0 --syncid 9").ok();
    let text = ipvsadm("-L --all --json").ok();
    let all = document("services", &text);
    is_closed("services", &all);
    for (member, line) in [
        ("ipvs", "-L --json"),
        ("services", "-L --json --stats --rate"),
        ("timeouts", "-L --timeout --json"),
        ("daemons", "-L --daemon --json"),
        ("status", "-L --status --json"),
    ] {
        let mut alone: Value = serde_json::from_str(&ipvsadm(line).ok()).expect("a document");
        if all["status"]["connections"].is_null() && member == "status" {
            // This kernel does not count connections.
            assert_eq!(alone["status"]["connections"].take(), 0);
        }
        let mut here = all[member].clone();
        if member == "status" {
            // The kernel measures while it runs.
            assert!(
                here["details"].take().is_array() && alone[member]["details"].take().is_array()
            );
        }
        assert_eq!(here, alone[member], "{member}");
    }
    assert_eq!(all.as_object().map(|members| members.len()), Some(6));
    for counted in [&all["services"][1], &all["services"][0]["servers"][0]] {
        assert!(counted["statistics"].is_object() && counted["rates"].is_object(), "{text}");
    }
    // The library reads it as a table, with its settings.
    let table: Table = serde_json::from_str(&text).expect("a table");
    assert_eq!(table.timeouts().tcp, 11);
    let snapshot = Client::connect().and_then(|mut client| client.snapshot()).expect("the table");
    assert_eq!(table.len(), snapshot.len());
    let one = document("services", &ipvsadm("-L --all --json -t 10.0.0.1:80").ok());
    assert_eq!(one["services"].as_array().map(Vec::len), Some(1));
    assert_eq!(ipvsadm("-L --all").fails(2), "The 'all' option requires the 'json' option\n");
    let err = ipvsadm("-L --all --json -c").fails(2);
    assert!(err.contains("'all' conflicts with"), "{err}");
}

fn changes() {
    sh("ip link add eth0 type dummy; ip link set eth0 up; ip address add 10.0.0.1/24 dev eth0");
    oracle_with("-R", "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2\n-a -t 10.0.0.1:80 -r 10.0.0.3\n-A -f 9\n").ok();
    let wanted = "-A -t 10.0.0.1:80 -s rr -p 9\n-a -t 10.0.0.1:80 -r 10.0.0.2 -w 3\n\
        -A -f 9 -6\n-a -f 9 -6 -r fd00::1 -i --tun-type gre\n--set 1 2 0\n\
        --start-daemon master --mcast-interface eth0\n";
    let ran = ipvsadm_with("apply --dry-run --json -", wanted);
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    let dry = document("changes", &ran.out);
    let kinds: Vec<&str> = dry["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| change["change"].as_str().expect("a name"))
        .collect();
    for kind in [
        "add-service",
        "edit-service",
        "delete-service",
        "add-server",
        "edit-server",
        "delete-server",
        "set",
        "start-daemon",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    is_closed("changes", &dry);
    assert_eq!(ipvsadm_with("apply --json -", wanted).ok(), ran.out);
    document("changes", &ipvsadm_with("apply --json -", wanted).ok());
}

fn order() {
    let hosts = [5, 9, 3, 8, 4, 1, 7, 2, 6];
    for host in hosts {
        oracle(&format!("-A -t 10.0.{host}.1:80")).ok();
        oracle(&format!("-a -t 10.0.{host}.1:80 -r 10.1.0.1")).ok();
        oracle(&format!("-a -t 10.0.5.1:80 -r 10.1.0.{}", host + 1)).ok();
    }
    // Addresses of services and servers, in the order of the document.
    let shown = |line: &str| -> Vec<String> {
        let document = document("services", &ipvsadm(line).ok());
        let address = |of: &Value| of["address"].as_str().expect("an address").to_string();
        let services = document["services"].as_array().expect("services").iter();
        let rows = services.flat_map(|service| {
            let servers = service["servers"].as_array().expect("servers").iter();
            std::iter::once(address(service)).chain(servers.map(address))
        });
        rows.collect()
    };
    let listed = |line: &str| -> Vec<String> {
        let rows = oracle(line).ok();
        let address = |row: &str| row[5..].split(':').next().expect("an address").to_string();
        rows.lines().filter(|row| row.contains("10.")).map(address).collect()
    };
    for (ours, theirs) in [
        ("-L --json", "-Ln"),
        ("-L --json --nosort", "-Ln --nosort"),
        ("-L --json -t 10.0.5.1:80", "-Ln -t 10.0.5.1:80"),
        ("-L --json -t 10.0.5.1:80 --nosort", "-Ln -t 10.0.5.1:80 --nosort"),
    ] {
        assert_eq!(shown(ours), listed(theirs), "{ours}");
    }
    assert_ne!(shown("-L --json"), shown("-L --json --nosort"));
    assert_eq!(shown("-L --json").len(), 2 * hosts.len() + hosts.len());
}

fn combinations() {
    oracle("-A -t 10.0.0.1:80").ok();
    for (line, said) in [
        ("-A -t 10.0.0.2:80 --json", "Illegal 'json' option with the 'add-service' command\n"),
        ("-S --json", "Illegal 'json' option with the 'save' command\n"),
        ("-Z --json", "Illegal 'json' option with the 'zero' command\n"),
        ("-C --json", "Illegal 'json' option with the 'flush' command\n"),
        ("-L --json --json", "multiple 'json' options specified\n"),
        (
            "-L --json -c --timeout",
            "The option 'timeout' conflicts with the 'connection' option in the 'list' command\n",
        ),
        (
            "-L --pretty --stats --rate",
            "The option 'rate' conflicts with the 'stats' option in the 'list' command\n",
        ),
        ("-L --json -c --stats", "options conflicts in the list command\n"),
    ] {
        let err = ipvsadm(line).fails(2);
        if line.contains("--json") {
            let error = document("error", &err);
            assert_eq!(error["text"], said.trim_end(), "{line}");
        } else {
            assert_eq!(err, said, "{line}");
        }
    }
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
    let full = ipvsadm("-L --json");
    assert_eq!(ipvsadm_with("-R", "-L --json\n"), full);
    assert_eq!(
        sh(&format!(
            "{} -L --json >/dev/full 2>/dev/null || echo $?",
            program("ipvsadm").display()
        )),
        "1\n"
    );
}

/// The errors on stderr, one on each line: kind, status, text, line and rule.
#[track_caller]
fn errors_of(err: &str) -> Vec<Value> {
    let error = |line| {
        let error = document("error", line);
        is_closed("error", &error);
        json!([error["kind"], error["status"], error["text"], error["line"], error["rule"]])
    };
    err.lines().map(error).collect()
}

fn errors() {
    let missing = json!(["list-failed", 1, "No such service", null, null]);
    let err = ipvsadm("-L --json -t 10.0.0.9:80").fails(1);
    assert_eq!(errors_of(&err), [missing]);
    let err = ipvsadm("-L --json --nosuch").fails(255);
    assert_eq!(errors_of(&err), [json!(["option", 255, "--nosuch: unknown option", null, null])]);
    let err = ipvsadm("--netns /nonexistent -L --json").fails(2);
    assert_eq!(errors_of(&err)[0][0], "usage");
    let error = document("error", &ipvsadm("--json").fails(255));
    assert_eq!(error["hint"], "did you mean ipvsadm -L --json?");
    // Each bad rule of a file.
    let rules = "-A -f 1\n-A -f x\n-a -f 7 -r 10.0.0.2\n\n-A -f 2 --what \"\u{1b}\"\n";
    let ran = ipvsadm_with("apply --json -", rules);
    let found = errors_of(&ran.err);
    let place = |error: &Value| (error[0].clone(), error[1].clone(), error[3].clone());
    let places: Vec<_> = found.iter().map(place).collect();
    let expected = [("usage", 2, 2), ("option", 255, 5)];
    assert_eq!(places, expected.map(|(k, s, l)| (json!(k), json!(s), json!(l))), "{}", ran.err);
    assert_eq!((found[0][4].as_str(), ran.status), (Some("-A -f x"), 2));
    assert_eq!(found[1][4], "-A -f 2 --what \"\\u{1b}\"");
    // What only the kernel refuses.
    let err = ipvsadm_with("apply --json -", "-A -f 1 -s nosuch\n").fails(255);
    let refused = json!([
        "refused",
        255,
        "Scheduler or persistence engine not found",
        1,
        "-A -f 1 -s nosuch"
    ]);
    assert_eq!(errors_of(&err), [refused]);
    let err = ipvsadm("rs-setup --check --json --nosuch").fails(2);
    assert_eq!(errors_of(&err)[0][0], "usage");
    // A file without rules.
    oracle("-A -f 9").ok();
    let err = ipvsadm_with("apply --json -", "").fails(2);
    assert_eq!(errors_of(&err)[0][0], "input");
    assert_eq!(oracle("-Sn").ok(), "-A -f 9 -s wlc\n");
}

fn rs_setup() {
    sh("ip link add eth0 type dummy; ip link set eth0 up; ip address add 10.0.0.11/24 dev eth0");
    for method in [
        "-g",
        "-i",
        "-i --tun-type gue --tun-port 6080",
        "-i --tun-type gre",
        "-m --gateway 10.0.0.1",
    ] {
        let ran = ipvsadm(&format!("rs-setup --check --json {method} 10.0.0.100"));
        assert_eq!((ran.status, ran.err.as_str()), (1, ""), "{method}");
        let reports = document("reports", &ran.out);
        assert_eq!(reports["reports"][0]["vips"], json!(["10.0.0.100"]));
        is_closed("reports", &reports);
        let commands = ipvsadm(&format!("rs-setup --dry-run --json {method} 10.0.0.100")).ok();
        is_closed("commands", &document("commands", &commands));
    }
}

/// Replaces the kernel's file: returns the peak memory of a list of so many connections.
fn not_held() {
    let peak = |count: u32| -> u32 {
        let program = program("ipvsadm");
        let out = sh(&format!(
            r#"exec unshare --mount sh -ec 'mount -t tmpfs none /proc; mkdir -p /proc/thread-self/net
            line="TCP 0A000002 8948 0A000064 0050 0A00000C 0050 ESTABLISHED 116"
            (echo head; yes "$line" | head -n {count}) >/proc/thread-self/net/ip_vs_conn
            /usr/bin/python3 -c "
import resource, subprocess
with open(\"/proc/document\", \"w\") as out:
    subprocess.run([\"{}\", \"-L\", \"-c\", \"--json\"], stdout=out, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
            grep -c ESTABLISHED /proc/document
            tail -n 2 /proc/document'"#,
            program.display()
        ));
        let (peak, rest) = out.split_once('\n').expect("lines");
        assert_eq!(rest, format!("{count}\n  ]\n}}\n"));
        peak.parse().expect("KiB")
    };
    let (few, many) = (peak(1000), peak(100_000));
    // The document has 20 MiB.
    assert!(many < few + 2048, "{few} KiB for a thousand, {many} KiB for a hundred thousand");
}
