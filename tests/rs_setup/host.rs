//! A host to set up: the test's own network namespace, with two network cards.

use crate::support::{self, Ran, program, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Creates two cards with addresses and default routes, and the devices of all tunnel modules. Each
/// tunnel device is set up once, because IPv6 has settings for it from then on.
pub fn make() {
    // Starting a program is expensive in the lab.
    if std::fs::read_to_string("/proc/modules")
        .is_ok_and(|loaded| MODULES.iter().any(|module| !loaded.contains(&format!("{module} "))))
    {
        run("modprobe", &[&["-a"], MODULES.as_slice()].concat(), b"").ok();
    }
    let mut batch = "link add eth0 type veth peer name far0
        link add eth1 type veth peer name far1
        link set eth0 up\nlink set far0 up\nlink set eth1 up\nlink set far1 up
        addr add 10.0.0.11/24 dev eth0
        addr add 10.1.0.11/24 dev eth1
        addr add fd00::11/64 dev eth0 nodad
        addr add fd01::11/64 dev eth1 nodad
        route add default via 10.0.0.254 metric 0
        route add default via fd00::fe\n"
        .to_string();
    for device in ["tunl0", "gre0", "sit0", "ip6tnl0", "ip6gre0"] {
        batch += &format!("link set {device} up\nlink set {device} down\n");
    }
    run("ip", &["-batch", "-"], batch.as_bytes()).ok();
}

const MODULES: [&str; 6] = ["ipip", "ip_gre", "sit", "ip6_tunnel", "ip6_gre", "fou"];

/// The record of this namespace.
pub fn record() -> PathBuf {
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata("/proc/thread-self/ns/net").unwrap().ino();
    Path::new("/run/ipvsadm/rs-setup").join(format!("{inode}.json"))
}

/// `ipvsadm rs-setup` with the words of `line`.
pub fn rs_setup(line: &str) -> Ran {
    support::ipvsadm(&format!("rs-setup {line}"))
}

/// The same with a variable in its environment.
pub fn rs_setup_with(variable: &str, value: usize, line: &str) -> Ran {
    let variable = format!("{variable}={value}");
    let program = program("ipvsadm");
    let mut words = vec![variable.as_str(), program.to_str().unwrap(), "rs-setup"];
    words.extend(line.split_whitespace());
    run("env", &words, b"")
}

/// Every address, link state, route, fou port and sysctl of a device, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    pub fn take() -> Snapshot {
        let mut all = BTreeMap::new();
        let batch = b"link\naddr\nroute show table all\nfou show\n";
        // Without its module, fou prints an error.
        let listed = run("ip", &["-force", "-o", "-batch", "-"], batch).out
            + &run("ip", &["-6", "-o", "route", "show", "table", "all"], b"").ok();
        for line in listed.lines() {
            // The index of a device, the lifetime of an address, and what changes by itself.
            let line = line
                .split_once(": ")
                .filter(|(n, _)| n.parse::<u32>().is_ok())
                .map_or(line, |(_, l)| l);
            let line = line.split(" qdisc ").next().unwrap_or(line);
            let line = line.split("valid_lft").next().unwrap_or(line);
            let line = line.split(" expires ").next().unwrap_or(line);
            let line = line.replace(" tentative", "").replace(" linkdown", "");
            // The kernel adds these addresses shortly after a card is up.
            if !line.contains("fe80:") && !line.contains("ff00::") {
                all.insert(line.trim_end().to_string(), String::new());
            }
        }
        for path in [record(), "/run/ipvsadm/rs-setup".into(), "/run/ipvsadm".into()] {
            if path.exists() {
                all.insert(path.display().to_string(), String::new());
            }
        }
        for family in ["ipv4", "ipv6"] {
            walk(&Path::new("/proc/sys/net").join(family).join("conf"), &mut all);
        }
        Snapshot(all)
    }

    /// The lines that are not in both: `-` only here, `+` only in `later`.
    pub fn differences(&self, later: &Snapshot) -> Vec<String> {
        let only = |sign: &str, a: &Snapshot, b: &Snapshot| -> Vec<String> {
            a.0.iter()
                .filter(|(k, v)| b.0.get(*k) != Some(v))
                .map(|(k, v)| format!("{sign} {k} {v}").trim_end().to_string())
                .collect()
        };
        [only("-", self, later), only("+", later, self)].concat()
    }

    #[track_caller]
    pub fn same(&self, later: &Snapshot, when: &str) {
        let differences = self.differences(later);
        assert!(differences.is_empty(), "{when}:\n{}", differences.join("\n"));
    }
}

fn walk(directory: &Path, all: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, all);
        } else if let Ok(value) = std::fs::read_to_string(&path) {
            all.insert(path.display().to_string(), value.trim().to_string());
        }
    }
}

pub fn sysctl(key: &str) -> String {
    std::fs::read_to_string(Path::new("/proc/sys").join(key)).unwrap().trim().to_string()
}

pub fn set_sysctl(key: &str, value: impl ToString) {
    std::fs::write(Path::new("/proc/sys").join(key), value.to_string()).unwrap();
}

/// The effective rp_filter of each device: the larger value of `all` and its own.
pub fn rp_filter_in_effect() -> BTreeMap<String, u32> {
    let all: u32 = sysctl("net/ipv4/conf/all/rp_filter").parse().unwrap();
    std::fs::read_dir("/proc/sys/net/ipv4/conf")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|device| device != "all")
        .map(|device| {
            let own: u32 = sysctl(&format!("net/ipv4/conf/{device}/rp_filter")).parse().unwrap();
            (device, own.max(all))
        })
        .collect()
}

/// A set-up for each method, family and option.
pub const SETUPS: [&str; 11] = [
    "-g 10.0.0.100",
    "-g 10.0.0.100 10.0.0.101 fd00::100",
    "-i 10.0.0.100",
    "-i --rp-filter loose 10.0.0.100",
    "-i --tun-type gue --tun-port 6080 10.0.0.100",
    "-i --tun-type gre 10.0.0.100 fd00::100",
    "-i --outer 6 10.0.0.100",
    "-i 10.0.0.100 fd00::100",
    "-i --tun-type gue --tun-port 6080 --outer 4 fd00::100",
    "-m --gateway 10.1.0.1",
    "-m --gateway 10.1.0.1 --gateway fd01::1 10.0.0.100 10.0.0.101",
];
