//! Changes to the table.

use super::{
    Daemon, DaemonRole, Destination, DestinationKey, Family, Forwarding, Service, ServiceKey,
    Timeouts, ValidationError,
};

/// A change to the table: a command of the kernel with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a service (`IPVS_CMD_NEW_SERVICE`).
    AddService(Service),
    /// Replaces the settings of a service (`IPVS_CMD_SET_SERVICE`).
    EditService(Service),
    /// Deletes a service and its real servers (`IPVS_CMD_DEL_SERVICE`).
    DeleteService(ServiceKey),
    /// Adds a real server to a service (`IPVS_CMD_NEW_DEST`).
    AddDestination(ServiceKey, Destination),
    /// Replaces the settings of a real server (`IPVS_CMD_SET_DEST`).
    EditDestination(ServiceKey, Destination),
    /// Deletes a real server (`IPVS_CMD_DEL_DEST`).
    DeleteDestination(ServiceKey, DestinationKey),
    /// Deletes all services (`IPVS_CMD_FLUSH`).
    Flush,
    /// Zeroes the counters of one service and its real servers, or all counters (`IPVS_CMD_ZERO`).
    Zero(Option<ServiceKey>),
    /// Sets the timeouts that are not 0 (`IPVS_CMD_SET_CONFIG`).
    SetTimeouts(Timeouts),
    /// Starts a synchronisation daemon (`IPVS_CMD_NEW_DAEMON`).
    StartDaemon(Daemon),
    /// Stops the synchronisation daemon of a role (`IPVS_CMD_DEL_DAEMON`).
    StopDaemon(DaemonRole),
}

impl Change {
    /// Checks the values of the change, as far as that needs no kernel state.
    pub fn validate(&self) -> Result<(), ValidationError> {
        match self {
            Change::AddService(service) | Change::EditService(service) => service.validate(),
            Change::AddDestination(key, new) | Change::EditDestination(key, new) => {
                new.validate()?;
                let (service, destination) = (*key, new.key.address);
                let differ = service.family() != Family::from(destination);
                match differ && new.forwarding != Forwarding::Tunnel {
                    true => Err(ValidationError::FamilyMismatch { service, destination }),
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
