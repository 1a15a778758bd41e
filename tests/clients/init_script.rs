//! Debian's own /etc/init.d/ipvsadm, and the command lines of RHEL's unit, with our programs in /sbin.

use crate::lab::{Place, with_ours_at_sbin};
use crate::support::{Ran, Test, ipvsadm, ipvsadm_with, run, sh};

pub const TESTS: &[Test] = &[
    ("init_script_saves_and_restores", || with_ours_at_sbin(saves_and_restores)),
    ("init_script_runs_one_daemon", || with_ours_at_sbin(one_daemon)),
    ("init_script_runs_both_daemons", || with_ours_at_sbin(both_daemons)),
    ("init_script_reports_failures", || with_ours_at_sbin(reports_failures)),
    ("rhel_unit", || with_ours_at_sbin(rhel_unit)),
];

const TABLE: &str = "\
-A -t 10.0.0.100:80 -s wrr -p 300
-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 5
-a -t 10.0.0.100:80 -r 10.0.0.12:80 -i -w 0 --tun-type ipip
-A -u 10.0.0.100:53 -s rr
-a -u 10.0.0.100:53 -r 10.0.0.11:5353 -m -w 1
-A -t [fd00::100]:443 -s sh -b sh-port
-a -t [fd00::100]:443 -r [fd00::11]:443 -g -w 2147483647
-A -f 7 -s lc
-a -f 7 -r 10.0.0.12:0 -g -w 3
";

fn script(word: &str) -> Ran {
    run("/etc/init.d/ipvsadm", &[word], b"")
}

/// Writes /etc/default/ipvsadm, for this test only.
fn default_file(place: &Place, text: &str) {
    place.catch_writes("/etc");
    std::fs::write("/etc/default/ipvsadm", text).expect("a writable /etc");
    let _ = std::fs::remove_file("/etc/ipvsadm.rules");
}

fn saves_and_restores(place: &Place) {
    default_file(place, "AUTO=\"true\"\nDAEMON=\"none\"\nIFACE=\"eth0\"\n");
    ipvsadm_with("-R", TABLE).ok();
    assert_eq!(script("save").status, 0);
    assert_eq!(
        std::fs::read_to_string("/etc/ipvsadm.rules").expect("the saved rules"),
        format!("# ipvsadm.rules\n{TABLE}")
    );

    assert_eq!(script("status").ok(), ipvsadm("-L -n").ok());
    assert_eq!(script("rate").ok(), ipvsadm("-L --rate -n").ok());

    assert_eq!(script("stop").status, 0);
    assert_eq!(ipvsadm("-S -n").ok(), "");
    assert_eq!(script("start").status, 0);
    assert_eq!(ipvsadm("-S -n").ok(), TABLE);

    // Each of these commands removes a service that was added after the save.
    for word in ["reload", "force-reload", "restart", "load"] {
        ipvsadm("-A -t 10.0.0.200:80").ok();
        assert_eq!(script(word).status, 0, "{word}");
        assert_eq!(ipvsadm("-S -n").ok(), TABLE, "{word}");
    }
}

fn one_daemon(place: &Place) {
    sh("ip link add eth7 type dummy; ip link set eth7 up; ip addr add 10.7.0.1/24 dev eth7");
    place.catch_writes("/etc");
    for state in ["master", "backup"] {
        std::fs::write(
            "/etc/default/ipvsadm",
            format!("AUTO=\"false\"\nDAEMON=\"{state}\"\nIFACE=\"eth7\"\nSYNCID=\"42\"\n"),
        )
        .expect("a writable /etc");
        ipvsadm("-A -t 10.0.0.100:80").ok();

        let ran = script("start");
        assert_eq!(ran.status, 0, "{ran:?}");
        let daemons = ipvsadm("-L --daemon").ok();
        assert!(
            daemons.contains(&format!("{state} sync daemon (mcast=eth7, syncid=42")),
            "{daemons}"
        );
        // A second daemon is refused, and the script reports it.
        let ran = script("start");
        assert!(ran.out.contains("failed") && !ran.err.is_empty(), "{ran:?}");
        let ran = script("restart");
        assert_eq!((ran.status, ran.out.contains("failed")), (0, false), "{ran:?}");
        assert_eq!(ipvsadm("-L --daemon").ok(), daemons);
        let ran = script("stop");
        assert_eq!((ran.status, ran.out.contains("failed")), (0, false), "{ran:?}");
        assert_eq!(ipvsadm("-L --daemon").ok(), "");
        // With AUTO=false the script does not touch the table.
        assert_eq!(ipvsadm("-S -n").ok(), "-A -t 10.0.0.100:80 -s wlc\n");
        ipvsadm("-C").ok();
    }
}

fn both_daemons(place: &Place) {
    sh("ip link add eth7 type dummy; ip link set eth7 up; ip addr add 10.7.0.1/24 dev eth7");
    default_file(place, "AUTO=\"false\"\nDAEMON=\"both\"\nIFACE=\"eth7\"\n");
    let ran = script("start");
    assert_eq!((ran.status, ran.out.contains("failed")), (0, false), "{ran:?}");
    let daemons = ipvsadm("-L --daemon").ok();
    assert_eq!(daemons.matches(" sync daemon (mcast=eth7, syncid=0").count(), 2, "{daemons}");
    let ran = script("stop");
    assert_eq!((ran.status, ran.out.contains("failed")), (0, false), "{ran:?}");
    assert_eq!(ipvsadm("-L --daemon").ok(), "");
}

fn reports_failures(place: &Place) {
    default_file(place, "AUTO=\"true\"\nDAEMON=\"master\"\nIFACE=\"nowhere9\"\n");
    // One line of the rules is refused, the others are applied; the interface does not exist.
    std::fs::write(
        "/etc/ipvsadm.rules",
        "# ipvsadm.rules\n-A -t 10.0.0.100:80 -s rr\n-d -t 10.0.0.100:80 -r 10.0.0.11\n",
    )
    .expect("a writable /etc");
    let ran = script("start");
    assert_eq!(ran.out.matches("failed").count(), 2, "{ran:?}");
    assert_eq!(ipvsadm("-S -n").ok(), "-A -t 10.0.0.100:80 -s rr\n");
    assert_eq!(ipvsadm("-L --daemon").ok(), "");
}

fn rhel_unit(place: &Place) {
    let file = place.path().join("rules");
    let file = file.display();
    let unit = |line: &str| run("/bin/bash", &["-c", line], b"");
    ipvsadm_with("-R", TABLE).ok();
    unit(&format!("exec /usr/sbin/ipvsadm-save -n > {file}")).ok();
    let saved = std::fs::read_to_string(place.path().join("rules")).expect("the saved rules");
    assert_eq!(saved, TABLE);
    run("/usr/sbin/ipvsadm", &["-C"], b"").ok();
    assert_eq!(ipvsadm("-S -n").ok(), "");
    unit(&format!("exec /usr/sbin/ipvsadm-restore < {file}")).ok();
    assert_eq!(ipvsadm("-S -n").ok(), TABLE);
    // A restore also replaces an existing table.
    ipvsadm("-A -t 10.0.0.200:80").ok();
    unit(&format!("exec /usr/sbin/ipvsadm-restore < {file}")).ok();
    assert_eq!(ipvsadm("-S -n").ok(), TABLE);

    place.file("bad", "-A -t 10.0.0.300:80 -s rr\n");
    let ran = unit(&format!("exec /usr/sbin/ipvsadm-restore < {}/bad", place.path().display()));
    assert_eq!(ran.status, 2, "{ran:?}");
}
