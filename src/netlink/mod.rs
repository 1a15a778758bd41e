//! Netlink: one attribute type, one socket for both protocols, and what rtnetlink has to say of
//! links, addresses and routes. Knows nothing of IPVS.
//!
//! A client speaks over a [`Connection`], which is the kernel's socket ([`Kernel`]) or stands in
//! for it.

#[doc(hidden)]
pub mod attribute;
pub mod error;
#[cfg(test)]
mod fault_tests;
mod kernel;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod route;
#[cfg(test)]
mod scripted;
#[doc(hidden)]
pub mod socket;
#[cfg(test)]
mod socket_tests;

pub use attribute::Malformed;
pub use kernel::{Connection, Inbox, Kernel};
