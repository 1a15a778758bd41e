//! A client for IPVS, the load balancer in the Linux kernel (Linux Virtual Server): its table as
//! plain data, read and changed over generic netlink.
//!
//! A *director* has *virtual services*: addresses and ports, or firewall marks. It forwards their
//! connections to *real servers*, which the kernel and this crate call *destinations*.
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
//! let destination = Destination::masquerading("10.0.0.11:8080".parse()?).weight(5).build()?;
//! client.add_destination(web.key, destination)?;
//! for service in client.services()? {
//!     println!("{}: {} connections", service.service.key, service.statistics.connections);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] has a blocking method for each command of the kernel, and [`Client::changes`] for
//!   many changes in few system calls. It requires CAP_NET_ADMIN in the user namespace that owns
//!   the network namespace.
//! - [`model`] contains the plain types that the client accepts and returns, and builders that
//!   reject invalid values.
//! - [`table`] represents a whole table as a value and computes the fewest changes between two
//!   tables. [`Client::apply`] makes those changes in the kernel: all of them or none.
//! - [`Error::kind`] distinguishes, for example, a missing service from a missing permission.
//! - [`fake`] replaces the kernel in tests: a table in memory behind the same protocol, which can
//!   fail at any message.
//! - [`connections`] reads the kernel's connection table. [`namespace`] enters network namespaces.
//!
//! # Features
//!
//! - `serde`: `Serialize` and `Deserialize` for the model and for [`Table`], in the JSON form of
//!   `ipvsadm --json`. Deserialization validates, and ignores unknown members.
//!
//! # Layers
//!
//! ```text
//! Client -> wire -> netlink -> Transport -> kernel
//! model  <- wire <- netlink <- Transport <- kernel
//! ```
//!
//! Each layer uses only those to its right.

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
pub use error::{Cause, Error, ErrorKind, Operation};
pub use table::Table;
pub use transaction::{ApplyError, Plan, Refusal, Scope};
pub use transport::Transport;
