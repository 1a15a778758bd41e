//! The systemd units: runs their commands in order, as systemd would.

use crate::examples::OWN_ETC;
use crate::support::{Test, ipvsadm, oracle, oracle_with, program, project, run, same_text, sh};

pub const TESTS: &[Test] = &[
    ("units: ipvsadm.service restores, applies, saves", service),
    ("units: a table that cannot be saved is not cleared", unsaved),
    ("units: ipvsadm.service respects AUTO", auto),
    ("units: ipvsadm-sync@ starts and stops a daemon", sync),
];

/// Returns the value of `key=` in a unit, with our programs in place of the installed ones.
fn lines(unit: &str, key: &str) -> Vec<String> {
    let path = project().join("systemd").join(unit);
    let text = std::fs::read_to_string(&path).expect("a unit");
    let programs = program("ipvsadm").parent().expect("a folder").display().to_string();
    text.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(|line| {
            // No unit continues after an error, and none requires a shell.
            assert!(line.starts_with("/usr/"), "{unit}: {key}={line}");
            line.replace("/usr/sbin", &programs)
        })
        .collect()
}

/// Runs the commands of these keys in order, up to the first that fails, between `before` and `after`,
/// with a private /etc.
#[track_caller]
fn service_run(before: &str, keys: &[&str], after: &str) -> crate::support::Ran {
    let mut script = format!("{OWN_ETC}{before}\n");
    for key in keys {
        let commands = lines("ipvsadm.service", key);
        assert!(!commands.is_empty(), "{key}");
        script += &(commands.join("\n") + "\n");
    }
    run("unshare", &["--mount", "/bin/sh", "-ec", &(script + after)], b"")
}

const RULES: &str = "\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
-A -t 10.0.0.2:80 -s rr -p 360
";

fn service() {
    let write = format!("cat >/etc/ipvsadm.rules <<'END'\n# By hand.\n{RULES}END");
    assert_eq!(service_run(&write, &["ExecStart"], "").ok(), "");
    same_text(&oracle("-Sn").ok(), RULES);

    let changed = RULES.replace("-w 1", "-w 7");
    let write = format!("cat >/etc/ipvsadm.rules <<'END'\n{changed}END");
    assert_eq!(service_run(&write, &["ExecReload"], "").ok(), "");
    same_text(&oracle("-Sn").ok(), &changed);

    let saved =
        service_run("echo old >/etc/ipvsadm.rules", &["ExecStop"], "cat /etc/ipvsadm.rules");
    same_text(&saved.ok(), &changed);
    assert_eq!(oracle("-Sn").ok(), "");
}

fn unsaved() {
    oracle_with("-R", RULES).ok();
    // The folder of the file does not exist.
    let ran = service_run("mount -t tmpfs -o ro none /etc", &["ExecStop"], "");
    assert_eq!(ran.status, 1, "{}", ran.err);
    same_text(&oracle("-Sn").ok(), RULES);
}

fn auto() {
    let condition = lines("ipvsadm.service", "ExecCondition");
    let [condition] = condition.as_slice() else { panic!("{condition:?}") };
    for (value, status) in [("true", 0), ("false", 1), ("", 1)] {
        let command = condition.replace("${AUTO}", &format!("'{value}'"));
        assert_eq!(run("/bin/sh", &["-c", &command], b"").status, status, "{command}");
    }
    let default = std::fs::read_to_string(project().join("systemd/ipvsadm.default")).unwrap();
    assert!(default.lines().any(|line| line == "AUTO=\"false\""));
}

fn sync() {
    sh("ip link add eth0 type dummy; ip link set eth0 up");
    let daemon = |key: &str| {
        for line in lines("ipvsadm-sync@.service", key) {
            let line = line.replace("%i", "backup").replace("${IFACE}", "eth0");
            sh(&line.replace("${SYNCID}", "7"));
        }
    };
    daemon("ExecStart");
    let listed = ipvsadm("-L --daemon").ok();
    assert!(listed.contains("backup") && listed.contains("mcast=eth0, syncid=7"), "{listed}");
    daemon("ExecStop");
    assert!(!ipvsadm("-L --daemon").ok().contains("eth0"));
}
