//! Refusals of the kernel: 1.31's texts and statuses, which scripts match.

use crate::support::{Test, ipvsadm, oracle, oracle_with, sh};

pub const TESTS: &[Test] = &[
    ("errors: a service that exists", service_exists),
    ("errors: no such service", no_such_service),
    ("errors: a server for a missing service", service_not_defined),
    ("errors: a server that exists", destination_exists),
    ("errors: no such server", no_such_destination),
    ("errors: no such scheduler", no_such_scheduler),
    ("errors: no such persistence engine", no_such_engine),
    ("errors: an address that no server can have", not_unicast),
    ("errors: a lower threshold above the upper", crossed_thresholds),
    ("errors: servers of the other family beside a sync daemon", mixed_with_daemon),
    ("errors: a refused command leaves the table as it was", nothing_changed),
];

/// Each line must end with `status`, this text on stderr and nothing on stdout.
#[track_caller]
pub fn all(status: i32, cases: &[(&str, &str)]) {
    for (line, text) in cases {
        let err = ipvsadm(line).fails(status);
        assert_eq!(err, format!("{text}\n"), "ipvsadm {line}");
    }
}

/// 10.0.0.1:80 over TCP with 10.0.0.2 and 10.0.0.3, and mark 1 for IPv6 with fd00::2.
pub fn table() {
    oracle_with(
        "-R",
        "-A -t 10.0.0.1:80
         -a -t 10.0.0.1:80 -r 10.0.0.2
         -a -t 10.0.0.1:80 -r 10.0.0.3 -m
         -A -f 1 -6
         -a -f 1 -6 -r fd00::2",
    )
    .ok();
}

fn service_exists() {
    table();
    let text = "Service already exists";
    all(
        255,
        &[
            ("-A -t 10.0.0.1:80", text),
            ("-A -f 1 -6", text),
            ("-A -t 10.0.0.1:80 -s rr -p 5", text),
        ],
    );
}

fn no_such_service() {
    table();
    let text = "No such service";
    for verb in ["-E", "-D", "-Z"] {
        for v in [
            "-t 10.0.0.1:81",
            "-t 10.0.0.2:80",
            "-u 10.0.0.1:80",
            "--sctp-service 10.0.0.1:80",
            "-f 1",
            "-f 2 -6",
        ] {
            all(255, &[(&format!("{verb} {v}"), text)]);
        }
    }
    all(255, &[("-D -t 10.0.0.1", text), ("-D -t 10.0.0.1:0", text), ("-Z -t [fd00::1]:80", text)]);
}

fn service_not_defined() {
    table();
    for verb in ["-a", "-e", "-d"] {
        for v in ["-t 10.0.0.9:80", "-u 10.0.0.1:80", "-f 1", "-t 10.0.0.1"] {
            all(255, &[(&format!("{verb} {v} -r 10.0.0.2"), "Service not defined")]);
        }
    }
}

fn destination_exists() {
    table();
    let text = "Destination already exists";
    all(
        255,
        &[
            ("-a -t 10.0.0.1:80 -r 10.0.0.2", text),
            ("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m", text),
            // Only masquerading changes the port; with other methods it is the service's.
            ("-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -g", text),
            ("-a -t 10.0.0.1:80 -r 10.0.0.3:80", text),
            ("-a -f 1 -6 -r [fd00::2]:0", text),
        ],
    );
}

fn no_such_destination() {
    table();
    let text = "No such destination";
    all(
        255,
        &[
            ("-e -t 10.0.0.1:80 -r 10.0.0.9", text),
            ("-d -t 10.0.0.1:80 -r 10.0.0.9", text),
            ("-d -t 10.0.0.1:80 -r 10.0.0.2:81", text),
            ("-e -t 10.0.0.1:80 -r 10.0.0.2:81 -m", text),
            ("-d -f 1 -6 -r fd00::3", text),
        ],
    );
}

fn no_such_scheduler() {
    table();
    let text = "Scheduler or persistence engine not found";
    all(
        255,
        &[
            ("-A -t 10.0.0.5:80 -s nosuch", text),
            ("-A -t 10.0.0.5:80 -s RR", text),
            ("-A -t 10.0.0.5:80 -s muchlongerthananyscheduler", text),
            ("-A -f 7 -6 -s nosuch", text),
            ("-E -t 10.0.0.1:80 -s nosuch", text),
        ],
    );
}

fn no_such_engine() {
    table();
    let text = "Scheduler or persistence engine not found";
    all(
        255,
        &[
            ("-A -u 10.0.0.5:80 -p 5 --pe nosuch", text),
            ("-E -t 10.0.0.1:80 -p 5 --pe nosuch", text),
        ],
    );
}

fn not_unicast() {
    table();
    oracle("-A -t [fd00::1]:80").ok();
    let text = "Invalid operation.  Possibly wrong module version, address not unicast, ...";
    for r in ["224.0.0.1", "0.0.0.0", "255.255.255.255"] {
        all(255, &[(&format!("-a -t 10.0.0.1:80 -r {r}"), text)]);
    }
    for r in ["[ff02::2]:80", "[::]:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80"] {
        all(255, &[(&format!("-a -t [fd00::1]:80 -r {r}"), text)]);
    }
}

fn crossed_thresholds() {
    table();
    let text = "Numerical result out of range";
    all(
        255,
        &[
            ("-a -t 10.0.0.1:80 -r 10.0.0.9 -x 5 -y 6", text),
            ("-a -t 10.0.0.1:80 -r 10.0.0.9 -y 1", text),
            ("-e -t 10.0.0.1:80 -r 10.0.0.2 -x 5 -y 6", text),
        ],
    );
}

fn mixed_with_daemon() {
    table();
    let text = "Invalid operation.  Possibly wrong module version, address not unicast, ...";
    sh("ip link add d0 type dummy; ip addr add 10.9.9.1/24 dev d0; ip link set d0 up multicast on");
    oracle("-a -t 10.0.0.1:80 -r fd00::2 -i").ok();
    all(255, &[("--start-daemon master --mcast-interface d0", text)]);
    oracle("-d -t 10.0.0.1:80 -r fd00::2").ok();
    ipvsadm("--start-daemon master --mcast-interface d0").ok();
    all(255, &[("-a -t 10.0.0.1:80 -r fd00::2 -i", text)]);
    ipvsadm("--stop-daemon master").ok();
}

fn nothing_changed() {
    table();
    let before = oracle("-Sn").ok();
    for line in [
        "-A -t 10.0.0.1:80 -s rr",
        "-E -t 10.0.0.1:80 -s nosuch -p 5",
        "-a -t 10.0.0.1:80 -r 10.0.0.2 -w 7",
        "-e -t 10.0.0.1:80 -r 10.0.0.2 -w 7 -x 1 -y 2",
        "-a -t 10.0.0.1:80 -r 224.0.0.1",
        "-A -t 10.0.0.9:80 -s nosuch",
    ] {
        assert_ne!(ipvsadm(line).fails(255), "", "{line}");
        assert_eq!(oracle("-Sn").ok(), before, "{line}");
    }
}
