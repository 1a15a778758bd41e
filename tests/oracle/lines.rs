//! Valid command lines, one function for each group of commands.
//!
//! Most lines use services and servers of the starting table.

use crate::grammar::{Item, bare, chance, flag, named, pick, with};
use crate::tables::TABLES;
use crate::values::{self, Family};
use fastrand::Rng;

/// The services and the address family that lines use.
pub struct Scene {
    pub family: Family,
    services: Vec<Service>,
}

struct Service {
    items: Vec<Item>,
    servers: Vec<&'static str>,
}

impl Scene {
    pub fn new(family: Family, table: usize) -> Scene {
        let mut services: Vec<Service> = Vec::new();
        for line in TABLES[table].rules.lines() {
            let words: Vec<&'static str> = line.split(' ').collect();
            match words[0] {
                "-A" => {
                    let mut items = vec![with(words[1].trim_start_matches('-'), words[2])];
                    if words.get(3) == Some(&"-6") {
                        items.push(flag("6"));
                    }
                    services.push(Service { items, servers: Vec::new() });
                }
                "-a" => {
                    let at = words.iter().position(|w| *w == "-r").expect("a server");
                    let last = services.last_mut().expect("a service comes first");
                    last.servers.push(words[at + 1]);
                }
                _ => {}
            }
        }
        Scene { family, services }
    }

    fn family(&self, rng: &mut Rng) -> Family {
        match self.family {
            Family::Any => {
                *pick(rng, &[Family::V4, Family::V4, Family::V4, Family::V6, Family::Named])
            }
            family => family,
        }
    }

    /// Returns a service, mostly one of the table, and one of its servers.
    fn service(&self, rng: &mut Rng, family: Family) -> (Vec<Item>, Option<&'static str>) {
        if self.services.is_empty() || chance(rng, 15) {
            return (virtual_service(rng, family), None);
        }
        let service = pick(rng, &self.services);
        let server = match service.servers.is_empty() {
            true => None,
            false => Some(*pick(rng, &service.servers)),
        };
        (service.items.clone(), server)
    }
}

/// Returns `-t V`, `-u V`, `--sctp-service V` or `-f N [-6]`.
fn virtual_service(rng: &mut Rng, family: Family) -> Vec<Item> {
    let option = *pick(rng, &["t", "t", "t", "t", "u", "u", "sctp-service", "f", "f"]);
    if option == "f" {
        let mut items = vec![with("f", values::good(rng, named("f")))];
        if family == Family::V6 || (family != Family::V4 && chance(rng, 25)) {
            items.push(flag("6"));
        }
        return items;
    }
    vec![with(option, values::service(rng, option, family))]
}

fn value(rng: &mut Rng, name: &str) -> Item {
    let opt = named(name);
    let value = values::good(rng, opt);
    with(name, value)
}

/// Sometimes shuffles all items except the first.
fn sometimes_shuffled(rng: &mut Rng, mut items: Vec<Item>) -> Vec<Item> {
    if chance(rng, 25) && items.len() > 1 {
        let bare = items.iter().any(|i| matches!(i, Item::Bare(_)));
        if !bare {
            rng.shuffle(&mut items[1..]);
        }
    }
    items
}

fn service_options(rng: &mut Rng, items: &mut Vec<Item>, family: Family) {
    if chance(rng, 75) {
        items.push(value(rng, "s"));
    }
    if chance(rng, 40) {
        items.push(match rng.bool() {
            true => value(rng, "p"),
            false => flag("p"),
        });
        if chance(rng, 40) {
            let mask = match family {
                Family::V6 => *pick(rng, &["64", "128", "1", "48", "127"]),
                Family::V4 => *pick(rng, &["255.255.255.0", "255.255.255.255", "255.0.0.0"]),
                _ => "255.255.0.0",
            };
            items.push(with("M", mask));
        }
    } else if chance(rng, 5) {
        items.push(value(rng, "M"));
    }
    if chance(rng, 8) {
        items.push(value(rng, "pe"));
    }
    if chance(rng, 10) {
        items.push(flag("o"));
    }
    if chance(rng, 15) {
        let flags = *pick(rng, &["sh-port", "sh-fallback,sh-port", "mh-port,mh-fallback"]);
        match rng.bool() {
            true => items.push(value(rng, "b")),
            false => {
                items.retain(|i| !matches!(i, Item::Opt(o, _) if o.long == "scheduler"));
                items.extend([with("s", &flags[..2]), with("b", flags)]);
            }
        }
    }
    if chance(rng, 3) {
        items.push(flag("sort"));
    }
}

pub fn add_service(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    let family = scene.family(rng);
    let mut items = vec![flag("A")];
    items.extend(virtual_service(rng, family));
    service_options(rng, &mut items, family);
    sometimes_shuffled(rng, items)
}

/// Returns a line with -A, -E, -D or -Z.
pub fn service(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    let family = scene.family(rng);
    match rng.u8(..10) {
        0..5 => add_service(rng, scene),
        5..8 => {
            let mut items = vec![flag("E")];
            items.extend(scene.service(rng, family).0);
            service_options(rng, &mut items, family);
            sometimes_shuffled(rng, items)
        }
        8 => {
            let mut items = vec![flag("D")];
            items.extend(scene.service(rng, family).0);
            items
        }
        _ => {
            let mut items = vec![flag("Z")];
            if rng.bool() {
                items.extend(scene.service(rng, family).0);
            }
            items
        }
    }
}

fn server_options(rng: &mut Rng, items: &mut Vec<Item>) {
    match rng.u8(..10) {
        0 | 1 => items.push(flag("g")),
        2..5 => items.push(flag("m")),
        5..9 => {
            items.push(flag("i"));
            match rng.u8(..6) {
                0 | 1 => {
                    items.extend([with("tun-type", "gue"), value(rng, "tun-port")]);
                    if chance(rng, 70) {
                        items.push(flag(pick::<&str>(
                            rng,
                            &["tun-nocsum", "tun-csum", "tun-remcsum"],
                        )));
                    }
                }
                2 => {
                    items.push(with("tun-type", "gre"));
                    if chance(rng, 60) {
                        items.push(flag(pick::<&str>(rng, &["tun-nocsum", "tun-csum"])));
                    }
                }
                3 => items.push(with("tun-type", "ipip")),
                4 if chance(rng, 30) => items.push(value(rng, "tun-port")),
                _ => {}
            }
        }
        _ => {}
    }
    if chance(rng, 60) {
        items.push(value(rng, "w"));
    }
    if chance(rng, 25) {
        items.push(value(rng, "x"));
    }
    if chance(rng, 15) {
        items.push(value(rng, "y"));
    }
}

pub fn add_server(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    one_server(rng, scene, "a")
}

fn one_server(rng: &mut Rng, scene: &Scene, command: &str) -> Vec<Item> {
    let family = scene.family(rng);
    let mut items = vec![flag(command)];
    let (service, server) = scene.service(rng, family);
    let six = |i: &Item| matches!(i, Item::Opt(o, v) if o.long == "ipv6" || v.as_deref().is_some_and(|v| v.starts_with(b"[")));
    let own = match service.iter().any(six) {
        true => Family::V6,
        false if family == Family::Named => Family::Named,
        false => Family::V4,
    };
    items.extend(service);
    let server = match server {
        Some(server) if chance(rng, if command == "a" { 15 } else { 80 }) => {
            server.as_bytes().to_vec()
        }
        _ if chance(rng, 12) => values::server(rng, Family::Any),
        _ => values::server(rng, own),
    };
    items.push(with("r", server));
    if command != "d" {
        server_options(rng, &mut items);
    }
    sometimes_shuffled(rng, items)
}

/// Returns a line with -a, -e or -d.
pub fn server(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    let command = *pick(rng, &["a", "a", "a", "e", "e", "d"]);
    one_server(rng, scene, command)
}

/// Returns a line with -L and its views.
pub fn list(rng: &mut Rng, scene: &Scene) -> Vec<Item> {
    let mut items = vec![flag(pick::<&str>(rng, &["L", "L", "l", "list"]))];
    if chance(rng, 35) {
        let family = scene.family(rng);
        items.extend(scene.service(rng, family).0);
    }
    if chance(rng, 65) {
        items.push(flag("n"));
    }
    let views = [
        "stats",
        "rate",
        "thresholds",
        "persistent-conn",
        "tun-info",
        "X",
        "nosort",
        "sort",
        "stats",
        "rate",
        "thresholds",
        "persistent-conn",
        "tun-info",
        "nosort",
        "c",
        "timeout",
        "daemon",
    ];
    let count = *pick(rng, &[0, 0, 1, 1, 1, 1, 2, 2, 3]);
    for _ in 0..count {
        let view = *pick(rng, &views);
        let opt = named(view);
        if !items.iter().any(|i| matches!(i, Item::Opt(o, _) if o.long == opt.long)) {
            items.push(flag(view));
        }
    }
    if chance(rng, 2) {
        items.push(value(rng, "syncid"));
    }
    sometimes_shuffled(rng, items)
}

/// Returns a line with --set, --start-daemon, --stop-daemon, or a list that shows their effect.
pub fn daemon(rng: &mut Rng) -> Vec<Item> {
    match rng.u8(..12) {
        0..3 => {
            let mut items = vec![flag("set")];
            for _ in 0..*pick(rng, &[3, 3, 3, 3, 3, 3, 2, 4]) {
                let t = pick(
                    rng,
                    &["0", "1", "60", "120", "900", "2678400", "010", "+4", "2678401", "x"],
                );
                items.push(bare(*t));
            }
            items
        }
        3..9 => {
            let mut items = vec![value(rng, "start-daemon")];
            if chance(rng, 85) {
                items.push(value(rng, "mcast-interface"));
            }
            for option in ["syncid", "sync-maxlen", "mcast-group", "mcast-port", "mcast-ttl"] {
                if chance(rng, 30) {
                    items.push(value(rng, option));
                }
            }
            sometimes_shuffled(rng, items)
        }
        9 | 10 => {
            let mut items = vec![value(rng, "stop-daemon")];
            if chance(rng, 25) {
                let option = *pick(rng, &["syncid", "mcast-interface"]);
                items.push(value(rng, option));
            }
            items
        }
        _ => vec![flag("L"), flag(pick::<&str>(rng, &["daemon", "timeout"]))],
    }
}
