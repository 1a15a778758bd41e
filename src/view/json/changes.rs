//! Changes as `apply --json` prints them.

use super::Document;
use libipvs::model::*;
use serde::Serialize;
use std::io::{self, Write};

/// Writes changes as one document.
pub fn changes(out: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    let mut document = Document::new(out)?;
    document.list("changes")?;
    changes.iter().try_for_each(|change| document.item(&ChangeJson::from(change)))?;
    document.end()
}

/// One change.
#[derive(Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
enum ChangeJson<'a> {
    AddService {
        service: &'a Service,
    },
    EditService {
        service: &'a Service,
    },
    DeleteService {
        service: ServiceKey,
    },
    AddServer {
        service: ServiceKey,
        server: &'a Destination,
    },
    EditServer {
        service: ServiceKey,
        server: &'a Destination,
    },
    DeleteServer {
        service: ServiceKey,
        server: DestinationKey,
    },
    Clear,
    Zero {
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<ServiceKey>,
    },
    Set {
        timeouts: Timeouts,
    },
    StartDaemon {
        daemon: &'a Daemon,
    },
    StopDaemon {
        role: DaemonRole,
    },
}

impl<'a> From<&'a Change> for ChangeJson<'a> {
    fn from(change: &'a Change) -> ChangeJson<'a> {
        match change {
            Change::AddService(service) => ChangeJson::AddService { service },
            Change::EditService(service) => ChangeJson::EditService { service },
            Change::DeleteService(key) => ChangeJson::DeleteService { service: *key },
            Change::AddDestination(key, destination) => {
                ChangeJson::AddServer { service: *key, server: destination }
            }
            Change::EditDestination(key, destination) => {
                ChangeJson::EditServer { service: *key, server: destination }
            }
            Change::DeleteDestination(key, server) => {
                ChangeJson::DeleteServer { service: *key, server: *server }
            }
            Change::Flush => ChangeJson::Clear,
            Change::Zero(key) => ChangeJson::Zero { service: *key },
            Change::SetTimeouts(timeouts) => ChangeJson::Set { timeouts: *timeouts },
            Change::StartDaemon(daemon) => ChangeJson::StartDaemon { daemon },
            Change::StopDaemon(which) => ChangeJson::StopDaemon { role: *which },
        }
    }
}

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
                    "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "wlc"}},
                {"change": "delete-service", "service": mark},
                {"change": "add-server", "service": tcp, "server": {
                    "address": "10.0.0.2", "port": 80, "forwarding": "tunnel",
                    "tunnel": {"type": "gue", "port": 6080, "checksum": "full"},
                    "weight": 1, "upper_threshold": 9, "lower_threshold": 8}},
                {"change": "edit-server", "service": mark, "server": {
                    "address": "fd00::2", "port": 8080, "forwarding": "masquerading",
                    "weight": 0, "upper_threshold": 0, "lower_threshold": 0}},
                {"change": "delete-server", "service": tcp,
                    "server": {"address": "10.0.0.2", "port": 80}},
                {"change": "clear"},
                {"change": "zero"},
                {"change": "zero", "service": tcp},
                {"change": "set", "timeouts": {"tcp": 1, "tcp_fin": 2, "udp": 0}},
                {"change": "start-daemon", "daemon": {
                    "role": "backup", "interface": "eth0", "sync_id": 7, "ttl": 3}},
                {"change": "stop-daemon", "role": "master"},
            ]})
        );
    }
}
