//! A document of services holds what a save holds: it is turned into rules, over random tables.

use crate::random_tables;
use crate::schema::{document, is_closed};
use crate::support::{Test, ipvsadm, ipvsadm_with, oracle, same_text};
use fastrand::Rng;
use ipvsadm::view::labels::Labels;
use ipvsadm::view::rules;
use libipvs::table::{Table, diff};
use serde_json::Value;
use std::fmt::Write;

pub const TESTS: &[Test] = &[("json: random tables contain what a save contains", random)];

/// Returns the lines of a save that a document stands for.
fn lines(document: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let endpoint = |of: &Value| {
        let (address, port) = (text(&of["address"]), &of["port"]);
        if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        }
    };
    let mut lines = String::new();
    for service in document["services"].as_array().expect("services") {
        let which = match (&service["protocol"], &service["family"]) {
            (Value::Null, family) => {
                format!("-f {}{}", service["mark"], if family == "ipv6" { " -6" } else { "" })
            }
            (protocol, _) => {
                let protocol = text(protocol);
                let option = match protocol.as_str() {
                    "tcp" => "-t",
                    "udp" => "-u",
                    _ => "--sctp-service",
                };
                format!("{option} {}", endpoint(service))
            }
        };
        write!(lines, "-A {which} -s {}", text(&service["scheduler"])).unwrap();
        if let Some(persistence) = given(service, "persistence") {
            write!(lines, " -p {}", persistence["timeout"]).unwrap();
            match (persistence.get("netmask"), persistence.get("prefix_length")) {
                (Some(mask), None) if mask == "255.255.255.255" => {}
                (None, Some(length)) if length == 128 => {}
                (Some(mask), None) => write!(lines, " -M {}", text(mask)).unwrap(),
                (None, Some(length)) => write!(lines, " -M {length}").unwrap(),
                other => panic!("{other:?}"),
            }
        }
        if let Some(engine) = given(service, "persistence_engine") {
            write!(lines, " --pe {}", text(engine)).unwrap();
        }
        let flags = service["scheduler_flags"].as_array().expect("flags");
        if !flags.is_empty() {
            let flags: Vec<String> = flags.iter().map(text).collect();
            write!(lines, " -b {}", flags.join(",")).unwrap();
        }
        if service["one_packet"] == true {
            lines += " -o";
        }
        lines += "\n";
        for server in service["servers"].as_array().expect("servers") {
            let method = match text(&server["forwarding"]).as_str() {
                "masquerading" => "-m",
                "tunnel" => "-i",
                "direct-routing" => "-g",
                other => panic!("{other}"),
            };
            let weight = &server["weight"];
            write!(lines, "-a {which} -r {} {method} -w {weight}", endpoint(server)).unwrap();
            let (upper, lower) = (&server["upper_threshold"], &server["lower_threshold"]);
            if *upper != 0 || *lower != 0 {
                write!(lines, " -x {upper} -y {lower}").unwrap();
            }
            if let Some(tunnel) = given(server, "tunnel") {
                write!(lines, " --tun-type {}", text(&tunnel["type"])).unwrap();
                if let Some(port) = given(tunnel, "port") {
                    write!(lines, " --tun-port {port}").unwrap();
                }
                if tunnel["type"] != "ipip" {
                    let checksum = match text(&tunnel["checksum"]).as_str() {
                        "none" => "nocsum",
                        "full" => "csum",
                        "remote" => "remcsum",
                        other => panic!("{other}"),
                    };
                    write!(lines, " --tun-{checksum}").unwrap();
                }
            }
            lines += "\n";
        }
    }
    lines
}

/// A member that is not null.
fn given<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    Some(&object[name]).filter(|value| !value.is_null())
}

/// Compares words in any order.
fn sorted_words(lines: &str) -> Vec<Vec<&str>> {
    let words = |line| {
        let mut words: Vec<&str> = str::split_whitespace(line).collect();
        words.sort_unstable();
        words
    };
    lines.lines().map(words).collect()
}

fn random() {
    let mut rng = Rng::with_seed(11);
    let (mut services, mut tried) = (0, 0);
    for n in 0..24 {
        let table = random_tables::table(&mut rng, 6, 5);
        let mut text = Vec::new();
        for change in diff(&table, &Table::default()) {
            rules::change(&mut text, &mut Labels::numeric(), &change).expect("written");
        }
        oracle("-C").ok();
        ipvsadm_with("-R", &String::from_utf8(text).expect("rules are text")).ok();
        let option = ["", " --stats", " --rate", " --thresholds"][n % 4];
        let shown = ipvsadm(&format!("-L --json{option}")).ok();
        let document = document("services", &shown);
        assert_eq!(
            sorted_words(&lines(&document)),
            sorted_words(&ipvsadm("-S -n").ok()),
            "{shown}"
        );
        same_text(&ipvsadm(&format!("-L --json{option}")).ok(), &shown);
        services += document["services"].as_array().map_or(0, Vec::len);
        if n < 2 {
            tried += is_closed("services", &document);
        }
    }
    assert!(services > 40 && tried > 60, "{services} services, {tried} names");
}
