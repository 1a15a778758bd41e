//! The settings of a real server: the forwarding method and its options, as the command line gives
//! them and the journal stores them.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The forwarding method of the director, and the options of the set-up for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub method: Method,
    /// The devices that get the ARP settings instead of `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    Gatewaying,
    Ipip(Tunnel),
    /// `gateways`: the inside addresses of the director, at most one of each family.
    Masquerading {
        gateways: Vec<IpAddr>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    pub kind: TunnelKind,
    /// The family of the outer header. `None`: the family of the VIP.
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
    /// The options of rs-setup that give these settings.
    pub fn options(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|word| word.to_string()));
        match &self.method {
            Method::Gatewaying => add(&["-g"]),
            Method::Ipip(tunnel) => {
                add(&["-i"]);
                match tunnel.kind {
                    TunnelKind::Ipip => {}
                    TunnelKind::Gre => add(&["--tun-type", "gre"]),
                    TunnelKind::Gue { port } => {
                        add(&["--tun-type", "gue", "--tun-port", &port.to_string()]);
                    }
                }
                match tunnel.outer_ipv6 {
                    None => {}
                    Some(ipv6) => add(&["--outer", if ipv6 { "6" } else { "4" }]),
                }
                if tunnel.rp_filter == RpFilter::Loose {
                    add(&["--rp-filter", "loose"]);
                }
            }
            Method::Masquerading { gateways } => {
                add(&["-m"]);
                gateways.iter().for_each(|gateway| add(&["--gateway", &gateway.to_string()]));
            }
        }
        self.interfaces.iter().for_each(|interface| add(&["--interface", interface]));
        words
    }

    /// The usual name of the forwarding method.
    pub fn method_name(&self) -> &'static str {
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

    /// The inside addresses of the director with NAT; empty with other methods.
    pub fn gateways(&self) -> &[IpAddr] {
        match &self.method {
            Method::Masquerading { gateways } => gateways,
            Method::Gatewaying | Method::Ipip(_) => &[],
        }
    }

    /// The addresses that resources are set up for: the VIPs, or with NAT and without VIPs the
    /// gateways.
    pub fn owners(&self, vips: &[IpAddr]) -> Vec<IpAddr> {
        if vips.is_empty() { self.gateways().to_vec() } else { vips.to_vec() }
    }

    /// The device that `vip` belongs on; `None` with NAT.
    pub fn vip_device(&self, vip: IpAddr) -> Option<&'static str> {
        match &self.method {
            Method::Gatewaying => Some("lo"),
            Method::Ipip(tunnel) => Some(tunnel.device(vip).name),
            Method::Masquerading { .. } => None,
        }
    }
}

/// A tunnel device that receives packets from any director.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    pub name: &'static str,
    pub kind: &'static str,
    /// The kernel module of the kind.
    pub module: &'static str,
    /// False when the module creates the device by itself.
    pub created: bool,
}

impl Tunnel {
    /// The device that receives the packets for `vip`.
    pub fn device(&self, vip: IpAddr) -> Device {
        let (name, kind, module, created) =
            match (self.kind, vip.is_ipv6(), self.outer_is_ipv6(vip)) {
                (TunnelKind::Gre, _, false) => ("gre0", "gre", "ip_gre", false),
                (TunnelKind::Gre, _, true) => ("ip6gre0", "ip6gre", "ip6_gre", false),
                (_, false, false) => ("tunl0", "ipip", "ipip", false),
                (_, true, false) => ("sit0", "sit", "sit", false),
                (_, true, true) => ("ip6tnl0", "ip6tnl", "ip6_tunnel", false),
                // ip6tnl0 receives only IPv6 inside, and no netlink message changes that.
                (_, false, true) => ("ip6tnl-ipvs", "ip6tnl", "ip6_tunnel", true),
            };
        Device { name, kind, module, created }
    }

    /// The UDP port that receives the packets for `vip`, and true for a port of IPv6.
    pub fn gue_port(&self, vip: IpAddr) -> Option<(u16, bool)> {
        match self.kind {
            TunnelKind::Gue { port } => Some((port, self.outer_is_ipv6(vip))),
            TunnelKind::Ipip | TunnelKind::Gre => None,
        }
    }

    /// The bytes that the encapsulation adds to a packet.
    pub fn overhead(&self, vip: IpAddr) -> u32 {
        let outer = if self.outer_is_ipv6(vip) { 40 } else { 20 };
        outer
            + match self.kind {
                TunnelKind::Ipip => 0,
                TunnelKind::Gue { .. } => 8 + 4,
                TunnelKind::Gre => 4,
            }
    }

    fn outer_is_ipv6(&self, vip: IpAddr) -> bool {
        self.outer_ipv6.unwrap_or(vip.is_ipv6())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{direct, gue, nat, tunnel, tunnel_of};
    use super::*;
    use crate::host::fake::address;

    #[test]
    fn devices_and_ports_of_tunnels() {
        let of = |kind, vip, outer_ipv6| {
            let tunnel = Tunnel { kind, outer_ipv6, rp_filter: RpFilter::Off };
            let device = tunnel.device(address(vip));
            (device.name, device.kind, device.module, device.created, tunnel.overhead(address(vip)))
        };
        let (ipv4, ipv6) = ("10.0.0.100", "fd00::100");
        let gue = TunnelKind::Gue { port: 6080 };
        for (kind, overhead) in [(TunnelKind::Ipip, 0), (gue, 12)] {
            assert_eq!(of(kind, ipv4, None), ("tunl0", "ipip", "ipip", false, overhead + 20));
            assert_eq!(of(kind, ipv6, Some(false)), ("sit0", "sit", "sit", false, overhead + 20));
            let ip6tnl0 = ("ip6tnl0", "ip6tnl", "ip6_tunnel", false, overhead + 40);
            assert_eq!(of(kind, ipv6, None), ip6tnl0);
            let created = ("ip6tnl-ipvs", "ip6tnl", "ip6_tunnel", true, overhead + 40);
            assert_eq!(of(kind, ipv4, Some(true)), created);
        }
        let gre0 = ("gre0", "gre", "ip_gre", false, 24);
        assert_eq!(
            (of(TunnelKind::Gre, ipv4, None), of(TunnelKind::Gre, ipv6, Some(false))),
            (gre0, gre0)
        );
        let ip6gre0 = ("ip6gre0", "ip6gre", "ip6_gre", false, 44);
        assert_eq!(of(TunnelKind::Gre, ipv6, None), ip6gre0);
        assert_eq!(of(TunnelKind::Gre, ipv4, Some(true)), ip6gre0);
        let port = |kind, vip| {
            Tunnel { kind, outer_ipv6: None, rp_filter: RpFilter::Off }.gue_port(address(vip))
        };
        assert_eq!(port(gue, ipv4), Some((6080, false)));
        assert_eq!(port(gue, ipv6), Some((6080, true)));
        assert_eq!((port(TunnelKind::Ipip, ipv4), port(TunnelKind::Gre, ipv4)), (None, None));
    }

    #[test]
    fn settings_as_options() {
        let with_interfaces =
            Settings { interfaces: vec!["eth0".into(), "eth1".into()], ..direct() };
        for (settings, options, name) in [
            (direct(), "-g", "direct routing"),
            (with_interfaces, "-g --interface eth0 --interface eth1", "direct routing"),
            (tunnel(RpFilter::Off), "-i", "IPIP tunnel"),
            (gue(None), "-i --tun-type gue --tun-port 6080 --rp-filter loose", "GUE tunnel"),
            (
                tunnel_of(TunnelKind::Gre, Some(false), RpFilter::Off),
                "-i --tun-type gre --outer 4",
                "GRE tunnel",
            ),
            (
                tunnel_of(TunnelKind::Ipip, Some(true), RpFilter::Loose),
                "-i --outer 6 --rp-filter loose",
                "IPIP tunnel",
            ),
            (nat(&["10.1.0.1", "fd01::1"]), "-m --gateway 10.1.0.1 --gateway fd01::1", "NAT"),
        ] {
            assert_eq!(settings.options().join(" "), options);
            assert_eq!(settings.method_name(), name);
        }
    }
}
