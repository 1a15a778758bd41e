//! A whole table.

use super::{DaemonJson, ServerJson, ServiceJson, TimeoutsJson};
use crate::model::*;
use crate::table::{Entry, Table};
use serde::{Deserialize, Serialize};

/// What a table does not say anything of is left out.
#[derive(Serialize, Deserialize)]
pub struct TableJson<'a> {
    services: Vec<EntryJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<TimeoutsJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    daemons: Vec<DaemonJson<'a>>,
}

/// A service and its servers.
#[derive(Serialize, Deserialize)]
struct EntryJson<'a> {
    #[serde(flatten)]
    service: ServiceJson<'a>,
    #[serde(default)]
    servers: Vec<ServerJson>,
}

impl<'a> From<&'a Table> for TableJson<'a> {
    fn from(table: &'a Table) -> TableJson<'a> {
        let entry = |entry: &'a Entry| EntryJson {
            service: entry.service().into(),
            servers: entry.destinations().map(ServerJson::from).collect(),
        };
        let timeouts = table.timeouts();
        let roles = [DaemonRole::Master, DaemonRole::Backup];
        TableJson {
            services: table.services().map(entry).collect(),
            timeouts: (timeouts != Timeouts::default()).then(|| (&timeouts).into()),
            daemons: roles.into_iter().filter_map(|r| table.daemon(r)).map(Into::into).collect(),
        }
    }
}

impl TryFrom<TableJson<'_>> for Table {
    type Error = String;

    fn try_from(json: TableJson) -> Result<Table, String> {
        let mut table = Table::default();
        let mut run = |change: Change| {
            change.validate().map_err(|invalid| invalid.to_string())?;
            table.apply(&change).map_err(|refused| refused.to_string())
        };
        for entry in json.services {
            let service: Service = entry.service.try_into()?;
            let key = service.key;
            run(Change::AddService(service))?;
            for server in entry.servers {
                run(Change::AddDestination(key, server.try_into()?))?;
            }
        }
        if let Some(timeouts) = json.timeouts {
            run(Change::SetTimeouts(timeouts.try_into()?))?;
        }
        for daemon in json.daemons {
            run(Change::StartDaemon(daemon.try_into()?))?;
        }
        Ok(table)
    }
}
