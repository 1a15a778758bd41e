//! Properties of tables and their differences, on random tables.

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
use libipvs::Scope;
use libipvs::fake::FakeKernel;
use libipvs::model::*;
use libipvs::table::{Table, TableError, diff, inverse};
use random_tables::whole_table;
use std::net::SocketAddr;
use std::num::NonZeroU16;

const PAIRS: usize = 10_000;

fn apply(table: &mut Table, changes: &[Change]) {
    for change in changes {
        assert_eq!(table.apply(change), Ok(()), "{change:?}");
    }
}

#[test]
fn a_difference_turns_one_table_into_the_other() {
    let mut rng = Rng::with_seed(6);
    let mut changes_made = 0;
    for _ in 0..PAIRS {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        let changes = diff(&b, &a);
        let mut table = a.clone();
        apply(&mut table, &changes);
        assert_eq!(table, b);
        assert_eq!(diff(&b, &table), []);
        assert_eq!(diff(&a, &a), []);
        changes_made += changes.len();
    }
    assert!(changes_made > 5 * PAIRS, "{changes_made} changes: the tables are too similar");
}

#[test]
fn changes_have_the_form_of_the_schema() {
    let document = |changes: &[Change]| {
        let mut out = Vec::new();
        json::changes(&mut out, changes).expect("writing to memory");
        let document = schema::document("changes", &String::from_utf8(out).expect("UTF-8"));
        assert_eq!(document["changes"].as_array().map(Vec::len), Some(changes.len()));
        document
    };
    let mut rng = Rng::with_seed(8);
    for _ in 0..100 {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        document(&diff(&b, &a));
        document(&diff(&Table::default(), &a));
    }
    // Differences do not contain these changes.
    let key = ServiceKey::Mark { mark: 1, family: Family::V6 };
    let rest = [
        Change::Flush,
        Change::Zero(None),
        Change::Zero(Some(key)),
        Change::StopDaemon(DaemonRole::Backup),
        Change::StartDaemon(daemon(DaemonRole::Master)),
    ];
    assert!(schema::is_closed("changes", &document(&rest)) > 10);
}

#[test]
fn the_first_changes_of_a_difference_can_be_reverted() {
    let mut rng = Rng::with_seed(7);
    for _ in 0..PAIRS {
        let (a, b) = (whole_table(&mut rng, 4, 3), whole_table(&mut rng, 4, 3));
        let changes = diff(&b, &a);
        let mut table = a.clone();
        for made in 0..=changes.len() {
            let mut reverted = table.clone();
            for change in changes[..made].iter().rev() {
                apply(&mut reverted, &inverse(change, &a));
            }
            assert_eq!(reverted, a, "{made} of {changes:?}");
            if let Some(change) = changes.get(made) {
                apply(&mut table, std::slice::from_ref(change));
            }
        }
    }
}

#[test]
fn additions_come_first_and_deletions_last() {
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
fn a_plan_is_the_difference_to_the_kernels_table() {
    let mut rng = Rng::with_seed(11);
    for _ in 0..1000 {
        let (a, b) = (whole_table(&mut rng, 4, 3), whole_table(&mut rng, 4, 3));
        let mut client = FakeKernel::with_table(a.clone()).client().expect("a client");
        assert_eq!(client.table().expect("the table"), a);
        let plan = client.plan(b.clone(), Scope::Whole).expect("a plan");
        assert_eq!(plan.changes(), diff(&b, &a));
    }
}

#[test]
fn a_partial_table_changes_only_what_it_names() {
    let mut rng = Rng::with_seed(9);
    for _ in 0..1000 {
        let (a, b) = (whole_table(&mut rng, 5, 4), whole_table(&mut rng, 5, 4));
        let kernel = FakeKernel::with_table(a.clone());
        let mut client = kernel.client().expect("a client");
        client.apply(b.clone(), Scope::Named).expect("no change is refused");
        let table = kernel.table();
        for entry in a.services().chain(b.services()) {
            let key = &entry.service().key;
            assert_eq!(table.service(key), b.service(key).or(a.service(key)));
        }
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            assert_eq!(table.daemon(role), b.daemon(role).or(a.daemon(role)));
        }
    }
}

#[test]
fn a_table_survives_saving_as_rules_and_parsing_them() {
    let mut rng = Rng::with_seed(10);
    for _ in 0..PAIRS {
        let table = whole_table(&mut rng, 5, 4);
        let mut text = Vec::new();
        for change in diff(&table, &Table::default()) {
            rules::change(&mut text, &mut Labels::numeric(), &change).expect("writing to memory");
        }
        let text = String::from_utf8(text).expect("text");
        let mut parsed = Table::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match parser::command(&words, &System) {
                Ok(Command::Change(change)) => apply(&mut parsed, &[change]),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert_eq!(parsed, table, "{text}");
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

/// Returns `value` with a change.
fn with<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}

#[test]
fn impossible_changes_are_refused() {
    let mut table = Table::default();
    let (one, two) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let real = server([10, 1, 0, 1]);
    let high = with(server([10, 1, 0, 2]), |s| (s.lower_threshold, s.upper_threshold) = (5, 4));
    for (change, result) in [
        (Change::AddService(one.clone()), Ok(())),
        (Change::AddService(one.clone()), Err(TableError::ServiceExists)),
        (Change::EditService(two.clone()), Err(TableError::NoSuchService)),
        (Change::DeleteService(two.key), Err(TableError::NoSuchService)),
        (Change::Zero(Some(two.key)), Err(TableError::NoSuchService)),
        (Change::Zero(None), Ok(())),
        (Change::AddDestination(two.key, real.clone()), Err(TableError::ServiceNotDefined)),
        (Change::AddDestination(one.key, real.clone()), Ok(())),
        (Change::AddDestination(one.key, real.clone()), Err(TableError::DestinationExists)),
        (Change::AddDestination(one.key, high.clone()), Err(TableError::OutOfRange)),
        (
            Change::EditDestination(one.key, server([10, 1, 0, 2])),
            Err(TableError::NoSuchDestination),
        ),
        (Change::DeleteDestination(one.key, real.key), Ok(())),
        (Change::DeleteDestination(one.key, real.key), Err(TableError::NoSuchDestination)),
        (Change::StartDaemon(daemon(DaemonRole::Master)), Ok(())),
        (Change::StartDaemon(daemon(DaemonRole::Master)), Err(TableError::DaemonRunning)),
        (Change::StopDaemon(DaemonRole::Backup), Ok(())),
        (Change::Flush, Ok(())),
        (Change::DeleteService(one.key), Err(TableError::NoSuchService)),
    ] {
        assert_eq!(table.apply(&change), result, "{change:?}");
    }
}

/// The kernel fills in default settings, and returns settings that have no effect.
#[test]
fn settings_without_effect_make_no_difference() {
    let masked = with(service([10, 0, 0, 1]), |s| s.netmask = Netmask::V4([255, 255, 0, 0].into()));
    let key = masked.key;
    let current = |destination: Destination| {
        let running = |role, length| {
            let daemon = with(daemon(role), |d| {
                d.max_length = Some(length);
                d.group = Some([224, 0, 0, 81].into());
                (d.port, d.ttl) = (Some(8848), Some(1));
            });
            Change::StartDaemon(daemon)
        };
        let timeouts = Timeouts::default().with_tcp(1).with_tcp_fin(2).with_udp(3);
        let mut table = Table::default();
        apply(
            &mut table,
            &[
                Change::AddService(masked.clone()),
                Change::AddDestination(key, destination),
                Change::SetTimeouts(timeouts),
                running(DaemonRole::Backup, 1024),
                running(DaemonRole::Master, 1472),
            ],
        );
        table
    };
    let mut desired = Table::default();
    apply(
        &mut desired,
        &[
            Change::AddService(service([10, 0, 0, 1])),
            Change::AddDestination(key, server([10, 1, 0, 1])),
            Change::SetTimeouts(Timeouts::default().with_tcp_fin(2)),
            Change::StartDaemon(with(daemon(DaemonRole::Backup), |d| d.max_length = Some(7))),
            Change::StartDaemon(daemon(DaemonRole::Master)),
        ],
    );
    let plain = server([10, 1, 0, 1]);
    let gue = Tunnel::gue(port(99)).with_checksum(Checksum::Full);
    let no_tunnel = with(plain.clone(), |s| s.tunnel = gue);
    assert_eq!(diff(&desired, &current(no_tunnel)), []);
    let local = with(plain.clone(), |s| s.forwarding = Forwarding::Local);
    assert_eq!(diff(&desired, &current(local)), []);
    let nat = with(plain.clone(), |s| s.forwarding = Forwarding::Masquerading);
    assert_eq!(diff(&desired, &current(nat)), [Change::EditDestination(key, plain)]);
}

/// Normalization keeps every setting that has an effect.
#[test]
fn every_setting_makes_a_difference() {
    let gue = |port_number| Tunnel::gue(port(port_number));
    let socket = SocketAddr::from(([10, 1, 0, 1], 80));
    let built = |builder: DestinationBuilder| builder.build().expect("a real server");
    let direct = || Destination::direct_routing(socket);
    let tunnel = |tunnel| built(Destination::tunnel(socket, tunnel));
    let servers = [
        built(direct()),
        built(direct().weight(2)),
        built(direct().thresholds(0, 9)),
        built(direct().thresholds(8, 9)),
        built(Destination::masquerading(socket)),
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
        with(plain.clone(), |s| {
            (s.persistence, s.netmask) = (Some(300), Netmask::V4(mask.into()));
        })
    };
    let services = [
        plain.clone(),
        with(plain.clone(), |s| s.scheduler = "sh".into()),
        with(plain.clone(), |s| s.scheduler_flags = 1),
        with(plain.clone(), |s| s.one_packet = true),
        with(plain.clone(), |s| s.persistence_engine = Some("sip".into())),
        mask([255; 4]),
        mask([255, 255, 0, 0]),
        with(mask([255; 4]), |s| s.persistence = Some(301)),
    ];
    let table = |service: &Service, server: &Destination| {
        let mut table = Table::default();
        let add = Change::AddDestination(service.key, server.clone());
        apply(&mut table, &[Change::AddService(service.clone()), add]);
        table
    };
    for (n, a) in servers.iter().enumerate() {
        for (m, b) in servers.iter().enumerate() {
            let edit = Change::EditDestination(plain.key, b.clone());
            let expected = if n == m { vec![] } else { vec![edit] };
            assert_eq!(diff(&table(&plain, b), &table(&plain, a)), expected);
        }
    }
    for (n, a) in services.iter().enumerate() {
        for (m, b) in services.iter().enumerate() {
            let expected = if n == m { vec![] } else { vec![Change::EditService(b.clone())] };
            assert_eq!(diff(&table(b, &servers[0]), &table(a, &servers[0])), expected);
        }
    }
}

#[test]
fn a_table_survives_serialization() {
    let mut rng = Rng::with_seed(12);
    for _ in 0..1000 {
        let table = whole_table(&mut rng, 5, 4);
        let text = serde_json::to_string(&table).expect("JSON");
        assert_eq!(serde_json::from_str::<Table>(&text).expect(&text), table);
    }
}

#[test]
fn invalid_documents_are_refused() {
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
        (r#""scheduler": "","#, direct, "invalid scheduler name ''"),
        (r#""scheduler": "rr", "scheduler_flags": ["x"],"#, direct, "unknown scheduler flag 'x'"),
        (rr, r#""forwarding": "by-foot", "weight": 1,"#, "unknown forwarding method 'by-foot'"),
        (rr, r#""forwarding": "local", "weight": 2147483648,"#, "weight 2147483648 is above"),
        (rr, r#""weight": 1,"#, "missing field `forwarding`"),
    ] {
        let error = read(service, server).expect_err("invalid");
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_number_equals_its_name_in_a_document() {
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

#[test]
fn parts_of_the_model_survive_serialization() {
    fn roundtrip<T>(value: T, text: &str)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(&value).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<T>(text).expect(text), value);
    }
    roundtrip(Family::V6, "\"ipv6\"");
    roundtrip(Protocol::Sctp, "\"sctp\"");
    roundtrip(Protocol::Other(50), "50");
    roundtrip(Forwarding::Bypass, "\"bypass\"");
    roundtrip(Forwarding::Other(7), "7");
    roundtrip(TunnelKind::Gre, "\"gre\"");
    roundtrip(TunnelKind::Other(9), "9");
    roundtrip(Checksum::Remote, "\"remote\"");
    roundtrip(DaemonRole::Backup, "\"backup\"");
    assert_eq!(serde_json::from_str::<TunnelKind>("1").expect("GUE"), TunnelKind::Gue);
    assert!(serde_json::from_str::<TunnelKind>("256").is_err());
    assert!(serde_json::from_str::<Protocol>("65536").is_err());
}
