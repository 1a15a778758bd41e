//! `ipvsadm top`: connects to IPVS, watches, and turns the end into a result.

use crate::command::Top;
use crate::commands::context::Context;
use crate::commands::top::{self, End, Failure};
use crate::error::{CommandError, ErrorKind};
use crate::names::System;
use crate::text::os_error;

/// Watches until a key or a signal ends it.
pub fn top(context: &mut Context, task: &Top) -> Result<(), CommandError> {
    if let Some(reason) = top::unusable() {
        return Err(CommandError::usage(format!("top: {reason}")));
    }
    let end = context.client.connect().map_err(Failure::from);
    match end.and_then(|client| top::watch(client, task, System)) {
        Ok(End::Quit) => Ok(()),
        Ok(End::Signal(signal)) => top::die_of(signal),
        Ok(End::Lost(error)) => Err(CommandError::output(error)),
        Err(Failure::Ipvs(error)) => Err(CommandError::from(error).into_list_failure()),
        Err(Failure::Io(error)) => {
            Err(CommandError::new(ErrorKind::Terminal, format!("top: {}", os_error(&error))))
        }
    }
}
