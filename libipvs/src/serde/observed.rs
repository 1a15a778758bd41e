//! The JSON forms of services and real servers as observed: that of `ipvsadm -L --json`, with counters
//! and rates.

use crate::model::*;
use serde::Serialize;

#[derive(Serialize)]
pub struct EntryJson<'a> {
    #[serde(flatten)]
    service: &'a ObservedService,
    servers: &'a [ObservedDestination],
}

#[derive(Serialize)]
pub struct ServiceJson<'a> {
    #[serde(flatten)]
    service: &'a Service,
    #[serde(flatten)]
    traffic: TrafficJson,
}

#[derive(Serialize)]
pub struct DestinationJson<'a> {
    #[serde(flatten)]
    destination: &'a Destination,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: u32,
    #[serde(flatten)]
    traffic: TrafficJson,
}

/// Counts since the last zeroing, and rates per second.
#[derive(Serialize)]
struct TrafficJson {
    statistics: CountersJson,
    rates: CountersJson,
}

#[derive(Serialize)]
struct CountersJson {
    connections: u64,
    packets_in: u64,
    packets_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl From<&Statistics> for TrafficJson {
    fn from(all: &Statistics) -> TrafficJson {
        TrafficJson {
            statistics: CountersJson {
                connections: all.connections,
                packets_in: all.packets_in,
                packets_out: all.packets_out,
                bytes_in: all.bytes_in,
                bytes_out: all.bytes_out,
            },
            rates: CountersJson {
                connections: all.connections_rate,
                packets_in: all.packets_in_rate,
                packets_out: all.packets_out_rate,
                bytes_in: all.bytes_in_rate,
                bytes_out: all.bytes_out_rate,
            },
        }
    }
}

impl<'a> From<&'a ObservedEntry> for EntryJson<'a> {
    fn from(entry: &'a ObservedEntry) -> EntryJson<'a> {
        EntryJson { service: &entry.service, servers: &entry.destinations }
    }
}

impl<'a> From<&'a ObservedService> for ServiceJson<'a> {
    fn from(observed: &'a ObservedService) -> ServiceJson<'a> {
        ServiceJson { service: &observed.service, traffic: (&observed.statistics).into() }
    }
}

impl<'a> From<&'a ObservedDestination> for DestinationJson<'a> {
    fn from(observed: &'a ObservedDestination) -> DestinationJson<'a> {
        DestinationJson {
            destination: &observed.destination,
            active_connections: observed.active,
            inactive_connections: observed.inactive,
            persistent_connections: observed.persistent,
            traffic: (&observed.statistics).into(),
        }
    }
}
