//! The values of options: bytes parsed to numbers, addresses and names.
//!
//! An error quotes the value in the words of 1.31.

use super::suggestions;
use crate::error::CommandError;
use crate::names::{self, Names};
use crate::text::printable;
use libipvs::model::{DaemonRole, Family, Netmask, Protocol, TunnelKind, scheduler_flag_names};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

/// The maximum of most numeric options.
pub const INT_MAX: u32 = i32::MAX as u32;
/// The maximum timeout: 31 days.
const MAX_TIMEOUT: u32 = 31 * 24 * 60 * 60;

fn illegal(what: &str, text: &[u8]) -> CommandError {
    CommandError::usage(format!("illegal {what} specified: `{}'", printable(text)))
}

/// Parses a decimal number as the C library does: blanks and a sign may come first.
fn integer(text: &[u8]) -> Option<i64> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace() && *b != 0x0b)?;
    let text = std::str::from_utf8(&text[start..]).ok()?;
    text.parse().ok()
}

fn in_range<T: TryFrom<u32>>(text: &[u8], min: u32, max: u32) -> Option<T> {
    let number = u32::try_from(integer(text)?).ok()?;
    if (min..=max).contains(&number) { T::try_from(number).ok() } else { None }
}

/// Parses a number from `min` to `max`; messages call it `what`.
pub fn number<T: TryFrom<u32>>(
    text: &[u8],
    min: u32,
    max: u32,
    what: &str,
) -> Result<T, CommandError> {
    in_range(text, min, max).ok_or_else(|| illegal(what, text))
}

/// Parses seconds, at least `min`.
pub fn timeout(text: &[u8], min: u32) -> Result<u32, CommandError> {
    in_range(text, min, MAX_TIMEOUT).ok_or_else(|| {
        CommandError::usage(format!("invalid timeout value `{}' specified", printable(text)))
    })
}

/// Parses a firewall mark.
pub fn mark(text: &[u8]) -> Result<NonZeroU32, CommandError> {
    in_range(text, 1, u32::MAX).and_then(NonZeroU32::new).ok_or_else(|| {
        CommandError::usage(format!("invalid fwmark value `{}' specified", printable(text)))
    })
}

/// Converts a name for the kernel. No name that the kernel knows contains invalid UTF-8.
pub fn name(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// Converts the name of a scheduler or persistence engine; `None` if it is empty. It is cut to 15
/// bytes, the maximum: the kernel rejects the whole message if a name is longer.
pub fn short_name(text: &[u8]) -> Option<String> {
    let mut name = name(text);
    while name.len() > 15 {
        name.pop();
    }
    (!name.is_empty()).then_some(name)
}

/// Parses the role of a synchronisation daemon; messages call it `what`.
pub fn role(text: &[u8], what: &str) -> Result<DaemonRole, CommandError> {
    match text {
        b"master" => Ok(DaemonRole::Master),
        b"backup" => Ok(DaemonRole::Backup),
        _ => Err(illegal(what, text)),
    }
}

/// Parses the type of a tunnel.
pub fn tunnel_kind(text: &[u8]) -> Result<TunnelKind, CommandError> {
    match text {
        b"ipip" => Ok(TunnelKind::Ipip),
        b"gue" => Ok(TunnelKind::Gue),
        b"gre" => Ok(TunnelKind::Gre),
        _ => Err(illegal("tunnel type", text)),
    }
}

/// Parses a netmask: a mask for IPv4, a prefix length for IPv6.
pub fn netmask(text: &[u8], family: Family) -> Result<Netmask, CommandError> {
    match family {
        Family::V4 => std::str::from_utf8(text)
            .ok()
            .and_then(names::ipv4)
            .map(Netmask::V4)
            .ok_or_else(|| illegal("virtual server persistent mask", text)),
        Family::V6 => number(text, 1, 128, "ipv6 netmask").map(Netmask::V6),
    }
}

/// Parses a multicast group of either family.
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

/// Parses scheduler flags, separated by commas, to bits. `flag-1` to `flag-3` are valid for every
/// scheduler, other names for one scheduler only.
pub fn scheduler_flags(text: &[u8], scheduler: &str) -> Result<u8, CommandError> {
    let bit = |scheduler, name: &[u8]| {
        scheduler_flag_names(scheduler).iter().position(|known| known.as_bytes() == name)
    };
    let names = || text.split(|&b| b == b',').filter(|name| !name.is_empty());
    let error = |problem, name| {
        CommandError::usage(format!("{problem} scheduler flag `{}'", printable(name)))
    };
    // 1.31 reports an unknown name before one that belongs to another scheduler.
    let is_known = |name: &&[u8]| ["", "sh", "mh"].iter().any(|any| bit(any, name).is_some());
    if let Some(name) = names().find(|name| !is_known(name)) {
        return Err(error("invalid", name));
    }
    names().try_fold(0, |bits, name| {
        let bit = bit("", name).or_else(|| bit(scheduler, name));
        Ok(bits | (1 << bit.ok_or_else(|| error("incompatible", name))?))
    })
}

/// An address with an optional port: `host`, `host:port`, `address6`, `[address6]:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: Option<u16>,
}

/// Parses an endpoint. Looks up the name of a host, and the name of a port of `protocol`; that is
/// unknown until the service is given. Messages call the endpoint "virtual" or "real", the `side`.
pub fn endpoint(
    text: &[u8],
    side: &str,
    protocol: Option<Protocol>,
    names: &dyn Names,
) -> Result<Endpoint, CommandError> {
    let parse = || {
        let text = std::str::from_utf8(text).ok()?;
        let (address, port) = split(text, names)?;
        let port = match port {
            None => None,
            Some(port) => Some(match in_range(port.as_bytes(), 0, 65535) {
                Some(number) => number,
                None => names.port(port, protocol?)?,
            }),
        };
        Some(Endpoint { address, port })
    };
    parse().ok_or_else(|| {
        let error = illegal(&format!("{side} server address[:port]"), text);
        error.hint(suggestions::brackets(text))
    })
}

/// Splits an endpoint into its address and the text of its port.
fn split<'a>(text: &'a str, names: &dyn Names) -> Option<(IpAddr, Option<&'a str>)> {
    // An IPv6 address has two colons or more; most endpoints have one.
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
    fn numbers_are_parsed_as_the_c_library_does() {
        let parse = |text: &str| number::<u32>(text.as_bytes(), 0, INT_MAX, "weight").ok();
        for (text, expected) in
            [("5", 5), (" 5", 5), ("\x0b5", 5), ("+5", 5), ("010", 10), ("2147483647", INT_MAX)]
        {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in
            ["", " ", "x", "5x", "5 ", "0x5", "-1", "2147483648", "--5", "99999999999999999999"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(number::<u8>(b"256", 0, INT_MAX, "ttl").ok(), None);
    }

    #[test]
    fn errors_quote_the_value() {
        let error = number::<u32>(b"x\x1b", 0, 1, "weight").expect_err("no number");
        assert_eq!(error.message, "illegal weight specified: `x\\u{1b}'");
    }

    #[test]
    fn short_names_fit_the_kernel() {
        assert_eq!(short_name(b"fifteen-letters").as_deref(), Some("fifteen-letters"));
        assert_eq!(short_name(b"sixteen-letters!").as_deref(), Some("sixteen-letters"));
        // A character is cut as a whole.
        assert_eq!(
            short_name("fourteen-bytes\u{e9}".as_bytes()).as_deref(),
            Some("fourteen-bytes")
        );
        assert_eq!(short_name(b""), None);
    }

    #[test]
    fn scheduler_flags_by_name_and_by_number() {
        let bits = |flags: &str, scheduler| scheduler_flags(flags.as_bytes(), scheduler);
        assert_eq!(bits("sh-port", "sh"), Ok(2));
        assert_eq!(bits("mh-fallback,flag-3", "mh"), Ok(5));
        assert_eq!(bits("flag-1,flag-3", "rr"), Ok(5));
        assert_eq!(bits("sh-port,,flag-1,flag-1", "sh"), Ok(3));
        assert_eq!(bits("", "sh"), Ok(0));
        let error = |flags, scheduler| bits(flags, scheduler).expect_err(flags).message;
        assert_eq!(error("sh-port,foo", "rr"), "invalid scheduler flag `foo'");
        assert_eq!(error("sh-port", "rr"), "incompatible scheduler flag `sh-port'");
    }
}
