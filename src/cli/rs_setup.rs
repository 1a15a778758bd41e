//! The words after `rs-setup`, parsed with clap into an [`RsSetup`].

use super::Invocation;
use crate::error::CommandError;
use crate::setup::real_server::{Method, RpFilter, Settings, Tunnel, TunnelKind};
use crate::text::printable;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use std::net::IpAddr;
use std::path::PathBuf;

/// A command line of rs-setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsSetup {
    pub action: Action,
    pub vips: Vec<IpAddr>,
    pub settings: Settings,
    /// False when the method is the default.
    pub method_given: bool,
    pub dry_run: bool,
    pub persist: bool,
    pub json: bool,
    /// The folder that --persist writes below; `/` outside of tests.
    pub root: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Setup,
    Check,
    Undo,
}

/// The options that name a forwarding method.
const METHODS: [&str; 3] = ["gatewaying", "ipip", "masquerading"];

/// The command for clap: for parsing, help, the manual page and completions.
pub fn command() -> Command {
    let flag = |id: &'static str, help: &'static str| {
        Arg::new(id).long(id).help(help).action(ArgAction::SetTrue)
    };
    Command::new("rs-setup")
        .bin_name("ipvsadm rs-setup")
        .about("Set this host up as a real server: all that the forwarding method requires, and no more")
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
        .arg(flag("masquerading", "NAT: answers return through the director").short('m'))
        .group(ArgGroup::new("method").args(METHODS))
        .arg(
            Arg::new("tun-type")
                .long("tun-type")
                .value_name("TYPE")
                .value_parser(["ipip", "gue", "gre"])
                .help("With -i: the encapsulation, as in the director's -a [default: ipip]"),
        )
        .arg(
            Arg::new("tun-port")
                .long("tun-port")
                .value_name("N")
                .value_parser(value_parser!(u16).range(1..))
                .help("With gue: the UDP port, as in the director's -a"),
        )
        .arg(
            Arg::new("outer")
                .long("outer")
                .value_name("FAMILY")
                .value_parser(["4", "6"])
                .help("With -i: the family of the outer header [default: the family of the VIP]"),
        )
        .arg(
            Arg::new("rp-filter")
                .long("rp-filter")
                .value_name("HOW")
                .value_parser(["off", "loose"])
                .help("With -i: off sets 0 on the tunnel device and on all, and preserves the effective value of other devices; loose sets 2 on the tunnel device only [default: off]"),
        )
        .arg(
            Arg::new("interface")
                .long("interface")
                .value_name("IF")
                .action(ArgAction::Append)
                .help("Apply the ARP settings to IF instead of all (repeatable)"),
        )
        .arg(
            Arg::new("gateway")
                .long("gateway")
                .value_name("DIP")
                .action(ArgAction::Append)
                .help("With -m: the inside address of the director (one of each family)"),
        )
        .arg(flag("check", "Report what is in place, what is missing and what is wrong"))
        .arg(flag("undo", "Revert what rs-setup did, and only that").conflicts_with("check"))
        .arg(flag("dry-run", "Print the commands that would do the same; change nothing"))
        .arg(flag("persist", "Make it last across reboots").conflicts_with_all(["check", "undo"]))
        .arg(flag("json", "With --check or --dry-run: print JSON"))
        .arg(
            Arg::new("root")
                .long("root")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("/")
                .hide(true),
        )
}

/// Parses the words after `rs-setup`.
pub fn parse(words: &[impl AsRef<[u8]>]) -> Result<Invocation<RsSetup>, CommandError> {
    super::parse(command(), words, |matches| {
        rs_setup(matches).map_err(|text| CommandError::usage(format!("rs-setup: {text}")))
    })
}

fn rs_setup(matches: &ArgMatches) -> Result<RsSetup, String> {
    let action = match (matches.get_flag("check"), matches.get_flag("undo")) {
        (true, _) => Action::Check,
        (_, true) => Action::Undo,
        _ => Action::Setup,
    };
    let mut vips = Vec::new();
    for word in many(matches, "vip") {
        let vip = address(word)?;
        if !vips.contains(&vip) {
            vips.push(vip);
        }
    }
    let interfaces: Vec<String> = many(matches, "interface").cloned().collect();
    if let Some(bad) = interfaces.iter().find(|name| !is_device_name(name)) {
        return Err(format!("'{}' is not the name of a device", printable(bad.as_bytes())));
    }
    let settings = Settings { method: method(matches)?, interfaces };
    if action == Action::Setup && settings.owners(&vips).is_empty() {
        return Err("VIP is required (see 'ipvsadm rs-setup --help')".into());
    }
    let command = RsSetup {
        action,
        vips,
        method_given: METHODS.iter().any(|method| matches.get_flag(method)),
        settings,
        dry_run: matches.get_flag("dry-run"),
        persist: matches.get_flag("persist"),
        json: matches.get_flag("json"),
        root: matches.get_one::<PathBuf>("root").cloned().unwrap_or_else(|| "/".into()),
    };
    if command.json && !command.dry_run && command.action != Action::Check {
        return Err("--json requires --check or --dry-run".into());
    }
    if command.dry_run && command.action == Action::Check {
        return Err("--dry-run conflicts with --check, which changes nothing".into());
    }
    Ok(command)
}

fn many<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a String> {
    matches.get_many::<String>(id).unwrap_or_default()
}

fn method(matches: &ArgMatches) -> Result<Method, String> {
    let value = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let (ipip, masquerading) = (matches.get_flag("ipip"), matches.get_flag("masquerading"));
    if !ipip {
        for option in ["tun-type", "outer", "rp-filter"] {
            if value(option).is_some() {
                return Err(format!("--{option} requires -i"));
            }
        }
    }
    let port = matches.get_one::<u16>("tun-port").copied();
    let kind = match (value("tun-type").unwrap_or("ipip"), port) {
        ("gue", Some(port)) => TunnelKind::Gue { port },
        ("gue", None) => return Err("--tun-type gue requires --tun-port".into()),
        (_, Some(_)) => return Err("--tun-port requires --tun-type gue".into()),
        ("gre", None) => TunnelKind::Gre,
        (_, None) => TunnelKind::Ipip,
    };
    let gateways =
        many(matches, "gateway").map(|word| address(word)).collect::<Result<Vec<_>, _>>()?;
    if masquerading {
        if matches.contains_id("interface") {
            return Err("--interface requires -g or -i: -m has no ARP settings".into());
        }
        let count = |ipv6| gateways.iter().filter(|gateway| gateway.is_ipv6() == ipv6).count();
        return match (count(false), count(true)) {
            (0, 0) => Err("-m requires --gateway, the inside address of the director".into()),
            (0..=1, 0..=1) => Ok(Method::Masquerading { gateways }),
            _ => Err("--gateway can be given once for each address family".into()),
        };
    }
    if !gateways.is_empty() {
        return Err("--gateway requires -m".into());
    }
    if !ipip {
        return Ok(Method::Gatewaying);
    }
    let rp_filter = match value("rp-filter") {
        Some("loose") => RpFilter::Loose,
        _ => RpFilter::Off,
    };
    let outer_ipv6 = value("outer").map(|outer| outer == "6");
    Ok(Method::Ipip(Tunnel { kind, outer_ipv6, rp_filter }))
}

/// Parses an address that a service can have.
fn address(word: &str) -> Result<IpAddr, String> {
    let quoted = printable(word.as_bytes());
    let bare = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')).unwrap_or(word);
    let address: IpAddr = bare.parse().map_err(|_| match bare.split_once('/') {
        Some((address, _)) if address.parse::<IpAddr>().is_ok() => {
            format!("'{quoted}': give the address without a prefix length")
        }
        _ => format!("'{quoted}' is not an IP address"),
    })?;
    let is_unfit = match address {
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
    match is_unfit {
        true => Err(format!("{address} cannot be the address of a service")),
        false => Ok(address),
    }
}

/// Returns true for a name that the kernel accepts for a device. It becomes part of paths below
/// /proc/sys.
fn is_device_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 15
        && !matches!(name, "." | ".." | "all" | "default")
        && !name.chars().any(|c| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<RsSetup, String> {
        match parse(&line.split_whitespace().collect::<Vec<_>>()) {
            Ok(Invocation::Run(command)) => Ok(command),
            Ok(Invocation::Help(text)) => panic!("{line}: {text}"),
            Err(error) => {
                assert_eq!(crate::exit::status(error.kind), 2, "{line}");
                Err(error.message)
            }
        }
    }

    fn plain(vips: &[&str]) -> RsSetup {
        RsSetup {
            action: Action::Setup,
            vips: vips.iter().map(|vip| vip.parse().expect("an address")).collect(),
            settings: Settings { method: Method::Gatewaying, interfaces: vec![] },
            method_given: false,
            dry_run: false,
            persist: false,
            json: false,
            root: "/".into(),
        }
    }

    fn method_of(line: &str) -> Method {
        parse_line(line).expect(line).settings.method
    }

    #[test]
    fn addresses_and_flags() {
        assert_eq!(parse_line("10.0.0.100"), Ok(plain(&["10.0.0.100"])));
        let vips = plain(&["10.0.0.100", "fd00::100"]);
        assert_eq!(parse_line("10.0.0.100 [fd00::100] 10.0.0.100"), Ok(vips.clone()));
        let check = RsSetup { action: Action::Check, json: true, ..plain(&[]) };
        assert_eq!(parse_line("--check --json"), Ok(check));
        let undo = RsSetup { action: Action::Undo, dry_run: true, ..plain(&["10.0.0.100"]) };
        assert_eq!(parse_line("--undo --dry-run 10.0.0.100"), Ok(undo));
        assert_eq!(parse_line("--undo"), Ok(RsSetup { action: Action::Undo, ..plain(&[]) }));
        let persist = RsSetup {
            persist: true,
            root: "/tmp".into(),
            method_given: true,
            ..plain(&["10.0.0.100"])
        };
        assert_eq!(parse_line("--persist --root /tmp -g 10.0.0.100"), Ok(persist));
        let json = parse_line("--dry-run --json 10.0.0.100").expect("dry run");
        assert!(json.json && json.dry_run && json.action == Action::Setup);
        let interfaces = vec!["eth0".to_string(), "a.5".to_string()];
        let settings = Settings { method: Method::Gatewaying, interfaces };
        assert_eq!(
            parse_line("--interface eth0 --interface=a.5 10.0.0.100"),
            Ok(RsSetup { settings, ..plain(&["10.0.0.100"]) })
        );
    }

    #[test]
    fn methods() {
        let tunnel =
            |kind, outer_ipv6, rp_filter| Method::Ipip(Tunnel { kind, outer_ipv6, rp_filter });
        assert!(parse_line("-i 10.0.0.100").expect("a tunnel").method_given);
        assert!(parse_line("-m --gateway 10.1.0.1").expect("NAT").method_given);
        let ipip = tunnel(TunnelKind::Ipip, None, RpFilter::Off);
        assert_eq!(method_of("-i 10.0.0.100"), ipip);
        assert_eq!(method_of("-i --tun-type ipip --rp-filter off 10.0.0.100"), ipip);
        let gue = tunnel(TunnelKind::Gue { port: 6080 }, Some(true), RpFilter::Loose);
        let line = "--ipip --tun-type gue --tun-port 6080 --outer 6 --rp-filter loose 10.0.0.100";
        assert_eq!(method_of(line), gue);
        let gre = tunnel(TunnelKind::Gre, Some(false), RpFilter::Off);
        assert_eq!(method_of("-i --tun-type gre --outer 4 fd00::100"), gre);
        let gateways = vec!["10.1.0.1".parse().unwrap(), "fd01::1".parse().unwrap()];
        let nat = Method::Masquerading { gateways };
        assert_eq!(method_of("-m --gateway 10.1.0.1 --gateway fd01::1"), nat);
    }

    #[test]
    fn mistakes_are_explained() {
        for (line, text) in [
            ("", "VIP is required (see 'ipvsadm rs-setup --help')"),
            ("-i", "VIP is required (see 'ipvsadm rs-setup --help')"),
            ("10.0.0.300", "'10.0.0.300' is not an IP address"),
            ("10.0.0.100 www/24", "'www/24' is not an IP address"),
            ("10.0.0.100/24", "'10.0.0.100/24': give the address without a prefix length"),
            ("10.0.0.100 \u{1b}[1m", "'\\u{1b}[1m' is not an IP address"),
            ("-m", "-m requires --gateway, the inside address of the director"),
            (
                "-m --gateway 10.1.0.1 --gateway 10.1.0.2",
                "--gateway can be given once for each address family",
            ),
            (
                "-m --gateway fd01::1 --gateway fd01::2",
                "--gateway can be given once for each address family",
            ),
            ("-m --gateway x", "'x' is not an IP address"),
            (
                "-m --gateway 10.1.0.1 --interface eth0",
                "--interface requires -g or -i: -m has no ARP settings",
            ),
            ("--gateway 10.1.0.1 10.0.0.100", "--gateway requires -m"),
            ("-i --gateway 10.1.0.1 10.0.0.100", "--gateway requires -m"),
            ("--tun-type gre 10.0.0.100", "--tun-type requires -i"),
            ("-g --outer 6 10.0.0.100", "--outer requires -i"),
            ("-m --gateway 10.1.0.1 --rp-filter off", "--rp-filter requires -i"),
            ("-i --tun-type gue 10.0.0.100", "--tun-type gue requires --tun-port"),
            ("-i --tun-port 6080 10.0.0.100", "--tun-port requires --tun-type gue"),
            ("-i --tun-type gre --tun-port 6080 10.0.0.100", "--tun-port requires --tun-type gue"),
            ("--tun-port 6080 10.0.0.100", "--tun-port requires --tun-type gue"),
            ("--json 10.0.0.100", "--json requires --check or --dry-run"),
            ("--undo --json", "--json requires --check or --dry-run"),
            ("--check --dry-run", "--dry-run conflicts with --check, which changes nothing"),
        ] {
            assert_eq!(parse_line(line), Err(format!("rs-setup: {text}")), "{line}");
        }
        for line in [
            "-g -i 10.0.0.100",
            "--undo --check",
            "--persist --check 10.0.0.100",
            "--frobnicate 10.0.0.100",
            "-i --tun-type x 10.0.0.100",
            "-i --tun-type gue --tun-port 0 10.0.0.100",
            "-i --outer 5 10.0.0.100",
        ] {
            let text = parse_line(line).expect_err(line);
            assert!(text.starts_with("rs-setup: ") && text.lines().count() == 1, "{line}: {text}");
        }
    }

    #[test]
    fn addresses_that_a_service_cannot_have() {
        for word in [
            "127.0.0.1",
            "224.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
            "::ffff:10.0.0.100",
        ] {
            let error = address(word).expect_err(word);
            assert!(error.ends_with(" cannot be the address of a service"), "{error}");
        }
        for word in ["1.0.0.1", "223.255.255.255", "169.254.0.1", "fd00::100", "[2001:db8::1]"] {
            assert!(address(word).is_ok(), "{word}");
        }
        assert!(address("[10.0.0.100").is_err() && address("10.0.0.100]").is_err());
    }

    #[test]
    fn names_of_devices() {
        for name in ["eth0", "a", "fifteen-bytes-x", "eth0.5", "e;reboot'", "br@1"] {
            assert!(is_device_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "all",
            "default",
            "sixteen-bytes-xy",
            "../x",
            "lo:0",
            "a b",
            "a\tb",
            "\u{1b}x",
        ] {
            assert!(!is_device_name(name), "{name}");
        }
        let error = parse_line("--interface ../x 10.0.0.100").expect_err("a path");
        assert_eq!(error, "rs-setup: '../x' is not the name of a device");
    }

    #[test]
    fn help_is_not_an_error() {
        let Ok(Invocation::Help(text)) = parse(&["--help"]) else { panic!("help") };
        assert!(text.contains("--tun-port") && !text.contains("--root"), "{text}");
    }
}
