//! Hosts and services, from names to numbers and back: the only resolver.
//!
//! What the system's own resolver says counts (nsswitch: files, DNS, whatever is configured).
//! Numbers never ask it.

use libipvs::model::Protocol;
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

/// Where names come from.
pub trait Names: Sync {
    /// The first IPv4 address of a host. IPv6 ones are given as numbers, as they always were.
    fn host(&self, name: &str) -> Option<Ipv4Addr>;
    /// The port of a service.
    fn port(&self, name: &str, protocol: Protocol) -> Option<u16>;
    /// The name of a host.
    fn host_name(&self, address: IpAddr) -> Option<String>;
    /// The name of a service.
    fn port_name(&self, port: u16, protocol: Protocol) -> Option<String>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Names for System {
    fn host(&self, name: &str) -> Option<Ipv4Addr> {
        let hints = dns_lookup::AddrInfoHints {
            address: libc::AF_INET,
            socktype: libc::SOCK_STREAM,
            ..Default::default()
        };
        dns_lookup::getaddrinfo(Some(name), None, Some(hints))
            .ok()?
            .filter_map(Result::ok)
            .find_map(|info| match info.sockaddr.ip() {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            })
    }

    fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        let name = CString::new(name).ok()?;
        let protocol = protocol_name(protocol)?;
        let _one_at_a_time = SERVICES.lock().ok()?;
        // SAFETY: both strings end in a zero byte and outlive the call. The answer is in memory
        // that the next such call of any thread overwrites; the lock is held until it is copied,
        // and nothing else in this program calls these functions.
        unsafe {
            let entry = libc::getservbyname(name.as_ptr(), protocol.as_ptr());
            entry.as_ref().map(|entry| u16::from_be(entry.s_port as u16))
        }
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        // The port as a number: its name would be sought through all of /etc/services.
        let flags = libc::NI_NAMEREQD | libc::NI_NUMERICSERV;
        dns_lookup::getnameinfo(&SocketAddr::new(address, 0), flags)
            .ok()
            .map(|(host, _)| printable(host))
    }

    fn port_name(&self, port: u16, protocol: Protocol) -> Option<String> {
        let protocol = protocol_name(protocol)?;
        let _one_at_a_time = SERVICES.lock().ok()?;
        // SAFETY: as in `port`; s_name of an entry is a string that ends in a zero byte.
        let name = unsafe {
            let entry = libc::getservbyport(i32::from(port.to_be()), protocol.as_ptr());
            CStr::from_ptr(entry.as_ref()?.s_name).to_string_lossy().into_owned()
        };
        Some(printable(name))
    }
}

/// How many look-ups wait for the resolver at the same time: more keep a processor busier with
/// threads than with names, and a resolver has other clients.
const SIDE_BY_SIDE: usize = 64;
const SIDE_BY_SIDE_ON_A_PROCESSOR: usize = 32;

/// What `look_up` says of each address, many at a time.
pub fn side_by_side<T: Send>(
    addresses: HashSet<IpAddr>,
    look_up: impl Fn(IpAddr) -> T + Sync,
) -> Vec<(IpAddr, T)> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let at_most = SIDE_BY_SIDE.min(SIDE_BY_SIDE_ON_A_PROCESSOR.saturating_mul(processors));
    let others = addresses.len().min(at_most).saturating_sub(1);
    let queue = Mutex::new(addresses.into_iter());
    let work = || {
        let mut found = Vec::new();
        let next = || queue.lock().ok().and_then(|mut queue| queue.next());
        while let Some(address) = next() {
            found.push((address, look_up(address)));
        }
        found
    };
    #[cfg(target_env = "gnu")]
    // SAFETY: a number that the allocator looks at. Threads that wait need no heaps of their own.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..others)
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut found = work();
        started.into_iter().for_each(|worker| found.extend(worker.join().unwrap_or_default()));
        found
    })
}

/// getaddrinfo and getnameinfo know services of TCP and UDP only; SCTP's are in the same file, and
/// getservbyname is what reads them. It is not safe for threads, and no crate wraps it.
static SERVICES: Mutex<()> = Mutex::new(());

fn protocol_name(protocol: Protocol) -> Option<&'static CStr> {
    match protocol {
        Protocol::Tcp => Some(c"tcp"),
        Protocol::Udp => Some(c"udp"),
        Protocol::Sctp => Some(c"sctp"),
        Protocol::Other(_) => None,
    }
}

/// A name as it may go to a terminal: whoever runs a DNS zone can put anything into it.
fn printable(name: String) -> String {
    if name.chars().any(char::is_control) {
        name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
    } else {
        name
    }
}

/// An IPv4 address in any spelling of numbers and dots that the C library reads (`10.1`,
/// `0x0a000001`, octal with leading zeros), and nothing after it but blanks and what follows them.
pub fn ipv4(text: &str) -> Option<Ipv4Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let text = text.split(|c: char| c.is_ascii_whitespace() || c == '\x0b').next()?;
    let mut parts = [0u32; 4];
    let mut count = 0;
    for part in text.split('.') {
        *parts.get_mut(count)? = c_number(part)?;
        count += 1;
    }
    let last = parts[count - 1];
    // The last part fills all bytes that are left.
    let mut address = match count {
        1 => last,
        2 if last <= 0xff_ffff => last,
        3 if last <= 0xffff => last,
        4 if last <= 0xff => last,
        _ => return None,
    };
    for (n, &part) in parts[..count - 1].iter().enumerate() {
        if part > 0xff {
            return None;
        }
        address |= part << (24 - 8 * n);
    }
    Some(Ipv4Addr::from_bits(address))
}

fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// An IPv6 address as the C library writes it: IPv4-compatible ones end in dotted numbers.
pub fn ipv6_text(address: Ipv6Addr, out: &mut String) {
    use std::fmt::Write;
    let s = address.segments();
    let result = if s[..6] == [0; 6] && s[6] != 0 {
        write!(out, "::{}", Ipv4Addr::from_bits(address.to_bits() as u32))
    } else {
        write!(out, "{address}")
    };
    debug_assert!(result.is_ok(), "writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_the_c_librarys_spellings() {
        let of = |text| ipv4(text).map(|a| a.to_string());
        assert_eq!(of("10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(of("10.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(of("0x0a000002").as_deref(), Some("10.0.0.2"));
        assert_eq!(of("010.0.0.1").as_deref(), Some("8.0.0.1"));
        assert_eq!(of("24").as_deref(), Some("0.0.0.24"));
        assert_eq!(of("10.0.0.9 foo").as_deref(), Some("10.0.0.9"));
        for bad in
            ["", ".", "1.", "300.2.3.6", "1.2.3.4.5", "1.2.65536", "x", " 1", "+1", "0x", "08"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn ipv6_as_the_c_library_writes_it() {
        let text = |address: &str| {
            let mut out = String::new();
            ipv6_text(address.parse().unwrap(), &mut out);
            out
        };
        assert_eq!(text("::1"), "::1");
        assert_eq!(text("::"), "::");
        assert_eq!(text("::102:304"), "::1.2.3.4");
        assert_eq!(text("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
        assert_eq!(text("2001:db8:0:1:0:0:0:1"), "2001:db8:0:1::1");
    }

    #[test]
    fn services_of_each_protocol() {
        assert_eq!(System.port("http", Protocol::Tcp), Some(80));
        assert_eq!(System.port_name(53, Protocol::Udp).as_deref(), Some("domain"));
        assert_eq!(System.port("no such service", Protocol::Tcp), None);
        assert_eq!(System.port("a\0b", Protocol::Tcp), None);
        assert_eq!(System.host("localhost"), Some(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn names_cannot_drive_a_terminal() {
        assert_eq!(printable("a\x1b[31mb".into()), "a?[31mb");
    }
}
