//! The figures as a table.

use std::fmt::Write;
use std::process::Command;

#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// What the instructions go into.
    pub notes: Vec<String>,
}

enum Unit {
    Seconds,
    Kibibytes,
    Plain,
}

/// One thing that was measured, of each player that does it, and what was demanded.
pub struct Row {
    work: String,
    unit: Unit,
    classic: Option<f64>,
    ours: f64,
    floor: Option<f64>,
    against_floor: f64,
    /// At least so many times better than 1.31.
    faster: f64,
    /// At most so many times the floor.
    above: f64,
    /// At most so much.
    limit: Option<f64>,
}

impl Row {
    fn new(work: String, unit: Unit, classic: Option<f64>, ours: f64) -> Row {
        let (faster, above, limit) = (0.0, 0.0, None);
        Row { work, unit, classic, ours, floor: None, against_floor: 0.0, faster, above, limit }
    }

    pub fn time(work: impl Into<String>, classic: Option<f64>, ours: f64) -> Row {
        Row::new(work.into(), Unit::Seconds, classic, ours)
    }

    pub fn memory(work: impl Into<String>, classic: f64, ours: f64) -> Row {
        Row::new(work.into(), Unit::Kibibytes, Some(classic), ours)
    }

    pub fn own_memory(work: impl Into<String>, ours: f64) -> Row {
        Row::new(work.into(), Unit::Kibibytes, None, ours)
    }

    pub fn plain(work: impl Into<String>, classic: Option<f64>, ours: f64) -> Row {
        Row::new(work.into(), Unit::Plain, classic, ours)
    }

    /// The floor, and how many times that ours takes.
    pub fn floor(self, floor: f64, against_floor: f64) -> Row {
        Row { floor: Some(floor), against_floor, ..self }
    }

    pub fn at_least(self, faster: f64) -> Row {
        Row { faster, ..self }
    }

    pub fn at_most(self, above: f64) -> Row {
        Row { above, ..self }
    }

    pub fn limit(self, limit: f64) -> Row {
        Row { limit: Some(limit), ..self }
    }

    fn shown(&self, figure: f64) -> String {
        match self.unit {
            Unit::Seconds if figure < 1.0 => format!("{:.2} ms", figure * 1e3),
            Unit::Seconds => format!("{figure:.2} s"),
            Unit::Kibibytes => format!("{} KiB", crate::number(figure as usize)),
            Unit::Plain if figure < 100.0 && figure.fract() != 0.0 => format!("{figure:.2}"),
            Unit::Plain => crate::number(figure as usize),
        }
    }

    fn line(&self) -> String {
        let dash = || "-".to_string();
        let ratio = self.classic.map(|classic| classic / self.ours);
        let with = |ratio: Option<f64>, demand: f64, sign: &str| match (ratio, demand) {
            (None, _) => dash(),
            (Some(ratio), 0.0) => format!("{ratio:.2}"),
            (Some(ratio), demand) => format!("{ratio:.2} ({sign}{demand})"),
        };
        let above = self.floor.map(|_| self.against_floor);
        let kept = [
            (self.faster > 0.0).then(|| ratio.is_some_and(|ratio| ratio >= self.faster)),
            (self.above > 0.0).then_some((0.0..=self.above).contains(&self.against_floor)),
            self.limit.map(|limit| self.ours <= limit),
        ];
        let met = match kept.into_iter().flatten().reduce(|a, b| a && b) {
            None => "",
            Some(true) => "met",
            Some(false) => "NOT MET",
        };
        format!(
            "{:<46} {:>12} {:>12} {:>12} {:>16} {:>14}  {met}",
            self.work,
            self.classic.map_or_else(dash, |classic| self.shown(classic)),
            self.shown(self.ours),
            self.floor.map_or_else(dash, |floor| self.shown(floor)),
            with(ratio, self.faster, ">="),
            with(above, self.above, "<="),
        )
        .trim_end()
        .to_string()
    }
}

impl Report {
    pub fn text(&self, place: &str, quick: bool) -> String {
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut text = format!("Kernel: Linux {} (the lab), {place}", kernel.trim());
        text.push_str(if quick { "; quick: smaller tables, fewer runs\n\n" } else { "\n\n" });
        let _ = writeln!(
            text,
            "{:<46} {:>12} {:>12} {:>12} {:>16} {:>14}",
            "", "1.31", "ours", "floor", "1.31 / ours", "ours / floor"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        if !self.notes.is_empty() {
            text.push_str("\nUser-space instructions of ours, and the three largest parts:\n");
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }
}

/// What stands above the table: when, on what, how.
pub fn made_how() -> String {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_string())
    };
    let date = said("date", &["-u", "+%Y-%m-%d"]);
    let manifest = env!("CARGO_MANIFEST_DIR");
    let commit = said("git", &["-C", manifest, "describe", "--always", "--dirty"]);
    let compiler = said("rustc", &["--version"]);
    format!(
        "ipvsadm 1.31, ours, and the floor, side by side: made by `make bench` on {date} from {commit}, {compiler}.

Times are medians of 5 runs taken in turn (small commands: 41; lists and saves with a demand: 15 of all but 1.31); of 3 of 1.31 at 50,000 x 0, in
restores and at 100,000 rules, of one of 1.31 in the growth. Each run is a process of its own, each load in a network namespace of its own. The floor: for loads
the same messages encoded beforehand and sent in the same batches, an acknowledgement each; for lists and saves
the bare dumps, nothing decoded, nothing printed; for connections the file read to its end. It holds neither
the start of a process nor the opening of a socket; `ours / floor` is ours without the start of its process
(-v, taken in the same turns), the opening of the socket still in it. In brackets what is demanded.
Names are looked up in a lab on a processor of its own, all else wherever the system runs the lab: main.rs says why.
"
    )
}
