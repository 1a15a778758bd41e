//! IPVS, the load balancer inside the Linux kernel (Linux Virtual Server), from Rust: its table as
//! plain data, and a blocking client that reads and changes it over generic netlink.
//!
//! A *director* has *virtual services*, each an address and port or a firewall mark, and forwards
//! the connections to each to *real servers* (*destinations* in the kernel's words).
//!
//! ```no_run
//! use ipvsadm::{Client, ErrorKind};
//! use ipvsadm::model::{Destination, Service};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::connect()?;
//! let web = Service::tcp("192.0.2.1:80".parse()?).scheduler("wrr").persistence(300).build()?;
//! match client.add_service(web.clone()) {
//!     Err(error) if error.kind() == ErrorKind::ServiceExists => client.edit_service(web.clone())?,
//!     result => result?,
//! }
//! let server = Destination::masquerading("10.0.0.11:8080".parse()?).weight(5).build()?;
//! client.add_destination(web.key, server)?;
//! for service in client.services()? {
//!     println!("{}: {} connections", service.service.key, service.statistics.connections);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] has a method for each command of the kernel's, and [`Client::changes`] for many at
//!   once with a result for each. It needs CAP_NET_ADMIN in the user namespace of the network namespace.
//! - [`model`] is what it takes and gives: plain types, and builders that give nothing that the
//!   kernel would refuse for itself.
//! - [`table`] is a whole table as a value, which begins empty and is made by [`Table::run`]: the fewest
//!   changes that turn one into another.
//!   [`Client::apply`] makes the kernel's what is wanted, all of it or nothing.
//! - [`Error::kind`] tells what is there already from what is not, from what is not permitted, and
//!   from a kernel without IPVS.
//! - [`scripted`] stands in for the kernel in tests: a table in memory behind the same bytes, and any
//!   failure at any message.
//! - [`connections`] reads the kernel's connection table; [`namespace`] has other network namespaces.
//!
//! # Features
//!
//! - `serde`: keys, services, real servers, timeouts, daemons, what they are made of, and [`Table`], in the form of the documents
//!   of `ipvsadm --json` (`schema/ipvsadm.schema.json`), for formats that describe themselves, as JSON. What
//!   is read is checked; members that are not known are passed over, as those of `ipvsadm -L --json`, which is
//!   read as a [`Table`].
//! - `cli` and `top` (both by default): the programs. A library's user turns them off with
//!   `default-features = false`. What they bring is no part of what is promised here.
//!
//! # The house
//!
//! ```text
//! argv, -R text -> cli -> Command -> run -> ipvs::client -> ipvs::wire -> netlink -> kernel
//! stdout <- view <- model <- ipvs::wire <- netlink <- kernel
//!   JSON <- view, serde <- shapes <- model, table
//! ```
//!
//! Imports point one way only: downwards.

#![warn(missing_docs)]

mod ipvs;
mod kernel_module;
pub mod model;
pub mod netlink;
#[cfg(feature = "serde")]
mod shapes;
pub mod table;

pub use ipvs::client::Client;
pub use ipvs::error::{Error, ErrorKind, Operation};
pub use ipvs::transaction::{NotApplied, Plan, Refusal, Scope};
pub use ipvs::{connections, namespace, scripted};
#[doc(hidden)]
pub use ipvs::{uapi, wire};
pub use table::Table;

// What the programs are made of.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod command;
#[cfg(feature = "cli")]
mod kept;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod names;
#[cfg(feature = "cli")]
mod netns;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod rs_setup;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod run;
#[cfg(feature = "top")]
#[doc(hidden)]
pub mod top;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod view;
