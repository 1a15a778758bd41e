//! The kernel edge: the IPVS family over netlink, and the connection table in /proc.

pub mod client;
pub mod connections;
pub mod error;
pub mod namespace;
pub mod scripted;
pub mod transaction;
#[doc(hidden)]
pub mod uapi;
#[doc(hidden)]
pub mod wire;
