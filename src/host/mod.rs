//! A Linux host, observed and changed: links, addresses, routes, sysctls, modules, files, signals.

pub mod files;
pub mod fou;
#[allow(clippy::module_inception)]
pub mod host;
pub mod modules;
pub mod netlink;
pub mod observed;
pub mod resource;
pub mod rtnetlink;
pub mod signals;
pub mod state_file;
