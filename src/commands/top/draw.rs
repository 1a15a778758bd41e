//! Draws the state on a screen of any size: one line for the table, the heads, the total of all
//! services, the rows, and one line for the keys or the last error.

use super::columns::{ALL, Column, DISPENSABLE, WIDEST, push_short};
use super::history::push_bars;
use super::keys::HELP;
use super::state::{Key, Row, State};
use crate::view::columns::push_number;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};
use std::time::Duration;

/// The capabilities of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Capabilities {
    pub colour: bool,
    /// It shows characters beyond ASCII.
    pub unicode: bool,
}

impl Capabilities {
    /// Reads the environment.
    pub fn from_environment() -> Capabilities {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
        Capabilities {
            colour: set("NO_COLOR").is_none(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    fn bars(self) -> &'static [char] {
        if self.unicode {
            &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
        } else {
            &['.', ':', '-', '=', '+', '*', '%', '#']
        }
    }

    fn arrow(self, reverse: bool) -> char {
        match (self.unicode, reverse) {
            (true, false) => '▼',
            (true, true) => '▲',
            (false, false) => 'v',
            (false, true) => '^',
        }
    }

    fn in_colour(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

/// The width of a number and the blank before it.
const NUMBER: usize = WIDEST + 1;
/// Columns are dropped so that names get up to this width ...
const NAME: usize = 28;
/// ... and the history this width.
const BARS: usize = 10;

/// The widths of the parts of a row.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    name: usize,
    numbers: Vec<Column>,
    bars: usize,
}

/// Gives room to names first, then to as many columns as leave room for the history.
fn layout(width: usize, longest: usize, sort: Column) -> Layout {
    let mut numbers: Vec<Column> = ALL[1..].to_vec();
    let least = longest.clamp(Column::Name.head().len() + 2, NAME);
    for column in DISPENSABLE {
        if least + numbers.len() * NUMBER + 1 + BARS <= width {
            break;
        }
        numbers.retain(|other| *other != column || column == sort);
    }
    let rest = width.saturating_sub(numbers.len() * NUMBER);
    let name = longest.max(least).min(rest.saturating_sub(1 + BARS)).max(least.min(rest));
    let bars = rest.saturating_sub(name + 1).min(super::history::STEPS);
    Layout { name, numbers, bars }
}

/// Draws the state, and tells it how many rows fit.
pub fn draw(frame: &mut Frame, state: &mut State, capabilities: Capabilities) {
    let area = frame.area();
    let (width, height) = (area.width as usize, area.height as usize);
    state.set_page(height.saturating_sub(4));
    let mut page = Page { buffer: frame.buffer_mut(), width, height, line: String::new() };
    let rows = state.rows();
    let longest = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
    let layout = layout(width, longest, state.sort);

    page.line.push_str(&headline(state));
    page.write(0, 0, width, Style::new());
    if state.paused {
        page.line.push_str(" paused ");
        let style = capabilities.in_colour(Color::Yellow).add_modifier(Modifier::REVERSED);
        page.write(0, width.saturating_sub(8), 8, style);
    }
    heads(&mut page, state, &layout, capabilities);
    page.row(2, &state.total, state, &layout, capabilities);
    let selected = state.selected();
    let last = height.saturating_sub(1);
    for (y, (place, row)) in (3..last).zip(rows.iter().enumerate().skip(state.top)) {
        page.row(y, row, state, &layout, capabilities);
        if place == selected {
            // Bars in reverse video would read the wrong way round.
            let end = (layout.name + layout.numbers.len() * NUMBER).min(width);
            let line = Rect::new(0, y as u16, end as u16, 1);
            page.buffer.set_style(line, Style::new().add_modifier(Modifier::REVERSED));
        }
    }
    if rows.is_empty() && height > 4 {
        page.line.push_str(match state.counts() {
            None => "Reading the table.",
            Some(_) if !state.filter.is_empty() => "No name contains this text.",
            Some(_) => "No such virtual service at present.",
        });
        page.write(3, 2, width, Style::new());
    }
    if height > 3 {
        bottom(&mut page, state, last, capabilities);
    }
    if state.help {
        help(area, frame.buffer_mut());
    }
}

fn headline(state: &State) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut line = String::from("ipvsadm top");
    if let Some((services, servers, drained)) = state.counts() {
        line += &format!("  {}, {}", count(services, "service"), count(servers, "server"));
        if drained > 0 {
            line += &format!(" ({drained} with weight 0)");
        }
    }
    match state.connections {
        Some((used, Some(max))) => line += &format!("  {used} of {max} connections"),
        Some((used, None)) => line += &format!("  {used} connections"),
        None => {}
    }
    line += &format!("  every {} s", state.interval.as_secs_f64());
    if let Some(reason) = state.frozen {
        line += &format!("  rates stand still: {reason}");
    }
    line
}

fn heads(page: &mut Page, state: &State, layout: &Layout, capabilities: Capabilities) {
    let head = Style::new().add_modifier(Modifier::UNDERLINED);
    let arrow = capabilities.arrow(state.reverse);
    let of = |column: Column| match column == state.sort {
        true => head.add_modifier(Modifier::BOLD),
        false => head,
    };
    page.line.push_str(Column::Name.head());
    if state.sort == Column::Name {
        page.line.push(' ');
        page.line.push(arrow);
    }
    page.fill(layout.name);
    page.write(1, 0, layout.name, of(Column::Name));
    let mut x = layout.name;
    for &column in &layout.numbers {
        let text = column.head();
        let mark = if column == state.sort { arrow } else { ' ' };
        page.line.extend(std::iter::repeat_n(' ', WIDEST - text.len()));
        page.line.push(mark);
        page.line.push_str(text);
        page.write(1, x, NUMBER, of(column));
        x += NUMBER;
    }
    let rate = state.history_column().head();
    let time = in_words(state.history_length());
    let long = format!("{rate}, last {time}");
    let title = if long.len() <= layout.bars { long } else { format!("{rate}, {time}") };
    page.line.push_str(&format!(" {title}"));
    page.fill(layout.bars + 1);
    page.write(1, x, layout.bars + 1, head);
}

/// Formats a time as `5 min` or `90 s`.
fn in_words(length: Duration) -> String {
    match length.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn bottom(page: &mut Page, state: &State, y: usize, capabilities: Capabilities) {
    let width = page.width;
    let strong = Style::new().add_modifier(Modifier::REVERSED);
    if state.typing {
        page.line.push_str(&format!("/{}", state.filter));
        let end = page.line.chars().count();
        page.write(y, 0, width, Style::new());
        page.line.push(' ');
        page.write(y, end, 1, strong);
    } else if let Some(error) = &state.error {
        page.line.push_str(error);
        page.write(y, 0, width, capabilities.in_colour(Color::Red).add_modifier(Modifier::BOLD));
    } else if !state.filter.is_empty() {
        page.line.push_str(&format!("Names that contain \"{}\": Esc shows all", state.filter));
        page.write(y, 0, width, Style::new());
    } else {
        page.line.push_str(
            "? help  Enter open/close  + - all  1-9 sort  r reverse  / filter  p pause  q quit",
        );
        page.write(y, 0, width, Style::new().add_modifier(Modifier::DIM));
    }
}

fn help(area: Rect, buffer: &mut Buffer) {
    let keys = HELP.iter().map(|(keys, _)| keys.len()).max().unwrap_or(0);
    let mut lines: Vec<String> =
        HELP.iter().map(|(key, does)| format!(" {key:keys$}  {does} ")).collect();
    lines.push(String::new());
    lines.push(
        " -| instead of -> marks a server with weight 0, which gets no new connections. ".into(),
    );
    lines.push(" Rates are the kernel's estimates, as --rate shows them. ".into());
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) as u16 + 2;
    let (width, height) = (width.min(area.width), (lines.len() as u16 + 2).min(area.height));
    let (x, y) = ((area.width - width) / 2, (area.height - height) / 2);
    let place = Rect::new(x, y, width, height);
    Clear.render(place, buffer);
    Paragraph::new(lines.join("\n")).block(Block::bordered().title(" Keys ")).render(place, buffer);
}

/// The screen, and the line being built.
struct Page<'b> {
    buffer: &'b mut Buffer,
    width: usize,
    height: usize,
    line: String,
}

impl Page<'_> {
    /// Writes the line at a position, cut to a number of cells, and clears it.
    fn write(&mut self, y: usize, x: usize, cells: usize, style: Style) {
        if y < self.height && x < self.width {
            let cells = cells.min(self.width - x);
            self.buffer.set_stringn(x as u16, y as u16, &self.line, cells, style);
        }
        self.line.clear();
    }

    /// Pads the line to a number of characters.
    fn fill(&mut self, width: usize) {
        let missing = width.saturating_sub(self.line.chars().count());
        self.line.extend(std::iter::repeat_n(' ', missing));
    }

    fn row(
        &mut self,
        y: usize,
        row: &Row,
        state: &State,
        layout: &Layout,
        capabilities: Capabilities,
    ) {
        let style = match row.key {
            Key::Total | Key::Service(_) => Style::new().add_modifier(Modifier::BOLD),
            Key::Server(..) if row.drained => {
                capabilities.in_colour(Color::Yellow).add_modifier(Modifier::DIM)
            }
            Key::Server(..) => Style::new(),
        };
        self.line.push_str(&row.label);
        self.write(y, 0, layout.name, style);
        for &column in &layout.numbers {
            let mut number = String::new();
            match column {
                // The weight has no unit: it is shown as configured.
                Column::Weight => push_number(&mut number, row.figures.weight),
                column => push_short(&mut number, row.figures.get(column)),
            }
            self.line.push(' ');
            self.line.extend(std::iter::repeat_n(' ', WIDEST.saturating_sub(number.len())));
            self.line.push_str(&number);
        }
        self.write(y, layout.name, layout.numbers.len() * NUMBER, style);
        if layout.bars > 0 {
            let x = layout.name + layout.numbers.len() * NUMBER + 1;
            push_bars(&mut self.line, &state.history_of(row, layout.bars), capabilities.bars());
            self.write(y, x, layout.bars, capabilities.in_colour(Color::Cyan));
        }
    }
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
