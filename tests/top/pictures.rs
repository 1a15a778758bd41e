//! The pictures in docs/: a real run with traffic, drawn as SVG from the emulator's screen.
//!
//! `TOP_PICTURES=5.3` (`make screenshots`) writes them after that many minutes; without it nothing runs.

use crate::lab::Network;
use crate::support::{Test, ipvsadm_with};
use crate::top;
use crate::tty::Tty;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;
use vt100::Color;

pub const TESTS: &[Test] = &[("pictures: a run with traffic", take)];

/// The size of a cell, and the position of its text.
const WIDE: f64 = 8.4;
const HIGH: f64 = 18.0;
const BASE: f64 = 13.5;
const MARGIN: f64 = 12.0;

/// The folder of the pictures: lab/run's folder for results, which is writable.
fn folder() -> PathBuf {
    PathBuf::from("/results")
}

fn take() {
    let mut net = Network::up("nat");
    net.sh("director_vip 10.0.0.100 fd00::100
        for port in 80 443; do serve rs1 $port; serve rs2 $port; done");
    net.enter("director");
    ipvsadm_with(
        "-R",
        "-A -t 10.0.0.100:80 -s wrr\n\
         -a -t 10.0.0.100:80 -r 10.1.0.11:80 -m -w 3\n\
         -a -t 10.0.0.100:80 -r 10.1.0.12:80 -m -w 1\n\
         -a -t 10.0.0.100:80 -r 10.1.0.13:80 -m -w 0\n\
         -A -t 10.0.0.100:443 -s wlc -p 300\n\
         -a -t 10.0.0.100:443 -r 10.1.0.11:443 -m\n\
         -a -t 10.0.0.100:443 -r 10.1.0.12:443 -m\n\
         -A -u 10.0.0.100:53 -s rr\n\
         -a -u 10.0.0.100:53 -r 10.1.0.11:53 -m\n\
         -a -u 10.0.0.100:53 -r 10.1.0.12:53 -m -w 2\n\
         -A -t [fd00::100]:80 -s rr\n\
         -a -t [fd00::100]:80 -r [fd01::11]:80 -m\n\
         -a -t [fd00::100]:80 -r [fd01::12]:80 -m\n\
         -A -f 7 -s rr\n\
         -a -f 7 -r 10.1.0.12:0 -m\n",
    )
    .ok();
    // Clients that come and go in waves.
    net.sh(
        "visit() { on client bash -c 'while true; do n=$(($3 + $3 * (SECONDS / $4 % 3))); for ((i = 0; i < n; i++)); do (exec 3<>/dev/tcp/$1/$2 && read -r _ <&3) 2>/dev/null; done; sleep 1; done' visit \"$@\"; }
        (visit 10.0.0.100 80 9 20 >/dev/null 2>&1 &)
        (visit 10.0.0.100 443 4 33 >/dev/null 2>&1 &)
        (visit fd00::100 80 2 47 >/dev/null 2>&1 &)
        (on client bash -c 'while true; do for i in 1 2 3 4 5; do echo hello >/dev/udp/10.0.0.100/53; done; sleep 1; done' >/dev/null 2>&1 &)",
    );
    let mut tty = top("-n", (112, 22));
    tty.shows("5 services");
    let minutes = std::env::var("TOP_PICTURES").ok().and_then(|n| n.parse().ok()).unwrap_or(5.3);
    std::thread::sleep(Duration::from_secs_f64(60.0 * minutes));
    picture(&tty, "top.svg");
    // One service open and the rest closed, then a filter; sorted by bytes.
    tty.keys("5/10.0.0.100:80\r");
    tty.shows("Names that contain");
    tty.no_more("443");
    tty.resize((112, 10));
    std::thread::sleep(Duration::from_secs(3));
    picture(&tty, "top-filter.svg");
    tty.keys("q");
    assert_eq!(tty.ends(), 0);
}

fn picture(tty: &Tty, name: &str) {
    let svg = tty.look(|emulator| draw(emulator.screen()));
    assert!(svg.len() < 60_000, "{name} has {} bytes", svg.len());
    let file = folder().join(name);
    std::fs::write(&file, svg).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
}

/// The first sixteen colours, as far as they are used.
fn colour(colour: Color, otherwise: &'static str) -> &'static str {
    match colour {
        Color::Idx(1 | 9) => "#f47067",
        Color::Idx(3 | 11) => "#d7a54a",
        Color::Idx(6 | 14) => "#4fb8c4",
        Color::Default | Color::Idx(_) | Color::Rgb(..) => otherwise,
    }
}

fn draw(screen: &vt100::Screen) -> String {
    let (lines, columns) = screen.size();
    let width = f64::from(columns) * WIDE + 2.0 * MARGIN;
    let height = f64::from(lines) * HIGH + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <!-- A run in the lab kernel, drawn by make screenshots (tests/top/pictures.rs). -->\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#16191d\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n"
    );
    for line in 0..lines {
        let mut column = 0;
        while column < columns {
            let start = column;
            let style = style(screen, line, column);
            let mut text = String::new();
            while column < columns && self::style(screen, line, column) == style {
                let contents =
                    screen.cell(line, column).map_or_else(String::new, vt100::Cell::contents);
                text.push_str(if contents.is_empty() { " " } else { &contents });
                column += 1;
            }
            push_run(&mut svg, &text, line, start, style);
        }
    }
    svg + "</g>\n</svg>\n"
}

/// The colour of the text and of its background, and the other attributes.
type Style = (&'static str, &'static str, bool, bool);

fn style(screen: &vt100::Screen, line: u16, column: u16) -> Style {
    let (ground, ink) = ("#16191d", "#d5d9de");
    let Some(cell) = screen.cell(line, column) else { return (ink, ground, false, false) };
    let (front, back) = (colour(cell.fgcolor(), ink), colour(cell.bgcolor(), ground));
    let (front, back) = if cell.inverse() { (back, front) } else { (front, back) };
    (front, back, cell.bold(), cell.underline())
}

/// Appends adjacent cells of one style.
fn push_run(svg: &mut String, text: &str, line: u16, column: u16, style: Style) {
    let (front, back, bold, underlined) = style;
    let (x, y) = (f64::from(column) * WIDE + MARGIN, f64::from(line) * HIGH + MARGIN);
    let width = text.chars().count() as f64 * WIDE;
    if back != "#16191d" {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HIGH}\" fill=\"{back}\"/>"
        );
    }
    if underlined {
        let below = y + HIGH - 2.0;
        let _ = writeln!(svg, "<path d=\"M{x:.1} {below:.1}h{width:.1}\" stroke=\"{front}\"/>");
    }
    // Words one by one: a font of another width keeps the columns.
    let mut at = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if length > 0 {
            let x = x + at as f64 * WIDE;
            let word = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let weight = if bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" fill=\"{front}\"{weight}>{word}</text>",
                y + BASE,
                length as f64 * WIDE,
            );
        }
        at += length + 1;
    }
}
