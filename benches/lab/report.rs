//! The results as a table.

use std::fmt::Write;
use std::process::Command;

#[derive(Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// The parts of the program with the most instructions.
    pub notes: Vec<String>,
}

enum Unit {
    Seconds,
    Kibibytes,
    Plain,
}

/// A measurement of each player, and the required ratios.
pub struct Row {
    work: String,
    unit: Unit,
    classic: Option<f64>,
    ours: f64,
    floor: Option<f64>,
    against_floor: f64,
    /// Required minimum ratio of 1.31 to ours.
    min_speedup: f64,
    /// Required maximum ratio of ours to the floor.
    max_overhead: f64,
    /// Required maximum of ours.
    limit: Option<f64>,
}

impl Row {
    fn new(work: String, unit: Unit, classic: Option<f64>, ours: f64) -> Row {
        let (min_speedup, max_overhead, limit) = (0.0, 0.0, None);
        Row {
            work,
            unit,
            classic,
            ours,
            floor: None,
            against_floor: 0.0,
            min_speedup,
            max_overhead,
            limit,
        }
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

    /// Sets the floor, and the ratio of ours to it.
    pub fn floor(self, floor: f64, against_floor: f64) -> Row {
        Row { floor: Some(floor), against_floor, ..self }
    }

    pub fn at_least(self, min_speedup: f64) -> Row {
        Row { min_speedup, ..self }
    }

    pub fn at_most(self, max_overhead: f64) -> Row {
        Row { max_overhead, ..self }
    }

    pub fn limit(self, limit: f64) -> Row {
        Row { limit: Some(limit), ..self }
    }

    fn text(&self, figure: f64) -> String {
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
        let required = |ratio: Option<f64>, bound: f64, sign: &str| match (ratio, bound) {
            (None, _) => dash(),
            (Some(ratio), 0.0) => format!("{ratio:.2}"),
            (Some(ratio), bound) => format!("{ratio:.2} ({sign}{bound})"),
        };
        let overhead = self.floor.map(|_| self.against_floor);
        let results = [
            (self.min_speedup > 0.0).then(|| ratio.is_some_and(|ratio| ratio >= self.min_speedup)),
            (self.max_overhead > 0.0)
                .then_some((0.0..=self.max_overhead).contains(&self.against_floor)),
            self.limit.map(|limit| self.ours <= limit),
        ];
        let met = match results.into_iter().flatten().reduce(|a, b| a && b) {
            None => "",
            Some(true) => "met",
            Some(false) => "NOT MET",
        };
        format!(
            "{:<46} {:>12} {:>12} {:>12} {:>16} {:>14}  {met}",
            self.work,
            self.classic.map_or_else(dash, |classic| self.text(classic)),
            self.text(self.ours),
            self.floor.map_or_else(dash, |floor| self.text(floor)),
            required(ratio, self.min_speedup, ">="),
            required(overhead, self.max_overhead, "<="),
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
            text.push_str("\nUser-space instructions of ours, with the three largest parts:\n");
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }
}

/// Returns the text above the table, which describes how the results were measured.
pub fn heading() -> String {
    let output = |program: &str, args: &[&str]| {
        let run = Command::new(program).args(args).output();
        let text = run.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "?".to_string())
    };
    let date = output("date", &["-u", "+%Y-%m-%d"]);
    let manifest = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", manifest, "describe", "--always", "--dirty"]);
    let compiler = output("rustc", &["--version"]);
    format!(
        "ipvsadm 1.31, ours and the floor, side by side: made by `make bench` on {date} from {commit}, {compiler}.

Times are medians of 5 runs in turn. Exceptions: 41 runs of small commands; 15 runs of lists and saves with a required
ratio, except of 1.31; 3 runs of 1.31 at 50,000 x 0, of restores and at 100,000 rules; 1 run of 1.31 in the growth. Each
run has its own process, each load its own network namespace.

The floor is the time of the kernel alone. A load sends the same messages, encoded before, in the same batches, with one
acknowledgement each. A list or save dumps without decoding or printing. The connections are read to the end of their
file. The floor includes neither the start of a process nor the opening of a socket. `ours / floor` excludes the start
of our process (-v, measured in the same turns), but includes the opening of the socket. Required ratios are in
brackets.

The part `names` runs in a lab that is pinned to one processor, all others on any processor: main.rs explains why.
"
    )
}
