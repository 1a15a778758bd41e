//! The kernel's IPVS beside its table: sysctls, and the state of the connection table.

use super::{Error, sysctl};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file with the state of the tables, on kernels from 7.1 on.
const STATUS: &str = "/proc/thread-self/net/ip_vs_status";
/// The folder of the sysctls.
const FOLDER: &str = "net/ipv4/vs";

/// A sysctl below net.ipv4.vs that this program knows: its name, its value on a kernel that nobody
/// has configured (`None` if that depends on the machine or the network namespace), and its meaning.
pub type Known = (&'static str, Option<&'static str>, &'static str);

/// The sysctls that this program knows, sorted by name.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    ("am_droprate", Some("10"), "with drop_packet 3: drop one packet in this many"),
    ("amemthresh", Some("1024"), "free pages below which the automatic defences start"),
    ("backup_only", Some("0"), "1: forward nothing while the backup sync daemon runs"),
    ("cache_bypass", Some("0"), "1: without a server, forward to the original address"),
    ("conn_lfactor", None, "load of the connection table: lower makes it larger"),
    ("conn_max", Some("1073741824"), "maximum number of connections; more are refused"),
    ("conn_reuse_mode", Some("1"), "reused client ports: 0 keep the server, 1 choose again"),
    ("conntrack", Some("0"), "1: netfilter tracks balanced connections, as SNAT requires"),
    ("debug_level", Some("0"), "debug messages of a kernel built with them"),
    ("drop_entry", Some("0"), "defence: drop idle entries; 1, 2 automatic, 3 always"),
    ("drop_packet", Some("0"), "defence: drop packets; 1, 2 automatic, 3 always"),
    ("est_cpulist", None, "processors that estimate rates; empty: no estimation"),
    ("est_nice", Some("0"), "nice value of the threads that estimate rates"),
    ("expire_nodest_conn", Some("0"), "1: connections of a removed server end at once"),
    ("expire_quiescent_template", Some("0"), "1: weight 0 ends persistence too"),
    ("ignore_tunneled", Some("0"), "1: do not schedule packets that came out of a tunnel"),
    ("lblc_expiration", Some("86400"), "lblc: seconds until an idle entry is forgotten"),
    ("lblcr_expiration", Some("86400"), "lblcr: seconds until an idle entry is forgotten"),
    ("nat_icmp_send", Some("0"), "1: with NAT, report lost connections to real servers"),
    ("pmtu_disc", Some("1"), "1: path MTU discovery through tunnels"),
    ("run_estimation", Some("1"), "0: no estimation, so rates stand still"),
    ("schedule_icmp", Some("0"), "1: schedule ICMP errors of unknown connections"),
    ("secure_tcp", Some("0"), "defence: half-open ones end sooner; 1, 2 automatic, 3 always"),
    ("sloppy_sctp", Some("0"), "1: any SCTP packet can start a connection"),
    ("sloppy_tcp", Some("0"), "1: any TCP packet can start a connection, after a failover"),
    ("snat_reroute", Some("1"), "1: route answers of NAT by their new source address"),
    ("svc_lfactor", None, "load of the service table: lower makes it larger"),
    ("sync_persist_mode", Some("0"), "1: synchronise persistence only, not its connections"),
    ("sync_ports", Some("1"), "number of threads and UDP ports for sync messages"),
    ("sync_qlen_max", None, "maximum number of sync messages that wait"),
    ("sync_refresh_period", Some("0"), "seconds between two messages about a connection"),
    ("sync_retries", Some("0"), "times to send a message about a connection, 0 to 3"),
    ("sync_sock_size", Some("0"), "buffer of the sync socket in bytes; 0: the system's"),
    ("sync_threshold", Some("3\t50"), "first packet to synchronise at, and then each this many"),
    ("sync_version", Some("1"), "format of sync messages; 0 for kernels before 2.6.39"),
];

/// A sysctl of this kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sysctl {
    pub name: String,
    pub value: String,
    /// `None` if it is unknown, or depends on the machine.
    pub default: Option<&'static str>,
    /// Empty for a sysctl that this program does not know.
    pub meaning: &'static str,
}

impl Sysctl {
    /// Returns true if the value is not the default.
    pub fn differs(&self) -> bool {
        self.default.is_some_and(|default| default != self.value)
    }
}

/// Reads all sysctls of IPVS, sorted by name.
pub fn sysctls() -> Result<Vec<Sysctl>, Error> {
    let folder = Path::new("/proc/sys").join(FOLDER);
    let entries = fs::read_dir(&folder).map_err(|e| Error::File(folder.clone(), e))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::File(folder.clone(), e))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    let mut sysctls = Vec::new();
    for name in names {
        let Some(value) = sysctl::read(&format!("{FOLDER}/{name}"))? else { continue };
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let (_, default, meaning) = known.copied().unwrap_or(("", None, ""));
        sysctls.push(Sysctl { name, value, default, meaning });
    }
    Ok(sysctls)
}

/// The state of IPVS in a network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Entries of the connection table, templates of persistence included, if they were counted.
    pub connections: Option<u64>,
    /// The number of entries at which new ones are refused, if there is a limit.
    pub max_connections: Option<u64>,
    /// Buckets of the connection table.
    pub buckets: u64,
    pub services: u64,
    /// The reason why the kernel estimates no rates.
    pub frozen: Option<&'static str>,
    /// The kernel's own lines, as name and value; empty before 7.1.
    pub details: Vec<(String, String)>,
}

/// Reads the kernel's own lines about the state of its tables.
pub fn details() -> Result<Vec<(String, String)>, Error> {
    match fs::read_to_string(STATUS) {
        Ok(text) => Ok(parse_details(&text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Error::File(PathBuf::from(STATUS), e)),
    }
}

fn parse_details(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_string(), value.trim().to_string())).collect()
}

/// The limit of connections, if this kernel has one.
pub fn max_connections() -> Result<Option<u64>, Error> {
    let value = sysctl::read(&format!("{FOLDER}/conn_max"))?;
    Ok(value.and_then(|value| value.parse().ok()))
}

/// The entries of the connection table and their limit, if this kernel counts them. Never reads the
/// connections themselves, of which there may be millions.
pub fn counted_connections() -> Option<(u64, Option<u64>)> {
    let details = details().ok()?;
    let (_, count) = details.iter().find(|(name, _)| name == "Conns")?;
    Some((count.parse().ok()?, max_connections().ok()?))
}

/// The reason why the kernel estimates no rates, if it does not.
pub fn frozen() -> Result<Option<&'static str>, Error> {
    let read = |name: &str| sysctl::read(&format!("{FOLDER}/{name}"));
    Ok(frozen_by(read("run_estimation")?.as_deref(), read("est_cpulist")?.as_deref()))
}

fn frozen_by(run_estimation: Option<&str>, cpulist: Option<&str>) -> Option<&'static str> {
    match (run_estimation, cpulist) {
        (Some("0"), _) => Some("net.ipv4.vs.run_estimation is 0"),
        (_, Some("")) => Some("net.ipv4.vs.est_cpulist is empty"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sysctls_are_sorted_and_described() {
        assert!(KNOWN.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for (name, _, meaning) in KNOWN {
            assert!((10..=62).contains(&meaning.len()), "{name}: {} bytes", meaning.len());
        }
    }

    #[test]
    fn a_value_that_is_not_the_default_differs() {
        let sysctl = |value: &str, default| Sysctl {
            name: "conntrack".into(),
            value: value.into(),
            default,
            meaning: "",
        };
        assert!(sysctl("1", Some("0")).differs());
        assert!(!sysctl("0", Some("0")).differs());
        assert!(!sysctl("1", None).differs());
    }

    #[test]
    fn lines_of_the_kernel_are_parsed() {
        let text = "Conns:\t3\nConn buckets:\t256 (8 bits, lfactor -2)\nno colon\n";
        let expected = [("Conns", "3"), ("Conn buckets", "256 (8 bits, lfactor -2)")];
        assert_eq!(parse_details(text), expected.map(|(a, b)| (a.to_string(), b.to_string())));
        assert_eq!(parse_details(""), []);
    }

    #[test]
    fn estimation_can_be_off_in_two_ways() {
        assert_eq!(frozen_by(None, None), None);
        assert_eq!(frozen_by(Some("1"), Some("0-3")), None);
        assert_eq!(frozen_by(Some("0"), Some("0-3")), Some("net.ipv4.vs.run_estimation is 0"));
        assert_eq!(frozen_by(Some("1"), Some("")), Some("net.ipv4.vs.est_cpulist is empty"));
    }
}
