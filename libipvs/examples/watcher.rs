//! Says what changes in the table, whoever changes it.
//!
//!     watcher [SECONDS]
//!
//! Looks every so often (a second unless told), and writes a line for each change: `+` for what is new,
//! `~` for what is changed, `-` for what is gone.

use libipvs::model::{Change, DaemonRole, Destination, Forwarding, Service};
use libipvs::table::diff;
use libipvs::{Client, Error, Table};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let pause = std::env::args().nth(1).unwrap_or("1".to_string());
    let Ok(Ok(pause)) = pause.parse().map(Duration::try_from_secs_f64) else {
        eprintln!("watcher [SECONDS]: `{pause}' is no number of seconds");
        return ExitCode::from(2);
    };
    match watch(pause) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watcher: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(pause: Duration) -> Result<(), Error> {
    let mut client = Client::connect()?;
    let mut before = client.table()?;
    println!("watching {} services", before.services().count());
    loop {
        std::thread::sleep(pause);
        let now = client.table()?;
        for change in diff(&now, &before) {
            println!("{}", said(&change, &before));
        }
        // To the difference, a table without daemons is one that says nothing of them.
        if !now.has_daemons() {
            for role in [DaemonRole::Master, DaemonRole::Backup] {
                if before.daemon(role).is_some() {
                    println!("{}", said(&Change::StopDaemon(role), &before));
                }
            }
        }
        before = now;
    }
}

fn said(change: &Change, before: &Table) -> String {
    match change {
        Change::AddService(service) => format!("+ {}", of_service(service)),
        Change::EditService(service) => format!("~ {}", of_service(service)),
        Change::DeleteService(key) => {
            let servers = before.service(key).map_or(0, |entry| entry.destinations().count());
            format!("- {key}, with {servers} servers")
        }
        Change::AddDestination(key, server) => format!("+ {key}: {}", of_server(server)),
        Change::EditDestination(key, server) => format!("~ {key}: {}", of_server(server)),
        Change::DeleteDestination(key, server) => format!("- {key}: {server}"),
        Change::SetTimeouts(_) => "~ timeouts".to_string(),
        Change::StartDaemon(daemon) => format!("+ sync daemon on {}", daemon.interface),
        Change::StopDaemon(role) => {
            let interface = before.daemon(*role).map_or("", |daemon| daemon.interface.as_str());
            format!("- sync daemon on {interface}")
        }
        other => format!("~ {other:?}"),
    }
}

fn of_service(service: &Service) -> String {
    match service.persistence {
        Some(seconds) => format!("{} {}, persistent {seconds} s", service.key, service.scheduler),
        None => format!("{} {}", service.key, service.scheduler),
    }
}

fn of_server(server: &Destination) -> String {
    let method = match server.forwarding {
        Forwarding::Masquerading => "masquerading",
        Forwarding::Tunnel => "tunnel",
        Forwarding::DirectRouting => "direct routing",
        Forwarding::Local => "local",
        _ => "another method",
    };
    format!("{} weight {}, {method}", server.key, server.weight)
}
