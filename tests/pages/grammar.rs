//! What the completions know of the grammar: which options go with which command, and their values.
//! It is asked of the program's own checks, so that it cannot differ from them.

use ipvsadm::cli::options::{OPTIONS, Opt, Section, Spec, Takes};
use ipvsadm::cli::parser;
use ipvsadm::names::System;

/// Lines that need one option more, or none; of the rest of the grammar, each option fits into one.
const BEFORE: &[&str] = &[
    "",
    "-t 192.0.2.1:80",
    "-u 192.0.2.1:80",
    "-f 1",
    "-t 192.0.2.1:80 -p",
    "-t 192.0.2.1:80 -s sh",
    "-t 192.0.2.1:80 -r 10.0.0.1",
    "-t 192.0.2.1:80 -r 10.0.0.1 -i",
    "-t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue",
    "-t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 6080",
    "-f 1 -r 2001:db8::1",
    "-r 10.0.0.1",
];

fn sample(spec: &Spec) -> Option<String> {
    let Takes::Value(name) = spec.takes else { return None };
    let value = match name {
        "host[:port]" => "192.0.2.1:80".to_string(),
        "netmask" => "255.255.255.0".to_string(),
        "address" => "224.0.0.82".to_string(),
        "interface" => "eth0".to_string(),
        _ => match values(spec).first() {
            // ipip is no tunnel that has options.
            Some(_) if spec.opt == Opt::TunType => "gre".to_string(),
            Some(value) => value.clone(),
            None => "7".to_string(),
        },
    };
    Some(value)
}

/// Whether some line of this command has this option.
fn goes_with(verb: &Spec, option: &Spec) -> bool {
    if option.opt == Opt::Sort && verb.long != "list" {
        // It is taken everywhere, and means nothing.
        return false;
    }
    if option.section == Section::Everywhere {
        return true;
    }
    BEFORE.iter().any(|before| {
        let mut words = vec![format!("--{}", verb.long)];
        words.extend(matches!(verb.takes, Takes::Value(_)).then(|| "master".to_string()));
        words.extend(before.split_whitespace().map(str::to_string));
        words.push(format!("--{}", option.long));
        words.extend(sample(option));
        parser::command(&words, &System).is_ok()
    })
}

/// The commands, each with the options that go with it.
pub fn commands() -> Vec<(&'static Spec, Vec<&'static Spec>)> {
    let (verbs, options): (Vec<_>, Vec<_>) =
        OPTIONS.iter().partition(|spec| spec.section == Section::Commands);
    let of = |verb: &'static Spec| {
        let takes = match verb.long {
            // They take whatever stands behind them.
            "help" | "version" => Vec::new(),
            _ => options.iter().copied().filter(|option| goes_with(verb, option)).collect(),
        };
        (verb, takes)
    };
    verbs.into_iter().map(of).collect()
}

/// The values that an option can have.
pub fn values(spec: &Spec) -> Vec<String> {
    spec.values().into_iter().map(str::to_string).collect()
}

/// The options of another of the group, of which there can be one.
pub fn excludes(spec: &Spec) -> impl Iterator<Item = &'static Spec> {
    let group = spec.opt.group();
    OPTIONS.iter().filter(move |other| other.opt.group() == group)
}

#[test]
fn the_grammar_is_that_of_the_checks() {
    let commands = commands();
    let of = |name: &str| {
        let (_, options) = commands.iter().find(|(verb, _)| verb.long == name).expect("a command");
        options.iter().map(|spec| spec.long).collect::<Vec<_>>()
    };
    assert_eq!(of("clear"), ["netns"]);
    assert_eq!(of("save"), ["numeric", "full", "netns"]);
    assert!(of("add-service").contains(&"scheduler") && !of("add-service").contains(&"weight"));
    assert!(of("edit-server").contains(&"tun-remcsum"));
    // Each option goes with some command.
    for spec in OPTIONS.iter().filter(|spec| spec.section != Section::Commands) {
        let has = |options: &[&Spec]| options.iter().any(|option| option.long == spec.long);
        assert!(commands.iter().any(|(_, options)| has(options)), "{}", spec.long);
    }
}

#[test]
fn values_are_those_of_the_text() {
    let of = |name: &str| values(ipvsadm::cli::options::long(name.as_bytes()).expect("an option"));
    assert_eq!(of("tun-type"), ["ipip", "gue", "gre"]);
    assert_eq!(of("pe"), ["sip"]);
    assert_eq!(of("start-daemon"), ["master", "backup"]);
    assert!(of("scheduler").contains(&"mh".to_string()) && of("scheduler").len() == 13);
    assert!(of("sched-flags").contains(&"sh-port".to_string()));
    assert!(of("real-server").is_empty());
}
