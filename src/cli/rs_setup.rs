//! The words after `rs-setup`, read with clap, to a typed [`Task`].

use crate::cli;
use crate::setup::settings::{Method, RpFilter, Settings, Tunnel, TunnelKind};
use crate::text;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub verb: Verb,
    pub vips: Vec<IpAddr>,
    pub settings: Settings,
    /// Whether the method was said, or is the default.
    pub method_given: bool,
    pub dry_run: bool,
    pub persist: bool,
    pub json: bool,
    /// Where the files of --persist belong; `/` but in tests.
    pub root: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Setup,
    Check,
    Undo,
}

/// Why there is no task: a text, and whether it is the help that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    Help(String),
    /// What is wrong, and what may help a person.
    Bad(String, Option<String>),
}

/// `rs-setup` as clap knows it: for parsing, help, the page and completions.
pub fn command() -> Command {
    let flag = |id: &'static str, doc: &'static str| {
        Arg::new(id).long(id).help(doc).action(ArgAction::SetTrue)
    };
    Command::new("rs-setup")
        .bin_name("ipvsadm rs-setup")
        .about("Make this host a real server: what the forwarding method needs of it, and no more")
        .override_usage(
            "ipvsadm rs-setup [-g | -i | -m] [OPTIONS] VIP...\n       \
             ipvsadm rs-setup --check [-g | -i | -m] [OPTIONS] [VIP...]\n       \
             ipvsadm rs-setup --undo [VIP...]",
        )
        .arg(
            Arg::new("vip")
                .value_name("VIP")
                .help("Virtual addresses that the director forwards to this host, IPv4 or IPv6")
                .action(ArgAction::Append),
        )
        .arg(flag("gatewaying", "Direct routing (default)").short('g'))
        .arg(flag("ipip", "Tunnel").short('i'))
        .arg(flag("masquerading", "NAT: answers go back by the director").short('m'))
        .group(ArgGroup::new("method").args(["gatewaying", "ipip", "masquerading"]))
        .arg(
            Arg::new("tun-type")
                .long("tun-type")
                .value_name("TYPE")
                .value_parser(["ipip", "gue", "gre"])
                .help("With -i: the encapsulation, as given to the director's -a [default: ipip]"),
        )
        .arg(
            Arg::new("tun-port")
                .long("tun-port")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help("With gue: the UDP port, as given to the director's -a"),
        )
        .arg(
            Arg::new("outer")
                .long("outer")
                .value_name("FAMILY")
                .value_parser(["4", "6"])
                .help("With -i: family of the outer header [default: the VIP's]"),
        )
        .arg(
            Arg::new("rp-filter")
                .long("rp-filter")
                .value_name("HOW")
                .value_parser(["off", "loose"])
                .help("With -i: 0 on the tunnel device and on all, others keeping what is in effect; or 2 on the tunnel device alone [default: off]"),
        )
        .arg(
            Arg::new("interface")
                .long("interface")
                .value_name("IF")
                .action(ArgAction::Append)
                .help("The ARP settings on IF instead of all (repeatable)"),
        )
        .arg(
            Arg::new("gateway")
                .long("gateway")
                .value_name("DIP")
                .action(ArgAction::Append)
                .help("With -m: the director's inside address (one of each family)"),
        )
        .arg(flag("check", "What is in place, what is missing, what works against it"))
        .arg(flag("undo", "Take down what rs-setup put up, and only that").conflicts_with("check"))
        .arg(flag("dry-run", "Print the commands that would do the same; change nothing"))
        .arg(flag("persist", "Make it last across reboots").conflicts_with_all(["check", "undo"]))
        .arg(flag("json", "With --check or --dry-run: as JSON"))
        .arg(
            Arg::new("root")
                .long("root")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("/")
                .hide(true),
        )
}

/// Read the words after `rs-setup`.
pub fn task(words: impl IntoIterator<Item = OsString>) -> Result<Task, Stop> {
    let words = std::iter::once(OsString::from("rs-setup")).chain(words);
    let matches = command().try_get_matches_from(words).map_err(|e| match e.kind() {
        ErrorKind::DisplayHelp => Stop::Help(e.to_string()),
        _ => Stop::Bad(cli::one_line(&e), cli::suggestions::argument(&e)),
    })?;
    read(&matches).map_err(|text| Stop::Bad(text, None))
}

fn read(matches: &ArgMatches) -> Result<Task, String> {
    let verb = match (matches.get_flag("check"), matches.get_flag("undo")) {
        (true, _) => Verb::Check,
        (_, true) => Verb::Undo,
        _ => Verb::Setup,
    };
    let mut vips = Vec::new();
    for word in matches.get_many::<String>("vip").unwrap_or_default() {
        let vip = address(word)?;
        if !vips.contains(&vip) {
            vips.push(vip);
        }
    }
    let interfaces: Vec<String> = many(matches, "interface").cloned().collect();
    if let Some(bad) = interfaces.iter().find(|name| !device_name(name)) {
        return Err(format!("`{}' is no name of a device", text::printable(bad.as_bytes())));
    }
    let settings = Settings { method: method(matches)?, interfaces };
    if verb == Verb::Setup && vips.is_empty() {
        let Method::Masquerading { .. } = settings.method else {
            return Err("rs-setup wants the virtual addresses (see ipvsadm rs-setup --help)".into());
        };
    }
    let task = Task {
        verb,
        vips,
        method_given: matches.contains_id("method") && method_given(matches),
        settings,
        dry_run: matches.get_flag("dry-run"),
        persist: matches.get_flag("persist"),
        json: matches.get_flag("json"),
        root: matches.get_one::<PathBuf>("root").cloned().unwrap_or_else(|| "/".into()),
    };
    if task.json && !task.dry_run && task.verb != Verb::Check {
        return Err("--json goes with --check or --dry-run".into());
    }
    if task.dry_run && task.verb == Verb::Check {
        return Err("--check changes nothing: --dry-run does not go with it".into());
    }
    Ok(task)
}

fn method_given(matches: &ArgMatches) -> bool {
    ["gatewaying", "ipip", "masquerading"].iter().any(|id| matches.get_flag(id))
}

fn many<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a String> {
    matches.get_many::<String>(id).unwrap_or_default()
}

fn method(matches: &ArgMatches) -> Result<Method, String> {
    let said = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    if !matches.get_flag("ipip") {
        for option in ["tun-type", "outer", "rp-filter"] {
            if said(option).is_some() {
                return Err(format!("--{option} goes with -i"));
            }
        }
    }
    let port = matches.get_one::<u16>("tun-port").copied();
    let kind = match (said("tun-type").unwrap_or("ipip"), port) {
        ("gue", Some(port)) => TunnelKind::Gue { port },
        ("gue", None) => return Err("--tun-type gue wants --tun-port".into()),
        (_, Some(_)) => return Err("--tun-port goes with --tun-type gue".into()),
        ("gre", None) => TunnelKind::Gre,
        (_, None) => TunnelKind::Ipip,
    };
    let gateways =
        many(matches, "gateway").map(|word| address(word)).collect::<Result<Vec<_>, _>>()?;
    if matches.get_flag("masquerading") {
        if matches.contains_id("interface") {
            return Err("--interface goes with -g or -i: with -m there are no ARP settings".into());
        }
        let of = |ipv6| gateways.iter().filter(|gateway| gateway.is_ipv6() == ipv6).count();
        return match (of(false), of(true)) {
            (0, 0) => Err("-m wants --gateway, the director's inside address".into()),
            (0..=1, 0..=1) => Ok(Method::Masquerading { gateways }),
            _ => Err("--gateway can be given once for each family".into()),
        };
    }
    if !gateways.is_empty() {
        return Err("--gateway goes with -m".into());
    }
    if !matches.get_flag("ipip") {
        return Ok(Method::Gatewaying);
    }
    let rp_filter = match said("rp-filter") {
        Some("loose") => RpFilter::Loose,
        _ => RpFilter::Off,
    };
    Ok(Method::Ipip(Tunnel {
        kind,
        outer_ipv6: said("outer").map(|outer| outer == "6"),
        rp_filter,
    }))
}

/// An address that a service can have.
fn address(word: &str) -> Result<IpAddr, String> {
    let shown = text::printable(word.as_bytes());
    let bare = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')).unwrap_or(word);
    let address: IpAddr = bare.parse().map_err(|_| match bare.split_once('/') {
        Some((alone, _)) if alone.parse::<IpAddr>().is_ok() => {
            format!("`{shown}': the address alone is wanted, without a prefix length")
        }
        _ => format!("`{shown}' is no IP address"),
    })?;
    let unfit = match address {
        IpAddr::V4(a) => {
            a.is_loopback() || a.is_multicast() || a.octets()[0] == 0 || a.octets()[0] >= 240
        }
        IpAddr::V6(a) => {
            a.is_loopback()
                || a.is_multicast()
                || a.is_unspecified()
                || a.is_unicast_link_local()
                || a.to_ipv4_mapped().is_some()
        }
    };
    match unfit {
        true => Err(format!("{address} cannot be the address of a service")),
        false => Ok(address),
    }
}

/// What the kernel takes for a device's name; it is part of paths below /proc/sys.
fn device_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 15
        && !matches!(name, "." | ".." | "all" | "default")
        && !name.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}
