//! Set-ups that are refused: a clear message, the right status, nothing changed.

use crate::host::*;
use crate::support::{self, Ran, Test, program, run, sh};

pub const TESTS: &[Test] = &[
    ("refusals::bad_words", bad_words),
    ("refusals::a_vip_on_a_network_card", on_a_card),
    ("refusals::a_vip_in_another_place", another_place),
    ("refusals::a_missing_module", missing_module),
    ("refusals::no_privilege", no_privilege),
    ("refusals::proc_sys_read_only", read_only_proc_sys),
    ("refusals::run_unwritable", unwritable_run),
    ("refusals::a_gateway_out_of_reach", gateway),
    ("refusals::a_gue_port_that_is_taken", taken_port),
    ("refusals::a_record_that_cannot_be_parsed", unparsable),
];

/// The command fails with this text and changes nothing.
#[track_caller]
fn refused(line: &str, status: i32, text: &str) {
    let before = Snapshot::take();
    let ran = rs_setup(line);
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{line}: {}", ran.err);
    assert_eq!(ran.err, format!("{text}\n"), "{line}");
    before.same(&Snapshot::take(), line);
}

fn bad_words() {
    make();
    for (line, text) in [
        ("", "VIP is required (see 'ipvsadm rs-setup --help')"),
        ("10.0.0.300", "'10.0.0.300' is not an IP address"),
        ("10.0.0.100 www", "'www' is not an IP address"),
        ("10.0.0.100/24", "'10.0.0.100/24': give the address without a prefix length"),
        ("127.0.0.1", "127.0.0.1 cannot be the address of a service"),
        ("224.0.0.1", "224.0.0.1 cannot be the address of a service"),
        ("::", ":: cannot be the address of a service"),
        ("fe80::1", "fe80::1 cannot be the address of a service"),
        ("-m 10.0.0.100", "-m requires --gateway, the inside address of the director"),
        (
            "-m --gateway 10.1.0.1 --gateway 10.1.0.2",
            "--gateway can be given once for each address family",
        ),
        ("--gateway 10.1.0.1 10.0.0.100", "--gateway requires -m"),
        ("--tun-type gre 10.0.0.100", "--tun-type requires -i"),
        ("-i --tun-type gue 10.0.0.100", "--tun-type gue requires --tun-port"),
        ("-i --tun-port 6080 10.0.0.100", "--tun-port requires --tun-type gue"),
        ("--interface ../x 10.0.0.100", "'../x' is not the name of a device"),
    ] {
        refused(line, 2, &format!("rs-setup: {text}"));
    }
    refused("--interface eth7 10.0.0.100", 2, "there is no device eth7");
    let ran = rs_setup("--json 10.0.0.100");
    let error = "{\"kind\":\"usage\",\"status\":2,\"text\":\"rs-setup: --json requires --check or --dry-run\",";
    assert!(ran.err.starts_with(error) && ran.status == 2, "{}", ran.err);
    for line in [
        "-g -i 10.0.0.100",
        "--undo --check",
        "--frobnicate 10.0.0.100",
        "-i --tun-type x 10.0.0.100",
    ] {
        let ran = rs_setup(line);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{line}");
        assert!(!ran.err.is_empty() && ran.err.lines().count() == 1, "{line}: {}", ran.err);
    }
    refused("--check", 1, "nothing is set up by rs-setup here; give the VIPs to check");
    assert!(rs_setup("--help").ok().contains("--tun-port"));
    // It is not a command of -R.
    assert_eq!(support::ipvsadm_with("-R", "rs-setup 10.0.0.100\n").status, 255);
}

fn on_a_card() {
    make();
    sh("ip addr add 10.0.0.100/24 dev eth0");
    let text = "10.0.0.100 is on the network card eth0, which answers ARP requests for it. \
                Run 'ip addr del 10.0.0.100/24 dev eth0'.";
    for method in ["-g", "-i", "-m --gateway 10.1.0.1"] {
        refused(&format!("{method} 10.0.0.101 10.0.0.100"), 2, text);
        refused(&format!("{method} --dry-run 10.0.0.100"), 2, text);
    }
}

fn another_place() {
    make();
    sh("ip addr add 10.0.0.100/24 dev lo");
    refused(
        "10.0.0.100",
        2,
        "10.0.0.100 is on lo with /24, which makes its whole subnet local to this host. \
         Run 'ip addr del 10.0.0.100/24 dev lo', and then rs-setup, which adds 10.0.0.100/32.",
    );
    sh("ip addr del 10.0.0.100/24 dev lo");
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", 1);
    refused(
        "fd00::100",
        2,
        "IPv6 is disabled on lo, so fd00::100 cannot be added to it. \
         Run 'sysctl -w net.ipv6.conf.lo.disable_ipv6=0'.",
    );
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", 0);
    rs_setup("-g 10.0.0.100").ok();
    refused(
        "-i 10.0.0.100",
        2,
        "10.0.0.100 is set up with -g; to change that, first run 'ipvsadm rs-setup --undo 10.0.0.100'",
    );
}

fn missing_module() {
    make();
    sh(
        "rmmod ipip; if lsmod | grep -q ^fou6; then rmmod fou6; fi; rmmod fou; ! ip -o link | grep -q tunl0",
    );
    let loader = std::fs::read_to_string("/proc/sys/kernel/modprobe").unwrap();
    set_sysctl("kernel/modprobe", "/bin/false");
    let before = Snapshot::take();
    let ran = rs_setup("-i 10.0.0.100");
    let gue = rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100");
    let check = rs_setup("--check -i 10.0.0.100");
    set_sysctl("kernel/modprobe", loader.trim());
    for ran in [ran, gue] {
        assert_eq!((ran.status, ran.out.as_str()), (1, ""));
        assert_eq!(
            ran.err,
            "cannot add device tunl0: this kernel has no module ipip, or cannot load it; run 'modprobe ipip' to see why\n"
        );
    }
    assert_eq!(check.status, 1);
    assert!(check.out.contains("the kernel module ipip is not loaded"), "{}", check.out);
    before.same(&Snapshot::take(), "without the module");
    // With a loader that works, the set-up succeeds.
    rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100").ok();
    assert!(rs_setup("--check").ok().contains("All in place."));
    rs_setup("--undo").ok();
    // Without fou and with ipip, the steps before it are rolled back.
    set_sysctl("kernel/modprobe", "/bin/false");
    sh("rmmod fou");
    let before = Snapshot::take();
    let ran = rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100");
    before.same(&Snapshot::take(), "without fou");
    set_sysctl("kernel/modprobe", loader.trim());
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("this kernel has no module fou, or cannot load it"), "{}", ran.err);
}

fn no_privilege() {
    make();
    let before = Snapshot::take();
    let ran = |words: &[&str]| support::unprivileged(&program("ipvsadm"), words);
    let text = "/run/ipvsadm/rs-setup: Permission denied (you must be root)\n";
    assert_eq!(ran(&["rs-setup", "10.0.0.100"]).fails(1), text);
    assert_eq!(ran(&["rs-setup", "--undo"]).fails(1), text);
    before.same(&Snapshot::take(), "without privilege");
    assert_eq!(ran(&["rs-setup", "--undo", "--dry-run"]).ok(), "");
    // A check requires no privilege.
    let check = ran(&["rs-setup", "--check", "10.0.0.100"]);
    assert_eq!((check.status, check.err.as_str()), (1, ""), "{}", check.out);
    assert_eq!(ran(&["rs-setup", "--dry-run", "10.0.0.100"]).ok().lines().count(), 5);
    // The record is readable by root only.
    rs_setup("10.0.0.100").ok();
    assert_eq!(
        sh(&format!("stat -c %a /run/ipvsadm /run/ipvsadm/rs-setup {}", record().display())),
        "700\n700\n600\n"
    );
    rs_setup("--undo").ok();
}

/// Runs rs-setup in a mount namespace after the commands in `mounts`.
fn with_mounts(mounts: &str, line: &str) -> Ran {
    let script = format!("{mounts}; exec {} rs-setup {line}", program("ipvsadm").display());
    run("unshare", &["--mount", "bash", "-ec", &script], b"")
}

fn read_only_proc_sys() {
    make();
    let before = Snapshot::take();
    for line in ["10.0.0.100", "-i 10.0.0.100", "-m --gateway 10.1.0.1"] {
        let ran = with_mounts(
            "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys",
            line,
        );
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(
            ran.err.starts_with("/proc/sys/net/ipv4/conf/")
                && ran.err.ends_with(": Read-only file system\n"),
            "{}",
            ran.err
        );
        before.same(&Snapshot::take(), line);
    }
}

fn unwritable_run() {
    make();
    let before = Snapshot::take();
    let ran = with_mounts("mount -t tmpfs -o ro tmpfs /run", "10.0.0.100");
    assert_eq!(ran.fails(1), "/run/ipvsadm/rs-setup: Read-only file system\n");
    // A full file system: the directory can be created, the record cannot be written.
    let full = "mount -t tmpfs -o size=4k tmpfs /run; head -c 4096 /dev/zero >/run/full";
    let ran = with_mounts(full, "10.0.0.100");
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("No space left on device"), "{}", ran.err);
    before.same(&Snapshot::take(), "without /run");
}

fn gateway() {
    make();
    for gateway in ["10.2.0.1", "10.1.0.11", "fd02::1"] {
        refused(
            &format!("-m --gateway {gateway}"),
            2,
            &format!(
                "the gateway {gateway} is not in a subnet of this host. \
                 Give --gateway the director's address in the subnet of the real servers."
            ),
        );
    }
}

fn taken_port() {
    make();
    sh("ip fou add port 6080 ipproto 4");
    refused(
        "-i --tun-type gue --tun-port 6080 10.0.0.100",
        2,
        "UDP port 6080 receives bare packets (fou), not GUE. \
         Run 'ip fou del port 6080', or use another port here and on the director.",
    );
    sh("ip fou del port 6080");
    // Another program listens on the port.
    let before = Snapshot::take();
    sh("ip link set lo up");
    let server = "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',6080)); print(flush=True); time.sleep(5)";
    let mut child = std::process::Command::new("/usr/bin/python3")
        .args(["-c", server])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let ran = rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ran.status, 1);
    assert_eq!(ran.err, "cannot add GUE port 6080: Address already in use\n");
    before.same(&Snapshot::take(), "a port in use");
}

fn unparsable() {
    make();
    rs_setup("10.0.0.100").ok();
    std::fs::write(record(), "{").unwrap();
    let before = Snapshot::take();
    for line in ["10.0.0.101", "--undo"] {
        let ran = rs_setup(line);
        assert_eq!(ran.status, 1);
        assert!(ran.err.contains(&record().display().to_string()), "{}", ran.err);
    }
    before.same(&Snapshot::take(), "a record that cannot be parsed");
    std::fs::remove_file(record()).unwrap();
}
