//! The JSON form of a change: that of `ipvsadm apply --json`.

use crate::model::*;
use serde::Serialize;
use std::net::IpAddr;
use std::num::NonZeroU32;

#[derive(Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ChangeJson<'a> {
    AddService {
        service: &'a Service,
    },
    EditService {
        service: &'a Service,
    },
    DeleteService {
        service: ServiceKeyJson,
    },
    AddServer {
        service: ServiceKeyJson,
        server: &'a Destination,
    },
    EditServer {
        service: ServiceKeyJson,
        server: &'a Destination,
    },
    DeleteServer {
        service: ServiceKeyJson,
        server: DestinationKeyJson,
    },
    Clear,
    Zero {
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<ServiceKeyJson>,
    },
    Set {
        timeouts: &'a Timeouts,
    },
    StartDaemon {
        daemon: &'a Daemon,
    },
    StopDaemon {
        role: DaemonRole,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum ServiceKeyJson {
    Address { protocol: Protocol, address: IpAddr, port: u16 },
    Mark { mark: NonZeroU32, family: Family },
}

#[derive(Serialize)]
pub struct DestinationKeyJson {
    address: IpAddr,
    port: u16,
}

impl From<&ServiceKey> for ServiceKeyJson {
    fn from(key: &ServiceKey) -> ServiceKeyJson {
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                ServiceKeyJson::Address { protocol, address, port }
            }
            ServiceKey::Mark { mark, family } => ServiceKeyJson::Mark { mark, family },
        }
    }
}

impl<'a> From<&'a Change> for ChangeJson<'a> {
    fn from(change: &'a Change) -> ChangeJson<'a> {
        match change {
            Change::AddService(service) => ChangeJson::AddService { service },
            Change::EditService(service) => ChangeJson::EditService { service },
            Change::DeleteService(key) => ChangeJson::DeleteService { service: key.into() },
            Change::AddDestination(key, server) => {
                ChangeJson::AddServer { service: key.into(), server }
            }
            Change::EditDestination(key, server) => {
                ChangeJson::EditServer { service: key.into(), server }
            }
            Change::DeleteDestination(key, server) => {
                let server = DestinationKeyJson { address: server.address, port: server.port };
                ChangeJson::DeleteServer { service: key.into(), server }
            }
            Change::Flush => ChangeJson::Clear,
            Change::Zero(key) => ChangeJson::Zero { service: key.as_ref().map(Into::into) },
            Change::SetTimeouts(timeouts) => ChangeJson::Set { timeouts },
            Change::StartDaemon(daemon) => ChangeJson::StartDaemon { daemon },
            Change::StopDaemon(role) => ChangeJson::StopDaemon { role: *role },
        }
    }
}
