//! Declarative set-up of a host: resources, plan, apply, revert, journal and persistence; and the
//! policy of real servers.

pub mod balanced;
pub mod carry_out;
pub mod check;
pub mod commands;
mod debug;
pub mod journal;
pub mod persist;
pub mod plan;
pub mod settings;
pub mod step;
