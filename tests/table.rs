//! Properties of the table as a value, on random tables.

#[path = "support/random_tables.rs"]
mod random_tables;

#[path = "support/schema.rs"]
mod schema;

use fastrand::Rng;
use ipvsadm::cli::parser;
use ipvsadm::command::Command;
use ipvsadm::names::System;
use ipvsadm::view::labels::Labels;
use ipvsadm::view::{json, rules};
use libipvs::model::*;
use libipvs::table::{Comparison, Entry, Table, TableError, diff, inverse};
use random_tables::whole_table;
use std::net::SocketAddr;
use std::num::NonZeroU16;

const PAIRS: usize = 10_000;

fn run(table: &mut Table, changes: &[Change]) {
    for change in changes {
        assert_eq!(table.apply(change), Ok(()), "{change:?}");
    }
}

#[test]
fn the_difference_makes_one_table_of_another() {
    let mut rng = Rng::with_seed(6);
    let mut changes_made = 0;
    for _ in 0..PAIRS {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        let changes = diff(&b, &a);
        let mut table = a.clone();
        run(&mut table, &changes);
        assert_eq!(table, b);
        assert_eq!(diff(&b, &table), []);
        assert_eq!(diff(&a, &a), []);
        changes_made += changes.len();
    }
    assert!(changes_made > 5 * PAIRS, "{changes_made} changes: the tables are too much alike");
}

#[test]
fn changes_are_documents_of_the_schema() {
    let shown = |changes: &[Change]| {
        let mut out = Vec::new();
        json::changes(&mut out, changes).expect("a Vec takes everything");
        let document = schema::document("changes", &String::from_utf8(out).expect("UTF-8"));
        assert_eq!(document["changes"].as_array().map(Vec::len), Some(changes.len()));
        document
    };
    let mut rng = Rng::with_seed(8);
    for _ in 0..100 {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        shown(&diff(&b, &a));
        shown(&diff(&Table::default(), &a));
    }
    // What no difference has.
    let key = ServiceKey::Mark { mark: 1, family: Family::V6 };
    let rest = [
        Change::Flush,
        Change::Zero(None),
        Change::Zero(Some(key)),
        Change::StopDaemon(DaemonRole::Backup),
        Change::StartDaemon(daemon(DaemonRole::Master)),
    ];
    assert!(schema::is_closed("changes", &shown(&rest)) > 10);
}

#[test]
fn every_cut_can_be_taken_back() {
    let mut rng = Rng::with_seed(7);
    for _ in 0..PAIRS {
        let (a, b) = (whole_table(&mut rng, 4, 3), whole_table(&mut rng, 4, 3));
        let changes = diff(&b, &a);
        let mut table = a.clone();
        for cut in 0..=changes.len() {
            let mut back = table.clone();
            for change in changes[..cut].iter().rev() {
                run(&mut back, &inverse(change, &a));
            }
            assert_eq!(back, a, "{cut} of {changes:?}");
            if let Some(change) = changes.get(cut) {
                run(&mut table, std::slice::from_ref(change));
            }
        }
    }
}

#[test]
fn what_is_new_comes_first_and_what_goes_comes_last() {
    let mut rng = Rng::with_seed(8);
    let stage = |change: &Change| match change {
        Change::AddService(_) | Change::AddDestination(..) => 0,
        Change::DeleteService(_) | Change::DeleteDestination(..) => 2,
        _ => 1,
    };
    for _ in 0..1000 {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        assert!(diff(&b, &a).iter().map(stage).is_sorted());
    }
}

#[test]
fn what_another_table_does_not_name_is_kept() {
    let mut rng = Rng::with_seed(9);
    for _ in 0..1000 {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        let mut known = a.clone();
        known.keep_to(&b);
        let mut table = a.clone();
        run(&mut table, &diff(&b, &known));
        for entry in a.services() {
            let key = &entry.service().key;
            let wanted = b.service(key).unwrap_or(entry);
            assert_eq!(table.service(key), Some(wanted));
        }
    }
}

/// A table as the kernel shows it.
fn shown(table: &Table) -> Vec<(Service, Vec<Destination>)> {
    let shown = |entry: &Entry| (entry.service().clone(), entry.destinations().cloned().collect());
    table.services().map(shown).collect()
}

#[test]
fn what_is_the_same_makes_no_difference_when_it_is_left_out() {
    let mut rng = Rng::with_seed(11);
    let mut left_out = 0;
    for _ in 0..PAIRS {
        // Of both, some services are the same.
        let (mut a, mut b) = (whole_table(&mut rng, 4, 3), whole_table(&mut rng, 4, 3));
        let common = whole_table(&mut rng, 3, 3);
        for table in [&mut a, &mut b] {
            table.observe(shown(&common));
        }
        let mut rest = a.clone();
        rest.keep_services(|_| false);
        let mut comparison = Comparison::new(b.clone(), rest);
        for (service, destinations) in shown(&a) {
            comparison.observe(service, destinations);
        }
        let (wanted, current) = comparison.differences();
        assert_eq!(diff(&wanted, &current), diff(&b, &a));
        for service in common.services() {
            let key = &service.service().key;
            assert_eq!((wanted.service(key), current.service(key)), (None, None));
            left_out += 1;
        }
    }
    assert!(left_out > PAIRS, "{left_out}");
}

/// What is written as rules says the same when it is read.
#[test]
fn a_table_comes_back_from_its_rules() {
    let mut rng = Rng::with_seed(10);
    for _ in 0..PAIRS {
        let table = whole_table(&mut rng, 5, 4);
        let mut text = Vec::new();
        for change in diff(&table, &Table::default()) {
            rules::change(&mut text, &mut Labels::numeric(), &change).expect("written");
        }
        let text = String::from_utf8(text).expect("text");
        let mut read = Table::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match parser::command(&words, &System) {
                Ok(Command::Change(change)) => run(&mut read, &[change]),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert_eq!(read, table, "{text}");
    }
}

fn service(address: [u8; 4]) -> Service {
    Service::tcp((address, 80).into()).scheduler("rr").build().expect("a service")
}

fn server(address: [u8; 4]) -> Destination {
    Destination::direct_routing((address, 80).into()).build().expect("a real server")
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a port")
}

fn daemon(role: DaemonRole) -> Daemon {
    let builder = match role {
        DaemonRole::Master => Daemon::master("eth0"),
        DaemonRole::Backup => Daemon::backup("eth0"),
    };
    builder.build().expect("a daemon")
}

/// `value`, but for what `change` makes of it.
fn but<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}

#[test]
fn a_change_that_cannot_be_is_refused() {
    let mut table = Table::default();
    let (one, two) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let at = server([10, 1, 0, 1]);
    let high = but(server([10, 1, 0, 2]), |s| (s.lower_threshold, s.upper_threshold) = (5, 4));
    for (change, result) in [
        (Change::AddService(one.clone()), Ok(())),
        (Change::AddService(one.clone()), Err(TableError::ServiceExists)),
        (Change::EditService(two.clone()), Err(TableError::NoService)),
        (Change::DeleteService(two.key), Err(TableError::NoService)),
        (Change::Zero(Some(two.key)), Err(TableError::NoService)),
        (Change::Zero(None), Ok(())),
        (Change::AddDestination(two.key, at.clone()), Err(TableError::NotDefined)),
        (Change::AddDestination(one.key, at.clone()), Ok(())),
        (Change::AddDestination(one.key, at.clone()), Err(TableError::DestinationExists)),
        (Change::AddDestination(one.key, high.clone()), Err(TableError::Thresholds)),
        (Change::EditDestination(one.key, server([10, 1, 0, 2])), Err(TableError::NoDestination)),
        (Change::DeleteDestination(one.key, at.key), Ok(())),
        (Change::DeleteDestination(one.key, at.key), Err(TableError::NoDestination)),
        (Change::StartDaemon(daemon(DaemonRole::Master)), Ok(())),
        (Change::StartDaemon(daemon(DaemonRole::Master)), Err(TableError::DaemonRuns)),
        (Change::StopDaemon(DaemonRole::Backup), Ok(())),
        (Change::Flush, Ok(())),
        (Change::DeleteService(one.key), Err(TableError::NoService)),
    ] {
        assert_eq!(table.apply(&change), result, "{change:?}");
    }
}

/// The kernel fills in what is not said, and shows what it was told about nothing.
#[test]
fn what_means_the_same_is_no_difference() {
    let masked = but(service([10, 0, 0, 1]), |s| s.netmask = Netmask::V4([255, 255, 0, 0].into()));
    let key = masked.key;
    let stray = Tunnel::gue(port(99)).with_checksum(Checksum::Full);
    let shown = |destination: Destination| {
        let full = |role, length| {
            but(daemon(role), |d| {
                d.max_length = Some(length);
                d.group = Some([224, 0, 0, 81].into());
                (d.port, d.ttl) = (Some(8848), Some(1));
            })
        };
        let (backup, master) = (full(DaemonRole::Backup, 1024), full(DaemonRole::Master, 1472));
        let timeouts = Timeouts::default().with_tcp(1).with_tcp_fin(2).with_udp(3);
        let mut table = Table::observed(timeouts, vec![backup, master]);
        table.observe([(masked.clone(), vec![destination])]);
        table
    };
    let mut wanted = Table::default();
    run(
        &mut wanted,
        &[
            Change::AddService(service([10, 0, 0, 1])),
            Change::AddDestination(key, server([10, 1, 0, 1])),
            Change::SetTimeouts(Timeouts::default().with_tcp_fin(2)),
            Change::StartDaemon(but(daemon(DaemonRole::Backup), |d| d.max_length = Some(7))),
            Change::StartDaemon(daemon(DaemonRole::Master)),
        ],
    );
    let plain = server([10, 1, 0, 1]);
    assert_eq!(diff(&wanted, &shown(but(plain.clone(), |s| s.tunnel = stray))), []);
    let local = but(plain.clone(), |s| s.forwarding = Forwarding::Local);
    assert_eq!(diff(&wanted, &shown(local)), []);
    let other = but(plain.clone(), |s| s.forwarding = Forwarding::Masquerading);
    assert_eq!(diff(&wanted, &shown(other)), [Change::EditDestination(key, plain)]);
}

/// The normal form loses nothing that means something.
#[test]
fn every_setting_makes_a_difference() {
    let gue = |port_number| Tunnel::gue(port(port_number));
    let at = SocketAddr::from(([10, 1, 0, 1], 80));
    let built = |builder: DestinationBuilder| builder.build().expect("a real server");
    let direct = || Destination::direct_routing(at);
    let tunnel = |tunnel| built(Destination::tunnel(at, tunnel));
    let servers = [
        built(direct()),
        built(direct().weight(2)),
        built(direct().thresholds(0, 9)),
        built(direct().thresholds(8, 9)),
        built(Destination::masquerading(at)),
        tunnel(Tunnel::ipip()),
        tunnel(gue(9)),
        tunnel(gue(10)),
        tunnel(gue(9).with_checksum(Checksum::Full)),
        tunnel(gue(9).with_checksum(Checksum::Remote)),
        tunnel(Tunnel::gre()),
        tunnel(Tunnel::gre().with_checksum(Checksum::Full)),
    ];
    let plain = service([10, 0, 0, 1]);
    let mask = |mask: [u8; 4]| {
        but(plain.clone(), |s| {
            (s.persistence, s.netmask) = (Some(300), Netmask::V4(mask.into()));
        })
    };
    let services = [
        plain.clone(),
        but(plain.clone(), |s| s.scheduler = "sh".into()),
        but(plain.clone(), |s| s.scheduler_flags = 1),
        but(plain.clone(), |s| s.one_packet = true),
        but(plain.clone(), |s| s.persistence_engine = Some("sip".into())),
        mask([255; 4]),
        mask([255, 255, 0, 0]),
        but(mask([255; 4]), |s| s.persistence = Some(301)),
    ];
    let made = |service: &Service, server: &Destination| {
        let mut table = Table::default();
        let add = Change::AddDestination(service.key, server.clone());
        run(&mut table, &[Change::AddService(service.clone()), add]);
        table
    };
    for (n, a) in servers.iter().enumerate() {
        for (m, b) in servers.iter().enumerate() {
            let edit = Change::EditDestination(plain.key, b.clone());
            let expected = if n == m { vec![] } else { vec![edit] };
            assert_eq!(diff(&made(&plain, b), &made(&plain, a)), expected);
        }
    }
    for (n, a) in services.iter().enumerate() {
        for (m, b) in services.iter().enumerate() {
            let expected = if n == m { vec![] } else { vec![Change::EditService(b.clone())] };
            assert_eq!(diff(&made(b, &servers[0]), &made(a, &servers[0])), expected);
        }
    }
}

/// The form of the documents of `--json`, and back.
#[test]
fn a_table_comes_back_from_its_document() {
    let mut rng = Rng::with_seed(12);
    for _ in 0..1000 {
        let table = whole_table(&mut rng, 5, 4);
        let text = serde_json::to_string(&table).expect("a document");
        assert_eq!(serde_json::from_str::<Table>(&text).expect(&text), table);
    }
}

#[test]
fn a_document_of_what_no_kernel_takes_is_refused() {
    let document = |service: &str, server: &str| {
        format!(
            r#"{{"services": [{{{service} "protocol": "tcp", "address": "10.0.0.1", "port": 80,
            "servers": [{{{server} "address": "10.1.0.1", "port": 80, "upper_threshold": 0,
            "lower_threshold": 0}}]}}]}}"#
        )
    };
    let rr = r#""scheduler": "rr","#;
    let direct = r#""forwarding": "direct-routing", "weight": 1,"#;
    let read = |service: &str, server: &str| {
        let table = serde_json::from_str::<Table>(&document(service, server));
        table.map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(read(rr, direct), Ok(()));
    for (service, server, says) in [
        (r#""scheduler": "","#, direct, "`' cannot be the name of a scheduler"),
        (r#""scheduler": "rr", "scheduler_flags": ["x"],"#, direct, "`x' is no flag"),
        (rr, r#""forwarding": "by-foot", "weight": 1,"#, "`by-foot' is none of what is known"),
        (rr, r#""forwarding": "local", "weight": 2147483648,"#, "weight 2147483648 is above"),
        (rr, r#""weight": 1,"#, "missing field `forwarding`"),
    ] {
        let error = read(service, server).expect_err("it is refused");
        assert!(error.contains(says), "{error}");
    }
}

/// A number that has a name is what the name says.
#[test]
fn numbers_in_a_document_are_what_their_names_are() {
    let read = |protocol: &str, forwarding: &str| {
        let text = format!(
            r#"{{"services": [{{"protocol": {protocol}, "address": "10.0.0.1", "port": 80,
            "scheduler": "rr", "servers": [{{"address": "10.1.0.1", "port": 80, "weight": 1,
            "forwarding": {forwarding}}}]}}]}}"#
        );
        serde_json::from_str::<Table>(&text).expect("a table")
    };
    assert_eq!(read("6", "3"), read("\"tcp\"", "\"direct-routing\""));
    assert_ne!(read("17", "3"), read("6", "3"));
}

/// What a key and a server are made of has the same form by itself; what has no name is its number.
#[test]
fn the_parts_of_a_document_by_themselves() {
    fn goes_round<T>(value: T, text: &str)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(&value).expect("a document"), text);
        assert_eq!(serde_json::from_str::<T>(text).expect(text), value);
    }
    goes_round(Family::V6, "\"ipv6\"");
    goes_round(Protocol::Sctp, "\"sctp\"");
    goes_round(Protocol::Other(50), "50");
    goes_round(Forwarding::Bypass, "\"bypass\"");
    goes_round(Forwarding::Other(7), "7");
    goes_round(TunnelKind::Gre, "\"gre\"");
    goes_round(TunnelKind::Other(9), "9");
    goes_round(Checksum::Remote, "\"remote\"");
    goes_round(DaemonRole::Backup, "\"backup\"");
    assert_eq!(serde_json::from_str::<TunnelKind>("1").expect("GUE"), TunnelKind::Gue);
    assert!(serde_json::from_str::<TunnelKind>("256").is_err());
    assert!(serde_json::from_str::<Protocol>("65536").is_err());
}
