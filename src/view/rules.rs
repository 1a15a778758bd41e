//! The table as command lines that `-R` reads: what `-S` writes.

use super::classic::push_netmask;
use super::labels::{Labels, port_protocol};
use crate::model::*;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes one service and its servers, a line each.
pub fn service(
    out: &mut impl Write,
    labels: &mut Labels,
    service: &Service,
    destinations: &[ObservedDestination],
) -> io::Result<()> {
    let mut head = String::from(match service.key {
        ServiceKey::Address { protocol: Protocol::Udp, .. } => "-u ",
        ServiceKey::Address { protocol: Protocol::Sctp, .. } => "--sctp-service ",
        ServiceKey::Address { .. } => "-t ",
        ServiceKey::Mark { .. } => "-f ",
    });
    labels.service(&mut head, &service.key, " -6");
    let mut line = format!("-A {head} -s {}", service.scheduler);
    if let Some(timeout) = service.persistence {
        push(&mut line, format_args!(" -p {timeout}"));
        push_netmask(&mut line, service, " -M ");
    }
    if let Some(engine) = &service.persistence_engine {
        push(&mut line, format_args!(" --pe {engine}"));
    }
    if service.one_packet {
        line.push_str(" -o");
    }
    push_scheduler_flags(&mut line, service);
    line.push('\n');
    out.write_all(line.as_bytes())?;

    for observed in destinations {
        let destination = &observed.destination;
        let DestinationKey { address, port } = destination.key;
        line.clear();
        push(&mut line, format_args!("-a {head} -r "));
        labels.endpoint(&mut line, address, port, port_protocol(&service.key));
        let method = match destination.forwarding {
            Forwarding::Masquerading => "-m",
            Forwarding::Tunnel => "-i",
            _ => "-g",
        };
        push(&mut line, format_args!(" {method} -w {}", destination.weight));
        let (upper, lower) = (destination.upper_threshold, destination.lower_threshold);
        if (upper, lower) != (0, 0) {
            push(&mut line, format_args!(" -x {upper} -y {lower}"));
        }
        push_tunnel(&mut line, destination);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Every flag, by number where the scheduler has no name for it.
fn push_scheduler_flags(line: &mut String, service: &Service) {
    let own = scheduler_flag_names(&service.scheduler);
    let names = own.iter().chain(&scheduler_flag_names("")[own.len()..]);
    let mut before = " -b ";
    for (bit, name) in names.enumerate() {
        if service.scheduler_flags & (1 << bit) != 0 {
            line.push_str(before);
            line.push_str(name);
            before = ",";
        }
    }
}

fn push_tunnel(line: &mut String, destination: &Destination) {
    if destination.forwarding != Forwarding::Tunnel {
        return;
    }
    let checksum = match destination.tunnel.checksum {
        Checksum::None => "--tun-nocsum",
        Checksum::Full => "--tun-csum",
        Checksum::Remote => "--tun-remcsum",
    };
    match destination.tunnel.kind {
        TunnelKind::Ipip | TunnelKind::Other(_) => line.push_str(" --tun-type ipip"),
        TunnelKind::Gue => {
            let port = destination.tunnel.port;
            push(line, format_args!(" --tun-type gue --tun-port {port} {checksum}"));
        }
        TunnelKind::Gre => push(line, format_args!(" --tun-type gre {checksum}")),
    }
}

fn push(line: &mut String, text: std::fmt::Arguments) {
    // Writing to a String does not fail.
    let _ = line.write_fmt(text);
}
