//! Listing with host names, from a resolver 50 ms away.

use crate::process::{self, Player, done};
use crate::report::Row;
use crate::tables::rules_file;
use crate::{Bench, fresh, support};
use std::net::UdpSocket;

pub fn names(bench: &mut Bench) {
    // In the lab, these files are copies in memory.
    std::fs::write("/etc/resolv.conf", "nameserver 127.0.0.1\n").expect("resolv.conf");
    std::fs::write("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n").expect("nsswitch");
    fresh();
    // 25 ms each way.
    support::sh("modprobe sch_netem; tc qdisc add dev lo root netem delay 25ms");
    let socket = UdpSocket::bind("127.0.0.1:53").expect("the port of DNS");
    std::thread::spawn(move || serve(&socket));
    let servers = if bench.quick { 64 } else { 256 };
    done(Player::Ours, "-R", &rules_file(1, servers));
    let mut texts = [vec![], vec![]];
    let mut times = [vec![], vec![]];
    for _ in 0..5 {
        for player in Player::PROGRAMS {
            times[player as usize].push(done(player, "-L", process::nothing()).seconds);
            texts[player as usize] = std::fs::read(process::out()).expect("a list");
        }
    }
    assert!(texts[0] == texts[1], "-L differs from 1.31's");
    assert!(texts[0].windows(6).any(|text| text == b"host-0"), "no names in the list");
    let [classic, ours] = times.map(process::median);
    let work = format!("-L of {servers} servers, 50 ms a name");
    bench.report.rows.push(Row::time(work, Some(classic), ours).at_least(20.0));
}

/// Answers each query at once. The delay is on the link.
fn serve(socket: &UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).expect("a query");
        // The client may have ended.
        let _ = socket.send_to(&answer(&buffer[..length]), client);
    }
}

/// Returns a PTR record for any query: `host-` and the first two labels of the queried name.
fn answer(query: &[u8]) -> Vec<u8> {
    let label = |at: usize| &query[at + 1..at + 1 + usize::from(query[at])];
    let first = label(12);
    let second = label(13 + first.len());
    let name = [b"host-", second, b"-", first].concat();
    let end = 12 + query[12..].iter().position(|&b| b == 0).expect("an end of the name") + 5;
    let mut answer = query[..end].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]); // an answer, recursion available
    answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]); // one record
    answer.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 0]); // the queried name, PTR, IN, TTL 0
    answer.extend([0, (name.len() + 7) as u8, name.len() as u8]);
    answer.extend(name);
    answer.extend(b"\x04test\0");
    answer
}
