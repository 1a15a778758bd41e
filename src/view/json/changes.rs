//! Changes as `apply --json` prints them.

use super::Document;
use libipvs::model::Change;
use std::io::{self, Write};

/// Writes changes as one document.
pub fn changes(out: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    let mut document = Document::new(out)?;
    document.list("changes")?;
    changes.iter().try_for_each(|change| document.item(change))?;
    document.end()
}

/// One change.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parser;
    use crate::command::Command;
    use crate::names::System;
    use serde_json::{Value, json};

    fn shown(lines: &[&str]) -> Value {
        let change = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            match parser::command(&words, &System) {
                Ok(Command::Change(change)) => change,
                other => panic!("{line}: {other:?}"),
            }
        };
        let mut out = Vec::new();
        changes(&mut out, &lines.iter().map(change).collect::<Vec<_>>()).expect("written");
        serde_json::from_slice(&out).expect("a document")
    }

    #[test]
    fn every_change() {
        let tcp = json!({"protocol": "tcp", "address": "10.0.0.1", "port": 80});
        let mark = json!({"mark": 4294967295u32, "family": "ipv6"});
        assert_eq!(
            shown(&[
                "-A -u [fd00::1]:53 -s sh -p 60 -M 48 -b sh-port,flag-3 -o --pe sip",
                "-E -t 10.0.0.1:80",
                "-D -f 4294967295 -6",
                "-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 6080 --tun-csum -x 9 -y 8",
                "-e -f 4294967295 -6 -r [fd00::2]:8080 -m -w 0",
                "-d -t 10.0.0.1:80 -r 10.0.0.2",
                "-C",
                "-Z",
                "-Z -t 10.0.0.1:80",
                "--set 1 2 0",
                "--start-daemon backup --mcast-interface eth0 --syncid 7 --mcast-ttl 3",
                "--stop-daemon master",
            ]),
            json!({"format": 1, "changes": [
                {"change": "add-service", "service": {
                    "protocol": "udp", "address": "fd00::1", "port": 53, "scheduler": "sh",
                    "scheduler_flags": ["sh-port", "flag-3"],
                    "persistence": {"timeout": 60, "prefix_length": 48},
                    "persistence_engine": "sip", "one_packet": true}},
                {"change": "edit-service", "service": {
                    "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "wlc",
                    "scheduler_flags": [], "persistence": null, "persistence_engine": null,
                    "one_packet": false}},
                {"change": "delete-service", "service": mark},
                {"change": "add-server", "service": tcp, "server": {
                    "address": "10.0.0.2", "port": 80, "forwarding": "tunnel",
                    "tunnel": {"type": "gue", "port": 6080, "checksum": "full"},
                    "weight": 1, "upper_threshold": 9, "lower_threshold": 8}},
                {"change": "edit-server", "service": mark, "server": {
                    "address": "fd00::2", "port": 8080, "forwarding": "masquerading",
                    "tunnel": null, "weight": 0, "upper_threshold": 0, "lower_threshold": 0}},
                {"change": "delete-server", "service": tcp,
                    "server": {"address": "10.0.0.2", "port": 80}},
                {"change": "clear"},
                {"change": "zero"},
                {"change": "zero", "service": tcp},
                {"change": "set", "timeouts": {"tcp": 1, "tcp_fin": 2, "udp": 0}},
                {"change": "start-daemon", "daemon": {
                    "role": "backup", "interface": "eth0", "sync_id": 7, "max_length": null,
                    "group": null, "port": null, "ttl": 3}},
                {"change": "stop-daemon", "role": "master"},
            ]})
        );
    }
}
