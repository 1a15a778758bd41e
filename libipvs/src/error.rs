//! Errors: their kinds, and the texts that scripts match.

use crate::model::{Change, ValidationError};
use crate::netlink::error::{Error as NetlinkError, errno_text, without_number};
use std::io;

/// An operation of the kernel. The meaning of an errno depends on it.
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
    /// Any other operation; the meaning of its errors does not depend on it.
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

/// A failed exchange with the kernel's IPVS. Its text is that of ipvsadm 1.31, if 1.31 has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// IPVS cannot be reached: the kernel does not have it, or the socket failed.
    #[error("{}", unavailable(&.0.0))]
    Unavailable(ExchangeError),
    /// The caller may not use IPVS, which requires CAP_NET_ADMIN.
    #[error("Permission denied (you must be root)")]
    NotPermitted,
    /// The network namespace does not exist or cannot be entered.
    #[error("cannot enter the network namespace: {}", without_number(.0))]
    Namespace(io::Error),
    /// The value is invalid. Nothing was sent.
    #[error("{0}")]
    Invalid(#[from] ValidationError),
    /// The kernel refused the operation, or the exchange failed.
    #[error("{}", classic_text(*operation, &source.0))]
    Refused {
        /// The operation.
        operation: Operation,
        /// The cause; its text includes the kernel's explanation (extended acknowledgement).
        source: ExchangeError,
    },
}

/// A refusal by the kernel, a failed socket, or a malformed answer: the cause of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ExchangeError(NetlinkError);

impl ExchangeError {
    /// Returns the errno, if the kernel gave one.
    pub fn code(&self) -> Option<i32> {
        self.0.code()
    }
}

/// The meaning of an [`Error`], independent of the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel has no IPVS, and its module cannot be loaded.
    NoIpvs,
    /// The caller lacks CAP_NET_ADMIN, or CAP_SYS_ADMIN to enter a network namespace.
    NotPermitted,
    /// The network namespace does not exist.
    NoSuchNamespace,
    /// The service already exists (EEXIST).
    ServiceExists,
    /// The service does not exist (ESRCH).
    NoSuchService,
    /// The service already has this real server (EEXIST).
    DestinationExists,
    /// The service does not have this real server (ENOENT).
    NoSuchDestination,
    /// The kernel has no scheduler or persistence engine of this name (ENOENT).
    NoSuchScheduler,
    /// A synchronisation daemon of this role is already running (EEXIST).
    DaemonRunning,
    /// No synchronisation daemon of this role is running (ESRCH).
    DaemonNotRunning,
    /// The interface of a synchronisation daemon does not exist (ENODEV).
    NoSuchInterface,
    /// The interface of a synchronisation daemon is down (ENETUNREACH).
    InterfaceDown,
    /// A number or a name exceeds the kernel's limits (ERANGE).
    OutOfRange,
    /// The value is invalid ([`Error::Invalid`]), or the kernel does not accept it, such as a real
    /// server of the other family without a tunnel (EINVAL).
    Invalid,
    /// The kernel was built without support (EAFNOSUPPORT, EOPNOTSUPP, ENOPROTOOPT,
    /// EPROTONOSUPPORT).
    Unsupported,
    /// The kernel is out of memory (ENOMEM).
    OutOfMemory,
    /// Answers were lost (ENOBUFS); the last operations may have taken effect.
    AnswersLost,
    /// The table kept changing while it was read.
    TableChanging,
    /// Any other error; [`Error::code`] returns its errno, if it has one.
    Other,
}

impl Error {
    pub(crate) fn new(operation: Operation, source: NetlinkError) -> Error {
        match source.code() {
            Some(libc::EPERM) => Error::NotPermitted,
            _ => Error::Refused { operation, source: ExchangeError(source) },
        }
    }

    pub(crate) fn unavailable(cause: NetlinkError) -> Error {
        Error::Unavailable(ExchangeError(cause))
    }

    /// Returns the meaning of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotPermitted => ErrorKind::NotPermitted,
            Error::Namespace(source) => match source.raw_os_error() {
                // `namespace::enter` makes errors of these kinds.
                None => match source.kind() {
                    io::ErrorKind::PermissionDenied => ErrorKind::NotPermitted,
                    io::ErrorKind::InvalidInput => ErrorKind::NoSuchNamespace,
                    _ => ErrorKind::Other,
                },
                Some(libc::EPERM | libc::EACCES) => ErrorKind::NotPermitted,
                Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::EINTR | libc::EIO) => {
                    ErrorKind::Other
                }
                Some(libc::ENOMEM) => ErrorKind::OutOfMemory,
                Some(_) => ErrorKind::NoSuchNamespace,
            },
            Error::Invalid(_) => ErrorKind::Invalid,
            Error::Unavailable(ExchangeError(cause)) => match (cause, cause.code()) {
                (_, Some(libc::EPERM | libc::EACCES)) => ErrorKind::NotPermitted,
                (NetlinkError::Refused { .. }, Some(libc::ENOENT)) => ErrorKind::NoIpvs,
                // A kernel without netlink.
                (_, Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT)) => ErrorKind::NoIpvs,
                _ => exchange_kind(Operation::Other, cause),
            },
            Error::Refused { operation, source } => exchange_kind(*operation, &source.0),
        }
    }

    /// Returns the errno, if the kernel gave one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Unavailable(source) | Error::Refused { source, .. } => source.code(),
            Error::NotPermitted => Some(libc::EPERM),
            Error::Namespace(source) => source.raw_os_error(),
            Error::Invalid(_) => None,
        }
    }
}

fn exchange_kind(operation: Operation, error: &NetlinkError) -> ErrorKind {
    match error {
        NetlinkError::Refused { code, .. } => {
            meaning(operation, *code).map_or(ErrorKind::Other, |(kind, _)| kind)
        }
        NetlinkError::AnswersLost => ErrorKind::AnswersLost,
        NetlinkError::TableChanging => ErrorKind::TableChanging,
        NetlinkError::Socket(_) if error.code() == Some(libc::ENOMEM) => ErrorKind::OutOfMemory,
        NetlinkError::Socket(_) | NetlinkError::Malformed(_) => ErrorKind::Other,
    }
}

fn unavailable(error: &NetlinkError) -> String {
    match error.code() {
        Some(libc::ENOENT) => {
            "this kernel has no IP Virtual Server, and its module ip_vs cannot be loaded"
                .to_string()
        }
        _ => error.to_string(),
    }
}

/// Returns the text that 1.31 prints and scripts match, or the C library's text for the errno.
fn classic_text(operation: Operation, error: &NetlinkError) -> String {
    let Some(code) = error.code() else { return error.to_string() };
    meaning(operation, code).map_or_else(|| errno_text(code), |(_, text)| text.to_string())
}

/// Returns the meaning of an errno for an operation, and the text of 1.31.
fn meaning(operation: Operation, code: i32) -> Option<(ErrorKind, &'static str)> {
    use Operation::*;
    const NO_SERVICE: (ErrorKind, &str) = (ErrorKind::NoSuchService, "No such service");
    Some(match (operation, code) {
        (AddService, libc::EEXIST) => (ErrorKind::ServiceExists, "Service already exists"),
        // No scheduler has a name that is too long (ERANGE).
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
        (StartDaemon, libc::EEXIST) => (ErrorKind::DaemonRunning, "Daemon has already run"),
        (StopDaemon, libc::ESRCH) => (ErrorKind::DaemonNotRunning, "No daemon is running"),
        (StartDaemon, libc::ENODEV) => (ErrorKind::NoSuchInterface, "No such device"),
        (StartDaemon, libc::ENETUNREACH) => (ErrorKind::InterfaceDown, "Network is unreachable"),
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
    use std::error::Error as _;

    fn refused(operation: Operation, code: i32) -> Error {
        Error::new(operation, NetlinkError::Refused { code, text: None })
    }

    #[test]
    fn an_unavailable_ipvs_has_the_kind_of_its_cause() {
        let socket = |errno| NetlinkError::Socket(io::Error::from_raw_os_error(errno));
        let refused = |code| NetlinkError::Refused { code, text: None };
        for (cause, kind) in [
            (refused(libc::ENOENT), ErrorKind::NoIpvs),
            (refused(libc::EPERM), ErrorKind::NotPermitted),
            (refused(libc::EIO), ErrorKind::Other),
            (socket(libc::ENOENT), ErrorKind::Other),
            (socket(libc::EPROTONOSUPPORT), ErrorKind::NoIpvs),
            (socket(libc::EAFNOSUPPORT), ErrorKind::NoIpvs),
            (socket(libc::EACCES), ErrorKind::NotPermitted),
            (socket(libc::EMFILE), ErrorKind::Other),
            (socket(libc::ENOMEM), ErrorKind::OutOfMemory),
            (NetlinkError::AnswersLost, ErrorKind::AnswersLost),
            (NetlinkError::TableChanging, ErrorKind::TableChanging),
        ] {
            let code = cause.code();
            let error = Error::unavailable(cause);
            assert_eq!((error.kind(), error.code()), (kind, code), "{error:?}");
        }
        assert_eq!(
            Error::unavailable(refused(libc::ENOENT)).to_string(),
            "this kernel has no IP Virtual Server, and its module ip_vs cannot be loaded"
        );
        assert_eq!(
            Error::unavailable(socket(libc::EMFILE)).to_string(),
            "netlink socket: Too many open files"
        );
    }

    #[test]
    fn an_error_about_a_namespace_has_the_kind_of_its_errno() {
        for (errno, kind) in [
            (libc::ENOENT, ErrorKind::NoSuchNamespace),
            (libc::ENXIO, ErrorKind::NoSuchNamespace),
            (libc::EPERM, ErrorKind::NotPermitted),
            (libc::EACCES, ErrorKind::NotPermitted),
            (libc::ENOMEM, ErrorKind::OutOfMemory),
            (libc::EMFILE, ErrorKind::Other),
            (libc::EIO, ErrorKind::Other),
        ] {
            let error = Error::Namespace(io::Error::from_raw_os_error(errno));
            assert_eq!((error.kind(), error.code()), (kind, Some(errno)), "{error}");
        }
        for (io_kind, kind) in [
            (io::ErrorKind::PermissionDenied, ErrorKind::NotPermitted),
            (io::ErrorKind::InvalidInput, ErrorKind::NoSuchNamespace),
            (io::ErrorKind::Other, ErrorKind::Other),
        ] {
            assert_eq!(Error::Namespace(io_kind.into()).kind(), kind);
        }
        let error = Error::Namespace(io::Error::from_raw_os_error(libc::ENOENT));
        let text = "cannot enter the network namespace: No such file or directory";
        assert_eq!(error.to_string(), text);
    }

    /// The texts of 1.31, and the C library's for an errno that 1.31 does not know.
    #[test]
    fn an_errno_has_a_meaning_for_each_operation() {
        use ErrorKind::*;
        use Operation::*;
        const INVALID: &str =
            "Invalid operation.  Possibly wrong module version, address not unicast, ...";
        const NO_SCHEDULER: &str = "Scheduler or persistence engine not found";
        for (operation, code, kind, text) in [
            (AddService, libc::EEXIST, ServiceExists, "Service already exists"),
            (AddService, libc::ENOENT, NoSuchScheduler, NO_SCHEDULER),
            (EditService, libc::ENOENT, NoSuchScheduler, NO_SCHEDULER),
            (EditService, libc::ERANGE, NoSuchScheduler, NO_SCHEDULER),
            (EditService, libc::ESRCH, NoSuchService, "No such service"),
            (DeleteService, libc::ESRCH, NoSuchService, "No such service"),
            (ZeroService, libc::ESRCH, NoSuchService, "No such service"),
            (GetService, libc::ESRCH, NoSuchService, "No such service"),
            (GetDestinations, libc::ESRCH, NoSuchService, "No such service"),
            (AddDestination, libc::ESRCH, NoSuchService, "Service not defined"),
            (EditDestination, libc::ESRCH, NoSuchService, "Service not defined"),
            (DeleteDestination, libc::ESRCH, NoSuchService, "Service not defined"),
            (AddDestination, libc::EEXIST, DestinationExists, "Destination already exists"),
            (EditDestination, libc::ENOENT, NoSuchDestination, "No such destination"),
            (DeleteDestination, libc::ENOENT, NoSuchDestination, "No such destination"),
            (StartDaemon, libc::EEXIST, DaemonRunning, "Daemon has already run"),
            (StopDaemon, libc::ESRCH, DaemonNotRunning, "No daemon is running"),
            (StartDaemon, libc::ENODEV, NoSuchInterface, "No such device"),
            (StartDaemon, libc::ENETUNREACH, InterfaceDown, "Network is unreachable"),
            (AddDestination, libc::EINVAL, Invalid, INVALID),
            (AddDestination, libc::ERANGE, OutOfRange, "Numerical result out of range"),
            (AddService, libc::ENOPROTOOPT, Unsupported, "Protocol not available"),
            (AddService, libc::EPROTONOSUPPORT, Unsupported, "Protocol not supported"),
            (AddService, libc::ENOMEM, OutOfMemory, "Memory allocation problem"),
            (AddService, libc::EOPNOTSUPP, Unsupported, "Operation not supported with IPv6"),
            (
                AddService,
                libc::EAFNOSUPPORT,
                Unsupported,
                "Operation not supported with specified address family",
            ),
            (Operation::Other, libc::EMSGSIZE, ErrorKind::Other, "Module is wrong version"),
            (Operation::Other, libc::EIO, ErrorKind::Other, "Input/output error"),
            (Operation::Other, libc::EPERM, NotPermitted, "Permission denied (you must be root)"),
        ] {
            let error = refused(operation, code);
            let expected = (kind, Some(code), text.to_string());
            assert_eq!((error.kind(), error.code(), error.to_string()), expected, "{operation:?}");
        }
    }

    #[test]
    fn the_source_holds_the_explanation_of_the_kernel() {
        let text = Some("no reason".to_string());
        let error = Error::new(Operation::Other, NetlinkError::Refused { code: 5, text });
        let Error::Refused { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.code(), Some(5));
        let source = error.source().expect("a source").to_string();
        assert_eq!(source, "Input/output error (no reason)");
    }

    #[test]
    fn an_exchange_without_an_errno_has_the_text_of_its_cause() {
        let error = Error::new(Operation::Other, NetlinkError::TableChanging);
        assert_eq!(error.to_string(), "the table kept changing while it was read");
        assert_eq!(error.code(), None);
    }
}
