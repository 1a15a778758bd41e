//! Real servers.

use super::ValidationError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

/// How packets get to a real server (`IPVS_DEST_ATTR_FWD_METHOD`, an `IP_VS_CONN_F_` number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forwarding {
    /// NAT (`IP_VS_CONN_F_MASQ`).
    Masquerading,
    /// Set by the kernel for an address of the director itself (`IP_VS_CONN_F_LOCALNODE`).
    Local,
    /// A packet in a packet (`IP_VS_CONN_F_TUNNEL`).
    Tunnel,
    /// The same packet to another MAC address (`IP_VS_CONN_F_DROUTE`).
    DirectRouting,
    /// Set by the kernel for a cache's own traffic (`IP_VS_CONN_F_BYPASS`).
    Bypass,
    /// One that this crate does not know, by its number.
    Other(u32),
}

/// Encapsulation of the tunnel to a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tunnel {
    /// In what packets travel (`IPVS_DEST_ATTR_TUN_TYPE`).
    pub kind: TunnelKind,
    /// UDP port, for GUE (`IPVS_DEST_ATTR_TUN_PORT`).
    pub port: u16,
    /// Of the outer packet, for GUE and GRE (`IPVS_DEST_ATTR_TUN_FLAGS`).
    pub checksum: Checksum,
}

impl Tunnel {
    /// IP in IP.
    pub fn ipip() -> Tunnel {
        Tunnel { kind: TunnelKind::Ipip, port: 0, checksum: Checksum::None }
    }

    /// Generic UDP encapsulation, to this port.
    pub fn gue(port: NonZeroU16) -> Tunnel {
        Tunnel { kind: TunnelKind::Gue, port: port.get(), checksum: Checksum::None }
    }

    /// GRE.
    pub fn gre() -> Tunnel {
        Tunnel { kind: TunnelKind::Gre, port: 0, checksum: Checksum::None }
    }

    /// The same with this checksum. IP in IP has none.
    pub fn with_checksum(self, checksum: Checksum) -> Tunnel {
        Tunnel { checksum, ..self }
    }
}

impl Default for Tunnel {
    fn default() -> Tunnel {
        Tunnel::ipip()
    }
}

/// What a tunnel's packets travel in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKind {
    /// `IP_VS_CONN_F_TUNNEL_TYPE_IPIP`.
    Ipip,
    /// `IP_VS_CONN_F_TUNNEL_TYPE_GUE`.
    Gue,
    /// `IP_VS_CONN_F_TUNNEL_TYPE_GRE`.
    Gre,
    /// One that this crate does not know, by its number.
    Other(u8),
}

/// Checksum of a tunnel's outer packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Checksum {
    /// `IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`.
    None,
    /// `IP_VS_TUNNEL_ENCAP_FLAG_CSUM`.
    Full,
    /// Remote checksum offload, for GUE (`IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM`).
    Remote,
}

/// What tells one real server of a virtual service from another. It shows as `10.0.0.11:80`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DestinationKey {
    /// Its address (`IPVS_DEST_ATTR_ADDR`).
    pub address: IpAddr,
    /// Its port (`IPVS_DEST_ATTR_PORT`).
    pub port: u16,
}

impl From<SocketAddr> for DestinationKey {
    fn from(server: SocketAddr) -> DestinationKey {
        DestinationKey { address: server.ip(), port: server.port() }
    }
}

impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// A real server of a virtual service, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// Which one.
    pub key: DestinationKey,
    /// How packets get there.
    pub forwarding: Forwarding,
    /// In what, where that is by a tunnel.
    pub tunnel: Tunnel,
    /// Its share, 0 to 2147483647; 0 for no new connections (`IPVS_DEST_ATTR_WEIGHT`).
    pub weight: u32,
    /// Connections at which it gets no more; 0 for no limit (`IPVS_DEST_ATTR_U_THRESH`).
    pub upper_threshold: u32,
    /// Connections below which it gets new ones again (`IPVS_DEST_ATTR_L_THRESH`).
    pub lower_threshold: u32,
}

impl Destination {
    /// A server behind NAT: it may have a port of its own.
    pub fn masquerading(server: SocketAddr) -> DestinationBuilder {
        Destination::by(Forwarding::Masquerading, server)
    }

    /// A server on the same network, which has the virtual IP address too. Its port is the service's:
    /// packets get there as they are.
    pub fn direct_routing(server: SocketAddr) -> DestinationBuilder {
        Destination::by(Forwarding::DirectRouting, server)
    }

    /// A server at the end of a tunnel, which has the virtual IP address too. Its port is the service's.
    pub fn tunnel(server: SocketAddr, tunnel: Tunnel) -> DestinationBuilder {
        let mut builder = Destination::by(Forwarding::Tunnel, server);
        builder.0.tunnel = tunnel;
        builder
    }

    fn by(forwarding: Forwarding, server: SocketAddr) -> DestinationBuilder {
        DestinationBuilder(Destination::new(server.into(), forwarding))
    }

    /// A real server with weight 1 and no thresholds, which is not checked: see
    /// [`Destination::masquerading`] for a builder that checks.
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

    /// The same as somebody would ask for it: without what the kernel has made of the forwarding method
    /// by itself, and would again.
    pub fn configured(&self) -> Destination {
        let forwarding = match self.forwarding {
            Forwarding::Local | Forwarding::Bypass => Forwarding::DirectRouting,
            other => other,
        };
        Destination { forwarding, ..self.clone() }
    }

    /// Whether the kernel takes it, as far as that hangs on nothing else.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let address = self.key.address;
        let (lower, upper) = (self.lower_threshold, self.upper_threshold);
        if !is_of_a_host(address) {
            Err(ValidationError::Address(address))
        } else if i32::try_from(self.weight).is_err() {
            Err(ValidationError::Weight(self.weight))
        } else if lower > upper {
            Err(ValidationError::Thresholds { lower, upper })
        } else if self.tunnel.kind == TunnelKind::Gue && self.tunnel.port == 0 {
            Err(ValidationError::NoTunnelPort)
        } else {
            Ok(())
        }
    }
}

/// As the kernel has it, to which 127.0.0.1, 0.0.0.1, 240.0.0.1 and ::192.0.2.1 are hosts. It alone knows what
/// is broadcast on an interface, and whether a link-local address is its own: it takes no other.
fn is_of_a_host(address: IpAddr) -> bool {
    let none = match address {
        IpAddr::V4(address) => address == Ipv4Addr::BROADCAST,
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    !(address.is_unspecified() || address.is_multicast() || none)
}

/// A real server in the making: see [`Destination::masquerading`].
#[derive(Debug, Clone)]
#[must_use = "it is no real server until it is built"]
pub struct DestinationBuilder(Destination);

impl DestinationBuilder {
    /// Its share of new connections in place of 1; 0 for none.
    pub fn weight(mut self, weight: u32) -> DestinationBuilder {
        self.0.weight = weight;
        self
    }

    /// No new connections from `upper` on, until there are fewer than `lower`. The kernel takes three
    /// quarters of the upper one for a lower one of 0.
    pub fn thresholds(mut self, lower: u32, upper: u32) -> DestinationBuilder {
        self.0.lower_threshold = lower;
        self.0.upper_threshold = upper;
        self
    }

    /// The real server, or what is wrong with it.
    pub fn build(self) -> Result<Destination, ValidationError> {
        self.0.validate()?;
        Ok(self.0)
    }
}
