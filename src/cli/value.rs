//! The values of options, read one by one: bytes to numbers, addresses, names.
//!
//! An error quotes the value, behind the words that 1.31 has for it.

use crate::error::CommandError;
use crate::names::{self, Names};
use crate::text::printable;
use libipvs::model::{DaemonRole, Family, Netmask, Protocol, TunnelKind, scheduler_flag_names};
use std::net::{IpAddr, Ipv6Addr};

/// The largest number that most options take.
pub const INT_MAX: u32 = i32::MAX as u32;
/// The largest timeout: 31 days.
const MAX_TIMEOUT: u32 = 31 * 24 * 60 * 60;

fn illegal(what: &str, text: &[u8]) -> CommandError {
    CommandError::usage(format!("illegal {what} specified: `{}'", printable(text)))
}

/// A decimal number as the C library reads it: blanks and a sign may come first.
fn number(text: &[u8]) -> Option<i64> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace() && *b != 0x0b)?;
    let text = std::str::from_utf8(&text[start..]).ok()?;
    text.parse().ok()
}

/// A number from `min` to `max`.
pub fn bounded<T: TryFrom<u32>>(
    text: &[u8],
    min: u32,
    max: u32,
    what: &str,
) -> Result<T, CommandError> {
    number(text)
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (min..=max).contains(n))
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| illegal(what, text))
}

pub fn timeout(text: &[u8], min: u32) -> Result<u32, CommandError> {
    bounded(text, min, MAX_TIMEOUT, "").map_err(|_| {
        CommandError::usage(format!("invalid timeout value `{}' specified", printable(text)))
    })
}

pub fn mark(text: &[u8]) -> Result<u32, CommandError> {
    bounded(text, 1, u32::MAX, "").map_err(|_| {
        CommandError::usage(format!("invalid fwmark value `{}' specified", printable(text)))
    })
}

/// A name that goes to the kernel. What is no UTF-8 is not in any name, and found nowhere.
pub fn name(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The name of a scheduler or persistence engine. None is longer than 15 bytes: of more, the kernel
/// would say that the message is bad, and not that there is no such name.
pub fn short_name(text: &[u8]) -> Option<String> {
    let mut name = name(text);
    while name.len() > 15 {
        name.pop();
    }
    (!name.is_empty()).then_some(name)
}

pub fn role(text: &[u8], what: &str) -> Result<DaemonRole, CommandError> {
    match text {
        b"master" => Ok(DaemonRole::Master),
        b"backup" => Ok(DaemonRole::Backup),
        _ => Err(illegal(what, text)),
    }
}

pub fn tunnel_kind(text: &[u8]) -> Result<TunnelKind, CommandError> {
    match text {
        b"ipip" => Ok(TunnelKind::Ipip),
        b"gue" => Ok(TunnelKind::Gue),
        b"gre" => Ok(TunnelKind::Gre),
        _ => Err(illegal("tunnel type", text)),
    }
}

pub fn netmask(text: &[u8], family: Family) -> Result<Netmask, CommandError> {
    match family {
        Family::V4 => std::str::from_utf8(text)
            .ok()
            .and_then(names::ipv4)
            .map(Netmask::V4)
            .ok_or_else(|| illegal("virtual server persistent mask", text)),
        Family::V6 => bounded(text, 1, 128, "ipv6 netmask").map(Netmask::V6),
    }
}

pub fn multicast_group(text: &[u8]) -> Result<IpAddr, CommandError> {
    let parsed = std::str::from_utf8(text).unwrap_or("");
    let (version, group) = match parsed.parse::<Ipv6Addr>() {
        Ok(group) => (6, Some(IpAddr::V6(group))),
        Err(_) => (4, names::ipv4(parsed).map(IpAddr::V4)),
    };
    group.filter(IpAddr::is_multicast).ok_or_else(|| {
        CommandError::usage(format!("invalid IPv{version} mcast-group `{}'", printable(text)))
    })
}

/// The bits of the flags named in a list with commas between; a flag may be named by number with
/// every scheduler.
pub fn scheduler_flag_bits(text: &[u8], scheduler: &str) -> Result<u8, CommandError> {
    let position = |scheduler, name: &[u8]| {
        scheduler_flag_names(scheduler).iter().position(|n| n.as_bytes() == name)
    };
    let known = |name| ["", "sh", "mh"].iter().any(|any| position(any, name).is_some());
    let names = || text.split(|&b| b == b',').filter(|name| !name.is_empty());
    let wrong =
        |what, name| CommandError::usage(format!("{what} scheduler flag `{}'", printable(name)));
    if let Some(name) = names().find(|name| !known(name)) {
        return Err(wrong("invalid", name));
    }
    let mut bits = 0;
    for name in names() {
        let bit = position("", name).or_else(|| position(scheduler, name));
        bits |= 1 << bit.ok_or_else(|| wrong("incompatible", name))?;
    }
    Ok(bits)
}

/// An address and perhaps a port: `host`, `host:port`, `address6`, `[address6]:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: Option<u16>,
}

/// Read an address; a host name is looked up, and the name of a port of `protocol`, which nobody
/// knows before the service has been named. `side` is "virtual" or "real", for messages.
pub fn endpoint(
    text: &[u8],
    side: &str,
    protocol: Option<Protocol>,
    names: &dyn Names,
) -> Result<Endpoint, CommandError> {
    let found = || {
        let text = std::str::from_utf8(text).ok()?;
        let (address, port) = split(text, names)?;
        let port = match port {
            None => None,
            Some(port) => Some(match bounded(port.as_bytes(), 0, 65535, "") {
                Ok(number) => number,
                Err(_) => names.port(port, protocol?)?,
            }),
        };
        Some(Endpoint { address, port })
    };
    found().ok_or_else(|| illegal(&format!("{side} server address[:port]"), text))
}

/// The address, and what is written for a port.
fn split<'a>(text: &'a str, names: &dyn Names) -> Option<(IpAddr, Option<&'a str>)> {
    // Two colons at least are in every IPv6 address; most texts that come here have one.
    if text.bytes().filter(|&b| b == b':').count() > 1 {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some((address.into(), None));
        }
    }
    let (host, port) = match (text.strip_prefix('['), text.rsplit_once(':')) {
        (Some(inner), _) => inner.split_once("]:").map(|(host, port)| (host, Some(port)))?,
        (None, Some((host, port))) => (host, Some(port)),
        (None, None) => (text, None),
    };
    if text.starts_with('[') {
        if let Ok(address) = host.parse::<Ipv6Addr>() {
            return Some((address.into(), port));
        }
    }
    if host.is_empty() || text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let address = names::ipv4(host).or_else(|| names.host(host))?;
    Some((address.into(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_the_c_library_reads_them() {
        let of = |text: &str| bounded::<u32>(text.as_bytes(), 0, INT_MAX, "weight").ok();
        assert_eq!(of("5"), Some(5));
        assert_eq!(of(" 5"), Some(5));
        assert_eq!(of("+5"), Some(5));
        assert_eq!(of("010"), Some(10));
        assert_eq!(of("2147483647"), Some(INT_MAX));
        for bad in
            ["", " ", "x", "5x", "5 ", "0x5", "-1", "2147483648", "--5", "99999999999999999999"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn errors_quote_the_value() {
        assert_eq!(
            bounded::<u32>(b"x\x1b", 0, 1, "weight").unwrap_err().message,
            "illegal weight specified: `x\\u{1b}'"
        );
        assert_eq!(timeout(b"0", 1).unwrap_err().message, "invalid timeout value `0' specified");
    }

    #[test]
    fn scheduler_flags_by_name_and_by_number() {
        let bits = |flags: &str, scheduler| scheduler_flag_bits(flags.as_bytes(), scheduler);
        assert_eq!(bits("sh-port", "sh"), Ok(2));
        assert_eq!(bits("flag-1,flag-3", "rr"), Ok(5));
        assert_eq!(bits("sh-port,,flag-1", "sh"), Ok(3));
        assert_eq!(bits("", "sh"), Ok(0));
        assert_eq!(bits("foo", "sh").unwrap_err().message, "invalid scheduler flag `foo'");
        assert_eq!(
            bits("sh-port", "rr").unwrap_err().message,
            "incompatible scheduler flag `sh-port'"
        );
    }
}
