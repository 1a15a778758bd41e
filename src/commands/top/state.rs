//! The state of the view: readings and keys in, rows out. It has no kernel, no terminal and no clock.

use super::columns::{self, Column, Figures, RATES};
use super::history::History;
use super::reader::Table;
use crate::names::Names;
use crate::view::classic::push_kind;
use crate::view::counters::rates;
use crate::view::labels::{Labels, port_protocol};
use libipvs::model::{DestinationKey, ServiceKey};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

/// The identity of a row, independent of its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// The total of all services.
    Total,
    Service(ServiceKey),
    Server(ServiceKey, DestinationKey),
}

/// A row of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: Key,
    pub label: String,
    pub figures: Figures,
    /// The server gets no new connections: its weight is 0.
    pub drained: bool,
}

/// The state that keys change.
#[derive(Debug)]
pub struct State {
    pub numeric: bool,
    pub interval: Duration,
    pub sort: Column,
    /// Smallest first; for names, last first.
    pub reverse: bool,
    pub filter: String,
    /// The filter is being typed.
    pub typing: bool,
    pub paused: bool,
    pub help: bool,
    /// The error of the last reading.
    pub error: Option<String>,
    /// Entries of the connection table and their limit, where the kernel counts them.
    pub connections: Option<(u64, Option<u64>)>,
    /// The reason why rates stand still.
    pub frozen: Option<&'static str>,
    /// True if services are open by default; those in `exceptions` are the opposite.
    open: bool,
    exceptions: HashSet<ServiceKey>,
    /// The row that keys act on; the first row if it is gone.
    selected: Option<Key>,
    /// The index of the first row on the screen.
    pub top: usize,
    /// The number of rows that fit on the screen.
    page: usize,
    table: Option<Table>,
    history: History<Key>,
    pub total: Row,
    rows: Vec<Row>,
}

impl State {
    pub fn new(numeric: bool, interval: Duration) -> State {
        let total = Row {
            key: Key::Total,
            label: "All".into(),
            figures: Figures::default(),
            drained: false,
        };
        State {
            numeric,
            interval,
            sort: Column::Cps,
            reverse: false,
            filter: String::new(),
            typing: false,
            paused: false,
            help: false,
            error: None,
            connections: None,
            frozen: None,
            open: true,
            exceptions: HashSet::new(),
            selected: None,
            top: 0,
            page: 1,
            table: None,
            history: History::new(interval),
            total,
            rows: Vec::new(),
        }
    }

    /// Takes a reading, made this long after the first.
    pub fn update(&mut self, table: Table, since_start: Duration) {
        self.history.advance_to(since_start);
        let mut sums = [0u64; RATES];
        for (service, servers) in &table {
            let key = service.service.key;
            let of_service = rates(&service.statistics);
            for (sum, rate) in sums.iter_mut().zip(of_service) {
                *sum = sum.saturating_add(rate);
            }
            self.history.add(Key::Service(key), of_service);
            for server in servers {
                let name = Key::Server(key, server.destination.key);
                self.history.add(name, rates(&server.statistics));
            }
        }
        self.history.add(Key::Total, sums);
        let servers = table.iter().flat_map(|(_, servers)| servers);
        self.total.figures = Figures::sum(sums, servers.map(Figures::from));
        self.table = Some(table);
        self.error = None;
    }

    /// Computes the rows. Call it after every change of the state.
    pub fn arrange(&mut self, names: &dyn Names) {
        let mut labels = match self.numeric {
            true => Labels::numeric(),
            false => Labels::named(names),
        };
        let wanted = self.filter.to_lowercase();
        let mut groups = Vec::new();
        for (service, servers) in self.table.iter().flatten() {
            let key = service.service.key;
            let mut servers: Vec<Row> = servers
                .iter()
                .map(|server| {
                    let drained = server.destination.weight == 0;
                    let at = server.destination.key;
                    let mut label = String::from(if drained { "  -| " } else { "  -> " });
                    labels.endpoint(&mut label, at.address, at.port, port_protocol(&key));
                    let figures = Figures::from(server);
                    Row { key: Key::Server(key, at), label, figures, drained }
                })
                .collect();
            let mut label = String::new();
            push_kind(&mut label, &key);
            labels.service(&mut label, &key, " IPv6");
            let parts = servers.iter().map(|server| server.figures);
            let figures = Figures::sum(rates(&service.statistics), parts);
            let mut open = self.is_open(&key);
            if !label.to_lowercase().contains(&wanted) {
                servers.retain(|server| server.label.to_lowercase().contains(&wanted));
                if servers.is_empty() {
                    continue;
                }
                // The service is shown because these servers match.
                open = true;
            }
            if !open {
                servers.clear();
            }
            self.sort_rows(&mut servers, |row| row);
            let row = Row { key: Key::Service(key), label, figures, drained: false };
            groups.push((row, servers));
        }
        self.sort_rows(&mut groups, |(row, _)| row);
        self.rows.clear();
        for (row, servers) in groups {
            self.rows.push(row);
            self.rows.extend(servers);
        }
        self.scroll();
    }

    /// Sorts largest first; names, and equal numbers, as in a listing.
    fn sort_rows<T>(&self, rows: &mut [T], row: impl Fn(&T) -> &Row) {
        match (self.sort, self.reverse) {
            (Column::Name, false) => {}
            (Column::Name, true) => rows.reverse(),
            (column, false) => rows.sort_by_key(|r| Reverse(row(r).figures.get(column))),
            (column, true) => rows.sort_by_key(|r| row(r).figures.get(column)),
        }
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the number of services, of servers, and of servers with weight 0; None before the first reading.
    pub fn counts(&self) -> Option<(usize, usize, usize)> {
        let table = self.table.as_ref()?;
        let servers = || table.iter().flat_map(|(_, servers)| servers);
        let drained = servers().filter(|server| server.destination.weight == 0).count();
        Some((table.len(), servers().count(), drained))
    }

    /// Returns the rate whose history is shown: the sort column, if it is a rate.
    pub fn history_column(&self) -> Column {
        if self.sort.rate().is_some() { self.sort } else { Column::Cps }
    }

    pub fn history_of(&self, row: &Row, width: usize) -> Vec<f32> {
        self.history.cells(&row.key, self.history_column().rate().unwrap_or(0), width)
    }

    /// Returns the time that the history covers.
    pub fn history_length(&self) -> Duration {
        self.history.length()
    }

    /// Returns the index of the row that keys act on.
    pub fn selected(&self) -> usize {
        let is_it = |key| self.rows.iter().position(|row| row.key == key);
        self.selected.and_then(is_it).unwrap_or(0)
    }

    /// Sets the number of rows that fit on the screen.
    pub fn set_page(&mut self, page: usize) {
        self.page = page.max(1);
        self.scroll();
    }

    /// Scrolls so that the selected row is visible and the screen is full.
    fn scroll(&mut self) {
        let selected = self.selected();
        self.top = self.top.min(self.rows.len().saturating_sub(self.page));
        self.top = self.top.min(selected).max((selected + 1).saturating_sub(self.page));
    }

    /// Selects a row, or the nearest one. On the first row the view stays at the top when rows move.
    pub fn select(&mut self, place: usize) {
        let place = place.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(place).filter(|_| place > 0).map(|row| row.key);
        self.scroll();
    }

    pub fn page(&self) -> usize {
        self.page
    }

    fn is_open(&self, service: &ServiceKey) -> bool {
        self.open != self.exceptions.contains(service)
    }

    /// Opens or closes all services.
    pub fn open_all(&mut self, open: bool) {
        self.open = open;
        self.exceptions.clear();
        if let Some(Key::Server(service, _)) = self.selected.filter(|_| !open) {
            self.selected = Some(Key::Service(service));
        }
    }

    /// Opens or closes the service of the selected row; toggles it without an argument.
    pub fn open_selected(&mut self, open: Option<bool>) {
        let service = match self.rows.get(self.selected()).map(|row| row.key) {
            Some(Key::Service(service) | Key::Server(service, _)) => service,
            Some(Key::Total) | None => return,
        };
        let is_open = self.is_open(&service);
        if open.unwrap_or(!is_open) == is_open {
            return;
        }
        if !self.exceptions.remove(&service) {
            self.exceptions.insert(service);
        }
        if is_open {
            // The servers disappear; the selection moves to their service.
            let row = self.rows.iter().position(|row| row.key == Key::Service(service));
            self.select(row.unwrap_or(0));
        }
    }

    /// Sorts by a column, or reverses the order if it is the sort column already.
    pub fn sort_by(&mut self, column: Column) {
        self.reverse = self.sort == column && !self.reverse;
        self.sort = column;
    }

    /// Sorts by the column next to the sort column.
    pub fn sort_by_neighbour(&mut self, right: bool) {
        let count = columns::ALL.len();
        let at = columns::ALL.iter().position(|column| *column == self.sort).unwrap_or(0);
        let at = if right { at + 1 } else { at + count - 1 } % count;
        self.sort = columns::ALL[at];
        self.reverse = false;
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
pub mod tests;
