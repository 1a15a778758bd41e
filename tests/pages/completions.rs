//! The completions of each shell, from completions/*.in and the option table.
//!
//! `@NAME@` in a source is replaced by text that is generated here.

use crate::assert_current;
use clap::{Arg, ArgAction, Command};
use ipvsadm::cli::options::{self, Argument, OPTIONS, OptionRow, Section};
use std::path::Path;

/// Returns the help of an option, for the source of a shell, which quotes it.
fn help_of(name: &str) -> &'static str {
    let help = options::long(name.as_bytes()).expect("an option").help;
    assert!(!help.contains('\''), "{help}");
    help
}

fn help_of_restore(long: &str) -> String {
    let command = ipvsadm::cli::restore::command();
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(long)).expect(long);
    arg.get_help().expect(long).to_string()
}

/// Returns the verbs, each with the options that it allows.
fn commands() -> Vec<(&'static OptionRow, Vec<&'static OptionRow>)> {
    let options_of = |row: &'static OptionRow| {
        let verb = row.verb.as_ref()?;
        let allowed = |option: &&OptionRow| {
            let everywhere = option.section == Section::Everywhere && !verb.ignores_rest;
            everywhere || option.verbs.contains(&row.long)
        };
        Some((row, OPTIONS.iter().filter(allowed).collect()))
    };
    OPTIONS.iter().filter_map(options_of).collect()
}

/// Replaces each placeholder. A source must contain all of them.
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

/// Returns the subcommands as clap knows them.
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

/// Returns the options that every command allows.
fn everywhere() -> impl Iterator<Item = &'static OptionRow> {
    OPTIONS.iter().filter(|row| row.section == Section::Everywhere)
}

fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_positional())
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Returns the possible values of an option, separated by blanks.
fn values(arg: &Arg) -> String {
    let values = arg.get_possible_values();
    let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    if takes_value(arg) { values.join(" ") } else { String::new() }
}

fn help(arg: &Arg) -> String {
    arg.get_help().map(ToString::to_string).unwrap_or_default()
}

/// Returns the spellings of an option: `-a` and `--add-server`.
fn names(row: &OptionRow) -> Vec<String> {
    let short = row.short.iter().map(|letter| format!("-{}", char::from(*letter)));
    short.chain([format!("--{}", row.long)]).collect()
}

fn argument_names(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect()
}

/// Puts a text in single quotes, for any of the three shells.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn bash() -> String {
    let letters: Vec<String> = OPTIONS
        .iter()
        .flat_map(|row| row.short.iter().map(|l| format!("[{}]={}", char::from(*l), row.long)))
        .collect();
    let letters = letters.chunks(6).map(|row| format!("        {}\n", row.join(" "))).collect();
    let valued = |row: &&OptionRow| matches!(row.argument, Argument::Required(_));
    let mut valued: Vec<&str> = OPTIONS.iter().filter(valued).map(|row| row.long).collect();
    let case = |name: &str, values: String| match values.is_empty() {
        true => String::new(),
        false => format!("        {name}) values=({values}) ;;\n"),
    };
    let mut cases: Vec<String> =
        OPTIONS.iter().map(|row| case(row.long, row.values.join(" "))).collect();
    let (mut first, mut subs, mut options) = (Vec::new(), String::new(), String::new());
    let subcommands = subcommands();
    for command in &subcommands {
        let mut all: Vec<String> = arguments(command).flat_map(argument_names).collect();
        let with_value = arguments(command).filter(|arg| takes_value(arg));
        let mut with_value: Vec<&str> = with_value.filter_map(Arg::get_long).collect();
        for row in everywhere() {
            all.extend(names(row));
            with_value.push(row.long);
        }
        for arg in arguments(command) {
            cases.push(case(arg.get_long().unwrap_or_default(), values(arg)));
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
            // Such a subcommand is completed like the verbs.
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
    for (verb, takes) in commands() {
        first.extend(names(verb));
        if !takes.is_empty() {
            let all: Vec<String> = takes.iter().flat_map(|row| names(row)).collect();
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

/// Escapes a text for _arguments, where a bracket ends the text and a colon the part.
fn zsh_text(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}

/// Returns the action that completes a value. A leading blank keeps _arguments from adding options.
fn zsh_action(name: &str, values: &str) -> String {
    match name {
        "tcp-service" => " _ipvsadm_services -t".to_string(),
        "udp-service" => " _ipvsadm_services -u".to_string(),
        "sctp-service" => " _ipvsadm_services --sctp-service".to_string(),
        "fwmark-service" => " _ipvsadm_services -f".to_string(),
        "real-server" => "_ipvsadm_servers".to_string(),
        "mcast-interface" | "interface" => "_ipvsadm_interfaces".to_string(),
        "netns" => "_ipvsadm_namespaces".to_string(),
        _ if values.is_empty() => String::new(),
        // Of a list separated by commas only the first is completed.
        _ => format!("({values})"),
    }
}

fn zsh_options(row: &OptionRow) -> Vec<String> {
    let excluded: Vec<String> = options::group(row.name).flat_map(names).collect();
    let one = |name: &String| {
        let long = name.starts_with("--");
        let (takes, what) = match row.argument {
            Argument::None => ("", None),
            Argument::Required(what) => (if long { "=" } else { "+" }, Some((":", what))),
            Argument::Optional { name: what, .. } => {
                (if long { "=-" } else { "-" }, Some(("::", what)))
            }
        };
        let value = what.map_or(String::new(), |(colons, what)| {
            let action = zsh_action(row.long, &row.values.join(" "));
            format!("{colons}{}:{action}", zsh_text(what))
        });
        let doc = zsh_text(row.help);
        quoted(&format!("({}){name}{takes}[{doc}]{value}", excluded.join(" ")))
    };
    names(row).iter().map(one).collect()
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
                        format!(":value:{}", zsh_action(long, &values(arg)))
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
    for (verb, takes) in commands() {
        let mut patterns = Vec::new();
        for name in names(verb) {
            first.push(quoted(&format!("{name}:{}", zsh_text(verb.help))));
            patterns.push(if name.starts_with("--") { name } else { format!("{name}*") });
        }
        // The verb is on the line already.
        let mut specs: Vec<String> =
            names(verb).iter().map(|name| quoted(&format!("!{name}"))).collect();
        match verb.argument {
            Argument::Required(_) => {
                let value = format!("!--{}=:role:({})", verb.long, verb.values.join(" "));
                specs = vec![quoted(&value)];
            }
            _ => specs.extend((verb.long == "restore").then(|| "':file:_files'".to_string())),
        }
        specs.extend(takes.iter().flat_map(|row| zsh_options(row)));
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
            ("NUMERIC", zsh_text(help_of("numeric"))),
            ("FULL", zsh_text(help_of("full"))),
            ("NO_THRESHOLDS", zsh_text(help_of("no-thresholds"))),
            ("DRY_RUN", zsh_text(&help_of_restore("dry-run"))),
            ("KEEP", zsh_text(&help_of_restore("keep"))),
            ("ALLOW_EMPTY", zsh_text(&help_of_restore("allow-empty"))),
            ("NETNS", zsh_text(help_of("netns"))),
        ],
    )
}

/// Returns the switches that complete the value of an option in fish.
fn fish_values(name: &str, values: &str) -> String {
    let action = match name {
        "tcp-service" => "(__ipvsadm_services -t)".to_string(),
        "udp-service" => "(__ipvsadm_services -u)".to_string(),
        "sctp-service" => "(__ipvsadm_services --sctp-service)".to_string(),
        "fwmark-service" => "(__ipvsadm_services -f)".to_string(),
        "real-server" => "(__ipvsadm_servers)".to_string(),
        "mcast-interface" | "interface" => "(__ipvsadm_interfaces)".to_string(),
        "netns" => "(__ipvsadm_namespaces)".to_string(),
        _ => values.to_string(),
    };
    if action.is_empty() { " -x".to_string() } else { format!(" -x -a {}", quoted(&action)) }
}

fn fish() -> String {
    let switches = |short: &[u8], long: &str| -> String {
        let short: String = short.iter().map(|l| format!(" -s {}", char::from(*l))).collect();
        format!("{short} -l {long}")
    };
    let (mut letters, mut options, mut subs) = (String::new(), String::new(), String::new());
    for row in OPTIONS {
        let condition = match row.section {
            Section::Commands if matches!(row.argument, Argument::Required(_)) => {
                format!("__ipvsadm_first; or __ipvsadm_behind {}", row.long)
            }
            Section::Commands => "__ipvsadm_first".to_string(),
            Section::Everywhere => "true".to_string(),
            _ => format!("__ipvsadm_is {}", row.verbs.join(" ")),
        };
        let values = match row.argument {
            Argument::Required(_) => fish_values(row.long, &row.values.join(" ")),
            _ => String::new(),
        };
        let doc = quoted(row.help);
        options += &format!(
            "complete -c ipvsadm -n '{condition}'{}{values} -d {doc}\n",
            switches(row.short, row.long)
        );
        if row.section == Section::Commands {
            for letter in row.short {
                let letter = char::from(*letter);
                letters += &format!("        case '-{letter}*'\n            echo {}\n", row.long);
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
                if takes_value(arg) { fish_values(long, &values(arg)) } else { String::new() };
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
            ("NUMERIC", help_of("numeric").to_string()),
            ("FULL", help_of("full").to_string()),
            ("NO_THRESHOLDS", help_of("no-thresholds").to_string()),
            ("DRY_RUN", help_of_restore("dry-run")),
            ("KEEP", help_of_restore("keep")),
            ("ALLOW_EMPTY", help_of_restore("allow-empty")),
            ("NETNS", help_of("netns").to_string()),
        ],
    )
}

#[test]
fn the_committed_completions_are_current() {
    assert_current("completions/ipvsadm", &bash());
    assert_current("completions/_ipvsadm", &zsh());
    assert_current("completions/ipvsadm.fish", &fish());
}
