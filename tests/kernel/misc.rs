//! Flush, timeouts, synchronisation daemons, help, version, and the privileges they require.

use crate::support::{Test, ipvsadm, oracle, oracle_with, program, sh, unprivileged};

pub const TESTS: &[Test] = &[
    ("flush: -C empties the table, and an empty one", flush),
    ("flush: another namespace keeps its table", namespaces),
    ("timeouts: --set, and 0 keeps a value", set),
    ("timeouts: -L --timeout", list_timeouts),
    ("daemons: master and backup start, are listed, stop", daemons),
    ("daemons: their options", daemon_options),
    ("daemons: refused by the kernel", daemon_errors),
    ("help: -h", help),
    ("help: -v", version),
    ("privilege: without it, status 2 and a message", no_privilege),
    // 1.31 requires privilege before it parses its arguments.
    ("privilege: -h and -v need none", help_unprivileged),
];

fn flush() {
    oracle_with(
        "-R",
        "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2\n-A -f 1 -6\n-A -u [fd00::1]:5\n",
    )
    .ok();
    assert_eq!(ipvsadm("-C").ok(), "");
    assert_eq!(oracle("-Sn").ok(), "");
    assert_eq!(ipvsadm("-C").ok(), "");
}

fn namespaces() {
    oracle("-A -t 10.0.0.1:80").ok();
    let ours = program("ipvsadm");
    let other = sh(&format!(
        "unshare --net sh -ec 'ip link set lo up; {0} -A -f 7; {0} -C; {0} -A -f 8; {0} -Sn'",
        ours.display()
    ));
    assert_eq!(other, "-A -f 8 -s wlc\n");
    assert_eq!(ipvsadm("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
}

fn set() {
    assert_eq!(ipvsadm("--set 100 200 300").ok(), "");
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 100 200 300\n");
    ipvsadm("--set 0 7 0").ok();
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 100 7 300\n");
    ipvsadm("--set 0 0 0").ok();
    assert_eq!(oracle("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 100 7 300\n");
}

fn list_timeouts() {
    assert_eq!(ipvsadm("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 900 120 300\n");
    oracle("--set 1 2 3").ok();
    for line in ["-L --timeout", "-Ln --timeout", "--list --timeout"] {
        assert_eq!(ipvsadm(line).ok(), "Timeout (tcp tcpfin udp): 1 2 3\n", "{line}");
    }
}

fn link() {
    sh("ip link add d0 type dummy; ip addr add 10.9.9.1/24 dev d0; ip link set d0 up multicast on");
}

fn daemons() {
    link();
    assert_eq!(ipvsadm("-L --daemon").ok(), "");
    assert_eq!(ipvsadm("--start-daemon master --mcast-interface d0").ok(), "");
    let master = "master sync daemon (mcast=d0, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n";
    assert_eq!(ipvsadm("-L --daemon").ok(), master);
    assert_eq!(ipvsadm("--start-daemon=backup --mcast-interface=d0 --syncid=7").ok(), "");
    let backup = "backup sync daemon (mcast=d0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n";
    for line in ["-L --daemon", "-L -n --daemon", "--list --daemon"] {
        assert_eq!(ipvsadm(line).ok(), format!("{master}{backup}"), "{line}");
    }
    assert_eq!(oracle("-L --daemon").ok(), format!("{master}{backup}"));
    assert_eq!(ipvsadm("--stop-daemon master").ok(), "");
    assert_eq!(oracle("-L --daemon").ok(), backup);
    assert_eq!(ipvsadm("--stop-daemon backup").ok(), "");
    assert_eq!(oracle("-L --daemon").ok(), "");
}

fn daemon_options() {
    link();
    ipvsadm(
        "--start-daemon master --mcast-interface d0 --syncid 255 --sync-maxlen 1000 \
         --mcast-group 224.1.2.3 --mcast-port 9999 --mcast-ttl 5",
    )
    .ok();
    ipvsadm("--start-daemon backup --mcast-interface lo --syncid 1").ok();
    let expected = "\
master sync daemon (mcast=d0, syncid=255, maxlen=1000, group=224.1.2.3, port=9999, ttl=5)
backup sync daemon (mcast=lo, syncid=1, maxlen=65507, group=224.0.0.81, port=8848, ttl=1)
";
    assert_eq!(oracle("-L --daemon").ok(), expected);
    assert_eq!(ipvsadm("-L --daemon").ok(), expected);
    ipvsadm("--stop-daemon master").ok();
    ipvsadm("--stop-daemon backup").ok();
}

fn daemon_errors() {
    link();
    let state = "--mcast-interface d0 --syncid 7";
    let no_device = "No such device\n";
    // The default interface is eth0.
    assert_eq!(ipvsadm("--start-daemon master").fails(255), no_device);
    assert_eq!(ipvsadm("--start-daemon backup --mcast-interface nosuch0").fails(255), no_device);
    assert_eq!(ipvsadm("--stop-daemon master").fails(255), "No daemon is running\n");
    ipvsadm(&format!("--start-daemon master {state}")).ok();
    let err = ipvsadm(&format!("--start-daemon master {state}")).fails(255);
    assert_eq!(err, "Daemon has already run\n");
    assert_eq!(ipvsadm("--stop-daemon backup").fails(255), "No daemon is running\n");
    ipvsadm("--stop-daemon master").ok();
}

fn help() {
    let out = ipvsadm("--help").ok();
    for word in ["Usage", "--add-service", "--real-server", "--tun-type", "--start-daemon"] {
        assert!(out.contains(word), "{word}:\n{out}");
    }
    let short = ipvsadm("-h").ok();
    assert!((24..=40).contains(&short.lines().count()), "{short}");
}

fn version() {
    let out = ipvsadm("-v").ok();
    assert!(out.starts_with("ipvsadm v"), "{out}");
    assert_eq!(out.lines().count(), 1);
    assert_eq!(ipvsadm("--version").ok(), out);
}

fn no_privilege() {
    oracle("-A -t 10.0.0.1:80").ok();
    for args in [
        &["-L", "-n"][..],
        &["-S"],
        &["-C"],
        &["-A", "-t", "10.0.0.2:80"],
        &["-D", "-t", "10.0.0.1:80"],
        &["-R"],
        &["--set", "1", "1", "1"],
    ] {
        let err = unprivileged(&program("ipvsadm"), args).fails(2);
        assert!(
            err.starts_with("Can't initialize ipvs: Permission denied (you must be root)\n"),
            "{args:?}: {err}"
        );
    }
    assert_eq!(oracle("-Sn").ok(), "-A -t 10.0.0.1:80 -s wlc\n");
}

fn help_unprivileged() {
    for args in [["-h"], ["--help"], ["-v"], ["--version"]] {
        let out = unprivileged(&program("ipvsadm"), &args).ok();
        assert!(out.contains("ipvsadm"), "{args:?}: {out}");
    }
}
