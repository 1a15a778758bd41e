//! The floor: the time that the kernel itself takes.
//!
//! A load sends messages that were encoded before, in the same batches as ours. A list sends
//! requests that were encoded before, and receives the answers without decoding them. The time to
//! open the socket is not included. Each function prints nanoseconds.

use ipvsadm::cli::parser;
use ipvsadm::command::Command;
use ipvsadm::names::System;
use libipvs::model::Change;
use libipvs::transport::{Inbox, Kernel, Transport};
use libipvs::{Client, Error};
use netlink_packet_core::{ErrorBuffer, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer};
use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

/// A transport that looks up the family in the kernel, and then records sends and acknowledges
/// them.
struct Recorder {
    kernel: Kernel,
    sent: Rc<RefCell<Option<Vec<Vec<u8>>>>>,
}

impl Transport for Recorder {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut *self.sent.borrow_mut() {
            Some(sent) => sent.push(bytes.to_vec()),
            None => return self.kernel.send(bytes),
        }
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        match &*self.sent.borrow() {
            Some(sent) => {
                let sequence = messages(sent.last().expect("a send")).last().expect("a message").1;
                let mut end = [0; 36];
                let mut header = NetlinkBuffer::new(&mut end[..]);
                header.set_length(36);
                // NLMSG_DONE ends a dump. A batch treats it as an acknowledgement.
                header.set_message_type(NLMSG_DONE);
                header.set_sequence_number(sequence);
                inbox.put(&end);
                Ok(())
            }
            None => self.kernel.receive(inbox),
        }
    }

    fn answers_that_fit(&self) -> usize {
        self.kernel.answers_that_fit()
    }
}

/// Returns the type, sequence number and payload of each message.
fn messages(mut bytes: &[u8]) -> Vec<(u16, u32, &[u8])> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let message = NetlinkBuffer::new_checked(bytes).expect("a message");
        messages.push((message.message_type(), message.sequence_number(), message.payload()));
        bytes = bytes.get((message.length() as usize).next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

/// Returns the datagrams that a client sends.
fn recorded(work: impl FnOnce(&mut Client<Recorder>) -> Result<(), Error>) -> Vec<Vec<u8>> {
    let sent = Rc::new(RefCell::new(None));
    let kernel = Kernel::open().expect("a socket");
    let mut client = Client::over(Recorder { kernel, sent: sent.clone() }, || ()).expect("IPVS");
    sent.replace(Some(Vec::new()));
    work(&mut client).expect("recorded answers");
    sent.take().expect("sends")
}

fn changes(rules: &Path) -> Vec<Change> {
    let text = std::fs::read_to_string(rules).expect("the rules");
    let change = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match parser::command(&words, &System) {
            Ok(Command::Change(change)) => change,
            other => panic!("{line}: {other:?}"),
        }
    };
    text.lines().map(change).collect()
}

pub fn load(rules: &Path) {
    let changes = changes(rules);
    let sends = recorded(|client| client.changes(&changes).map(drop));
    let mut kernel = Kernel::open().expect("a socket");
    let mut inbox = Inbox::default();
    let start = Instant::now();
    for send in &sends {
        let last = messages(send).last().expect("a message").1;
        kernel.send(send).expect("sent");
        let mut done = false;
        while !done {
            kernel.receive(&mut inbox).expect("an answer");
            for datagram in inbox.datagrams() {
                for (kind, sequence, payload) in messages(datagram.expect("a datagram")) {
                    let error = ErrorBuffer::new_checked(payload).expect("a result");
                    assert_eq!((kind, error.code()), (NLMSG_ERROR, None), "refused");
                    done |= sequence == last;
                }
            }
        }
    }
    println!("{}", start.elapsed().as_nanos());
}

pub fn list(rules: &Path) {
    let changes = changes(rules);
    let requests = recorded(|client| {
        client.configured_services()?;
        for change in &changes {
            if let Change::AddService(service) = change {
                client.configured_destinations(&service.key)?;
            }
        }
        Ok(())
    });
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

/// Reads a file of the kernel to its end.
pub fn read(path: &Path) {
    let mut buffer = vec![0; 64 * 1024];
    let start = Instant::now();
    let mut file = std::fs::File::open(path).expect("the file");
    while file.read(&mut buffer).expect("more of the file") > 0 {}
    println!("{}", start.elapsed().as_nanos());
}
