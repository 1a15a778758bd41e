//! The JSON form of the model and of tables: that of `ipvsadm --json`, described in
//! `schema/ipvsadm.schema.json` of the repository.
//!
//! Every member is written, null where it does not apply, and every member is required. An unknown
//! member is an error, except those that a listing adds ([`Listed`]; of the document `format`,
//! `ipvs` and `status`). So a misspelt or missing member is never taken for a default. Values are validated, but
//! the forwarding methods that only the kernel sets are accepted.
//!
//! Protocols, forwarding methods and tunnel types without a name are numbers.

mod change;
mod destination;
mod name;
mod observed;
mod service;
mod settings;
mod table;
#[cfg(test)]
mod tests;

use crate::model::*;
use crate::table::Table;
use change::ChangeJson;
use destination::DestinationJson;
use name::NameJson;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service::ServiceJson;
use table::TableJson;

/// Deserializes an `Option` whose member is required: serde takes a missing one for null otherwise.
pub fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(from)
}

/// Serializes a type in its JSON form.
macro_rules! serialize_as {
    ($($type:ty: $form:ty;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::from(self).serialize(serializer)
            }
        }
    )*};
}

/// Deserializes a type from its JSON form, which is checked.
macro_rules! deserialize_from {
    ($($type:ty: $form:ty;)*) => {$(
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
    Service: ServiceJson;
    Destination: DestinationJson;
    Table: TableJson;
    Change: ChangeJson;
    ObservedService: observed::ServiceJson;
    ObservedDestination: observed::DestinationJson;
    ObservedEntry: observed::EntryJson;
}

deserialize_from! {
    Protocol: NameJson;
    Forwarding: NameJson;
    TunnelKind: NameJson;
    Service: ServiceJson;
    Destination: DestinationJson;
    Table: TableJson;
}

/// Serializes a type as its text, and deserializes it from that. So it can be the key of a map.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(ServiceKey, DestinationKey);

/// Implements the traits for a type with a form that is derived for it. The values are checked.
macro_rules! remote {
    ($($type:ty: $form:ty;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$form>::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let value = <$form>::deserialize(deserializer)?;
                value.validate().map_err(D::Error::custom)?;
                Ok(value)
            }
        }
    )*};
}

remote! {
    Daemon: settings::DaemonJson;
    Timeouts: settings::TimeoutsJson;
}

/// A member that a listing adds. It is ignored.
type Listed = Option<IgnoredAny>;
