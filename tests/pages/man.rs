//! The man pages: man/NAME.8 from man/NAME.in and the option table.
//!
//! A line `@OPTIONS@` in a source is replaced by the options of the program, `@DOC long-name@` by the
//! help of an option of ipvsadm, `@DIFFERENCES@` by the intended differences from ipvsadm 1.31,
//! `@FINDINGS@` by the findings of `rs-setup --check`.

use crate::{assert_current, meant, roff};
use clap_mangen::Man;
use ipvsadm::cli::help;
use ipvsadm::cli::options::{self, OPTIONS};
use ipvsadm::diagnose::Severity;
use ipvsadm::diagnose::real_server::KINDS;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// The date of the last change to the pages.
const DATE: &str = "2026-11-24";

fn options_of(mut command: clap::Command) -> String {
    command.build();
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section).expect("a Vec takes everything");
    let section = String::from_utf8(section).expect("the options are text");
    // clap_mangen breaks the line twice around possible values; mandoc complains.
    section.replace(".br\n\n.br\n", ".sp\n")
}

fn doc(name: &str) -> String {
    let row = options::long(name.as_bytes()).unwrap_or_else(|| panic!("no option {name}"));
    roff::text(row.help) + "\n"
}

fn differences() -> String {
    meant::MEANT.iter().fold(String::new(), |mut all, meant| {
        let (name, sentence) = (roff::text(meant.name), roff::text(meant.sentence));
        write!(all, ".TP\n{name}\n{sentence}\n").expect("write to a String");
        all
    })
}

/// Returns the sysctls of IPVS with meaning and default as a list.
fn sysctls() -> String {
    let entry = |(name, default, meaning): &ipvsadm::host::ipvs::Known| {
        let default = default.unwrap_or("depends on the machine or namespace").replace('\t', " ");
        format!(".TP\n.B {}\n{} (default: {default})\n", roff::text(name), roff::text(meaning))
    };
    ipvsadm::host::ipvs::KNOWN.iter().map(entry).collect()
}

/// Returns the ids of findings and their meanings as a list.
fn findings() -> String {
    KINDS.iter().fold(String::new(), |mut all, kind| {
        let (id, meaning) = (roff::text(kind.id), roff::text(kind.meaning));
        let severity = if kind.severity == Severity::Note { " (a note)" } else { "" };
        write!(all, ".TP\n{id}{severity}\n{meaning}\n").expect("write to a String");
        all
    })
}

/// Returns the page `name` of a program with the options of `command`.
fn page(name: &str, command: Option<clap::Command>) -> String {
    let source = format!("man/{name}.in");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&source);
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{source}: {e}"));
    let options = command.map(options_of);
    let mut page = format!(
        ".\\\" Made by 'make pages' from {source} and the options.\n\
         .TH {} 8 {DATE} \"ipvsadm {}\" \"System administration\"\n",
        roff::text(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
    );
    for line in text.lines() {
        match line.strip_prefix('@').and_then(|line| line.strip_suffix('@')) {
            Some("OPTIONS") => page += options.as_deref().expect("a program with options"),
            Some("DIFFERENCES") => page += &differences(),
            Some("FINDINGS") => page += &findings(),
            Some("SYSCTLS") => page += &sysctls(),
            Some(other) => match other.strip_prefix("DOC ") {
                Some(name) => page += &doc(name),
                None => panic!("{source}: unknown placeholder @{other}@"),
            },
            None => {
                page += line;
                page.push('\n');
            }
        }
    }
    roff::fold(&page)
}

/// Returns all pages.
fn pages() -> Vec<(&'static str, String)> {
    let programs = [
        ("ipvsadm", Some(help::command())),
        ("ipvsadm-apply", Some(ipvsadm::cli::apply::command())),
        ("ipvsadm-drain", Some(ipvsadm::cli::drain::command())),
        ("ipvsadm-restore", Some(ipvsadm::cli::restore::command())),
        ("ipvsadm-save", None),
        ("ipvsadm-rs-setup", Some(ipvsadm::cli::rs_setup::command())),
        ("ipvsadm-top", Some(ipvsadm::cli::top::command())),
    ];
    programs.into_iter().map(|(name, command)| (name, page(name, command))).collect()
}

#[test]
fn the_committed_pages_are_current() {
    for (name, page) in pages() {
        assert_current(&format!("man/{name}.8"), &page);
    }
}

#[test]
fn every_file_in_man_belongs_to_a_page() {
    let pages = pages();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("man")).unwrap() {
        let file = entry.unwrap().file_name().into_string().expect("a name in UTF-8");
        let stem = file.strip_suffix(".8").or_else(|| file.strip_suffix(".in")).unwrap_or(&file);
        assert!(pages.iter().any(|(name, _)| *name == stem), "man/{file}");
    }
}

#[test]
fn the_pages_describe_every_option_and_difference() {
    let pages = pages();
    // Folded lines are joined.
    let contains = |name: &str, text: &str| {
        let (_, page) = pages.iter().find(|(page, _)| *page == name).expect("a page");
        page.replace('\n', " ").contains(&roff::text(text))
    };
    for row in OPTIONS {
        assert!(contains("ipvsadm", &format!("--{}", row.long)), "{}", row.long);
    }
    for meant in meant::MEANT {
        assert!(contains("ipvsadm", meant.sentence), "{}", meant.name);
    }
    for option in ["tun-type", "rp-filter", "gateway", "persist", "dry-run"] {
        assert!(contains("ipvsadm-rs-setup", &format!("--{option}")), "{option}");
    }
    assert!(!contains("ipvsadm-rs-setup", "--root"));
    for kind in KINDS {
        let entry = format!(
            "{}{}",
            kind.id,
            if kind.severity == Severity::Note { " (a note)" } else { "" }
        );
        assert!(contains("ipvsadm-rs-setup", &format!("{entry} {}", kind.meaning)), "{}", kind.id);
    }
}

#[test]
fn mandoc_finds_no_fault() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = Command::new(here.join("lab/packages")).arg("pages").status();
    assert!(installed.expect("lab/packages can be run").success(), "mandoc is missing");
    for (name, _) in pages() {
        let file = format!("man/{name}.8");
        let lint = Command::new("mandoc").args(["-T", "lint", &file]).current_dir(here).output();
        let faults = String::from_utf8(lint.expect("mandoc can be run").stdout).unwrap();
        assert_eq!(faults, "", "{file}");
    }
}
