//! The table, or changes to it, as the command lines that `-S` writes and `-R` reads.

use super::classic::{push_netmask, tunnel_port};
use super::labels::{Labels, port_protocol};
use super::words;
use libipvs::model::*;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes a service and its real servers, one per line.
pub fn service(
    out: &mut impl Write,
    labels: &mut Labels,
    service: &Service,
    destinations: &[Destination],
) -> io::Result<()> {
    let head = head(labels, &service.key);
    let mut line = format!("-A {head}");
    push_service(&mut line, service);
    line.push('\n');
    out.write_all(line.as_bytes())?;
    for destination in destinations {
        line.clear();
        push(&mut line, format_args!("-a {head}"));
        push_destination(&mut line, labels, &service.key, destination);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Writes the line that sets the timeouts.
pub fn timeouts(out: &mut impl Write, timeouts: &Timeouts) -> io::Result<()> {
    writeln!(out, "--set {} {} {}", timeouts.tcp, timeouts.tcp_fin, timeouts.udp)
}

/// Writes the line that starts a daemon with these settings.
pub fn daemon(out: &mut impl Write, daemon: &Daemon) -> io::Result<()> {
    let mut line = format!("--start-daemon {}", daemon.role);
    if !daemon.interface.is_empty() {
        push(&mut line, format_args!(" --mcast-interface {}", daemon.interface));
    }
    push(&mut line, format_args!(" --syncid {}", daemon.sync_id));
    if let Some(length) = daemon.max_length {
        push(&mut line, format_args!(" --sync-maxlen {length}"));
    }
    if let Some(group) = daemon.group {
        push(&mut line, format_args!(" --mcast-group {group}"));
    }
    if let Some(port) = daemon.port {
        push(&mut line, format_args!(" --mcast-port {port}"));
    }
    if let Some(ttl) = daemon.ttl {
        push(&mut line, format_args!(" --mcast-ttl {ttl}"));
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Writes the line that makes a change.
pub fn change(out: &mut impl Write, labels: &mut Labels, change: &Change) -> io::Result<()> {
    let mut line = String::new();
    match change {
        Change::AddService(service) | Change::EditService(service) => {
            let verb = if matches!(change, Change::AddService(_)) { "-A" } else { "-E" };
            push(&mut line, format_args!("{verb} {}", head(labels, &service.key)));
            push_service(&mut line, service);
        }
        Change::DeleteService(key) => push(&mut line, format_args!("-D {}", head(labels, key))),
        Change::AddDestination(key, destination) | Change::EditDestination(key, destination) => {
            let verb = if matches!(change, Change::AddDestination(..)) { "-a" } else { "-e" };
            push(&mut line, format_args!("{verb} {}", head(labels, key)));
            push_destination(&mut line, labels, key, destination);
        }
        Change::DeleteDestination(key, server) => {
            push(&mut line, format_args!("-d {} -r ", head(labels, key)));
            labels.endpoint(&mut line, server.address, server.port, port_protocol(key));
        }
        Change::Flush => line.push_str("-C"),
        Change::Zero(None) => line.push_str("-Z"),
        Change::Zero(Some(key)) => push(&mut line, format_args!("-Z {}", head(labels, key))),
        Change::SetTimeouts(set) => return timeouts(out, set),
        Change::StartDaemon(new) => return daemon(out, new),
        Change::StopDaemon(role) => push(&mut line, format_args!("--stop-daemon {role}")),
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// Returns the options that name a service.
pub fn head(labels: &mut Labels, key: &ServiceKey) -> String {
    let mut head = format!("{} ", words::service(key).option);
    labels.service(&mut head, key, " -6");
    head
}

fn push_service(line: &mut String, service: &Service) {
    push(line, format_args!(" -s {}", service.scheduler));
    if let Some(timeout) = service.persistence {
        push(line, format_args!(" -p {timeout}"));
        push_netmask(line, service, " -M ");
    }
    if let Some(engine) = &service.persistence_engine {
        push(line, format_args!(" --pe {engine}"));
    }
    if service.one_packet {
        line.push_str(" -o");
    }
    for (n, name) in service.scheduler_flag_names().enumerate() {
        line.push_str(if n == 0 { " -b " } else { "," });
        line.push_str(name);
    }
}

fn push_destination(
    line: &mut String,
    labels: &mut Labels,
    service: &ServiceKey,
    destination: &Destination,
) {
    let DestinationKey { address, port } = destination.key;
    line.push_str(" -r ");
    labels.endpoint(line, address, port, port_protocol(service));
    let method = words::forwarding(destination.forwarding).option;
    push(line, format_args!(" {method} -w {}", destination.weight));
    let (upper, lower) = (destination.upper_threshold, destination.lower_threshold);
    if (upper, lower) != (0, 0) {
        push(line, format_args!(" -x {upper} -y {lower}"));
    }
    push_tunnel(line, destination);
}

fn push_tunnel(line: &mut String, destination: &Destination) {
    if destination.forwarding != Forwarding::Tunnel {
        return;
    }
    let checksum = words::checksum(destination.tunnel.checksum).option;
    match destination.tunnel.kind {
        TunnelKind::Ipip | TunnelKind::Other(_) => line.push_str(" --tun-type ipip"),
        TunnelKind::Gue => {
            let port = tunnel_port(destination);
            push(line, format_args!(" --tun-type gue --tun-port {port} {checksum}"));
        }
        TunnelKind::Gre => push(line, format_args!(" --tun-type gre {checksum}")),
    }
}

fn push(line: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = line.write_fmt(text);
}
