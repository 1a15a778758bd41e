//! Real servers.

use super::service::socket_address;
use super::{ParseError, ValidationError};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

/// The forwarding method of a real server (`IPVS_DEST_ATTR_FWD_METHOD`, an `IP_VS_CONN_F_` number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forwarding {
    /// NAT (`IP_VS_CONN_F_MASQ`).
    Masquerading,
    /// Local delivery (`IP_VS_CONN_F_LOCALNODE`). The kernel sets it for an address of the
    /// director.
    Local,
    /// Encapsulation in another packet (`IP_VS_CONN_F_TUNNEL`).
    Tunnel,
    /// Direct routing: the same packet to another MAC address (`IP_VS_CONN_F_DROUTE`).
    DirectRouting,
    /// Bypass of a cache (`IP_VS_CONN_F_BYPASS`). Only the kernel sets it.
    Bypass,
    /// Any other, by its number.
    Other(u32),
}

impl fmt::Display for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Forwarding::Masquerading => "masquerading",
            Forwarding::Local => "local",
            Forwarding::Tunnel => "tunnel",
            Forwarding::DirectRouting => "direct routing",
            Forwarding::Bypass => "bypass",
            Forwarding::Other(number) => return write!(f, "forwarding method {number}"),
        })
    }
}

/// The encapsulation of packets to a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tunnel {
    /// The tunnel type (`IPVS_DEST_ATTR_TUN_TYPE`).
    pub kind: TunnelKind,
    /// The UDP port, for GUE only (`IPVS_DEST_ATTR_TUN_PORT`).
    pub port: Option<NonZeroU16>,
    /// The checksum of the outer packet, for GUE and GRE (`IPVS_DEST_ATTR_TUN_FLAGS`).
    pub checksum: Checksum,
}

impl Tunnel {
    /// Returns a tunnel of IP in IP.
    pub fn ipip() -> Tunnel {
        Tunnel { kind: TunnelKind::Ipip, port: None, checksum: Checksum::None }
    }

    /// Returns a tunnel of generic UDP encapsulation (GUE) to this port.
    pub fn gue(port: NonZeroU16) -> Tunnel {
        Tunnel { kind: TunnelKind::Gue, port: Some(port), checksum: Checksum::None }
    }

    /// Returns a tunnel of GRE.
    pub fn gre() -> Tunnel {
        Tunnel { kind: TunnelKind::Gre, port: None, checksum: Checksum::None }
    }

    /// Replaces the checksum, which IP in IP does not have.
    #[must_use]
    pub fn with_checksum(self, checksum: Checksum) -> Tunnel {
        Tunnel { checksum, ..self }
    }
}

impl Default for Tunnel {
    fn default() -> Tunnel {
        Tunnel::ipip()
    }
}

/// The type of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// IP in IP (`IP_VS_CONN_F_TUNNEL_TYPE_IPIP`).
    Ipip,
    /// Generic UDP encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GUE`).
    Gue,
    /// Generic routing encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GRE`).
    Gre,
    /// Any other, by its number.
    Other(u8),
}

/// The checksum of a tunnel's outer packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Checksum {
    /// No checksum (`IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`).
    None,
    /// A full checksum (`IP_VS_TUNNEL_ENCAP_FLAG_CSUM`).
    Full,
    /// Remote checksum offload, for GUE only (`IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM`).
    Remote,
}

/// The identity of a real server within its virtual service.
///
/// Displayed as `10.0.0.11:80` or `[fd00::11]:80`, and parsed from the same. With the feature `serde`
/// this text is its form too, so that it can be a key of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DestinationKey {
    /// The IP address, RIP (`IPVS_DEST_ATTR_ADDR`).
    pub address: IpAddr,
    /// The port (`IPVS_DEST_ATTR_PORT`). 0 in a service for all ports: packets keep theirs.
    pub port: u16,
}

impl From<SocketAddr> for DestinationKey {
    fn from(server: SocketAddr) -> DestinationKey {
        DestinationKey { address: server.ip(), port: server.port() }
    }
}

impl From<DestinationKey> for SocketAddr {
    fn from(key: DestinationKey) -> SocketAddr {
        SocketAddr::new(key.address, key.port)
    }
}

impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        SocketAddr::from(*self).fmt(f)
    }
}

impl FromStr for DestinationKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<DestinationKey, ParseError> {
        let address = socket_address(text).map(DestinationKey::from);
        address.ok_or_else(|| ParseError::new("a real server such as '10.0.0.11:80'", text))
    }
}

/// A real server of a virtual service, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Destination {
    /// The address and port.
    pub key: DestinationKey,
    /// The forwarding method.
    pub forwarding: Forwarding,
    /// The encapsulation, if the method is tunnel.
    pub tunnel: Tunnel,
    /// The weight, 0 to 2147483647 (`IPVS_DEST_ATTR_WEIGHT`). With 0 it gets no new connections, except
    /// those of clients that persistence keeps there (sysctl `net.ipv4.vs.expire_quiescent_template`).
    pub weight: u32,
    /// The number of connections at which it gets no more; 0 for no limit
    /// (`IPVS_DEST_ATTR_U_THRESH`). Linux 7.2 refuses more than 2147483647, Linux 6.1 does not.
    pub upper_threshold: u32,
    /// The number of connections below which it gets new ones again (`IPVS_DEST_ATTR_L_THRESH`).
    pub lower_threshold: u32,
}

impl Destination {
    /// Returns a builder for a real server behind NAT, whose port may differ from that of the
    /// service.
    pub fn masquerading(server: SocketAddr) -> DestinationBuilder {
        Destination::builder(Forwarding::Masquerading, server)
    }

    /// Returns a builder for a real server on the director's network that has the virtual IP
    /// address too. Its port should be that of the service: packets are not changed, so the kernel
    /// accepts any other port, and ignores it.
    pub fn direct_routing(server: SocketAddr) -> DestinationBuilder {
        Destination::builder(Forwarding::DirectRouting, server)
    }

    /// Returns a builder for a real server at the end of a tunnel that has the virtual IP address
    /// too. Its port should be that of the service, as for direct routing.
    pub fn tunnel(server: SocketAddr, tunnel: Tunnel) -> DestinationBuilder {
        let mut builder = Destination::builder(Forwarding::Tunnel, server);
        builder.0.tunnel = tunnel;
        builder
    }

    fn builder(forwarding: Forwarding, server: SocketAddr) -> DestinationBuilder {
        DestinationBuilder(Destination::new(server.into(), forwarding))
    }

    /// Creates a real server with weight 1 and no thresholds, without validation.
    /// [`Destination::masquerading`] returns a builder that validates.
    pub fn new(key: DestinationKey, forwarding: Forwarding) -> Destination {
        Destination {
            key,
            forwarding,
            tunnel: Tunnel::default(),
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        }
    }

    /// Replaces the weight.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Destination {
        Destination { weight, ..self }
    }

    /// Replaces a forwarding method that only the kernel sets by one that a client can request.
    #[must_use]
    pub fn configured(&self) -> Destination {
        let forwarding = match self.forwarding {
            Forwarding::Local | Forwarding::Bypass => Forwarding::DirectRouting,
            other => other,
        };
        Destination { forwarding, ..self.clone() }
    }

    /// Checks the values, as far as that needs no kernel state.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let address = self.key.address;
        let (lower, upper) = (self.lower_threshold, self.upper_threshold);
        if !is_host(address) {
            Err(ValidationError::Address(address))
        } else if i32::try_from(self.weight).is_err() {
            Err(ValidationError::Weight(self.weight))
        } else if lower > upper {
            Err(ValidationError::Thresholds { lower, upper })
        } else if self.tunnel.kind == TunnelKind::Gue && self.tunnel.port.is_none() {
            Err(ValidationError::NoTunnelPort)
        } else {
            Ok(())
        }
    }
}

/// Returns true if the kernel treats an address as that of a host. It does so for 127.0.0.1,
/// 0.0.0.1, 240.0.0.1 and ::192.0.2.1. It also refuses the broadcast addresses of its interfaces
/// and link-local addresses of other hosts, which only the kernel knows.
fn is_host(address: IpAddr) -> bool {
    let excluded = match address {
        IpAddr::V4(address) => address == Ipv4Addr::BROADCAST,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    !(address.is_unspecified() || address.is_multicast() || excluded)
}

/// A builder for a real server: see [`Destination::masquerading`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct DestinationBuilder(Destination);

impl DestinationBuilder {
    /// Sets the weight (default: 1). With 0 the real server gets no new connections.
    pub fn weight(mut self, weight: u32) -> DestinationBuilder {
        self.0.weight = weight;
        self
    }

    /// Sets the thresholds: the real server gets no new connections from `upper` connections on,
    /// until it has fewer than `lower`. The kernel treats a lower threshold of 0 as three quarters
    /// of the upper one.
    pub fn thresholds(mut self, lower: u32, upper: u32) -> DestinationBuilder {
        self.0.lower_threshold = lower;
        self.0.upper_threshold = upper;
        self
    }

    /// Returns the real server, or the reason why it is invalid.
    pub fn build(self) -> Result<Destination, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}
