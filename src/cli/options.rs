//! The option table: one row holds all that is known about an option.
//!
//! The lexer, the parser, the help, the man pages and the completions read it. To add an option or a
//! verb, add a row.

pub use super::row::{Argument, OptionRow, Section, Verb};

use super::row::{option, verb};
use super::value::{self, INT_MAX};
use crate::command::{Command, Form};
use Section::*;
use libipvs::model::{Change, Checksum, Forwarding, Protocol};
use std::num::NonZeroU16;

/// The name of the options that name a virtual service.
pub const SERVICE: &str = "service-address";
/// The name of the option that names a real server.
pub const SERVER: &str = "real-server";
/// The name of the options that name a forwarding method.
pub const METHOD: &str = "forwarding-method";

#[rustfmt::skip]
const SERVICE_VERBS: &[&str] = &[
    "add-service", "edit-service", "delete-service",
    "add-server", "edit-server", "delete-server", "list", "zero",
];
const SERVER_VERBS: &[&str] = &["add-server", "edit-server", "delete-server"];
const SERVICE_EDITS: &[&str] = &["add-service", "edit-service"];
const SERVER_EDITS: &[&str] = &["add-server", "edit-server"];
const LIST: &[&str] = &["list"];
const START_DAEMON: &[&str] = &["start-daemon"];

const SCHEDULERS: &[&str] = &[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos",
];
const SCHEDULER_FLAGS: &[&str] =
    &["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"];
const ROLES: &[&str] = &["master", "backup"];

/// The table.
#[rustfmt::skip]
pub const OPTIONS: &[OptionRow] = &[
    verb("add-service", b"A", &[SERVICE], |draft| Ok(Change::AddService(draft.service()?).into()))
        .help("Add a virtual service"),
    verb("edit-service", b"E", &[SERVICE], |draft| Ok(Change::EditService(draft.service()?).into()))
        .help("Edit a virtual service; options that are not given return to their defaults"),
    verb("delete-service", b"D", &[SERVICE], |draft| Ok(Change::DeleteService(draft.key()?).into()))
        .help("Delete a virtual service and its real servers"),
    verb("clear", b"C", &[], |_| Ok(Change::Flush.into()))
        .help("Delete all virtual services")
        .name("flush"),
    verb("restore", b"R", &[], |draft| Ok(Command::Restore { file: draft.file.to_vec() }))
        .help("Execute the rules of a file or of standard input, one per line")
        .operands(|draft, words| {
            draft.file = words.next().unwrap_or(b"-");
            Ok(())
        }),
    verb("save", b"S", &[], |draft| Ok(Command::Save(draft.save)))
        .help("Print the table as rules for -R"),
    verb("add-server", b"a", &[SERVICE, SERVER], |draft| Ok(Change::AddDestination(draft.key()?, draft.destination()?).into()))
        .help("Add a real server to a virtual service"),
    verb("edit-server", b"e", &[SERVICE, SERVER], |draft| Ok(Change::EditDestination(draft.key()?, draft.destination()?).into()))
        .help("Edit a real server; options that are not given return to their defaults"),
    verb("delete-server", b"d", &[SERVICE, SERVER], |draft| Ok(Change::DeleteDestination(draft.key()?, draft.destination_key()?).into()))
        .help("Delete a real server from a virtual service"),
    verb("list", b"Ll", &[], |draft| draft.list().map(Command::List))
        .help("List the table or one virtual service (default)"),
    verb("zero", b"Z", &[], |draft| Ok(Change::Zero(draft.key).into()))
        .help("Zero the counters of one virtual service or of all"),
    verb("set", b"", &[], |draft| Ok(Change::SetTimeouts(draft.timeouts).into()))
        .help("Set the timeouts of idle connections in seconds: TCP, TCP after a FIN, UDP; 0 keeps a timeout")
        .operands(|draft, words| draft.set_timeouts(words)),
    verb("start-daemon", b"", &[], |draft| Ok(Change::StartDaemon(draft.daemon).into()))
        .help("Start the daemon that sends connections to other directors (master) or receives them (backup)")
        .argument("role").values(ROLES)
        .parses(|draft, text| value::role(text, "start-daemon parameter").map(|role| draft.daemon.role = role)),
    verb("stop-daemon", b"", &[], |draft| Ok(Change::StopDaemon(draft.daemon.role).into()))
        .help("Stop the daemon with this role")
        .argument("role").values(ROLES)
        .parses(|draft, text| value::role(text, "stop-daemon parameter").map(|role| draft.daemon.role = role)),
    verb("help", b"h", &[], |draft| Ok(Command::Help { whole: draft.is_long }))
        .help("Print help: -h a screen of it, --help every option")
        .ignores_rest(),
    verb("version", b"v", &[], |_| Ok(Command::Version))
        .help("Print the version")
        .ignores_rest(),

    option("tcp-service", b"t", VirtualService, SERVICE_VERBS)
        .help("TCP service at this address")
        .argument("host[:port]").name(SERVICE)
        .parses(|draft, text| draft.set_service(text, Protocol::Tcp)),
    option("udp-service", b"u", VirtualService, SERVICE_VERBS)
        .help("UDP service at this address")
        .argument("host[:port]").name(SERVICE)
        .parses(|draft, text| draft.set_service(text, Protocol::Udp)),
    option("sctp-service", b"", VirtualService, SERVICE_VERBS)
        .help("SCTP service at this address")
        .argument("host[:port]").name(SERVICE)
        .parses(|draft, text| draft.set_service(text, Protocol::Sctp)),
    option("fwmark-service", b"f", VirtualService, SERVICE_VERBS)
        .help("Service of the packets with this firewall mark, 1 or more")
        .argument("mark").name(SERVICE)
        .parses(|draft, text| draft.set_mark(text)),
    option("ipv6", b"6", VirtualService, SERVICE_VERBS)
        .help("With -f: the service of IPv6 packets")
        .unchecked()
        .parses(|draft, _| draft.set_ipv6()),
    option("scheduler", b"s", VirtualService, SERVICE_EDITS)
        .help("Scheduler that chooses the real server of a connection [default: wlc]")
        .argument("scheduler").values(SCHEDULERS)
        .sets(|draft, text| if let Some(name) = value::short_name(text) { draft.service.scheduler = name }),
    option("sched-flags", b"b", VirtualService, SERVICE_EDITS)
        .help("Flags of the scheduler, separated by commas")
        .argument("flags").values(SCHEDULER_FLAGS)
        .sets(|draft, text| draft.scheduler_flags = text),
    option("persistent", b"p", VirtualService, SERVICE_EDITS)
        .help("Make the service persistent: a client keeps its real server for this many seconds, 360 if omitted")
        .optional_argument("seconds", b"360")
        .parses(|draft, text| value::timeout(text, 1).map(|seconds| draft.service.persistence = Some(seconds))),
    option("netmask", b"M", VirtualService, SERVICE_EDITS)
        .help("With -p: treat all clients of a network as one client; a prefix length for IPv6")
        .argument("netmask")
        .parses(|draft, text| draft.set_netmask(text)),
    option("pe", b"", VirtualService, SERVICE_EDITS)
        .help("With -p: identify clients by this persistence engine instead of the address alone")
        .argument("engine").values(&["sip"])
        .sets(|draft, text| draft.service.persistence_engine = value::short_name(text)),
    option("ops", b"o", VirtualService, SERVICE_EDITS)
        .help("One-packet scheduling: schedule each UDP datagram by itself")
        .sets(|draft, _| draft.service.one_packet = true),

    option("real-server", b"r", RealServer, SERVER_VERBS)
        .help("Real server at this address; the port defaults to the service's")
        .argument("host[:port]")
        .parses(|draft, text| draft.set_server(text)),
    option("gatewaying", b"g", RealServer, SERVER_EDITS)
        .help("Forward by direct routing (default)")
        .name(METHOD)
        .sets(|draft, _| draft.destination.forwarding = Forwarding::DirectRouting),
    option("ipip", b"i", RealServer, SERVER_EDITS)
        .help("Forward through a tunnel")
        .name(METHOD)
        .sets(|draft, _| draft.destination.forwarding = Forwarding::Tunnel),
    option("masquerading", b"m", RealServer, SERVER_EDITS)
        .help("Forward by network address translation (NAT)")
        .name(METHOD)
        .sets(|draft, _| draft.destination.forwarding = Forwarding::Masquerading),
    option("tun-type", b"", RealServer, SERVER_EDITS)
        .help("With -i: encapsulation of the tunnel [default: ipip]")
        .argument("type").values(&["ipip", "gue", "gre"])
        .parses(|draft, text| value::tunnel_kind(text).map(|kind| draft.destination.tunnel.kind = kind)),
    option("tun-port", b"", RealServer, SERVER_EDITS)
        .help("UDP port of a gue tunnel")
        .argument("port")
        .parses(|draft, text| value::number(text, 1, 65535, "tunnel port").map(|n| draft.destination.tunnel.port = NonZeroU16::new(n))),
    option("tun-nocsum", b"", RealServer, SERVER_EDITS)
        .help("Send tunnel packets without a checksum (gue, gre; default)")
        .sets(|draft, _| draft.destination.tunnel.checksum = Checksum::None),
    option("tun-csum", b"", RealServer, SERVER_EDITS)
        .help("Send tunnel packets with a checksum (gue, gre)")
        .sets(|draft, _| draft.destination.tunnel.checksum = Checksum::Full),
    option("tun-remcsum", b"", RealServer, SERVER_EDITS)
        .help("Send tunnel packets with remote checksum offload (gue)")
        .sets(|draft, _| draft.destination.tunnel.checksum = Checksum::Remote),
    option("weight", b"w", RealServer, SERVER_EDITS)
        .help("Share of new connections relative to the other real servers; 0 for none [default: 1]")
        .argument("weight")
        .parses(|draft, text| value::number(text, 0, INT_MAX, "weight").map(|n| draft.destination.weight = n)),
    option("u-threshold", b"x", RealServer, SERVER_EDITS)
        .help("Stop new connections at this number of connections; 0 for no limit [default: 0]")
        .argument("connections")
        .parses(|draft, text| value::number(text, 0, INT_MAX, "u_threshold").map(|n| draft.destination.upper_threshold = n)),
    option("l-threshold", b"y", RealServer, SERVER_EDITS)
        .help("Resume new connections below this number; 0 for three quarters of -x [default: 0]")
        .argument("connections")
        .parses(|draft, text| value::number(text, 0, INT_MAX, "l_threshold").map(|n| draft.destination.lower_threshold = n)),

    option("numeric", b"n", Listing, &["list", "save"])
        .help("Print addresses and ports as numbers instead of names")
        .sets(|draft, _| (draft.list.numeric, draft.save.numeric) = (true, true)),
    option("full", b"", Listing, &["save"])
        .help("With -S: include the timeouts and the synchronisation daemons")
        .sets(|draft, _| draft.save.full = true),
    option("no-thresholds", b"", Listing, &["save"])
        .help("With -S: leave out the connection thresholds of real servers, as 1.31 does")
        .sets(|draft, _| draft.save.no_thresholds = true),
    option("connection", b"c", Listing, LIST)
        .help("List the current connections"),
    option("timeout", b"", Listing, LIST)
        .help("List the timeouts of idle connections"),
    option("daemon", b"", Listing, LIST)
        .help("List the synchronisation daemons"),
    option("sysctls", b"", Listing, LIST)
        .help("List the sysctls of IPVS, and which differ from the default"),
    option("status", b"", Listing, LIST)
        .help("List the number of connections, their limit, and whether rates are estimated"),
    option("all", b"", Listing, LIST)
        .help("With --json: services with counters and rates, timeouts, daemons and status in one document")
        .sets(|draft, _| draft.list.all = true),
    option("stats", b"", Listing, LIST)
        .help("List the counters of connections, packets and bytes"),
    option("rate", b"", Listing, LIST)
        .help("List connections, packets and bytes per second"),
    option("exact", b"X", Listing, LIST)
        .help("Print large numbers in full")
        .sets(|draft, _| draft.list.exact = true),
    option("thresholds", b"", Listing, LIST)
        .help("List the connection thresholds of real servers"),
    option("persistent-conn", b"", Listing, LIST)
        .help("List the persistent connections; with -c, the data of persistence engines"),
    option("tun-info", b"", Listing, LIST)
        .help("List the tunnels to real servers"),
    option("json", b"", Listing, LIST)
        .help("Print a JSON document, always numeric; also of -c, --timeout, --daemon, --sysctls, --status")
        .sets(|draft, _| draft.list.form = Form::Json),
    option("pretty", b"", Listing, LIST)
        .help("Print tables for a wide terminal, with bars for shares")
        .sets(|draft, _| draft.list.form = Form::Pretty),
    option("nosort", b"", Listing, LIST)
        .help("List in the kernel's order")
        .sets(|draft, _| draft.list.sorted = false),
    option("sort", b"", Listing, LIST)
        .help("List by address and port (default)")
        .unchecked(),

    option("syncid", b"", Daemon, &["start-daemon", "stop-daemon", "list"])
        .help("Exchange messages only with daemons that have this ID, 0 to 255 [default: 0]")
        .argument("id")
        .parses(|draft, text| value::number(text, 0, 255, "syncid").map(|id| draft.daemon.sync_id = id)),
    option("sync-maxlen", b"", Daemon, START_DAEMON)
        .help("Maximum length of a message, 1 to 65507; the interface decides the default")
        .argument("bytes")
        .parses(|draft, text| value::number(text, 1, 65507, "sync-maxlen").map(|n| draft.daemon.max_length = Some(n))),
    option("mcast-interface", b"", Daemon, START_DAEMON)
        .help("Interface to send or receive messages on")
        .argument("interface")
        .sets(|draft, text| draft.daemon.interface = value::name(text)),
    option("mcast-group", b"", Daemon, START_DAEMON)
        .help("Multicast group, IPv4 or IPv6 [default: 224.0.0.81]")
        .argument("address")
        .parses(|draft, text| value::multicast_group(text).map(|group| draft.daemon.group = Some(group))),
    option("mcast-port", b"", Daemon, START_DAEMON)
        .help("UDP port of the multicast group [default: 8848]")
        .argument("port")
        .parses(|draft, text| value::number(text, 1, 65535, "mcast-port").map(|n| draft.daemon.port = NonZeroU16::new(n))),
    option("mcast-ttl", b"", Daemon, START_DAEMON)
        .help("Time to live of messages [default: 1]")
        .argument("ttl")
        .parses(|draft, text| value::number(text, 1, 255, "mcast-ttl").map(|ttl| draft.daemon.ttl = Some(ttl))),

    // The programs take it out of their words before they parse them; no verb of a -R line allows it.
    option("netns", b"", Everywhere, &[])
        .help("Act in this network namespace: a name of ip netns, or a path like /proc/PID/ns/net")
        .argument("name|path"),
];

/// Returns the row of a long option.
pub fn long(name: &[u8]) -> Option<&'static OptionRow> {
    OPTIONS.iter().find(|row| row.long.as_bytes() == name)
}

/// Returns the row of a short option.
pub fn short(letter: u8) -> Option<&'static OptionRow> {
    OPTIONS.get(usize::from(ROW_OF_LETTER[usize::from(letter)]))
}

/// Returns the listed values of a long option.
pub fn values(name: &str) -> &'static [&'static str] {
    long(name.as_bytes()).map_or(&[], |row| row.values)
}

/// Returns the rows that share a name in messages.
pub fn group(name: &str) -> impl Iterator<Item = &'static OptionRow> {
    OPTIONS.iter().filter(move |row| row.name == name)
}

/// The index of the row for each letter; `NO_ROW` for a letter that is no option.
static ROW_OF_LETTER: [u8; 256] = {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lead_to_their_rows() {
        for row in OPTIONS {
            for letter in row.short {
                assert_eq!(short(*letter).map(|found| found.long), Some(row.long));
            }
        }
        assert!(short(b'?').is_none() && short(0).is_none() && short(255).is_none());
    }

    #[test]
    fn spellings_are_unique() {
        for (n, row) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[n + 1..] {
                assert_ne!(row.long, other.long);
                assert!(!row.short.iter().any(|s| other.short.contains(s)), "{}", row.long);
            }
        }
    }

    #[test]
    fn values_are_listed_where_they_are_known() {
        assert_eq!(values("pe"), ["sip"]);
        assert_eq!(values("tun-type"), ["ipip", "gue", "gre"]);
        assert!(values("weight").is_empty() && values("no-such-option").is_empty());
    }

    #[test]
    fn names_of_verbs_and_of_required_options_exist() {
        for row in OPTIONS {
            for verb in row.verbs {
                assert!(long(verb.as_bytes()).is_some_and(|row| row.verb.is_some()), "{verb}");
            }
            for name in row.verb.iter().flat_map(|verb| verb.requires) {
                let allowed = |option: &OptionRow| option.verbs.contains(&row.long);
                assert!(group(name).count() > 0 && group(name).all(allowed), "{name}");
            }
        }
    }
}
