//! `ipvsadm top`: the connection to IPVS, and how it ended.

use crate::command::Top;
use crate::commands::top::{self, End, Failure};
use crate::commands::{Run, connected, status, text};
use crate::error::CommandError;
use crate::names::System;
use std::io::{Read, Write};

impl<R: Read, O: Write, E: Write> Run<'_, R, O, E> {
    /// Watch until it ends; the status.
    pub(in crate::commands) fn top(&mut self, task: &Top) -> u8 {
        if let Some(why) = top::unusable() {
            return self.misused(&CommandError::usage(format!("top: {why}")));
        }
        if let Err(error) = connected(&mut self.client) {
            return self.failed(&error, status::LIST);
        }
        let Some(client) = self.client.take() else { return status::LIST };
        match top::watch(client, task, System) {
            Ok(End::Left) => status::DONE,
            Ok(End::Signal(signal)) => top::die_of(signal),
            Ok(End::Lost(error)) => self.written(Err(error), status::DONE, status::LIST),
            Err(Failure::Ipvs(error)) => self.failed(&error, status::LIST),
            Err(Failure::Io(error)) => {
                self.complain(&format!("top: {}", text(&error)));
                status::LIST
            }
        }
    }
}
