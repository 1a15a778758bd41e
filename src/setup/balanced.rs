//! What this host balances itself: VIPs in its own IPVS table. A director that is a real server as well has
//! them, and what the other director sends here is then chosen a server for once more.
//!
//! Only looks: a kernel without IPVS stays without it, and nothing is changed.

use crate::host::observed::{Balanced, Balancing};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::Client;
use libipvs::Error;
use libipvs::model::{DaemonRole, ServiceKey};
use std::fs;
use std::net::IpAddr;

/// The services of this host's own table for `vips`. `local` says which addresses are the host's.
pub fn look(vips: &[IpAddr], local: impl Fn(IpAddr) -> bool) -> Balancing {
    match Client::connect_if_loaded() {
        Ok(client) => read(client, vips, local).unwrap_or(Balancing::Unknown),
        Err(error) if error.code() == Some(libc::ENOENT) => Balancing::default(),
        Err(_) => Balancing::Unknown,
    }
}

fn read(
    mut client: Client,
    vips: &[IpAddr],
    local: impl Fn(IpAddr) -> bool,
) -> Result<Balancing, Error> {
    let mut all = Vec::new();
    for service in client.configured_services()? {
        let key = service.key;
        let ServiceKey::Address { address, .. } = key else { continue };
        if !vips.contains(&address) {
            continue;
        }
        let elsewhere: Vec<IpAddr> = client
            .configured_destinations(&key)?
            .into_iter()
            .filter(|server| server.weight > 0 && !local(server.key.address))
            .map(|server| server.key.address)
            .collect();
        if !elsewhere.is_empty() {
            let service = rules::head(&mut Labels::numeric(), &key);
            all.push(Balanced { vip: address, service, elsewhere });
        }
    }
    if all.is_empty() || !backup_only() {
        return Ok(Balancing::Of(all));
    }
    // The kernel heeds that setting as long as it listens to another director.
    let listens = client.daemons()?.iter().any(|daemon| daemon.role == DaemonRole::Backup);
    Ok(if listens { Balancing::default() } else { Balancing::Of(all) })
}

fn backup_only() -> bool {
    fs::read_to_string("/proc/sys/net/ipv4/vs/backup_only").is_ok_and(|value| value.trim() != "0")
}
