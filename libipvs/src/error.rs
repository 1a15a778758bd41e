//! The kernel's refusals: what they mean, and the words that scripts know.

use crate::model::Change;
use crate::netlink::error::{Error as NetlinkError, errno_text, without_number};
use std::io;

/// What was asked of the kernel. The same errno means different things for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `IPVS_CMD_NEW_SERVICE`.
    AddService,
    /// `IPVS_CMD_SET_SERVICE`.
    EditService,
    /// `IPVS_CMD_DEL_SERVICE`.
    DeleteService,
    /// `IPVS_CMD_ZERO`.
    ZeroService,
    /// `IPVS_CMD_NEW_DEST`.
    AddDestination,
    /// `IPVS_CMD_SET_DEST`.
    EditDestination,
    /// `IPVS_CMD_DEL_DEST`.
    DeleteDestination,
    /// `IPVS_CMD_NEW_DAEMON`.
    StartDaemon,
    /// `IPVS_CMD_DEL_DAEMON`.
    StopDaemon,
    /// `IPVS_CMD_GET_SERVICE`.
    GetService,
    /// `IPVS_CMD_GET_DEST`.
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
#[non_exhaustive]
pub enum Error {
    /// This kernel has no IPVS, or it could not be loaded.
    #[error("{}", absence(.0))]
    Unavailable(NetlinkError),
    /// The caller may not use IPVS (CAP_NET_ADMIN is needed).
    #[error("{NOT_PERMITTED}")]
    NotPermitted,
    /// There is no such network namespace, or it cannot be entered.
    #[error("cannot enter the network namespace: {}", without_number(.0))]
    Namespace(io::Error),
    /// The kernel refused what was asked, or the connection failed.
    #[error("{}", classic_text(*operation, source))]
    Refused {
        /// What was asked.
        operation: Operation,
        /// The kernel's answer, or what became of the connection.
        source: NetlinkError,
    },
}

/// What an [`Error`] means, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This kernel has no IPVS, and its module cannot be loaded.
    NoIpvs,
    /// The caller may not: CAP_NET_ADMIN is needed, and CAP_SYS_ADMIN to enter a namespace.
    NotPermitted,
    /// There is no such network namespace.
    NoNamespace,
    /// There is a service with this key already (EEXIST).
    ServiceExists,
    /// There is no service with this key (ESRCH).
    NoSuchService,
    /// The service has this real server already (EEXIST).
    DestinationExists,
    /// The service has no such real server (ENOENT).
    NoSuchDestination,
    /// The kernel has no scheduler, or no persistence engine, of this name (ENOENT).
    NoSuchScheduler,
    /// Such a synchronisation daemon runs already (EEXIST).
    DaemonRuns,
    /// No such synchronisation daemon runs (ESRCH).
    NoDaemon,
    /// There is no interface of this name for a daemon (ENODEV).
    NoInterface,
    /// The interface is not up (ENETUNREACH).
    InterfaceDown,
    /// A number or a name beyond what the kernel takes (ERANGE).
    OutOfRange,
    /// What no kernel takes, as servers of the other family without a tunnel (EINVAL).
    Invalid,
    /// What this kernel was not built for (EAFNOSUPPORT, EOPNOTSUPP, ENOPROTOOPT, EPROTONOSUPPORT).
    Unsupported,
    /// The kernel has no memory for it (ENOMEM).
    OutOfMemory,
    /// Answers were lost: what was asked last may have been done, or not.
    Lost,
    /// The table kept changing while it was read.
    Changing,
    /// Anything else: [`Error::code`] has the errno, where there is one.
    Other,
}

impl Error {
    pub(crate) fn new(operation: Operation, source: NetlinkError) -> Error {
        match source.code() {
            Some(libc::EPERM) => Error::NotPermitted,
            _ => Error::Refused { operation, source },
        }
    }

    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotPermitted => ErrorKind::NotPermitted,
            Error::Namespace(source) => match source.raw_os_error() {
                // What has no number was given one of these kinds, see `namespace::enter`.
                None => match source.kind() {
                    io::ErrorKind::PermissionDenied => ErrorKind::NotPermitted,
                    io::ErrorKind::InvalidInput => ErrorKind::NoNamespace,
                    _ => ErrorKind::Other,
                },
                Some(libc::EPERM | libc::EACCES) => ErrorKind::NotPermitted,
                Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::EINTR | libc::EIO) => {
                    ErrorKind::Other
                }
                Some(libc::ENOMEM) => ErrorKind::OutOfMemory,
                Some(_) => ErrorKind::NoNamespace,
            },
            Error::Unavailable(source) => match (source, source.code()) {
                (_, Some(libc::EPERM | libc::EACCES)) => ErrorKind::NotPermitted,
                (NetlinkError::Refused { .. }, Some(libc::ENOENT)) => ErrorKind::NoIpvs,
                // A kernel without netlink.
                (_, Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT)) => ErrorKind::NoIpvs,
                _ => failed(Operation::Other, source),
            },
            Error::Refused { operation, source } => failed(*operation, source),
        }
    }

    /// The errno, where the kernel gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Unavailable(source) | Error::Refused { source, .. } => source.code(),
            Error::NotPermitted => Some(libc::EPERM),
            Error::Namespace(source) => source.raw_os_error(),
        }
    }
}

fn failed(operation: Operation, source: &NetlinkError) -> ErrorKind {
    match source {
        NetlinkError::Refused { code, .. } => {
            meaning(operation, *code).map_or(ErrorKind::Other, |(kind, _)| kind)
        }
        NetlinkError::Lost => ErrorKind::Lost,
        NetlinkError::Changing => ErrorKind::Changing,
        NetlinkError::Socket(_) if source.code() == Some(libc::ENOMEM) => ErrorKind::OutOfMemory,
        NetlinkError::Socket(_) | NetlinkError::Malformed(_) => ErrorKind::Other,
    }
}

const NOT_PERMITTED: &str = "Permission denied (you must be root)";

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
    let Some(code) = source.code() else { return source.to_string() };
    meaning(operation, code).map_or_else(|| errno_text(code), |(_, text)| text.to_string())
}

/// What an errno means for what was asked, and the text of 1.31.
fn meaning(operation: Operation, code: i32) -> Option<(ErrorKind, &'static str)> {
    use Operation::*;
    const NO_SERVICE: (ErrorKind, &str) = (ErrorKind::NoSuchService, "No such service");
    Some(match (operation, code) {
        (AddService, libc::EEXIST) => (ErrorKind::ServiceExists, "Service already exists"),
        // A name that is too long is of no scheduler either.
        (AddService | EditService, libc::ENOENT | libc::ERANGE) => {
            (ErrorKind::NoSuchScheduler, "Scheduler or persistence engine not found")
        }
        (EditService | DeleteService | ZeroService, libc::ESRCH) => NO_SERVICE,
        (GetService | GetDestinations, libc::ESRCH) => NO_SERVICE,
        (AddDestination | EditDestination | DeleteDestination, libc::ESRCH) => {
            (ErrorKind::NoSuchService, "Service not defined")
        }
        (AddDestination, libc::EEXIST) => {
            (ErrorKind::DestinationExists, "Destination already exists")
        }
        (EditDestination | DeleteDestination, libc::ENOENT) => {
            (ErrorKind::NoSuchDestination, "No such destination")
        }
        (StartDaemon, libc::EEXIST) => (ErrorKind::DaemonRuns, "Daemon has already run"),
        (StopDaemon, libc::ESRCH) => (ErrorKind::NoDaemon, "No daemon is running"),
        (StartDaemon, libc::ENODEV) => (ErrorKind::NoInterface, "No such device"),
        (StartDaemon, libc::ENETUNREACH) => (ErrorKind::InterfaceDown, "Network is unreachable"),
        (_, libc::EPERM) => (ErrorKind::NotPermitted, NOT_PERMITTED),
        (_, libc::EINVAL) => (
            ErrorKind::Invalid,
            "Invalid operation.  Possibly wrong module version, address not unicast, ...",
        ),
        (_, libc::ERANGE) => (ErrorKind::OutOfRange, "Numerical result out of range"),
        (_, libc::ENOPROTOOPT) => (ErrorKind::Unsupported, "Protocol not available"),
        (_, libc::EPROTONOSUPPORT) => (ErrorKind::Unsupported, "Protocol not supported"),
        (_, libc::ENOMEM) => (ErrorKind::OutOfMemory, "Memory allocation problem"),
        (_, libc::EOPNOTSUPP) => (ErrorKind::Unsupported, "Operation not supported with IPv6"),
        (_, libc::EAFNOSUPPORT) => {
            (ErrorKind::Unsupported, "Operation not supported with specified address family")
        }
        (_, libc::EMSGSIZE) => (ErrorKind::Other, "Module is wrong version"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(operation: Operation, code: i32) -> String {
        Error::new(operation, NetlinkError::Refused { code, text: None }).to_string()
    }

    /// A program that has no descriptor left is no kernel without IPVS.
    #[test]
    fn what_went_wrong_here_is_no_word_about_the_kernel() {
        let socket = |errno| NetlinkError::Socket(io::Error::from_raw_os_error(errno));
        let refused = |code| NetlinkError::Refused { code, text: None };
        for (error, kind) in [
            (refused(libc::ENOENT), ErrorKind::NoIpvs),
            (socket(libc::EPROTONOSUPPORT), ErrorKind::NoIpvs),
            (socket(libc::EACCES), ErrorKind::NotPermitted),
            (socket(libc::EMFILE), ErrorKind::Other),
            (socket(libc::ENOMEM), ErrorKind::OutOfMemory),
            (NetlinkError::Lost, ErrorKind::Lost),
        ] {
            assert_eq!(Error::Unavailable(error).kind(), kind);
        }
        let namespace = |errno| Error::Namespace(io::Error::from_raw_os_error(errno)).kind();
        assert_eq!(namespace(libc::ENOENT), ErrorKind::NoNamespace);
        assert_eq!(namespace(libc::ENXIO), ErrorKind::NoNamespace);
        assert_eq!(namespace(libc::EACCES), ErrorKind::NotPermitted);
        assert_eq!(namespace(libc::EMFILE), ErrorKind::Other);
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
