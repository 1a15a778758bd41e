//! Listing many connections. A UDP service gets each of them by one datagram.

use crate::process::{self, Player, done};
use crate::report::Row;
use crate::{Bench, fresh, number, support};
use std::net::{Ipv4Addr, UdpSocket};

const FILE: &str = "/proc/net/ip_vs_conn";

pub fn connections(bench: &mut Bench) {
    fresh();
    let count = bench.sized(100_000);
    // 10.0.0.0/8 belongs to this machine. The real server never reads its datagrams.
    support::sh("ip address add 10.0.0.1/8 dev lo");
    let _server = UdpSocket::bind("10.255.0.2:53").expect("a server");
    for line in
        ["--set 0 0 7200", "-A -u 10.255.0.1:53 -s rr", "-a -u 10.255.0.1:53 -r 10.255.0.2:53 -m"]
    {
        done(Player::Ours, line, process::nothing());
    }
    for n in 0..count as u32 {
        let client = Ipv4Addr::from_bits(0x0a01_0001 + n);
        let socket = UdpSocket::bind((client, 5000)).expect("an address of this machine");
        socket.send_to(b"x", "10.255.0.1:53").expect("a datagram");
    }
    let count_made = std::fs::read_to_string(FILE).expect("the connections").lines().count() - 1;
    assert!(count_made >= count, "{count_made} connections instead of {count}");

    let mut peaks = [0.0; 4];
    let mut rows = [0; 4];
    let times = bench.compare(true, 1, |player| match player {
        Player::Start => process::start(),
        Player::Floor => process::floor("read", FILE.as_ref()),
        _ => {
            let sample = done(player, "-Lnc", process::nothing());
            let out = std::fs::read(process::out()).expect("a list");
            rows[player as usize] = out.iter().filter(|&&b| b == b'\n').count();
            peaks[player as usize] = sample.peak;
            sample.seconds
        }
    });
    assert_eq!(rows[..2], [count_made + 2; 2], "connections are missing in a list");
    crate::time_row(bench, format!("-Lnc of {} connections", number(count)), times, 3.0, 0.0);
    let row = Row::memory("  its peak memory, in KiB at most 16,384", peaks[0], peaks[1]);
    bench.report.rows.push(row.limit(16_384.0));
}
