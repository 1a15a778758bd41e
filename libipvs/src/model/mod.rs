//! The table as plain data: virtual services and real servers, as configured and as observed.
//!
//! Nothing here communicates with a kernel. All numbers are in host byte order; the client converts
//! those that the kernel expects in network byte order. Times are in whole seconds.
//!
//! Builders ([`Service::tcp`], [`Destination::masquerading`], [`Daemon::master`]) return only valid
//! values: the kernel would not refuse them by themselves or change them silently. `validate`
//! checks values from other sources, and [`Change::validate`] also the combination of a real server
//! with its service. Only the kernel knows the rest: which schedulers it has, which services exist,
//! and which link-local addresses are its own.

mod change;
mod daemon;
mod destination;
mod observed;
mod service;
#[cfg(test)]
mod tests;
mod validation;

pub use change::Change;
pub use daemon::{Daemon, DaemonBuilder, DaemonRole, Timeouts};
pub use destination::{
    Checksum, Destination, DestinationBuilder, DestinationKey, Forwarding, Tunnel, TunnelKind,
};
pub use observed::{
    Info, ObservedDestination, ObservedEntry, ObservedService, Statistics, Version,
};
pub use service::{
    Family, Netmask, PrefixLength, Protocol, Service, ServiceBuilder, ServiceKey,
    scheduler_flag_names,
};
pub use validation::{ParseError, ValidationError};
