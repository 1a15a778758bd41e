//! Netlink: attributes, and requests and answers over one transport. Knows nothing about IPVS.

pub mod attribute;
pub mod error;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod scripted;
pub mod socket;
#[cfg(test)]
mod socket_tests;
