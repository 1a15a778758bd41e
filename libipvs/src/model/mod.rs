//! The table as plain data: virtual services and real servers, as configured and as observed.
//!
//! Nothing here reads, prints or talks to a kernel. Numbers are in host byte order, but for none:
//! the client turns what the kernel wants in network byte order. Times are whole seconds.
//!
//! What can be configured comes from a builder ([`Service::tcp`], [`Destination::masquerading`],
//! [`Daemon::master`]), which gives no value that the kernel refuses for itself, takes for another one,
//! or could do nothing with; `check` says the same of a value from elsewhere, and [`Change::validate`] of
//! what goes together. What hangs on more than that (a scheduler that the kernel has not, a service
//! that is there already, whose a link-local address is) the kernel alone knows.

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
pub use observed::{Info, ObservedDestination, ObservedService, Statistics};
pub use service::{
    Family, Netmask, Protocol, Service, ServiceBuilder, ServiceKey, scheduler_flag_names,
};
pub use validation::ValidationError;
