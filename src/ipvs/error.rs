//! The kernel's refusals in the words that scripts know.

use crate::model::Change;
use crate::netlink::error::{Error as NetlinkError, errno_text};

/// What was asked of the kernel. The same errno means different things for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    AddService,
    EditService,
    DeleteService,
    ZeroService,
    AddDestination,
    EditDestination,
    DeleteDestination,
    StartDaemon,
    StopDaemon,
    GetService,
    GetDestinations,
    /// Anything whose refusals have no words of their own.
    Other,
}

impl From<&Change> for Operation {
    fn from(change: &Change) -> Operation {
        match change {
            Change::AddService(_) => Operation::AddService,
            Change::EditService(_) => Operation::EditService,
            Change::DeleteService(_) => Operation::DeleteService,
            Change::AddDestination(..) => Operation::AddDestination,
            Change::EditDestination(..) => Operation::EditDestination,
            Change::DeleteDestination(..) => Operation::DeleteDestination,
            Change::Zero(_) => Operation::ZeroService,
            Change::StartDaemon(_) => Operation::StartDaemon,
            Change::StopDaemon(_) => Operation::StopDaemon,
            Change::Flush | Change::SetTimeouts(_) => Operation::Other,
        }
    }
}

/// An exchange with IPVS that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This kernel has no IPVS, or it could not be loaded.
    #[error("{}", absence(.0))]
    Unavailable(NetlinkError),
    /// The caller may not use IPVS (CAP_NET_ADMIN is needed).
    #[error("{}", errno_text_of_permission())]
    NotPermitted,
    /// The kernel refused what was asked.
    #[error("{}", classic_text(*operation, source))]
    Refused { operation: Operation, source: NetlinkError },
}

impl Error {
    pub fn new(operation: Operation, source: NetlinkError) -> Error {
        match source.code() {
            Some(libc::EPERM) => Error::NotPermitted,
            _ => Error::Refused { operation, source },
        }
    }

    /// The errno, where the kernel gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Unavailable(source) | Error::Refused { source, .. } => source.code(),
            Error::NotPermitted => Some(libc::EPERM),
        }
    }
}

fn errno_text_of_permission() -> &'static str {
    "Permission denied (you must be root)"
}

fn absence(error: &NetlinkError) -> String {
    match error.code() {
        Some(libc::ENOENT) => {
            "this kernel has no IP Virtual Server, and its module ip_vs cannot be loaded"
                .to_string()
        }
        _ => error.to_string(),
    }
}

/// The short texts that 1.31 prints and scripts match; the C library's where it has none.
fn classic_text(operation: Operation, source: &NetlinkError) -> String {
    use Operation::*;
    let Some(code) = source.code() else { return source.to_string() };
    let text = match (operation, code) {
        (AddService, libc::EEXIST) => "Service already exists",
        // A name that is too long is of no scheduler either.
        (AddService | EditService, libc::ENOENT | libc::ERANGE) => {
            "Scheduler or persistence engine not found"
        }
        (EditService | DeleteService | ZeroService | GetService, libc::ESRCH) => "No such service",
        (GetDestinations, libc::ESRCH) => "No such service",
        (AddDestination | EditDestination | DeleteDestination, libc::ESRCH) => {
            "Service not defined"
        }
        (AddDestination, libc::EEXIST) => "Destination already exists",
        (EditDestination | DeleteDestination, libc::ENOENT) => "No such destination",
        (StartDaemon, libc::EEXIST) => "Daemon has already run",
        (StopDaemon, libc::ESRCH) => "No daemon is running",
        (_, libc::EPERM) => errno_text_of_permission(),
        (_, libc::EINVAL) => {
            "Invalid operation.  Possibly wrong module version, address not unicast, ..."
        }
        (_, libc::ENOPROTOOPT) => "Protocol not available",
        (_, libc::ENOMEM) => "Memory allocation problem",
        (_, libc::EOPNOTSUPP) => "Operation not supported with IPv6",
        (_, libc::EAFNOSUPPORT) => "Operation not supported with specified address family",
        (_, libc::EMSGSIZE) => "Module is wrong version",
        _ => return errno_text(code),
    };
    text.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(operation: Operation, code: i32) -> String {
        Error::new(operation, NetlinkError::Refused { code, text: None }).to_string()
    }

    #[test]
    fn the_same_errno_reads_differently_for_each_operation() {
        assert_eq!(text(Operation::AddService, libc::EEXIST), "Service already exists");
        assert_eq!(text(Operation::AddDestination, libc::EEXIST), "Destination already exists");
        assert_eq!(text(Operation::StartDaemon, libc::EEXIST), "Daemon has already run");
        assert_eq!(text(Operation::AddDestination, libc::ESRCH), "Service not defined");
        assert_eq!(text(Operation::Other, libc::ERANGE), "Numerical result out of range");
        assert_eq!(text(Operation::Other, libc::EPERM), "Permission denied (you must be root)");
    }
}
