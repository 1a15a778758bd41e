//! The kernel edge: the IPVS family over netlink, and the connection table in /proc.

pub mod client;
pub mod connections;
pub mod error;
pub mod uapi;
pub mod wire;
