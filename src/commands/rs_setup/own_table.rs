//! The services for the VIPs in this host's own IPVS table. A director that is a real server too
//! would forward what the other director sends it.
//!
//! The module of IPVS is not loaded for it, and nothing is changed.

use crate::diagnose::real_server::{ForwardedService, OwnTable};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::model::{DaemonRole, ServiceKey};
use libipvs::{Client, Error, Transport};
use std::fs;
use std::net::IpAddr;

/// Reads the services for `vips`. `is_local` returns true for the addresses of this host.
pub fn read(vips: &[IpAddr], is_local: impl Fn(IpAddr) -> bool) -> OwnTable {
    match Client::connect_if_loaded() {
        Ok(mut client) => services(&mut client, vips, is_local, backup_only())
            .map_or(OwnTable::Unreadable, OwnTable::Services),
        Err(error) if error.code() == Some(libc::ENOENT) => OwnTable::default(),
        Err(_) => OwnTable::Unreadable,
    }
}

/// The services with destinations on other hosts that get new connections.
fn services<T: Transport>(
    client: &mut Client<T>,
    vips: &[IpAddr],
    is_local: impl Fn(IpAddr) -> bool,
    backup_only: bool,
) -> Result<Vec<ForwardedService>, Error> {
    let mut forwarded = Vec::new();
    for service in client.configured_services()? {
        let key = service.key;
        let ServiceKey::Address { address: vip, .. } = key else { continue };
        if !vips.contains(&vip) {
            continue;
        }
        let destinations: Vec<IpAddr> = client
            .configured_destinations(&key)?
            .into_iter()
            .filter(|destination| destination.weight > 0 && !is_local(destination.key.address))
            .map(|destination| destination.key.address)
            .collect();
        if !destinations.is_empty() {
            let option = rules::head(&mut Labels::numeric(), &key);
            forwarded.push(ForwardedService { vip, option, destinations });
        }
    }
    // The kernel obeys backup_only while the backup daemon runs.
    let daemons = if backup_only && !forwarded.is_empty() { client.daemons()? } else { vec![] };
    if daemons.iter().any(|daemon| daemon.role == DaemonRole::Backup) {
        forwarded.clear();
    }
    Ok(forwarded)
}

fn backup_only() -> bool {
    fs::read_to_string("/proc/sys/net/ipv4/vs/backup_only").is_ok_and(|value| value.trim() != "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parser;
    use crate::command::Command;
    use crate::names::System;
    use libipvs::fake::{FakeKernel, Fault};

    /// A kernel with the services of these lines.
    fn kernel(lines: &[&str]) -> FakeKernel {
        let kernel = FakeKernel::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match parser::command(&words, &System) {
                Ok(Command::Change(change)) => kernel.apply(&change).expect("applied"),
                other => panic!("{line}: {other:?}"),
            }
        }
        kernel
    }

    const LINES: [&str; 6] = [
        "-A -t 10.0.0.100:80 -s rr",
        "-a -t 10.0.0.100:80 -r 10.0.0.11 -g",
        "-a -t 10.0.0.100:80 -r 10.0.0.12 -g",
        "-a -t 10.0.0.100:80 -r 10.0.0.13 -g -w 0",
        "-A -f 7 -s rr",
        "-a -f 7 -r 10.0.0.12 -g",
    ];

    fn read_from(kernel: &FakeKernel, vips: &[&str], backup_only: bool) -> Vec<ForwardedService> {
        let vips: Vec<IpAddr> = vips.iter().map(|vip| vip.parse().expect("an address")).collect();
        let is_local = |address| address == IpAddr::from([10, 0, 0, 11]);
        let mut client = kernel.client().expect("a client");
        services(&mut client, &vips, is_local, backup_only).expect("a table")
    }

    #[test]
    fn services_with_destinations_elsewhere() {
        let kernel = kernel(&LINES);
        let expected = ForwardedService {
            vip: [10, 0, 0, 100].into(),
            option: "-t 10.0.0.100:80".into(),
            destinations: vec![[10, 0, 0, 12].into()],
        };
        assert_eq!(read_from(&kernel, &["10.0.0.100", "10.0.0.101"], false), [expected]);
        assert_eq!(read_from(&kernel, &["10.0.0.101"], false), []);
        // Its own server, and one without new connections.
        let local = self::kernel(&[LINES[0], LINES[1], LINES[3]]);
        assert_eq!(read_from(&local, &["10.0.0.100"], false), []);
    }

    #[test]
    fn a_standby_does_not_balance() {
        let kernel = kernel(&LINES);
        let count = |kernel: &FakeKernel, backup_only| {
            read_from(kernel, &["10.0.0.100"], backup_only).len()
        };
        // The setting counts while the backup daemon runs.
        assert_eq!(count(&kernel, true), 1);
        let with = |role: &str| {
            let daemon = format!("--start-daemon {role} --mcast-interface eth0");
            self::kernel(&[&LINES[..], &[daemon.as_str()]].concat())
        };
        assert_eq!((count(&with("backup"), true), count(&with("backup"), false)), (0, 1));
        assert_eq!(count(&with("master"), true), 1);
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error() {
        let kernel = kernel(&LINES);
        let mut client = kernel.client().expect("a client");
        kernel.fail_request(0, Fault::Refuse(libc::EPERM));
        assert!(services(&mut client, &[[10, 0, 0, 100].into()], |_| false, false).is_err());
    }
}
