//! What a command line asks for, resolved and typed: nothing is left to parse.

use crate::model::{Change, ServiceKey};

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A change to the table: most verbs.
    Change(Change),
    List(List),
    Save {
        numeric: bool,
    },
    /// Carry out the rules on standard input.
    Restore,
    Help,
    Version,
}

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub what: What,
    /// Numbers rather than names.
    pub numeric: bool,
    /// By address and port rather than in the kernel's order.
    pub sorted: bool,
    /// Large numbers in full.
    pub exact: bool,
}

/// What is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Services(Option<ServiceKey>, Columns),
    Connections {
        /// With what persistence engines know.
        engines: bool,
    },
    Timeouts,
    Daemons,
}

/// What is listed of services and their servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    Plain,
    Statistics,
    Rates,
    Thresholds,
    PersistentConnections,
    Tunnels,
}
