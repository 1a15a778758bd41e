//! The JSON form of a whole table.

use super::{Listed, ServiceJson};
use crate::model::*;
use crate::table::{Entry, Table};
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableJson<'a> {
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    format: Listed,
    /// A document with this member is a listing of `ipvsadm -L --json`, which has neither timeouts
    /// nor daemons without `--all`. Both are required otherwise.
    #[serde(default, skip_serializing)]
    ipvs: Listed,
    #[expect(dead_code)]
    #[serde(default, skip_serializing)]
    status: Listed,
    services: Vec<ServiceJson<'a>>,
    /// Null if they are unknown, or not desired.
    #[serde(default, deserialize_with = "given")]
    timeouts: Option<Option<Timeouts>>,
    /// Null is an empty list.
    #[serde(default, deserialize_with = "given")]
    daemons: Option<Option<Vec<Daemon>>>,
}

/// Distinguishes a member that is null from one that is missing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl<'a> From<&'a Table> for TableJson<'a> {
    fn from(table: &'a Table) -> TableJson<'a> {
        let entry = |entry: &'a Entry| {
            let mut json = ServiceJson::from(entry.service());
            json.servers = Some(entry.destinations().map(Into::into).collect());
            json
        };
        let timeouts = Some(table.timeouts()).filter(|timeouts| *timeouts != Timeouts::default());
        let roles = [DaemonRole::Master, DaemonRole::Backup];
        let daemons = roles.into_iter().filter_map(|role| table.daemon(role).cloned());
        TableJson {
            format: None,
            ipvs: None,
            status: None,
            services: table.iter().map(entry).collect(),
            timeouts: Some(timeouts),
            daemons: Some(Some(daemons.collect())),
        }
    }
}

impl TryFrom<TableJson<'_>> for Table {
    type Error = String;

    fn try_from(json: TableJson) -> Result<Table, String> {
        let mut table = Table::default();
        let mut apply = |change: Change| {
            change.validate().map_err(|invalid| format!("cannot {change}: {invalid}"))?;
            table.apply(&change).map_err(|error| format!("cannot {change}: {error}"))
        };
        for (n, mut service) in json.services.into_iter().enumerate() {
            let place = |error: String| format!("services[{n}]: {error}");
            let servers = service.servers.take();
            let servers = servers.ok_or_else(|| place("missing field `servers`".into()))?;
            let service = Service::try_from(service).map_err(place)?;
            let key = service.key;
            apply(Change::AddService(service))?;
            for (m, server) in servers.into_iter().enumerate() {
                let place = |error: String| format!("services[{n}].servers[{m}]: {error}");
                let server = Destination::try_from(server).map_err(place)?;
                apply(Change::AddDestination(key, server))?;
            }
        }
        let is_listing = json.ipvs.is_some();
        if json.timeouts.is_none() && !is_listing {
            return Err("missing field `timeouts`".into());
        }
        if let Some(timeouts) = json.timeouts.flatten() {
            apply(Change::SetTimeouts(timeouts))?;
        }
        if json.daemons.is_none() && !is_listing {
            return Err("missing field `daemons`".into());
        }
        for daemon in json.daemons.flatten().unwrap_or_default() {
            apply(Change::StartDaemon(daemon))?;
        }
        Ok(table)
    }
}
