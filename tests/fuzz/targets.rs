//! The fuzz targets. `main.rs` runs them on the corpus and mutations of it, `fuzz/` with libFuzzer.
//!
//! A target takes any bytes, and panics if it finds an error. Values that it parses must survive
//! being written and parsed again. No target uses the system.

use ipvsadm::cli::lexer::Lexer;
use ipvsadm::cli::parser;
use ipvsadm::command::Command;
use ipvsadm::names::Names;
use ipvsadm::view::connections::Connections;
use ipvsadm::view::labels::Labels;
use ipvsadm::view::rules;
use libipvs::Client;
use libipvs::connections::{self, Reader};
use libipvs::model::*;
use libipvs::transport::{Inbox, Transport};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

/// The name of a target, and its function.
pub type Target = (&'static str, fn(&[u8]));

#[allow(dead_code)] // each program of libFuzzer uses one target
pub const TARGETS: &[Target] = &[
    ("lexer", lexer),
    ("rules", rules),
    ("kernel_message", kernel_message),
    ("connections", connections),
];

/// Lexes words that are separated by zero bytes, as in /proc/*/cmdline.
pub fn lexer(bytes: &[u8]) {
    let words: Vec<&[u8]> = bytes.split(|&b| b == 0).collect();
    let mut rewritten: Vec<Vec<u8>> = Vec::new();
    let Some((options, arguments)) = lexed(&words) else { return };
    assert!(arguments.len() <= words.len() && options.len() <= bytes.len());
    for (name, value) in &options {
        let mut word = format!("--{name}").into_bytes();
        if let Some(value) = value {
            assert!(words.iter().any(|word| word.ends_with(value)));
            word.push(b'=');
            word.extend_from_slice(value);
        }
        rewritten.push(word);
    }
    rewritten.push(b"--".to_vec());
    rewritten.extend(arguments.iter().map(|word| word.to_vec()));
    // The same options by their long names.
    let rewritten: Vec<&[u8]> = rewritten.iter().map(Vec::as_slice).collect();
    assert_eq!(lexed(&rewritten), Some((options, arguments)));
}

type Lexed<'a> = (Vec<(&'static str, Option<&'a [u8]>)>, Vec<&'a [u8]>);

fn lexed<'a>(words: &'a [&'a [u8]]) -> Option<Lexed<'a>> {
    let mut lexer = Lexer::new(words);
    let mut options = Vec::new();
    loop {
        match lexer.option() {
            Ok(Some((spec, value))) => options.push((spec.long, value)),
            Ok(None) => return Some((options, lexer.arguments())),
            Err(error) => {
                printable(&error.message);
                return None;
            }
        }
    }
}

/// A resolver that knows one host and one port.
struct FixedNames;

impl Names for FixedNames {
    fn host(&self, name: &str) -> Option<Ipv4Addr> {
        (name == "vip.test").then_some(Ipv4Addr::new(10, 0, 0, 1))
    }
    fn port(&self, name: &str, _: Protocol) -> Option<u16> {
        (name == "http").then_some(80)
    }
    fn host_name(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn port_name(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}

/// Parses lines as `-R` does.
pub fn rules(bytes: &[u8]) {
    for line in bytes.split(|&b| b == b'\n') {
        match command(line) {
            Ok(Command::Change(change)) => {
                survives_saving(&change);
                survives_sending(&change);
            }
            Ok(_) => {}
            Err(error) => error.message.lines().for_each(printable),
        }
    }
}

/// Parses a line like `commands::restore`.
fn command(line: &[u8]) -> Result<Command, ipvsadm::error::CommandError> {
    let words: Vec<&[u8]> = line
        .split(|b| b" \t\r\n".contains(b))
        .filter(|word| !word.is_empty())
        .skip_while(|word| *word == b"ipvsadm")
        .take_while(|word| !word.starts_with(b"#"))
        .collect();
    parser::command(&words, &FixedNames)
}

/// Checks that the line that `-S` writes for a change parses as the same change.
fn survives_saving(change: &Change) {
    let (service, servers) = match change.clone() {
        // A netmask has no effect without persistence, and is not saved then.
        Change::AddService(s) if s.persistence.is_none() => {
            let mut service = s;
            service.netmask = Netmask::whole(service.key.family());
            (service, None)
        }
        Change::AddService(s) => (s, None),
        Change::AddDestination(key, destination) => {
            let service = Service::builder(key).persistence(60).build().expect("a service");
            (service, Some(destination))
        }
        _ => return,
    };
    let names = [&Some(service.scheduler.clone()), &service.persistence_engine];
    // No kernel has a scheduler or an engine of such a name, so no save has one.
    if names.iter().any(|name| name.as_ref().is_some_and(|name| name.starts_with('#'))) {
        return;
    }
    let mut text = Vec::new();
    let mut labels = Labels::numeric();
    rules::service(&mut text, &mut labels, &service, servers.as_slice())
        .expect("writing to memory");
    let read: Vec<_> = text.split(|&b| b == b'\n').filter(|line| !line.is_empty()).collect();
    let (first, more) = read.split_first().expect("a line for the service");
    let text = || String::from_utf8_lossy(first).into_owned();
    let key = service.key;
    let added = Command::Change(Change::AddService(service));
    assert_eq!(command(first), Ok(added), "{}", text());
    assert_eq!(more.len(), servers.iter().len());
    for (line, destination) in more.iter().zip(servers) {
        let added = Command::Change(Change::AddDestination(key, destination));
        assert_eq!(command(line), Ok(added), "{}", String::from_utf8_lossy(line));
    }
}

/// Checks that a change in an answer of the kernel decodes to the same values, and that these
/// encode to the same bytes.
fn survives_sending(change: &Change) {
    let send = request(change);
    let length = u32::from_ne_bytes([send[0], send[1], send[2], send[3]]);
    let (message, no_op) = send.split_at(length as usize);
    assert_eq!(no_op.len(), 16, "one message, and an NLMSG_NOOP");
    assert_eq!(no_op[..6], [16, 0, 0, 0, 1, 0], "the last message is an NLMSG_NOOP");
    let answers = answers(message);
    let mut client =
        Client::over(FixedAnswers::new(&answers), || ()).expect("an answer about the family");
    let again = match change {
        Change::AddService(service) => {
            let read = client.service(&service.key).expect("a service").service;
            // A zero byte ends a name.
            let names = [Some(&service.scheduler), service.persistence_engine.as_ref()];
            if names.iter().flatten().any(|name| name.contains('\0')) {
                return;
            }
            assert_eq!(read, *service);
            Change::AddService(read)
        }
        Change::AddDestination(key, destination) => {
            let read = client.destinations(key).expect("a destination");
            let [read] = read.as_slice() else { panic!("one destination: {read:?}") };
            assert_eq!(read.destination, *destination);
            Change::AddDestination(*key, read.destination.clone())
        }
        Change::StartDaemon(daemon) => {
            let read = client.daemons().expect("a daemon");
            let [read] = read.as_slice() else { panic!("one daemon: {read:?}") };
            if daemon.interface.contains('\0') {
                return;
            }
            assert_eq!(read, daemon);
            Change::StartDaemon(read.clone())
        }
        Change::SetTimeouts(timeouts) => {
            let read = client.timeouts().expect("timeouts");
            assert_eq!(read, *timeouts);
            Change::SetTimeouts(read)
        }
        _ => return,
    };
    assert_eq!(request(&again), send);
}

/// Turns a request into the kernel's answer to message 2: the same attributes, and the end of a
/// dump.
fn answers(request: &[u8]) -> Vec<u8> {
    const DONE: [u8; 20] = [20, 0, 0, 0, 3, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut answer = request.to_vec();
    answer[6..12].copy_from_slice(&[0, 0, 2, 0, 0, 0]);
    let mut answers = Vec::new();
    for datagram in [&answer[..], &DONE] {
        answers.extend((datagram.len() as u16).to_le_bytes());
        answers.extend(datagram);
    }
    answers
}

/// Returns the bytes that a client sends for a change.
fn request(change: &Change) -> Vec<u8> {
    let mut transport = FixedAnswers::new(&[]);
    let mut sent = Vec::new();
    transport.sent = Some(&mut sent);
    let mut client = Client::over(transport, || ()).expect("an answer about the family");
    // Only the request matters.
    assert!(client.changes_unchecked([change]).is_err());
    drop(client);
    sent
}

/// Decodes answers of the kernel. The first byte selects the request, which is the second message
/// of the client, after the look-up of the family. The rest is the datagrams, each after its length
/// in two bytes.
pub fn kernel_message(bytes: &[u8]) {
    let Some((&selector, answers)) = bytes.split_first() else { return };
    let mut client =
        Client::over(FixedAnswers::new(answers), || ()).expect("an answer about the family");
    let mark = ServiceKey::Mark { mark: NonZeroU32::MIN, family: Family::V4 };
    match selector % 8 {
        0 => drop(client.info()),
        1 => {
            drop(client.timeouts().map(|timeouts| survives_sending(&Change::SetTimeouts(timeouts))))
        }
        2 => drop(client.service(&mark).map(|service| service_survives(service.service))),
        3 => {
            for service in client.services().unwrap_or_default() {
                service_survives(service.service);
            }
        }
        4 => {
            for observed in client.destinations(&mark).unwrap_or_default() {
                survives_sending(&Change::AddDestination(mark, observed.destination));
            }
        }
        5 => {
            for daemon in client.daemons().unwrap_or_default() {
                if daemon.interface.len() < 256 {
                    survives_sending(&Change::StartDaemon(daemon));
                }
            }
        }
        6 => {
            let changes = [const { Change::Flush }; 6];
            if let Ok(results) = client.changes(&changes) {
                assert_eq!(results.len(), changes.len());
            }
        }
        _ => {
            let services = client.services().unwrap_or_default();
            for service in services {
                let _ = client.destinations(&service.service.key);
            }
        }
    }
}

/// Checks a service whose names are not too long for a request: an answer can hold longer ones.
fn service_survives(service: Service) {
    let engine = service.persistence_engine.as_ref();
    if service.scheduler.len() < 256 && engine.is_none_or(|engine| engine.len() < 256) {
        survives_sending(&Change::AddService(service));
    }
}

/// A transport that receives fixed answers, and then an error.
struct FixedAnswers<'a> {
    family_received: bool,
    answers: &'a [u8],
    /// The last send.
    sent: Option<&'a mut Vec<u8>>,
}

impl<'a> FixedAnswers<'a> {
    fn new(answers: &'a [u8]) -> FixedAnswers<'a> {
        FixedAnswers { family_received: false, answers, sent: None }
    }
}

/// The controller's answer to message 1: the family has the number 21.
const FAMILY: [u8; 28] =
    [28, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 6, 0, 1, 0, 21, 0, 0, 0];

impl Transport for FixedAnswers<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(sent) = &mut self.sent {
            sent.clear();
            sent.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        if !self.family_received {
            self.family_received = true;
            inbox.put(&FAMILY);
            return Ok(());
        }
        let [low, high, rest @ ..] = self.answers else {
            return Err(io::Error::other("no more answers"));
        };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (datagram, rest) = rest.split_at(length);
        inbox.put(datagram);
        self.answers = rest;
        Ok(())
    }

    fn answers_that_fit(&self) -> usize {
        4
    }
}

/// Parses and lists the text of /proc/net/ip_vs_conn.
pub fn connections(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    let mut view = Connections::new(&mut out, Labels::numeric(), true);
    view.heads().expect("writing to memory");
    let (mut lines, mut listed) = (0, 0);
    loop {
        let text = reader.lines().expect("reading from memory");
        if text.is_empty() {
            break;
        }
        for line in text.split_terminator('\n') {
            lines += 1;
            let Some(connection) = connections::parse(line) else { continue };
            connection_survives(&connection);
            view.connection(&connection).expect("writing to memory");
            listed += 1;
        }
    }
    let text = String::from_utf8(out).expect("text");
    assert!(lines <= bytes.iter().filter(|&&b| b == b'\n').count());
    assert_eq!(text.lines().count(), 2 + listed, "a line for each connection");
    text.lines().for_each(printable);
}

/// Checks that a connection, written as the kernel does, parses as the same connection.
fn connection_survives(connection: &connections::Connection) {
    let endpoint = |end: SocketAddr| match end.ip() {
        IpAddr::V4(address) => format!("{:08X} {:04X}", address.to_bits(), end.port()),
        IpAddr::V6(address) => format!("{address} {:04X}", end.port()),
    };
    let (engine, data) = connection.engine.map_or(("", ""), |engine| (engine.name, engine.data));
    let line = format!(
        "{} {} {} {} {} {} {engine} {data}\n",
        connection.protocol_name,
        endpoint(connection.client),
        endpoint(connection.virtual_server),
        endpoint(connection.real_server),
        connection.state,
        connection.expires,
    );
    assert_eq!(connections::parse(&line).as_ref(), Some(connection));
}

#[track_caller]
fn printable(line: &str) {
    assert!(!line.chars().any(char::is_control), "a control character: {line:?}");
}
