//! Lines of the classic grammar with the commands or errors that they make.

use super::parser;
use crate::command::{Columns, Command, Form, List, Save, Subject};
use crate::error::{CommandError, ErrorKind};
use crate::exit;
use crate::names::Names;
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::model::*;
use std::net::{IpAddr, Ipv4Addr};

/// A resolver that knows one host and one port of TCP.
struct Few;

impl Names for Few {
    fn host(&self, name: &str) -> Option<Ipv4Addr> {
        (name == "vip.test").then_some(Ipv4Addr::new(10, 0, 0, 1))
    }
    fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        (name == "http" && protocol == Protocol::Tcp).then_some(80)
    }
    fn host_name(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn port_name(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}

fn command(line: &str) -> Result<Command, CommandError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    parser::command(&words, &Few)
}

/// Checks that a line makes the change that another line describes in full.
#[track_caller]
fn assert_change(line: &str, rule: &str) {
    let Ok(Command::Change(change)) = command(line) else {
        panic!("{line}: {:?}", command(line));
    };
    let mut text = Vec::new();
    rules::change(&mut text, &mut Labels::numeric(), &change).expect("written to memory");
    assert_eq!(String::from_utf8(text).expect("text"), format!("{rule}\n"), "{line}");
}

#[track_caller]
fn assert_error(line: &str, message: &str) {
    let error = command(line).expect_err(line);
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Usage, message), "{line}");
    assert_eq!(exit::status(error.kind), 2);
}

#[test]
fn services() {
    for (line, rule) in [
        ("-A -t 10.0.0.1:80", "-A -t 10.0.0.1:80 -s wlc"),
        ("-A -t vip.test:http", "-A -t 10.0.0.1:80 -s wlc"),
        ("-E -u 10.0.0.1:53 -o --scheduler=", "-E -u 10.0.0.1:53 -s wlc -o"),
        (
            "-A --sctp-service [fd00::1]:9 -b sh-port -s sh",
            "-A --sctp-service [fd00::1]:9 -s sh -b sh-port",
        ),
        ("-A -t 10.0.0.1 -p --pe sip", "-A -t 10.0.0.1:0 -s wlc -p 360 --pe sip"),
        ("-A -f 7 -o -s averyverylongschedulername", "-A -f 7 -s averyverylongsc -o"),
        ("-A -f 7 -p 60 -M 255.255.255.0", "-A -f 7 -s wlc -p 60 -M 255.255.255.0"),
        ("-E -f 7 -6 --persistent=60 -b flag-2,flag-3", "-E -f 7 -6 -s wlc -p 60 -b flag-2,flag-3"),
        ("-D -t fd00::1", "-D -t [fd00::1]:0"),
        ("-Z", "-Z"),
        ("-Z -u 10.0.0.1:53", "-Z -u 10.0.0.1:53"),
        ("-C", "-C"),
    ] {
        assert_change(line, rule);
    }
}

#[test]
fn ipv6_resets_a_netmask_that_was_given_before() {
    for (line, rule) in [
        ("-A -f 7 -6 -p 5 -M 64", "-A -f 7 -6 -s wlc -p 5 -M 64"),
        ("-A -6 -f 7 -p 5 -M 64", "-A -f 7 -6 -s wlc -p 5 -M 64"),
        ("-A -f 7 -6 -p 5 -M 64 -6", "-A -f 7 -6 -s wlc -p 5 -M 64"),
        ("-A -f 7 -p 5 -M 255.0.0.0 -6", "-A -f 7 -6 -s wlc -p 5"),
        ("-A -p 5 -M 255.0.0.0 -t [fd00::1]:80", "-A -t [fd00::1]:80 -s wlc -p 5"),
        ("-A -6 -t [fd00::1]:80 -p 5 -M 64", "-A -t [fd00::1]:80 -s wlc -p 5 -M 64"),
        ("-A -p 5 -M 64 -t 10.0.0.1:80", "-A -t 10.0.0.1:80 -s wlc -p 5 -M 0.0.0.64"),
    ] {
        assert_change(line, rule);
    }
}

#[test]
fn real_servers() {
    for (options, rule) in [
        ("-a -t 10.0.0.1:80 -r 10.0.0.2", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2:81 -g", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 1"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2:81 -m -w 0", "-a -t 10.0.0.1:80 -r 10.0.0.2:81 -m -w 0"),
        (
            "-e -u 10.0.0.1:53 -r 10.0.0.2 -m -x 10 -y 5",
            "-e -u 10.0.0.1:53 -r 10.0.0.2:53 -m -w 1 -x 10 -y 5",
        ),
        ("-a -f 7 -r 10.0.0.2:http", "-a -f 7 -r 10.0.0.2:80 -g -w 1"),
        ("-a -f 7 -6 -r fd00::2", "-a -f 7 -6 -r [fd00::2]:0 -g -w 1"),
        (
            "-a -t 10.0.0.1:80 -r [fd00::2]:80 -i",
            "-a -t 10.0.0.1:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gre --tun-csum",
            "-a -f 7 -r 10.0.0.2:0 -i -w 1 --tun-type gre --tun-csum",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gre --tun-nocsum",
            "-a -f 7 -r 10.0.0.2:0 -i -w 1 --tun-type gre --tun-nocsum",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gue --tun-port 6080 --tun-remcsum",
            "-a -f 7 -r 10.0.0.2:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
        ),
        ("-d -t 10.0.0.1:80 -r 10.0.0.2", "-d -t 10.0.0.1:80 -r 10.0.0.2:80"),
        ("-d -f 7 -r 10.0.0.2:81", "-d -f 7 -r 10.0.0.2:81"),
    ] {
        assert_change(options, rule);
    }
}

#[test]
fn daemons_and_timeouts() {
    let all = "--start-daemon master --mcast-interface eth0 --syncid 7 --sync-maxlen 1000 \
               --mcast-group 224.1.2.3 --mcast-port 9 --mcast-ttl 5";
    for (line, rule) in [
        (all, all),
        ("--start-daemon=backup", "--start-daemon backup --syncid 0"),
        (
            "--start-daemon master --mcast-group ff02::1",
            "--start-daemon master --syncid 0 --mcast-group ff02::1",
        ),
        ("--stop-daemon master", "--stop-daemon master"),
        ("--stop-daemon backup --syncid 1", "--stop-daemon backup"),
        ("--set 1 2 3", "--set 1 2 3"),
        ("--set -- 0 0 2678400", "--set 0 0 2678400"),
    ] {
        assert_change(line, rule);
    }
}

#[test]
fn lists() {
    let services = |columns| List { subject: Subject::Services(None, columns), ..List::default() };
    let subject = |subject| List { subject, ..List::default() };
    let key: ServiceKey = "mark 7 IPv4".parse().expect("a key");
    let plain = List::default();
    for (line, list) in [
        ("-L", plain.clone()),
        ("--list --sort --sort", plain.clone()),
        ("-ln", List { numeric: true, ..plain.clone() }),
        ("-L --nosort", List { sorted: false, ..plain.clone() }),
        ("-LX", List { exact: true, ..plain.clone() }),
        ("-L --json", List { form: Form::Json, ..plain.clone() }),
        (
            "-L --json --rate --stats",
            List { form: Form::Json, all_counters: true, ..services(Columns::Statistics) },
        ),
        ("-L --pretty --syncid 3", List { form: Form::Pretty, ..plain }),
        ("-L -f 7", subject(Subject::Services(Some(key), Columns::Plain))),
        ("-L --rate --stats --thresholds", services(Columns::Statistics)),
        ("-L --thresholds --rate", services(Columns::Rates)),
        ("-L --persistent-conn --thresholds", services(Columns::Thresholds)),
        ("-L --tun-info --persistent-conn", services(Columns::PersistentConnections)),
        ("-L --tun-info", services(Columns::Tunnels)),
        ("-Lc", subject(Subject::Connections { engines: false })),
        ("-Lc --persistent-conn --tun-info", subject(Subject::Connections { engines: true })),
        ("-L --timeout --tun-info", subject(Subject::Timeouts)),
        ("-L --daemon", subject(Subject::Daemons)),
    ] {
        assert_eq!(command(line), Ok(Command::List(list)), "{line}");
    }
}

#[test]
fn other_commands() {
    let save = |numeric, full| Command::Save(Save { numeric, full, no_thresholds: false });
    let restore = |file: &str| Command::Restore { file: file.as_bytes().to_vec() };
    for (line, expected) in [
        ("-S", save(false, false)),
        ("-Sn", save(true, false)),
        ("-S --full", save(false, true)),
        ("-R", restore("-")),
        ("-R rules", restore("rules")),
        ("-h -t x --nosuch", Command::Help { whole: false }),
        ("--help -t x", Command::Help { whole: true }),
        ("--version -A", Command::Version),
    ] {
        assert_eq!(command(line), Ok(expected), "{line}");
    }
}

#[test]
fn values_are_checked() {
    for (line, message) in [
        ("-A -t x:80", "illegal virtual server address[:port] specified: `x:80'"),
        ("-A -u 10.0.0.1:http", "illegal virtual server address[:port] specified: `10.0.0.1:http'"),
        ("-A -t [fd00::1", "illegal virtual server address[:port] specified: `[fd00::1'"),
        ("-A -t 10", "illegal virtual server address[:port] specified: `10'"),
        ("-A -t :80", "illegal virtual server address[:port] specified: `:80'"),
        ("-A -f 0", "invalid fwmark value `0' specified"),
        ("-A -f 4294967296", "invalid fwmark value `4294967296' specified"),
        ("-A -f 7 -p 0", "invalid timeout value `0' specified"),
        ("-A -f 7 -p 2678401", "invalid timeout value `2678401' specified"),
        ("-A -f 7 -p -M 64x", "illegal virtual server persistent mask specified: `64x'"),
        ("-A -f 7 -6 -p -M 129", "illegal ipv6 netmask specified: `129'"),
        ("-A -f 7 -6 -p -M 0", "illegal ipv6 netmask specified: `0'"),
        ("-A -f 7 -b sh-foo", "invalid scheduler flag `sh-foo'"),
        ("-A -f 7 -b sh-port", "incompatible scheduler flag `sh-port'"),
        ("-d -f 7 -r x", "illegal real server address[:port] specified: `x'"),
        // The port is looked up before the protocol is known.
        (
            "-d -r 10.0.0.2:http -t 10.0.0.1:80",
            "illegal real server address[:port] specified: `10.0.0.2:http'",
        ),
        ("-a -w -1", "illegal weight specified: `-1'"),
        ("-a -x 2147483648", "illegal u_threshold specified: `2147483648'"),
        ("-a -y x", "illegal l_threshold specified: `x'"),
        ("-a --tun-type gree", "illegal tunnel type specified: `gree'"),
        ("-a --tun-port 0", "illegal tunnel port specified: `0'"),
        ("-a --tun-port 65536", "illegal tunnel port specified: `65536'"),
        ("--start-daemon slave", "illegal start-daemon parameter specified: `slave'"),
        ("--stop-daemon slave", "illegal stop-daemon parameter specified: `slave'"),
        ("--start-daemon master --syncid 256", "illegal syncid specified: `256'"),
        ("--start-daemon master --sync-maxlen 0", "illegal sync-maxlen specified: `0'"),
        ("--start-daemon master --mcast-group 10.0.0.1", "invalid IPv4 mcast-group `10.0.0.1'"),
        ("--start-daemon master --mcast-group fd00::1", "invalid IPv6 mcast-group `fd00::1'"),
        ("--start-daemon master --mcast-port 0", "illegal mcast-port specified: `0'"),
        ("--start-daemon master --mcast-ttl 256", "illegal mcast-ttl specified: `256'"),
        ("--set 1 2", "--set option requires 3 timeout values"),
        ("--set 1 2 -- -1", "invalid timeout value `-1' specified"),
    ] {
        assert_error(line, message);
    }
}

#[test]
fn options_must_fit_the_verb() {
    for (line, message) in [
        ("-A", "You need to supply the 'service-address' option for the 'add-service' command"),
        (
            "-D -s rr",
            "You need to supply the 'service-address' option for the 'delete-service' command",
        ),
        ("-a -f 7", "You need to supply the 'real-server' option for the 'add-server' command"),
        (
            "-d -r 10.0.0.2",
            "You need to supply the 'service-address' option for the 'delete-server' command",
        ),
        ("-A -f 7 -w 1", "Illegal 'weight' option with the 'add-service' command"),
        ("-C -n -c", "Illegal 'numeric' option with the 'flush' command"),
        ("-C -u 10.0.0.1:53", "Illegal 'service-address' option with the 'flush' command"),
        (
            "-d -f 7 -r 10.0.0.2 -m",
            "Illegal 'forwarding-method' option with the 'delete-server' command",
        ),
        ("-S -X", "Illegal 'exact' option with the 'save' command"),
        ("-L --netns x", "Illegal 'netns' option with the 'list' command"),
        ("-A -t 10.0.0.1:80 -f 7", "multiple 'service-address' options specified"),
        ("-a -g -m", "multiple 'forwarding-method' options specified"),
        // It is reported before the value is parsed.
        ("-a -w 1 -w x", "multiple 'weight' options specified"),
        ("-L -A", "invalid option `-A'"),
        ("-R one two", "unexpected argument two"),
        ("--set 1 2 3 4", "unexpected argument 4"),
    ] {
        assert_error(line, message);
    }
}

#[test]
fn options_must_fit_each_other() {
    for (line, message) in [
        ("-L -6", "-6 used without a virtual service"),
        ("-A -6 -t 10.0.0.1:80", "-6 used with the IPv4 address `10.0.0.1:80'"),
        ("-A -t 10.0.0.1:80 -6", "-6 used with the IPv4 address `10.0.0.1:80'"),
        ("-A -t 10.0.0.1", "Zero port specified for non-persistent service"),
        ("-A -t 10.0.0.1:80 -o", "One-Packet Scheduling is only for UDP virtual services"),
        (
            "-A --sctp-service 10.0.0.1:80 -o",
            "One-Packet Scheduling is only for UDP virtual services",
        ),
        ("-a -f 7 -r 10.0.0.2 --tun-type gre", "Tunnel options conflict with forward method"),
        ("-a -f 7 -r 10.0.0.2 -m --tun-port 5", "Tunnel options conflict with forward method"),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gue",
            "You need to supply the 'tun-port' option for the 'gue' tunnel type",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-csum",
            "Illegal 'tun-csum' option with the 'ipip' tunnel type",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gre --tun-remcsum",
            "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
        ),
        (
            "-a -f 7 -r 10.0.0.2 -i --tun-type gre --tun-csum --tun-nocsum",
            "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gre' tunnel type",
        ),
        (
            "-L -c -f 7",
            "The option 'service-address' conflicts with the 'connection' option in the 'list' command",
        ),
        (
            "-L --daemon --timeout",
            "The option 'daemon' conflicts with the 'timeout' option in the 'list' command",
        ),
        (
            "-L --pretty --rate --stats",
            "The option 'rate' conflicts with the 'stats' option in the 'list' command",
        ),
        (
            "-L --json --pretty",
            "The option 'pretty' conflicts with the 'json' option in the 'list' command",
        ),
        (
            "-Lc --pretty",
            "The option 'pretty' conflicts with the 'connection' option in the 'list' command",
        ),
        (
            "-L --timeout --pretty",
            "The option 'pretty' conflicts with the 'timeout' option in the 'list' command",
        ),
        (
            "-L --daemon --pretty",
            "The option 'pretty' conflicts with the 'daemon' option in the 'list' command",
        ),
        ("-Lc --stats", "options conflicts in the list command"),
        ("-Lc --rate", "options conflicts in the list command"),
        ("-Lc --tun-info --thresholds", "options conflicts in the list command"),
        ("-L --timeout --persistent-conn", "options conflicts in the list command"),
        ("-L --daemon --stats", "options conflicts in the list command"),
    ] {
        assert_error(line, message);
    }
    let error = command("-a -f 7 -r fd00::2 -m").expect_err("families differ");
    let message = "Different address family is allowed only for tunneling servers";
    let hint = "use -i to reach it through a tunnel";
    assert_eq!((error.message.as_str(), error.hint.as_deref()), (message, Some(hint)));
}

#[test]
fn a_line_begins_with_a_command() {
    for (line, reason, hint) in [
        ("", "unknown command `'", None),
        ("foo", "unknown command `foo'", None),
        ("-n -L", "unknown command `-n'", Some("the command comes first: ipvsadm -Ln")),
        ("lits", "unknown command `lits'", Some("did you mean ipvsadm -Ln?")),
        ("-X=", "-X=: option does not take an argument", None),
        ("drian", "unknown command `drian'", Some("did you mean drain?")),
        ("--lst", "--lst: unknown option", Some("did you mean --list?")),
        ("--start-daemon", "--start-daemon: missing argument", None),
    ] {
        let error = command(line).expect_err(line);
        let (first, second) = error.message.split_once('\n').expect(line);
        assert!(first.contains(reason), "{first}");
        assert_eq!(second, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.");
        assert_eq!((error.kind, exit::status(error.kind)), (ErrorKind::Verb, 255));
        assert_eq!(error.hint.as_deref(), hint, "{line}");
    }
}
