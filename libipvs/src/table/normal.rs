//! One form for what means the same to the kernel.

use crate::model::*;
use std::net::{IpAddr, Ipv4Addr};

/// What the kernel takes for a daemon of which nothing else is said.
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const PORT: u16 = 8848;
const TTL: u8 = 1;

/// A mask says something about persistence alone.
pub(super) fn service(mut service: Service) -> Service {
    if service.persistence.is_none() {
        service.netmask = Netmask::whole(service.key.family());
    }
    service
}

/// A tunnel's settings are those that its kind has.
pub(super) fn destination(mut destination: Destination) -> Destination {
    let kind = destination.tunnel.kind;
    match (destination.forwarding, kind) {
        (Forwarding::Tunnel, TunnelKind::Gue | TunnelKind::Other(_)) => {}
        (Forwarding::Tunnel, TunnelKind::Gre) => destination.tunnel.port = 0,
        (Forwarding::Tunnel, TunnelKind::Ipip) => destination.tunnel = Tunnel::default(),
        _ => destination.tunnel = Tunnel::default(),
    }
    destination
}

/// What is not said is what the kernel fills in, but for the length: that hangs on the interface.
/// A length is brought between the kernel's bounds.
pub(super) fn daemon(mut daemon: Daemon) -> Daemon {
    let group = *daemon.group.get_or_insert(GROUP);
    daemon.port.get_or_insert(PORT);
    daemon.ttl.get_or_insert(TTL);
    let headers = if group.is_ipv6() { 48 } else { 28 };
    let least = match daemon.role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 1024,
    };
    daemon.max_length = daemon.max_length.map(|n| n.clamp(least, u16::MAX - headers));
    daemon
}

/// Whether a server that is there is as wanted. The kernel decides by itself that an address is its
/// own, and would again.
pub(super) fn same_destination(wanted: &Destination, current: &Destination) -> bool {
    match current.forwarding {
        Forwarding::Local | Forwarding::Bypass => {
            let forwarding = current.forwarding;
            destination(Destination { forwarding, ..wanted.clone() }) == *current
        }
        _ => wanted == current,
    }
}

/// Whether a daemon that runs is as wanted: a length that is not said is any.
pub(super) fn same_daemon(wanted: &Daemon, current: &Daemon) -> bool {
    let max_length = wanted.max_length.or(current.max_length);
    Daemon { max_length, ..wanted.clone() } == *current
}
