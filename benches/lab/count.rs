//! Counts, which have no noise: user-space instructions by callgrind, and system calls by strace.

use crate::process::{self, Player};
use crate::report::Row;
use crate::tables::rules_file;
use crate::{Bench, file, fresh, number};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Instructions, by part of the program.
type Parts = HashMap<String, f64>;

pub fn counts(bench: &mut Bench) {
    let table = rules_file(bench.sized(1_000), 9);
    let load = bench.sized(1_000) * 10;
    let small = rules_file(10, 2);
    let commands: [(String, &str, Option<&Path>, &Path); 4] = [
        ("one -A".into(), "-A -t 10.9.9.9:80 -s rr", None, process::nothing()),
        ("one -Ln of 10 services".into(), "-Ln", Some(&small), process::nothing()),
        (format!("-Ln of {} rows", number(load)), "-Ln", Some(&table), process::nothing()),
        (format!("load of {} rules", number(load)), "-R", None, &table),
    ];
    for (name, args, before, stdin) in commands {
        let [classic, ours] = Player::PROGRAMS.map(|player| {
            fresh();
            if let Some(rules) = before {
                process::done(Player::Ours, "-R", rules);
            }
            system_calls(player, args, stdin)
        });
        let row = Row::plain(format!("system calls: {name}"), Some(classic), ours);
        bench.report.rows.push(row.at_least(1.0));
    }
    instructions(bench, &small);
}

fn system_calls(player: Player, args: &str, stdin: &Path) -> f64 {
    let table = file("strace");
    let mut command = process::clean("strace");
    command.args(["-c", "-f", "-o"]).arg(&table).arg(player.program());
    succeed(command.args(args.split_whitespace()), stdin);
    let text = std::fs::read_to_string(table).expect("the counts of strace");
    let total = text.lines().rfind(|line| line.ends_with("total")).expect("a total");
    let calls = total.split_whitespace().nth(3).and_then(|calls| calls.parse().ok());
    calls.expect("a number of calls")
}

fn succeed(command: &mut Command, stdin: &Path) -> String {
    let input = File::open(stdin).expect("the input");
    let output = command.stdin(input).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{err}", output.status);
    err
}

fn instructions(bench: &mut Bench, small: &Path) {
    let counted = |args: &str, before: Option<&Path>, stdin: &Path| {
        Player::PROGRAMS.map(|player| {
            fresh();
            if let Some(rules) = before {
                process::done(Player::Ours, "-R", rules);
            }
            callgrind(player, args, stdin)
        })
    };
    let one_add = counted("-A -t 10.9.9.9:80 -s rr", None, process::nothing());
    let one_list = counted("-Ln", Some(small), process::nothing());
    let (empty_list, empty_load) =
        (counted("-Ln", None, process::nothing()), counted("-R", None, process::nothing()));
    let table = rules_file(100, 9);
    let (list, load) =
        (counted("-Ln", Some(&table), process::nothing()), counted("-R", None, &table));
    let save = counted("-S -n", Some(&table), process::nothing());

    let mut single = |name: &str, [classic, ours]: &[Parts; 2]| {
        let row = Row::plain(format!("instructions: {name}"), Some(sum(classic)), sum(ours));
        bench.report.rows.push(row.at_least(1.0));
        bench.report.notes.push(format!("{name}: {}", largest(ours, sum(ours), 1.0)));
    };
    single("one -A", &one_add);
    single("one -Ln of 10 services", &one_list);
    let mut each = |name: &str, what: &str, [c, o]: &[Parts; 2], [c0, o0]: &[Parts; 2]| {
        let per = 1_000.0;
        let (classic, ours) = ((sum(c) - sum(c0)) / per, (sum(o) - sum(o0)) / per);
        let row = Row::plain(format!("instructions: {name}, per {what}"), Some(classic), ours);
        bench.report.rows.push(row);
        let more: Parts = o
            .iter()
            .map(|(part, count)| (part.clone(), count - o0.get(part).unwrap_or(&0.0)))
            .collect();
        bench.report.notes.push(format!("{name}, per {what}: {}", largest(&more, ours * per, per)));
    };
    each("load of 100 x 9", "line", &load, &empty_load);
    each("-Ln of 100 x 9", "row", &list, &empty_list);
    each("-S -n of 100 x 9", "row", &save, &empty_list);
}

fn sum(parts: &Parts) -> f64 {
    parts.values().sum()
}

/// Describes the total and the three largest parts.
fn largest(parts: &Parts, whole: f64, per: f64) -> String {
    let mut all: Vec<_> = parts.iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(a.1));
    let text = |(part, count): &(&String, &f64)| {
        format!("{part} {} ({:.0} %)", number((*count / per) as usize), *count / whole * 100.0)
    };
    let three: Vec<String> = all.iter().take(3).map(text).collect();
    format!("{} in total; {}", number((whole / per) as usize), three.join(", "))
}

fn callgrind(player: Player, args: &str, stdin: &Path) -> Parts {
    let program = match player {
        // Cargo builds a program with symbols for this bench.
        Player::Ours => PathBuf::from(env!("CARGO_BIN_EXE_ipvsadm")),
        _ => player.program(),
    };
    let profile = file("callgrind");
    let mut command = process::clean("valgrind");
    command.args(["--tool=callgrind", "-q"]);
    command.arg(format!("--callgrind-out-file={}", profile.display())).arg(program);
    succeed(command.args(args.split_whitespace()), stdin);
    parts(&std::fs::read_to_string(profile).expect("a profile"))
}

/// Sums up a profile of callgrind. `name=` lines apply to the cost lines after them; a name is
/// written out once, and then referred to by a number. The line after `calls=` is the cost of the
/// callee.
fn parts(profile: &str) -> Parts {
    let mut names: HashMap<(&str, &str), &str> = HashMap::new();
    let (mut object, mut source, mut function) = ("", "", "");
    let mut is_call = false;
    let mut parts = Parts::new();
    for line in profile.lines() {
        if let Some((key, value)) = line.split_once('=') {
            let kind = match key {
                "ob" | "cob" => "object",
                "fl" | "fi" | "fe" | "cfi" | "cfl" => "source",
                "fn" | "cfn" => "function",
                "calls" => {
                    is_call = true;
                    continue;
                }
                _ => continue,
            };
            let (short, long) = value.split_once(' ').unwrap_or((value, ""));
            if !long.is_empty() {
                names.insert((kind, short), long);
            }
            let name = names.get(&(kind, short)).copied().unwrap_or("");
            match key {
                "ob" => object = name,
                "fl" | "fi" | "fe" => source = name,
                "fn" => function = name,
                _ => {}
            }
        } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<f64>().ok());
            if !std::mem::take(&mut is_call) {
                *parts.entry(part(object, source, function)).or_default() += cost.unwrap_or(0.0);
            }
        }
    }
    parts
}

/// Names a part of the program: a source file of ours, a crate, or a function of the C library.
fn part(object: &str, source: &str, function: &str) -> String {
    if let Some((_, inside)) = source.split_once("/registry/src/") {
        return inside.split('/').nth(1).unwrap_or(inside).to_string();
    }
    if object.contains("/ld-") || object.contains("/ld.") {
        return "dynamic linker".to_string();
    }
    if object.contains("/libc") {
        let memory = ["malloc", "free", "realloc", "calloc", "brk", "consolidate"];
        if memory.iter().any(|name| function.contains(name)) {
            return "malloc and free".to_string();
        }
        if function.starts_with("__mem") || function.starts_with("mem") {
            return "libc's memcpy and the like".to_string();
        }
        return format!("libc {function}");
    }
    if !source.starts_with('/') && source.contains("src/") {
        return source.to_string();
    }
    if let Some(ours) = source.split_once(concat!(env!("CARGO_MANIFEST_DIR"), "/")) {
        return ours.1.to_string();
    }
    // The standard library, perhaps inlined into a function of ours.
    match function.rsplit_once("::h") {
        Some((name, _)) => name.to_string(),
        None => function.to_string(),
    }
}
