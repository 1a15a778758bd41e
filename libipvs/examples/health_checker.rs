//! Sets the weight of real servers that do not answer to 0.
//!
//!     health_checker [SECONDS]
//!
//! Connects to each real server of each TCP service at an interval (default: 5 seconds). A real
//! server that does not accept the connection within a second gets weight 0, and so no new
//! connections. When it accepts one again, it gets its former weight back. Other programs may add
//! and delete services and real servers at any time. The program forgets the former weights when it
//! ends.

use libipvs::model::{Destination, DestinationKey, Protocol, ServiceKey};
use libipvs::{Client, Error, ErrorKind};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(1);

/// The weights of real servers before they failed.
type Weights = HashMap<(ServiceKey, DestinationKey), u32>;

fn main() -> ExitCode {
    let interval = std::env::args().nth(1).unwrap_or("5".to_string());
    let Ok(Ok(interval)) = interval.parse().map(Duration::try_from_secs_f64) else {
        eprintln!("health_checker [SECONDS]: '{interval}' is not a number of seconds");
        return ExitCode::from(2);
    };
    let mut weights = Weights::new();
    let result = Client::connect().and_then(|mut client| {
        loop {
            check_all(&mut client, &mut weights)?;
            thread::sleep(interval);
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

/// Checks every real server once.
fn check_all(client: &mut Client, weights: &mut Weights) -> Result<(), Error> {
    for service in client.services()? {
        let key = service.service.key;
        // A service for all ports has no port to connect to.
        let ServiceKey::Address { protocol: Protocol::Tcp, port: 1.., .. } = key else { continue };
        let servers = client.configured_destinations(&key)?;
        for (mut server, is_up) in checked(servers) {
            let former = weights.get(&(key, server.key)).copied();
            server.weight = match (is_up, former) {
                (false, None) if server.weight > 0 => {
                    weights.insert((key, server.key), server.weight);
                    0
                }
                (true, Some(weight)) => {
                    weights.remove(&(key, server.key));
                    // Another program has set a weight: keep it.
                    if server.weight > 0 {
                        continue;
                    }
                    weight
                }
                _ => continue,
            };
            let message = format!("{key}: {} gets weight {}", server.key, server.weight);
            match client.edit_destination(&key, &server) {
                Ok(()) => println!("{message}"),
                // Another program has deleted the real server.
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NoSuchService | ErrorKind::NoSuchDestination)
}

/// Connects to all real servers concurrently and returns whether each accepted the connection.
fn checked(servers: Vec<Destination>) -> Vec<(Destination, bool)> {
    thread::scope(|threads| {
        let checks: Vec<_> = servers
            .into_iter()
            .map(|server| {
                let address = SocketAddr::from(server.key);
                let check =
                    threads.spawn(move || TcpStream::connect_timeout(&address, TIMEOUT).is_ok());
                (server, check)
            })
            .collect();
        checks.into_iter().map(|(server, check)| (server, check.join().unwrap_or(false))).collect()
    })
}
