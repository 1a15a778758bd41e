//! `drain`: the weight becomes 0, connections end by themselves, `--undo` restores the weight.

use crate::support::{Ran, Test, ipvsadm, oracle, oracle_with, program, run, sh, unprivileged};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("drain: waits for the last connection to end", until_the_last),
    ("drain: --wait limits the time", wait_limit),
    ("drain: --undo restores the weight and changes nothing else", undo),
    ("drain: an interrupted drain reports its state", interrupted),
    ("drain: the server is changed concurrently", concurrent_change),
    ("drain: UDP, a firewall mark, IPv6", other_services),
    ("drain: persistence returns clients to the server", persistent),
    ("drain: a terminal shows the progress", terminal),
    ("drain: missing servers, missing privilege", errors),
];

const ONE: &str = "-t 10.0.0.1:80 -r 10.1.0.1:80";

/// A director that is its own client and its own real servers, of which the first answers.
fn director(service: &str) -> TcpListener {
    sh("for a in 10.0.0.1 10.1.0.1 10.1.0.2; do ip addr add $a/32 dev lo; done");
    oracle_with(
        "-R",
        &format!(
            "-A -t 10.0.0.1:80 {service}\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5 -x 90 -y 80\n"
        ),
    )
    .ok();
    TcpListener::bind("10.1.0.1:80").expect("a listener")
}

fn connection(server: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect("10.0.0.1:80").expect("connected");
    (client, server.accept().expect("accepted").0)
}

fn weight() -> String {
    // 1.31 loses thresholds.
    let table = ipvsadm("-Sn").ok();
    let line = table.lines().find(|line| line.contains("10.1.0.1")).expect("a server");
    line.split(" -w ").nth(1).expect("a weight").to_string()
}

fn start(line: &str) -> Child {
    Command::new(program("ipvsadm"))
        .args(line.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ipvsadm starts")
}

/// Status, standard output, standard error.
fn end(mut child: Child) -> (Option<i32>, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    (child.wait().expect("it ends").code(), out, err)
}

/// Waits until the weight is 0.
fn drained() {
    assert!((0..100).any(|_| {
        sleep(Duration::from_millis(50));
        weight().starts_with('0')
    }));
}

fn until_the_last() {
    let server = director("-s rr");
    let (first, second) = (connection(&server), connection(&server));
    let mut child = start(&format!("drain {ONE}"));
    drained();
    drop(first);
    sleep(Duration::from_millis(1500));
    assert_eq!(child.try_wait().expect("a child"), None, "a connection is still open");
    drop(second);
    let (status, out, err) = end(child);
    assert_eq!(status, Some(0));
    assert_eq!(out, "10.1.0.1:80: drained, no connection is active\n");
    assert_eq!(err, "");
    assert_eq!(weight(), "0 -x 90 -y 80");
    // A second drain returns at once.
    assert_eq!(ipvsadm(&format!("drain {ONE}")).ok(), out);
    assert_eq!(
        ipvsadm(&format!("drain --undo {ONE}")).ok(),
        "10.1.0.1:80: its weight is 5 again\n"
    );
    assert_eq!(weight(), "5 -x 90 -y 80");
    sh("! test -e /run/ipvsadm/drain");
}

fn wait_limit() {
    let server = director("-s rr");
    let _open = connection(&server);
    let started = Instant::now();
    assert_eq!(
        ipvsadm(&format!("drain {ONE} --wait 2")).fails(1),
        "10.1.0.1:80: 1 connection still active after 2 s, its weight is 0\n"
    );
    assert!(started.elapsed() >= Duration::from_secs(2));
    let _more = TcpStream::connect("10.0.0.1:80").expect_err("no server accepts it");
    assert_eq!(
        ipvsadm(&format!("drain {ONE} --wait 0")).fails(1),
        "10.1.0.1:80: 1 connection still active after 0 s, its weight is 0\n"
    );
    // The second drain did not record 0 as the weight.
    ipvsadm(&format!("drain --undo {ONE}")).ok();
    assert_eq!(weight(), "5 -x 90 -y 80");
}

fn undo() {
    director("-s rr");
    oracle("-a -t 10.0.0.1:80 -r 10.9.0.2 -i --tun-type gue --tun-port 6080 -w 3").ok();
    let before = ipvsadm("-Sn").ok();
    for server in ["10.1.0.1", "10.9.0.2"] {
        ipvsadm(&format!("drain -t 10.0.0.1:80 -r {server}")).ok();
    }
    assert_eq!(before.replace("-w 5", "-w 0").replace("-w 3", "-w 0"), ipvsadm("-Sn").ok());
    for server in ["10.9.0.2", "10.1.0.1"] {
        ipvsadm(&format!("drain -t 10.0.0.1:80 -r {server} --undo")).ok();
    }
    assert_eq!(ipvsadm("-Sn").ok(), before);
    assert_eq!(
        ipvsadm(&format!("drain --undo {ONE}")).fails(1),
        "10.1.0.1:80 of -t 10.0.0.1:80 has not been drained here\n"
    );
}

fn interrupted() {
    let server = director("-s rr");
    let _open = connection(&server);
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let child = start(&format!("drain {ONE}"));
        drained();
        sleep(Duration::from_millis(300));
        kill(Pid::from_raw(child.id() as i32), signal).expect("it runs");
        let (status, out, err) = end(child);
        assert_eq!((status, out.as_str()), (Some(1), ""), "{signal}");
        assert_eq!(
            err,
            "10.1.0.1:80: interrupted, 1 connection still active, its weight is 0; \
             run 'ipvsadm drain --undo -t 10.0.0.1:80 -r 10.1.0.1:80' to restore the weight\n"
        );
        assert!(weight().starts_with('0'));
        ipvsadm(&format!("drain --undo {ONE}")).ok();
        assert!(weight().starts_with('5'));
    }
}

fn concurrent_change() {
    let server = director("-s rr");
    let open = connection(&server);
    let child = start(&format!("drain {ONE}"));
    drained();
    oracle("-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 7").ok();
    let (status, _, err) = end(child);
    assert_eq!(status, Some(1));
    assert_eq!(err, "10.1.0.1:80: the weight was changed to 7 concurrently\n");
    assert_eq!(
        ipvsadm(&format!("drain --undo {ONE}")).fails(1),
        "10.1.0.1:80: its weight is already 7, and was not changed\n"
    );
    let child = start(&format!("drain {ONE}"));
    drained();
    oracle("-d -t 10.0.0.1:80 -r 10.1.0.1:80").ok();
    let (status, _, err) = end(child);
    assert_eq!((status, err.as_str()), (Some(255), "No such destination\n"));
    assert_eq!(ipvsadm(&format!("drain --undo {ONE}")).fails(255), "No such destination\n");
    sh("! test -e /run/ipvsadm/drain");
    drop(open);
}

fn other_services() {
    sh("for a in 10.0.0.1 10.1.0.1; do ip addr add $a/32 dev lo; done");
    oracle_with(
        "-R",
        "-A -u 10.0.0.1:53 -s rr\n-a -u 10.0.0.1:53 -r 10.1.0.1:53 -m\n-A -f 7 -6 -s rr\n\
         -a -f 7 -6 -r [fd00::1]:80 -g -w 9\n-A --sctp-service 10.0.0.1:9 -s rr\n\
         -a --sctp-service 10.0.0.1:9 -r 10.1.0.1:9 -m\n",
    )
    .ok();
    let server = UdpSocket::bind("10.1.0.1:53").expect("a socket");
    let client = UdpSocket::bind("10.0.0.1:0").expect("a socket");
    client.send_to(b"?", "10.0.0.1:53").expect("sent");
    server.recv(&mut [0; 9]).expect("received");
    // The kernel counts it as inactive, but it is open.
    assert_eq!(
        ipvsadm("drain -u 10.0.0.1:53 -r 10.1.0.1 --wait 0").fails(1),
        "10.1.0.1:53: 1 connection still active after 0 s, its weight is 0\n"
    );
    for line in ["-f 7 -6 -r [fd00::1]:80", "--sctp-service 10.0.0.1:9 -r 10.1.0.1"] {
        ipvsadm(&format!("drain {line}")).ok();
        ipvsadm(&format!("drain --undo {line}")).ok();
    }
    let table = oracle("-Sn").ok();
    assert!(table.contains("-a -f 7 -6 -r [fd00::1]:80 -g -w 9\n"), "{table}");
    assert!(table.contains("-r 10.1.0.1:9 -m -w 1\n"), "{table}");
}

fn persistent() {
    let server = director("-s rr -p 300");
    drop(connection(&server));
    let Ran { err, .. } = ipvsadm(&format!("drain {ONE}"));
    assert_eq!(
        err,
        "10.1.0.1:80: persistence still sends clients to it (1 entry); \
         run 'sysctl -w net.ipv4.vs.expire_quiescent_template=1' to stop that\n"
    );
    // First there are persistent entries, then there are none.
    drop(connection(&server));
    sh("sysctl -qw net.ipv4.vs.expire_quiescent_template=1");
    TcpStream::connect("10.0.0.1:80").expect_err("no server accepts it");
    assert_eq!(ipvsadm(&format!("drain {ONE}")).err, "");
    ipvsadm(&format!("drain --undo {ONE}")).ok();
}

fn terminal() {
    let server = director("-s rr");
    let open = connection(&server);
    let line = format!("{} drain {ONE} --wait 30", program("ipvsadm").display());
    let child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("script starts");
    drained();
    sleep(Duration::from_millis(1500));
    drop(open);
    let (status, out, _) = end(child);
    assert_eq!(status, Some(0));
    let (progress, last) = out.rsplit_once("\r\x1b[K").expect("the line is cleared");
    assert_eq!(last, "10.1.0.1:80: drained, no connection is active\r\n");
    assert!(
        progress.starts_with("\r10.1.0.1:80: 1 connection still active, 0 s\x1b[K\r"),
        "{out:?}"
    );
    assert!(progress.contains("still active, 1 s\x1b[K"), "{out:?}");
    ipvsadm(&format!("drain --undo {ONE}")).ok();
}

fn errors() {
    assert_eq!(ipvsadm(&format!("drain {ONE}")).fails(255), "Service not defined\n");
    oracle("-A -t 10.0.0.1:80").ok();
    assert_eq!(ipvsadm(&format!("drain {ONE}")).fails(255), "No such destination\n");
    assert_eq!(
        ipvsadm("drain -t 10.0.0.1:80 -r nowhere.invalid").fails(2),
        "illegal real server address[:port] specified: `nowhere.invalid'\n"
    );
    for line in [ONE, "--undo -t 10.0.0.1:80 -r 10.1.0.1:80"] {
        let words = format!("drain {line}");
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(
            unprivileged(&program("ipvsadm"), &words).fails(2),
            "Can't initialize ipvs: Permission denied (you must be root)\n"
        );
    }
    assert!(run(program("ipvsadm"), &["drain", "--help"], b"").ok().contains("--undo"));
    sh("! test -e /run/ipvsadm/drain");
}
