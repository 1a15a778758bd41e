//! man/NAME.in and the options to man/NAME.8.
//!
//! In a text a line `@OPTIONS@` stands for all options of the page's program, `@DOC long-name@` for
//! what one of ipvsadm's does, `@DIFFERENCES@` for what is meant to be otherwise than in ipvsadm 1.31,
//! `@FINDINGS@` for the findings of `rs-setup --check`.

use crate::{is_of_today, meant, roff};
use clap_mangen::Man;
use ipvsadm::cli::help;
use ipvsadm::cli::options::{self, OPTIONS};
use ipvsadm::diagnose::Severity;
use ipvsadm::diagnose::real_server::KINDS;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// When what the pages say last changed.
const DATE: &str = "2026-11-21";

fn options_of(mut command: clap::Command) -> String {
    command.build();
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section).expect("a Vec takes everything");
    let section = String::from_utf8(section).expect("the options are text");
    // Before and behind the values that an option can have it breaks lines that are broken anyway.
    section.replace(".br\n\n.br\n", ".sp\n")
}

fn doc(name: &str) -> String {
    let spec = options::long(name.as_bytes()).unwrap_or_else(|| panic!("no option {name}"));
    roff::text(spec.doc) + "\n"
}

fn differences() -> String {
    meant::MEANT.iter().fold(String::new(), |mut all, meant| {
        let (name, sentence) = (roff::text(meant.name), roff::text(meant.sentence));
        write!(all, ".TP\n{name}\n{sentence}\n").expect("a String takes everything");
        all
    })
}

/// The ids of findings and their meanings.
fn findings() -> String {
    KINDS.iter().fold(String::new(), |mut all, kind| {
        let (id, meaning) = (roff::text(kind.id), roff::text(kind.meaning));
        let severity = if kind.severity == Severity::Note { " (a note)" } else { "" };
        write!(all, ".TP\n{id}{severity}\n{meaning}\n").expect("a String takes everything");
        all
    })
}

/// The page `name`, whose program has the options of `command`.
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
            Some(other) => match other.strip_prefix("DOC ") {
                Some(name) => page += &doc(name),
                None => panic!("{source}: what is @{other}@?"),
            },
            None => {
                page += line;
                page.push('\n');
            }
        }
    }
    roff::fold(&page)
}

/// Every page there is.
fn pages() -> Vec<(&'static str, String)> {
    let programs = [
        ("ipvsadm", Some(help::command())),
        ("ipvsadm-apply", Some(ipvsadm::cli::apply::command())),
        ("ipvsadm-drain", Some(ipvsadm::cli::drain::command())),
        ("ipvsadm-restore", None),
        ("ipvsadm-save", None),
        ("ipvsadm-rs-setup", Some(ipvsadm::cli::rs_setup::command())),
        ("ipvsadm-top", Some(ipvsadm::cli::top::command())),
    ];
    programs.into_iter().map(|(name, command)| (name, page(name, command))).collect()
}

#[test]
fn the_pages_are_of_today() {
    for (name, page) in pages() {
        is_of_today(&format!("man/{name}.8"), &page);
    }
}

#[test]
fn there_is_no_other_page() {
    let pages = pages();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("man")).unwrap() {
        let file = entry.unwrap().file_name().into_string().expect("a name in UTF-8");
        let stem = file.strip_suffix(".8").or_else(|| file.strip_suffix(".in")).unwrap_or(&file);
        assert!(pages.iter().any(|(name, _)| *name == stem), "man/{file}");
    }
}

#[test]
fn the_pages_say_everything() {
    let pages = pages();
    // As it is read: a folded line is one line.
    let said = |name: &str, text: &str| {
        let (_, page) = pages.iter().find(|(page, _)| *page == name).expect("a page");
        page.replace('\n', " ").contains(&roff::text(text))
    };
    for spec in OPTIONS {
        assert!(said("ipvsadm", &format!("--{}", spec.long)), "{}", spec.long);
    }
    for meant in meant::MEANT {
        assert!(said("ipvsadm", meant.sentence), "{}", meant.name);
    }
    for option in ["tun-type", "rp-filter", "gateway", "persist", "dry-run"] {
        assert!(said("ipvsadm-rs-setup", &format!("--{option}")), "{option}");
    }
    assert!(!said("ipvsadm-rs-setup", "--root"));
    for kind in KINDS {
        let entry = format!(
            "{}{}",
            kind.id,
            if kind.severity == Severity::Note { " (a note)" } else { "" }
        );
        assert!(said("ipvsadm-rs-setup", &format!("{entry} {}", kind.meaning)), "{}", kind.id);
    }
}

/// What mandoc's checks say of the pages; references to pages of other packages are none of theirs.
#[test]
fn mandoc_finds_no_fault() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let there = Command::new(here.join("lab/packages")).arg("pages").status();
    assert!(there.expect("lab/packages can be run").success(), "mandoc is missing");
    for (name, _) in pages() {
        let file = format!("man/{name}.8");
        let lint = Command::new("mandoc").args(["-T", "lint", &file]).current_dir(here).output();
        let said = String::from_utf8(lint.expect("mandoc can be run").stdout).unwrap();
        assert_eq!(said, "", "{file}");
    }
}
