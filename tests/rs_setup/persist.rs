//! --persist, below a folder in place of the root of a host with systemd.

use crate::host::*;
use crate::support::{Test, program, sh};
use nix::sched::{CloneFlags, unshare};
use std::path::{Path, PathBuf};

pub const TESTS: &[Test] = &[
    ("persist::files_are_written_and_removed", files),
    ("persist::after_a_reboot_undo_still_leaves_no_trace", reboot),
    ("persist::what_others_changed_or_had_there_stays", changed),
    ("persist::a_device_that_networkd_manages_keeps_its_addresses", networkd),
    ("persist::without_systemd_it_prints_the_command", no_systemd),
];

fn root(name: &str) -> PathBuf {
    let root = Path::new("/tmp").join(name);
    sh(&format!("rm -rf {0}; mkdir -p {0}/run/systemd/system {0}/etc/sysctl.d", root.display()));
    root
}

fn tree(root: &Path) -> String {
    sh(&format!("cd {}; find . | sort; find . -type f | sort | xargs cat", root.display()))
}

fn read(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn files() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let root = root("persist-files");
    let at = root.display();
    let (before, empty) = (Snapshot::take(), tree(&root));
    let out =
        rs_setup(&format!("--persist --root {at} -i --tun-type gue --tun-port 6080 10.0.0.100"))
            .ok();
    assert_eq!(out.matches("written: ").count(), 5, "{out}");
    let sysctl = read(&root, "etc/sysctl.d/99-zz-ipvsadm-rs-setup.conf");
    for line in [
        "all/arp_ignore = 1",
        "tunl0/arp_announce = 2",
        "all/rp_filter = 0",
        "eth0/rp_filter = 1",
        "default/rp_filter = 1",
    ] {
        assert!(sysctl.contains(&format!("\n-net/ipv4/conf/{line}\n")), "{line} in {sysctl}");
    }
    let body =
        |path| read(&root, path).lines().skip(1).map(|l| format!("{l}\n")).collect::<String>();
    assert_eq!(body("etc/modules-load.d/ipvsadm-rs-setup.conf"), "fou\nipip\n");
    assert_eq!(
        body("etc/systemd/network/05-ipvsadm-rs-setup.network"),
        "[Match]\nName=tunl0\n\n[Link]\nUnmanaged=yes\n"
    );
    let unit = read(&root, "etc/systemd/system/ipvsadm-rs-setup.service");
    let start = format!(
        "\nExecStart={} rs-setup -i --tun-type gue --tun-port 6080 10.0.0.100\n",
        program("ipvsadm").display()
    );
    assert!(unit.contains(&start) && unit.contains("Type=oneshot"), "{unit}");
    assert_eq!(
        sh(&format!("readlink -f {at}/etc/systemd/system/multi-user.target.wants/*")).trim(),
        format!("{at}/etc/systemd/system/ipvsadm-rs-setup.service")
    );
    // A second run changes nothing, and without --persist the files stay.
    let written = tree(&root);
    for line in ["--persist ", ""] {
        let again =
            rs_setup(&format!("{line}--root {at} -i --tun-type gue --tun-port 6080 10.0.0.100"))
                .ok();
        assert!(again.contains("nothing to change") && !again.contains("written"), "{again}");
        assert_eq!(tree(&root), written);
    }
    // After a second set-up and the undo of the first, the files are about the second.
    rs_setup(&format!("--persist --root {at} -g 10.0.0.101")).ok();
    rs_setup(&format!("--undo --root {at} 10.0.0.100")).ok();
    let unit = read(&root, "etc/systemd/system/ipvsadm-rs-setup.service");
    assert_eq!(unit.matches("ExecStart=").count(), 1);
    assert!(unit.contains("rs-setup -g 10.0.0.101\n"), "{unit}");
    assert!(!root.join("etc/modules-load.d").exists());
    assert!(!read(&root, "etc/sysctl.d/99-zz-ipvsadm-rs-setup.conf").contains("tunl0"));
    rs_setup(&format!("--undo --root {at}")).ok();
    assert_eq!(tree(&root), empty);
    before.same(&Snapshot::take(), "undo");
}

fn reboot() {
    make();
    set_sysctl("net/ipv4/conf/all/rp_filter", 1);
    let root = root("persist-reboot");
    let at = root.display();
    let (before, empty) = (Snapshot::take(), tree(&root));
    rs_setup(&format!("--persist --root {at} -i 10.0.0.100")).ok();
    let wanted = Snapshot::take();
    let unit = read(&root, "etc/systemd/system/ipvsadm-rs-setup.service");
    let line = unit.lines().find_map(|l| l.strip_prefix("ExecStart=")).unwrap();
    let line = line.split_once("rs-setup ").unwrap().1;
    let boot = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up");
        make();
        set_sysctl("net/ipv4/conf/all/rp_filter", 1);
        // As systemd-sysctl does at boot.
        for setting in read(&root, "etc/sysctl.d/99-zz-ipvsadm-rs-setup.conf").lines().skip(1) {
            let (key, value) = setting[1..].split_once(" = ").unwrap();
            set_sysctl(key, value);
        }
    };
    let host = |snapshot: &Snapshot, to: &Snapshot| {
        let mut lines = snapshot.differences(to);
        // The MAC addresses and the name of the record differ.
        lines.retain(|l| {
            !l.contains("link/ether")
                && !l.contains(".json")
                && !l.contains("link_netnsid")
                && !l.contains("permaddr")
                && !l.contains("/run/ipvsadm")
                && !l.contains("rs-setup")
        });
        lines
    };
    boot();
    rs_setup(&format!("--root {at} {line}")).ok();
    assert_eq!(host(&wanted, &Snapshot::take()), [""; 0], "after a reboot");
    rs_setup(&format!("--undo --root {at}")).ok();
    assert_eq!(host(&before, &Snapshot::take()), [""; 0], "undo after a reboot");
    assert_eq!(tree(&root), empty);
    // An undo before the unit has run.
    rs_setup(&format!("--persist --root {at} -i 10.0.0.100")).ok();
    boot();
    rs_setup(&format!("--undo --root {at}")).ok();
    assert_eq!(host(&before, &Snapshot::take()), [""; 0], "undo before the unit");
    assert_eq!(tree(&root), empty);
}

fn changed() {
    make();
    let root = root("persist-changed");
    let at = root.display();
    rs_setup(&format!("--persist --root {at} 10.0.0.100")).ok();
    let unit = root.join("etc/systemd/system/ipvsadm-rs-setup.service");
    sh(&format!("echo '# mine' >>{}", unit.display()));
    let undo = rs_setup(&format!("--undo --root {at}"));
    assert_eq!(undo.status, 0);
    assert_eq!(undo.err, format!("{}: not written by rs-setup, left as it is\n", unit.display()));
    assert!(unit.exists() && !root.join("var").exists());
    // The changed file is not overwritten either.
    let again = rs_setup(&format!("--persist --root {at} 10.0.0.100"));
    assert!(again.err.contains("left as it is"), "{}", again.err);
    assert!(std::fs::read_to_string(&unit).unwrap().ends_with("# mine\n"));
    rs_setup("--undo");
}

fn networkd() {
    make();
    let root = root("persist-networkd");
    let at = root.display();
    let links = root.join("run/systemd/netif/links");
    std::fs::create_dir_all(&links).unwrap();
    std::fs::write(
        links.join("1"),
        "ADMIN_STATE=configured\nNETWORK_FILE=/usr/lib/systemd/network/10-lo.network\n",
    )
    .unwrap();
    rs_setup(&format!("--persist --root {at} 10.0.0.100")).ok();
    let drop_in = "etc/systemd/network/10-lo.network.d/50-ipvsadm-rs-setup.conf";
    assert!(read(&root, drop_in).ends_with("[Network]\nKeepConfiguration=static\n"));
    rs_setup(&format!("--undo --root {at}")).ok();
    assert!(!root.join("etc/systemd").exists());
    let eth1 =
        sh("cat /sys/class/net/eth1/ifindex 2>/dev/null || ip -o link show eth1 | cut -d: -f1");
    std::fs::write(links.join(eth1.trim()), "NETWORK_FILE=/etc/systemd/network/eth1.network\n")
        .unwrap();
    rs_setup(&format!("--persist --root {at} -m --gateway 10.1.0.1")).ok();
    assert!(root.join("etc/systemd/network/eth1.network.d/50-ipvsadm-rs-setup.conf").exists());
    rs_setup(&format!("--undo --root {at}")).ok();
}

fn no_systemd() {
    make();
    let root = root("persist-none");
    sh(&format!("rm -r {}/run", root.display()));
    let empty = tree(&root);
    let ran = rs_setup(&format!("--persist --root {} -i 10.0.0.100", root.display()));
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("ready for IPIP tunnel"), "{}", ran.out);
    assert_eq!(
        ran.err,
        "cannot make it last: systemd is not running; at each boot, run\n  ipvsadm rs-setup -i 10.0.0.100\n"
    );
    assert_eq!(tree(&root), empty);
    rs_setup("--undo").ok();
    // In a network namespace other than the system's own.
    let ran = rs_setup("--persist 10.0.0.100");
    assert_eq!(
        ran.fails(2),
        "--persist works only in the network namespace that the system starts in\n"
    );
}
