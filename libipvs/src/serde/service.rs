//! The JSON form of a virtual service.

use super::NameJson;
use crate::model::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a service requires protocol, address and port, or mark and family")]
pub enum ServiceKeyJson {
    Address { protocol: NameJson<'static>, address: IpAddr, port: u16 },
    Mark { mark: u32, family: Family },
}

#[derive(Serialize, Deserialize)]
pub struct ServiceJson<'a> {
    #[serde(flatten)]
    key: ServiceKeyJson,
    scheduler: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scheduler_flags: Vec<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<PersistenceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    one_packet: bool,
}

#[derive(Serialize, Deserialize)]
struct PersistenceJson {
    /// In seconds.
    timeout: u32,
    #[serde(flatten)]
    netmask: NetmaskJson,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NetmaskJson {
    Netmask(Ipv4Addr),
    PrefixLength(u32),
}

impl From<&ServiceKey> for ServiceKeyJson {
    fn from(key: &ServiceKey) -> ServiceKeyJson {
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                ServiceKeyJson::Address { protocol: (&protocol).into(), address, port }
            }
            ServiceKey::Mark { mark, family } => ServiceKeyJson::Mark { mark, family },
        }
    }
}

impl TryFrom<ServiceKeyJson> for ServiceKey {
    type Error = String;

    fn try_from(key: ServiceKeyJson) -> Result<ServiceKey, String> {
        Ok(match key {
            ServiceKeyJson::Address { protocol, address, port } => {
                ServiceKey::Address { protocol: protocol.try_into()?, address, port }
            }
            ServiceKeyJson::Mark { mark, family } => ServiceKey::Mark { mark, family },
        })
    }
}

impl<'a> From<&'a Service> for ServiceJson<'a> {
    fn from(service: &'a Service) -> ServiceJson<'a> {
        let persistence = service.persistence.map(|timeout| {
            let netmask = match service.netmask {
                Netmask::V4(mask) => NetmaskJson::Netmask(mask),
                Netmask::V6(prefix) => NetmaskJson::PrefixLength(prefix),
            };
            PersistenceJson { timeout, netmask }
        });
        ServiceJson {
            key: (&service.key).into(),
            scheduler: Cow::Borrowed(&service.scheduler),
            scheduler_flags: service.scheduler_flag_names().map(Cow::Borrowed).collect(),
            persistence,
            persistence_engine: service.persistence_engine.as_deref().map(Cow::Borrowed),
            one_packet: service.one_packet,
        }
    }
}

impl TryFrom<ServiceJson<'_>> for Service {
    type Error = String;

    fn try_from(json: ServiceJson) -> Result<Service, String> {
        let key = json.key.try_into()?;
        let mut builder = Service::builder(key).scheduler(json.scheduler.clone());
        let mut flags = 0;
        for flag in &json.scheduler_flags {
            let bit =
                |scheduler| scheduler_flag_names(scheduler).iter().position(|name| name == flag);
            let bit = bit(&json.scheduler).or_else(|| bit(""));
            flags |= 1 << bit.ok_or_else(|| format!("unknown scheduler flag '{flag}'"))?;
        }
        builder = builder.scheduler_flags(flags);
        if let Some(persistence) = json.persistence {
            builder = builder.persistence(persistence.timeout).netmask(match persistence.netmask {
                NetmaskJson::Netmask(mask) => Netmask::V4(mask),
                NetmaskJson::PrefixLength(prefix) => Netmask::V6(prefix),
            });
        }
        if let Some(engine) = json.persistence_engine {
            builder = builder.persistence_engine(engine);
        }
        if json.one_packet {
            builder = builder.one_packet();
        }
        builder.build().map_err(|invalid| invalid.to_string())
    }
}
