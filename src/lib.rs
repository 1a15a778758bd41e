//! IPVS, the load balancer inside the Linux kernel: its tables as plain data, a client that reads
//! and changes them over generic netlink, and what the `ipvsadm` programs are made of.
//!
//! ```text
//! argv, -R text -> cli -> Command -> run -> ipvs::client -> ipvs::wire -> netlink -> kernel
//! stdout <- view <- model <- ipvs::wire <- netlink <- kernel
//! ```
//!
//! Imports point one way only: downwards.

pub mod cli;
pub mod command;
pub mod ipvs;
mod kept;
mod kernel_module;
pub mod model;
pub mod names;
pub mod netlink;
mod netns;
pub mod rs_setup;
pub mod run;
pub mod table;
#[cfg(feature = "top")]
pub mod top;
pub mod view;
