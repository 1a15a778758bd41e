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
//! match client.add_service(&web) {
//!     Err(error) if error.kind() == ErrorKind::ServiceExists => client.edit_service(&web)?,
//!     result => result?,
//! }
//! let destination = Destination::masquerading("10.0.0.11:8080".parse()?).weight(5).build()?;
//! client.add_destination(&web.key, &destination)?;
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
//! - `serde`: `Serialize` and `Deserialize` for the model and for [`Table`], in the JSON form below.
//!
//! # The JSON form
//!
//! Every member is written, with null where it does not apply, and every member is required. An
//! unknown member is an error. So a misspelt or missing member is never taken for a default, which
//! could empty a table. Values are validated. A whole table:
//!
//! ```
//! # #[cfg(feature = "serde")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = r#"{
//!   "services": [
//!     {
//!       "protocol": "tcp", "address": "192.0.2.1", "port": 80,
//!       "scheduler": "mh", "scheduler_flags": ["mh-port"],
//!       "persistence": { "timeout": 300, "netmask": "255.255.255.0" },
//!       "persistence_engine": null, "one_packet": false,
//!       "servers": [
//!         {
//!           "address": "10.0.0.11", "port": 80, "forwarding": "tunnel",
//!           "tunnel": { "type": "gue", "port": 6080, "checksum": "none" },
//!           "weight": 5, "upper_threshold": 0, "lower_threshold": 0
//!         }
//!       ]
//!     },
//!     {
//!       "mark": 7, "family": "ipv6",
//!       "scheduler": "rr", "scheduler_flags": [], "persistence": null,
//!       "persistence_engine": null, "one_packet": false, "servers": []
//!     }
//!   ],
//!   "timeouts": { "tcp": 900, "tcp_fin": 120, "udp": 300 },
//!   "daemons": [
//!     {
//!       "role": "master", "interface": "eth0", "sync_id": 1,
//!       "max_length": null, "group": null, "port": null, "ttl": null
//!     }
//!   ]
//! }"#;
//! let table: libipvs::Table = serde_json::from_str(text)?;
//! assert_eq!(table.len(), 2);
//! let renamed = text.replace("\"servers\"", "\"destinations\"");
//! let error = serde_json::from_str::<libipvs::Table>(&renamed).expect_err("a wrong name");
//! assert!(error.to_string().starts_with("unknown field `destinations`"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "serde"))]
//! # fn main() {}
//! ```
//!
//! - `forwarding` is `masquerading`, `direct-routing`, `tunnel`, `local` or `bypass`; `type` is `ipip`,
//!   `gue` or `gre`; `checksum` is `none`, `full` or `remote`; `protocol` is `tcp`, `udp` or `sctp`.
//!   A value without a name is the kernel's number.
//! - An IPv6 service has `prefix_length` in place of `netmask`.
//! - `timeouts` is null when they are not desired; an empty list of `daemons` leaves the running ones
//!   alone. Times are in seconds.
//! - A service or real server that occurs twice is an error.
//! - The output of `ipvsadm -L --json` is read too. It has `format` and `ipvs`, no timeouts and no
//!   daemons, and with services and servers also `statistics`, `rates`, `active_connections`,
//!   `inactive_connections` and `persistent_connections`, which are ignored.
//! - Keys are texts ([`ServiceKey`](model::ServiceKey) `"tcp 192.0.2.1:80"`,
//!   [`DestinationKey`](model::DestinationKey) `"10.0.0.11:80"`), so they can be keys of a JSON object.
//!   [`Change`](model::Change) is written in the form of `ipvsadm apply --json`.
//!
//! # Async programs
//!
//! Calls block, but never for long, and not for a network: the kernel executes a request inside
//! `send`, so its answer is there when `send` returns. Waiting for readiness would not help. An async
//! program runs a call in a thread that may block:
//!
//! ```
//! use libipvs::model::{Destination, ServiceKey};
//! use libipvs::{Client, Error, Transport};
//! use std::sync::{Arc, Mutex};
//!
//! async fn edit<T: Transport + Send + 'static>(
//!     client: Arc<Mutex<Client<T>>>,
//!     key: ServiceKey,
//!     server: Destination,
//! ) -> Result<(), Error> {
//!     let edit = move || client.lock().expect("no panic").edit_destination(&key, &server);
//!     tokio::task::spawn_blocking(edit).await.expect("no panic")
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let client = Arc::new(Mutex::new(libipvs::fake::FakeKernel::new().client()?));
//! # let server = Destination::masquerading("10.0.0.11:80".parse()?).build()?;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # let result = runtime.block_on(edit(client, "tcp 192.0.2.1:80".parse()?, server));
//! # assert_eq!(result.unwrap_err().kind(), libipvs::ErrorKind::NoSuchService);
//! # Ok(())
//! # }
//! ```
//!
//! A future that is dropped, by a timeout for example, does not stop its call: the thread completes
//! it, and the change is made. Read the table before you repeat such a change. Within
//! [`Client::apply`] a rollback completes too.
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
pub use error::{Error, ErrorKind, ExchangeError, Operation};
pub use table::Table;
pub use transaction::{ApplyError, ChangeError, Plan, Scope};
pub use transport::Transport;
