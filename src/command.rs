//! Commands, resolved and typed: what the parsers return and the commands execute.

use libipvs::model::{Change, DestinationKey, ServiceKey};

/// A classic command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A change to the table: most verbs.
    Change(Change),
    List(List),
    Save(Save),
    /// Execute the rules of a file.
    Restore {
        /// The name of the file as given; `-` for standard input.
        file: Vec<u8>,
    },
    Help {
        /// All options, not just a screen of the most important commands.
        whole: bool,
    },
    Version,
}

/// The options that a command line left to their defaults, and the value that a default replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defaults {
    /// No forwarding method was given.
    pub method: bool,
    /// The port that was given for a real server, but not used.
    pub replaced_port: Option<u16>,
}

impl From<Change> for Command {
    fn from(change: Change) -> Command {
        Command::Change(change)
    }
}

/// `ipvsadm -S`: print the table as rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Save {
    /// Print numbers instead of names.
    pub numeric: bool,
    /// Include the timeouts and the synchronisation daemons.
    pub full: bool,
    /// Leave out the thresholds of real servers.
    pub no_thresholds: bool,
}

/// `ipvsadm apply`: change the table to match a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The name of the file as given; `-` for standard input.
    pub file: Vec<u8>,
    /// Print the changes without making them.
    pub dry_run: bool,
    /// Keep the services that the file does not name.
    pub keep: bool,
    /// Print the changes as JSON.
    pub json: bool,
    /// Delete all services when the file has no rules.
    pub allow_empty: bool,
}

/// `ipvsadm drain`: stop new connections to a real server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    pub service: ServiceKey,
    pub server: DestinationKey,
    /// The maximum wait in seconds; `None` waits until no connection is active.
    pub wait: Option<u32>,
    /// Restore the weight instead.
    pub undo: bool,
}

/// `ipvsadm top`: show the table live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// Print numbers instead of names.
    pub numeric: bool,
    /// The time between two readings.
    pub interval: std::time::Duration,
    /// The services to show; all of them if empty.
    pub services: Vec<ServiceKey>,
}

/// `ipvsadm -L`: list one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub subject: Subject,
    pub form: Form,
    /// Print numbers instead of names.
    pub numeric: bool,
    /// Sort by address and port instead of keeping the kernel's order.
    pub sorted: bool,
    /// Print large numbers in full.
    pub exact: bool,
    /// Print statistics and rates, in JSON.
    pub all_counters: bool,
    /// Print timeouts, daemons and status beside the services, in JSON.
    pub all: bool,
}

impl Default for List {
    fn default() -> List {
        let subject = Subject::Services(None, Columns::Plain);
        List {
            subject,
            form: Form::Classic,
            numeric: false,
            sorted: true,
            exact: false,
            all_counters: false,
            all: false,
        }
    }
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The format of 1.31.
    Classic,
    Json,
    /// Tables for a wide terminal; of services only.
    Pretty,
}

/// The subject of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Services(Option<ServiceKey>, Columns),
    Connections {
        /// Include the data of persistence engines.
        engines: bool,
    },
    Timeouts,
    Daemons,
    /// The sysctls of IPVS.
    Sysctls,
    /// The state of the connection table.
    Status,
}

/// The columns in a list of services and their real servers.
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
    /// Returns true if the columns show counters.
    pub fn have_counters(self) -> bool {
        match self {
            Columns::Statistics | Columns::Rates => true,
            Columns::Plain
            | Columns::Thresholds
            | Columns::PersistentConnections
            | Columns::Tunnels => false,
        }
    }
}
