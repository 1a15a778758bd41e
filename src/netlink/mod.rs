//! Netlink: one attribute type, one socket for both protocols, and what rtnetlink has to say of
//! links, addresses and routes. Knows nothing of IPVS.

pub mod attribute;
pub mod error;
#[cfg(test)]
mod fault_tests;
mod kernel;
pub mod route;
#[cfg(test)]
mod scripted;
pub mod socket;
#[cfg(test)]
mod socket_tests;
