//! The state of the fake kernel, and its answers to requests.

use crate::model::*;
use crate::netlink::attribute::{Attribute, Malformed, Value, attributes};
use crate::netlink::message::{
    CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL, Request, append_payload,
};
use crate::table::{Table, TableError};
use crate::wire::uapi::*;
use crate::wire::{self, Query, kernel_side};
use netlink_packet_core::NLMSG_NOOP;
use std::collections::HashMap;

/// The number of the family IPVS.
pub const FAMILY: u16 = 0x1c;

#[derive(Debug)]
pub struct Kernel {
    table: Table,
    /// The netmask of each service, which the kernel keeps without persistence too. A table does not.
    netmasks: HashMap<ServiceKey, Netmask>,
    pub services: HashMap<ServiceKey, Statistics>,
    pub destinations: HashMap<(ServiceKey, DestinationKey), ObservedDestination>,
    /// The changes made by clients.
    pub changes: Vec<Change>,
    /// The errno with which the look-up of the family fails.
    pub refuses_connections: Option<i32>,
}

pub enum Reply {
    /// The payloads of the answers.
    Data(Vec<Vec<u8>>),
    /// An errno, and an explanation.
    Refused(i32, Option<String>),
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::with_table(Table::default())
    }
}

impl Kernel {
    /// A kernel with this table. Timeouts of 0 have the kernel's defaults.
    pub fn with_table(mut table: Table) -> Kernel {
        let Timeouts { tcp, tcp_fin, udp } = table.timeouts();
        let or = |seconds, default| if seconds == 0 { default } else { seconds };
        let all = Timeouts { tcp: or(tcp, 900), tcp_fin: or(tcp_fin, 120), udp: or(udp, 300) };
        table.set_timeouts(all);
        Kernel {
            table,
            netmasks: HashMap::new(),
            services: HashMap::new(),
            destinations: HashMap::new(),
            changes: Vec::new(),
            refuses_connections: None,
        }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Makes a change to the table.
    pub fn apply(&mut self, change: &Change) -> Result<(), TableError> {
        self.table.apply(change)?;
        match change {
            Change::AddService(service) | Change::EditService(service) => {
                self.netmasks.insert(service.key, service.netmask);
            }
            Change::Zero(only) => self.zero(only.as_ref()),
            // What belongs to a deleted service or real server goes with it.
            Change::DeleteService(_) | Change::DeleteDestination(..) | Change::Flush => {
                let Kernel { table, netmasks, services, destinations, .. } = self;
                netmasks.retain(|key, _| table.service(key).is_some());
                services.retain(|key, _| table.service(key).is_some());
                destinations.retain(|(service, key), _| {
                    table.service(service).is_some_and(|entry| entry.destination(key).is_some())
                });
            }
            Change::AddDestination(..)
            | Change::EditDestination(..)
            | Change::SetTimeouts(_)
            | Change::StartDaemon(_)
            | Change::StopDaemon(_) => {}
        }
        Ok(())
    }

    /// Zeroes counters and rates of one service and its real servers, or of all. Connections stay.
    fn zero(&mut self, only: Option<&ServiceKey>) {
        let concerns = |service: &ServiceKey| only.is_none_or(|only| only == service);
        for (_, statistics) in self.services.iter_mut().filter(|(key, _)| concerns(key)) {
            *statistics = Statistics::default();
        }
        for (_, observed) in self.destinations.iter_mut().filter(|((key, _), _)| concerns(key)) {
            observed.statistics = Statistics::default();
        }
    }

    /// Executes a message of this kind.
    pub fn execute(&mut self, kind: u16, payload: &[u8]) -> Reply {
        let result = match kind {
            NLMSG_NOOP => Ok(vec![]),
            GENL_ID_CTRL => match self.refuses_connections {
                Some(errno) => Err(errno),
                None => {
                    let family = Attribute::new(CTRL_ATTR_FAMILY_ID, Value::U16(FAMILY));
                    Ok(vec![encode(1, vec![family])])
                }
            },
            FAMILY => match decode(payload) {
                Ok(kernel_side::Request::Change(change)) => self.change(change).map(|()| vec![]),
                Ok(kernel_side::Request::Query(query)) => self.answers(query),
                Err(_) => Err(libc::EINVAL),
            },
            _ => Err(libc::EOPNOTSUPP),
        };
        result.map_or_else(|errno| Reply::Refused(errno, None), Reply::Data)
    }

    fn change(&mut self, change: Change) -> Result<(), i32> {
        // The kernel looks up the service before it validates the destination.
        let defined = match &change {
            Change::AddDestination(key, _) | Change::EditDestination(key, _) => {
                self.table.service(key).is_some()
            }
            _ => true,
        };
        if !defined {
            return Err(libc::ESRCH);
        }
        change.validate().map_err(|invalid| match invalid {
            ValidationError::Weight(_) | ValidationError::Thresholds { .. } => libc::ERANGE,
            _ => libc::EINVAL,
        })?;
        if matches!(change, Change::StopDaemon(role) if self.table.daemon(role).is_none()) {
            return Err(libc::ESRCH);
        }
        self.apply(&change).map_err(errno)?;
        self.changes.push(change);
        Ok(())
    }

    fn answers(&self, query: Query) -> Result<Vec<Vec<u8>>, i32> {
        Ok(match query {
            Query::Services => self.table.iter().map(|e| self.service(e.service())).collect(),
            Query::Service(key) => {
                let entry = self.table.service(&key).ok_or(libc::ESRCH)?;
                vec![self.service(entry.service())]
            }
            Query::Destinations(key) => {
                let entry = self.table.service(&key);
                let destinations = entry.into_iter().flat_map(|entry| entry.destinations());
                destinations.map(|destination| self.destination(key, destination)).collect()
            }
            Query::Daemons => [DaemonRole::Master, DaemonRole::Backup]
                .into_iter()
                .filter_map(|role| self.table.daemon(role))
                .map(|daemon| encode_as(IPVS_CMD_GET_DAEMON, &Change::StartDaemon(daemon.clone())))
                .collect(),
            Query::Timeouts => {
                vec![encode_as(IPVS_CMD_GET_CONFIG, &Change::SetTimeouts(self.table.timeouts()))]
            }
            Query::Info => {
                let version = Version { major: 1, minor: 2, patch: 1 };
                let info = Info { version, connection_table_size: 4096 };
                vec![encode(IPVS_CMD_GET_INFO, kernel_side::info(&info))]
            }
        })
    }

    fn service(&self, service: &Service) -> Vec<u8> {
        let statistics = self.services.get(&service.key).copied().unwrap_or_default();
        let netmask = self.netmasks.get(&service.key).copied().unwrap_or(service.netmask);
        let add = Change::AddService(Service { netmask, ..service.clone() });
        encode(IPVS_CMD_NEW_SERVICE, kernel_side::service(&add, &statistics))
    }

    fn destination(&self, service: ServiceKey, destination: &Destination) -> Vec<u8> {
        let observed = self.destinations.get(&(service, destination.key)).cloned();
        let observed = observed.unwrap_or_else(|| destination.clone().into());
        let add = Change::AddDestination(service, destination.clone());
        encode(IPVS_CMD_NEW_DEST, kernel_side::destination(&add, &observed))
    }
}

/// Decodes the payload of a message to the family IPVS.
pub fn decode(payload: &[u8]) -> Result<kernel_side::Request, Malformed> {
    match (payload.first(), payload.get(GENL_HDRLEN..)) {
        (Some(command), Some(rest)) => kernel_side::request(*command, attributes(rest)),
        _ => Err(Malformed("a message without a command")),
    }
}

fn errno(error: TableError) -> i32 {
    match error {
        TableError::ServiceExists | TableError::DestinationExists | TableError::DaemonRunning => {
            libc::EEXIST
        }
        TableError::NoSuchService | TableError::ServiceNotDefined => libc::ESRCH,
        TableError::NoSuchDestination => libc::ENOENT,
        TableError::OutOfRange => libc::ERANGE,
    }
}

/// Encodes the payload of an answer.
fn encode(command: u8, attributes: Vec<Attribute>) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_payload(&mut bytes, IPVS_GENL_VERSION, &Request { command, attributes });
    bytes
}

/// Encodes an answer with the attributes of the request that makes this change.
fn encode_as(command: u8, change: &Change) -> Vec<u8> {
    encode(command, wire::change(change).attributes)
}
