//! Keeps connections away from real servers that do not answer.
//!
//!     health_checker [SECONDS]
//!
//! Every so often (5 seconds unless told) it connects to each real server of each TCP service. One
//! that does not take the connection within a second gets weight 0, so that no new connections go
//! there; one that does again gets its weight back. Services and servers may come and go meanwhile.
//! The weights are remembered while it runs, and no longer.

use libipvs::model::{Destination, DestinationKey, Protocol, ServiceKey};
use libipvs::{Client, Error, ErrorKind};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

/// The weights that servers had before they were found dead.
type Weights = HashMap<(ServiceKey, DestinationKey), u32>;

fn main() -> ExitCode {
    let pause = std::env::args().nth(1).unwrap_or("5".to_string());
    let Ok(Ok(pause)) = pause.parse().map(Duration::try_from_secs_f64) else {
        eprintln!("health_checker [SECONDS]: `{pause}' is no number of seconds");
        return ExitCode::from(2);
    };
    let mut weights = Weights::new();
    let result = Client::connect().and_then(|mut client| {
        loop {
            round(&mut client, &mut weights)?;
            thread::sleep(pause);
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("health_checker: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Look at every server once.
fn round(client: &mut Client, weights: &mut Weights) -> Result<(), Error> {
    for service in client.services()? {
        let key = service.service.key;
        // A service of all ports has none to connect to.
        let ServiceKey::Address { protocol: Protocol::Tcp, port: 1.., .. } = key else { continue };
        let servers = client.destinations(&key)?;
        let servers: Vec<Destination> = servers.into_iter().map(|s| s.destination).collect();
        for (mut server, answers) in looked_at(servers) {
            let before = weights.get(&(key, server.key)).copied();
            server.weight = match (answers, before) {
                (false, None) if server.weight > 0 => {
                    weights.insert((key, server.key), server.weight);
                    0
                }
                (true, Some(weight)) => {
                    weights.remove(&(key, server.key));
                    // Somebody has set another one: theirs stays.
                    if server.weight > 0 { continue } else { weight }
                }
                _ => continue,
            };
            let said = format!("{key}: {} gets weight {}", server.key, server.weight);
            match client.edit_destination(key, server) {
                Ok(()) => println!("{said}"),
                // Somebody has taken it out meanwhile.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NoSuchService | ErrorKind::NoSuchDestination)
}

/// Each server, and whether it takes a connection: all are asked at the same time.
fn looked_at(servers: Vec<Destination>) -> Vec<(Destination, bool)> {
    thread::scope(|threads| {
        let asked: Vec<_> = servers
            .into_iter()
            .map(|server| {
                let at = SocketAddr::new(server.key.address, server.key.port);
                let answer =
                    threads.spawn(move || TcpStream::connect_timeout(&at, PATIENCE).is_ok());
                (server, answer)
            })
            .collect();
        asked.into_iter().map(|(server, answer)| (server, answer.join().unwrap_or(false))).collect()
    })
}
