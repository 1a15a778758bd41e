//! The JSON form of a whole table.

use super::{DaemonJson, DestinationJson, ServiceJson, TimeoutsJson};
use crate::model::*;
use crate::table::{Entry, Table};
use serde::{Deserialize, Serialize};

/// Timeouts that are all 0, and an empty list of daemons, are left out.
#[derive(Serialize, Deserialize)]
pub struct TableJson<'a> {
    services: Vec<EntryJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<TimeoutsJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    daemons: Vec<DaemonJson<'a>>,
}

#[derive(Serialize, Deserialize)]
struct EntryJson<'a> {
    #[serde(flatten)]
    service: ServiceJson<'a>,
    #[serde(default)]
    servers: Vec<DestinationJson>,
}

impl<'a> From<&'a Table> for TableJson<'a> {
    fn from(table: &'a Table) -> TableJson<'a> {
        let entry = |entry: &'a Entry| EntryJson {
            service: entry.service().into(),
            servers: entry.destinations().map(DestinationJson::from).collect(),
        };
        let timeouts = table.timeouts();
        let roles = [DaemonRole::Master, DaemonRole::Backup];
        TableJson {
            services: table.services().map(entry).collect(),
            timeouts: (timeouts != Timeouts::default()).then(|| (&timeouts).into()),
            daemons: roles
                .into_iter()
                .filter_map(|role| table.daemon(role))
                .map(Into::into)
                .collect(),
        }
    }
}

impl TryFrom<TableJson<'_>> for Table {
    type Error = String;

    fn try_from(json: TableJson) -> Result<Table, String> {
        let mut table = Table::default();
        let mut apply = |change: Change| {
            change.validate().map_err(|invalid| invalid.to_string())?;
            table.apply(&change).map_err(|error| error.to_string())
        };
        for entry in json.services {
            let service: Service = entry.service.try_into()?;
            let key = service.key;
            apply(Change::AddService(service))?;
            for server in entry.servers {
                apply(Change::AddDestination(key, server.try_into()?))?;
            }
        }
        if let Some(timeouts) = json.timeouts {
            apply(Change::SetTimeouts(timeouts.try_into()?))?;
        }
        for daemon in json.daemons {
            apply(Change::StartDaemon(daemon.try_into()?))?;
        }
        Ok(table)
    }
}
