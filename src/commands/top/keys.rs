//! Keys: what each does to the state.

use super::columns;
use super::state::State;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The action that the loop takes after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Draw the state.
    Show,
    /// Draw every cell again: another program has written on the terminal.
    Repaint,
    /// Release the terminal and stop until SIGCONT.
    Stop,
    Quit,
}

/// The maximum length of a filter.
const MAX_FILTER: usize = 60;

/// The keys, for the help.
pub const HELP: &[(&str, &str)] = &[
    ("Up Down PgUp PgDn Home End", "move"),
    ("Enter", "open or close a service; Right opens, Left closes"),
    ("+ -", "open or close all services"),
    ("1 to 9", "sort by a column; again to reverse"),
    ("< > r", "sort by the next column; reverse"),
    ("/", "filter by name; Esc shows all"),
    ("n", "switch between names and numbers"),
    ("p", "pause or resume"),
    ("Ctrl-L Ctrl-Z", "redraw; suspend"),
    ("q Esc Ctrl-C", "quit"),
];

/// Applies a key to the state.
pub fn press(state: &mut State, key: KeyEvent) -> KeyAction {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => KeyAction::Quit,
            KeyCode::Char('l') => KeyAction::Repaint,
            KeyCode::Char('z') => KeyAction::Stop,
            _ => KeyAction::Show,
        };
    }
    if state.help {
        // Any key closes the help.
        state.help = false;
        return KeyAction::Show;
    }
    if state.typing {
        type_filter(state, key.code);
        return KeyAction::Show;
    }
    let (selected, page) = (state.selected(), state.page());
    match key.code {
        KeyCode::Char('q') => return KeyAction::Quit,
        KeyCode::Esc if state.filter.is_empty() => return KeyAction::Quit,
        KeyCode::Esc => state.filter.clear(),
        KeyCode::Up | KeyCode::Char('k') => state.select(selected.saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => state.select(selected + 1),
        KeyCode::PageUp => state.select(selected.saturating_sub(page)),
        KeyCode::PageDown => state.select(selected + page),
        KeyCode::Home => state.select(0),
        KeyCode::End => state.select(usize::MAX),
        KeyCode::Enter => state.open_selected(None),
        KeyCode::Right => state.open_selected(Some(true)),
        KeyCode::Left => state.open_selected(Some(false)),
        KeyCode::Char('+') => state.open_all(true),
        KeyCode::Char('-') => state.open_all(false),
        KeyCode::Char('<') => state.sort_by_neighbour(false),
        KeyCode::Char('>') => state.sort_by_neighbour(true),
        KeyCode::Char('r') => state.reverse = !state.reverse,
        KeyCode::Char('/') => state.typing = true,
        KeyCode::Char('n') => state.numeric = !state.numeric,
        KeyCode::Char('p') => state.paused = !state.paused,
        KeyCode::Char('?' | 'h') => state.help = true,
        KeyCode::Char(digit) => {
            let place = digit.to_digit(10).and_then(|n| n.checked_sub(1));
            if let Some(column) = place.and_then(|n| columns::ALL.get(n as usize)) {
                state.sort_by(*column);
            }
        }
        _ => {}
    }
    KeyAction::Show
}

fn type_filter(state: &mut State, key: KeyCode) {
    match key {
        KeyCode::Enter => state.typing = false,
        KeyCode::Esc => {
            state.typing = false;
            state.filter.clear();
        }
        KeyCode::Backspace => {
            state.filter.pop();
        }
        KeyCode::Char(c) if state.filter.chars().count() < MAX_FILTER => state.filter.push(c),
        _ => {}
    }
}
