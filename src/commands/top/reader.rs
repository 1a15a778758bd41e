//! The table, read in a thread of its own: a large one, or a kernel that takes its time, does not stop
//! the view. Changes nothing, and loads no module that somebody took away meanwhile.

use super::{Happening, debug};
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

/// Read the services asked for that are there; all when none is asked for.
pub fn read<C: Transport>(client: &mut Client<C>, only: &[ServiceKey]) -> Result<Table, Error> {
    let mut services = match only {
        [] => client.services()?,
        only => {
            let mut services = Vec::new();
            for key in only {
                match client.service(key) {
                    Ok(service) => services.push(service),
                    // It may come, or come back.
                    Err(error) if error.code() == Some(libc::ESRCH) => {}
                    Err(error) => return Err(error),
                }
            }
            services
        }
    };
    // A table that changes under the dump can show a service twice.
    let mut seen = HashSet::new();
    services.retain(|service| seen.insert(service.service.key));
    order::services(&mut services, |service| &service.service.key);
    let with_servers = |service: ObservedService| {
        let mut servers = client.destinations(&service.service.key)?;
        let mut seen = HashSet::new();
        servers.retain(|server| seen.insert(server.destination.key));
        // They are held as long as they are shown.
        servers.shrink_to_fit();
        order::destinations(&mut servers, |server| &server.destination.key);
        Ok((service, servers))
    };
    services.into_iter().map(with_servers).collect()
}

/// Read whenever something comes through what is returned.
pub fn start(
    client: Client,
    only: Vec<ServiceKey>,
    out: Sender<Happening>,
) -> io::Result<Sender<()>> {
    let (asking, asked) = channel();
    std::thread::Builder::new().spawn(move || serve(client, &only, &asked, &out))?;
    Ok(asking)
}

fn serve(client: Client, only: &[ServiceKey], asked: &Receiver<()>, out: &Sender<Happening>) {
    let mut client = Some(client);
    while asked.recv().is_ok() {
        debug::moment("read");
        let table = match client.take() {
            Some(client) => Ok(client),
            None => Client::connect_if_loaded(),
        }
        .and_then(|mut connected| {
            let table = read(&mut connected, only)?;
            // After an error the next reading begins anew: the family may have another number by then.
            client = Some(connected);
            Ok(table)
        });
        if out.send(Happening::Reading(table)).is_err() {
            return;
        }
    }
}
