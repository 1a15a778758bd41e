//! The kernel's connection table: /proc/net/ip_vs_conn, with one connection per line.
//!
//! ```no_run
//! use libipvs::connections::{self, Reader};
//!
//! # fn main() -> std::io::Result<()> {
//! let mut reader = Reader::open()?;
//! loop {
//!     let lines = reader.lines()?;
//!     if lines.is_empty() {
//!         break;
//!     }
//!     for connection in lines.lines().filter_map(connections::parse) {
//!         println!("{} {}", connection.client, connection.state);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use crate::model::Protocol;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The file with the connections of the process's network namespace: that of its first thread.
pub const PATH: &str = "/proc/net/ip_vs_conn";

/// The file with the connections of the calling thread's network namespace.
const THREAD_PATH: &str = "/proc/thread-self/net/ip_vs_conn";

/// One connection through the director.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection<'a> {
    /// The protocol, or `Other(0)` if this crate does not know its name.
    pub protocol: Protocol,
    /// The name of the protocol, as the kernel writes it.
    pub protocol_name: &'a str,
    /// The client's address and port, CIP. The port is 0 in a connection template of persistence.
    pub client: SocketAddr,
    /// The virtual service's address and port, VIP.
    pub virtual_server: SocketAddr,
    /// The real server's address and port, RIP.
    pub real_server: SocketAddr,
    /// The state, as the kernel writes it, such as `ESTABLISHED`.
    pub state: &'a str,
    /// The seconds until the kernel forgets the connection.
    pub expires: u64,
    /// The client as the persistence engine identifies it, if the service has one.
    pub engine: Option<EngineData<'a>>,
}

/// The data by which a persistence engine identifies a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineData<'a> {
    /// The name of the engine, such as `sip`.
    pub name: &'a str,
    /// Its data, such as a Call-ID.
    pub data: &'a str,
}

impl Connection<'_> {
    /// Returns the time until the kernel forgets the connection.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        Duration::from_secs(self.expires)
    }
}

/// A reader of the file that returns some lines at a time, in constant memory.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    text: Vec<u8>,
    heading: bool,
}

/// Lines that are returned at a time.
const LINES: usize = 512;

impl Reader<BufReader<File>> {
    /// Opens the file of the calling thread's network namespace.
    ///
    /// Fails if IPVS is not loaded, or the caller may not read the file.
    pub fn open() -> io::Result<Reader<BufReader<File>>> {
        Ok(Reader::new(BufReader::with_capacity(64 * 1024, File::open(THREAD_PATH)?)))
    }
}

impl<R: BufRead> Reader<R> {
    /// Creates a reader of a source with the content of the file.
    pub fn new(source: R) -> Reader<R> {
        Reader { source, text: Vec::new(), heading: true }
    }

    /// Returns the next lines, without the heading of the file. Empty at the end.
    pub fn lines(&mut self) -> io::Result<Cow<'_, str>> {
        self.text.clear();
        if std::mem::take(&mut self.heading) {
            self.source.read_until(b'\n', &mut self.text)?;
            self.text.clear();
        }
        for _ in 0..LINES {
            if self.source.read_until(b'\n', &mut self.text)? == 0 {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&self.text))
    }
}

/// Parses one line. Returns `None` if it has an unknown format.
pub fn parse(line: &str) -> Option<Connection<'_>> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next();
    let protocol_name = next()?;
    let mut endpoint = || {
        let address = address(next()?)?;
        Some(SocketAddr::new(address, u16::from_str_radix(next()?, 16).ok()?))
    };
    let (client, virtual_server, real_server) = (endpoint()?, endpoint()?, endpoint()?);
    let (state, expires) = (next()?, next()?.parse().ok()?);
    let engine = next().zip(next()).map(|(name, data)| EngineData { name, data });
    let protocol = match protocol_name {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => Protocol::Other(0),
    };
    Some(Connection {
        protocol,
        protocol_name,
        client,
        virtual_server,
        real_server,
        state,
        expires,
        engine,
    })
}

/// Parses eight hexadecimal digits or an IPv6 address.
fn address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    u32::from_str_radix(text, 16).ok().map(|bits| Ipv4Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_parsed() {
        let c =
            parse("TCP 0A000002 8948 0A000064 0050 0A00000C 0050 FIN_WAIT        116\n").unwrap();
        assert_eq!(c.client, "10.0.0.2:35144".parse().unwrap());
        assert_eq!(c.real_server, "10.0.0.12:80".parse().unwrap());
        assert_eq!((c.state, c.expires, c.engine), ("FIN_WAIT", 116, None));
        assert_eq!(c.expires_in(), Duration::from_secs(116));
        let c = parse(
            "UDP fd00:0000:0000:0000:0000:0000:0000:0002 0000 \
             fd00:0000:0000:0000:0000:0000:0000:0100 13C4 \
             0A00000B 13C4 NONE             56 sip abc123@host",
        )
        .unwrap();
        assert_eq!(c.client, "[fd00::2]:0".parse().unwrap());
        assert_eq!(c.engine, Some(EngineData { name: "sip", data: "abc123@host" }));
        for (name, protocol) in [
            ("TCP", Protocol::Tcp),
            ("UDP", Protocol::Udp),
            ("SCTP", Protocol::Sctp),
            ("AH", Protocol::Other(0)),
        ] {
            let line = format!("{name} 0A000002 8948 0A000064 0050 0A00000C 0050 NONE 5");
            let c = parse(&line).unwrap();
            assert_eq!((c.protocol_name, c.protocol), (name, protocol));
            assert_eq!(c.virtual_server, "10.0.0.100:80".parse().unwrap());
        }
    }

    #[test]
    fn lines_of_another_format_are_not_parsed() {
        for line in ["", "TCP", "TCP xyz 0 0 0 0 0 S 1", "TCP 0A000002 8948 0A000064 0050 0A00000C"]
        {
            assert_eq!(parse(line), None);
        }
    }

    #[test]
    fn lines_are_returned_some_at_a_time_without_the_heading() {
        let mut text = String::from("Pro FromIP\n");
        for n in 0..2 * LINES + 1 {
            text += &format!("{n}\n");
        }
        let mut reader = Reader::new(text.as_bytes());
        let mut counts = Vec::new();
        let mut all = String::new();
        loop {
            let lines = reader.lines().unwrap();
            if lines.is_empty() {
                break;
            }
            counts.push(lines.lines().count());
            all += &lines;
        }
        assert_eq!(counts, [LINES, LINES, 1]);
        assert_eq!("Pro FromIP\n".to_string() + &all, text);
    }
}
