//! IPVS, the load balancer inside the Linux kernel (Linux Virtual Server): its table as plain data,
//! and a blocking client that reads and changes it over generic netlink.
//!
//! A *director* has *virtual services*, each an address and port or a firewall mark, and forwards
//! the connections to each to *real servers*, which the kernel calls *destinations*.
//!
//! ```no_run
//! use libipvs::{Client, ErrorKind};
//! use libipvs::model::{Destination, Service};
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
//! - [`Client`] has a method for each command of the kernel, and [`Client::changes`] for many changes
//!   in few system calls. It requires CAP_NET_ADMIN in the user namespace that owns the network
//!   namespace.
//! - [`model`] holds the plain types that the client takes and returns, and builders that reject what
//!   the kernel would refuse.
//! - [`table`] holds a whole table as a value, and finds the fewest changes that turn one table into
//!   another. [`Client::apply`] makes those changes in the kernel: all of them or none.
//! - [`Error::kind`] tells apart a service that exists, one that does not, a missing permission and a
//!   kernel without IPVS.
//! - [`fake`] replaces the kernel in tests: a table in memory behind the same bytes, and any failure
//!   at any message.
//! - [`connections`] reads the kernel's connection table; [`namespace`] enters other network
//!   namespaces.
//!
//! # Features
//!
//! - `serde`: `Serialize` and `Deserialize` for the model and for [`Table`], in the form of the
//!   documents of `ipvsadm --json`. Reading validates. Unknown members are ignored.
//!
//! # Layers
//!
//! ```text
//! Client -> wire -> netlink -> Transport -> kernel
//! model  <- wire <- netlink <- Transport <- kernel
//! ```
//!
//! Imports point downwards only.

#![warn(missing_docs)]

mod client;
pub mod connections;
mod error;
pub mod fake;
mod kernel_module;
pub mod model;
pub mod namespace;
mod netlink;
#[cfg(feature = "serde")]
mod serde;
pub mod table;
mod transaction;
pub mod transport;
mod wire;

pub use client::Client;
pub use error::{Error, ErrorKind, Operation};
pub use table::Table;
pub use transaction::{ApplyError, Plan, Refusal, Scope};
pub use transport::Transport;
