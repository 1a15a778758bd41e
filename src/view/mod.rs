//! The model as text: the classic listing, rules for `-R`, connections, JSON, tables. Writes;
//! asks no kernel.

pub mod classic;
pub(crate) mod columns;
pub mod connections;
pub mod json;
pub mod labels;
pub mod order;
pub mod pretty;
pub mod rules;

use libipvs::model::{ObservedDestination, ObservedService};
use std::io;
use std::net::IpAddr;

/// What shows services, one at a time.
pub trait View {
    /// Look up, many at a time, the names of what is shown next.
    fn prepare(&mut self, addresses: impl IntoIterator<Item = IpAddr>);

    /// One service and its servers.
    fn service(
        &mut self,
        observed: &ObservedService,
        destinations: &[ObservedDestination],
    ) -> io::Result<()>;
}
