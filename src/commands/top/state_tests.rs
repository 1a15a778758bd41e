//! Readings and keys in, rows out.

use super::*;
use crate::commands::top::keys::{KeyAction, press};
use libipvs::model::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::net::Ipv4Addr;

/// A service 10.0.0.100:`port` with a rate, and servers 10.0.0.N:80 with a rate and a weight each.
pub fn service(
    port: u16,
    rate: u64,
    servers: &[(u8, u64, u32)],
) -> (ObservedService, Vec<ObservedDestination>) {
    let address = Ipv4Addr::new(10, 0, 0, 100).into();
    let key = ServiceKey::Address { protocol: Protocol::Tcp, address, port };
    let of_rate = |rate| {
        let mut statistics = Statistics::default();
        (statistics.connections_rate, statistics.bytes_in_rate) = (rate, 100 * rate);
        statistics
    };
    let server = |&(last, rate, weight): &(u8, u64, u32)| {
        let key = DestinationKey { address: Ipv4Addr::new(10, 0, 0, last).into(), port: 80 };
        let mut destination = Destination::new(key, Forwarding::Masquerading);
        destination.weight = weight;
        let mut observed = ObservedDestination::from(destination);
        (observed.active, observed.inactive) = (last.into(), 1);
        observed.statistics = of_rate(rate);
        observed
    };
    let mut service = ObservedService::from(Service::new(key));
    service.statistics = of_rate(rate);
    (service, servers.iter().map(server).collect())
}

/// Names 10.0.0.1 only.
pub struct One;

impl Names for One {
    fn host(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }
    fn host_name(&self, address: std::net::IpAddr) -> Option<String> {
        (address == Ipv4Addr::new(10, 0, 0, 1)).then(|| "Web".into())
    }
    fn port_name(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}

pub fn three() -> Table {
    vec![
        service(80, 10, &[(1, 4, 1), (2, 6, 0)]),
        service(81, 30, &[(1, 0, 5), (3, 30, 5)]),
        service(82, 20, &[]),
    ]
}

pub fn watching(table: Table) -> State {
    let mut state = State::new(true, Duration::from_secs(2));
    state.update(table, Duration::ZERO);
    state.set_page(10);
    state.arrange(&One);
    state
}

fn labels(state: &State) -> Vec<&str> {
    state.rows().iter().map(|row| row.label.trim_end()).collect()
}

/// Presses keys: each character is one; `^` is Esc, `_` Enter, `~` Down.
fn keys(state: &mut State, text: &str) -> KeyAction {
    let mut then = KeyAction::Show;
    for c in text.chars() {
        let code = match c {
            '^' => KeyCode::Esc,
            '_' => KeyCode::Enter,
            '~' => KeyCode::Down,
            c => KeyCode::Char(c),
        };
        then = press(state, code.into());
        state.arrange(&One);
    }
    then
}

fn other(state: &mut State, code: KeyCode) {
    press(state, code.into());
    state.arrange(&One);
}

#[test]
fn services_by_rate_and_servers_within_them() {
    let state = watching(three());
    assert_eq!(
        labels(&state),
        [
            "TCP  10.0.0.100:81",
            "  -> 10.0.0.3:80",
            "  -> 10.0.0.1:80",
            "TCP  10.0.0.100:82",
            "TCP  10.0.0.100:80",
            "  -| 10.0.0.2:80",
            "  -> 10.0.0.1:80",
        ]
    );
    assert_eq!(state.counts(), Some((3, 4, 1)));
    assert_eq!(state.total.figures.rates[0], 60);
    assert_eq!(state.total.figures.active, 1 + 2 + 1 + 3);
    let first = &state.rows()[0].figures;
    assert_eq!((first.rates[0], first.active, first.inactive, first.weight), (30, 4, 2, 10));
}

#[test]
fn sorted_by_any_column_and_back() {
    let mut state = watching(three());
    keys(&mut state, "-");
    let services = |state: &State| -> Vec<u16> {
        let port = |row: &&str| row[row.len() - 2..].parse().unwrap();
        labels(state).iter().map(port).collect()
    };
    assert_eq!(services(&state), [81, 82, 80]);
    keys(&mut state, "r");
    assert_eq!(services(&state), [80, 82, 81]);
    keys(&mut state, "1");
    assert_eq!(services(&state), [80, 81, 82]);
    keys(&mut state, "1");
    assert_eq!(services(&state), [82, 81, 80]);
    keys(&mut state, "<");
    assert_eq!((state.sort, services(&state)), (Column::Weight, vec![81, 80, 82]));
    keys(&mut state, ">>");
    assert_eq!((state.sort, services(&state)), (Column::Cps, vec![81, 82, 80]));
    keys(&mut state, "7");
    assert_eq!((state.sort, services(&state)), (Column::Active, vec![81, 80, 82]));
    keys(&mut state, "0");
    assert_eq!(state.sort, Column::Active);
}

#[test]
fn services_open_and_close() {
    let mut state = watching(three());
    keys(&mut state, "_");
    assert_eq!(labels(&state)[1], "TCP  10.0.0.100:82");
    keys(&mut state, "_");
    assert_eq!(labels(&state)[1], "  -> 10.0.0.3:80");
    // Closed from one of its servers.
    keys(&mut state, "~~");
    other(&mut state, KeyCode::Left);
    assert_eq!((state.selected(), labels(&state).len()), (0, 5));
    other(&mut state, KeyCode::Left);
    assert_eq!(labels(&state).len(), 5);
    other(&mut state, KeyCode::Right);
    assert_eq!(labels(&state).len(), 7);
    keys(&mut state, "-");
    assert_eq!(labels(&state).len(), 3);
    // All are closed, new ones too; then one is opened.
    keys(&mut state, "~~_");
    let mut more = three();
    more.push(service(83, 99, &[(9, 9, 9)]));
    state.update(more, Duration::from_secs(2));
    state.arrange(&One);
    assert_eq!(labels(&state).len(), 4 + 2);
    keys(&mut state, "+");
    assert_eq!(labels(&state).len(), 4 + 5);
}

#[test]
fn a_filter_finds_services_and_servers() {
    let mut state = watching(three());
    keys(&mut state, "/0.3:_");
    assert_eq!(labels(&state), ["TCP  10.0.0.100:81", "  -> 10.0.0.3:80"]);
    assert!(!state.typing);
    // Keys are commands again: Esc clears the filter, a second one quits.
    keys(&mut state, "-");
    assert_eq!(labels(&state).len(), 2);
    assert_eq!(keys(&mut state, "+^"), KeyAction::Show);
    assert_eq!(labels(&state).len(), 7);
    assert_eq!(keys(&mut state, "^"), KeyAction::Quit);
    // A service matches with all of its servers; case is ignored, and names count.
    keys(&mut state, "/tcp  10.0.0.100:80_");
    assert_eq!(labels(&state).len(), 3);
    keys(&mut state, "^n/web");
    assert!(state.typing);
    assert_eq!(
        labels(&state),
        ["TCP  10.0.0.100:81", "  -> Web:80", "TCP  10.0.0.100:80", "  -> Web:80"]
    );
    other(&mut state, KeyCode::Backspace);
    keys(&mut state, "q");
    assert_eq!((state.filter.as_str(), labels(&state).len()), ("weq", 0));
    keys(&mut state, "^");
    assert_eq!((state.filter.as_str(), state.typing), ("", false));
    keys(&mut state, &format!("/{}", "x".repeat(1000)));
    assert!(state.filter.len() < 100);
}

#[test]
fn the_selection_stays_with_its_row() {
    let mut state = watching(three());
    keys(&mut state, "~~~~");
    assert_eq!(state.rows()[state.selected()].label, "TCP  10.0.0.100:80");
    // The row becomes the busiest and moves up.
    let mut table = three();
    table[0].0.statistics.connections_rate = 1000;
    state.update(table, Duration::from_secs(2));
    state.arrange(&One);
    assert_eq!(state.selected(), 0);
    assert_eq!(state.rows()[0].label, "TCP  10.0.0.100:80");
    // The row is gone: the first one is selected.
    state.update(three()[1..].to_vec(), Duration::from_secs(4));
    state.arrange(&One);
    assert_eq!((state.selected(), state.rows()[0].label.as_str()), (0, "TCP  10.0.0.100:81"));
    // A selection at the top stays at the top.
    let mut state = watching(three());
    let mut table = three();
    table[2].0.statistics.connections_rate = 1000;
    state.update(table, Duration::from_secs(2));
    state.arrange(&One);
    assert_eq!((state.selected(), state.rows()[0].label.as_str()), (0, "TCP  10.0.0.100:82"));
}

#[test]
fn scrolling_keeps_the_screen_full() {
    let many: Table = (0..50).map(|n| service(1000 + n, 0, &[])).collect();
    let mut state = watching(many);
    assert_eq!((state.top, state.selected()), (0, 0));
    other(&mut state, KeyCode::PageDown);
    assert_eq!((state.top, state.selected()), (1, 10));
    other(&mut state, KeyCode::End);
    assert_eq!((state.top, state.selected()), (40, 49));
    other(&mut state, KeyCode::Down);
    assert_eq!(state.selected(), 49);
    other(&mut state, KeyCode::PageUp);
    assert_eq!((state.top, state.selected()), (39, 39));
    // A larger screen shows no empty lines at the end.
    state.set_page(30);
    assert_eq!(state.top, 20);
    state.set_page(0);
    assert_eq!((state.top, state.page()), (39, 1));
    other(&mut state, KeyCode::Home);
    assert_eq!((state.top, state.selected()), (0, 0));
    state.update(Vec::new(), Duration::from_secs(2));
    state.arrange(&One);
    for code in [KeyCode::Down, KeyCode::End, KeyCode::Enter, KeyCode::Left, KeyCode::PageUp] {
        other(&mut state, code);
        assert_eq!((state.top, state.selected(), state.rows().len()), (0, 0, 0));
    }
}

#[test]
fn keys_that_are_not_about_rows() {
    let mut state = watching(three());
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    for typed in ["", "/", "?"] {
        keys(&mut state, typed);
        assert_eq!(press(&mut state, control('c')), KeyAction::Quit);
        assert_eq!(press(&mut state, control('z')), KeyAction::Stop);
        assert_eq!(press(&mut state, control('l')), KeyAction::Repaint);
        keys(&mut state, if typed.is_empty() { "" } else { "^" });
    }
    assert_eq!(keys(&mut state, "?q"), KeyAction::Show);
    assert!(!state.help);
    keys(&mut state, "p");
    assert!(state.paused);
    keys(&mut state, "p");
    assert!(!state.paused);
    assert_eq!(keys(&mut state, "q"), KeyAction::Quit);
}

#[test]
fn the_history_is_that_of_the_column() {
    let mut state = watching(three());
    let last = |state: &State| state.history_of(&state.rows()[0], 4)[3];
    assert_eq!(last(&state), 30.0);
    keys(&mut state, "5");
    assert_eq!(last(&state), 3000.0);
    keys(&mut state, "9");
    assert_eq!((state.history_column(), last(&state)), (Column::Cps, 30.0));
    assert_eq!(state.history_of(&state.total, 4)[3], 60.0);
}
