//! Decoding of the kernel's answers into the model.

use super::{address_from, family_from, forwarding_from, tunnel_from};
use crate::model::*;
use crate::netlink::attribute::{Attributes, Malformed};
use crate::wire::uapi::*;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU16, NonZeroU32};

/// Returns the attributes of the nest of this kind in an answer.
fn nest(answer: Attributes<'_>, kind: u16) -> Result<Attributes<'_>, Malformed> {
    for attribute in answer {
        let attribute = attribute?;
        if attribute.kind == kind {
            return Ok(attribute.nested());
        }
    }
    Err(Malformed("an answer of another kind"))
}

/// Decodes an answer to `IPVS_CMD_GET_SERVICE`.
pub fn read_service(answer: Attributes) -> Result<ObservedService, Malformed> {
    let (service, statistics) = service(answer)?;
    Ok(ObservedService { service, statistics: read_statistics(statistics)? })
}

/// Decodes an answer to `IPVS_CMD_GET_SERVICE`, without the statistics.
pub fn read_configured_service(answer: Attributes) -> Result<Service, Malformed> {
    Ok(service(answer)?.0)
}

/// Decodes a service, and returns the nest of its statistics.
fn service(answer: Attributes<'_>) -> Result<(Service, Option<Attributes<'_>>), Malformed> {
    let (mut family, mut protocol, mut address) = (Family::V4, Protocol::Other(0), [0; 16]);
    let (mut port, mut mark, mut scheduler) = (0, 0, String::new());
    let (mut flags, mut timeout, mut netmask) = (0, 0, [0; 4]);
    let (mut engine, mut stats, mut stats64) = (String::new(), None, None);
    for attribute in nest(answer, IPVS_CMD_ATTR_SERVICE)? {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_SVC_ATTR_AF => family = family_from(attribute.u16()?)?,
            IPVS_SVC_ATTR_PROTOCOL => protocol = Protocol::from_number(attribute.u16()?),
            IPVS_SVC_ATTR_ADDR => address = attribute.address()?,
            IPVS_SVC_ATTR_PORT => port = attribute.be16()?,
            IPVS_SVC_ATTR_FWMARK => mark = attribute.u32()?,
            IPVS_SVC_ATTR_SCHED_NAME => scheduler = attribute.text(),
            IPVS_SVC_ATTR_FLAGS => flags = attribute.flags()?,
            IPVS_SVC_ATTR_TIMEOUT => timeout = attribute.u32()?,
            IPVS_SVC_ATTR_NETMASK => netmask = attribute.u32()?.to_ne_bytes(),
            IPVS_SVC_ATTR_PE_NAME => engine = attribute.text(),
            IPVS_SVC_ATTR_STATS => stats = Some(attribute.nested()),
            IPVS_SVC_ATTR_STATS64 => stats64 = Some(attribute.nested()),
            _ => {}
        }
    }
    let key = match NonZeroU32::new(mark) {
        None => {
            let address = address_from(address, family);
            ServiceKey::Address { protocol, address, port }
        }
        Some(mark) => ServiceKey::Mark { mark, family },
    };
    let service = Service {
        key,
        scheduler,
        scheduler_flags: ((flags / IP_VS_SVC_F_SCHED1) & 0b111) as u8,
        persistence: (flags & IP_VS_SVC_F_PERSISTENT != 0).then_some(timeout),
        netmask: match family {
            Family::V4 => Netmask::V4(netmask.into()),
            Family::V6 => match PrefixLength::new(u32::from_ne_bytes(netmask)) {
                Ok(length) => Netmask::V6(length),
                // A request without settings, or a length that no kernel accepts.
                Err(_) => Netmask::whole(family),
            },
        },
        one_packet: flags & IP_VS_SVC_F_ONEPACKET != 0,
        persistence_engine: (!engine.is_empty()).then_some(engine),
    };
    Ok((service, stats64.or(stats)))
}

/// Decodes an answer to `IPVS_CMD_GET_DEST` about a service of `family`.
pub fn read_destination(
    answer: Attributes,
    family: Family,
) -> Result<ObservedDestination, Malformed> {
    let (mut observed, statistics) = destination(answer, family)?;
    observed.statistics = read_statistics(statistics)?;
    Ok(observed)
}

/// Decodes an answer to `IPVS_CMD_GET_DEST`, without the statistics.
pub fn read_configured_destination(
    answer: Attributes,
    family: Family,
) -> Result<Destination, Malformed> {
    Ok(destination(answer, family)?.0.destination)
}

/// Decodes a destination without its statistics, and returns the nest of these.
fn destination(
    answer: Attributes<'_>,
    mut family: Family,
) -> Result<(ObservedDestination, Option<Attributes<'_>>), Malformed> {
    let key = DestinationKey { address: Ipv4Addr::UNSPECIFIED.into(), port: 0 };
    let mut observed = ObservedDestination::from(Destination::new(key, Forwarding::Masquerading));
    let destination = &mut observed.destination;
    // A request to delete has no settings.
    destination.weight = 0;
    let (mut address, mut stats, mut stats64) = ([0; 16], None, None);
    for attribute in nest(answer, IPVS_CMD_ATTR_DEST)? {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_DEST_ATTR_ADDR_FAMILY => family = family_from(attribute.u16()?)?,
            IPVS_DEST_ATTR_ADDR => address = attribute.address()?,
            IPVS_DEST_ATTR_PORT => destination.key.port = attribute.be16()?,
            IPVS_DEST_ATTR_FWD_METHOD => {
                destination.forwarding = forwarding_from(attribute.u32()? & IP_VS_CONN_F_FWD_MASK);
            }
            IPVS_DEST_ATTR_WEIGHT => destination.weight = attribute.u32()?,
            IPVS_DEST_ATTR_U_THRESH => destination.upper_threshold = attribute.u32()?,
            IPVS_DEST_ATTR_L_THRESH => destination.lower_threshold = attribute.u32()?,
            IPVS_DEST_ATTR_TUN_TYPE => destination.tunnel.kind = tunnel_from(attribute.u8()?),
            IPVS_DEST_ATTR_TUN_PORT => destination.tunnel.port = NonZeroU16::new(attribute.be16()?),
            IPVS_DEST_ATTR_TUN_FLAGS => destination.tunnel.checksum = checksum(attribute.u16()?),
            IPVS_DEST_ATTR_ACTIVE_CONNS => observed.active = attribute.u32()?,
            IPVS_DEST_ATTR_INACT_CONNS => observed.inactive = attribute.u32()?,
            IPVS_DEST_ATTR_PERSIST_CONNS => observed.persistent = attribute.u32()?,
            IPVS_DEST_ATTR_STATS => stats = Some(attribute.nested()),
            IPVS_DEST_ATTR_STATS64 => stats64 = Some(attribute.nested()),
            _ => {}
        }
    }
    observed.destination.key.address = address_from(address, family);
    Ok((observed, stats64.or(stats)))
}

fn checksum(flags: u16) -> Checksum {
    if flags & IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM != 0 {
        Checksum::Remote
    } else if flags & IP_VS_TUNNEL_ENCAP_FLAG_CSUM != 0 {
        Checksum::Full
    } else {
        Checksum::None
    }
}

/// Decodes statistics of 32 or 64 bits. They are all 0 if the kernel sent none.
fn read_statistics(nest: Option<Attributes>) -> Result<Statistics, Malformed> {
    let mut statistics = Statistics::default();
    for attribute in nest.into_iter().flatten() {
        let attribute = attribute?;
        let field = match attribute.kind {
            IPVS_STATS_ATTR_CONNS => &mut statistics.connections,
            IPVS_STATS_ATTR_INPKTS => &mut statistics.packets_in,
            IPVS_STATS_ATTR_OUTPKTS => &mut statistics.packets_out,
            IPVS_STATS_ATTR_INBYTES => &mut statistics.bytes_in,
            IPVS_STATS_ATTR_OUTBYTES => &mut statistics.bytes_out,
            IPVS_STATS_ATTR_CPS => &mut statistics.connections_rate,
            IPVS_STATS_ATTR_INPPS => &mut statistics.packets_in_rate,
            IPVS_STATS_ATTR_OUTPPS => &mut statistics.packets_out_rate,
            IPVS_STATS_ATTR_INBPS => &mut statistics.bytes_in_rate,
            IPVS_STATS_ATTR_OUTBPS => &mut statistics.bytes_out_rate,
            _ => continue,
        };
        *field = match attribute.value.len() {
            8 => attribute.u64()?,
            _ => attribute.u32()?.into(),
        };
    }
    Ok(statistics)
}

/// Decodes an answer to `IPVS_CMD_GET_DAEMON`.
pub fn read_daemon(answer: Attributes) -> Result<Daemon, Malformed> {
    let mut daemon = Daemon::new(DaemonRole::Master);
    for attribute in nest(answer, IPVS_CMD_ATTR_DAEMON)? {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_DAEMON_ATTR_STATE => {
                daemon.role = match attribute.u32()? {
                    IP_VS_STATE_MASTER => DaemonRole::Master,
                    IP_VS_STATE_BACKUP => DaemonRole::Backup,
                    _ => return Err(Malformed("a sync daemon of an unknown state")),
                }
            }
            IPVS_DAEMON_ATTR_MCAST_IFN => daemon.interface = attribute.text(),
            IPVS_DAEMON_ATTR_SYNC_ID => daemon.sync_id = attribute.u32()?,
            IPVS_DAEMON_ATTR_SYNC_MAXLEN => daemon.max_length = Some(attribute.u16()?),
            IPVS_DAEMON_ATTR_MCAST_GROUP => {
                daemon.group = Some(Ipv4Addr::from_bits(attribute.be32()?).into());
            }
            IPVS_DAEMON_ATTR_MCAST_GROUP6 => {
                daemon.group = Some(Ipv6Addr::from(attribute.address()?).into());
            }
            IPVS_DAEMON_ATTR_MCAST_PORT => daemon.port = NonZeroU16::new(attribute.u16()?),
            IPVS_DAEMON_ATTR_MCAST_TTL => daemon.ttl = Some(attribute.u8()?),
            _ => {}
        }
    }
    Ok(daemon)
}

/// Decodes an answer to `IPVS_CMD_GET_CONFIG`.
pub fn read_timeouts(answer: Attributes) -> Result<Timeouts, Malformed> {
    let mut timeouts = Timeouts::default();
    for attribute in answer {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_CMD_ATTR_TIMEOUT_TCP => timeouts.tcp = attribute.u32()?,
            IPVS_CMD_ATTR_TIMEOUT_TCP_FIN => timeouts.tcp_fin = attribute.u32()?,
            IPVS_CMD_ATTR_TIMEOUT_UDP => timeouts.udp = attribute.u32()?,
            _ => {}
        }
    }
    Ok(timeouts)
}

/// Decodes an answer to `IPVS_CMD_GET_INFO`.
pub fn read_info(answer: Attributes) -> Result<Info, Malformed> {
    let mut info = Info::default();
    for attribute in answer {
        let attribute = attribute?;
        match attribute.kind {
            IPVS_INFO_ATTR_VERSION => info.version = Version::from_number(attribute.u32()?),
            IPVS_INFO_ATTR_CONN_TAB_SIZE => info.connection_table_size = attribute.u32()?,
            _ => {}
        }
    }
    Ok(info)
}
