//! The ten everyday operations (add, edit, list, zero, delete; of services and of servers) for each
//! kind of service. ipvsadm 1.31 reads the resulting table, so the test does not depend on our lists.

use crate::support::{Test, ipvsadm, oracle, sh, table_size};
use nix::sys::socket::{setsockopt, sockopt};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// A kind of service.
struct Kind {
    /// Its options on a command line and in a save.
    v: &'static str,
    /// The beginning of its row in a list.
    row: &'static str,
    /// Two servers with the ports they end up with.
    r1: &'static str,
    r2: &'static str,
    /// The first server as a user would type it: without a port.
    bare: &'static str,
    /// Sends at least one packet that the service accepts.
    knock: fn(),
}

const TCP: Kind = Kind {
    v: "-t 10.0.0.1:80",
    row: "TCP  10.0.0.1:80",
    r1: "10.0.0.2:80",
    r2: "10.0.0.3:80",
    bare: "10.0.0.2",
    knock: || tcp("10.0.0.1:80"),
};

const UDP: Kind = Kind {
    v: "-u 10.0.0.1:53",
    row: "UDP  10.0.0.1:53",
    r1: "10.0.0.2:53",
    r2: "10.0.0.3:53",
    bare: "10.0.0.2",
    knock: || udp("10.0.0.1:53", None),
};

const SCTP: Kind = Kind {
    v: "--sctp-service 10.0.0.1:9899",
    row: "SCTP 10.0.0.1:9899",
    r1: "10.0.0.2:9899",
    r2: "10.0.0.3:9899",
    bare: "10.0.0.2",
    knock: || {
        sh("python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
s.setblocking(False)
s.connect_ex((\"10.0.0.1\", 9899))'");
    },
};

const MARK4: Kind = Kind {
    v: "-f 7",
    row: "FWM  7",
    r1: "10.0.0.2:0",
    r2: "10.0.0.3:0",
    bare: "10.0.0.2",
    knock: || udp("10.0.0.1:1234", Some(7)),
};

const MARK6: Kind = Kind {
    v: "-f 7 -6",
    row: "FWM  7 IPv6",
    r1: "[fd00::2]:0",
    r2: "[fd00::3]:0",
    bare: "fd00::2",
    knock: || udp("[fd00::1]:1234", Some(7)),
};

const TCP6: Kind = Kind {
    v: "-t [fd00::1]:80",
    row: "TCP  [fd00::1]:80",
    r1: "[fd00::2]:80",
    r2: "[fd00::3]:80",
    bare: "fd00::2",
    knock: || tcp("[fd00::1]:80"),
};

macro_rules! grid {
    ($($name:literal $kind:ident),*) => {
        pub const TESTS: &[Test] = &[$(
            (concat!($name, ": a service is added"), || $kind.add_service()),
            (concat!($name, ": a service is edited"), || $kind.edit_service()),
            (concat!($name, ": a service is listed"), || $kind.list_service()),
            (concat!($name, ": a service is deleted"), || $kind.delete_service()),
            (concat!($name, ": a server is added"), || $kind.add_server()),
            (concat!($name, ": a server is edited"), || $kind.edit_server()),
            (concat!($name, ": servers are listed"), || $kind.list_servers()),
            (concat!($name, ": a server is deleted"), || $kind.delete_server()),
        )*];
        /// These tests wait for the kernel to count.
        pub const PATIENT: &[Test] = &[$(
            (concat!($name, ": a service is zeroed"), || $kind.zero($kind.v)),
            (concat!($name, ": servers are zeroed with all others"), || $kind.zero("")),
        )*];
    };
}

grid!("TCP" TCP, "UDP" UDP, "SCTP" SCTP, "mark" MARK4, "IPv6 mark" MARK6, "IPv6 TCP" TCP6);

impl Kind {
    fn add_service(&self) {
        let v = self.v;
        assert_eq!(ipvsadm(&format!("-A {v}")).ok(), "");
        assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wlc\n"));
        assert_eq!(ipvsadm(&format!("-A {v}")).fails(255), "Service already exists\n");
    }

    fn edit_service(&self) {
        let v = self.v;
        oracle(&format!("-A {v} -s rr -p 100")).ok();
        assert_eq!(ipvsadm(&format!("-E {v} -s wrr -p 50")).ok(), "");
        assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wrr -p 50\n"));
        // An edit states the whole service: omitted options return to their defaults.
        assert_eq!(ipvsadm(&format!("-E {v}")).ok(), "");
        assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wlc\n"));
    }

    fn list_service(&self) {
        let (v, row) = (self.v, self.row);
        oracle(&format!("-A {v} -s rr -p 77")).ok();
        let rows = format!("{row} rr persistent 77\n");
        assert_eq!(
            ipvsadm("-L -n").ok(),
            format!(
                "IP Virtual Server version 1.2.1 (size={})\n\
                 Prot LocalAddress:Port Scheduler Flags\n  \
                 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n{rows}",
                table_size()
            )
        );
        assert_eq!(
            ipvsadm(&format!("-L -n {v}")).ok(),
            format!(
                "Prot LocalAddress:Port Scheduler Flags\n  \
                 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n{rows}"
            )
        );
        assert_eq!(ipvsadm("-S -n").ok(), format!("-A {v} -s rr -p 77\n"));
    }

    fn delete_service(&self) {
        let v = self.v;
        oracle(&format!("-A {v}")).ok();
        oracle(&format!("-a {v} -r {}", self.r1)).ok();
        oracle("-A -u 10.9.9.9:9").ok();
        assert_eq!(ipvsadm(&format!("-D {v}")).ok(), "");
        assert_eq!(oracle("-Sn").ok(), "-A -u 10.9.9.9:9 -s wlc\n");
        assert_eq!(ipvsadm(&format!("-D {v}")).fails(255), "No such service\n");
    }

    fn add_server(&self) {
        let (v, r1, r2, bare) = (self.v, self.r1, self.r2, self.bare);
        oracle(&format!("-A {v}")).ok();
        assert_eq!(ipvsadm(&format!("-a {v} -r {bare}")).ok(), "");
        assert_eq!(ipvsadm(&format!("-a {v} -r {r2} -m -w 5")).ok(), "");
        assert_eq!(
            oracle("-Sn").ok(),
            format!("-A {v} -s wlc\n-a {v} -r {r1} -g -w 1\n-a {v} -r {r2} -m -w 5\n")
        );
        assert_eq!(
            ipvsadm(&format!("-a {v} -r {bare}")).fails(255),
            "Destination already exists\n"
        );
    }

    fn edit_server(&self) {
        let (v, r1, r2, bare) = (self.v, self.r1, self.r2, self.bare);
        self.two_servers();
        assert_eq!(ipvsadm(&format!("-e {v} -r {bare} -i -w 9")).ok(), "");
        // Omitted options return to their defaults, as for a service.
        assert_eq!(ipvsadm(&format!("-e {v} -r {r2}")).ok(), "");
        assert_eq!(
            oracle("-Sn").ok(),
            format!(
                "-A {v} -s wlc\n-a {v} -r {r1} -i -w 9 --tun-type ipip\n-a {v} -r {r2} -g -w 1\n"
            )
        );
    }

    fn list_servers(&self) {
        let (v, row, r1, r2) = (self.v, self.row, self.r1, self.r2);
        self.two_servers();
        let rows = format!(
            "{row} wlc\n  \
             -> {r1:<28} Masq    3      0          0         \n  \
             -> {r2:<28} Masq    4      0          0         \n"
        );
        for line in ["-Ln".to_string(), format!("-Ln {v}")] {
            let out = ipvsadm(&line).ok();
            assert!(out.ends_with(&format!("InActConn\n{rows}")), "{line}:\n{out}");
            assert_eq!(out, oracle(&line).ok());
        }
        assert_eq!(
            ipvsadm("-Sn").ok(),
            format!("-A {v} -s wlc\n-a {v} -r {r1} -m -w 3\n-a {v} -r {r2} -m -w 4\n")
        );
    }

    fn delete_server(&self) {
        let (v, r2, bare) = (self.v, self.r2, self.bare);
        self.two_servers();
        assert_eq!(ipvsadm(&format!("-d {v} -r {bare}")).ok(), "");
        assert_eq!(oracle("-Sn").ok(), format!("-A {v} -s wlc\n-a {v} -r {r2} -m -w 4\n"));
        assert_eq!(ipvsadm(&format!("-d {v} -r {bare}")).fails(255), "No such destination\n");
    }

    fn two_servers(&self) {
        let v = self.v;
        oracle(&format!("-A {v}")).ok();
        oracle(&format!("-a {v} -r {} -m -w 3", self.r1)).ok();
        oracle(&format!("-a {v} -r {} -m -w 4", self.r2)).ok();
    }

    /// Real packets are counted; `-Z` with the service `which` (or without one: all) zeroes the
    /// counters of the service and of its servers.
    fn zero(&self, which: &str) {
        let v = self.v;
        sh("ip addr add 10.0.0.1/32 dev lo; ip addr add 10.0.0.2/32 dev lo
            ip addr add fd00::1/128 dev lo nodad; ip addr add fd00::2/128 dev lo nodad");
        oracle(&format!("-A {v}")).ok();
        oracle(&format!("-a {v} -r {}", self.r1)).ok();
        (self.knock)();
        // The kernel sums its counters every two seconds.
        let end = Instant::now() + Duration::from_secs(20);
        while counters().iter().any(|c| c[1] == "0") {
            assert!(Instant::now() < end, "nothing was counted: {:?}", counters());
            std::thread::sleep(Duration::from_millis(500));
        }
        assert_eq!(ipvsadm(&format!("-Z {which}")).ok(), "");
        assert_eq!(counters(), [["0"; 5]; 2]);
    }
}

/// Returns the counters of the only service and its only server.
fn counters() -> Vec<Vec<String>> {
    let out = oracle("-Ln --stats --exact").ok();
    let rows: Vec<Vec<String>> = out
        .lines()
        .skip(3)
        .map(|row| {
            let mut words: Vec<&str> = row.split_whitespace().rev().take(5).collect();
            words.reverse();
            words.into_iter().map(String::from).collect()
        })
        .collect();
    assert_eq!(rows.len(), 2, "{out}");
    rows
}

fn tcp(to: &str) {
    let to: SocketAddr = to.parse().expect("an address");
    // Nothing listens there: the test only needs a first packet.
    let _ = TcpStream::connect_timeout(&to, Duration::from_millis(50));
}

fn udp(to: &str, mark: Option<u32>) {
    let from = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(from).expect("a UDP socket");
    if let Some(mark) = mark {
        setsockopt(&socket, sockopt::Mark, &mark).expect("SO_MARK");
    }
    socket.send_to(b"knock", to).expect("a packet can be sent");
}
