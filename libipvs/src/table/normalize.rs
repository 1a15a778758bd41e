//! Normalization: values that mean the same to the kernel become equal.

use crate::model::*;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

// The kernel's defaults for a synchronisation daemon.
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const PORT: NonZeroU16 = NonZeroU16::MIN.saturating_add(8847);
const TTL: u8 = 1;

/// Resets the netmask of a service without persistence, which has no effect.
pub(super) fn service(mut service: Service) -> Service {
    if service.persistence.is_none() {
        service.netmask = Netmask::whole(service.key.family());
    }
    service
}

/// Resets the tunnel settings that have no effect with this forwarding method and tunnel type.
pub(super) fn destination(mut destination: Destination) -> Destination {
    match (destination.forwarding, destination.tunnel.kind) {
        (Forwarding::Tunnel, TunnelKind::Gue | TunnelKind::Other(_)) => {}
        (Forwarding::Tunnel, TunnelKind::Gre) => destination.tunnel.port = None,
        _ => destination.tunnel = Tunnel::default(),
    }
    destination
}

/// Fills in the kernel's defaults, except the maximum length, which depends on the interface. A
/// given length is clamped to the kernel's bounds.
pub(super) fn daemon(mut daemon: Daemon) -> Daemon {
    let group = *daemon.group.get_or_insert(GROUP);
    daemon.port.get_or_insert(PORT);
    daemon.ttl.get_or_insert(TTL);
    let headers = if group.is_ipv6() { 48 } else { 28 };
    let min = match daemon.role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 1024,
    };
    daemon.max_length = daemon.max_length.map(|n| n.clamp(min, u16::MAX - headers));
    daemon
}

/// Returns true if a destination already has the desired settings. The kernel chooses the methods
/// local and bypass itself, and would choose them again.
pub(super) fn same_destination(desired: &Destination, current: &Destination) -> bool {
    match current.forwarding {
        Forwarding::Local | Forwarding::Bypass => {
            let forwarding = current.forwarding;
            destination(Destination { forwarding, ..desired.clone() }) == *current
        }
        _ => desired == current,
    }
}

/// Returns true if a running daemon has the desired settings. Without a desired length, any will
/// do.
pub(super) fn same_daemon(desired: &Daemon, current: &Daemon) -> bool {
    let max_length = desired.max_length.or(current.max_length);
    Daemon { max_length, ..desired.clone() } == *current
}
