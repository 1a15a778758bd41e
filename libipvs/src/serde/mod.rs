//! Serialization of the model: the forms of `schema/ipvsadm.schema.json`.
//!
//! Fields that do not apply are left out. Protocols, forwarding methods and tunnel types without a
//! name are numbers. Deserialization validates, but accepts the forwarding methods that only the
//! kernel sets.

mod destination;
mod name;
mod service;
mod settings;
mod table;
#[cfg(test)]
mod tests;

pub use destination::{DestinationJson, DestinationKeyJson};
pub use name::NameJson;
pub use service::{ServiceJson, ServiceKeyJson};
pub use settings::{DaemonJson, TimeoutsJson};

use crate::model::*;
use crate::table::Table;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Implements the traits of serde for a type by conversion from and to its JSON form.
macro_rules! serialize_as {
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

serialize_as! {
    Protocol: NameJson;
    Forwarding: NameJson;
    TunnelKind: NameJson;
    ServiceKey: ServiceKeyJson;
    Service: ServiceJson;
    DestinationKey: DestinationKeyJson;
    Destination: DestinationJson;
    Timeouts: TimeoutsJson;
    Daemon: DaemonJson;
    Table: table::TableJson;
}
