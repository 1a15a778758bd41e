//! The JSON form of a virtual service, with its real servers in that of a table.

use super::{DestinationJson, Listed, NameJson, required};
use crate::model::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;

/// A service: either protocol, address and port, or mark and family.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceJson<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<NameJson<'static>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    family: Option<Family>,
    scheduler: Cow<'a, str>,
    scheduler_flags: Vec<Cow<'static, str>>,
    #[serde(deserialize_with = "required")]
    persistence: Option<PersistenceJson>,
    #[serde(deserialize_with = "required")]
    persistence_engine: Option<Cow<'a, str>>,
    one_packet: bool,
    /// Required in a table, and not allowed elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<DestinationJson>>,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    statistics: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    rates: Listed,
}

/// The timeout in seconds, and the netmask of an IPv4 or the prefix length of an IPv6 service.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersistenceJson {
    timeout: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    netmask: Option<Ipv4Addr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix_length: Option<u32>,
}

impl<'a> From<&'a Service> for ServiceJson<'a> {
    fn from(service: &'a Service) -> ServiceJson<'a> {
        let (mut protocol, mut address, mut port) = (None, None, None);
        let (mut mark, mut family) = (None, None);
        match &service.key {
            ServiceKey::Address { protocol: known, address: vip, port: number } => {
                (protocol, address, port) = (Some(known.into()), Some(*vip), Some(*number));
            }
            ServiceKey::Mark { mark: number, family: of } => {
                (mark, family) = (Some(*number), Some(*of));
            }
        }
        let (netmask, prefix_length) = match service.netmask {
            Netmask::V4(mask) => (Some(mask), None),
            Netmask::V6(length) => (None, Some(length.get().into())),
        };
        let persistence = |timeout| PersistenceJson { timeout, netmask, prefix_length };
        ServiceJson {
            protocol,
            address,
            port,
            mark,
            family,
            scheduler: Cow::Borrowed(&service.scheduler),
            scheduler_flags: service.scheduler_flag_names().map(Cow::Borrowed).collect(),
            persistence: service.persistence.map(persistence),
            persistence_engine: service.persistence_engine.as_deref().map(Cow::Borrowed),
            one_packet: service.one_packet,
            servers: None,
            statistics: None,
            rates: None,
        }
    }
}

impl TryFrom<ServiceJson<'_>> for Service {
    type Error = String;

    fn try_from(json: ServiceJson) -> Result<Service, String> {
        if json.servers.is_some() {
            return Err("unknown field `servers`: it belongs to a service of a table".into());
        }
        let key = match (json.protocol, json.address, json.port, json.mark, json.family) {
            (Some(protocol), Some(address), Some(port), None, None) => {
                ServiceKey::Address { protocol: protocol.try_into()?, address, port }
            }
            (None, None, None, Some(mark), Some(family)) => ServiceKey::Mark { mark, family },
            _ => {
                let text = "a service requires protocol, address and port, or mark and family";
                return Err(text.into());
            }
        };
        let mut flags = 0;
        for flag in &json.scheduler_flags {
            let bit =
                |scheduler| scheduler_flag_names(scheduler).iter().position(|name| name == flag);
            let bit = bit(&json.scheduler).or_else(|| bit(""));
            flags |= 1 << bit.ok_or_else(|| format!("unknown scheduler flag '{flag}'"))?;
        }
        let mut service = Service::new(key);
        service.scheduler = json.scheduler.into_owned();
        service.scheduler_flags = flags;
        service.persistence_engine = json.persistence_engine.map(Cow::into_owned);
        service.one_packet = json.one_packet;
        if let Some(PersistenceJson { timeout, netmask, prefix_length }) = json.persistence {
            service.persistence = Some(timeout);
            service.netmask = match (netmask, prefix_length) {
                (Some(mask), None) => Netmask::V4(mask),
                (None, Some(length)) => {
                    Netmask::V6(PrefixLength::new(length).map_err(|invalid| invalid.to_string())?)
                }
                _ => return Err("persistence requires netmask or prefix_length".into()),
            };
        }
        service.validate().map_err(|invalid| invalid.to_string())?;
        Ok(service)
    }
}
