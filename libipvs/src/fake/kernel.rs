//! What the kernel does with a request: a table in memory, and payloads in and out.

use crate::model::*;
use crate::netlink::attribute::{Attribute, Malformed, Value, attributes};
use crate::netlink::socket::{Request, lay_out};
use crate::table::{Table, TableError};
use crate::wire;
use crate::wire::kernel_side::{self, Asked, Question};
use crate::wire::uapi::*;
use netlink_packet_core::NLMSG_NOOP;
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL};
use std::collections::HashMap;

/// What the family is numbered here.
pub const FAMILY: u16 = 0x1c;

/// A table, and what is counted in it.
#[derive(Debug, Default)]
pub struct Kernel {
    pub table: Table,
    pub services: HashMap<ServiceKey, Statistics>,
    pub destinations: HashMap<(ServiceKey, DestinationKey), ObservedDestination>,
    /// The changes that were asked for and made.
    pub made: Vec<Change>,
}

/// What a request is answered with: payloads, or an errno and why.
pub enum Reply {
    Data(Vec<Vec<u8>>),
    Refused(i32, Option<String>),
}

impl Kernel {
    /// Do what a message of this kind asks for.
    pub fn reply(&mut self, kind: u16, payload: &[u8]) -> Reply {
        let result = match kind {
            NLMSG_NOOP => Ok(vec![]),
            GENL_ID_CTRL => {
                let family = Attribute::new(CTRL_ATTR_FAMILY_ID, Value::U16(FAMILY));
                Ok(vec![laid_out(1, vec![family])])
            }
            FAMILY => match asked(payload) {
                Ok(Asked::Change(change)) => self.change(change).map(|()| vec![]),
                Ok(Asked::Question(question)) => self.answers(question),
                Err(_) => Err(libc::EINVAL),
            },
            _ => Err(libc::EOPNOTSUPP),
        };
        result.map_or_else(|errno| Reply::Refused(errno, None), Reply::Data)
    }

    fn change(&mut self, change: Change) -> Result<(), i32> {
        // The kernel looks for the service before it looks at the server.
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
        self.table.apply(&change).map_err(errno)?;
        self.made.push(change);
        Ok(())
    }

    fn answers(&self, question: Question) -> Result<Vec<Vec<u8>>, i32> {
        Ok(match question {
            Question::Services => {
                self.table.services().map(|e| self.service(e.service())).collect()
            }
            Question::Service(key) => {
                let entry = self.table.service(&key).ok_or(libc::ESRCH)?;
                vec![self.service(entry.service())]
            }
            Question::Destinations(key) => {
                let servers = self.table.service(&key).into_iter().flat_map(|e| e.destinations());
                servers.map(|server| self.destination(key, server)).collect()
            }
            Question::Daemons => [DaemonRole::Master, DaemonRole::Backup]
                .into_iter()
                .filter_map(|role| self.table.daemon(role))
                .map(|daemon| asked_as(IPVS_CMD_GET_DAEMON, &Change::StartDaemon(daemon.clone())))
                .collect(),
            Question::Timeouts => {
                vec![asked_as(IPVS_CMD_GET_CONFIG, &Change::SetTimeouts(self.table.timeouts()))]
            }
            Question::Info => {
                let info = Info { version: 0x010201, connection_table_size: 4096 };
                vec![laid_out(IPVS_CMD_GET_INFO, kernel_side::info(&info))]
            }
        })
    }

    fn service(&self, service: &Service) -> Vec<u8> {
        let statistics = self.services.get(&service.key).copied().unwrap_or_default();
        let request = Change::AddService(service.clone());
        laid_out(IPVS_CMD_NEW_SERVICE, kernel_side::service(&request, &statistics))
    }

    fn destination(&self, service: ServiceKey, destination: &Destination) -> Vec<u8> {
        let counted = self.destinations.get(&(service, destination.key)).cloned();
        let shown = counted.unwrap_or_else(|| destination.clone().into());
        let request = Change::AddDestination(service, destination.clone());
        laid_out(IPVS_CMD_NEW_DEST, kernel_side::destination(&request, &shown))
    }
}

/// What a request of the family asks for.
pub fn asked(payload: &[u8]) -> Result<Asked, Malformed> {
    match (payload.first(), payload.get(GENL_HDRLEN..)) {
        (Some(command), Some(carried)) => kernel_side::asked(*command, attributes(carried)),
        _ => Err(Malformed("no command")),
    }
}

fn errno(refused: TableError) -> i32 {
    match refused {
        TableError::ServiceExists | TableError::DestinationExists | TableError::DaemonRuns => {
            libc::EEXIST
        }
        TableError::NoService | TableError::NotDefined => libc::ESRCH,
        TableError::NoDestination => libc::ENOENT,
        TableError::Thresholds => libc::ERANGE,
    }
}

/// The payload of an answer.
fn laid_out(command: u8, attributes: Vec<Attribute>) -> Vec<u8> {
    let mut bytes = Vec::new();
    lay_out(&mut bytes, IPVS_GENL_VERSION, &Request { command, attributes });
    bytes
}

/// An answer with what a request carries.
fn asked_as(command: u8, request: &Change) -> Vec<u8> {
    laid_out(command, wire::change(request).attributes)
}
