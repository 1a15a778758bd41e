//! What a real server is to be: the method and its options, as the command line gave them and the
//! journal remembers them.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// How the director forwards to this host, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub method: Method,
    /// The ARP settings on these devices in place of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    Gatewaying,
    Ipip(Tunnel),
    /// Over the director's inside addresses, at most one of each family.
    Masquerading {
        gateways: Vec<IpAddr>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// Whether the outer header is of IPv6; as the VIP where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outer_ipv6: Option<bool>,
    pub rp_filter: RpFilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelKind {
    Ipip,
    Gue { port: u16 },
    Gre,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RpFilter {
    Off,
    Loose,
}

impl Settings {
    /// The options that say this, as on the command line.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut say = |word: &str| words.push(word.to_string());
        match &self.method {
            Method::Gatewaying => say("-g"),
            Method::Ipip(tunnel) => {
                say("-i");
                match tunnel.kind {
                    TunnelKind::Ipip => {}
                    TunnelKind::Gre => ["--tun-type", "gre"].iter().for_each(|word| say(word)),
                    TunnelKind::Gue { port } => {
                        ["--tun-type", "gue", "--tun-port"].iter().for_each(|word| say(word));
                        say(&port.to_string());
                    }
                }
                if let Some(ipv6) = tunnel.outer_ipv6 {
                    say("--outer");
                    say(if ipv6 { "6" } else { "4" });
                }
                if tunnel.rp_filter == RpFilter::Loose {
                    say("--rp-filter");
                    say("loose");
                }
            }
            Method::Masquerading { gateways } => {
                say("-m");
                for gateway in gateways {
                    say("--gateway");
                    say(&gateway.to_string());
                }
            }
        }
        for interface in &self.interfaces {
            say("--interface");
            say(interface);
        }
        words
    }

    /// The method in the field's words.
    pub fn title(&self) -> &'static str {
        match &self.method {
            Method::Gatewaying => "direct routing",
            Method::Ipip(tunnel) => match tunnel.kind {
                TunnelKind::Ipip => "IPIP tunnel",
                TunnelKind::Gue { .. } => "GUE tunnel",
                TunnelKind::Gre => "GRE tunnel",
            },
            Method::Masquerading { .. } => "NAT",
        }
    }
}

/// A tunnel device that takes what comes from any director.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    pub name: &'static str,
    pub kind: &'static str,
    /// The kernel module, which brings the device along unless it is `ours`.
    pub module: &'static str,
    /// Whether rs-setup makes it.
    pub ours: bool,
}

impl Tunnel {
    /// The device that packets for `vip` come out of.
    pub fn device(&self, vip: IpAddr) -> Device {
        let outer_ipv6 = self.outer_ipv6.unwrap_or(vip.is_ipv6());
        let (name, kind, module, ours) = match (self.kind, vip.is_ipv6(), outer_ipv6) {
            (TunnelKind::Gre, _, false) => ("gre0", "gre", "ip_gre", false),
            (TunnelKind::Gre, _, true) => ("ip6gre0", "ip6gre", "ip6_gre", false),
            (_, false, false) => ("tunl0", "ipip", "ipip", false),
            (_, true, false) => ("sit0", "sit", "sit", false),
            (_, true, true) => ("ip6tnl0", "ip6tnl", "ip6_tunnel", false),
            // ip6tnl0 takes IPv6 inside and nothing else, and no netlink message changes that.
            (_, false, true) => ("ip6tnl-ipvs", "ip6tnl", "ip6_tunnel", true),
        };
        Device { name, kind, module, ours }
    }

    /// The UDP port it is received on, and whether that is one of IPv6.
    pub fn fou(&self, vip: IpAddr) -> Option<(u16, bool)> {
        match self.kind {
            TunnelKind::Gue { port } => Some((port, self.outer_ipv6.unwrap_or(vip.is_ipv6()))),
            TunnelKind::Ipip | TunnelKind::Gre => None,
        }
    }

    /// Bytes that the encapsulation adds to a packet.
    pub fn overhead(&self, vip: IpAddr) -> u32 {
        let outer = if self.outer_ipv6.unwrap_or(vip.is_ipv6()) { 40 } else { 20 };
        outer
            + match self.kind {
                TunnelKind::Ipip => 0,
                TunnelKind::Gue { .. } => 8 + 4,
                TunnelKind::Gre => 4,
            }
    }
}
