//! The kinds of things by their names, and by their numbers where this program has no name.

use crate::model::{Forwarding, Protocol, TunnelKind};
use crate::wire;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One of the names of a kind, or the number of one that this program has no name for.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum NameJson<'a> {
    Name(Cow<'a, str>),
    Number(u32),
}

const PROTOCOLS: &[(&str, Protocol)] =
    &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];

const FORWARDING_METHODS: &[(&str, Forwarding)] = &[
    ("masquerading", Forwarding::Masquerading),
    ("local", Forwarding::Local),
    ("tunnel", Forwarding::Tunnel),
    ("direct-routing", Forwarding::DirectRouting),
    ("bypass", Forwarding::Bypass),
];

const TUNNEL_KINDS: &[(&str, TunnelKind)] =
    &[("ipip", TunnelKind::Ipip), ("gue", TunnelKind::Gue), ("gre", TunnelKind::Gre)];

/// Written by its name, read by its name or its number: one value has one form, or tables would
/// differ in nothing.
macro_rules! named {
    ($($type:ty: $names:ident, $number:path, $from:path;)*) => {$(
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
                let found = match &json {
                    NameJson::Name(name) => {
                        $names.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
                    }
                    NameJson::Number(number) => (*number).try_into().ok().map($from),
                };
                found.ok_or_else(|| match json {
                    NameJson::Name(name) => format!("`{name}' is none of what is known"),
                    NameJson::Number(number) => format!("{number} is none of what is known"),
                })
            }
        }
    )*};
}

named! {
    Protocol: PROTOCOLS, Protocol::number, wire::protocol_from;
    Forwarding: FORWARDING_METHODS, wire::forwarding_number, wire::forwarding_from;
    TunnelKind: TUNNEL_KINDS, wire::tunnel_number, wire::tunnel_from;
}
