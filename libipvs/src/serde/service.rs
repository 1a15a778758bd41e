//! A virtual service as configured.

use super::NameJson;
use crate::model::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// What tells one virtual service from another.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a service has a protocol, an address and a port, or a mark and a family"
)]
pub enum KeyJson {
    Address { protocol: NameJson<'static>, address: IpAddr, port: u16 },
    Mark { mark: u32, family: Family },
}

#[derive(Serialize, Deserialize)]
pub struct ServiceJson<'a> {
    #[serde(flatten)]
    key: KeyJson,
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

/// How long a client keeps its server, and who is one client.
#[derive(Serialize, Deserialize)]
struct PersistenceJson {
    /// Seconds.
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

impl From<&ServiceKey> for KeyJson {
    fn from(key: &ServiceKey) -> KeyJson {
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                KeyJson::Address { protocol: (&protocol).into(), address, port }
            }
            ServiceKey::Mark { mark, family } => KeyJson::Mark { mark, family },
        }
    }
}

impl TryFrom<KeyJson> for ServiceKey {
    type Error = String;

    fn try_from(key: KeyJson) -> Result<ServiceKey, String> {
        Ok(match key {
            KeyJson::Address { protocol, address, port } => {
                ServiceKey::Address { protocol: protocol.try_into()?, address, port }
            }
            KeyJson::Mark { mark, family } => ServiceKey::Mark { mark, family },
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
        let own = scheduler_flag_names(&service.scheduler);
        let names = own.iter().chain(&scheduler_flag_names("")[own.len()..]);
        let set = |bit: &usize| service.scheduler_flags & (1 << bit) != 0;
        ServiceJson {
            key: (&service.key).into(),
            scheduler: Cow::Borrowed(&service.scheduler),
            scheduler_flags: names
                .enumerate()
                .filter(|(bit, _)| set(bit))
                .map(|(_, n)| Cow::Borrowed(*n))
                .collect(),
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
        let mut builder = Service::of(key).scheduler(json.scheduler.clone());
        let own = scheduler_flag_names(&json.scheduler);
        let mut flags = 0;
        for flag in &json.scheduler_flags {
            let bit = |names: &[&str]| names.iter().position(|name| name == flag);
            let bit = bit(own).or_else(|| bit(scheduler_flag_names("")));
            flags |= 1 << bit.ok_or_else(|| format!("`{flag}' is no flag of a scheduler"))?;
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
