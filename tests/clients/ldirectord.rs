//! Debian's ldirectord, with our program as /sbin/ipvsadm.

use crate::lab::{Network, Place, wait_until, with_ours_at_sbin};
use crate::support::{Test, ipvsadm, run, sh};
use std::path::PathBuf;

pub const TESTS: &[Test] = &[
    ("ldirectord_quiescent_server_dies_and_returns", || {
        with_ours_at_sbin(|place| server_dies_and_returns(place, "yes"))
    }),
    ("ldirectord_not_quiescent_server_dies_and_returns", || {
        with_ours_at_sbin(|place| server_dies_and_returns(place, "no"))
    }),
    ("ldirectord_uses_every_flag", || with_ours_at_sbin(every_flag)),
    ("ldirectord_takes_over_a_table", || with_ours_at_sbin(takes_over_a_table)),
];

/// A running ldirectord, which is stopped when this is dropped.
struct Director {
    config: PathBuf,
    pidfile: PathBuf,
    log: PathBuf,
}

impl Director {
    /// Runs `ldirectord CONFIG start` on the test's node.
    #[track_caller]
    fn start(place: &Place, name: &str, config: &str) -> Director {
        let log = place.path().join("ldirectord.log");
        let director = Director {
            config: place.file(name, &format!("logfile=\"{}\"\n{config}", log.display())),
            pidfile: PathBuf::from(format!("/run/ldirectord.{name}.pid")),
            log,
        };
        director.run("start");
        director
    }

    /// Runs `ldirectord CONFIG WORD`, which must succeed. It returns before the daemon is done.
    #[track_caller]
    fn run(&self, word: &str) {
        let config = self.config.display();
        sh(&format!(
            "/usr/sbin/ldirectord {config} {word} >{config}.said 2>&1 || {{ cat {config}.said; exit 1; }}"
        ));
    }

    #[track_caller]
    fn stop(&self) {
        self.run("stop");
        wait_until(60, "", table);
        // The log has the ipvsadm commands that failed.
        let log = std::fs::read_to_string(&self.log).expect("the log of ldirectord");
        assert!(!log.contains("failed:"), "{log}");
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(&self.pidfile) {
            run("kill", &["-KILL", pid.trim()], b"");
        }
    }
}

fn table() -> String {
    ipvsadm("-S -n").ok()
}

fn server_dies_and_returns(place: &Place, quiescent: &str) {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100
        real_server_dr rs1 10.0.0.100
        real_server_dr rs2 10.0.0.100
        serve rs1 80 http
        serve rs2 80 http");
    net.enter("director");
    let director = Director::start(
        place,
        &format!("quiescent-{quiescent}.cf"),
        &format!(
            "checktimeout=2\ncheckinterval=1\nautoreload=no\nquiescent={quiescent}\n\
             virtual=10.0.0.100:80\n\
             \treal=10.0.0.11:80 gate 5\n\
             \treal=10.0.0.12:80 gate 7\n\
             \tservice=http\n\tscheduler=rr\n\tprotocol=tcp\n\
             \tchecktype=negotiate\n\trequest=\"/\"\n\treceive=\"rs\"\n"
        ),
    );
    let both = "-A -t 10.0.0.100:80 -s rr\n\
                -a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 5\n\
                -a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 7\n";
    // Without `quiescent`, ldirectord adds a server after its first successful check: in any order.
    let sorted = || {
        let mut lines: Vec<String> = table().lines().map(|l| format!("{l}\n")).collect();
        lines.sort();
        lines.concat()
    };
    wait_until(60, both, sorted);

    net.sh("serve_stop rs1");
    let without = match quiescent {
        "yes" => both.replace("10.0.0.11:80 -g -w 5", "10.0.0.11:80 -g -w 0"),
        _ => both.replace("-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 5\n", ""),
    };
    wait_until(60, &without, sorted);
    assert_eq!(net.sh("ask client 10.0.0.100 80 3 http"), "rs2\nrs2\nrs2\n");

    net.sh("serve rs1 80 http");
    wait_until(60, both, sorted);
    let mut answers = net.sh("ask client 10.0.0.100 80 2 http");
    if answers == "rs2\nrs1\n" {
        answers = "rs1\nrs2\n".to_owned();
    }
    assert_eq!(answers, "rs1\nrs2\n");

    director.stop();
}

fn every_flag(place: &Place) {
    let net = Network::up("flat");
    net.enter("director");
    let director = Director::start(
        place,
        "every-flag.cf",
        "checktimeout=2\ncheckinterval=30\nautoreload=no\nquiescent=no\n\
         virtual=10.0.0.100:80\n\
         \treal=10.0.0.11:8080 masq 3 l:10 u:200\n\
         \tscheduler=wlc\n\tprotocol=tcp\n\tchecktype=on\n\
         \tpersistent=300\n\tnetmask=255.255.255.0\n\
         virtual=10.0.0.100:53\n\
         \treal=10.0.0.12:53 ipip 2\n\
         \tscheduler=sh\n\tprotocol=udp\n\tchecktype=on\n\
         \tops=yes\n\tschedflags=sh-port\n\
         virtual=7\n\
         \treal=10.0.0.11 gate 4\n\
         \tscheduler=rr\n\tprotocol=fwm\n\tchecktype=on\n\tpersistent=600\n\
         virtual6=9\n\
         \treal6=[fd00::11] gate 6\n\
         \tscheduler=rr\n\tprotocol=fwm\n\tchecktype=on\n\
         virtual6=[fd00::100]:80\n\
         \treal6=[fd00::12]:80 gate 8\n\
         \tscheduler=rr\n\tprotocol=tcp\n\tchecktype=on\n",
    );
    wait_until(60, EVERY_FLAG, || ipvsadm("-Ln --thresholds").ok() + &ipvsadm("-Ln").ok());
    director.stop();
}

const EVERY_FLAG: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn 
  -> RemoteAddress:Port
TCP  10.0.0.100:80 wlc persistent 300 mask 255.255.255.0
  -> 10.0.0.11:8080               200        10         0          0         
UDP  10.0.0.100:53 sh (sh-port) ops
  -> 10.0.0.12:53                 0          0          0          0         
TCP  [fd00::100]:80 rr
  -> [fd00::12]:80                0          0          0          0         
FWM  7 rr persistent 600
  -> 10.0.0.11:0                  0          0          0          0         
FWM  9 IPv6 rr
  -> [fd00::11]:0                 0          0          0          0         
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.100:80 wlc persistent 300 mask 255.255.255.0
  -> 10.0.0.11:8080               Masq    3      0          0         
UDP  10.0.0.100:53 sh (sh-port) ops
  -> 10.0.0.12:53                 Tunnel  2      0          0         
TCP  [fd00::100]:80 rr
  -> [fd00::12]:80                Route   8      0          0         
FWM  7 rr persistent 600
  -> 10.0.0.11:0                  Route   4      0          0         
FWM  9 IPv6 rr
  -> [fd00::11]:0                 Route   6      0          0         
";

fn takes_over_a_table(place: &Place) {
    let net = Network::up("flat");
    net.enter("director");
    // A real server that stays, one that is not in the configuration, and another scheduler.
    ipvsadm("-A -t 10.0.0.100:80 -s wlc -p 100").ok();
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 1").ok();
    ipvsadm("-a -t 10.0.0.100:80 -r 10.0.0.77:80 -g -w 1").ok();
    let director = Director::start(
        place,
        "takes-over.cf",
        "checktimeout=2\ncheckinterval=30\nautoreload=no\nquiescent=no\n\
         virtual=10.0.0.100:80\n\
         \treal=10.0.0.11:80 gate 5\n\
         \tscheduler=rr\n\tprotocol=tcp\n\tchecktype=on\n",
    );
    wait_until(
        20,
        "-A -t 10.0.0.100:80 -s rr\n-a -t 10.0.0.100:80 -r 10.0.0.11:80 -g -w 5\n",
        table,
    );
    director.stop();
}
