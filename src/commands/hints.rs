//! Hints for a command that the kernel refused. They are printed on a terminal only.
//!
//! The kernel is asked again for what exists; nothing is changed.

use crate::cli::options;
use crate::cli::suggestions::{nearest, scheduler};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::model::*;
use libipvs::table::TableError;
use libipvs::{Client, Error, Transport};

/// The maximum length of a useful list.
const MAX_LISTED: usize = 8;

/// Returns a hint for a list of one service that failed.
pub fn of_list<C: Transport>(client: &mut Client<C>, error: &Error) -> Option<String> {
    match error.code()? {
        libc::ESRCH => services(client),
        _ => None,
    }
}

/// Returns a hint for a change that was refused.
pub fn of_change<C: Transport>(
    client: &mut Client<C>,
    change: &Change,
    error: &Error,
) -> Option<String> {
    match (change, error.code()?) {
        (Change::AddService(_), libc::EEXIST) => Some("use -E to change it".to_string()),
        (Change::AddDestination(..), libc::EEXIST) => Some("use -e to change it".to_string()),
        (Change::AddService(service) | Change::EditService(service), libc::ENOENT) => name(service),
        (
            Change::EditService(_)
            | Change::DeleteService(_)
            | Change::Zero(_)
            | Change::AddDestination(..)
            | Change::EditDestination(..)
            | Change::DeleteDestination(..),
            libc::ESRCH,
        ) => services(client),
        (Change::EditDestination(key, _) | Change::DeleteDestination(key, _), libc::ENOENT) => {
            servers(client, key)
        }
        (Change::StartDaemon(daemon), _) if daemon.interface.is_empty() => {
            Some("give the interface to the other director: --mcast-interface eth0".to_string())
        }
        _ => None,
    }
}

/// Corrects the name of a scheduler or persistence engine that the kernel does not know.
fn name(service: &Service) -> Option<String> {
    let engine = service.persistence_engine.as_deref();
    let named =
        [(Some(service.scheduler.as_str()), "scheduler", "ip_vs_"), (engine, "pe", "ip_vs_pe_")];
    let mut modules = Vec::new();
    for (name, option, prefix) in named {
        let Some(name) = name else { continue };
        let known = options::values(option);
        if known.contains(&name) {
            modules.push(format!("{prefix}{name}"));
            continue;
        }
        let meant = match option {
            "scheduler" => scheduler(name, known),
            _ => nearest(name, known.iter().copied()),
        };
        return meant.map(|name| format!("did you mean {name}?"));
    }
    Some(format!("this kernel has no module {}", modules.join(" or ")))
}

fn services<C: Transport>(client: &mut Client<C>) -> Option<String> {
    let labels = &mut Labels::numeric();
    let services = client.configured_services().ok()?;
    let names = services.iter().map(|service| rules::head(labels, &service.key));
    listed("the table is empty", "services", names.collect())
}

/// Returns a hint for a service or a real server that a command names and the table does not have.
pub fn of_missing<C: Transport>(
    client: &mut Client<C>,
    service: &ServiceKey,
    error: TableError,
) -> Option<String> {
    match error {
        TableError::NoSuchDestination => servers(client, service),
        _ => services(client),
    }
}

fn servers<C: Transport>(client: &mut Client<C>, service: &ServiceKey) -> Option<String> {
    let servers = client.configured_destinations(service).ok()?;
    let name = |server: &Destination| {
        let mut name = String::from("-r ");
        let key = server.key;
        Labels::numeric().endpoint(&mut name, key.address, key.port, None);
        name
    };
    let names = servers.iter().map(name).collect();
    listed("the service has no real servers", "real servers", names)
}

/// Lists what exists, unless it is too much.
fn listed(empty: &str, what: &str, names: Vec<String>) -> Option<String> {
    match names.len() {
        0 => Some(empty.to_string()),
        1..=MAX_LISTED => Some(format!("existing {what}: {}", names.join(", "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Fixture;
    use libipvs::fake::Fault;

    /// The text that a terminal shows after the error.
    #[track_caller]
    fn hint(fixture: &Fixture, line: &str) -> String {
        let err = fixture.line(line).err;
        err.split_once('\n').expect(line).1.to_string()
    }

    #[test]
    fn existing_services_are_listed() {
        let fixture = Fixture::new().on_terminal();
        let lines = [
            "-D -t 10.0.0.9:80",
            "-E -t 10.0.0.9:80",
            "-Z -t 10.0.0.9:80",
            "-L -t 10.0.0.9:80",
            "-a -t 10.0.0.9:80 -r 10.0.0.2",
            "-e -t 10.0.0.9:80 -r 10.0.0.2",
            "-d -t 10.0.0.9:80 -r 10.0.0.2",
        ];
        for line in lines {
            assert_eq!(hint(&fixture, line), "the table is empty\n", "{line}");
        }
        fixture.line_with("-R", "-A -t 10.0.0.1:80\n-A -f 7 -6\n").ok();
        for line in lines {
            assert_eq!(hint(&fixture, line), "existing services: -t 10.0.0.1:80, -f 7 -6\n");
        }
        for mark in 1..=6 {
            fixture.line(&format!("-A -f {mark}")).ok();
        }
        assert_eq!(hint(&fixture, "-D -f 9").matches(", ").count(), 7, "all eight");
        fixture.line("-A -f 8").ok();
        assert_eq!(hint(&fixture, "-D -f 9"), "", "too many to be useful");
    }

    #[test]
    fn existing_servers_are_listed() {
        let fixture = Fixture::with("-A -t 10.0.0.1:80\n").on_terminal();
        for line in ["-e -t 10.0.0.1:80 -r 10.0.0.9", "-d -t 10.0.0.1:80 -r 10.0.0.9"] {
            assert_eq!(hint(&fixture, line), "the service has no real servers\n");
        }
        fixture.line("-a -t 10.0.0.1:80 -r 10.0.0.2 -m").ok();
        fixture.line("-a -t 10.0.0.1:80 -r [fd00::3]:80 -i").ok();
        let servers = "existing real servers: -r 10.0.0.2:80, -r [fd00::3]:80\n";
        assert_eq!(hint(&fixture, "-d -t 10.0.0.1:80 -r 10.0.0.9"), servers);
    }

    #[test]
    fn what_exists_can_be_changed() {
        let fixture = Fixture::with("-A -f 1\n-a -f 1 -r 10.0.0.2\n").on_terminal();
        assert_eq!(hint(&fixture, "-A -f 1"), "use -E to change it\n");
        assert_eq!(hint(&fixture, "-a -f 1 -r 10.0.0.2"), "use -e to change it\n");
    }

    #[test]
    fn unknown_names_are_corrected() {
        let fixture = Fixture::new().on_terminal();
        for (line, text) in [
            ("-A -f 1 -s wrrr", "did you mean wrr?\n"),
            ("-A -f 1 -s qqqqq", ""),
            ("-A -f 1 -s mh", "this kernel has no module ip_vs_mh\n"),
            ("-A -f 1 -s mh -p 5 --pe spi", "did you mean sip?\n"),
            ("-A -f 1 -s rr -p 5 --pe sip", "this kernel has no module ip_vs_rr or ip_vs_pe_sip\n"),
        ] {
            fixture.kernel.fail_change(0, Fault::Refuse(libc::ENOENT));
            assert_eq!(hint(&fixture, line), text, "{line}");
        }
    }

    #[test]
    fn other_errors_have_no_hint() {
        let fixture = Fixture::with("-A -f 1\n").on_terminal();
        fixture.kernel.fail_change(0, Fault::Refuse(libc::ENOMEM));
        assert_eq!(hint(&fixture, "-D -f 1"), "");
        fixture.kernel.fail_change(0, Fault::Refuse(libc::ESRCH));
        assert_eq!(hint(&fixture, "-C"), "");
        fixture.kernel.fail_request(1, Fault::Refuse(libc::ENOMEM));
        assert_eq!(hint(&fixture, "-D -f 2"), "", "the second request fails");
        fixture.kernel.fail_request(0, Fault::Refuse(libc::ENOMEM));
        assert_eq!(hint(&fixture, "-L -f 1"), "");
    }
}
