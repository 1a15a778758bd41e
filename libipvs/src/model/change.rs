//! Changes to the table.

use super::{
    Daemon, DaemonRole, Destination, DestinationKey, Family, Forwarding, Service, ServiceKey,
    Timeouts, ValidationError,
};

/// One change to the table: what a command of the kernel's does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// `IPVS_CMD_NEW_SERVICE`.
    AddService(Service),
    /// `IPVS_CMD_SET_SERVICE`: all of it but its key.
    EditService(Service),
    /// `IPVS_CMD_DEL_SERVICE`, with its servers.
    DeleteService(ServiceKey),
    /// `IPVS_CMD_NEW_DEST`.
    AddDestination(ServiceKey, Destination),
    /// `IPVS_CMD_SET_DEST`: all of it but its key.
    EditDestination(ServiceKey, Destination),
    /// `IPVS_CMD_DEL_DEST`.
    DeleteDestination(ServiceKey, DestinationKey),
    /// Remove every service (`IPVS_CMD_FLUSH`).
    Flush,
    /// Zero the counters of one service and its servers, or of all (`IPVS_CMD_ZERO`).
    Zero(Option<ServiceKey>),
    /// `IPVS_CMD_SET_CONFIG`.
    SetTimeouts(Timeouts),
    /// `IPVS_CMD_NEW_DAEMON`.
    StartDaemon(Daemon),
    /// `IPVS_CMD_DEL_DAEMON`.
    StopDaemon(DaemonRole),
}

impl Change {
    /// Whether the kernel takes what it carries, as far as that hangs on nothing else.
    pub fn validate(&self) -> Result<(), ValidationError> {
        match self {
            Change::AddService(service) | Change::EditService(service) => service.validate(),
            Change::AddDestination(key, server) | Change::EditDestination(key, server) => {
                server.validate()?;
                let address = server.key.address;
                let differ = key.family() != Family::of(address);
                match differ && server.forwarding != Forwarding::Tunnel {
                    true => Err(ValidationError::Families { service: *key, server: address }),
                    false => Ok(()),
                }
            }
            Change::SetTimeouts(timeouts) => timeouts.validate(),
            Change::StartDaemon(daemon) => daemon.validate(),
            Change::DeleteService(_)
            | Change::DeleteDestination(..)
            | Change::Flush
            | Change::Zero(_)
            | Change::StopDaemon(_) => Ok(()),
        }
    }
}
