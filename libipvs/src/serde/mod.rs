//! The model as it is serialised, and read again: the forms of `schema/ipvsadm.schema.json`.
//!
//! A field that does not apply is left out. What has no name here is its number. What is read is
//! checked: it becomes no value of the model that a builder would not give, but for what the kernel
//! alone makes.

mod director;
mod name;
mod server;
mod service;
mod table;

pub use director::{DaemonJson, TimeoutsJson};
pub use name::NameJson;
pub use server::{ServerJson, ServerKeyJson};
pub use service::{KeyJson, ServiceJson};

use crate::model::*;
use crate::table::Table;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Written and read by way of its form.
macro_rules! by_way_of {
    ($($type:ty: $form:ty;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::from(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                <$form>::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
            }
        }
    )*};
}

by_way_of! {
    Protocol: NameJson;
    Forwarding: NameJson;
    TunnelKind: NameJson;
    ServiceKey: KeyJson;
    Service: ServiceJson;
    DestinationKey: ServerKeyJson;
    Destination: ServerJson;
    Timeouts: TimeoutsJson;
    Daemon: DaemonJson;
    Table: table::TableJson;
}
