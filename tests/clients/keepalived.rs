//! keepalived, which sets up the table without ipvsadm: our lists of it equal those of 1.31.

use crate::lab::{Network, Place, privately, wait_until};
use crate::support::{Test, ipvsadm, oracle, run};
use std::path::PathBuf;

pub const TESTS: &[Test] = &[("keepalived_beside_our_listing", || privately(beside_our_listing))];

/// The pid file of keepalived, which is stopped when this is dropped.
struct Daemon(PathBuf);

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(&self.0) {
            run("kill", &["-TERM", pid.trim()], b"");
        }
    }
}

const CONFIG: &str = "
global_defs {
  lvs_flush
  lvs_flush_on_stop
}
virtual_server 10.0.0.100 80 {
  delay_loop 1
  lb_algo wrr
  lb_kind DR
  protocol TCP
  persistence_timeout 60
  persistence_granularity 255.255.255.0
  real_server 10.0.0.11 80 {
    weight 3
    uthreshold 500
    lthreshold 100
    TCP_CHECK {
      connect_timeout 1
      retry 0
    }
  }
  real_server 10.0.0.12 80 {
    weight 4
    TCP_CHECK {
      connect_timeout 1
      retry 0
    }
  }
}
virtual_server fd00::100 80 {
  delay_loop 60
  lb_algo sh
  sh-port
  lb_kind NAT
  protocol UDP
  ops
  real_server fd00::11 8080 {
    weight 2
  }
}
virtual_server fwmark 7 {
  lb_algo mh
  mh-port
  mh-fallback
  lb_kind TUN
  ip_family inet
  real_server 10.0.0.11 0 {
    weight 1
  }
  real_server 10.0.0.12 0 {
    weight 1
    lvs_method TUN type gue port 5555 nocsum
  }
}
";

fn beside_our_listing(place: &Place) {
    let mut net = Network::up("flat");
    net.sh("director_vip 10.0.0.100
        real_server_dr rs1 10.0.0.100
        real_server_dr rs2 10.0.0.100
        serve rs1
        serve rs2");
    net.enter("director");
    let folder = place.path().display();
    let config = place.file("keepalived.conf", CONFIG);
    let daemon = Daemon(place.path().join("pid"));
    net.sh(&format!(
        "on director /usr/sbin/keepalived -n -l -C -p {} -c {folder}/checkers -f {} >{folder}/log 2>&1 &",
        daemon.0.display(),
        config.display()
    ));
    let listing = || {
        let (ours, theirs) = (ipvsadm("-Ln").ok(), oracle("-Ln").ok());
        if ours != theirs {
            // The table may have changed in between.
            return format!("ours:\n{ours}1.31:\n{theirs}");
        }
        ours
    };
    wait_until(60, TABLE, listing);
    for list in [
        "-Ln --thresholds",
        "-Ln --tun-info",
        "-Ln --persistent-conn",
        "-Ln --stats",
        "-L --daemon",
    ] {
        assert_eq!(ipvsadm(list), oracle(list), "{list}");
    }
    assert!(
        ipvsadm("-Ln --thresholds")
            .ok()
            .contains("  -> 10.0.0.11:80                 500        100 "),
        "{}",
        ipvsadm("-Ln --thresholds").out
    );
    assert!(ipvsadm("-Ln --tun-info").ok().contains("gue"), "{}", ipvsadm("-Ln --tun-info").out);

    net.sh("serve_stop rs1");
    let gone = "  -> 10.0.0.11:80                 Route   3      0          0         \n";
    wait_until(60, &TABLE.replace(gone, ""), listing);
    net.sh("serve rs1");
    wait_until(60, TABLE, listing);

    drop(daemon);
    wait_until(60, &TABLE.lines().take(3).map(|l| format!("{l}\n")).collect::<String>(), listing);
}

const TABLE: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.100:80 wrr persistent 60 mask 255.255.255.0
  -> 10.0.0.11:80                 Route   3      0          0         
  -> 10.0.0.12:80                 Route   4      0          0         
UDP  [fd00::100]:80 sh (sh-port) ops
  -> [fd00::11]:8080              Masq    2      0          0         
FWM  7 mh (mh-fallback,mh-port)
  -> 10.0.0.11:0                  Tunnel  1      0          0         
  -> 10.0.0.12:0                  Tunnel  1      0          0         
";
