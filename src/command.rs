//! What a command line asks for, resolved and typed: nothing is left to parse.

use libipvs::model::{Change, DestinationKey, ServiceKey};

/// One command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A change to the table: most verbs.
    Change(Change),
    List(List),
    Save(Save),
    /// Carry out rules.
    Restore {
        /// Their file as it was named; `-` for standard input.
        file: Vec<u8>,
    },
    Help,
    Version,
}

/// A save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Save {
    /// Numbers rather than names.
    pub numeric: bool,
    /// Timeouts and synchronisation daemons too.
    pub full: bool,
}

/// Making the table what a file says: `ipvsadm apply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The file as it was named; `-` for standard input.
    pub file: Vec<u8>,
    /// Show the changes, make none.
    pub dry_run: bool,
    /// Leave the services alone that the file does not name.
    pub keep: bool,
    /// Show the changes as JSON.
    pub json: bool,
}

/// Giving a real server no new connections: `ipvsadm drain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    pub service: ServiceKey,
    pub server: DestinationKey,
    /// Seconds to wait at most; without, as long as it takes.
    pub wait: Option<u32>,
    /// Put the weight back instead.
    pub undo: bool,
}

/// Watching the table at work: `ipvsadm top`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// Numbers rather than names.
    pub numeric: bool,
    /// From one reading to the next.
    pub interval: std::time::Duration,
    /// Which services; all when there are none.
    pub services: Vec<ServiceKey>,
}

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub what: What,
    pub form: Form,
    /// Numbers rather than names.
    pub numeric: bool,
    /// By address and port rather than in the kernel's order.
    pub sorted: bool,
    /// Large numbers in full.
    pub exact: bool,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As 1.31 does.
    Classic,
    Json,
    /// Tables for a wide terminal; of services only.
    Pretty,
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

impl Columns {
    /// Whether counters are among them.
    pub fn counted(self) -> bool {
        match self {
            Columns::Statistics | Columns::Rates => true,
            Columns::Plain
            | Columns::Thresholds
            | Columns::PersistentConnections
            | Columns::Tunnels => false,
        }
    }
}
