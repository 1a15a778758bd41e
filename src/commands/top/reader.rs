//! Reads the table in a thread, so that neither a large table nor a slow kernel blocks the view. It
//! changes nothing, and loads no module that was unloaded concurrently.

use super::{LoopEvent, debug};
use crate::view::order;
use libipvs::Client;
use libipvs::Error;
use libipvs::Transport;
use libipvs::model::{ObservedDestination, ObservedService, ServiceKey};
use std::collections::HashSet;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Services and the servers of each, in the order of a listing.
pub type Table = Vec<(ObservedService, Vec<ObservedDestination>)>;

/// Reads the requested services that exist, or all if none is requested.
pub fn read<C: Transport>(client: &mut Client<C>, only: &[ServiceKey]) -> Result<Table, Error> {
    let mut services = match only {
        [] => client.services()?,
        only => {
            let mut services = Vec::new();
            for key in only {
                match client.service(key) {
                    Ok(service) => services.push(service),
                    // The service may be added later.
                    Err(error) if error.code() == Some(libc::ESRCH) => {}
                    Err(error) => return Err(error),
                }
            }
            services
        }
    };
    // A table that changes during the dump can contain a service twice.
    let mut seen = HashSet::new();
    services.retain(|service| seen.insert(service.service.key));
    order::services(&mut services, |service| &service.service.key);
    let with_servers = |service: ObservedService| {
        let mut servers = client.destinations(&service.service.key)?;
        let mut seen = HashSet::new();
        servers.retain(|server| seen.insert(server.destination.key));
        // The view holds them until the next reading: drop the spare capacity.
        servers.shrink_to_fit();
        order::destinations(&mut servers, |server| &server.destination.key);
        Ok((service, servers))
    };
    services.into_iter().map(with_servers).collect()
}

/// Starts the thread. It reads the table whenever the returned channel gets a message.
pub fn start(
    client: Client,
    only: Vec<ServiceKey>,
    out: Sender<LoopEvent>,
) -> io::Result<Sender<()>> {
    let (requests, received) = channel();
    std::thread::Builder::new().spawn(move || serve(client, &only, &received, &out))?;
    Ok(requests)
}

fn serve(client: Client, only: &[ServiceKey], received: &Receiver<()>, out: &Sender<LoopEvent>) {
    let mut client = Some(client);
    while received.recv().is_ok() {
        debug::panic_point("read");
        let table = match client.take() {
            Some(client) => Ok(client),
            None => Client::connect_if_loaded(),
        }
        .and_then(|mut connected| {
            let table = read(&mut connected, only)?;
            // Reconnect after an error: the family may have another number now.
            client = Some(connected);
            Ok(table)
        });
        if out.send(LoopEvent::Reading(table)).is_err() {
            return;
        }
    }
}
