//! A second run, undo, dry run, and changes by others.

use crate::host::*;
use crate::support::{Test, sh};
use nix::sched::{CloneFlags, unshare};

pub const TESTS: &[Test] = &[
    ("state::a_second_run_changes_nothing_and_undo_leaves_no_trace", no_trace),
    ("state::dry_run_changes_nothing_and_its_commands_lead_to_the_same_state", dry_run),
    ("state::rp_filter_in_effect_stays_on_every_other_interface", rp_filter),
    ("state::one_of_three_taken_down", one_of_three),
    ("state::what_an_administrator_changed_stays_and_is_named", administrator),
    ("state::addresses_of_others_keep_their_device_up", in_use),
    ("state::stricter_values_stay", stricter),
    ("state::a_loopback_that_was_down", loopback_down),
    ("state::a_namespace_with_a_reused_inode_starts_anew", reused_inode),
    ("state::several_at_once", several_at_once),
    ("state::check_reports_findings", findings),
];

fn no_trace() {
    make();
    for rp in [0, 1] {
        set_sysctl("net/ipv4/conf/all/rp_filter", rp);
        let before = Snapshot::take();
        for setup in SETUPS.iter().filter(|setup| rp == 0 || setup.starts_with("-i")) {
            assert_eq!(rs_setup(&format!("--check {setup}")).status, 1, "{setup}");
            before.same(&Snapshot::take(), &format!("--check {setup}"));
            rs_setup(setup).ok();
            let after = Snapshot::take();
            assert_ne!(before, after, "{setup}");
            let again = rs_setup(setup).ok();
            assert!(again.contains("nothing to change"), "{setup}: {again}");
            after.same(&Snapshot::take(), &format!("second run of {setup}"));
            let check = rs_setup(&format!("--check {setup}")).ok();
            assert!(check.contains("All in place."), "{setup}: {check}");
            assert_eq!(rs_setup("--check").ok(), check, "{setup}");
            rs_setup("--undo").ok();
            before.same(&Snapshot::take(), &format!("undo of {setup}, rp_filter {rp}"));
            assert_eq!(rs_setup("--undo").ok(), "");
        }
    }
}

fn dry_run() {
    let begin = || {
        make();
        set_sysctl("net/ipv4/conf/all/rp_filter", 1);
        set_sysctl("net/ipv4/conf/eth1/arp_ignore", 5);
    };
    for setup in SETUPS {
        // A new namespace for each: nothing reverts what the shell sets.
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up");
        begin();
        let before = Snapshot::take();
        let host = || {
            let mut lines = before.differences(&Snapshot::take());
            lines.retain(|line| {
                !["/run/ipvsadm", "rs-setup", ".json"].iter().any(|r| line.contains(r))
            });
            lines
        };
        let commands = rs_setup(&format!("--dry-run {setup}")).ok();
        before.same(&Snapshot::take(), &format!("--dry-run {setup}"));
        rs_setup(setup).ok();
        let ours = host();
        let back = rs_setup("--undo --dry-run").ok();
        sh(&back);
        assert_eq!(host(), [""; 0], "undo of {setup}:\n{back}");
        assert_eq!(rs_setup("--undo --dry-run").ok(), "");
        rs_setup("--undo").ok();
        before.same(&Snapshot::take(), &format!("undo of {setup}"));
        sh(&commands);
        assert_eq!(host(), ours, "{setup}:\n{commands}");
        assert_eq!(rs_setup(&format!("--dry-run {setup}")).ok(), "");
    }
}

fn rp_filter() {
    make();
    for (all, own) in [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 1)] {
        set_sysctl("net/ipv4/conf/all/rp_filter", all);
        set_sysctl("net/ipv4/conf/eth1/rp_filter", own);
        for (setup, device, wanted) in [
            ("-i 10.0.0.100", "tunl0", 0),
            ("-i --tun-type gre 10.0.0.100", "gre0", 0),
            ("-i --outer 6 10.0.0.100", "ip6tnl-ipvs", 0),
            ("-i --rp-filter loose 10.0.0.100", "tunl0", 2),
        ] {
            let mut before = rp_filter_in_effect();
            rs_setup(setup).ok();
            let mut during = rp_filter_in_effect();
            assert_eq!(during.remove(device), Some(wanted), "{setup}");
            let was = before.remove(device);
            assert_eq!(before, during, "{setup} with all {all}");
            rs_setup("--undo").ok();
            let mut after = rp_filter_in_effect();
            assert_eq!(after.remove(device), was);
            assert_eq!(before, after, "undo of {setup} with all {all}");
        }
    }
}

fn one_of_three() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let before = Snapshot::take();
    let effect = rp_filter_in_effect();
    for method in ["-g", "-i"] {
        // All VIPs at once, and one after the other.
        for lines in
            [vec!["10.0.0.1 10.0.0.10 10.0.0.100"], vec!["10.0.0.1", "10.0.0.10", "10.0.0.100"]]
        {
            // .1 and .10 are prefixes of .100, which scripts with grep confuse with it.
            for gone in ["10.0.0.1", "10.0.0.10", "10.0.0.100"] {
                for line in &lines {
                    rs_setup(&format!("{method} {line}")).ok();
                }
                let during = Snapshot::take();
                rs_setup(&format!("--undo {gone}")).ok();
                let differences = during.differences(&Snapshot::take());
                assert!(
                    differences.len() == 2
                        && differences.iter().all(|d| d.contains(&format!(" {gone}"))),
                    "{method} {gone}: {differences:?}"
                );
                if method == "-i" {
                    let mut now = rp_filter_in_effect();
                    now.insert("tunl0".into(), 1);
                    assert_eq!(now, effect);
                }
                assert!(rs_setup("--check").ok().contains("All in place."));
                rs_setup("--undo").ok();
                before.same(&Snapshot::take(), "undo of the rest");
            }
        }
    }
    // Two methods: the resources of the other one stay.
    rs_setup("-g 10.0.0.100").ok();
    rs_setup("-i 10.0.0.101").ok();
    rs_setup("--undo 10.0.0.100").ok();
    assert!(rs_setup("--check").ok().contains("IPIP tunnel (-i) 10.0.0.101"));
    assert_eq!(sysctl("net/ipv4/conf/all/arp_ignore"), "1");
    assert_eq!(sysctl("net/ipv4/conf/lo/arp_ignore"), "0");
    rs_setup("--undo 10.0.0.101").ok();
    before.same(&Snapshot::take(), "undo of both");
    let nothing = rs_setup("--undo 10.0.0.101");
    assert_eq!((nothing.status, nothing.out.as_str()), (0, ""));
    assert_eq!(nothing.err, "10.0.0.101 is not set up by rs-setup\n");
}

fn administrator() {
    make();
    let before = Snapshot::take();
    rs_setup("-g 10.0.0.100").ok();
    set_sysctl("net/ipv4/conf/all/arp_ignore", 2);
    sh("ip addr del 10.0.0.100/32 dev lo");
    let undo = rs_setup("--undo");
    assert_eq!(undo.status, 0);
    assert_eq!(
        undo.err,
        "net.ipv4.conf.all.arp_ignore was changed to 2 since rs-setup set it: left as it is\n"
    );
    assert_eq!(
        before.differences(&Snapshot::take()),
        [
            "- /proc/sys/net/ipv4/conf/all/arp_ignore 0",
            "+ /proc/sys/net/ipv4/conf/all/arp_ignore 2"
        ]
    );
    set_sysctl("net/ipv4/conf/all/arp_ignore", 0);
    // Changed, set up again, reverted: the administrator's value is restored.
    rs_setup("-g 10.0.0.100").ok();
    set_sysctl("net/ipv4/conf/all/arp_announce", 1);
    rs_setup("-g 10.0.0.100").ok();
    assert_eq!(sysctl("net/ipv4/conf/all/arp_announce"), "2");
    rs_setup("--undo").ok();
    assert_eq!(sysctl("net/ipv4/conf/all/arp_announce"), "1");
    set_sysctl("net/ipv4/conf/all/arp_announce", 0);
    // Another route in place of the one that rs-setup set.
    rs_setup("-m --gateway 10.1.0.1").ok();
    sh("ip route replace default via 10.1.0.2");
    let undo = rs_setup("--undo");
    assert!(
        undo.err.contains("default route was changed to via 10.1.0.2 dev eth1 since"),
        "{}",
        undo.err
    );
    sh("ip route replace default via 10.0.0.254");
    before.same(&Snapshot::take(), "all put back");
}

fn in_use() {
    make();
    rs_setup("-i 10.0.0.100").ok();
    sh("ip addr add 192.0.2.1/32 dev tunl0");
    let undo = rs_setup("--undo");
    assert_eq!(undo.status, 0);
    assert_eq!(undo.err, "link tunl0 stays: it has other addresses (192.0.2.1)\n");
    assert!(
        sh("ip addr show tunl0").contains("192.0.2.1") && sh("ip link show tunl0").contains(",UP")
    );
}

fn stricter() {
    make();
    for (value, kept) in [(0, "1"), (1, "1"), (2, "2"), (3, "3"), (4, "1"), (7, "1"), (8, "8")] {
        set_sysctl("net/ipv4/conf/all/arp_ignore", value);
        set_sysctl("net/ipv4/conf/eth1/arp_ignore", value);
        let before = Snapshot::take();
        rs_setup("10.0.0.100").ok();
        assert_eq!(sysctl("net/ipv4/conf/all/arp_ignore"), kept);
        assert_eq!(sysctl("net/ipv4/conf/eth1/arp_ignore"), if value == 0 { "0" } else { kept });
        // With 3 the host is silent for addresses of host scope only.
        let scope = if value == 3 { "scope host lo:0" } else { "scope global lo:0" };
        assert!(sh("ip addr show lo").contains(scope), "{value}");
        rs_setup("--undo").ok();
        before.same(&Snapshot::take(), "stricter values");
    }
}

fn loopback_down() {
    make();
    sh("ip link set lo down; ip addr flush dev lo");
    let before = Snapshot::take();
    rs_setup("10.0.0.100 fd00::100").ok();
    assert!(sh("ip -o link show lo").contains(",UP"));
    rs_setup("--undo").ok();
    before.same(&Snapshot::take(), "lo down again");
}

fn reused_inode() {
    // The set-up is gone with its namespace, and the next namespace gets its inode.
    let program = crate::support::program("ipvsadm");
    let inode = |name: &str| sh(&format!("ip netns exec {name} stat -L -c %i /proc/self/ns/net"));
    sh("ip netns add first");
    sh(&format!("ip netns exec first {} rs-setup 10.0.0.100", program.display()));
    let first = inode("first");
    sh("ip netns del first");
    std::thread::sleep(std::time::Duration::from_millis(200));
    sh("ip netns add second");
    assert_eq!(inode("second"), first, "this test requires that the inode is reused");
    let undo = sh(&format!("ip netns exec second {} rs-setup --undo 2>&1", program.display()));
    assert_eq!(undo, "");
    sh("ip netns exec second sysctl -qw net.ipv4.conf.all.arp_ignore=1");
    sh(&format!("ip netns exec second {} rs-setup 10.0.0.100", program.display()));
    sh(&format!("ip netns exec second {} rs-setup --undo", program.display()));
    assert_eq!(sh("ip netns exec second sysctl -n net.ipv4.conf.all.arp_ignore"), "1\n");
    sh("ip netns del second");
}

fn several_at_once() {
    make();
    let before = Snapshot::take();
    let program = crate::support::program("ipvsadm");
    let program = program.display();
    for _ in 0..3 {
        sh(&format!(
            "pids=; for n in 1 2 3 4 5; do {program} rs-setup 10.0.0.10$n >/dev/null & pids=\"$pids $!\"; done
             for p in $pids; do wait $p; done"
        ));
        assert!(rs_setup("--check").ok().contains("All in place."));
        assert_eq!(sh("ip -o addr show lo").matches("10.0.0.10").count(), 5);
        sh(&format!(
            "pids=; for n in 1 2 3 4 5; do {program} rs-setup --undo 10.0.0.10$n >/dev/null & pids=\"$pids $!\"; done
             for p in $pids; do wait $p; done"
        ));
        before.same(&Snapshot::take(), "five at once");
    }
}

fn findings() {
    make();
    let wrong = |line: &str| {
        let check = rs_setup(&format!("--check {line}"));
        assert_eq!((check.status, check.err.as_str()), (1, ""), "{line}: {}", check.out);
        check.out
    };
    rs_setup("10.0.0.100").ok();
    sh("ip addr add 10.0.0.100/24 dev eth0");
    let text = wrong("");
    assert!(text.contains(
        "10.0.0.100 is on the network card eth0, which answers ARP requests for it [vip-on-card]"
    ));
    assert!(text.ends_with("Not ready: fix the items marked WRONG.\n"), "{text}");
    sh("ip addr del 10.0.0.100/24 dev eth0; ip addr add 10.0.0.100/28 dev lo");
    assert!(wrong("").contains("10.0.0.100 is on lo with /28"));
    sh("ip addr del 10.0.0.100/28 dev lo");
    set_sysctl("net/ipv4/conf/all/arp_ignore", 0);
    let text = wrong("");
    assert!(
        text.contains("eth0 answers ARP for 10.0.0.100: clients bypass the director"),
        "{text}"
    );
    let last = "fix the items marked WRONG, then run 'ipvsadm rs-setup -g 10.0.0.100' to set what is MISSING.\n";
    assert!(text.ends_with(last), "{text}");
    rs_setup("10.0.0.100").ok();
    set_sysctl("net/ipv4/conf/eth1/arp_ignore", 5);
    let text = wrong("");
    assert!(text.contains("arp_ignore    1    5    5          WRONG"), "{text}");
    assert!(text.contains("eth1 answers ARP for 10.0.0.100"), "{text}");
    set_sysctl("net/ipv4/conf/eth1/arp_ignore", 0);
    assert!(rs_setup("--check").ok().contains("All in place."));
    rs_setup("--undo").ok();

    rs_setup("-i 10.0.0.100").ok();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let text = wrong("");
    assert!(text.contains("rp_filter     1    0    1          WRONG"), "{text}");
    assert!(text.contains("rp_filter 1 is in effect on tunl0"), "{text}");
    rs_setup("-i 10.0.0.100").ok();
    let text = rs_setup("--check").ok();
    assert!(text.contains("note: packets of 1500 bytes grow to 1520"), "{text}");
    sh(
        "for l in eth0 far0; do ip link set $l mtu 1520; done; for l in eth1 far1; do ip link set $l mtu 1600; done",
    );
    assert!(!rs_setup("--check").ok().contains("note:"));
    rs_setup("--undo").ok();

    rs_setup("-m --gateway 10.1.0.1").ok();
    sh("ip route replace default via 10.0.0.254");
    let text = wrong("");
    assert!(text.contains("default route") && text.contains("via 10.0.0.254 dev eth0"), "{text}");
    assert!(text.contains("do not go back through the director"), "{text}");
    rs_setup("-m --gateway 10.1.0.1").ok();
    let text = rs_setup("--check -m --gateway 10.1.0.1 10.0.0.100").ok();
    assert!(text.contains("note: 10.0.0.100 is in 10.0.0.0/24"), "{text}");
    rs_setup("--undo").ok();

    let json = crate::support::ipvsadm("rs-setup --check --json 10.0.0.100");
    assert_eq!(json.status, 1);
    let parsed: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let report = &parsed["reports"][0];
    assert_eq!(report["ok"], false);
    let missing = &report["settings"][5];
    assert_eq!(
        (&missing["what"], &missing["id"]),
        (&"10.0.0.100/32 on lo".into(), &"vip-missing".into())
    );
}
