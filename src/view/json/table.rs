//! Services and their servers, as configured and as observed.

use super::Document;
use crate::command::Columns;
use crate::model::*;
use crate::shapes::{ServerJson, ServiceJson};
use crate::view::View;
use crate::view::classic::version;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// Writes a list of services, one at a time.
pub struct Services<W> {
    document: Document<W>,
    columns: Columns,
}

impl<W: Write> Services<W> {
    pub fn new(out: W, info: &Info, columns: Columns) -> io::Result<Services<W>> {
        let mut document = Document::new(out)?;
        document.member(
            "ipvs",
            &InfoJson {
                version: version(info.version),
                connection_table_size: info.connection_table_size,
            },
        )?;
        document.list("services")?;
        Ok(Services { document, columns })
    }

    pub fn end(self) -> io::Result<()> {
        self.document.end()
    }
}

impl<W: Write> View for Services<W> {
    /// Names are not shown.
    fn prepare(&mut self, _: impl IntoIterator<Item = IpAddr>) {}

    fn service(
        &mut self,
        observed: &ObservedService,
        destinations: &[ObservedDestination],
    ) -> io::Result<()> {
        self.document.item(&ObservedServiceJson {
            service: (&observed.service).into(),
            traffic: TrafficJson::new(&observed.statistics, self.columns),
            servers: destinations
                .iter()
                .map(|observed| ObservedServerJson {
                    server: (&observed.destination).into(),
                    active_connections: observed.active,
                    inactive_connections: observed.inactive,
                    persistent_connections: observed.persistent,
                    traffic: TrafficJson::new(&observed.statistics, self.columns),
                })
                .collect(),
        })
    }
}

#[derive(Serialize)]
struct InfoJson {
    version: String,
    connection_table_size: u32,
}

#[derive(Serialize)]
struct ObservedServiceJson<'a> {
    #[serde(flatten)]
    service: ServiceJson<'a>,
    #[serde(flatten)]
    traffic: Option<TrafficJson>,
    servers: Vec<ObservedServerJson>,
}

#[derive(Serialize)]
struct ObservedServerJson {
    #[serde(flatten)]
    server: ServerJson,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: u32,
    #[serde(flatten)]
    traffic: Option<TrafficJson>,
}

/// What was asked for of the counters.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum TrafficJson {
    Statistics(CountersJson),
    Rates(CountersJson),
}

/// Counted since the last zeroing, or per second.
#[derive(Serialize)]
struct CountersJson {
    connections: u64,
    packets_in: u64,
    packets_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl TrafficJson {
    fn new(s: &Statistics, columns: Columns) -> Option<TrafficJson> {
        match columns {
            Columns::Statistics => Some(TrafficJson::Statistics(CountersJson {
                connections: s.connections,
                packets_in: s.packets_in,
                packets_out: s.packets_out,
                bytes_in: s.bytes_in,
                bytes_out: s.bytes_out,
            })),
            Columns::Rates => Some(TrafficJson::Rates(CountersJson {
                connections: s.connections_rate,
                packets_in: s.packets_in_rate,
                packets_out: s.packets_out_rate,
                bytes_in: s.bytes_in_rate,
                bytes_out: s.bytes_out_rate,
            })),
            // These are columns of what every document has.
            Columns::Plain
            | Columns::Thresholds
            | Columns::PersistentConnections
            | Columns::Tunnels => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(columns: Columns, forwarding: Forwarding, kind: TunnelKind) -> Value {
        let number = u64::MAX;
        let statistics = Statistics {
            connections: number,
            packets_in: 1,
            packets_out: 2,
            bytes_in: 3,
            bytes_out: 4,
            connections_rate: 5,
            packets_in_rate: 6,
            packets_out_rate: 7,
            bytes_in_rate: 8,
            bytes_out_rate: number,
        };
        let address = "fd00::1".parse().expect("an address");
        let service = Service {
            key: ServiceKey::Address { protocol: Protocol::Other(50), address, port: 0 },
            scheduler: "rr".into(),
            scheduler_flags: 0,
            persistence: None,
            netmask: Netmask::whole(Family::V6),
            one_packet: false,
            persistence_engine: None,
        };
        let destination = Destination {
            key: DestinationKey { address, port: 0 },
            forwarding,
            tunnel: Tunnel { kind, ..Tunnel::default() },
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        };
        let observed =
            ObservedDestination { destination, active: 7, inactive: 8, persistent: 9, statistics };
        let mut out = Vec::new();
        let info = Info { version: 0x010201, connection_table_size: 4096 };
        let mut view = Services::new(&mut out, &info, columns).expect("written");
        view.service(&ObservedService { service, statistics }, &[observed]).expect("written");
        view.end().expect("written");
        serde_json::from_slice(&out).expect("a document")
    }

    #[test]
    fn what_is_unknown_is_a_number() {
        let shown = shown(Columns::Plain, Forwarding::Tunnel, TunnelKind::Other(9));
        let server = json!({"address": "fd00::1", "port": 0, "forwarding": "tunnel",
            "tunnel": {"type": 9, "checksum": "none"},
            "weight": 1, "upper_threshold": 0, "lower_threshold": 0,
            "active_connections": 7, "inactive_connections": 8, "persistent_connections": 9});
        let service = json!({"protocol": 50, "address": "fd00::1", "port": 0, "scheduler": "rr",
            "servers": [server]});
        let ipvs = json!({"version": "1.2.1", "connection_table_size": 4096});
        assert_eq!(shown, json!({"format": 1, "ipvs": ipvs, "services": [service]}));
        let shown = self::shown(Columns::Thresholds, Forwarding::Other(6), TunnelKind::Ipip);
        assert_eq!(shown["services"][0]["servers"][0]["forwarding"], 6);
    }

    #[test]
    fn counters_are_whole() {
        let all = u64::MAX;
        let shown = |columns| shown(columns, Forwarding::Local, TunnelKind::Ipip);
        let counted = shown(Columns::Statistics);
        for of in [&counted["services"][0], &counted["services"][0]["servers"][0]] {
            let expected = json!({"connections": all, "packets_in": 1, "packets_out": 2,
                "bytes_in": 3, "bytes_out": 4});
            assert_eq!((&of["statistics"], of.get("rates")), (&expected, None));
        }
        let rates = shown(Columns::Rates);
        for of in [&rates["services"][0], &rates["services"][0]["servers"][0]] {
            let expected = json!({"connections": 5, "packets_in": 6, "packets_out": 7,
                "bytes_in": 8, "bytes_out": all});
            assert_eq!((&of["rates"], of.get("statistics")), (&expected, None));
        }
    }
}
