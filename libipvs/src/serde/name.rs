//! The JSON form of protocols, forwarding methods and tunnel types: a name, or a number.

use crate::model::{Forwarding, Protocol, TunnelKind};
use crate::wire;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A name, or a number that has no name.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum NameJson<'a> {
    Name(Cow<'a, str>),
    Number(u32),
}

const PROTOCOLS: &[(&str, Protocol)] =
    &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];

const FORWARDINGS: &[(&str, Forwarding)] = &[
    ("masquerading", Forwarding::Masquerading),
    ("local", Forwarding::Local),
    ("tunnel", Forwarding::Tunnel),
    ("direct-routing", Forwarding::DirectRouting),
    ("bypass", Forwarding::Bypass),
];

const TUNNEL_KINDS: &[(&str, TunnelKind)] =
    &[("ipip", TunnelKind::Ipip), ("gue", TunnelKind::Gue), ("gre", TunnelKind::Gre)];

/// Implements the conversions of a type. A number that has a name is accepted, but never produced.
macro_rules! named {
    ($($type:ty: $what:literal, $names:ident, $number:path, $from:path;)*) => {$(
        impl From<&$type> for NameJson<'_> {
            fn from(value: &$type) -> Self {
                match $names.iter().find(|(_, known)| known == value) {
                    Some((name, _)) => NameJson::Name(Cow::Borrowed(name)),
                    None => NameJson::Number($number(*value).into()),
                }
            }
        }

        impl TryFrom<NameJson<'_>> for $type {
            type Error = String;

            fn try_from(json: NameJson) -> Result<$type, String> {
                let value = match &json {
                    NameJson::Name(name) => {
                        $names.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
                    }
                    NameJson::Number(number) => (*number).try_into().ok().map($from),
                };
                value.ok_or_else(|| match json {
                    NameJson::Name(name) => format!("unknown {} '{name}'", $what),
                    NameJson::Number(number) => format!("unknown {} {number}", $what),
                })
            }
        }
    )*};
}

named! {
    Protocol: "protocol", PROTOCOLS, Protocol::number, Protocol::from_number;
    Forwarding: "forwarding method", FORWARDINGS, wire::forwarding_number, wire::forwarding_from;
    TunnelKind: "tunnel type", TUNNEL_KINDS, wire::tunnel_number, wire::tunnel_from;
}
