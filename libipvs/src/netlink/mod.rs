//! Generic netlink: attributes, messages, and exchanges of them over a transport.
//!
//! Knows nothing about IPVS.

pub mod attribute;
pub mod error;
pub mod exchange;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod fault_tests;
pub mod message;
#[cfg(test)]
pub mod test_transport;
