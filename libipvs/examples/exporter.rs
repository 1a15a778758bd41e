//! Prometheus text about every virtual service and real server.
//!
//!     exporter [ADDRESS:PORT]
//!
//! Listens there (127.0.0.1:9103 unless told) and answers GET /metrics. With `-` it writes the text to
//! standard output, once.

use libipvs::model::{ServiceKey, Statistics};
use libipvs::{Client, Error, ErrorKind};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Bytes of a request's head that are read.
const LONGEST_HEAD: u64 = 8192;
/// How long all of it may take, and the answer's way out: others wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let place = std::env::args().nth(1).unwrap_or("127.0.0.1:9103".to_string());
    let result = match place.as_str() {
        "-" => metrics().map_err(|e| e.to_string()).map(|text| print!("{text}")),
        place => listen(place).map_err(|e| format!("{place}: {e}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exporter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(place: &str) -> io::Result<()> {
    for stream in TcpListener::bind(place)?.incoming() {
        // Whoever hangs up, or is too slow, harms nobody else for long.
        let _ = stream.and_then(answer);
    }
    Ok(())
}

fn answer(stream: TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let timely = Timely { stream: &stream, end: Instant::now() + PATIENCE };
    let mut head = BufReader::new(timely.take(LONGEST_HEAD)).lines();
    let request = head.next().transpose()?.unwrap_or_default();
    while !head.next().transpose()?.unwrap_or_default().is_empty() {}
    let (status, text) = match request.split(' ').take(2).collect::<Vec<_>>()[..] {
        ["GET", "/metrics"] => match metrics() {
            Ok(text) => ("200 OK", text),
            Err(error) => ("500 Internal Server Error", format!("{error}\n")),
        },
        _ => ("404 Not Found", "GET /metrics\n".to_string()),
    };
    write!(
        &stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}",
        text.len()
    )
}

/// What comes by a moment: a byte now and then is no way to keep others waiting.
struct Timely<'a> {
    stream: &'a TcpStream,
    end: Instant,
}

impl Read for Timely<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.checked_duration_since(Instant::now());
        let left = left.filter(|left| !left.is_zero()).ok_or(io::ErrorKind::TimedOut)?;
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// A number of a service or a server.
type Metric<T> = (&'static str, &'static str, fn(&T) -> u64);

const COUNTED: [Metric<Statistics>; 5] = [
    ("connections_total", "connections scheduled", |s| s.connections),
    ("incoming_packets_total", "packets from clients", |s| s.packets_in),
    ("outgoing_packets_total", "packets to clients", |s| s.packets_out),
    ("incoming_bytes_total", "bytes from clients", |s| s.bytes_in),
    ("outgoing_bytes_total", "bytes to clients", |s| s.bytes_out),
];

/// The whole text.
fn metrics() -> Result<String, Error> {
    // A kernel without IPVS is left without: whoever looks on changes nothing.
    let mut client = match Client::connect_if_loaded() {
        Err(error) if error.kind() == ErrorKind::NoIpvs => return Ok(String::new()),
        client => client?,
    };
    let mut services = Vec::new();
    let mut servers = Vec::new();
    for shown in client.services()? {
        let service = labels(&shown.service.key);
        for shown in client.destinations(&shown.service.key)? {
            let labels = format!("{service},server=\"{}\"", shown.destination.key);
            servers.push((labels, shown));
        }
        services.push((service, shown.statistics));
    }
    let mut text = String::new();
    for (name, about, count) in COUNTED {
        let all = services.iter().map(|(labels, s)| (labels, count(s)));
        family(&mut text, "service", name, about, "counter", all);
        let all = servers.iter().map(|(labels, s)| (labels, count(&s.statistics)));
        family(&mut text, "server", name, about, "counter", all);
    }
    for (name, about, number) in [
        ("weight", "weight", |s| s.destination.weight.into()),
        ("active_connections", "connections established", |s| s.active.into()),
        ("inactive_connections", "connections in other states", |s| s.inactive.into()),
    ] as [Metric<libipvs::model::ObservedDestination>; 3]
    {
        let all = servers.iter().map(|(labels, s)| (labels, number(s)));
        family(&mut text, "server", name, about, "gauge", all);
    }
    Ok(text)
}

fn labels(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Address { protocol, address, port } => {
            format!("protocol=\"{protocol}\",address=\"{address}\",port=\"{port}\"")
        }
        ServiceKey::Mark { mark, family } => format!("mark=\"{mark}\",family=\"{family}\""),
    }
}

/// All lines of one name, as the format wants them.
fn family<'a>(
    text: &mut String,
    of: &str,
    name: &str,
    about: &str,
    kind: &str,
    all: impl Iterator<Item = (&'a String, u64)>,
) {
    let name = format!("ipvs_{of}_{name}");
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {name} Of a {of}: {about}.\n# TYPE {name} {kind}");
    for (labels, number) in all {
        let _ = writeln!(text, "{name}{{{labels}}} {number}");
    }
}
