//! What cannot be done: a clear message, the right status, nothing changed.

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
    ("refusals::a_record_that_is_nonsense", nonsense),
];

/// It fails, says this, and changes nothing.
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
        ("", "rs-setup wants the virtual addresses (see ipvsadm rs-setup --help)"),
        ("10.0.0.300", "`10.0.0.300' is no IP address"),
        ("10.0.0.100 www", "`www' is no IP address"),
        ("10.0.0.100/24", "`10.0.0.100/24': the address alone is wanted, without a prefix length"),
        ("127.0.0.1", "127.0.0.1 cannot be the address of a service"),
        ("224.0.0.1", "224.0.0.1 cannot be the address of a service"),
        ("::", ":: cannot be the address of a service"),
        ("fe80::1", "fe80::1 cannot be the address of a service"),
        ("-m 10.0.0.100", "-m wants --gateway, the director's inside address"),
        ("-m --gateway 10.1.0.1 --gateway 10.1.0.2", "--gateway can be given once for each family"),
        ("--gateway 10.1.0.1 10.0.0.100", "--gateway goes with -m"),
        ("--tun-type gre 10.0.0.100", "--tun-type goes with -i"),
        ("-i --tun-type gue 10.0.0.100", "--tun-type gue wants --tun-port"),
        ("-i --tun-port 6080 10.0.0.100", "--tun-port goes with --tun-type gue"),
        ("--interface ../x 10.0.0.100", "`../x' is no name of a device"),
        ("--interface eth7 10.0.0.100", "there is no device eth7"),
        ("--json 10.0.0.100", "--json goes with --check or --dry-run"),
    ] {
        refused(line, 2, text);
    }
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
    refused("--check", 1, "nothing is set up here by rs-setup: say which VIP to check for");
    assert!(rs_setup("--help").ok().contains("--tun-port"));
    // A line of rules is no place for it.
    assert_eq!(support::ipvsadm_with("-R", "rs-setup 10.0.0.100\n").status, 255);
}

fn on_a_card() {
    make();
    sh("ip addr add 10.0.0.100/24 dev eth0");
    let text = "10.0.0.100 is on the network card eth0, which answers ARP for it: \
                take it off that card: ip addr del 10.0.0.100/24 dev eth0";
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
        "10.0.0.100 is on lo with /24, which makes a whole net local to this host: \
         take it away (ip addr del 10.0.0.100/24 dev lo); rs-setup puts 10.0.0.100/32 up",
    );
    sh("ip addr del 10.0.0.100/24 dev lo");
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", 1);
    refused(
        "fd00::100",
        2,
        "IPv6 is off on lo, so it cannot have fd00::100: sysctl -w net.ipv6.conf.lo.disable_ipv6=0",
    );
    set_sysctl("net/ipv6/conf/lo/disable_ipv6", 0);
    rs_setup("-g 10.0.0.100").ok();
    refused(
        "-i 10.0.0.100",
        2,
        "10.0.0.100 is set up already, with -g; first take that back: ipvsadm rs-setup --undo 10.0.0.100",
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
            "device tunl0 could not be made there: this kernel has no ipip: its module cannot be loaded\n"
        );
    }
    assert_eq!(check.status, 1);
    assert!(check.out.contains("the kernel module ipip is not loaded"), "{}", check.out);
    before.same(&Snapshot::take(), "without the module");
    // A loader that works is all it takes.
    rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100").ok();
    assert!(rs_setup("--check").ok().contains("All in place."));
    rs_setup("--undo").ok();
    // With fou gone and ipip there, what had been done before is taken back.
    set_sysctl("kernel/modprobe", "/bin/false");
    sh("rmmod fou");
    let before = Snapshot::take();
    let ran = rs_setup("-i --tun-type gue --tun-port 6080 10.0.0.100");
    before.same(&Snapshot::take(), "without fou");
    set_sysctl("kernel/modprobe", loader.trim());
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("this kernel has no fou: its module cannot be loaded"), "{}", ran.err);
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
    // Looking is free.
    let check = ran(&["rs-setup", "--check", "10.0.0.100"]);
    assert_eq!((check.status, check.err.as_str()), (1, ""), "{}", check.out);
    assert_eq!(ran(&["rs-setup", "--dry-run", "10.0.0.100"]).ok().lines().count(), 5);
    // What others may not see they do not: the record is root's.
    rs_setup("10.0.0.100").ok();
    assert_eq!(
        sh(&format!("stat -c %a /run/ipvsadm /run/ipvsadm/rs-setup {}", record().display())),
        "700\n700\n600\n"
    );
    rs_setup("--undo").ok();
}

/// rs-setup where `mounts` have changed what it sees.
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
    // Full, not read-only: the directory can be made, the record cannot be written.
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
                "the gateway {gateway} is on no net of this host: --gateway wants the director's address on the net of the real servers"
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
        "UDP port 6080 takes bare packets (fou), not GUE: \
         take it away (ip fou del port 6080), or use another port on the director",
    );
    sh("ip fou del port 6080");
    // Something else listens there.
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
    assert_eq!(ran.err, "GUE port 6080 could not be made there: Address already in use\n");
    before.same(&Snapshot::take(), "a port in use");
}

fn nonsense() {
    make();
    rs_setup("10.0.0.100").ok();
    std::fs::write(record(), "{").unwrap();
    let before = Snapshot::take();
    for line in ["10.0.0.101", "--undo"] {
        let ran = rs_setup(line);
        assert_eq!(ran.status, 1);
        assert!(ran.err.starts_with("cannot parse /run/ipvsadm/rs-setup/"), "{}", ran.err);
    }
    before.same(&Snapshot::take(), "a record that is nonsense");
    std::fs::remove_file(record()).unwrap();
}
