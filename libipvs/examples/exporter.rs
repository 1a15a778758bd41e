//! Exports the statistics of every virtual service and real server to Prometheus.
//!
//!     exporter [ADDRESS:PORT]
//!
//! Listens on the address (default: 127.0.0.1:9103) and answers GET /metrics. With `-` it prints
//! the metrics once to standard output.

use libipvs::model::{ObservedDestination, ServiceKey, Statistics};
use libipvs::{Client, Error, ErrorKind};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Maximum bytes of a request's head.
const MAX_HEAD: u64 = 8192;
/// Maximum time to read a request, and to write its answer. Other clients wait for so long.
const TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:9103".to_string());
    let result = match address.as_str() {
        "-" => metrics().map_err(|e| e.to_string()).map(|text| print!("{text}")),
        address => listen(address).map_err(|e| format!("{address}: {e}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exporter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(address: &str) -> io::Result<()> {
    for stream in TcpListener::bind(address)?.incoming() {
        // A failed connection does not affect the next one.
        let _ = stream.and_then(answer);
    }
    Ok(())
}

fn answer(stream: TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    let reader = DeadlineReader { stream: &stream, deadline: Instant::now() + TIMEOUT };
    let mut head = BufReader::new(reader.take(MAX_HEAD)).lines();
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

/// A stream that can be read until a deadline, also if each byte arrives within the read timeout.
struct DeadlineReader<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl Read for DeadlineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.checked_duration_since(Instant::now());
        let left = left.filter(|left| !left.is_zero()).ok_or(io::ErrorKind::TimedOut)?;
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// The name, description and value of a metric.
type Metric<T> = (&'static str, &'static str, fn(&T) -> u64);

const COUNTERS: [Metric<Statistics>; 5] = [
    ("connections_total", "Scheduled connections", |s| s.connections),
    ("incoming_packets_total", "Packets from clients", |s| s.packets_in),
    ("outgoing_packets_total", "Packets to clients", |s| s.packets_out),
    ("incoming_bytes_total", "Bytes from clients", |s| s.bytes_in),
    ("outgoing_bytes_total", "Bytes to clients", |s| s.bytes_out),
];

const GAUGES: [Metric<ObservedDestination>; 3] = [
    ("weight", "Weight", |d| d.destination.weight.into()),
    ("active_connections", "Established connections", |d| d.active.into()),
    ("inactive_connections", "Connections in other states", |d| d.inactive.into()),
];

fn metrics() -> Result<String, Error> {
    // An exporter should not load the kernel module.
    let mut client = match Client::connect_if_loaded() {
        Err(error) if error.kind() == ErrorKind::NoIpvs => return Ok(String::new()),
        client => client?,
    };
    let mut services = Vec::new();
    let mut servers = Vec::new();
    for observed in client.services()? {
        let service = labels(&observed.service.key);
        for server in client.destinations(&observed.service.key)? {
            servers.push((format!("{service},server=\"{}\"", server.destination.key), server));
        }
        services.push((service, observed.statistics));
    }
    let mut text = String::new();
    for (name, help, count) in COUNTERS {
        let values = services.iter().map(|(labels, s)| (labels, count(s)));
        append(&mut text, "service", name, help, "counter", values);
        let values = servers.iter().map(|(labels, s)| (labels, count(&s.statistics)));
        append(&mut text, "server", name, help, "counter", values);
    }
    for (name, help, value) in GAUGES {
        let values = servers.iter().map(|(labels, s)| (labels, value(s)));
        append(&mut text, "server", name, help, "gauge", values);
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

/// Appends all lines of one metric, which the format requires to be together.
fn append<'a>(
    text: &mut String,
    subject: &str,
    name: &str,
    help: &str,
    kind: &str,
    values: impl Iterator<Item = (&'a String, u64)>,
) {
    let name = format!("ipvs_{subject}_{name}");
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {name} {help} of a {subject}.\n# TYPE {name} {kind}");
    for (labels, value) in values {
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}
