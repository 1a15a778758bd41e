//! Prints the changes that any program makes to the table.
//!
//!     watcher [SECONDS]
//!
//! Reads the table at an interval (default: 1 second) and prints a line for each change: `+` for an
//! addition, `~` for an edit, `-` for a deletion.

use libipvs::model::{Change, DaemonRole, Destination, Forwarding, Service};
use libipvs::table::diff;
use libipvs::{Client, Error, Table};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let interval = std::env::args().nth(1).unwrap_or("1".to_string());
    let Ok(Ok(interval)) = interval.parse().map(Duration::try_from_secs_f64) else {
        eprintln!("watcher [SECONDS]: '{interval}' is not a number of seconds");
        return ExitCode::from(2);
    };
    match watch(interval) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watcher: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(interval: Duration) -> Result<(), Error> {
    let mut client = Client::connect()?;
    let mut before = client.table()?;
    println!("watching {} services", before.len());
    loop {
        std::thread::sleep(interval);
        let current = client.table()?;
        for change in diff(&current, &before) {
            println!("{}", description(&change, &before));
        }
        // The difference to a table without daemons stops none.
        if !current.has_daemons() {
            for role in [DaemonRole::Master, DaemonRole::Backup] {
                if before.daemon(role).is_some() {
                    println!("{}", description(&Change::StopDaemon(role), &before));
                }
            }
        }
        before = current;
    }
}

fn description(change: &Change, before: &Table) -> String {
    match change {
        Change::AddService(service) => format!("+ {}", service_text(service)),
        Change::EditService(service) => format!("~ {}", service_text(service)),
        Change::DeleteService(key) => {
            let servers = before.service(key).map_or(0, |entry| entry.destinations().count());
            format!("- {key}, with {servers} servers")
        }
        Change::AddDestination(key, destination) => {
            format!("+ {key}: {}", destination_text(destination))
        }
        Change::EditDestination(key, destination) => {
            format!("~ {key}: {}", destination_text(destination))
        }
        Change::DeleteDestination(key, destination) => format!("- {key}: {destination}"),
        Change::SetTimeouts(_) => "~ timeouts".to_string(),
        Change::StartDaemon(daemon) => format!("+ sync daemon on {}", daemon.interface),
        Change::StopDaemon(role) => {
            let interface = before.daemon(*role).map_or("", |daemon| daemon.interface.as_str());
            format!("- sync daemon on {interface}")
        }
        other => format!("~ {other:?}"),
    }
}

fn service_text(service: &Service) -> String {
    match service.persistence {
        Some(seconds) => format!("{} {}, persistent {seconds} s", service.key, service.scheduler),
        None => format!("{} {}", service.key, service.scheduler),
    }
}

fn destination_text(destination: &Destination) -> String {
    let method = match destination.forwarding {
        Forwarding::Masquerading => "masquerading",
        Forwarding::Tunnel => "tunnel",
        Forwarding::DirectRouting => "direct routing",
        Forwarding::Local => "local",
        _ => "another method",
    };
    format!("{} weight {}, {method}", destination.key, destination.weight)
}
