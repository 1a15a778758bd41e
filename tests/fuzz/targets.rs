//! What each fuzz target does with the bytes it is given, once: `main.rs` beside it replays the
//! corpus, `fuzz/` hands the same functions to libFuzzer.
//!
//! In: any bytes. Out: nothing, or a panic. Beside not panicking, whatever was understood must say
//! the same when it is written and read once more. Nothing here asks the system anything.

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
use std::net::{IpAddr, Ipv4Addr};

/// A target's name and what it does.
pub type Target = (&'static str, fn(&[u8]));

#[allow(dead_code)] // libFuzzer's programs take one each
pub const TARGETS: &[Target] = &[
    ("lexer", lexer),
    ("rules", rules),
    ("kernel_message", kernel_message),
    ("connections", connections),
];

/// Words, a zero byte between them as in /proc/*/cmdline.
pub fn lexer(bytes: &[u8]) {
    let words: Vec<&[u8]> = bytes.split(|&b| b == 0).collect();
    let mut said: Vec<Vec<u8>> = Vec::new();
    let Some((options, arguments)) = lexed(&words) else { return };
    assert!(arguments.len() <= words.len() && options.len() <= bytes.len());
    for (name, value) in &options {
        let mut word = format!("--{name}").into_bytes();
        if let Some(value) = value {
            assert!(words.iter().any(|word| word.ends_with(value)));
            word.push(b'=');
            word.extend_from_slice(value);
        }
        said.push(word);
    }
    said.push(b"--".to_vec());
    said.extend(arguments.iter().map(|word| word.to_vec()));
    // The same options said by their long names.
    let said: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
    assert_eq!(lexed(&said), Some((options, arguments)));
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

/// One host and one port have names; whatever else is asked for has none.
struct Few;

impl Names for Few {
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

/// Lines as `-R` reads them.
pub fn rules(bytes: &[u8]) {
    for line in bytes.split(|&b| b == b'\n') {
        match command(line) {
            Ok(Command::Change(change)) => {
                same_line(&change);
                same_bytes(&change);
            }
            Ok(_) => {}
            Err(error) => error.message.lines().for_each(printable),
        }
    }
}

/// Words as in `run::restore`, then the grammar.
fn command(line: &[u8]) -> Result<Command, ipvsadm::error::CommandError> {
    let words: Vec<&[u8]> = line
        .split(|b| b" \t\r\n".contains(b))
        .filter(|word| !word.is_empty())
        .skip_while(|word| *word == b"ipvsadm")
        .take_while(|word| !word.starts_with(b"#"))
        .collect();
    parser::command(&words, &Few)
}

/// What a save would write of a change means the same change again.
fn same_line(change: &Change) {
    let (service, servers) = match change.clone() {
        // A mask means nothing without persistence, and is not saved then.
        Change::AddService(s) if s.persistence.is_none() => {
            let mut service = s;
            service.netmask = Netmask::whole(service.key.family());
            (service, None)
        }
        Change::AddService(s) => (s, None),
        Change::AddDestination(key, destination) => {
            let service = Service::of(key).persistence(60).build().expect("a service");
            (service, Some(destination))
        }
        _ => return,
    };
    let names = [&Some(service.scheduler.clone()), &service.persistence_engine];
    // No kernel has one of such a name, so no save either.
    if names.iter().any(|name| name.as_ref().is_some_and(|name| name.starts_with('#'))) {
        return;
    }
    let mut text = Vec::new();
    let mut labels = Labels::numeric();
    rules::service(&mut text, &mut labels, &service, servers.as_slice())
        .expect("a vector takes it all");
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

/// What goes to the kernel is what it would send back; and that makes the same bytes.
fn same_bytes(change: &Change) {
    let send = request(change);
    let length = u32::from_ne_bytes([send[0], send[1], send[2], send[3]]);
    let (message, behind) = send.split_at(length as usize);
    assert_eq!(behind.len(), 16, "one message, and the one that is always answered");
    assert_eq!(behind[..6], [16, 0, 0, 0, 1, 0], "it has no content, and does nothing");
    let answers = answers(message);
    let mut client = Client::over(Scripted::new(&answers), || ()).expect("the family is scripted");
    let again = match change {
        Change::AddService(service) => {
            let read = client.service(&service.key).expect("a service").service;
            let whole = [Some(&service.scheduler), service.persistence_engine.as_ref()];
            if whole.iter().flatten().any(|name| name.contains('\0')) {
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

/// A request in the form of the answer that the kernel gives to message 2: the same attributes, and
/// behind it the end of a dump.
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

/// The message that makes a change.
fn request(change: &Change) -> Vec<u8> {
    let mut script = Scripted::new(&[]);
    let mut sent = Vec::new();
    script.sent = Some(&mut sent);
    let mut client = Client::over(script, || ()).expect("the family is scripted");
    // There is no answer; it is the question that counts.
    assert!(client.change(change).is_err());
    drop(client);
    sent
}

/// A byte that says what is asked, then what the kernel answers: datagrams, the length of each in
/// two bytes before it. The question is the connection's second message, after that for the family.
pub fn kernel_message(bytes: &[u8]) {
    let Some((&question, answers)) = bytes.split_first() else { return };
    let mut client = Client::over(Scripted::new(answers), || ()).expect("the family is scripted");
    let mark = ServiceKey::Mark { mark: 1, family: Family::V4 };
    match question % 8 {
        0 => drop(client.info()),
        1 => drop(client.timeouts().map(|timeouts| same_bytes(&Change::SetTimeouts(timeouts)))),
        2 => drop(client.service(&mark).map(|service| same_service(service.service))),
        3 => {
            for service in client.services().unwrap_or_default() {
                same_service(service.service);
            }
        }
        4 => {
            for observed in client.destinations(&mark).unwrap_or_default() {
                same_bytes(&Change::AddDestination(mark, observed.destination));
            }
        }
        5 => {
            for daemon in client.daemons().unwrap_or_default() {
                if daemon.interface.len() < 256 {
                    same_bytes(&Change::StartDaemon(daemon));
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

/// Attributes have room for names much longer than any; not for all that fit into an answer.
fn same_service(service: Service) {
    let engine = service.persistence_engine.as_ref();
    if service.scheduler.len() < 256 && engine.is_none_or(|engine| engine.len() < 256) {
        same_bytes(&Change::AddService(service));
    }
}

/// Answers as they stand; after the last, an error.
struct Scripted<'a> {
    family: bool,
    answers: &'a [u8],
    /// Where what was sent last goes.
    sent: Option<&'a mut Vec<u8>>,
}

impl<'a> Scripted<'a> {
    fn new(answers: &'a [u8]) -> Scripted<'a> {
        Scripted { family: false, answers, sent: None }
    }
}

/// The controller's answer to message 1: the family's number is 21.
const FAMILY: [u8; 28] =
    [28, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 6, 0, 1, 0, 21, 0, 0, 0];

impl Transport for Scripted<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(sent) = &mut self.sent {
            sent.clear();
            sent.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        if !self.family {
            self.family = true;
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

/// The text of /proc/net/ip_vs_conn.
pub fn connections(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    let mut view = Connections::new(&mut out, Labels::numeric(), true);
    view.heads().expect("a vector takes it all");
    let (mut lines, mut shown) = (0, 0);
    loop {
        let text = reader.lines().expect("bytes in memory can be read");
        if text.is_empty() {
            break;
        }
        for line in text.split_terminator('\n') {
            lines += 1;
            let Some(connection) = connections::parse(line) else { continue };
            same_connection(&connection);
            view.connection(&connection).expect("a vector takes it all");
            shown += 1;
        }
    }
    let text = String::from_utf8(out).expect("text");
    assert!(lines <= bytes.iter().filter(|&&b| b == b'\n').count());
    assert_eq!(text.lines().count(), 2 + shown, "a line a connection");
    text.lines().for_each(printable);
}

/// A connection as the kernel writes it is read as the same connection.
fn same_connection(connection: &connections::Connection) {
    let end = |(address, port): (IpAddr, u16)| match address {
        IpAddr::V4(address) => format!("{:08X} {port:04X}", address.to_bits()),
        IpAddr::V6(address) => format!("{address} {port:04X}"),
    };
    let (engine, data) = connection.engine.unwrap_or_default();
    let line = format!(
        "{} {} {} {} {} {} {engine} {data}\n",
        connection.protocol_name,
        end(connection.client),
        end(connection.virtual_server),
        end(connection.real_server),
        connection.state,
        connection.expires,
    );
    assert_eq!(connections::parse(&line).as_ref(), Some(connection));
}

#[track_caller]
fn printable(line: &str) {
    assert!(!line.chars().any(char::is_control), "would drive a terminal: {line:?}");
}
