//! What this host balances itself: VIPs in its own IPVS table. A director that is a real server as well has
//! them, and what the other director sends here is then chosen a server for once more.
//!
//! Only looks: a kernel without IPVS stays without it, and nothing is changed.

use super::observed::{Balanced, Balancing};
use crate::ipvs::client::Client;
use crate::ipvs::error::Error;
use crate::model::{DaemonRole, Protocol, ServiceKey};
use crate::netlink::socket::Kernel;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// The services of this host's own table for `vips`. `local` says which addresses are the host's.
pub fn look(vips: &[IpAddr], local: impl Fn(IpAddr) -> bool) -> Balancing {
    // Asking for the family would make the kernel load the module.
    if !Path::new("/proc/net/ip_vs").exists() {
        return Balancing::default();
    }
    let Ok(kernel) = Kernel::open() else { return Balancing::Unknown };
    read(kernel, vips, local).unwrap_or(Balancing::Unknown)
}

fn read(
    kernel: Kernel,
    vips: &[IpAddr],
    local: impl Fn(IpAddr) -> bool,
) -> Result<Balancing, Error> {
    let mut client = Client::over(kernel, || ())?;
    let mut all = Vec::new();
    for service in client.services()? {
        let key = service.service.key;
        let ServiceKey::Address { protocol, address, port } = key else { continue };
        if !vips.contains(&address) {
            continue;
        }
        let elsewhere: Vec<IpAddr> = client
            .destinations(&key)?
            .into_iter()
            .map(|observed| observed.destination)
            .filter(|server| server.weight > 0 && !local(server.key.address))
            .map(|server| server.key.address)
            .collect();
        if !elsewhere.is_empty() {
            let option = match protocol {
                Protocol::Tcp => "-t",
                Protocol::Udp => "-u",
                Protocol::Sctp => "--sctp-service",
                Protocol::Other(_) => continue,
            };
            let service = format!("{option} {}", SocketAddr::new(address, port));
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
