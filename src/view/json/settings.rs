//! The sysctls and the state of IPVS.

use super::{Document, document};
use crate::host::ipvs::{Status, Sysctl};
use libipvs::model::{Daemon, Timeouts};
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct SysctlJson<'a> {
    name: &'a str,
    value: &'a str,
    default: Option<&'a str>,
    differs: bool,
    meaning: &'a str,
}

/// The state of the connection table. Members that the kernel does not have are null.
#[derive(Serialize)]
struct StatusJson<'a> {
    connections: Option<u64>,
    max_connections: Option<u64>,
    connection_buckets: u64,
    services: u64,
    estimation: bool,
    /// The lines of /proc/net/ip_vs_status.
    details: Vec<DetailJson<'a>>,
}

#[derive(Serialize)]
struct DetailJson<'a> {
    name: &'a str,
    value: &'a str,
}

/// Writes all sysctls, each on one line.
pub fn sysctls(out: &mut impl Write, sysctls: &[Sysctl]) -> io::Result<()> {
    let mut document = Document::new(out)?;
    document.list("sysctls")?;
    for sysctl in sysctls {
        document.line(&SysctlJson {
            name: &sysctl.name,
            value: &sysctl.value,
            default: sysctl.default,
            differs: sysctl.differs(),
            meaning: sysctl.meaning,
        })?;
    }
    document.end()
}

impl<'a> From<&'a Status> for StatusJson<'a> {
    fn from(status: &'a Status) -> StatusJson<'a> {
        let detail = |(name, value): &'a (String, String)| DetailJson { name, value };
        StatusJson {
            connections: status.connections,
            max_connections: status.max_connections,
            connection_buckets: status.buckets,
            services: status.services,
            estimation: status.frozen.is_none(),
            details: status.details.iter().map(detail).collect(),
        }
    }
}

/// Writes the state.
pub fn status(out: &mut impl Write, status: &Status) -> io::Result<()> {
    document(out, "status", &StatusJson::from(status))
}

/// The settings that `--all` adds to the services.
pub struct Settings {
    pub timeouts: Timeouts,
    pub daemons: Vec<Daemon>,
    pub status: Status,
}

impl Settings {
    /// Writes the settings as members of a document.
    pub fn write<W: Write>(&self, document: &mut Document<W>) -> io::Result<()> {
        document.member("timeouts", &self.timeouts)?;
        document.member("daemons", &self.daemons)?;
        document.member("status", &StatusJson::from(&self.status))
    }
}
