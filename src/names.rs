//! The only resolver of the program: names of hosts and services to numbers, and numbers to names.
//!
//! It uses the system's resolver (nsswitch: files, DNS, whatever is configured). Numeric addresses
//! and ports are parsed without it.

use crate::text::without_controls;
use libipvs::model::Protocol;
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

/// A resolver of names.
pub trait Names: Sync {
    /// Returns the first IPv4 address of a host. As in 1.31, IPv6 addresses are numbers only.
    fn host(&self, name: &str) -> Option<Ipv4Addr>;
    /// Returns the port of a service.
    fn port(&self, name: &str, protocol: Protocol) -> Option<u16>;
    /// Returns the name of a host.
    fn host_name(&self, address: IpAddr) -> Option<String>;
    /// Returns the name of a service.
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
        let _lock = SERVICES.lock().ok()?;
        // SAFETY: both strings end in a zero byte and outlive the call. The next call of any thread
        // overwrites the result; the lock is held until the result is copied, and nothing else in
        // this program calls these functions.
        unsafe {
            let entry = libc::getservbyname(name.as_ptr(), protocol.as_ptr());
            entry.as_ref().map(|entry| u16::from_be(entry.s_port as u16))
        }
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        // NI_NUMERICSERV: without it, the port's name is searched in all of /etc/services.
        let flags = libc::NI_NAMEREQD | libc::NI_NUMERICSERV;
        dns_lookup::getnameinfo(&SocketAddr::new(address, 0), flags)
            .ok()
            .map(|(host, _)| without_controls(&host).into_owned())
    }

    fn port_name(&self, port: u16, protocol: Protocol) -> Option<String> {
        let protocol = protocol_name(protocol)?;
        let _lock = SERVICES.lock().ok()?;
        // SAFETY: as in `port`; s_name of an entry is a string that ends in a zero byte.
        let name = unsafe {
            let entry = libc::getservbyport(i32::from(port.to_be()), protocol.as_ptr());
            CStr::from_ptr(entry.as_ref()?.s_name).to_string_lossy().into_owned()
        };
        Some(without_controls(&name).into_owned())
    }
}

/// The maximum of concurrent lookups. More of them would occupy a processor with threads rather than
/// with names, and a resolver has other clients.
const MAX_LOOKUPS: usize = 64;
const MAX_LOOKUPS_PER_PROCESSOR: usize = 32;

/// Calls `look_up` for each address, for many addresses concurrently.
pub fn look_up_all<T: Send>(
    addresses: HashSet<IpAddr>,
    look_up: impl Fn(IpAddr) -> T + Sync,
) -> Vec<(IpAddr, T)> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let maximum = MAX_LOOKUPS.min(MAX_LOOKUPS_PER_PROCESSOR.saturating_mul(processors));
    let additional_threads = addresses.len().min(maximum).saturating_sub(1);
    let queue = Mutex::new(addresses.into_iter());
    let work = || {
        let mut results = Vec::new();
        let next = || queue.lock().ok().and_then(|mut queue| queue.next());
        while let Some(address) = next() {
            results.push((address, look_up(address)));
        }
        results
    };
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a parameter of the allocator. Threads that only wait need no heap of their own.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..additional_threads)
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut results = work();
        threads.into_iter().for_each(|thread| results.extend(thread.join().unwrap_or_default()));
        results
    })
}

/// The lock of getservbyname and getservbyport, which are not thread-safe and which no crate wraps.
/// They also find services of SCTP; getaddrinfo and getnameinfo find those of TCP and UDP only.
static SERVICES: Mutex<()> = Mutex::new(());

fn protocol_name(protocol: Protocol) -> Option<&'static CStr> {
    match protocol {
        Protocol::Tcp => Some(c"tcp"),
        Protocol::Udp => Some(c"udp"),
        Protocol::Sctp => Some(c"sctp"),
        Protocol::Other(_) => None,
    }
}

/// Parses an IPv4 address in any notation that the C library accepts (`10.1`, `0x0a000001`, octal
/// with leading zeros). Like the C library, it ignores everything from the first blank on.
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
    // The last part fills the remaining bytes.
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

/// Appends an IPv6 address as the C library formats it: an IPv4-compatible one ends in an IPv4
/// address.
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
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn ipv4_addresses_in_the_notations_of_the_c_library() {
        let of = |text| ipv4(text).map(|a| a.to_string());
        assert_eq!(of("10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(of("10.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(of("10.1.513").as_deref(), Some("10.1.2.1"));
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
    fn ipv6_addresses_as_the_c_library_formats_them() {
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
    fn names_of_services_and_hosts() {
        assert_eq!(System.port("http", Protocol::Tcp), Some(80));
        assert_eq!(System.port_name(53, Protocol::Udp).as_deref(), Some("domain"));
        assert_eq!(System.port("no such service", Protocol::Tcp), None);
        assert_eq!(System.port("a\0b", Protocol::Tcp), None);
        assert_eq!(System.host("localhost"), Some(Ipv4Addr::LOCALHOST));
        let name = System.host_name(Ipv4Addr::LOCALHOST.into());
        assert_eq!(name.and_then(|name| System.host(&name)), Some(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn every_address_is_looked_up_once() {
        for count in [0, 1, 2, 200] {
            let addresses: HashSet<IpAddr> =
                (0..count).map(|n| Ipv4Addr::from_bits(n).into()).collect();
            let calls = AtomicUsize::new(0);
            let results = look_up_all(addresses.clone(), |address| {
                calls.fetch_add(1, Ordering::Relaxed);
                address.to_string()
            });
            assert_eq!(calls.into_inner(), addresses.len());
            assert!(results.iter().all(|(address, text)| address.to_string() == *text));
            assert_eq!(
                results.iter().map(|(address, _)| *address).collect::<HashSet<_>>(),
                addresses
            );
        }
    }

    #[test]
    fn lookups_run_concurrently() {
        // Each waits for the other: one thread alone would wait for ever.
        let both = Barrier::new(2);
        let addresses = [Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST].map(IpAddr::from);
        let results = look_up_all(HashSet::from(addresses), |_| both.wait().is_leader());
        assert_eq!(results.iter().filter(|(_, leader)| *leader).count(), 1);
    }
}
