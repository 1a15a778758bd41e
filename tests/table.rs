//! Properties of the table as a value, on random tables.

#[path = "support/random_tables.rs"]
mod random_tables;

#[path = "support/schema.rs"]
mod schema;

use fastrand::Rng;
use ipvsadm::cli::check;
use ipvsadm::command::Command;
use ipvsadm::model::*;
use ipvsadm::names::System;
use ipvsadm::table::{Comparison, Entry, Refused, Table, diff, inverse};
use ipvsadm::view::labels::Labels;
use ipvsadm::view::{json, rules};
use random_tables::whole_table;

const PAIRS: usize = 10_000;

fn run(table: &mut Table, changes: &[Change]) {
    for change in changes {
        assert_eq!(table.run(change), Ok(()), "{change:?}");
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
        Change::StartDaemon(Daemon::new(DaemonRole::Master)),
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
            let wanted = b.service(&entry.service.key).unwrap_or(entry);
            assert_eq!(table.service(&entry.service.key), Some(wanted));
        }
    }
}

/// A table as the kernel shows it.
fn shown(table: &Table) -> Vec<(ObservedService, Vec<ObservedDestination>)> {
    let statistics = Statistics::default();
    let destination = |destination: &Destination| ObservedDestination {
        destination: destination.clone(),
        active: 0,
        inactive: 0,
        persistent: 0,
        statistics,
    };
    let service = |entry: &Entry| {
        let service = ObservedService { service: entry.service.clone(), statistics };
        (service, entry.destinations.values().map(destination).collect())
    };
    table.services().map(service).collect()
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
            let key = &service.service.key;
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
            match check::command(&words, &System) {
                Ok(Command::Change(change)) => run(&mut read, &[change]),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert_eq!(read, table, "{text}");
    }
}

fn service(address: [u8; 4]) -> Service {
    let key = ServiceKey::Address { protocol: Protocol::Tcp, address: address.into(), port: 80 };
    Service {
        key,
        scheduler: "rr".into(),
        scheduler_flags: 0,
        persistence: None,
        netmask: Netmask::whole(Family::V4),
        one_packet: false,
        persistence_engine: None,
    }
}

fn server(address: [u8; 4]) -> Destination {
    Destination {
        key: DestinationKey { address: address.into(), port: 80 },
        forwarding: Forwarding::DirectRouting,
        tunnel: Tunnel::default(),
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

#[test]
fn a_change_that_cannot_be_is_refused() {
    let mut table = Table::default();
    let (one, two) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let at = server([10, 1, 0, 1]);
    let high = Destination { lower_threshold: 5, upper_threshold: 4, ..server([10, 1, 0, 2]) };
    for (change, result) in [
        (Change::AddService(one.clone()), Ok(())),
        (Change::AddService(one.clone()), Err(Refused::ServiceExists)),
        (Change::EditService(two.clone()), Err(Refused::NoService)),
        (Change::DeleteService(two.key), Err(Refused::NoService)),
        (Change::Zero(Some(two.key)), Err(Refused::NoService)),
        (Change::Zero(None), Ok(())),
        (Change::AddDestination(two.key, at.clone()), Err(Refused::NotDefined)),
        (Change::AddDestination(one.key, at.clone()), Ok(())),
        (Change::AddDestination(one.key, at.clone()), Err(Refused::DestinationExists)),
        (Change::AddDestination(one.key, high.clone()), Err(Refused::Thresholds)),
        (Change::EditDestination(one.key, server([10, 1, 0, 2])), Err(Refused::NoDestination)),
        (Change::DeleteDestination(one.key, at.key), Ok(())),
        (Change::DeleteDestination(one.key, at.key), Err(Refused::NoDestination)),
        (Change::StartDaemon(Daemon::new(DaemonRole::Master)), Ok(())),
        (Change::StartDaemon(Daemon::new(DaemonRole::Master)), Err(Refused::DaemonRuns)),
        (Change::StopDaemon(DaemonRole::Backup), Ok(())),
        (Change::Flush, Ok(())),
        (Change::DeleteService(one.key), Err(Refused::NoService)),
    ] {
        assert_eq!(table.run(&change), result, "{change:?}");
    }
}

/// The kernel fills in what is not said, and shows what it was told about nothing.
#[test]
fn what_means_the_same_is_no_difference() {
    let masked =
        Service { netmask: Netmask::V4([255, 255, 0, 0].into()), ..service([10, 0, 0, 1]) };
    let key = masked.key;
    let stray = Tunnel { kind: TunnelKind::Gue, port: 99, checksum: Checksum::Full };
    let shown = |destination: Destination| {
        let service =
            ObservedService { service: masked.clone(), statistics: Statistics::default() };
        let destination = ObservedDestination {
            destination,
            active: 0,
            inactive: 0,
            persistent: 0,
            statistics: Statistics::default(),
        };
        let backup = Daemon {
            max_length: Some(1024),
            group: Some([224, 0, 0, 81].into()),
            port: Some(8848),
            ttl: Some(1),
            ..Daemon::new(DaemonRole::Backup)
        };
        let master = Daemon { max_length: Some(1472), ..backup.clone() };
        let master = Daemon { role: DaemonRole::Master, ..master };
        let timeouts = Timeouts { tcp: 1, tcp_fin: 2, udp: 3 };
        let mut table = Table::observed(timeouts, vec![backup, master]);
        table.observe([(service, vec![destination])]);
        table
    };
    let mut wanted = Table::default();
    run(
        &mut wanted,
        &[
            Change::AddService(service([10, 0, 0, 1])),
            Change::AddDestination(key, server([10, 1, 0, 1])),
            Change::SetTimeouts(Timeouts { tcp: 0, tcp_fin: 2, udp: 0 }),
            Change::StartDaemon(Daemon { max_length: Some(7), ..Daemon::new(DaemonRole::Backup) }),
            Change::StartDaemon(Daemon::new(DaemonRole::Master)),
        ],
    );
    let plain = server([10, 1, 0, 1]);
    assert_eq!(diff(&wanted, &shown(Destination { tunnel: stray, ..plain.clone() })), []);
    let local = Destination { forwarding: Forwarding::Local, ..plain.clone() };
    assert_eq!(diff(&wanted, &shown(local)), []);
    let other = Destination { forwarding: Forwarding::Masquerading, ..plain.clone() };
    assert_eq!(diff(&wanted, &shown(other)), [Change::EditDestination(key, plain)]);
}

/// The normal form loses nothing that means something.
#[test]
fn every_setting_makes_a_difference() {
    let gue = Tunnel { kind: TunnelKind::Gue, port: 9, checksum: Checksum::None };
    let gre = Tunnel { kind: TunnelKind::Gre, ..Tunnel::default() };
    let base = server([10, 1, 0, 1]);
    let tunnel = |tunnel| Destination { forwarding: Forwarding::Tunnel, tunnel, ..base.clone() };
    let servers = [
        base.clone(),
        Destination { weight: 2, ..base.clone() },
        Destination { upper_threshold: 9, ..base.clone() },
        Destination { upper_threshold: 9, lower_threshold: 8, ..base.clone() },
        Destination { forwarding: Forwarding::Masquerading, ..base.clone() },
        tunnel(Tunnel::default()),
        tunnel(gue),
        tunnel(Tunnel { port: 10, ..gue }),
        tunnel(Tunnel { checksum: Checksum::Full, ..gue }),
        tunnel(Tunnel { checksum: Checksum::Remote, ..gue }),
        tunnel(gre),
        tunnel(Tunnel { checksum: Checksum::Full, ..gre }),
    ];
    let plain = service([10, 0, 0, 1]);
    let mask = |mask: [u8; 4]| Service {
        persistence: Some(300),
        netmask: Netmask::V4(mask.into()),
        ..plain.clone()
    };
    let services = [
        plain.clone(),
        Service { scheduler: "sh".into(), ..plain.clone() },
        Service { scheduler_flags: 1, ..plain.clone() },
        Service { one_packet: true, ..plain.clone() },
        Service { persistence_engine: Some("sip".into()), ..plain.clone() },
        mask([255; 4]),
        mask([255, 255, 0, 0]),
        Service { persistence: Some(301), ..mask([255; 4]) },
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
            assert_eq!(diff(&made(b, &base), &made(a, &base)), expected);
        }
    }
}
