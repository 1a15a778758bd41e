//! The listing as tables for a wide terminal: services as headings, their servers as rows, shares as
//! bars. Words tell which server is drained or overloaded, and colours if the terminal has any.
//!
//! Names are cut to fit; numbers and addresses never are, so a line can get wider than the terminal.
//! Shares are computed in whole numbers. The only control characters printed are our own colours.

use super::View;
use super::classic::{self, push_settings, push_tunnel};
use super::columns::cut;
use super::counters::{counters, push_counter};
use super::labels::{Labels, port_protocol, push_address};
use super::words;
use crate::command::Columns;
use crate::text::without_controls;
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use libipvs::model::*;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// The properties of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: usize,
    pub colour: bool,
}

impl Screen {
    /// The width without a terminal.
    pub const WIDTH: usize = 100;
}

/// Writes a listing, one service at a time.
pub struct Pretty<'n, W> {
    out: W,
    labels: Labels<'n>,
    columns: Columns,
    exact: bool,
    screen: Screen,
}

const BOLD: &str = "\x1b[1m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The blanks before a row, and between two columns.
const INDENT: usize = 2;
const GAP: usize = 2;
/// The minimum width of the column of servers: an IPv4 address and port.
const SERVER: usize = 21;
/// The width of the column of states.
const STATE: usize = 10;
/// The minimum length to which a name in a heading is cut.
const SHORTEST_NAME: usize = 12;
/// The minimum length of a bar, which stands below the head of its column.
const SHORTEST_BAR: usize = 4;
const LONGEST_BAR: usize = 20;

impl<'n, W: Write> Pretty<'n, W> {
    pub fn new(
        out: W,
        labels: Labels<'n>,
        columns: Columns,
        exact: bool,
        screen: Screen,
    ) -> Pretty<'n, W> {
        Pretty { out, labels, columns, exact, screen }
    }

    /// Writes the first line of a whole table.
    pub fn title(&mut self, info: &Info) -> io::Result<()> {
        classic::title(&mut self.out, info)
    }

    fn line(&mut self, line: &str, colour: &str) -> io::Result<()> {
        match self.screen.colour && !colour.is_empty() {
            true => writeln!(self.out, "{colour}{line}{PLAIN}"),
            false => writeln!(self.out, "{line}"),
        }
    }

    fn heading(&mut self, service: &Service, servers: &[ObservedDestination]) -> String {
        let mut rest = String::new();
        push_settings(&mut rest, service);
        rest += &match servers.len() {
            0 => ": no servers".to_string(),
            count => format!(
                ": {count} {}, weight {}, {} active, {} inactive",
                if count == 1 { "server" } else { "servers" },
                sum(servers, |server| server.destination.weight),
                sum(servers, |server| server.active),
                sum(servers, |server| server.inactive),
            ),
        };
        let kind = words::service(&service.key).column;
        let label = match service.key {
            ServiceKey::Address { protocol, address, port } => {
                let room = self.screen.width.saturating_sub(kind.len() + 1 + rest.chars().count());
                label(&mut self.labels, address, port, Some(protocol), room)
            }
            ServiceKey::Mark { .. } => {
                let mut label = String::new();
                self.labels.service(&mut label, &service.key, " IPv6");
                label
            }
        };
        without_controls(&format!("{kind} {label}{rest}")).into_owned()
    }

    /// Returns the table of weights and connections and their shares, with the requested columns.
    fn shares(&mut self, service: &ServiceKey, servers: &[ObservedDestination]) -> Table {
        let mut head = vec!["forward", "weight", "of weight", "active", "of active", "inactive"];
        match self.columns {
            Columns::Thresholds => head.extend(["upper", "lower"]),
            Columns::PersistentConnections => head.push("persistent"),
            Columns::Tunnels => head.push("tunnel       "),
            Columns::Plain | Columns::Statistics | Columns::Rates => {}
        }
        let room = self.room(&head);
        // Bars get the room that names leave; only then are names cut.
        let names = self.names(service, servers, usize::MAX);
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(SERVER);
        let longer = (room.saturating_sub(longest) / 2).min(LONGEST_BAR - SHORTEST_BAR);
        let names = self.names(service, servers, room.saturating_sub(2 * longer).max(SERVER));
        let bar = SHORTEST_BAR + longer;
        let weight = sum(servers, |server| server.destination.weight);
        let active = sum(servers, |server| server.active);
        let mut table = table(&head);
        for (observed, name) in servers.iter().zip(names) {
            let server = &observed.destination;
            let mut row = vec![
                name,
                words::forwarding(server.forwarding).column.to_lowercase(),
                server.weight.to_string(),
                share(server.weight, weight, bar),
                observed.active.to_string(),
                share(observed.active, active, bar),
                observed.inactive.to_string(),
            ];
            match self.columns {
                Columns::Thresholds => {
                    row.push(server.upper_threshold.to_string());
                    row.push(server.lower_threshold.to_string());
                }
                Columns::PersistentConnections => row.push(observed.persistent.to_string()),
                Columns::Tunnels => {
                    let mut tunnel = String::new();
                    push_tunnel(&mut tunnel, server);
                    row.push(tunnel);
                }
                Columns::Plain | Columns::Statistics | Columns::Rates => {}
            }
            row.push(State::of(observed).words());
            table.add_row(row);
        }
        let left: &[usize] = if self.columns == Columns::Tunnels { &[0, 1, 7] } else { &[0, 1] };
        align(&mut table, left);
        table
    }

    /// Returns the table of counters: of the service, and of each server.
    fn counters(&mut self, observed: &ObservedService, servers: &[ObservedDestination]) -> Table {
        let head = match self.columns {
            Columns::Rates => {
                ["connections/s", "packets in/s", "packets out/s", "bytes in/s", "bytes out/s"]
            }
            _ => ["connections", "packets in", "packets out", "bytes in", "bytes out"],
        };
        let names = self.names(&observed.service.key, servers, self.room(&head).max(SERVER));
        let mut table = table(&head);
        let mut add = |name: String, statistics: &Statistics, state: String| {
            let numbers = counters(statistics, self.columns).map(|number| {
                let mut text = String::new();
                push_counter(&mut text, number, self.exact);
                text.trim_start().to_string()
            });
            table.add_row([name].into_iter().chain(numbers).chain([state]));
        };
        add("all".to_string(), &observed.statistics, String::new());
        for (server, name) in servers.iter().zip(names) {
            add(name, &server.statistics, State::of(server).words());
        }
        align(&mut table, &[0]);
        table
    }

    /// Returns the width that the columns with these heads leave for the column of servers.
    fn room(&self, head: &[&str]) -> usize {
        let others: usize = head.iter().map(|head| head.len() + GAP).sum();
        self.screen.width.saturating_sub(INDENT + GAP + others + STATE)
    }

    /// Returns a label for each server. Servers that would share a name get their numbers instead.
    fn names(
        &mut self,
        service: &ServiceKey,
        servers: &[ObservedDestination],
        room: usize,
    ) -> Vec<String> {
        let protocol = port_protocol(service);
        let name = |labels: &mut Labels, server: &ObservedDestination| {
            let DestinationKey { address, port } = server.destination.key;
            label(labels, address, port, protocol, room)
        };
        let mut names: Vec<String> =
            servers.iter().map(|server| name(&mut self.labels, server)).collect();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for name in &names {
            *counts.entry(name.clone()).or_default() += 1;
        }
        for (known, server) in names.iter_mut().zip(servers) {
            if counts.get(known) != Some(&1) {
                *known = name(&mut Labels::numeric(), server);
            }
        }
        names
    }
}

impl<W: Write> View for Pretty<'_, W> {
    fn prepare(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.labels.prepare(addresses);
    }

    fn service(
        &mut self,
        observed: &ObservedService,
        servers: &[ObservedDestination],
    ) -> io::Result<()> {
        let heading = self.heading(&observed.service, servers);
        writeln!(self.out)?;
        self.line(&heading, BOLD)?;
        if servers.is_empty() {
            return Ok(());
        }
        let counted = self.columns.have_counters();
        let (table, all) = match counted {
            true => (self.counters(observed, servers), 1),
            false => (self.shares(&observed.service.key, servers), 0),
        };
        // A row is a line: no cell has a newline, and none is wrapped.
        for (n, line) in table.lines().enumerate() {
            let server = n.checked_sub(1 + all).and_then(|n| servers.get(n));
            let colour = server.map_or("", |server| match State::of(server) {
                State { overloaded: true, .. } => RED,
                State { drained: true, .. } => YELLOW,
                State { .. } => "",
            });
            self.line(&format!("{:INDENT$}{}", "", line.trim_end()), colour)?;
        }
        Ok(())
    }
}

/// The state of a server that its numbers do not show at once.
struct State {
    /// Its weight is 0: it gets no new connections.
    drained: bool,
    /// It has reached its upper threshold: it gets no new connections.
    overloaded: bool,
}

impl State {
    fn of(observed: &ObservedDestination) -> State {
        let upper = u64::from(observed.destination.upper_threshold);
        let connections = u64::from(observed.active) + u64::from(observed.inactive);
        State {
            drained: observed.destination.weight == 0,
            overloaded: upper > 0 && connections >= upper,
        }
    }

    fn words(&self) -> String {
        let words = match (self.drained, self.overloaded) {
            (false, false) => "",
            (true, false) => "drained",
            (false, true) => "overloaded",
            (true, true) => "drained, overloaded",
        };
        words.to_string()
    }
}

fn sum(servers: &[ObservedDestination], of: fn(&ObservedDestination) -> u32) -> u64 {
    servers.iter().map(|server| u64::from(of(server))).sum()
}

/// Formats a share as a bar and in percent; `-` if the whole is 0.
fn share(part: u32, whole: u64, bar: usize) -> String {
    let part = u64::from(part);
    // Rounded; a part has 32 bits, so the product fits.
    let of = |scale: u64| (part * scale + whole / 2).checked_div(whole);
    let percent = match of(100) {
        None => "-".to_string(),
        Some(0) if part > 0 => "<1%".to_string(),
        Some(percent) => format!("{percent}%"),
    };
    // A part above 0 shows at least one mark.
    let filled = of(bar as u64).unwrap_or(0).max(u64::from(part > 0)) as usize;
    format!("{}{} {percent:>4}", "#".repeat(filled), ".".repeat(bar.saturating_sub(filled)))
}

/// Returns an address and port in numbers, or their names, the host's name cut to the room.
fn label(
    labels: &mut Labels,
    address: IpAddr,
    port: u16,
    protocol: Option<Protocol>,
    room: usize,
) -> String {
    let (host, port) = labels.parts(address, port, protocol);
    let brackets = address.is_ipv6();
    let mut label = String::from(if brackets { "[" } else { "" });
    match host {
        None => push_address(&mut label, address),
        Some(name) => {
            let room = room.saturating_sub(port.chars().count() + if brackets { 3 } else { 1 });
            push_cut(&mut label, &name, room.max(SHORTEST_NAME));
        }
    }
    label.push_str(if brackets { "]:" } else { ":" });
    label.push_str(&port);
    without_controls(&label).into_owned()
}

fn push_cut(text: &mut String, name: &str, longest: usize) {
    const CUT: &str = "...";
    let start = text.len();
    text.push_str(name);
    if name.chars().count() > longest {
        cut(text, start, longest.saturating_sub(CUT.len()));
        text.push_str(CUT);
    }
}

/// Returns a table without borders: the servers, these columns, and one without a head.
fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    let all = ["server"].iter().chain(head).chain(&[""]);
    table.load_preset(presets::NOTHING).set_header(all.copied());
    table
}

/// Aligns numbers to the right, and makes the column of servers wide enough for most tables to agree.
fn align(table: &mut Table, left: &[usize]) {
    let last = table.column_count().saturating_sub(1);
    for (n, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP as u16));
        if n == 0 {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
                (SERVER + GAP) as u16,
            )));
        }
        if n != last && !left.contains(&n) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
#[path = "pretty_tests.rs"]
mod tests;
