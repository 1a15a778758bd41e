//! `-L --timeout`, `--daemon`, `--sysctls` and `--status`: the settings and the state of IPVS.

use super::context::Context;
use crate::command::{Columns, Form};
use crate::error::{CommandError, ErrorKind};
use crate::host;
use crate::host::ipvs::{self, Status};
use crate::ui::Ui;
use crate::view::{classic, json, settings};
use libipvs::connections::{self, Reader};
use libipvs::{Client, Transport};
use std::path::PathBuf;

/// Prints the timeouts of idle connections.
pub fn timeouts<C: Transport>(context: &mut Context<C>, form: Form) -> Result<(), CommandError> {
    let timeouts = context.client.get()?.timeouts()?;
    let ui = &mut context.ui;
    let result = match form {
        Form::Json => json::timeouts(ui, &timeouts),
        Form::Classic | Form::Pretty => classic::timeouts(ui, &timeouts),
    };
    result.map_err(CommandError::output)
}

/// Prints the synchronisation daemons.
pub fn daemons<C: Transport>(context: &mut Context<C>, form: Form) -> Result<(), CommandError> {
    let daemons = context.client.get()?.daemons()?;
    let ui = &mut context.ui;
    let result = match form {
        Form::Json => json::daemons(ui, &daemons),
        Form::Classic | Form::Pretty => classic::daemons(ui, &daemons),
    };
    result.map_err(CommandError::output)
}

/// Prints the sysctls of IPVS.
pub fn sysctls<C: Transport>(context: &mut Context<C>, form: Form) -> Result<(), CommandError> {
    // Without the module there are none.
    context.client.get()?.info()?;
    let sysctls = ipvs::sysctls().map_err(unreadable)?;
    let ui = &mut context.ui;
    let result = match form {
        Form::Json => json::sysctls(ui, &sysctls),
        Form::Classic | Form::Pretty => settings::sysctls(ui, &sysctls),
    };
    result.map_err(CommandError::output)
}

/// Prints the state of IPVS.
pub fn status<C: Transport>(context: &mut Context<C>, form: Form) -> Result<(), CommandError> {
    let status = read_status(context.client.get()?, true)?;
    let ui = &mut context.ui;
    let result = match form {
        Form::Json => json::status(ui, &status),
        Form::Classic | Form::Pretty => settings::status(ui, &status),
    };
    result.map_err(CommandError::output)
}

/// Reads the settings that `--all` adds to the services.
pub fn read<C: Transport>(client: &mut Client<C>) -> Result<json::Settings, CommandError> {
    let (timeouts, daemons) = (client.timeouts()?, client.daemons()?);
    // To count the connections, older kernels have to list them: too expensive for each poll.
    let status = read_status(client, false)?;
    Ok(json::Settings { timeouts, daemons, status })
}

/// Reads the state. Where the kernel does not count the connections, `list` decides about doing so.
fn read_status<C: Transport>(client: &mut Client<C>, list: bool) -> Result<Status, CommandError> {
    let buckets = client.info()?.connection_table_size.into();
    let services = client.configured_services()?.len() as u64;
    let details = ipvs::details().map_err(unreadable)?;
    let counted = details.iter().find(|(name, _)| name == "Conns");
    let connections = match counted.and_then(|(_, count)| count.parse().ok()) {
        Some(count) => Some(count),
        None if list => Some(count_connections().map_err(unreadable)?),
        None => None,
    };
    let max_connections = ipvs::max_connections().map_err(unreadable)?;
    let frozen = ipvs::frozen().map_err(unreadable)?;
    Ok(Status { connections, max_connections, buckets, services, frozen, details })
}

/// Counts the lines of the connection table, in constant memory.
fn count_connections() -> Result<u64, host::Error> {
    let failed = |error| host::Error::File(PathBuf::from(connections::PATH), error);
    let mut reader = Reader::open().map_err(failed)?;
    let mut count = 0;
    loop {
        match reader.lines().map_err(failed)?.lines().count() {
            0 => return Ok(count),
            lines => count += lines as u64,
        }
    }
}

fn unreadable(error: host::Error) -> CommandError {
    CommandError::new(ErrorKind::ListFailed, format!("cannot read {error}"))
}

/// Warns that rates stand still, on a terminal.
pub fn warn_of_frozen_rates(ui: &mut Ui, columns: Columns) {
    if columns != Columns::Rates || !ui.stderr_is_terminal() {
        return;
    }
    if let Ok(Some(reason)) = ipvs::frozen() {
        ui.message(&format!("note: the rates stand still: {reason}"));
    }
}
