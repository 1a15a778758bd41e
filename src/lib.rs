//! The program `ipvsadm`: the code that its binaries share. This is not a public API; the library is
//! `libipvs`.
//!
//! ```text
//! argv, -R text -> cli -> Command -> commands -> libipvs -> kernel
//! stdout <- view <- commands <- libipvs <- kernel
//! rs-setup: cli -> commands -> setup -> host -> kernel
//! ```
//!
//! Imports point downwards only; ARCHITECTURE.md describes the layers.

pub mod cli;
pub mod command;
pub mod commands;
pub mod diagnose;
pub mod error;
pub mod exit;
pub mod host;
pub mod names;
pub mod setup;
pub mod text;
pub mod ui;
pub mod view;
