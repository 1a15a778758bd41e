//! The model as text: the classic listing, rules for `-R`, connections, JSON, tables. Writes only; reads
//! nothing from the kernel.

pub mod classic;
pub(crate) mod columns;
pub mod connections;
pub(crate) mod counters;
pub mod json;
pub mod labels;
pub mod order;
pub mod pretty;
pub mod rules;
pub mod settings;
pub(crate) mod words;

use libipvs::model::{ObservedDestination, ObservedService};
use std::io;
use std::net::IpAddr;

/// A view that shows services one at a time.
pub trait View {
    /// Looks up the names of the next services and servers concurrently.
    fn prepare(&mut self, addresses: impl IntoIterator<Item = IpAddr>);

    /// Shows one service and its servers.
    fn service(
        &mut self,
        observed: &ObservedService,
        destinations: &[ObservedDestination],
    ) -> io::Result<()>;
}
