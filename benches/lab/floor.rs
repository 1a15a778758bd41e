//! The floor: what the kernel takes, with nothing around it.
//!
//! Loads: the messages are encoded beforehand and sent in the batches that ours are sent in. Lists: the
//! requests are encoded beforehand; the answers are received, and only looked at for their end.
//! Opening the socket is not in it. Each prints nanoseconds.

use ipvsadm::cli::check;
use ipvsadm::command::Command;
use ipvsadm::model::Change;
use ipvsadm::names::System;
use ipvsadm::netlink::socket::{Connection, Inbox, Kernel, Netlink, Outbox, append};
use ipvsadm::uapi::{IPVS_CMD_GET_DEST, IPVS_CMD_GET_SERVICE, IPVS_GENL_NAME, IPVS_GENL_VERSION};
use ipvsadm::wire;
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NetlinkBuffer};
use std::io::Read;
use std::path::Path;
use std::time::Instant;

fn changes(rules: &Path) -> Vec<Change> {
    let text = std::fs::read_to_string(rules).expect("the rules");
    let change = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match check::command(&words, &System) {
            Ok(Command::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        }
    };
    text.lines().map(change).collect()
}

pub fn load(rules: &Path) {
    let changes = changes(rules);
    let mut netlink = Netlink::new(Kernel::open().expect("a socket"));
    let family = netlink.family(IPVS_GENL_NAME, IPVS_GENL_VERSION).expect("IPVS");
    let mut requests = changes.iter().map(|change| wire::change(change));
    let mut all = Vec::new();
    loop {
        let mut outbox = Outbox::default();
        if !netlink.encode(family, &mut requests, &mut outbox) {
            break;
        }
        all.push(outbox);
    }
    let mut results = Vec::with_capacity(changes.len());
    let start = Instant::now();
    for outbox in &all {
        netlink.deliver(outbox, &mut results).expect("an answer");
    }
    let nanoseconds = start.elapsed().as_nanos();
    let refused = results.iter().filter(|result| result.is_err()).count();
    assert_eq!((refused, results.len()), (0, changes.len()), "refused");
    println!("{nanoseconds}");
}

pub fn list(rules: &Path) {
    let family = Netlink::new(Kernel::open().expect("a socket"))
        .family(IPVS_GENL_NAME, IPVS_GENL_VERSION)
        .expect("IPVS");
    let encoded = |request| {
        let mut bytes = Vec::new();
        append(&mut bytes, family, &request, NLM_F_REQUEST | NLM_F_DUMP, 1);
        bytes
    };
    let mut requests = vec![encoded(wire::about(IPVS_CMD_GET_SERVICE, None))];
    requests.extend(changes(rules).iter().filter_map(|change| match change {
        Change::AddService(service) => {
            Some(encoded(wire::about(IPVS_CMD_GET_DEST, Some(&service.key))))
        }
        _ => None,
    }));
    let mut kernel = Kernel::open().expect("a socket");
    let mut inbox = Inbox::default();
    let start = Instant::now();
    for request in &requests {
        kernel.send(request).expect("a request");
        let mut done = false;
        while !done {
            kernel.receive(&mut inbox).expect("an answer");
            for datagram in inbox.datagrams() {
                let first = NetlinkBuffer::new(datagram.expect("a datagram"));
                done |= first.message_type() == NLMSG_DONE;
            }
        }
    }
    println!("{}", start.elapsed().as_nanos());
}

/// A file of the kernel, read to its end.
pub fn read(path: &Path) {
    let mut buffer = vec![0; 64 * 1024];
    let start = Instant::now();
    let mut file = std::fs::File::open(path).expect("the file");
    while file.read(&mut buffer).expect("more of the file") > 0 {}
    println!("{}", start.elapsed().as_nanos());
}
