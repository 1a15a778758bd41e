//! Faults around the program: tables that change while they are read, concurrent edits, streams that
//! are closed or full, missing resources, hostile names.

use crate::support::{Test, in_lab, ipvsadm, ipvsadm_with, oracle, program, sh};
use libipvs::Client;
use libipvs::model::{Change, Daemon, DaemonRole};
use libipvs::transport::Kernel;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("faults: services vanish while they are listed", vanishing),
    ("faults: ten programs edit one table", ten_editors),
    ("faults: the reader closes the pipe", closed_pipe),
    ("faults: a full disk", full_disk),
    ("faults: closed standard streams", closed_streams),
    ("faults: control characters in a rule are escaped", rule_bytes),
    ("faults: a sync daemon on an interface of any name", interface_name),
    ("faults: a sync daemon stopped right after its start", hasty_daemon),
    ("faults: host names with control characters", host_names),
    ("faults: too few descriptors, too little memory, no /proc", limits),
    ("faults: messages from other senders are ignored", others_datagrams),
    ("faults: the only program run is the kernel's modprobe", no_programs),
];

fn ours() -> String {
    program("ipvsadm").display().to_string()
}

/// Adds a service at every address of 10.0.0.0/24.
fn large(services: usize) -> String {
    (0..services)
        .map(|n| {
            let v = format!("10.{}.{}.1:80", n / 250, n % 250);
            format!("-A -t {v}\n-a -t {v} -r 10.0.0.2:80 -m\n-a -t {v} -r 10.0.0.3:80 -m\n")
        })
        .collect()
}

fn vanishing() {
    oracle("-A -t 10.0.0.1:80").ok();
    oracle("-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m").ok();
    // One program after the other: a batch of one program completes before the other runs.
    let edit = format!(
        "for n in 1 2 3 4 5 6 7 8 9; do
           echo -A -u 10.9.0.$n:53; echo -a -u 10.9.0.$n:53 -r 10.0.0.9:53 -m; done >/tmp/vanish.add
         for n in 1 2 3 4 5 6 7 8 9; do echo -D -u 10.9.0.$n:53; done >/tmp/vanish.delete
         while [ -e /tmp/vanishing ]; do {0} -R </tmp/vanish.add && {0} -R </tmp/vanish.delete || exit; done",
        ours()
    );
    std::fs::write("/tmp/vanishing", "").expect("/tmp");
    let editor = std::process::Command::new("sh").args(["-c", &edit]).spawn();
    let mut editor = editor.expect("a shell");
    let (mut with, mut without) = (0, 0);
    for n in 0..200 {
        let line = ["-Ln", "-Sn", "-Ln --stats"][n % 3];
        let text = ipvsadm(line).ok();
        let (first, well): (usize, fn(&str) -> bool) = match line {
            "-Sn" => (0, |l| {
                let udp = |l: &str| l.starts_with("10.9.0.") && l.contains(":53 ");
                l == "-A -t 10.0.0.1:80 -s wlc"
                    || l == "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1"
                    || l.strip_prefix("-A -u ").is_some_and(|l| udp(l) && l.ends_with(":53 -s wlc"))
                    || l.strip_prefix("-a -u ")
                        .is_some_and(|l| udp(l) && l.ends_with(" -r 10.0.0.9:53 -m -w 1"))
            }),
            _ => (3, |l| {
                l.starts_with("TCP  10.0.0.1:80 ")
                    || l.starts_with("UDP  10.9.0.")
                    || l.starts_with("  -> 10.0.0.2:80 ")
                    || l.starts_with("  -> 10.0.0.9:53 ")
            }),
        };
        for row in text.lines().skip(first) {
            assert!(well(row), "{line}: {row:?}");
        }
        if text.contains("10.9.0.") { with += 1 } else { without += 1 }
    }
    std::fs::remove_file("/tmp/vanishing").expect("/tmp");
    assert!(editor.wait().expect("the shell ends").success());
    assert!(with > 0 && without > 0, "the table never changed: {with}, {without}");
}

fn ten_editors() {
    // Each has a service of its own, and ends with every third of 66 servers edited, the rest deleted.
    let script = format!(
        "edit() {{
           for n in $(seq 1 66); do echo \"-a -t 10.$1.0.1:80 -r 10.$1.1.$n:80 -m\"; done
           for n in $(seq 3 3 66); do echo \"-e -t 10.$1.0.1:80 -r 10.$1.1.$n:80 -m -w $n\"; done
           for n in $(seq 1 66); do [ $((n % 3)) = 0 ] || echo \"-d -t 10.$1.0.1:80 -r 10.$1.1.$n:80\"; done
         }}
         for e in 1 2 3 4 5 6 7 8 9 10; do
           {{ {0} -A -t 10.$e.0.1:80 -s rr
              edit $e >/tmp/edit.$e
              head -n 100 /tmp/edit.$e | {0} -R || echo failed
              tail -n +101 /tmp/edit.$e | head -n 10 | while read -r line; do {0} $line || echo failed; done
              tail -n +111 /tmp/edit.$e | {0} -R || echo failed; }} &
         done; wait",
        ours()
    );
    assert_eq!(sh(&script), "");
    let mut meant = String::new();
    for e in 1..=10 {
        meant += &format!("-A -t 10.{e}.0.1:80 -s rr\n");
        for n in (3..=66).step_by(3) {
            meant += &format!("-a -t 10.{e}.0.1:80 -r 10.{e}.1.{n}:80 -m -w {n}\n");
        }
    }
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(String::from).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&oracle("-Sn").ok()), sorted(&meant));
}

fn closed_pipe() {
    ipvsadm_with("-R", &large(2000)).ok();
    for line in ["-Ln", "-Sn", "-Ln --stats", "-Lnc", "-L --json", "-Lc --json", "-Ln --pretty"] {
        // The status of the first command of the pipe, and its errors.
        let said = sh(&format!(
            "{{ {} {line} 2>/tmp/said; echo $? >/tmp/status; }} | head -n 1 >/tmp/first; \
             cat /tmp/status /tmp/said; [ -s /tmp/first ]",
            ours()
        ));
        assert_eq!(said, "0\n", "{line}");
    }
}

fn full_disk() {
    ipvsadm_with("-R", &large(2000)).ok();
    for line in
        ["-Ln", "-Sn", "-L --timeout", "-L --json", "-Lc --json", "-Ln --pretty", "-h", "-v"]
    {
        let said = sh(&format!("{} {line} 2>&1 >/dev/full || echo $?", ours()));
        let error = "cannot write: No space left on device";
        let lines: Vec<&str> = said.lines().collect();
        match line.contains("--json") {
            true => assert!(lines[0].contains(&format!(r#""text":"{error}""#)), "{line}: {said}"),
            false => assert_eq!(lines[0], error, "{line}"),
        }
        assert_eq!(lines[1..], ["1"], "{line}");
    }
}

/// Every verb, in an order in which each succeeds.
const VERBS: &[&str] = &[
    "-A -t 10.0.0.1:80",
    "-E -t 10.0.0.1:80 -s rr",
    "-a -t 10.0.0.1:80 -r 10.0.0.2",
    "-e -t 10.0.0.1:80 -r 10.0.0.2 -w 7",
    "-Z",
    "-L",
    "-Ln --rate",
    "-Lnc",
    "-L --timeout",
    "-L --daemon",
    "-L --json",
    "-Lc --json",
    "-L --daemon --json",
    "-L --pretty",
    "-S",
    "-Sn",
    "--set 1 2 3",
    "--start-daemon master --mcast-interface lo",
    "--stop-daemon master",
    "-d -t 10.0.0.1:80 -r 10.0.0.2",
    "-D -t 10.0.0.1:80",
    "-C",
    "-R",
    "-h",
    "-v",
];

fn closed_streams() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        for verb in VERBS {
            // Close it last: a file that the shell opens would get its number. A list written into the
            // socket that got its number would wait for an answer for ever.
            let said = sh(&format!("timeout 60 {} {verb} >/dev/null {closed}; echo $?", ours()));
            assert_eq!(said, "0\n", "{verb} {closed}");
        }
        // A refusal has its status even if nobody can read the error.
        let said = sh(&format!("{} -D -f 77 2>/dev/null {closed} || echo $?", ours()));
        assert_eq!(said, "255\n", "{closed}");
    }
}

/// Fails if the output has a byte that a terminal would obey.
#[track_caller]
fn harmless(text: &str) {
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

fn rule_bytes() {
    for line in [
        "-A -t \x1b]0;owned\x07:80",
        "-\x1b[2J",
        "\x1b[2J",
        "-A -t 10.0.0.1:80 \x1b[31mred",
        "-A -f 1\u{9b}31m",
        "-A -f 1 --sched-flags \x1b[31m",
        "-a -t 10.0.0.1:80 -r 10.0.0.2 -w \x1b7",
        "-D -t 10.0.0.1:\x08\x08",
        "-A -f 5 -s \x1b[31m",
        "--start-daemon master --mcast-interface \x1b[31m",
    ] {
        let ran = ipvsadm_with("-R", &format!("{line}\n"));
        assert_ne!(ran.status, 0, "{line:?}");
        assert!(ran.err.contains("\\u{"), "{line:?} is shown: {}", ran.err);
        harmless(&ran.err);
        harmless(&ran.out);
    }
}

fn interface_name() {
    sh("ip link add \"$(printf 'a\\033[31mb')\" type dummy; ip link set \"$(printf 'a\\033[31mb')\" up multicast on
        ip addr add 10.9.9.1/24 dev \"$(printf 'a\\033[31mb')\"");
    assert_eq!(ipvsadm_with("-R", "--start-daemon master --mcast-interface a\x1b[31mb\n").ok(), "");
    let shown = ipvsadm("-L --daemon").ok();
    assert!(shown.starts_with("master sync daemon (mcast=a?[31mb, "), "{shown:?}");
    ipvsadm("--stop-daemon master").ok();
}

/// The kernel does not answer the request to stop such a daemon.
fn hasty_daemon() {
    sh("ip link add d0 type dummy && ip link set d0 up");
    let (said, heard) = std::sync::mpsc::channel();
    // In the namespace of this thread.
    std::thread::spawn(move || {
        let mut client = Client::connect().expect("IPVS");
        let start = Change::StartDaemon(Daemon::master("d0").build().expect("a daemon"));
        let stop = Change::StopDaemon(DaemonRole::Master);
        for _ in 0..20 {
            client.change(&start).expect("a daemon");
            client.change(&stop).expect("it can be stopped");
            let results = client.changes([&start, &stop]).expect("both");
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            assert_eq!(client.daemons().expect("a list"), []);
        }
        said.send(()).expect("the test listens");
    });
    let end = heard.recv_timeout(Duration::from_secs(30));
    assert!(end.is_ok(), "no answer: {end:?}");
}

fn host_names() {
    assert!(in_lab(), "this test writes /etc/hosts, so it runs in the lab only");
    let mut hosts = OpenOptions::new().append(true).open("/etc/hosts").expect("/etc/hosts");
    let lines = b"10.77.9.1 e\x1b[31mvil\x07.test\n10.77.9.2 e\xc2\x9b31mvil.test\n";
    hosts.write_all(lines).expect("/etc/hosts can be written");
    // The first entry is the client's own connection.
    sh("ip addr add 10.77.9.1/32 dev lo");
    ipvsadm_with("-R", "-A -t 10.77.9.1:80\n-a -t 10.77.9.1:80 -r 10.77.9.2:80 -m\n").ok();
    sh("/usr/bin/python3 -c '
import socket
s = socket.socket(); s.bind((\"10.77.9.1\", 0)); s.setblocking(False); s.connect_ex((\"10.77.9.1\", 80))'");
    let shown = |line: &str| {
        let text = ipvsadm(line).ok();
        harmless(&text);
        text
    };
    assert!(shown("-L").contains("\nTCP  e?[31mvil?.test:http wlc\n"), "{}", shown("-L"));
    let connections = shown("-Lc");
    assert!(
        connections.lines().nth(2).is_some_and(|l| l.contains(" e?[31mvil?.test:")),
        "{connections}"
    );
    // A name that could not be read back is written as a number.
    let rule = "-A -t 10.77.9.1:http -s wlc\n-a -t 10.77.9.1:http -r 10.77.9.2:http -m -w 1\n";
    assert_eq!(shown("-S"), rule);
}

fn limits() {
    ipvsadm_with("-R", &large(500)).ok();
    // With three descriptors the C library's loader fails before the program starts.
    let said = sh(&format!("(ulimit -n 3; exec {} -Ln) 2>&1 || echo $?", ours()));
    assert!(said.ends_with("\n127\n") && said.lines().count() == 2, "{said}");
    let said = sh(&format!("(ulimit -n 4; exec {} -Lnc) 2>&1 >/dev/null || echo $?", ours()));
    assert_eq!(said, "cannot read /proc/net/ip_vs_conn: Too many open files\n1\n");
    let said = sh(&format!("(ulimit -n 4; exec {} -Sn) | wc -l", ours()));
    assert_eq!(said, "1500\n", "one descriptor is enough");
    // From barely enough to plenty: the command succeeds or prints one line, and never panics.
    let mut statuses = Vec::new();
    for kib in (5_000..12_000).step_by(250) {
        let said = sh(&format!(
            "(ulimit -v {kib}; exec {} -Sn 2>/tmp/said >/tmp/rules) 2>/dev/null && echo 0 || echo $?; cat /tmp/said",
            ours()
        ));
        let (status, text) = said.split_once('\n').expect("a status");
        assert!(!text.contains("panicked"), "{kib} KiB: {text}");
        match (status, text.is_empty()) {
            ("0", true) => assert_eq!(sh("wc -l </tmp/rules"), "1500\n", "{kib} KiB"),
            // The kernel could not load the program, or the loader failed, or an allocation failed.
            ("139", true) | ("127" | "134", false) => {}
            _ => panic!("{kib} KiB: {said}"),
        }
        statuses.push(status.to_string());
    }
    assert_eq!(statuses.last().map(String::as_str), Some("0"));
    assert!(statuses.iter().any(|status| status != "0"), "memory was never short");
    let said = sh(&format!(
        "unshare --mount sh -c 'mount -t tmpfs none /proc; {0} -Sn | wc -l; {0} -Lnc 2>&1; echo $?'",
        ours()
    ));
    assert_eq!(said.lines().next(), Some("1500"));
    let end = "cannot read /proc/net/ip_vs_conn: No such file or directory\n1\n";
    assert!(said.ends_with(end), "{said}");
}

fn others_datagrams() {
    let _kernel = Kernel::open().expect("a socket");
    // Sends a datagram to every generic netlink socket of this process and of the script.
    let said = sh("/usr/bin/python3 -c '
import socket, os
mine = socket.socket(16, socket.SOCK_RAW, 16); mine.bind((0, 0))
sender = socket.socket(16, socket.SOCK_RAW, 16); sender.bind((0, 0))
found = {}
for row in list(open(\"/proc/net/netlink\"))[1:]:
    words = row.split()
    if words[1] == \"16\" and words[2] != \"0\":
        found[int(words[2])] = None
for port in found:
    try: sender.sendto(b\"x\" * 20, (port, 0)); found[port] = \"taken\"
    except OSError as e: found[port] = os.strerror(e.errno)
me = {mine.getsockname()[0], sender.getsockname()[0]}
print(found[mine.getsockname()[0]], *[what for port, what in found.items() if port not in me])
'");
    // The script's socket accepts it from any sender; ours only from the kernel.
    assert_eq!(said, "taken Connection refused\n");
}

fn no_programs() {
    let programs = ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"].map(program);
    let [ours, save, restore] = programs.map(|p| p.display().to_string());
    let trace = |command: &str| {
        sh(&format!(
            "strace -f -qq -e trace=execve -o /tmp/trace {command} </dev/null >/dev/null 2>&1 || :"
        ));
        let trace = std::fs::read_to_string("/tmp/trace").expect("a trace");
        let calls = trace.lines().filter(|line| line.contains("execve("));
        let name = |line: &str| line.split('"').nth(1).unwrap_or(line).to_string();
        calls.map(name).collect::<Vec<_>>()
    };
    let modprobe = sh("cat /proc/sys/kernel/modprobe").trim().to_string();
    let rs_setup = ["rs-setup --dry-run 10.0.0.100", "rs-setup --dry-run -i 10.0.0.100"];
    for line in rs_setup {
        assert_ne!(ipvsadm(line).ok(), "", "{line}");
        assert_eq!(trace(&format!("{ours} {line}")), [ours.as_str()], "{line}");
    }
    for verb in VERBS {
        assert_eq!(trace(&format!("{ours} {verb}")), [ours.as_str()], "{verb}");
    }
    assert_eq!(trace(&save), [save.as_str()]);
    assert_eq!(trace(&restore), [restore.as_str()]);
    // Without IPVS. The kernel's own request for the family's module runs in a separate thread, and
    // finds nothing where modprobe is replaced.
    // Threads that wait for their next test still hold the tables of their last.
    sh(&format!(
        "for t in /proc/{}/task/*; do nsenter --net=$t/ns/net sh -c \\
           '{oracle} -C; {oracle} --stop-daemon master; {oracle} --stop-daemon backup' 2>/dev/null || :; done",
        std::process::id(),
        oracle = "/usr/sbin/ipvsadm"
    ));
    // On Linux 6.12, connections that a test left closed keep its namespace and table for about two
    // minutes.
    let started = Instant::now();
    loop {
        let said = sh(
            "rmmod $(lsmod | awk '/^ip_vs_/ {print $1}') ip_vs 2>&1 || { echo; lsmod | grep ip_vs; }",
        );
        if said.is_empty() {
            break;
        }
        assert!(started.elapsed().as_secs() < 240, "ip_vs cannot be unloaded: {said}");
        std::thread::sleep(Duration::from_secs(2));
    }
    sh("cp /bin/true /tmp/modprobe; echo /tmp/modprobe >/proc/sys/kernel/modprobe");
    let without = [format!("{ours} -Ln"), save.clone(), restore.clone()].map(|line| trace(&line));
    let rs_setup = rs_setup.map(|line| trace(&format!("{ours} {line}")));
    sh(&format!("echo {modprobe} >/proc/sys/kernel/modprobe; modprobe ip_vs"));
    assert_eq!(without, [&ours, &save, &restore].map(|p| [p.as_str(), "/tmp/modprobe"]));
    assert_eq!(rs_setup, [[ours.as_str()], [ours.as_str()]]);
}
