//! Command lines that are refused: status 2, or 255 from the option parser.

use crate::errors::{all, table};
use crate::support::{Test, ipvsadm, oracle};

pub const TESTS: &[Test] = &[
    ("usage: a service without port or persistence", zero_port),
    ("usage: servers of the other family only through tunnels", mixed_family),
    ("usage: one-packet scheduling is for UDP", one_packet),
    ("usage: an unknown command", no_command),
    ("usage: unknown options and missing arguments", option_parser),
    ("usage: two commands", two_commands),
    ("usage: an option given twice", twice),
    ("usage: a required option is missing", missing),
    ("usage: an option that the command does not accept", illegal),
    ("usage: unexpected arguments", left_over),
    ("usage: conflicting tunnel options", tunnel_options),
];

fn zero_port() {
    table();
    let text = "Zero port specified for non-persistent service";
    all(
        2,
        &[
            ("-A -t 10.0.0.1", text),
            ("-A -u 10.0.0.1:0", text),
            ("-A -t fd00::1", text),
            ("-E -t 10.0.0.1:0 -s rr", text),
            ("-A --sctp-service 10.0.0.1", text),
        ],
    );
}

fn mixed_family() {
    table();
    oracle("-A -t [fd00::1]:80").ok();
    let text = "Different address family is allowed only for tunneling servers";
    all(
        2,
        &[
            ("-a -t 10.0.0.1:80 -r fd00::2", text),
            ("-a -t 10.0.0.1:80 -r [fd00::2]:80 -m", text),
            ("-a -t [fd00::1]:80 -r 10.0.0.2:80 -g", text),
            ("-a -f 1 -6 -r 10.0.0.2", text),
            ("-a -f 1 -r fd00::2 -m", text),
        ],
    );
}

fn one_packet() {
    let text = "One-Packet Scheduling is only for UDP virtual services";
    all(2, &[("-A -t 10.0.0.1:80 -o", text), ("-A --sctp-service 10.0.0.1:80 -o", text)]);
}

/// 1.31 prints its own path in this text, so only the shape is compared.
fn no_command() {
    for line in ["foo", "-Q", "--nosuch", "-t 10.0.0.1:80", "-n", "-6 -A -f 1", "--start-daemon"] {
        let err = ipvsadm(line).fails(255);
        let word = line.split(' ').next().unwrap();
        assert!(err.contains(word) && err.contains("\nTry `"), "{line}: {err}");
        assert!(err.ends_with("--help' for more information.\n"), "{line}: {err}");
    }
}

fn option_parser() {
    all(
        255,
        &[
            ("-A -t", "-t: missing argument"),
            ("-A -t 10.0.0.1:80 -s", "-s: missing argument"),
            ("-a -t 10.0.0.1:80 -r 10.0.0.2 -w", "-w: missing argument"),
            ("-A -t 10.0.0.1:80 -O", "-O: unknown option"),
            ("-A --foo -t 10.0.0.1:80", "--foo: unknown option"),
            ("-A -t 10.0.0.1:80 -p -5", "-5: unknown option"),
            ("--set -1 1 1", "-1: unknown option"),
        ],
    );
    assert_eq!(oracle("-Sn").ok(), "");
}

fn two_commands() {
    all(
        2,
        &[
            ("-A -L", "invalid option `-L'"),
            ("-A -A", "invalid option `-A'"),
            ("-L -h", "invalid option `-h'"),
            ("-D -t 10.0.0.1:80 -C", "invalid option `-C'"),
        ],
    );
}

fn twice() {
    all(
        2,
        &[
            ("-A -t 10.0.0.1:1 -u 10.0.0.1:1", "multiple 'service-address' options specified"),
            (
                "-a -t 10.0.0.1:1 -r 10.0.0.2 -g -m",
                "multiple 'forwarding-method' options specified",
            ),
            ("-a -t 10.0.0.1:1 -r 10.0.0.2 -w 1 -w 2", "multiple 'weight' options specified"),
            ("-A -t 10.0.0.1:1 -s rr -s rr", "multiple 'scheduler' options specified"),
            ("-A -t 10.0.0.1:1 -p -p", "multiple 'persistent' options specified"),
            ("-S -n -n", "multiple 'numeric' options specified"),
        ],
    );
}

fn missing() {
    for (verb, name) in [
        ("-A", "add-service"),
        ("-E", "edit-service"),
        ("-D", "delete-service"),
        ("-a", "add-server"),
        ("-e", "edit-server"),
        ("-d", "delete-server"),
    ] {
        let need =
            |what| format!("You need to supply the '{what}' option for the '{name}' command");
        all(2, &[(verb, &need("service-address"))]);
        if verb.as_bytes()[1].is_ascii_lowercase() {
            all(2, &[(&format!("{verb} -t 10.0.0.1:80"), &need("real-server"))]);
        }
    }
    all(2, &[("--set 1 1", "--set option requires 3 timeout values")]);
}

fn illegal() {
    all(
        2,
        &[
            ("-S -t 10.0.0.1:80", "Illegal 'service-address' option with the 'save' command"),
            ("-C -n", "Illegal 'numeric' option with the 'flush' command"),
            ("-C -t 10.0.0.1:80", "Illegal 'service-address' option with the 'flush' command"),
            ("-R -n", "Illegal 'numeric' option with the 'restore' command"),
            ("-L -w 5", "Illegal 'weight' option with the 'list' command"),
            ("-Z -n", "Illegal 'numeric' option with the 'zero' command"),
            (
                "-D -t 10.0.0.1:80 -r 10.0.0.2",
                "Illegal 'real-server' option with the 'delete-service' command",
            ),
            (
                "-a -t 10.0.0.1:80 -r 10.0.0.2 -s rr",
                "Illegal 'scheduler' option with the 'add-server' command",
            ),
            ("-A -t 10.0.0.1:80 -w 5", "Illegal 'weight' option with the 'add-service' command"),
        ],
    );
}

fn left_over() {
    all(
        2,
        &[
            ("-L extra", "unexpected argument extra"),
            ("-A -t 10.0.0.1:80 extra", "unexpected argument extra"),
            ("-C extra", "unexpected argument extra"),
            ("--set 1 2 3 4", "unexpected argument 4"),
        ],
    );
}

fn tunnel_options() {
    table();
    for (options, text) in [
        ("-i --tun-type gue", "You need to supply the 'tun-port' option for the 'gue' tunnel type"),
        ("-i --tun-type gre --tun-port 5", "Illegal 'tun-port' option with the 'gre' tunnel type"),
        (
            "-i --tun-type ipip --tun-port 5",
            "Illegal 'tun-port' option with the 'ipip' tunnel type",
        ),
        ("-i --tun-port 5", "Illegal 'tun-port' option with the 'ipip' tunnel type"),
        ("-i --tun-csum", "Illegal 'tun-csum' option with the 'ipip' tunnel type"),
        (
            "-i --tun-type gre --tun-remcsum",
            "Illegal 'tun-remcsum' option with the 'gre' tunnel type",
        ),
        ("-g --tun-type gue --tun-port 5", "Tunnel options conflict with forward method"),
        ("-m --tun-type gre", "Tunnel options conflict with forward method"),
        (
            "-i --tun-type gue --tun-port 1 --tun-csum --tun-nocsum",
            "The option 'tun-csum' conflicts with the 'tun-nocsum' option in the 'gue' tunnel type",
        ),
    ] {
        all(2, &[(&format!("-a -t 10.0.0.1:80 -r 10.0.0.9 {options}"), text)]);
    }
}
