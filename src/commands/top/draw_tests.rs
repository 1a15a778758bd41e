//! The contents of the screen, without a terminal.

use super::*;
use crate::commands::top::state::tests::{One, service, three, watching};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const PLAIN: Capabilities = Capabilities { colour: false, unicode: true };

fn screen(state: &mut State, width: u16, height: u16, capabilities: Capabilities) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, capabilities)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..area.height).map(|y| line(y).trim_end().to_string()).collect()
}

fn text(state: &mut State, width: u16, height: u16) -> Vec<String> {
    lines(&screen(state, width, height, PLAIN))
}

#[test]
fn a_wide_screen_has_everything() {
    let mut state = watching(three());
    assert_eq!(
        text(&mut state, 100, 12),
        [
            "ipvsadm top  3 services, 4 servers (1 with weight 0)  every 2 s",
            "Prot LocalAddress:Port     ▼CPS  InPPS OutPPS  InBPS OutBPS Active  InAct Weight CPS, last 5 min",
            "All                          60      0      0   6000      0      7      4     11                   █",
            "TCP  10.0.0.100:81           30      0      0   3000      0      4      2     10                   █",
            "  -> 10.0.0.3:80             30      0      0   3000      0      3      1      5                   █",
            "  -> 10.0.0.1:80              0      0      0      0      0      1      1      5",
            "TCP  10.0.0.100:82           20      0      0   2000      0      0      0      0                   █",
            "TCP  10.0.0.100:80           10      0      0   1000      0      3      2      1                   █",
            "  -| 10.0.0.2:80              6      0      0    600      0      2      1      0                   █",
            "  -> 10.0.0.1:80              4      0      0    400      0      1      1      1                   █",
            "",
            "? help  Enter open/close  + - all  1-9 sort  r reverse  / filter  p pause  q quit",
        ]
    );
}

#[test]
fn a_narrow_one_leaves_columns_out_but_not_the_one_sorted_by() {
    let mut state = watching(three());
    let head = |state: &mut State, width| text(state, width, 10)[1].clone();
    assert_eq!(
        head(&mut state, 80),
        "Prot LocalAddress:Port     ▼CPS  InBPS OutBPS Active  InAct Weight CPS, 5 min"
    );
    state.sort_by(Column::OutPps);
    assert_eq!(
        head(&mut state, 80),
        "Prot LocalAddress:Port      CPS▼OutPPS  InBPS OutBPS Active Weight OutPPS, 5 min"
    );
    assert!(head(&mut state, 50).contains("▼OutPPS"));
}

#[test]
fn the_sizes_add_up() {
    for width in 0..300 {
        for longest in [0, 20, 31, 64] {
            for sort in ALL {
                let layout = layout(width, longest, sort);
                let numbers = layout.numbers.len() * NUMBER;
                assert!(layout.numbers.contains(&Column::Cps));
                assert!(sort == Column::Name || layout.numbers.contains(&sort));
                let used = layout.name + numbers + 1 + layout.bars;
                assert!(used <= width || layout.bars == 0, "{width} {longest} {layout:?}");
                assert!(width < 60 || layout.name >= longest.min(NAME), "{width} {layout:?}");
                assert!(width < 60 || layout.bars >= BARS, "{width} {longest} {layout:?}");
            }
        }
    }
}

#[test]
fn any_size_can_be_drawn() {
    for (width, height) in [(0, 0), (1, 1), (1, 50), (200, 1), (7, 4), (20, 5), (300, 100)] {
        for (help, typing, paused) in
            [(false, false, false), (true, false, true), (false, true, true)]
        {
            let mut state = watching(three());
            (state.help, state.typing, state.paused) = (help, typing, paused);
            state.filter = "1".repeat(60);
            state.arrange(&One);
            screen(&mut state, width, height, PLAIN);
        }
    }
}

#[test]
fn what_is_wrong_and_what_is_typed() {
    let last = |state: &mut State| text(state, 100, 10)[9].clone();
    let mut state = watching(three());
    state.filter = "10.0".into();
    state.typing = true;
    assert_eq!(last(&mut state), "/10.0");
    state.typing = false;
    assert_eq!(last(&mut state), "Names that contain \"10.0\": Esc shows all");
    state.error = Some("Cannot read the table: gone".into());
    assert_eq!(last(&mut state), "Cannot read the table: gone");
    // The next successful reading clears the error; the previous rows stay until then.
    assert!(text(&mut state, 100, 10)[3].contains("10.0.0.100:81"));
    state.update(Vec::new(), Duration::from_secs(2));
    state.arrange(&One);
    assert_eq!(text(&mut state, 100, 10)[3], "  No name contains this text.");
    state.filter.clear();
    state.arrange(&One);
    assert_eq!(text(&mut state, 100, 10)[3], "  No such virtual service at present.");
    assert_eq!(text(&mut state, 100, 10)[0], "ipvsadm top  0 services, 0 servers  every 2 s");
    state.paused = true;
    assert!(text(&mut state, 100, 10)[0].ends_with(" paused"));
}

#[test]
fn the_help_has_every_key() {
    let mut state = watching(three());
    state.help = true;
    let shown = text(&mut state, 90, 24).join("\n");
    for (keys, does) in HELP {
        assert!(shown.contains(keys) && shown.contains(does), "{keys}\n{shown}");
    }
    assert!(shown.contains("-| instead of ->") && shown.contains("Keys"));
}

#[test]
fn colours_are_for_those_who_want_them() {
    let mut state = watching(three());
    state.error = Some("gone".into());
    let coloured = |buffer: &Buffer| {
        let all = buffer.content.iter();
        all.filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset).count()
    };
    assert_eq!(coloured(&screen(&mut state, 100, 20, PLAIN)), 0);
    let capabilities = Capabilities { colour: true, unicode: false };
    let buffer = screen(&mut state, 100, 20, capabilities);
    assert!(coloured(&buffer) > 50);
    assert_eq!(buffer[(5, 8)].fg, Color::Yellow, "a server of weight 0");
    assert_eq!(buffer[(0, 19)].fg, Color::Red, "an error");
    assert!(lines(&buffer).iter().all(|line| line.is_ascii()));
}

#[test]
fn the_selected_row_is_seen() {
    let mut state = watching(three());
    state.select(2);
    let buffer = screen(&mut state, 100, 12, PLAIN);
    let reversed =
        |y: u16| (0..100).filter(|x| buffer[(*x, y)].modifier.contains(Modifier::REVERSED)).count();
    let rows: Vec<usize> = (0..12).map(reversed).collect();
    assert_eq!(rows, [0, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0], "without its bars");
}

#[test]
fn large_numbers_stay_in_their_columns() {
    let mut busy = service(80, 0, &[]);
    busy.0.statistics.packets_in_rate = u64::MAX;
    busy.0.statistics.bytes_in_rate = 123_456_789;
    let line = text(&mut watching(vec![busy]), 100, 10)[3].clone();
    assert!(
        line.starts_with("TCP  10.0.0.100:80            0 18446P      0   123M      0 "),
        "{line}"
    );
}
