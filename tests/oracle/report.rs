//! Writes a shell script that reproduces a difference.

use crate::compare::{Outcome, build, starts};
use crate::generate::Case;
use crate::tables::{HOSTS, SERVICES, TABLES};
use std::fmt::Write as _;

/// Returns a bash script for `lab/run`.
pub fn script(case: &Case, oracle: &Outcome, ours: &Outcome) -> String {
    let what = oracle.differs(ours).join(", ");
    let mut s = String::new();
    let name = case.program.name();
    writeln!(s, "#!/bin/bash").expect("written");
    writeln!(
        s,
        "# Case {}:{} ({}) on the table {:?}: different {what}.",
        case.seed, case.number, case.kind, TABLES[case.table].name
    )
    .expect("written");
    writeln!(
        s,
        "# Run it by: lab/run -- bash THIS. IPVSADM is the folder of the programs (default: the oracle's)."
    )
    .expect("written");
    s.push_str("modprobe ip_vs\n");
    if names(case) {
        writeln!(
            s,
            "cat >>/etc/hosts <<'END'\n{HOSTS}END\ncat >>/etc/services <<'END'\n{SERVICES}END"
        )
        .expect("written");
        s.push_str("sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf\n");
    }
    s.push_str("ip link set lo up; ip link add d0 type dummy; ip link set d0 up\n");
    if !TABLES[case.table].rules.is_empty() {
        writeln!(s, "/usr/sbin/ipvsadm -R <<'END'\n{}END", build(case.table)).expect("written");
        for line in starts(case.table) {
            writeln!(s, "/usr/sbin/ipvsadm {line}").expect("written");
        }
    }
    write!(s, "\"${{IPVSADM:-/usr/sbin}}/{name}\"").expect("written");
    for word in &case.args {
        write!(s, " {}", quoted(word)).expect("written");
    }
    writeln!(s, " < <(printf %s {})", quoted(&case.input)).expect("written");
    s.push_str(
        "echo \"status $?\"; /usr/sbin/ipvsadm -S -n; /usr/sbin/ipvsadm -L -n --thresholds\n",
    );
    for (who, run) in [("oracle", oracle), ("ours", ours)] {
        writeln!(s, "# {who}: status {}", run.status).expect("written");
        for (stream, bytes) in [("stdout", &run.out), ("stderr", &run.err)] {
            let all = differing(
                stream == "stdout",
                bytes,
                if who == "ours" { &oracle.out } else { &ours.out },
            );
            for line in all.lines() {
                writeln!(s, "#   {stream}: {line}").expect("written");
            }
        }
        let other = if who == "ours" { oracle } else { ours };
        let lines: Vec<&str> = other.table.lines().collect();
        for line in run.table.lines().filter(|l| !lines.contains(l)) {
            writeln!(s, "#   table: {line}").expect("written");
        }
    }
    if oracle.table != ours.table {
        let mut a: Vec<&str> = oracle.table.lines().collect();
        let mut b: Vec<&str> = ours.table.lines().collect();
        a.sort_unstable();
        b.sort_unstable();
        if a == b {
            s.push_str("#   the two tables differ only in their order\n");
        }
    }
    s
}

/// Returns the first lines; of stdout, only those that the other program did not print.
fn differing(stdout: bool, bytes: &[u8], other: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let other = String::from_utf8_lossy(other);
    let other: Vec<&str> = other.lines().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    if stdout && lines.len() > 4 {
        let new: Vec<&str> = lines.iter().copied().filter(|l| !other.contains(l)).collect();
        if !new.is_empty() {
            lines = new;
        }
    }
    let mut out = String::new();
    for line in lines.iter().take(8) {
        let cut: String = line.chars().take(160).collect();
        writeln!(out, "{}|", cut.escape_debug()).expect("written");
    }
    if lines.len() > 8 {
        writeln!(out, "... {} lines more", lines.len() - 8).expect("written");
    }
    out
}

fn names(case: &Case) -> bool {
    case.table == 7
        || [&case.input].into_iter().chain(&case.args).any(|w| {
            let w = String::from_utf8_lossy(w).to_lowercase();
            ["oracle", "vip", "both", "rs1", "rs6", "longrs", "twice", "ftp", "six", "o-x"]
                .iter()
                .any(|n| w.contains(n))
        })
        || case.kind == "names"
}

/// Quotes a word for bash.
pub fn quoted(word: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_=+./:,@%".contains(b);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    if word.iter().all(|b| (b' '..=b'~').contains(b) && *b != b'\'') {
        return format!("'{}'", String::from_utf8_lossy(word));
    }
    let mut out = String::from("$'");
    for b in word {
        match b {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\'' | b'\\' => out.extend(['\\', *b as char]),
            b' '..=b'~' => out.push(*b as char),
            _ => write!(out, "\\{b:03o}").expect("written"),
        }
    }
    out + "'"
}
