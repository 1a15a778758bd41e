//! Keeps the table of IPVS equal to a file, and takes dead real servers out of service.
//!
//! `controller FILE [SECONDS]` applies the table in FILE every second, or every SECONDS. A real
//! server of a TCP service that does not accept connections gets weight 0 until it does again.

use libipvs::model::{Change, DestinationKey, Protocol, Service, ServiceKey};
use libipvs::table::Entry;
use libipvs::{ApplyError, Client, Scope, Table, Transport};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// The time that a real server has to accept a connection.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// The number of rounds from one report of statistics to the next.
const ROUNDS_PER_REPORT: u64 = 10;

/// Any failure that is only reported.
type Failure = Box<dyn Error>;

/// The arguments of the program.
struct Arguments {
    /// The file with the desired table.
    file: PathBuf,
    /// The time from the start of one round to that of the next.
    period: Duration,
}

/// The state that lasts from one round to the next.
struct Controller<T, C> {
    client: Client<T>,
    /// The last desired table that the kernel accepted; before that, the first one.
    good: Table,
    /// Returns true if a real server accepts connections.
    accepts: C,
}

/// The result of a round.
#[derive(Debug)]
struct Round {
    changes: Vec<Change>,
    failures: Vec<Failure>,
}

impl<T: Transport, C: Fn(SocketAddr) -> bool + Sync> Controller<T, C> {
    /// Creates a controller that has not applied anything yet.
    fn new(client: Client<T>, first: Table, accepts: C) -> Controller<T, C> {
        Controller { client, good: first, accepts }
    }

    /// Applies the table that was read, or the last good one if the new one is bad or refused.
    fn round(&mut self, read: Result<Table, Failure>) -> Round {
        let mut round = Round { changes: Vec::new(), failures: Vec::new() };
        match read {
            Ok(desired) => match apply(&mut self.client, &desired, &self.accepts) {
                Ok(changes) => {
                    round.changes = changes;
                    self.good = desired;
                    return round;
                }
                Err(error) => {
                    round.failures.push(error.into());
                    if desired == self.good {
                        return round;
                    }
                }
            },
            Err(error) => round.failures.push(error),
        }
        match apply(&mut self.client, &self.good, &self.accepts) {
            Ok(changes) => round.changes = changes,
            Err(error) => round.failures.push(error.into()),
        }
        round
    }

    /// Returns a line for each service and each real server.
    fn statistics(&mut self) -> Result<Vec<String>, libipvs::Error> {
        let mut lines = Vec::new();
        for entry in self.client.snapshot()? {
            lines.push(format!("{}: {}", entry.key(), entry.service.statistics));
            for server in entry.destinations {
                lines.push(format!(
                    "  {}: {} active, {} inactive, {} persistent",
                    server.destination.key, server.active, server.inactive, server.persistent
                ));
            }
        }
        Ok(lines)
    }
}

/// Makes the kernel's table equal to the desired one, with weight 0 for dead real servers.
fn apply<T: Transport>(
    client: &mut Client<T>,
    desired: &Table,
    accepts: &(impl Fn(SocketAddr) -> bool + Sync),
) -> Result<Vec<Change>, ApplyError> {
    let dead = dead_servers(desired, accepts);
    client.apply(&without(desired, &dead), Scope::Whole)
}

/// Returns the real servers of TCP services that do not accept connections.
fn dead_servers(
    table: &Table,
    accepts: &(impl Fn(SocketAddr) -> bool + Sync),
) -> BTreeSet<DestinationKey> {
    let servers: BTreeSet<DestinationKey> = table
        .iter()
        .filter(|entry| is_tcp(entry.service()))
        .flat_map(|entry| entry.destinations())
        .map(|server| server.key)
        // The real servers of a service for all ports have no port to connect to.
        .filter(|key| key.port != 0)
        .collect();
    thread::scope(|scope| {
        let mut checks = Vec::new();
        let mut dead = BTreeSet::new();
        for key in servers {
            let check = move || accepts(key.into());
            match thread::Builder::new().spawn_scoped(scope, check) {
                Ok(thread) => checks.push((key, thread)),
                // Without another thread, this one checks.
                Err(_) => {
                    if !check() {
                        dead.insert(key);
                    }
                }
            }
        }
        for (key, thread) in checks {
            if !thread.join().unwrap_or(false) {
                dead.insert(key);
            }
        }
        dead
    })
}

/// Returns the table with weight 0 for the dead real servers of its TCP services.
fn without(desired: &Table, dead: &BTreeSet<DestinationKey>) -> Table {
    let mut table = desired.clone();
    table.extend(desired.iter().filter(|entry| is_tcp(entry.service())).map(|entry| {
        let servers = entry.destinations().cloned();
        let checked = servers.map(|server| match dead.contains(&server.key) {
            true => server.with_weight(0),
            false => server,
        });
        Entry::new(entry.service().clone(), checked)
    }));
    table
}

/// Returns true if the service is for TCP.
fn is_tcp(service: &Service) -> bool {
    matches!(service.key, ServiceKey::Address { protocol: Protocol::Tcp, .. })
}

/// Returns true if a server accepts a connection in time.
fn accepts(server: SocketAddr) -> bool {
    TcpStream::connect_timeout(&server, CHECK_TIMEOUT).is_ok()
}

/// Reads a table from a file.
fn read_table(file: &Path) -> Result<Table, Failure> {
    let named = |error: &dyn Error| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| named(&error))?;
    Ok(serde_json::from_str(&text).map_err(|error| named(&error))?)
}

/// Parses the arguments, or returns `None` if they are wrong.
fn parse_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Arguments> {
    let file = arguments.next()?.into();
    let period = match arguments.next() {
        Some(seconds) => Duration::try_from_secs_f64(seconds.to_str()?.parse().ok()?).ok()?,
        None => Duration::from_secs(1),
    };
    (arguments.next().is_none() && !period.is_zero()).then_some(Arguments { file, period })
}

/// Returns a channel that receives a message for each SIGTERM and SIGINT.
fn stop_signals() -> io::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            if sender.send(()).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// The two streams of the program. It goes on if nothing reads them any more.
struct Output<O, E> {
    out: O,
    err: E,
}

impl<O: Write, E: Write> Output<O, E> {
    /// Writes a line to the standard output.
    fn print(&mut self, line: impl Display) {
        let _ = writeln!(self.out, "{line}");
    }

    /// Writes a failure to the standard error.
    fn report(&mut self, failure: impl Display) {
        let _ = writeln!(self.err, "controller: {failure}");
    }

    /// Prints the statistics.
    fn print_statistics<T: Transport, C: Fn(SocketAddr) -> bool + Sync>(
        &mut self,
        controller: &mut Controller<T, C>,
    ) {
        match controller.statistics() {
            Ok(lines) => lines.iter().for_each(|line| self.print(line)),
            Err(error) => self.report(error),
        }
    }
}

/// Runs rounds until a message to stop. Each but the first reads the file.
fn run_rounds<T: Transport, C: Fn(SocketAddr) -> bool + Sync>(
    mut controller: Controller<T, C>,
    arguments: &Arguments,
    stop: &Receiver<()>,
    output: &mut Output<impl Write, impl Write>,
) {
    let mut read = Ok(controller.good.clone());
    for number in 1_u64.. {
        let start = Instant::now();
        let round = controller.round(read);
        round.changes.iter().for_each(|change| output.print(change));
        round.failures.iter().for_each(|failure| output.report(failure));
        if number % ROUNDS_PER_REPORT == 0 {
            output.print_statistics(&mut controller);
        }
        let pause = arguments.period.saturating_sub(start.elapsed());
        if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        read = read_table(&arguments.file);
    }
    output.print_statistics(&mut controller);
}

/// Reads the file, connects to the kernel and runs rounds until a signal.
fn run(arguments: &Arguments, output: &mut Output<impl Write, impl Write>) -> Result<(), Failure> {
    let first = read_table(&arguments.file)?;
    let stop = stop_signals()?;
    let controller = Controller::new(Client::connect()?, first, accepts);
    run_rounds(controller, arguments, &stop, output);
    Ok(())
}

fn main() -> ExitCode {
    let mut output = Output { out: io::stdout(), err: io::stderr() };
    let Some(arguments) = parse_arguments(env::args_os().skip(1)) else {
        output.report("usage: controller FILE [SECONDS]");
        return ExitCode::from(2);
    };
    match run(&arguments, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.report(failure);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libipvs::fake::{FakeKernel, Fault};
    use libipvs::model::{ObservedDestination, Statistics};
    use std::net::TcpListener;
    use std::process;
    use std::sync::Mutex;

    const ENOMEM: i32 = 12;

    const DESIRED: &str = r#"{
      "services": [
        {
          "protocol": "tcp", "address": "192.0.2.1", "port": 80,
          "scheduler": "wrr", "scheduler_flags": [], "persistence": null,
          "persistence_engine": null, "one_packet": false,
          "servers": [
            {
              "address": "10.0.0.11", "port": 80, "forwarding": "masquerading",
              "tunnel": null, "weight": 5, "upper_threshold": 0, "lower_threshold": 0
            },
            {
              "address": "10.0.0.12", "port": 80, "forwarding": "masquerading",
              "tunnel": null, "weight": 3, "upper_threshold": 0, "lower_threshold": 0
            }
          ]
        },
        {
          "protocol": "udp", "address": "192.0.2.1", "port": 80,
          "scheduler": "wrr", "scheduler_flags": [], "persistence": null,
          "persistence_engine": null, "one_packet": false,
          "servers": [
            {
              "address": "10.0.0.11", "port": 80, "forwarding": "masquerading",
              "tunnel": null, "weight": 2, "upper_threshold": 0, "lower_threshold": 0
            }
          ]
        }
      ],
      "timeouts": { "tcp": 900, "tcp_fin": 120, "udp": 300 },
      "daemons": []
    }"#;

    type TestResult = Result<(), Failure>;

    fn desired() -> Result<Table, Failure> {
        Ok(serde_json::from_str(DESIRED)?)
    }

    /// Returns the weight of a real server in the kernel.
    fn weight(kernel: &FakeKernel, service: &str, server: &str) -> Result<Option<u32>, Failure> {
        let (service, server) = (service.parse()?, server.parse()?);
        let table = kernel.table();
        let entry = table.service(&service);
        Ok(entry.and_then(|entry| entry.destination(&server)).map(|server| server.weight))
    }

    fn texts(round: &Round) -> (Vec<String>, Vec<String>) {
        let changes = round.changes.iter().map(|change| change.to_string()).collect();
        (changes, round.failures.iter().map(|failure| failure.to_string()).collect())
    }

    #[test]
    fn desired_table_is_applied_once() -> TestResult {
        let kernel = FakeKernel::new();
        let mut controller = Controller::new(kernel.client()?, desired()?, |_| true);
        let round = controller.round(desired());
        assert!(round.failures.is_empty(), "{round:?}");
        assert_eq!(round.changes, kernel.changes());
        assert_eq!(kernel.table(), desired()?);
        let round = controller.round(desired());
        assert_eq!(texts(&round), (vec![], vec![]));
        Ok(())
    }

    #[test]
    fn dead_server_gets_weight_0_and_comes_back() -> TestResult {
        let kernel = FakeKernel::new();
        let dead = Mutex::new(BTreeSet::<SocketAddr>::new());
        let accepts = |server: SocketAddr| !dead.lock().expect("no panic").contains(&server);
        let mut controller = Controller::new(kernel.client()?, desired()?, accepts);
        controller.round(desired());

        let server = "10.0.0.11:80";
        dead.lock().expect("no panic").insert(server.parse()?);
        let round = controller.round(desired());
        let lines: Vec<String> = round.changes.iter().map(Change::to_string).collect();
        assert_eq!(
            lines,
            ["edit real server 10.0.0.11:80 of tcp 192.0.2.1:80 (masquerading, weight 0)"]
        );
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", server)?, Some(0));
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", "10.0.0.12:80")?, Some(3));
        assert_eq!(weight(&kernel, "udp 192.0.2.1:80", server)?, Some(2), "UDP is not checked");
        assert_eq!(kernel.table().timeouts(), desired()?.timeouts());
        assert!(controller.round(desired()).changes.is_empty());

        dead.lock().expect("no panic").clear();
        let round = controller.round(desired());
        assert_eq!(round.changes.len(), 1, "{round:?}");
        assert_eq!(kernel.table(), desired()?);
        Ok(())
    }

    #[test]
    fn connection_is_the_check() -> TestResult {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = listener.local_addr()?;
        let local = format!("\"127.0.0.1\", \"port\": {}", server.port());
        let text = DESIRED.replace("\"10.0.0.12\", \"port\": 80", &local);
        // The other real server must not be reached over the network by a test.
        let text = text.replace("10.0.0.11", "127.0.0.2");
        let read = || Ok(serde_json::from_str(&text)?);
        let kernel = FakeKernel::new();
        let mut controller = Controller::new(kernel.client()?, read()?, accepts);
        controller.round(read());
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", &server.to_string())?, Some(3));
        drop(listener);
        controller.round(read());
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", &server.to_string())?, Some(0));
        let _listener = TcpListener::bind(server)?;
        controller.round(read());
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", &server.to_string())?, Some(3));
        Ok(())
    }

    #[test]
    fn refused_change_leaves_the_table() -> TestResult {
        let kernel = FakeKernel::new();
        let first: Table =
            [Entry::new(Service::tcp("192.0.2.1:80".parse()?).build()?, [])].into_iter().collect();
        let mut controller = Controller::new(kernel.client()?, first.clone(), |_| true);
        controller.round(Ok(first));
        let before = kernel.table();

        let refused: DestinationKey = "10.0.0.12:80".parse()?;
        kernel.fail_changes_if(
            move |change| matches!(change, Change::AddDestination(_, new) if new.key == refused),
            Fault::Refuse(ENOMEM),
        );
        let (changes, failures) = texts(&controller.round(desired()));
        assert_eq!(changes, [""; 0]);
        assert_eq!(failures.len(), 1, "{failures:?}");
        let text =
            "cannot add real server 10.0.0.12:80 to tcp 192.0.2.1:80 (masquerading, weight 3): ";
        assert!(failures[0].starts_with(text), "{failures:?}");
        assert_eq!(kernel.table(), before);

        kernel.clear_faults();
        assert!(controller.round(desired()).failures.is_empty());
        assert_eq!(kernel.table(), desired()?);
        Ok(())
    }

    #[test]
    fn refused_table_does_not_stop_the_checks_of_the_last_one() -> TestResult {
        let kernel = FakeKernel::new();
        let dead = Mutex::new(false);
        let accepts = |_| !*dead.lock().expect("no panic");
        let mut controller = Controller::new(kernel.client()?, desired()?, accepts);
        controller.round(desired());

        let invalid = Service::new("tcp 192.0.2.9:0".parse()?);
        let mut refused = desired()?;
        refused.extend([Entry::new(invalid, [])]);
        *dead.lock().expect("no panic") = true;
        let round = controller.round(Ok(refused));
        assert_eq!((round.changes.len(), round.failures.len()), (2, 1), "{round:?}");
        assert!(texts(&round).1[0].contains("tcp 192.0.2.9:0"), "{round:?}");
        assert_eq!(weight(&kernel, "tcp 192.0.2.1:80", "10.0.0.11:80")?, Some(0));
        Ok(())
    }

    #[test]
    fn bad_file_is_an_error() -> TestResult {
        let file = env::temp_dir().join(format!("controller-test-{}.json", process::id()));
        fs::write(&file, DESIRED)?;
        let kernel = FakeKernel::new();
        let mut controller = Controller::new(kernel.client()?, read_table(&file)?, |_| true);
        fs::write(&file, DESIRED.replace("\"servers\"", "\"destinations\""))?;
        let round = controller.round(read_table(&file));
        fs::remove_file(&file)?;
        let (_, failures) = texts(&round);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert!(failures[0].contains("unknown field `destinations`"), "{failures:?}");
        assert_eq!(kernel.table(), desired()?, "the last good table is applied");
        assert!(read_table(&file).is_err(), "the file does not exist any more");
        Ok(())
    }

    #[test]
    fn statistics_have_a_line_for_each_service_and_server() -> TestResult {
        let kernel = FakeKernel::with_table(desired()?);
        let service: ServiceKey = "tcp 192.0.2.1:80".parse()?;
        let mut statistics = Statistics::default();
        statistics.connections = 42;
        kernel.set_statistics(service, statistics);
        let table = kernel.table();
        let server = table.service(&service).and_then(|entry| entry.destinations().next());
        let mut observed = ObservedDestination::from(server.ok_or("no server")?.clone());
        observed.active = 7;
        kernel.set_destination(service, observed);

        let mut controller = Controller::new(kernel.client()?, desired()?, |_| true);
        let lines = controller.statistics()?;
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[0].starts_with("tcp 192.0.2.1:80: 42 connections"), "{lines:?}");
        assert_eq!(lines[1], "  10.0.0.11:80: 7 active, 0 inactive, 0 persistent");
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
        Ok(())
    }

    #[test]
    fn rounds_end_with_statistics_after_a_signal() -> TestResult {
        let file = env::temp_dir().join(format!("controller-signal-{}.json", process::id()));
        fs::write(&file, DESIRED)?;
        let first = read_table(&file)?;
        fs::write(&file, "{")?;
        let arguments = Arguments { file: file.clone(), period: Duration::from_millis(10) };
        let stop = stop_signals()?;
        let controller = Controller::new(FakeKernel::new().client()?, first, |_| true);
        let mut output = Output { out: Vec::new(), err: Vec::new() };
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                signal_hook::low_level::raise(SIGTERM)
            });
            run_rounds(controller, &arguments, &stop, &mut output);
        });
        fs::remove_file(&file)?;
        let (out, err) = (String::from_utf8(output.out)?, String::from_utf8(output.err)?);
        assert!(out.starts_with("add service tcp 192.0.2.1:80 (wrr)\n"), "{out}");
        assert!(out.ends_with("  10.0.0.11:80: 0 active, 0 inactive, 0 persistent\n"), "{out}");
        let line = format!("controller: {}: EOF while parsing an object", file.display());
        assert!(err.starts_with(&line), "{err}");
        Ok(())
    }

    #[test]
    fn arguments_are_a_file_and_a_positive_number() {
        let parse = |texts: &[&str]| {
            let parsed = parse_arguments(texts.iter().map(OsString::from))?;
            Some((parsed.file, parsed.period))
        };
        let file = PathBuf::from("f");
        assert_eq!(parse(&["f"]), Some((file.clone(), Duration::from_secs(1))));
        assert_eq!(parse(&["f", "0.25"]), Some((file, Duration::from_millis(250))));
        for wrong in [&[][..], &["f", "0"], &["f", "-1"], &["f", "NaN"], &["f", "1", "2"]] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
