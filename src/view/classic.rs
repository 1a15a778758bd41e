//! The classic listing of `ipvsadm -L`: every column, and the blanks after the last one.

use super::View;
use super::columns::*;
use super::counters::{counters, push_counter};
use super::labels::{Labels, port_protocol};
use super::words;
use crate::command::Columns;
use crate::text::without_controls;
use libipvs::model::*;
use std::io::{self, Write};
use std::net::IpAddr;
use std::num::NonZeroU16;

/// Writes a listing, one service at a time.
pub struct Listing<'n, W> {
    out: W,
    labels: Labels<'n>,
    columns: Columns,
    exact: bool,
    line: String,
}

/// The width of the column of an address and port.
const LABEL: usize = 28;

impl<'n, W: Write> Listing<'n, W> {
    pub fn new(out: W, labels: Labels<'n>, columns: Columns, exact: bool) -> Listing<'n, W> {
        Listing { out, labels, columns, exact, line: String::new() }
    }

    /// Writes the first line of a whole table.
    pub fn title(&mut self, info: &Info) -> io::Result<()> {
        title(&mut self.out, info)
    }

    /// Writes the heads of the columns.
    pub fn heads(&mut self) -> io::Result<()> {
        self.out.write_all(match self.columns {
            Columns::Plain => {
                b"Prot LocalAddress:Port Scheduler Flags\n  \
                  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
            }
            Columns::Statistics => {
                b"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  \
                  -> RemoteAddress:Port\n"
            }
            Columns::Rates => {
                b"Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  \
                  -> RemoteAddress:Port\n"
            }
            Columns::Thresholds => {
                b"Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  \
                  -> RemoteAddress:Port\n"
            }
            Columns::PersistentConnections => {
                b"Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  \
                  -> RemoteAddress:Port\n"
            }
            Columns::Tunnels => {
                b"Prot LocalAddress:Port Scheduler Flags\n  \
                  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n"
            }
        })
    }

    fn destination(
        &mut self,
        service: &ServiceKey,
        observed: &ObservedDestination,
    ) -> io::Result<()> {
        let destination = &observed.destination;
        let DestinationKey { address, port } = destination.key;
        let (line, labels) = (&mut self.line, &mut self.labels);
        line.clear();
        line.push_str("  -> ");
        push_padded(line, LABEL, |line| {
            let start = line.len();
            labels.endpoint(line, address, port, port_protocol(service));
            fit(line, start, Family::from(address));
        });
        let method = |line: &mut String| {
            line.push(' ');
            push_left(line, words::forwarding(destination.forwarding).column, 7);
        };
        let number = |line: &mut String, number: u32, width| {
            line.push(' ');
            push_number_left(line, number, width);
        };
        let weight = |line: &mut String, width| {
            line.push(' ');
            // The kernel's number is unsigned; 1.31 prints a weight as a signed one.
            push_number_left(line, destination.weight as i32, width);
        };
        match self.columns {
            Columns::Plain => {
                method(line);
                weight(line, 6);
            }
            Columns::Statistics | Columns::Rates => {
                self.counters(&observed.statistics, true);
                return self.end_line();
            }
            Columns::Thresholds => {
                number(line, destination.upper_threshold, 10);
                number(line, destination.lower_threshold, 10);
            }
            Columns::PersistentConnections => {
                weight(line, 9);
                number(line, observed.persistent, 11);
            }
            Columns::Tunnels => {
                method(line);
                line.push(' ');
                push_padded(line, 13, |line| push_tunnel(line, destination));
                weight(line, 6);
            }
        }
        number(line, observed.active, 10);
        number(line, observed.inactive, 10);
        self.end_line()
    }

    fn counters(&mut self, statistics: &Statistics, of_server: bool) {
        // 1.31 prints connections and packets per second of a server without units.
        let in_full = if of_server && self.columns == Columns::Rates { 3 } else { 0 };
        for (n, number) in counters(statistics, self.columns).into_iter().enumerate() {
            push_counter(&mut self.line, number, self.exact || n < in_full);
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }
}

impl<W: Write> View for Listing<'_, W> {
    fn prepare(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.labels.prepare(addresses);
    }

    fn service(
        &mut self,
        observed: &ObservedService,
        destinations: &[ObservedDestination],
    ) -> io::Result<()> {
        let service = &observed.service;
        self.line.clear();
        push_kind(&mut self.line, &service.key);
        let counted = self.columns.have_counters();
        let (labels, width) = (&mut self.labels, if counted { LABEL } else { 0 });
        push_padded(&mut self.line, width, |line| {
            let start = line.len();
            labels.service(line, &service.key, " IPv6");
            fit(line, start, service.key.family());
        });
        match counted {
            true => self.counters(&observed.statistics, false),
            false => push_settings(&mut self.line, service),
        }
        self.end_line()?;
        destinations.iter().try_for_each(|destination| self.destination(&service.key, destination))
    }
}

/// Writes the first line of a whole table.
pub fn title(out: &mut impl Write, info: &Info) -> io::Result<()> {
    let size = info.connection_table_size;
    writeln!(out, "IP Virtual Server version {} (size={size})", info.version)
}

/// Writes the timeouts of connections.
pub fn timeouts(out: &mut impl Write, timeouts: &Timeouts) -> io::Result<()> {
    let Timeouts { tcp, tcp_fin, udp, .. } = timeouts;
    writeln!(out, "Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}")
}

/// Writes the synchronisation daemons.
pub fn daemons(out: &mut impl Write, daemons: &[Daemon]) -> io::Result<()> {
    for daemon in daemons {
        let (role, interface) = (daemon.role, without_controls(&daemon.interface));
        write!(out, "{role} sync daemon (mcast={interface}, syncid={}", daemon.sync_id)?;
        if let Some(length) = daemon.max_length {
            write!(out, ", maxlen={length}")?;
        }
        if let Some(group) = daemon.group {
            write!(out, ", group={group}")?;
        }
        if let Some(port) = daemon.port {
            write!(out, ", port={port}")?;
        }
        if let Some(ttl) = daemon.ttl {
            write!(out, ", ttl={ttl}")?;
        }
        writeln!(out, ")")?;
    }
    Ok(())
}

/// Appends the kind of a service: its protocol, or FWM.
pub fn push_kind(line: &mut String, key: &ServiceKey) {
    push_left(line, words::service(key).column, 5);
}

pub fn push_settings(line: &mut String, service: &Service) {
    line.push(' ');
    line.push_str(&service.scheduler);
    push_scheduler_flags(line, service);
    if let Some(timeout) = service.persistence {
        line.push_str(" persistent ");
        push_number(line, timeout);
        push_netmask(line, service, " mask ");
        if let Some(engine) = &service.persistence_engine {
            line.push_str(" pe ");
            line.push_str(engine);
        }
    }
    if service.one_packet {
        line.push_str(" ops");
    }
}

/// Appends the flags that the scheduler has names for, separated by commas.
fn push_scheduler_flags(line: &mut String, service: &Service) {
    if service.scheduler_flags == 0 {
        return;
    }
    line.push_str(" (");
    let own = scheduler_flag_names(&service.scheduler);
    for (n, name) in service.scheduler_flag_names().filter(|name| own.contains(name)).enumerate() {
        line.push_str(if n == 0 { "" } else { "," });
        line.push_str(name);
    }
    line.push(')');
}

/// Appends the netmask of persistence unless it is the default.
pub fn push_netmask(line: &mut String, service: &Service, before: &str) {
    if service.netmask == Netmask::whole(service.key.family()) {
        return;
    }
    line.push_str(before);
    match service.netmask {
        Netmask::V4(mask) => push_ipv4(line, mask),
        Netmask::V6(prefix) => push_number(line, prefix.get()),
    }
}

/// The UDP port of a tunnel, or 0.
pub fn tunnel_port(destination: &Destination) -> u16 {
    destination.tunnel.port.map_or(0, NonZeroU16::get)
}

pub fn push_tunnel(line: &mut String, destination: &Destination) {
    let checksum = words::checksum(destination.tunnel.checksum).column;
    match (destination.forwarding, destination.tunnel.kind) {
        (Forwarding::Tunnel, TunnelKind::Ipip) => line.push_str("ipip"),
        (Forwarding::Tunnel, TunnelKind::Gue) => {
            line.push_str("gue:");
            push_number(line, tunnel_port(destination));
            line.push(':');
            line.push_str(checksum);
        }
        (Forwarding::Tunnel, TunnelKind::Gre) => {
            line.push_str("gre:");
            line.push_str(checksum);
        }
        (Forwarding::Tunnel, TunnelKind::Other(number)) => {
            line.push_str("type ");
            push_number(line, number);
        }
        _ => line.push_str("n/a"),
    }
}

/// Cuts an IPv4 label to its column. A long IPv6 label pushes the next columns aside instead.
fn fit(line: &mut String, start: usize, family: Family) {
    if family == Family::V4 {
        cut(line, start, LABEL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_interface_cannot_drive_a_terminal() {
        let mut daemon = Daemon::new(DaemonRole::Backup);
        daemon.interface = "a\x1b[31m".into();
        let mut out = Vec::new();
        daemons(&mut out, &[daemon]).unwrap();
        assert_eq!(out, b"backup sync daemon (mcast=a?[31m, syncid=0)\n");
    }
}
