//! Changes to the table.

use super::{
    Daemon, DaemonRole, Destination, DestinationKey, Family, Forwarding, Service, ServiceKey,
    Timeouts, ValidationError,
};
use std::fmt;

/// A change to the table: a command of the kernel with its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// The change as an instruction, with the settings that matter most: `edit real server 10.0.0.11:80
/// of tcp 192.0.2.1:80 (direct routing, weight 0)`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Change::AddService(service) => {
                write!(f, "add service {} ({})", service.key, service.scheduler)
            }
            Change::EditService(service) => {
                write!(f, "edit service {} ({})", service.key, service.scheduler)
            }
            Change::DeleteService(key) => write!(f, "delete service {key}"),
            Change::AddDestination(key, new) => {
                let (server, method, weight) = (new.key, new.forwarding, new.weight);
                write!(f, "add real server {server} to {key} ({method}, weight {weight})")
            }
            Change::EditDestination(key, new) => {
                let (server, method, weight) = (new.key, new.forwarding, new.weight);
                write!(f, "edit real server {server} of {key} ({method}, weight {weight})")
            }
            Change::DeleteDestination(key, old) => write!(f, "delete real server {old} of {key}"),
            Change::Flush => f.write_str("delete all services"),
            Change::Zero(Some(key)) => write!(f, "zero the counters of {key}"),
            Change::Zero(None) => f.write_str("zero all counters"),
            Change::SetTimeouts(Timeouts { tcp, tcp_fin, udp }) => {
                write!(f, "set the timeouts (tcp {tcp}, tcp_fin {tcp_fin}, udp {udp}; 0 keeps one)")
            }
            Change::StartDaemon(daemon) => {
                write!(f, "start the {} daemon on {}", daemon.role, daemon.interface)
            }
            Change::StopDaemon(role) => write!(f, "stop the {role} daemon"),
        }
    }
}
