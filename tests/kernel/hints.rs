//! Hints that follow an error on a terminal. Scripts never see them.

use crate::support::{Test, ipvsadm, oracle, oracle_with, program, run, sh};

pub const TESTS: &[Test] = &[
    ("hints: misspelled options, commands and schedulers are corrected", corrections),
    ("hints: existing services and real servers are listed", existing),
    ("hints: what exists can be changed, other families need a tunnel", alternatives),
    ("hints: each slip that people make gets the command that they meant", slips),
    ("hints: notes follow a change that is probably not meant", notes),
    ("hints: without a terminal the error stands alone", without_terminal),
];

/// Returns the hint that a terminal shows after the error.
#[track_caller]
fn hint(line: &str) -> String {
    let command = format!("{} {line}", program("ipvsadm").display());
    let on_terminal = run("script", &["-qec", &command, "/dev/null"], b"");
    let without = ipvsadm(line);
    assert_eq!(on_terminal.status, without.status, "{line}");
    let out = on_terminal.out.replace("\r\n", "\n");
    match out.strip_prefix(&without.err) {
        Some(hint) => hint.to_string(),
        None => panic!("{line}: {out:?} does not begin with {:?}", without.err),
    }
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    for (line, text) in cases {
        assert_eq!(hint(line), *text, "{line}");
    }
}

fn corrections() {
    all(&[
        ("-A -t 10.0.0.1:80 --sheduler rr", "did you mean --scheduler?\n"),
        ("-L --state", "did you mean --stats?\n"),
        ("--lst", "did you mean --list?\n"),
        ("-L --qqqqqqq", ""),
        ("-L -q", ""),
        ("aply rules", "did you mean apply?\n"),
        ("rs_setup 10.0.0.1", "did you mean rs-setup?\n"),
        ("frobnicate", ""),
        ("apply --dryrun rules", "did you mean --dry-run?\n"),
        ("rs-setup --chek", "did you mean --check?\n"),
        ("drain -t 10.0.0.1:80 -r 10.0.0.2 --wai 5", "did you mean --wait?\n"),
        ("-A -t 10.0.0.1:80 -s wrrr", "did you mean wrr?\n"),
        ("-A -t 10.0.0.1:80 -s qqq", ""),
        ("-A -t 10.0.0.1:80 -p --pe spi", "did you mean sip?\n"),
    ]);
}

fn existing() {
    all(&[
        ("-D -t 10.0.0.1:80", "the table is empty\n"),
        ("-L -t 10.0.0.1:80", "the table is empty\n"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2", "the table is empty\n"),
    ]);
    oracle_with("-R", "-A -f 7 -6\n-A -t 10.0.0.1:80\n").ok();
    for line in
        ["-E -t 10.0.0.1:81", "-Z -t 10.0.0.1:81", "-Ln -u 10.0.0.1:80", "-d -f 8 -r 10.0.0.2"]
    {
        let hint = hint(line);
        let names = hint.strip_prefix("existing services: ").and_then(|s| s.strip_suffix('\n'));
        let mut names: Vec<&str> = names.expect(line).split(", ").collect();
        // The kernel lists them in its own order.
        names.sort_unstable();
        assert_eq!(names, ["-f 7 -6", "-t 10.0.0.1:80"], "{line}");
    }
    let line = "-e -t 10.0.0.1:80 -r 10.0.0.2";
    assert_eq!(hint(line), "the service has no real servers\n");
    oracle("-a -t 10.0.0.1:80 -r 10.0.0.3").ok();
    oracle("-a -t 10.0.0.1:80 -r [fd00::3]:80 -i").ok();
    assert!(
        ["-r 10.0.0.3:80, -r [fd00::3]:80", "-r [fd00::3]:80, -r 10.0.0.3:80"]
            .map(|servers| format!("existing real servers: {servers}\n"))
            .contains(&hint(line))
    );
    for n in 1..8 {
        oracle(&format!("-A -f {n}")).ok();
    }
    assert_eq!(hint("-D -t 10.0.0.1:81"), "", "a long list is no help");
}

fn alternatives() {
    oracle_with("-R", "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2\n-A -f 7 -6\n").ok();
    let tunnel = "use -i to reach it through a tunnel\n";
    all(&[
        ("-a -t 10.0.0.1:80 -r [fd00::2]:80", tunnel),
        ("-a -t 10.0.0.1:80 -r [fd00::2]:80 -m", tunnel),
        ("-a -f 7 -6 -r 10.0.0.2", tunnel),
        ("-a -t 10.0.0.1:80 -r 10.0.0.2", "use -e to change it\n"),
        ("-A -t 10.0.0.1:80", "use -E to change it\n"),
        ("-a -t 10.0.0.1:80 -r 10.0.0.4 -x 1 -y 2", ""),
    ]);
    // The hint works.
    ipvsadm("-a -t 10.0.0.1:80 -r [fd00::2]:80 -i").ok();
}

fn slips() {
    let list = "did you mean ipvsadm -Ln?\n";
    let add = "use ipvsadm -A to add a virtual service, and -a to add a real server\n";
    let delete = "use ipvsadm -D to delete a virtual service, and -d to delete a real server\n";
    let port = |vip: &str| {
        format!("give a port, for example {vip}:80, or -p for a service of all ports\n")
    };
    let brackets = |vip: &str| format!("did you mean {vip}?\n");
    all(&[
        ("list", list),
        ("ls", list),
        ("show", list),
        ("lsit", list),
        ("add", add),
        ("delete", delete),
        ("del", delete),
        ("save", "did you mean ipvsadm -Sn, or ipvsadm-save -n FILE?\n"),
        ("help", "did you mean ipvsadm -h?\n"),
        ("version", "did you mean ipvsadm -v?\n"),
        (
            "stop",
            "use ipvsadm -C to delete all virtual services, and --stop-daemon to stop a sync daemon\n",
        ),
        ("-nL", "the command comes first: ipvsadm -Ln\n"),
        ("-n", "the command comes first: ipvsadm -Ln\n"),
        ("-nc", "the command comes first: ipvsadm -Lnc\n"),
        ("-t 10.0.0.1:80 -A", "the command comes first, for example -L or -A\n"),
        ("-A --help", "did you mean ipvsadm --help?\n"),
        ("-A -t 10.0.0.1", &port("-t 10.0.0.1")),
        ("-A -u 10.0.0.1:0", &port("-u 10.0.0.1")),
        ("-A -t [fd00::1]", "give a port, for example [fd00::1]:80, or leave out the brackets\n"),
        ("-A -t fd00::1", &port("-t [fd00::1]")),
        ("-A -t fd00::1:80", &brackets("-t [fd00::1]:80")),
        ("-A -u fd00::1:2:53", &brackets("-u [fd00::1:2]:53")),
        ("-A -t 10.0.0.1:80 -s roundrobin", "did you mean rr?\n"),
        ("-A -t 10.0.0.1:80 -s Least-Conn", "did you mean lc?\n"),
        ("-A -t 10.0.0.1:80 -s maglev", "did you mean mh?\n"),
        (
            "--start-daemon master",
            "give the interface to the other director: --mcast-interface eth0\n",
        ),
        ("drain -t 10.0.0.1:80 -r 10.0.0.2", "the table is empty\n"),
    ]);
    oracle_with("-R", "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2\n").ok();
    all(&[
        ("drain -t 10.0.0.1:80 -r 10.0.0.3", "existing real servers: -r 10.0.0.2:80\n"),
        ("drain -t 10.0.0.1:81 -r 10.0.0.2", "existing services: -t 10.0.0.1:80\n"),
        ("drain --undo -t 10.0.0.1:80 -r 10.0.0.3", "existing real servers: -r 10.0.0.2:80\n"),
    ]);
    // What a hint shows works.
    for line in ["-Ln", "-Sn", "-h", "-v", "-L --json", "--help"] {
        ipvsadm(line).ok();
    }
}

/// Makes a change on a terminal and without one, each from the rules `before`.
#[track_caller]
fn note(before: &str, line: &str) -> String {
    oracle_with("-R", &format!("-C\n{before}")).ok();
    assert_eq!(ipvsadm(line).ok(), "", "{line}");
    let rules = oracle("-Sn").ok();
    oracle_with("-R", &format!("-C\n{before}")).ok();
    let command = format!("{} {line}", program("ipvsadm").display());
    let text = run("script", &["-qec", &command, "/dev/null"], b"").ok().replace("\r\n", "\n");
    assert_eq!(oracle("-Sn").ok(), rules, "{line}");
    text
}

fn notes() {
    sh("ip link set lo up; ip link add d0 type dummy; ip link set d0 up
        ip addr add 10.0.0.1/24 dev d0; ip addr add 10.0.0.100/32 dev d0
        ip addr add fd00::100/64 dev d0 nodad; ip route add default via 10.0.0.254");
    let web = "-A -t 10.0.0.100:80\n";
    let nat = "-A -t 10.0.0.100:80\n-a -t 10.0.0.100:80 -r 10.0.0.11:80 -m\n";
    let method = |old: &str| {
        format!(
            "note: the forwarding method was {old} and is direct routing now, the default of -e\n"
        )
    };
    let far =
        "note: 10.9.0.9 is not on a directly connected network, which -g requires; use -i or -m\n";
    for (before, line, text) in [
        ("", "-A -t 10.0.0.100:80", ""),
        ("", "-A -u [fd00::100]:53", ""),
        ("", "-A -f 7", ""),
        (
            "",
            "-A -t 10.0.0.101:80",
            "note: 10.0.0.101 is no address of this host, so no packets to it arrive here\n",
        ),
        (nat, "-e -t 10.0.0.100:80 -r 10.0.0.11:80 -m -w 5", ""),
        (nat, "-e -t 10.0.0.100:80 -r 10.0.0.11:80 -w 5", &method("masquerading")),
        (nat, "-e -t 10.0.0.100:80 -r 10.0.0.11:80 -g", ""),
        (web, "-a -t 10.0.0.100:80 -r 10.0.0.11", ""),
        (web, "-a -t 10.0.0.100:80 -r 10.0.0.11:80", ""),
        (web, "-a -t 10.0.0.100:80 -r 10.0.0.11:8080 -m", ""),
        (
            web,
            "-a -t 10.0.0.100:80 -r 10.0.0.11:8080 -i",
            "note: port 80 is used instead of 8080: only -m changes the port of packets\n",
        ),
        (web, "-a -t 10.0.0.100:80 -r 10.0.0.1", ""),
        (web, "-a -t 10.0.0.100:80 -r 127.0.0.1", ""),
        (web, "-a -t 10.0.0.100:80 -r 10.9.0.9", far),
        (web, "-a -t 10.0.0.100:80 -r 10.9.0.9 -i", ""),
        (nat, "-d -t 10.0.0.100:80 -r 10.0.0.11", ""),
    ] {
        assert_eq!(note(before, line), text, "{line}");
    }
    // Lines of a script have no notes.
    let command = format!("echo -A -t 10.0.0.102:80 | {} -R", program("ipvsadm").display());
    assert_eq!(run("script", &["-qec", &command, "/dev/null"], b"").ok(), "");
}

fn without_terminal() {
    assert_eq!(ipvsadm("-D -t 10.0.0.1:80").fails(255), "No such service\n");
    assert_eq!(ipvsadm("-L --state").fails(255), "--state: unknown option\n");
    let error = ipvsadm("apply --dryrun rules").fails(2);
    assert_eq!(error, "apply: unexpected argument '--dryrun' found\n");
}
