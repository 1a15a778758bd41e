//! A Linux host, observed and changed: links, addresses, routes, sysctls, modules, files, signals.

#[cfg(test)]
pub mod fake;
pub mod files;
pub mod fou;
pub mod ipvs;
mod linux;
pub mod modules;
pub mod netlink;
pub mod resource;
pub mod rtnetlink;
pub mod signals;
pub mod snapshot;
pub mod state_file;
pub mod sysctl;

pub use linux::{Error, Host};
