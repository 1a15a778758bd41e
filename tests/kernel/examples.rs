//! Runs the examples of README.md and of the manual pages, and compares their output.
//!
//! In a `console` block (in a page: between .nf and .fi) a line `# WORDS` is a command for sh as root.
//! The lines up to the next command are its output; blanks at the end of a line are ignored. `> `
//! continues the command. `...` stands for text that differs from run to run. A command must exit with
//! status 0, or be followed by `# echo $?`. All commands of a document are one session in an empty
//! folder.
//!
//! Lines `director#  WORDS` and `server 1#  WORDS` run on that host: they must succeed, each block in
//! new namespaces. The rs_setup suite tests that packets flow afterwards.

use crate::support::{Test, program, project, run, sh};
use std::collections::BTreeMap;
use std::fs;

pub const TESTS: &[Test] = &[
    ("examples: README", readme),
    ("examples: man ipvsadm", || page("ipvsadm")),
    ("examples: man ipvsadm-apply", || page("ipvsadm-apply")),
    ("examples: man ipvsadm-drain", || page("ipvsadm-drain")),
    ("examples: man ipvsadm-restore", || page("ipvsadm-restore")),
    ("examples: man ipvsadm-save", || page("ipvsadm-save")),
    ("examples: man ipvsadm-top", || on_a_terminal("ipvsadm-top")),
    ("examples: hosts of README", || hosts(&markdown())),
    ("examples: hosts of man ipvsadm-rs-setup", || hosts(&unroff("ipvsadm-rs-setup"))),
    ("examples: every page is tested", every_page),
];

/// Files written to /etc after this stay in the mount namespace of the shell.
pub const OWN_ETC: &str = "mount -t tmpfs none /mnt\nmkdir /mnt/etc /mnt/work /mnt/here\n\
    mount -t overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work none /etc\n";

/// A command and its expected output.
#[derive(Debug, PartialEq)]
struct Example {
    command: String,
    shown: Vec<String>,
}

/// Returns the blocks of README.md in the form of [`unroff`]'s, the ones to run marked.
fn markdown() -> Vec<Vec<String>> {
    let text = fs::read_to_string(project().join("README.md")).expect("README.md");
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut fenced = None;
    for line in text.lines() {
        match (&mut fenced, line.strip_prefix("```"), line.strip_prefix("    ")) {
            (None, Some(_), _) => fenced = Some(Vec::new()),
            (Some(_), Some(_), _) => blocks.extend(fenced.take()),
            (Some(block), ..) => block.push(line.to_string()),
            (None, None, Some(indented)) => blocks.push(vec![indented.to_string()]),
            _ => {}
        }
    }
    blocks
}

/// Spellings of roff and the characters that a reader sees.
const ESCAPES: &[(&str, &str)] =
    &[("\\-", "-"), ("\\&", ""), ("\\(aq", "'"), ("\\(ga", "`"), ("\\e", "\\")];

/// Returns the blocks between .nf and .fi of a page as plain text.
fn unroff(name: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(project().join(format!("man/{name}.8"))).expect("a page");
    let (mut blocks, mut block) = (Vec::new(), None);
    for line in page.lines() {
        match (line, &mut block) {
            (".nf", _) => block = Some(Vec::new()),
            (".fi", _) => blocks.extend(block.take()),
            (line, Some(block)) => block
                .push(ESCAPES.iter().fold(line.to_string(), |l, (from, to)| l.replace(from, to))),
            _ => {}
        }
    }
    blocks
}

/// Returns the examples in the blocks, in order.
fn examples(blocks: &[Vec<String>]) -> Vec<Example> {
    let mut all: Vec<Example> = Vec::new();
    for block in blocks.iter().filter(|block| block[0].starts_with("# ")) {
        for line in block {
            match (line.strip_prefix("# "), line.strip_prefix("> "), all.last_mut()) {
                (Some(command), ..) => {
                    all.push(Example { command: command.to_string(), shown: Vec::new() })
                }
                (_, Some(more), Some(last)) if last.shown.is_empty() => {
                    last.command += "\n";
                    last.command += more;
                }
                (_, _, Some(last)) => last.shown.push(line.clone()),
                _ => unreachable!("a block begins with a command"),
            }
        }
    }
    all
}

/// Returns true if a line matches the expected one, in which `...` stands for any text.
fn matches(shown: &str, line: &str) -> bool {
    match shown.split_once("...") {
        None => shown == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            (1..=rest.len()).any(|n| rest.is_char_boundary(n) && matches(after, &rest[n..]))
        }),
    }
}

/// Runs a session of at least `least` commands.
#[track_caller]
fn session(name: &str, examples: &[Example], least: usize) {
    assert!(examples.len() >= least, "{name}: {} examples only", examples.len());
    let programs = program("ipvsadm").parent().expect("a program is in a folder").to_owned();
    let mut script = format!(
        "{OWN_ETC}cd /mnt/here\nip link add eth0 type dummy\nip link set eth0 up\n\
         ip address add 10.0.0.1/24 dev eth0\nPATH={}:$PATH\nexec 2>&1\nset +e\n",
        programs.display()
    );
    for example in examples {
        script +=
            &format!("{}\nlast=$?; printf '\\036%s\\037' $last; (exit $last)\n", example.command);
    }
    script += "exit 0\n";
    let ran = run("unshare", &["--mount", "/bin/sh", "-ec", &script], b"");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{name}: {}", ran.out);
    let mut parts = ran.out.split('\x1f');
    for (n, example) in examples.iter().enumerate() {
        let part = parts.next().unwrap_or_default();
        let (out, status) = part.rsplit_once('\x1e').unwrap_or((part, "none"));
        let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
        let same = lines.len() == example.shown.len()
            && example.shown.iter().zip(&lines).all(|(shown, line)| matches(shown, line));
        assert!(same, "{name}: {}\nshown: {:#?}\nis: {lines:#?}", example.command, example.shown);
        let said = examples.get(n + 1).is_some_and(|next| next.command.starts_with("echo $?"));
        assert!(status == "0" || said, "{name}: {}: status {status}", example.command);
    }
}

fn readme() {
    let blocks = markdown();
    // Lines that no test runs must not look like command lines of ipvsadm.
    let run = |block: &[String]| block[0].starts_with("# ") || block[0].starts_with("make try ");
    for block in blocks.iter().filter(|block| !run(block)) {
        for line in block {
            let program =
                |word: &str| matches!(word, "ipvsadm" | "ipvsadm-save" | "ipvsadm-restore");
            let command = line.split_whitespace().any(program) && !line.contains("#  ");
            assert!(!command, "README: to be run, or to be written otherwise: {line}");
        }
    }
    session("README", &examples(&blocks), 15);
}

fn page(name: &str) {
    session(name, &examples(&unroff(name)), 4);
}

/// Runs each command on a terminal of its own and presses q after a while.
fn on_a_terminal(name: &str) {
    let examples = examples(&unroff(name));
    assert!(examples.len() >= 2, "{examples:?}");
    let programs = program("ipvsadm").parent().expect("a program is in a folder").to_owned();
    for example in examples {
        let screen = sh(&format!(
            "PATH={}:$PATH; {{ sleep 1; printf q; }} | TERM=xterm script -qec 'stty rows 24 cols 80; {}' /dev/null",
            programs.display(),
            example.command
        ));
        assert!(screen.contains("services"), "{}: {screen}", example.command);
    }
}

/// Returns the host that a line is for, and its command.
fn host(line: &str) -> Option<(&str, &str)> {
    let (host, command) = line.trim_start().split_once("#  ")?;
    ["director", "server 1", "server 2"].contains(&host).then_some((host, command.trim()))
}

fn hosts(blocks: &[Vec<String>]) {
    let lines: Vec<&str> = blocks.iter().flatten().map(String::as_str).collect();
    let commands: Vec<(&str, &str)> = lines.iter().filter_map(|line| host(line)).collect();
    // Direct routing, a tunnel, NAT: each begins on server 1.
    let starts =
        |n: usize| commands[n].0 == "server 1" && (n == 0 || commands[n - 1].0 != "server 1");
    let flows: Vec<usize> = (0..commands.len()).filter(|&n| starts(n)).collect();
    assert_eq!(flows.len(), 3, "{commands:?}");
    for (n, &start) in flows.iter().enumerate() {
        let end = flows.get(n + 1).copied().unwrap_or(commands.len());
        flow(&commands[start..end], start == flows[2]);
    }
}

/// The hosts of one drawing, each with the addresses of all drawings on one card.
fn flow(commands: &[(&str, &str)], nat: bool) {
    let programs = program("ipvsadm").parent().expect("a program is in a folder").to_owned();
    let mut scripts: BTreeMap<&str, String> = BTreeMap::new();
    for (host, command) in commands {
        let script = scripts.entry(host).or_insert_with(|| {
            let last = if *host == "director" { 1 } else { 11 };
            let net = if nat { "10.1.0" } else { "10.0.0" };
            format!(
                "ip link set lo up\nip link add eth0 type dummy\nip link set eth0 up\n\
                 ip address add {net}.{last}/24 dev eth0\nPATH={}:$PATH\n",
                programs.display()
            )
        });
        script.push_str(command);
        script.push('\n');
    }
    assert_eq!(scripts.len(), 3, "{commands:?}");
    for (host, script) in scripts {
        // rs-setup keeps its state in /run, and all hosts share one /run.
        let script = format!("mount -t tmpfs none /run\n{script}");
        let ran = run("unshare", &["--mount", "--net", "/bin/sh", "-ec", &script], b"");
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{host}: {script}{}", ran.out);
    }
}

fn every_page() {
    let looked_at = sh("grep -o '\"examples: .*man [a-z-]*' tests/kernel/examples.rs");
    for entry in fs::read_dir(project().join("man")).expect("man/") {
        let file = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        if let Some(name) = file.strip_suffix(".8") {
            assert!(looked_at.lines().any(|line| line.ends_with(&format!(" {name}"))), "{name}");
            let blocks = unroff(name);
            let page = fs::read_to_string(project().join("man").join(&file)).expect("a page");
            let (_, section) = page.split_once(".SH EXAMPLES\n").unwrap_or_default();
            let section = section.split(".SH").next().unwrap_or_default();
            let run = blocks.iter().filter(|block| block[0].starts_with("# ")).count();
            assert_eq!(section.matches(".nf\n").count(), run, "{name}: a block that is not run");
        }
    }
}
