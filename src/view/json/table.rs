//! Services and their servers, as configured and as observed.

use super::{Document, Settings};
use crate::command::Columns;
use crate::view::View;
use crate::view::counters::counters;
use libipvs::model::*;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// Writes a list of services, one at a time.
pub struct Services<W> {
    document: Document<W>,
    columns: Columns,
    all_counters: bool,
}

impl<W: Write> Services<W> {
    /// Starts the document. `all_counters`: statistics and rates, whatever the columns. `settings`
    /// come before the services.
    pub fn new(
        out: W,
        info: &Info,
        columns: Columns,
        all_counters: bool,
        settings: Option<&Settings>,
    ) -> io::Result<Services<W>> {
        let mut document = Document::new(out)?;
        document.member(
            "ipvs",
            &InfoJson {
                version: info.version.to_string(),
                connection_table_size: info.connection_table_size,
            },
        )?;
        if let Some(settings) = settings {
            settings.write(&mut document)?;
        }
        document.list("services")?;
        Ok(Services { document, columns, all_counters })
    }

    fn traffic(&self, statistics: &Statistics) -> TrafficJson {
        TrafficJson::new(statistics, self.columns, self.all_counters)
    }

    pub fn end(self) -> io::Result<()> {
        self.document.end()
    }
}

impl<W: Write> View for Services<W> {
    /// Does nothing: JSON has no names.
    fn prepare(&mut self, _: impl IntoIterator<Item = IpAddr>) {}

    fn service(
        &mut self,
        observed: &ObservedService,
        destinations: &[ObservedDestination],
    ) -> io::Result<()> {
        self.document.item(&ObservedServiceJson {
            service: &observed.service,
            traffic: self.traffic(&observed.statistics),
            servers: destinations
                .iter()
                .map(|observed| ObservedServerJson {
                    server: &observed.destination,
                    active_connections: observed.active,
                    inactive_connections: observed.inactive,
                    persistent_connections: observed.persistent,
                    traffic: self.traffic(&observed.statistics),
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
    service: &'a Service,
    #[serde(flatten)]
    traffic: TrafficJson,
    servers: Vec<ObservedServerJson<'a>>,
}

#[derive(Serialize)]
struct ObservedServerJson<'a> {
    #[serde(flatten)]
    server: &'a Destination,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: u32,
    #[serde(flatten)]
    traffic: TrafficJson,
}

/// The counters that the columns ask for.
#[derive(Serialize)]
struct TrafficJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<CountersJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<CountersJson>,
}

/// Counts since the last zeroing, or rates per second.
#[derive(Serialize)]
struct CountersJson {
    connections: u64,
    packets_in: u64,
    packets_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl TrafficJson {
    fn new(statistics: &Statistics, columns: Columns, all: bool) -> TrafficJson {
        let counters = |columns| {
            let [connections, packets_in, packets_out, bytes_in, bytes_out] =
                counters(statistics, columns);
            CountersJson { connections, packets_in, packets_out, bytes_in, bytes_out }
        };
        let has = |one| all || columns == one;
        TrafficJson {
            statistics: has(Columns::Statistics).then(|| counters(Columns::Statistics)),
            rates: has(Columns::Rates).then(|| counters(Columns::Rates)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shown(columns: Columns, forwarding: Forwarding, kind: TunnelKind) -> Value {
        let number = u64::MAX;
        let mut statistics = Statistics::default();
        statistics.connections = number;
        (statistics.packets_in, statistics.packets_out) = (1, 2);
        (statistics.bytes_in, statistics.bytes_out) = (3, 4);
        statistics.connections_rate = 5;
        (statistics.packets_in_rate, statistics.packets_out_rate) = (6, 7);
        (statistics.bytes_in_rate, statistics.bytes_out_rate) = (8, number);
        let address = "fd00::1".parse().expect("an address");
        let key = ServiceKey::Address { protocol: Protocol::Other(50), address, port: 0 };
        let mut service = Service::new(key);
        service.scheduler = "rr".into();
        let mut service = ObservedService::from(service);
        service.statistics = statistics;
        let mut destination = Destination::new(DestinationKey { address, port: 0 }, forwarding);
        destination.tunnel.kind = kind;
        let mut observed = ObservedDestination::from(destination);
        (observed.active, observed.inactive, observed.persistent) = (7, 8, 9);
        observed.statistics = statistics;
        let mut out = Vec::new();
        let mut info = Info::default();
        info.version = Version { major: 1, minor: 2, patch: 1 };
        info.connection_table_size = 4096;
        let mut view = Services::new(&mut out, &info, columns, false, None).expect("written");
        view.service(&service, &[observed]).expect("written");
        view.end().expect("written");
        serde_json::from_slice(&out).expect("a document")
    }

    #[test]
    fn what_is_unknown_is_a_number() {
        let shown = shown(Columns::Plain, Forwarding::Tunnel, TunnelKind::Other(9));
        let server = json!({"address": "fd00::1", "port": 0, "forwarding": "tunnel",
            "tunnel": {"type": 9, "port": null, "checksum": "none"},
            "weight": 1, "upper_threshold": 0, "lower_threshold": 0,
            "active_connections": 7, "inactive_connections": 8, "persistent_connections": 9});
        let service = json!({"protocol": 50, "address": "fd00::1", "port": 0, "scheduler": "rr",
            "scheduler_flags": [], "persistence": null, "persistence_engine": null,
            "one_packet": false, "servers": [server]});
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
