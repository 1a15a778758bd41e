//! completions/*.in, the options and the grammar to the completions of each shell.
//!
//! In a text a line `@NAME@`, or `@NAME@` within one, stands for what is made here.

use crate::{grammar, is_of_today};
use clap::{Arg, ArgAction, Command};
use ipvsadm::cli::options::{self, OPTIONS, Section, Spec, Takes};
use std::path::Path;

/// What an option does, where a program of its own has it.
fn doc(name: &str) -> String {
    options::long(name.as_bytes()).expect("an option").doc.to_string()
}

/// Replace each placeholder; all must be there.
fn fill(name: &str, parts: &[(&str, String)]) -> String {
    let source = format!("completions/{name}.in");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&source);
    let mut text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{source}: {e}"));
    for (part, value) in parts {
        let place = format!("@{part}@");
        assert!(text.contains(&place), "{source} has no {place}");
        text = text.replace(&place, value.trim_end_matches('\n'));
    }
    text
}

/// The word subcommands, with what they do.
fn subcommands() -> Vec<Command> {
    let commands = [
        ipvsadm::cli::apply::command(),
        ipvsadm::cli::drain::command(),
        ipvsadm::cli::rs_setup::command(),
        ipvsadm::cli::top::command(),
    ];
    commands
        .into_iter()
        .map(|mut command| {
            command.build();
            command
        })
        .collect()
}

/// What goes with everything.
fn everywhere() -> impl Iterator<Item = &'static Spec> {
    OPTIONS.iter().filter(|spec| spec.section == Section::Everywhere)
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_positional())
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

fn possible(arg: &Arg) -> Vec<String> {
    arg.get_possible_values()
        .iter()
        .filter(|_| takes_value(arg))
        .map(|v| v.get_name().to_string())
        .collect()
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// -a and --add-service, both when there are both.
fn names(spec: &Spec) -> Vec<String> {
    let short = spec.short.iter().map(|letter| format!("-{}", char::from(*letter)));
    short.chain([format!("--{}", spec.long)]).collect()
}

fn argument_names(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect()
}

/// In single quotes, for all three shells.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn bash() -> String {
    let letters: Vec<String> = OPTIONS
        .iter()
        .flat_map(|spec| spec.short.iter().map(|l| format!("[{}]={}", char::from(*l), spec.long)))
        .collect();
    let letters = letters.chunks(6).map(|row| format!("        {}\n", row.join(" "))).collect();
    let valued = |spec: &&Spec| matches!(spec.takes, Takes::Value(_));
    let mut valued: Vec<&str> = OPTIONS.iter().filter(valued).map(|spec| spec.long).collect();
    let case = |name: &str, values: Vec<String>| match values.is_empty() {
        true => String::new(),
        false => format!("        {name}) values=({}) ;;\n", values.join(" ")),
    };
    let mut cases: Vec<String> =
        OPTIONS.iter().map(|spec| case(spec.long, grammar::values(spec))).collect();
    let (mut first, mut subs, mut options) = (Vec::new(), String::new(), String::new());
    let subcommands = subcommands();
    for command in &subcommands {
        let mut all: Vec<String> = arguments(command).flat_map(argument_names).collect();
        let with_value = arguments(command).filter(|arg| takes_value(arg));
        let mut with_value: Vec<&str> = with_value.filter_map(Arg::get_long).collect();
        for spec in everywhere() {
            all.extend(names(spec));
            with_value.push(spec.long);
        }
        for arg in arguments(command) {
            cases.push(case(arg.get_long().unwrap_or_default(), possible(arg)));
        }
        let files = match command.get_name() {
            "apply" => "                _filedir\n",
            _ => "",
        };
        let values = match with_value.is_empty() {
            true => String::new(),
            false => format!(
                "            case ${{words[cword - 1]}} in\n                --{})\n                    \
                 _ipvsadm_values \"$1\" \"${{words[cword - 1]#--}}\" \"$cur\"\n                    return ;;\n            esac\n",
                with_value.join(" | --")
            ),
        };
        let files = match files.is_empty() {
            true => String::new(),
            false => format!("            [[ $cur == -?* ]] || {}", files.trim_start()),
        };
        if all.iter().any(|name| name == "--tcp-service") {
            // Its words are those of the commands, behind its own.
            options +=
                &format!("        {0}) options=({1}) ;;\n", command.get_name(), all.join(" "));
            subs += &format!("        {0}) verb={0} ;;\n", command.get_name());
            valued
                .extend(with_value.iter().filter(|name| options::long(name.as_bytes()).is_none()));
            first.push(command.get_name().to_string());
            continue;
        }
        subs += &format!(
            "        {})\n{values}{files}            [[ $cur == -* ]] && _ipvsadm_offer \"$cur\" {}\n            return ;;\n",
            command.get_name(),
            all.join(" "),
        );
        first.push(command.get_name().to_string());
    }
    cases.sort();
    cases.dedup();
    for (verb, takes) in grammar::commands() {
        first.extend(names(verb));
        if !takes.is_empty() {
            let all: Vec<String> = takes.iter().flat_map(|spec| names(spec)).collect();
            options += &format!("        {}) options=({}) ;;\n", verb.long, all.join(" "));
        }
    }
    fill(
        "bash",
        &[
            ("CASES", cases.concat()),
            ("LETTERS", letters),
            ("VALUED", format!(" {} ", valued.join(" "))),
            ("FIRST", first.join(" ")),
            ("SUBCOMMANDS", subs),
            ("OPTIONS", options),
        ],
    )
}

/// In a specification of _arguments a bracket ends the text, a colon the part.
fn zsh_text(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}

/// With a blank before it a function gets its own arguments alone.
fn zsh_action(name: &str, values: &[String]) -> String {
    match name {
        "tcp-service" => " _ipvsadm_services -t".to_string(),
        "udp-service" => " _ipvsadm_services -u".to_string(),
        "sctp-service" => " _ipvsadm_services --sctp-service".to_string(),
        "fwmark-service" => " _ipvsadm_services -f".to_string(),
        "real-server" => "_ipvsadm_servers".to_string(),
        "mcast-interface" | "interface" => "_ipvsadm_interfaces".to_string(),
        "netns" => "_ipvsadm_namespaces".to_string(),
        _ if values.is_empty() => String::new(),
        // With commas between: one of them, and go on by hand.
        _ => format!("({})", values.join(" ")),
    }
}

fn zsh_options(spec: &Spec) -> Vec<String> {
    let excluded: Vec<String> = grammar::excludes(spec).flat_map(names).collect();
    let one = |name: &String| {
        let long = name.starts_with("--");
        let (takes, what) = match spec.takes {
            Takes::Nothing => ("", None),
            Takes::Value(what) => (if long { "=" } else { "+" }, Some((":", what))),
            Takes::Maybe(what) => (if long { "=-" } else { "-" }, Some(("::", what))),
        };
        let value = what.map_or(String::new(), |(colons, what)| {
            let action = zsh_action(spec.long, &grammar::values(spec));
            format!("{colons}{}:{action}", zsh_text(what))
        });
        let doc = zsh_text(spec.doc);
        quoted(&format!("({}){name}{takes}[{doc}]{value}", excluded.join(" ")))
    };
    names(spec).iter().map(one).collect()
}

fn zsh() -> String {
    let list = |items: &[String], indent: &str| -> String {
        items.iter().map(|item| format!("{indent}{item}\n")).collect()
    };
    let (mut words, mut first) = (Vec::new(), Vec::new());
    let (mut options, mut subs) = (String::new(), String::new());
    for command in subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        words.push(quoted(&format!("{}:{}", command.get_name(), zsh_text(&about))));
        let mut specs = Vec::new();
        for arg in arguments(&command) {
            for name in argument_names(arg) {
                let value = match takes_value(arg) {
                    true => {
                        let long = arg.get_long().unwrap_or_default();
                        format!(":value:{}", zsh_action(long, &possible(arg)))
                    }
                    false => String::new(),
                };
                let equals = if takes_value(arg) { "=" } else { "" };
                specs.push(quoted(&format!("{name}{equals}[{}]{value}", zsh_text(&help(arg)))));
            }
        }
        specs.extend(everywhere().flat_map(zsh_options));
        if command.get_name() == "apply" {
            specs.push("':file:_files'".to_string());
        }
        subs += &format!(
            "        {})\n            options=(\n{}            )\n            shift words\n            ((CURRENT--)) ;;\n",
            command.get_name(),
            list(&specs, "                "),
        );
    }
    for (verb, takes) in grammar::commands() {
        let mut patterns = Vec::new();
        for name in names(verb) {
            first.push(quoted(&format!("{name}:{}", zsh_text(verb.doc))));
            patterns.push(if name.starts_with("--") { name } else { format!("{name}*") });
        }
        // The command itself is there already.
        let mut specs: Vec<String> =
            names(verb).iter().map(|name| quoted(&format!("!{name}"))).collect();
        match verb.takes {
            Takes::Value(_) => {
                let value = format!("!--{}=:role:({})", verb.long, grammar::values(verb).join(" "));
                specs = vec![quoted(&value)];
            }
            _ => specs.extend((verb.long == "restore").then(|| "':file:_files'".to_string())),
        }
        specs.extend(takes.iter().flat_map(|spec| zsh_options(spec)));
        options += &format!(
            "        {})\n            options=(\n{}            ) ;;\n",
            patterns.join("|"),
            list(&specs, "                "),
        );
    }
    let (words, first) = (list(&words, "            "), list(&first, "            "));
    fill(
        "zsh",
        &[
            ("WORDS", words),
            ("FIRST", first),
            ("SUBCOMMANDS", subs),
            ("OPTIONS", options),
            ("NUMERIC", zsh_text(&doc("numeric"))),
            ("NETNS", zsh_text(&doc("netns")).replace('\'', "'\\''")),
        ],
    )
}

/// What is completed behind an option of fish: nothing, or what a function or a list says.
fn fish_values(name: &str, values: &[String]) -> String {
    let action = match name {
        "tcp-service" => "(__ipvsadm_services -t)".to_string(),
        "udp-service" => "(__ipvsadm_services -u)".to_string(),
        "sctp-service" => "(__ipvsadm_services --sctp-service)".to_string(),
        "fwmark-service" => "(__ipvsadm_services -f)".to_string(),
        "real-server" => "(__ipvsadm_servers)".to_string(),
        "mcast-interface" | "interface" => "(__ipvsadm_interfaces)".to_string(),
        "netns" => "(__ipvsadm_namespaces)".to_string(),
        _ => values.join(" "),
    };
    if action.is_empty() { " -x".to_string() } else { format!(" -x -a {}", quoted(&action)) }
}

fn fish() -> String {
    let switches = |short: &[u8], long: &str| -> String {
        let short: String = short.iter().map(|l| format!(" -s {}", char::from(*l))).collect();
        format!("{short} -l {long}")
    };
    let commands = grammar::commands();
    let (mut letters, mut options, mut subs) = (String::new(), String::new(), String::new());
    for spec in OPTIONS {
        let condition = match spec.section {
            Section::Commands if matches!(spec.takes, Takes::Value(_)) => {
                format!("__ipvsadm_first; or __ipvsadm_behind {}", spec.long)
            }
            Section::Commands => "__ipvsadm_first".to_string(),
            Section::Everywhere => "true".to_string(),
            _ => {
                let with =
                    commands.iter().filter(|(_, takes)| takes.iter().any(|o| o.long == spec.long));
                let with: Vec<&str> = with.map(|(verb, _)| verb.long).collect();
                format!("__ipvsadm_is {}", with.join(" "))
            }
        };
        let values = match spec.takes {
            Takes::Value(_) => fish_values(spec.long, &grammar::values(spec)),
            _ => String::new(),
        };
        let doc = quoted(spec.doc);
        options += &format!(
            "complete -c ipvsadm -n '{condition}'{}{values} -d {doc}\n",
            switches(spec.short, spec.long)
        );
        if spec.section == Section::Commands {
            for letter in spec.short {
                let letter = char::from(*letter);
                letters += &format!("        case '-{letter}*'\n            echo {}\n", spec.long);
            }
        }
    }
    for command in subcommands() {
        let name = command.get_name();
        let about = quoted(&command.get_about().map(ToString::to_string).unwrap_or_default());
        subs += &format!("complete -c ipvsadm -n __ipvsadm_first -a {name} -d {about}\n");
        for arg in arguments(&command) {
            let long = arg.get_long().unwrap_or_default();
            let short: Vec<u8> = arg.get_short().map(|letter| letter as u8).into_iter().collect();
            let switches = match long {
                "" => format!(" -s {}", arg.get_short().expect("an option has a name")),
                long => switches(&short, long),
            };
            let values =
                if takes_value(arg) { fish_values(long, &possible(arg)) } else { String::new() };
            let doc = quoted(&help(arg));
            subs += &format!(
                "complete -c ipvsadm -n '__ipvsadm_is {name}'{switches}{values} -d {doc}\n"
            );
        }
    }
    fill(
        "fish",
        &[
            ("LETTERS", letters),
            ("OPTIONS", options),
            ("SUBCOMMANDS", subs),
            ("NUMERIC", doc("numeric")),
            ("NETNS", doc("netns").replace('\'', "\\'")),
        ],
    )
}

#[test]
fn the_completions_are_of_today() {
    is_of_today("completions/ipvsadm", &bash());
    is_of_today("completions/_ipvsadm", &zsh());
    is_of_today("completions/ipvsadm.fish", &fish());
}
