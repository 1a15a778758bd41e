//! Every option there is, once: the lexer, the checks, the help and the pages read this table.

/// What a command line asks for. The first option says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    AddService,
    EditService,
    DeleteService,
    AddServer,
    EditServer,
    DeleteServer,
    Clear,
    List,
    Save,
    Restore,
    Zero,
    Set,
    StartDaemon,
    StopDaemon,
    Help,
    Version,
}

/// What an option means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opt {
    Verb(Verb),
    TcpService,
    UdpService,
    SctpService,
    FirewallMark,
    Ipv6,
    Scheduler,
    SchedulerFlags,
    Persistent,
    Netmask,
    PersistenceEngine,
    OnePacket,
    RealServer,
    Gatewaying,
    Ipip,
    Masquerading,
    TunType,
    TunPort,
    TunNocsum,
    TunCsum,
    TunRemcsum,
    Weight,
    UpperThreshold,
    LowerThreshold,
    Connection,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Exact,
    Thresholds,
    PersistentConn,
    TunInfo,
    Json,
    Pretty,
    NoSort,
    Sort,
    Numeric,
    Full,
    SyncId,
    SyncMaxLength,
    McastInterface,
    McastGroup,
    McastPort,
    McastTtl,
    Netns,
}

/// Whether a value belongs to an option, and what the value is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Value(&'static str),
    /// A value, or none.
    Maybe(&'static str),
}

/// Where the help lists an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Commands,
    VirtualService,
    RealServer,
    Listing,
    Daemon,
    Everywhere,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    pub opt: Opt,
    pub long: &'static str,
    pub short: &'static [u8],
    pub takes: Takes,
    pub section: Section,
    pub doc: &'static str,
}

const fn row(
    opt: Opt,
    long: &'static str,
    short: &'static [u8],
    takes: Takes,
    section: Section,
    doc: &'static str,
) -> Spec {
    Spec { opt, long, short, takes, section, doc }
}

use Section::*;
use Takes::*;

/// The table.
#[rustfmt::skip]
pub const OPTIONS: &[Spec] = &[
    row(Opt::Verb(Verb::AddService), "add-service", b"A", Nothing, Commands, "add a virtual service"),
    row(Opt::Verb(Verb::EditService), "edit-service", b"E", Nothing, Commands, "change a virtual service; what is not given is set to its default"),
    row(Opt::Verb(Verb::DeleteService), "delete-service", b"D", Nothing, Commands, "delete a virtual service and its real servers"),
    row(Opt::Verb(Verb::Clear), "clear", b"C", Nothing, Commands, "delete all virtual services"),
    row(Opt::Verb(Verb::Restore), "restore", b"R", Nothing, Commands, "carry out the rules on standard input, a line each, or those of a file"),
    row(Opt::Verb(Verb::Save), "save", b"S", Nothing, Commands, "write all rules to standard output, as -R reads them"),
    row(Opt::Verb(Verb::AddServer), "add-server", b"a", Nothing, Commands, "add a real server to a virtual service"),
    row(Opt::Verb(Verb::EditServer), "edit-server", b"e", Nothing, Commands, "change a real server; what is not given is set to its default"),
    row(Opt::Verb(Verb::DeleteServer), "delete-server", b"d", Nothing, Commands, "delete a real server from a virtual service"),
    row(Opt::Verb(Verb::List), "list", b"Ll", Nothing, Commands, "list the table, or one virtual service; done when no command is given"),
    row(Opt::Verb(Verb::Zero), "zero", b"Z", Nothing, Commands, "zero the counters of one virtual service, or of all"),
    row(Opt::Verb(Verb::Set), "set", b"", Nothing, Commands, "set the timeouts of idle connections in seconds: TCP, TCP after a FIN, UDP; 0 leaves one as it is"),
    row(Opt::Verb(Verb::StartDaemon), "start-daemon", b"", Value("master|backup"), Commands, "start the daemon that sends connections to other directors, or receives them"),
    row(Opt::Verb(Verb::StopDaemon), "stop-daemon", b"", Value("master|backup"), Commands, "stop that daemon"),
    row(Opt::Verb(Verb::Help), "help", b"h", Nothing, Commands, "show this help"),
    row(Opt::Verb(Verb::Version), "version", b"v", Nothing, Commands, "show the version"),

    row(Opt::TcpService, "tcp-service", b"t", Value("host[:port]"), VirtualService, "the TCP service at this address"),
    row(Opt::UdpService, "udp-service", b"u", Value("host[:port]"), VirtualService, "the UDP service at this address"),
    row(Opt::SctpService, "sctp-service", b"", Value("host[:port]"), VirtualService, "the SCTP service at this address"),
    row(Opt::FirewallMark, "fwmark-service", b"f", Value("mark"), VirtualService, "the service of packets with this firewall mark, 1 or more"),
    row(Opt::Ipv6, "ipv6", b"6", Nothing, VirtualService, "the service of a firewall mark is for IPv6"),
    row(Opt::Scheduler, "scheduler", b"s", Value("scheduler"), VirtualService, "how servers are chosen: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh; wlc by default"),
    row(Opt::SchedulerFlags, "sched-flags", b"b", Value("flags"), VirtualService, "flags for the scheduler, with commas between: sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3"),
    row(Opt::Persistent, "persistent", b"p", Maybe("seconds"), VirtualService, "a client keeps its server for this long, 360 seconds by default"),
    row(Opt::Netmask, "netmask", b"M", Value("netmask"), VirtualService, "clients equal under this mask (IPv6: prefix length) are one client to persistence"),
    row(Opt::PersistenceEngine, "pe", b"", Value("engine"), VirtualService, "what else tells clients apart for persistence: sip"),
    row(Opt::OnePacket, "ops", b"o", Nothing, VirtualService, "schedule each datagram by itself (UDP)"),

    row(Opt::RealServer, "real-server", b"r", Value("host[:port]"), RealServer, "the real server at this address; the port is the service's by default"),
    row(Opt::Gatewaying, "gatewaying", b"g", Nothing, RealServer, "forward by direct routing (default)"),
    row(Opt::Ipip, "ipip", b"i", Nothing, RealServer, "forward through a tunnel"),
    row(Opt::Masquerading, "masquerading", b"m", Nothing, RealServer, "forward by network address translation"),
    row(Opt::TunType, "tun-type", b"", Value("type"), RealServer, "kind of tunnel: ipip, gue, gre; ipip by default"),
    row(Opt::TunPort, "tun-port", b"", Value("port"), RealServer, "UDP port of a gue tunnel"),
    row(Opt::TunNocsum, "tun-nocsum", b"", Nothing, RealServer, "no checksum in the tunnel (gue, gre)"),
    row(Opt::TunCsum, "tun-csum", b"", Nothing, RealServer, "a checksum in the tunnel (gue, gre)"),
    row(Opt::TunRemcsum, "tun-remcsum", b"", Nothing, RealServer, "remote checksum offload in the tunnel (gue)"),
    row(Opt::Weight, "weight", b"w", Value("weight"), RealServer, "share of the connections, 0 for no new ones; 1 by default"),
    row(Opt::UpperThreshold, "u-threshold", b"x", Value("connections"), RealServer, "no new connections from this many on; 0, the default, for no limit"),
    row(Opt::LowerThreshold, "l-threshold", b"y", Value("connections"), RealServer, "new connections again below this many"),

    row(Opt::Numeric, "numeric", b"n", Nothing, Listing, "addresses and ports as numbers, not names"),
    row(Opt::Full, "full", b"", Nothing, Listing, "with -S: the timeouts and the synchronisation daemons too"),
    row(Opt::Connection, "connection", b"c", Nothing, Listing, "list the current connections"),
    row(Opt::Timeout, "timeout", b"", Nothing, Listing, "show the timeouts of idle connections"),
    row(Opt::Daemon, "daemon", b"", Nothing, Listing, "show the connection synchronisation daemons"),
    row(Opt::Stats, "stats", b"", Nothing, Listing, "list connections, packets and bytes counted"),
    row(Opt::Rate, "rate", b"", Nothing, Listing, "list connections, packets and bytes per second"),
    row(Opt::Exact, "exact", b"X", Nothing, Listing, "large numbers in full"),
    row(Opt::Thresholds, "thresholds", b"", Nothing, Listing, "list the thresholds of real servers"),
    row(Opt::PersistentConn, "persistent-conn", b"", Nothing, Listing, "list the persistent connections; with -c, what the persistence engine knows"),
    row(Opt::TunInfo, "tun-info", b"", Nothing, Listing, "list the tunnels to real servers"),
    row(Opt::Json, "json", b"", Nothing, Listing, "list as a JSON document, in numbers; with -c, --timeout and --daemon too"),
    row(Opt::Pretty, "pretty", b"", Nothing, Listing, "list as tables for a wide terminal, with shares as bars"),
    row(Opt::NoSort, "nosort", b"", Nothing, Listing, "list in the kernel's own order"),
    row(Opt::Sort, "sort", b"", Nothing, Listing, "list by address and port: so it is anyway"),

    row(Opt::SyncId, "syncid", b"", Value("id"), Section::Daemon, "only daemons with the same id talk to each other; 0 to 255"),
    row(Opt::SyncMaxLength, "sync-maxlen", b"", Value("bytes"), Section::Daemon, "largest message; by default as the interface allows"),
    row(Opt::McastInterface, "mcast-interface", b"", Value("interface"), Section::Daemon, "interface to send or listen on"),
    row(Opt::McastGroup, "mcast-group", b"", Value("address"), Section::Daemon, "multicast group, IPv4 or IPv6; 224.0.0.81 by default"),
    row(Opt::McastPort, "mcast-port", b"", Value("port"), Section::Daemon, "UDP port; 8848 by default"),
    row(Opt::McastTtl, "mcast-ttl", b"", Value("ttl"), Section::Daemon, "time to live of messages; 1 by default"),

    // Taken out of the words before any grammar sees them: what a line of -R has of it is refused there.
    row(Opt::Netns, "netns", b"", Value("name|path"), Everywhere, "act in this network namespace: a name of ip netns, or a path like /proc/PID/ns/net"),
];

/// The long options that name a virtual service.
pub const SERVICE: [&str; 4] = ["tcp-service", "udp-service", "sctp-service", "fwmark-service"];

/// The row of a long option.
pub fn long(name: &[u8]) -> Option<&'static Spec> {
    OPTIONS.iter().find(|spec| spec.long.as_bytes() == name)
}

/// The long option that a name is most like, if there is one.
pub fn near(name: &[u8]) -> Option<&'static str> {
    super::near(std::str::from_utf8(name).ok()?, OPTIONS.iter().map(|spec| spec.long))
}

/// The row of a short option.
pub fn short(letter: u8) -> Option<&'static Spec> {
    OPTIONS.get(usize::from(ROWS[usize::from(letter)]))
}

/// For each letter the number of its row; a number that no row has for those that are none.
const ROWS: [u8; 256] = {
    assert!(OPTIONS.len() < NO_ROW as usize);
    let mut rows = [NO_ROW; 256];
    let mut row = 0;
    while row < OPTIONS.len() {
        let mut letter = 0;
        while letter < OPTIONS[row].short.len() {
            rows[OPTIONS[row].short[letter] as usize] = row as u8;
            letter += 1;
        }
        row += 1;
    }
    rows
};

const NO_ROW: u8 = u8::MAX;

impl Opt {
    /// Options that stand for one and the same thing, of which there can be one: their first.
    pub fn group(self) -> Opt {
        match self {
            Opt::UdpService | Opt::SctpService | Opt::FirewallMark => Opt::TcpService,
            Opt::Ipip | Opt::Masquerading => Opt::Gatewaying,
            other => other,
        }
    }

    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self.group() {
            Opt::TcpService => "service-address",
            Opt::Gatewaying => "forwarding-method",
            group => OPTIONS.iter().find(|spec| spec.opt == group).map_or("", |spec| spec.long),
        }
    }
}

impl Spec {
    /// The values that the option can have, as its text lists them: `...: one, two, three; ...`.
    pub fn values(&self) -> Vec<&'static str> {
        let listed = match self.opt {
            Opt::Scheduler | Opt::SchedulerFlags | Opt::PersistenceEngine | Opt::TunType => {
                self.doc.split_once(": ").map_or("", |(_, list)| list)
            }
            Opt::Netns => "",
            _ => match self.takes {
                Takes::Value(name) if name.contains('|') => name,
                _ => "",
            },
        };
        let listed = listed.split(';').next().unwrap_or_default();
        listed.split([',', '|']).map(str::trim).filter(|value| !value.is_empty()).collect()
    }
}

impl Verb {
    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Clear => "flush",
            other => Opt::Verb(other).name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lead_to_their_rows() {
        for spec in OPTIONS {
            for letter in spec.short {
                assert_eq!(short(*letter).map(|found| found.long), Some(spec.long));
            }
        }
        assert!(short(b'?').is_none() && short(0).is_none() && short(255).is_none());
    }

    #[test]
    fn no_name_or_letter_is_there_twice() {
        for (n, spec) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[n + 1..] {
                assert_ne!(spec.long, other.long);
                assert!(!spec.short.iter().any(|s| other.short.contains(s)), "{}", spec.long);
            }
        }
    }
}
