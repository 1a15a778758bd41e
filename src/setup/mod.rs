//! Declarative set-up of a host. A policy compares what it requires with a snapshot of the host and
//! makes a plan; the plan is applied, and reverted from the journal.
//!
//! ```text
//! settings + Snapshot -> policy -> Plan -> render (dry run)
//!                                    |
//!                                  apply <-> journal (/run) <-> revert
//!                                               |
//!                                          persistence (/etc)
//! ```
//!
//! [`real_server`] is a policy. The other modules know nothing about real servers.

pub mod apply;
mod fault_injection;
pub mod journal;
pub mod persistence;
pub mod plan;
pub mod real_server;
pub mod render;
pub mod revert;
#[cfg(test)]
mod testing;

use crate::host::{self, state_file};
use journal::Setup;
use persistence::BootRequirements;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The settings of a policy. The journal stores them for each owner: an address that resources are
/// set up for.
pub trait Policy: Clone + PartialEq + Serialize + DeserializeOwned {
    /// The subcommand. Its files are named after it.
    const COMMAND: &'static str;
    /// The description of the systemd unit.
    const DESCRIPTION: &'static str;

    /// The requirements at boot, besides sysctls.
    fn boot_requirements(setups: &BTreeMap<IpAddr, Setup<Self>>) -> BootRequirements;
}

/// A plan that could not be applied or reverted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {change}: {source}")]
    Step { change: String, source: host::Error },
    #[error(transparent)]
    Host(#[from] host::Error),
    #[error(transparent)]
    Journal(#[from] state_file::Error),
    #[error(transparent)]
    Persistence(#[from] persistence::Error),
}

impl Error {
    pub fn not_permitted(&self) -> bool {
        match self {
            Error::Step { source, .. } | Error::Host(source) => source.not_permitted(),
            Error::Journal(source) => source.not_permitted(),
            Error::Persistence(source) => source.not_permitted(),
        }
    }
}

impl From<host::snapshot::SnapshotError> for Error {
    fn from(error: host::snapshot::SnapshotError) -> Error {
        Error::Host(error.into())
    }
}
