//! What may help a person whose command the kernel refused: said behind the error, on a terminal only.
//!
//! In: the command and the refusal. Out: a line, or nothing. The kernel is asked again for what is
//! there; nothing is changed.

use crate::cli::options;
use crate::cli::suggestions::nearest;
use crate::command::{Command, List, Subject};
use crate::view::labels::Labels;
use crate::view::rules;
use libipvs::Client;
use libipvs::Error;
use libipvs::Transport;
use libipvs::model::*;

/// More than this many are no help.
const FEW: usize = 8;

/// What may help whoever gave this command.
pub fn hint<C: Transport>(
    client: &mut Client<C>,
    command: &Command,
    error: &Error,
) -> Option<String> {
    let code = error.code()?;
    let change = match command {
        Command::Change(change) => change,
        Command::List(List { subject: Subject::Services(Some(_), _), .. })
            if code == libc::ESRCH =>
        {
            return services(client);
        }
        _ => return None,
    };
    match (change, code) {
        (Change::AddService(_), libc::EEXIST) => Some("-E changes it".to_string()),
        (Change::AddDestination(..), libc::EEXIST) => Some("-e changes it".to_string()),
        (Change::AddService(service) | Change::EditService(service), libc::ENOENT) => name(service),
        (Change::EditService(_) | Change::DeleteService(_) | Change::Zero(_), libc::ESRCH) => {
            services(client)
        }
        (
            Change::AddDestination(..)
            | Change::EditDestination(..)
            | Change::DeleteDestination(..),
            libc::ESRCH,
        ) => services(client),
        (Change::EditDestination(key, _) | Change::DeleteDestination(key, _), libc::ENOENT) => {
            servers(client, key)
        }
        _ => None,
    }
}

/// Which of two names the kernel does not know, and what may have been meant.
fn name(service: &Service) -> Option<String> {
    let engine = service.persistence_engine.as_deref();
    let named =
        [(Some(service.scheduler.as_str()), "scheduler", "ip_vs_"), (engine, "pe", "ip_vs_pe_")];
    let mut modules = Vec::new();
    for (name, option, module) in named {
        let Some(name) = name else { continue };
        let known = options::values(option);
        if known.contains(&name) {
            modules.push(format!("{module}{name}"));
        } else {
            return nearest(name, known.iter().copied())
                .map(|name| format!("did you mean {name}?"));
        }
    }
    Some(format!("this kernel has no module {}", modules.join(" or ")))
}

fn services<C: Transport>(client: &mut Client<C>) -> Option<String> {
    let labels = &mut Labels::numeric();
    let services = client.configured_services().ok()?;
    let names = services.iter().map(|service| rules::head(labels, &service.key));
    few("the table is empty", names.collect())
}

fn servers<C: Transport>(client: &mut Client<C>, service: &ServiceKey) -> Option<String> {
    let servers = client.configured_destinations(service).ok()?;
    let name = |server: &Destination| {
        let mut name = String::from("-r ");
        let key = server.key;
        Labels::numeric().endpoint(&mut name, key.address, key.port, None);
        name
    };
    few("the service has no server", servers.iter().map(name).collect())
}

fn few(none: &str, names: Vec<String>) -> Option<String> {
    match names.len() {
        0 => Some(none.to_string()),
        1..=FEW => Some(format!("there is {}", names.join(", "))),
        _ => None,
    }
}
