//! `-L`: the services, or the connections. Its other lists are in `settings.rs`.

use super::context::Context;
use super::{hints, settings};
use crate::command::{Columns, Form, List, Subject};
use crate::error::{CommandError, ErrorKind};
use crate::names::Names;
use crate::text::os_error;
use crate::ui::Ui;
use crate::view::classic::Listing;
use crate::view::connections::Connections;
use crate::view::labels::Labels;
use crate::view::pretty::{Pretty, Screen};
use crate::view::{View, json, order};
use libipvs::connections::{self, Reader};
use libipvs::model::{DestinationKey, ObservedService, ServiceKey};
use libipvs::{Client, Transport};
use std::ffi::OsStr;
use std::io::{self, BufRead, IsTerminal};
use std::net::IpAddr;
use terminal_size::Width;

/// Services that are read before they are printed, when names are looked up concurrently.
const GROUP: usize = 256;

/// Prints a list.
pub fn list<C: Transport>(context: &mut Context<C>, list: &List) -> Result<(), CommandError> {
    let result = match &list.subject {
        Subject::Services(only, columns) => services(context, list, only.as_ref(), *columns),
        Subject::Connections { engines } => connections(context, list, *engines),
        Subject::Timeouts => settings::timeouts(context, list.form),
        Subject::Daemons => settings::daemons(context, list.form),
        Subject::Sysctls => settings::sysctls(context, list.form),
        Subject::Status => settings::status(context, list.form),
    };
    result.map_err(CommandError::into_list_failure)
}

fn services<C: Transport>(
    context: &mut Context<C>,
    list: &List,
    only: Option<&ServiceKey>,
    columns: Columns,
) -> Result<(), CommandError> {
    let labels = labels(context.names, list.numeric);
    let client = context.client.get()?;
    let ui = &mut context.ui;
    // 1.31 does not request it where it does not print it.
    let info = match (only, list.form) {
        (Some(_), Form::Classic) => None,
        _ => Some(client.info()?),
    };
    let services = match only {
        Some(key) => vec![service(client, ui, key)?],
        None => client.services()?,
    };
    if list.form != Form::Json {
        settings::warn_of_frozen_rates(ui, columns);
    }
    let settings = match list.all {
        true => Some(settings::read(client)?),
        false => None,
    };
    match (list.form, info) {
        (Form::Json, Some(info)) => {
            let mut view =
                json::Services::new(ui, &info, columns, list.all_counters, settings.as_ref())
                    .map_err(CommandError::output)?;
            print(client, list, services, &mut view)?;
            view.end().map_err(CommandError::output)
        }
        (Form::Pretty, Some(info)) => {
            let mut view = Pretty::new(ui, labels, columns, list.exact, screen());
            view.title(&info).map_err(CommandError::output)?;
            print(client, list, services, &mut view)
        }
        (_, info) => {
            let mut view = Listing::new(ui, labels, columns, list.exact);
            if let Some(info) = info {
                view.title(&info).map_err(CommandError::output)?;
            }
            view.heads().map_err(CommandError::output)?;
            print(client, list, services, &mut view)
        }
    }
}

fn service<C: Transport>(
    client: &mut Client<C>,
    ui: &Ui,
    key: &ServiceKey,
) -> Result<ObservedService, CommandError> {
    client.service(key).map_err(|error| {
        let hint = match ui.stderr_is_terminal() {
            true => hints::of_list(client, &error),
            false => None,
        };
        CommandError::from(error).hint(hint)
    })
}

/// Reads the servers of the services, and prints both.
fn print<C: Transport>(
    client: &mut Client<C>,
    list: &List,
    mut services: Vec<ObservedService>,
    view: &mut impl View,
) -> Result<(), CommandError> {
    if list.sorted {
        order::services(&mut services, |service| &service.service.key);
    }
    for group in services.chunks(group_size(list.numeric || list.form == Form::Json)) {
        let mut table = Vec::with_capacity(group.len());
        for service in group {
            let mut servers = client.destinations(&service.service.key)?;
            if list.sorted {
                order::destinations(&mut servers, |server| &server.destination.key);
            }
            table.push((service, servers));
        }
        view.prepare(table.iter().flat_map(|(service, servers)| {
            addresses(&service.service.key, servers.iter().map(|server| &server.destination.key))
        }));
        for (service, servers) in table {
            view.service(service, &servers).map_err(CommandError::output)?;
        }
    }
    Ok(())
}

/// The number of services that are read before they are printed.
pub fn group_size(numeric: bool) -> usize {
    if numeric { 1 } else { GROUP }
}

/// The addresses of a service and its servers.
pub fn addresses<'a>(
    service: &ServiceKey,
    servers: impl Iterator<Item = &'a DestinationKey>,
) -> impl Iterator<Item = IpAddr> {
    let virtual_address = match service {
        ServiceKey::Address { address, .. } => Some(*address),
        ServiceKey::Mark { .. } => None,
    };
    virtual_address.into_iter().chain(servers.map(|server| server.address))
}

pub fn labels(names: &'static dyn Names, numeric: bool) -> Labels<'static> {
    if numeric { Labels::numeric() } else { Labels::named(names) }
}

fn connections<C: Transport>(
    context: &mut Context<C>,
    list: &List,
    engines: bool,
) -> Result<(), CommandError> {
    // The file can be read without privilege; the request fails then.
    context.client.get()?.info()?;
    let reader = Reader::open().map_err(cannot_read)?;
    match list.form {
        Form::Json => connections_as_json(&mut context.ui, reader),
        // Connections have no pretty form.
        Form::Classic | Form::Pretty => {
            let labels = labels(context.names, list.numeric);
            classic_connections(&mut context.ui, reader, labels, engines)
        }
    }
}

fn classic_connections(
    ui: &mut Ui,
    mut reader: Reader<impl BufRead>,
    labels: Labels,
    engines: bool,
) -> Result<(), CommandError> {
    let mut view = Connections::new(ui, labels, engines);
    view.heads().map_err(CommandError::output)?;
    loop {
        let lines = reader.lines().map_err(cannot_read)?;
        if lines.is_empty() {
            return Ok(());
        }
        let all = || lines.lines().filter_map(connections::parse);
        view.labels.prepare(
            all().flat_map(|c| [c.client.ip(), c.virtual_server.ip(), c.real_server.ip()]),
        );
        for connection in all() {
            view.connection(&connection).map_err(CommandError::output)?;
        }
    }
}

fn connections_as_json(ui: &mut Ui, mut reader: Reader<impl BufRead>) -> Result<(), CommandError> {
    let mut view = json::Connections::new(ui).map_err(CommandError::output)?;
    loop {
        let lines = reader.lines().map_err(cannot_read)?;
        if lines.is_empty() {
            return view.end().map_err(CommandError::output);
        }
        for connection in lines.lines().filter_map(connections::parse) {
            view.connection(&connection).map_err(CommandError::output)?;
        }
    }
}

fn cannot_read(error: io::Error) -> CommandError {
    let message = format!("cannot read {}: {}", connections::PATH, os_error(&error));
    CommandError::new(ErrorKind::ListFailed, message)
}

/// The terminal that standard output leads to, if any.
fn screen() -> Screen {
    let stdout = io::stdout();
    let width = terminal_size::terminal_size_of(&stdout).map(|(Width(width), _)| width.into());
    screen_of(width, stdout.is_terminal(), std::env::var_os("NO_COLOR").as_deref())
}

fn screen_of(width: Option<usize>, is_terminal: bool, no_color: Option<&OsStr>) -> Screen {
    let no_color = no_color.is_some_and(|value| !value.is_empty());
    Screen { width: width.unwrap_or(Screen::WIDTH), colour: is_terminal && !no_color }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Fixture, TestNames};
    use crate::ui::testing::Streams;
    use libipvs::fake::Fault;
    use libipvs::model::Statistics;

    const RULES: &str = "\
-A -t 10.0.0.2:80 -s rr
-a -t 10.0.0.2:80 -r 10.0.0.1:80 -m -w 3
-a -t 10.0.0.2:80 -r 10.0.0.0:80 -m -w 1
-A -t 10.0.0.1:80 -s wlc
";
    const HEADS: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
";

    #[test]
    fn services_are_sorted_unless_the_options_say_otherwise() {
        let fixture = Fixture::with(RULES);
        let [first, second] =
            ["0:80                  Masq    1", "1:80                  Masq    3"]
                .map(|server| format!("  -> 10.0.0.{server}      0          0         \n"));
        let (other, with_servers) = ("TCP  10.0.0.1:80 wlc\n", "TCP  10.0.0.2:80 rr\n");
        let sorted = format!("{HEADS}{other}{with_servers}{first}{second}");
        assert_eq!(fixture.line("-Ln").ok(), sorted);
        let unsorted = format!("{HEADS}{with_servers}{second}{first}{other}");
        assert_eq!(fixture.line("-Ln --nosort").ok(), unsorted);
    }

    #[test]
    fn one_service_has_no_title() {
        let fixture = Fixture::with(RULES);
        let heads = HEADS.split_once('\n').expect("two lines").1;
        let list = fixture.line("-Ln -t 10.0.0.1:80").ok();
        assert_eq!(list, format!("{heads}TCP  10.0.0.1:80 wlc\n"));
    }

    #[test]
    fn names_replace_numbers_without_n() {
        let list = Fixture::with(RULES).line("-L").ok();
        assert!(list.contains("\nTCP  web:http wlc\nTCP  10.0.0.2:http rr\n"), "{list}");
        assert!(list.contains("\n  -> web:http "), "{list}");
    }

    #[test]
    fn counters_are_those_of_the_kernel() {
        let fixture = Fixture::with("-A -f 1\n");
        let services = fixture.kernel.client().and_then(|mut client| client.services());
        let key = services.expect("a table")[0].service.key;
        let mut statistics = Statistics::default();
        (statistics.connections, statistics.packets_in) = (7, 123456789);
        fixture.kernel.set_statistics(key, statistics);
        let list = fixture.line("-Ln --stats").ok();
        assert!(list.contains(" 7  123456K "), "{list}");
        let list = fixture.line("-Ln --stats --exact").ok();
        assert!(list.contains("123456789"), "{list}");
    }

    #[test]
    fn every_form_of_a_list() {
        let fixture = Fixture::with(RULES);
        let json: serde_json::Value =
            serde_json::from_str(&fixture.line("-L --json").ok()).expect("a document");
        assert_eq!(json["services"][1]["servers"][0]["weight"], 1, "{json}");
        assert_eq!(json["ipvs"]["connection_table_size"], 4096, "{json}");
        let one = fixture.line("-L --json -t 10.0.0.1:80").ok();
        let one: serde_json::Value = serde_json::from_str(&one).expect("a document");
        assert_eq!(one["services"].as_array().map(Vec::len), Some(1));
        let pretty = fixture.line("-Ln --pretty").ok();
        assert!(pretty.starts_with("IP Virtual Server version 1.2.1 (size=4096)\n"), "{pretty}");
        assert!(pretty.contains("2 servers, weight 4"), "{pretty}");
    }

    #[test]
    fn timeouts_and_daemons() {
        let fixture = Fixture::with("--set 1 2 3\n--start-daemon backup --mcast-interface d0\n");
        assert_eq!(fixture.line("-L --timeout").ok(), "Timeout (tcp tcpfin udp): 1 2 3\n");
        let json = fixture.line("-L --timeout --json").ok();
        assert!(json.contains("\"tcp_fin\": 2"), "{json}");
        let daemons = fixture.line("-L --daemon").ok();
        assert!(daemons.starts_with("backup sync daemon (mcast=d0, syncid=0"), "{daemons}");
        let json = fixture.line("-L --daemon --json").ok();
        assert!(json.contains("\"role\": \"backup\""), "{json}");
    }

    #[test]
    fn a_list_that_fails_has_its_own_status() {
        let fixture = Fixture::with(RULES);
        assert!(fixture.line("-Ln -f 9").err.ends_with("No such service\n"));
        assert_eq!(fixture.line("-Ln -f 9").status, 1);
        for (after, line) in
            [(0, "-Ln"), (1, "-Ln"), (0, "-L --timeout"), (0, "-L --daemon"), (0, "-Lc")]
        {
            fixture.kernel.fail_request(after, Fault::Refuse(libc::ENOMEM));
            assert_eq!(fixture.line(line).fails(1), "Memory allocation problem\n", "{line}");
        }
        // What was read before the failure has been printed.
        fixture.kernel.fail_request(3, Fault::Refuse(libc::ENOMEM));
        let ran = fixture.line("-Ln");
        assert_eq!((ran.status, ran.err.as_str()), (1, "Memory allocation problem\n"));
        assert_eq!(ran.out, format!("{HEADS}TCP  10.0.0.1:80 wlc\n"));
    }

    const CONNECTIONS: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A000001 8948 0A000064 0050 0A00000C 0050 ESTABLISHED     116
UDP 0A000009 0000 0A000064 13C4 0A00000B 13C4 NONE             56 sip abc123@host
not a connection
";

    fn connections(
        print: impl FnOnce(&mut Ui, Reader<&'static [u8]>) -> Result<(), CommandError>,
    ) -> String {
        let streams = Streams::default();
        let mut ui = streams.ui("", false);
        print(&mut ui, Reader::new(CONNECTIONS.as_bytes())).expect("printed");
        ui.finish(Ok(())).expect("printed");
        streams.both()
    }

    #[test]
    fn connections_as_numbers_names_and_json() {
        let numbers = connections(|ui, reader| {
            classic_connections(ui, reader, labels(&TestNames, true), false)
        });
        let row = "\nTCP 01:56  ESTABLISHED 10.0.0.1:35144     10.0.0.100:80      10.0.0.12:80\n";
        assert!(numbers.contains(row), "{numbers}");
        assert_eq!(numbers.lines().count(), 4, "{numbers}");
        let names = connections(|ui, reader| {
            classic_connections(ui, reader, labels(&TestNames, false), true)
        });
        assert!(names.contains(" web:35144 ") && names.contains("abc123@host"), "{names}");
        let json: serde_json::Value =
            serde_json::from_str(&connections(connections_as_json)).expect("a document");
        assert_eq!(json["connections"].as_array().map(Vec::len), Some(2), "{json}");
    }

    #[test]
    fn a_connection_table_that_cannot_be_read() {
        let error = cannot_read(io::Error::from_raw_os_error(libc::EMFILE));
        let text = "cannot read /proc/net/ip_vs_conn: Too many open files";
        assert_eq!(error, CommandError::new(ErrorKind::ListFailed, text));
    }

    #[test]
    fn colours_need_a_terminal_and_no_no_color() {
        let colour =
            |terminal, value: &str| screen_of(None, terminal, Some(OsStr::new(value))).colour;
        assert!(screen_of(None, true, None).colour && colour(true, ""));
        assert!(!colour(true, "1") && !colour(false, "") && !screen_of(None, false, None).colour);
        assert_eq!(screen_of(Some(132), true, None).width, 132);
        assert_eq!(screen_of(None, true, None).width, Screen::WIDTH);
    }
}
