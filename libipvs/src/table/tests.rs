use super::*;
use crate::error::{Error, Operation};
use crate::netlink::error::Error as NetlinkError;
use std::net::SocketAddr;
use std::num::NonZeroU16;

fn apply(table: &mut Table, changes: &[Change]) {
    for change in changes {
        assert_eq!(table.apply(change), Ok(()), "{change:?}");
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
                (d.port, d.ttl) = (NonZeroU16::new(8848), Some(1));
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
fn a_table_error_has_the_text_of_the_kernels_refusal() {
    for (error, operation, code) in [
        (TableError::ServiceExists, Operation::AddService, libc::EEXIST),
        (TableError::NoSuchService, Operation::EditService, libc::ESRCH),
        (TableError::ServiceNotDefined, Operation::AddDestination, libc::ESRCH),
        (TableError::DestinationExists, Operation::AddDestination, libc::EEXIST),
        (TableError::NoSuchDestination, Operation::DeleteDestination, libc::ENOENT),
        (TableError::DaemonRunning, Operation::StartDaemon, libc::EEXIST),
        (TableError::OutOfRange, Operation::AddDestination, libc::ERANGE),
    ] {
        let kernel = Error::new(operation, NetlinkError::Refused { code, text: None });
        assert_eq!(error.to_string(), kernel.to_string());
        let is_missing = matches!(code, libc::ESRCH | libc::ENOENT);
        assert_eq!(error.is_missing(), is_missing, "{error:?}");
    }
}

#[test]
fn an_entry_returns_its_service_and_real_servers() {
    let (service, one, two) =
        (service([10, 0, 0, 1]), server([10, 1, 0, 1]), server([10, 1, 0, 2]));
    let mut table = Table::default();
    table.extend([Entry::new(service.clone(), [one.clone(), two.clone()])]);
    let entry = table.service(&service.key).expect("the service");
    assert_eq!(entry.service(), &service);
    assert!(entry.destinations().eq([&one, &two]));
    assert_eq!(entry.destination(&two.key), Some(&two));
    assert_eq!(entry.destination(&server([10, 1, 0, 3]).key), None);
    assert!(table.iter().eq([entry]));
    assert_eq!(table.service(&self::service([10, 0, 0, 2]).key), None);
}

#[test]
fn a_table_has_a_daemon_for_each_role() {
    for (role, other) in
        [(DaemonRole::Master, DaemonRole::Backup), (DaemonRole::Backup, DaemonRole::Master)]
    {
        let mut table = Table::default();
        assert!(!table.has_daemons());
        apply(&mut table, &[Change::StartDaemon(daemon(role))]);
        assert!(table.has_daemons());
        assert_eq!(table.daemon(role).map(|daemon| daemon.role), Some(role));
        assert_eq!(table.daemon(other), None);
        apply(&mut table, &[Change::StopDaemon(role)]);
        assert!(!table.has_daemons());
    }
}

#[test]
fn the_settings_of_a_kernel_are_normalized() {
    let timeouts = Timeouts::default().with_tcp(7);
    let daemons = vec![daemon(DaemonRole::Backup), daemon(DaemonRole::Master)];
    let observed = Table::with_settings(timeouts, daemons);
    let mut applied = Table::default();
    let start = |role| Change::StartDaemon(daemon(role));
    let changes =
        [Change::SetTimeouts(timeouts), start(DaemonRole::Master), start(DaemonRole::Backup)];
    apply(&mut applied, &changes);
    assert_eq!(observed, applied);
    assert_eq!(observed.timeouts(), timeouts);
    let daemon = observed.daemon(DaemonRole::Master).expect("the daemon");
    let defaults = (Some([224, 0, 0, 81].into()), NonZeroU16::new(8848), Some(1), None);
    assert_eq!((daemon.group, daemon.port, daemon.ttl, daemon.max_length), defaults);
}

#[test]
fn services_of_a_kernel_are_normalized() {
    let masked = with(service([10, 0, 0, 1]), |s| s.netmask = Netmask::V4([255, 0, 0, 0].into()));
    let gue = with(server([10, 1, 0, 1]), |s| s.tunnel = Tunnel::gue(port(9)));
    let mut table = Table::default();
    table.extend([Entry::new(masked.clone(), [gue.clone()])]);
    let entry = table.iter().next().expect("the service");
    assert_eq!(entry.service(), &service([10, 0, 0, 1]));
    assert!(entry.destinations().eq([&server([10, 1, 0, 1])]));
    // These settings have an effect.
    let persistent = with(masked, |s| s.persistence = Some(9));
    let tunnel = with(gue, |s| s.forwarding = Forwarding::Tunnel);
    table.extend([Entry::new(persistent.clone(), [tunnel.clone()])]);
    let entry = table.iter().next().expect("the service");
    assert_eq!(entry.service(), &persistent);
    assert!(entry.destinations().eq([&tunnel]));
}

#[test]
fn the_length_of_sync_messages_is_clamped() {
    let v6 = Some("ff02::5".parse().expect("a group"));
    let v4 = None;
    for (role, group, length, clamped) in [
        (DaemonRole::Master, v4, 0, 1),
        (DaemonRole::Master, v4, 65535, 65535 - 28),
        (DaemonRole::Master, v6, 65535, 65535 - 48),
        (DaemonRole::Backup, v4, 0, 1024),
        (DaemonRole::Backup, v4, 1025, 1025),
    ] {
        let start = with(daemon(role), |d| (d.group, d.max_length) = (group, Some(length)));
        let mut table = Table::default();
        apply(&mut table, &[Change::StartDaemon(start)]);
        let daemon = table.daemon(role).expect("the daemon");
        assert_eq!(daemon.max_length, Some(clamped), "{role:?} {group:?}");
    }
}

/// A table with one service, one real server, timeouts and a daemon.
fn small_table() -> Table {
    let mut table = Table::default();
    let service = service([10, 0, 0, 1]);
    let add = Change::AddDestination(service.key, server([10, 1, 0, 1]));
    let timeouts = Timeouts::default().with_tcp(1).with_tcp_fin(2).with_udp(3);
    let start = Change::StartDaemon(daemon(DaemonRole::Master));
    apply(&mut table, &[Change::AddService(service), add, Change::SetTimeouts(timeouts), start]);
    table
}

#[test]
fn every_change_can_be_reverted() {
    let before = small_table();
    let (old, new) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let one = server([10, 1, 0, 1]);
    for change in [
        Change::AddService(new),
        Change::EditService(with(old.clone(), |s| s.scheduler = "sh".into())),
        Change::DeleteService(old.key),
        Change::AddDestination(old.key, server([10, 1, 0, 2])),
        Change::EditDestination(old.key, with(one.clone(), |s| s.weight = 9)),
        Change::DeleteDestination(old.key, one.key),
        Change::Flush,
        Change::Zero(None),
        Change::SetTimeouts(Timeouts::default().with_udp(9)),
        Change::StartDaemon(daemon(DaemonRole::Backup)),
        Change::StopDaemon(DaemonRole::Master),
    ] {
        let mut table = before.clone();
        apply(&mut table, std::slice::from_ref(&change));
        assert_eq!(table == before, matches!(change, Change::Zero(_)), "{change:?}");
        apply(&mut table, &inverse(&change, &before));
        assert_eq!(table, before, "{change:?}");
    }
    // Changes to entries that the table does not have.
    let missing = service([10, 0, 0, 9]);
    for change in [
        Change::EditService(missing.clone()),
        Change::DeleteService(missing.key),
        Change::EditDestination(old.key, server([10, 1, 0, 9])),
        Change::DeleteDestination(missing.key, one.key),
        Change::StopDaemon(DaemonRole::Backup),
    ] {
        assert_eq!(inverse(&change, &before), [], "{change:?}");
    }
}

#[test]
fn a_difference_adds_then_edits_then_deletes() {
    let before = small_table();
    let (old, new) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let edited = with(old.clone(), |s| s.scheduler = "sh".into());
    let (one, two) = (server([10, 1, 0, 1]), server([10, 1, 0, 2]));
    let timeouts = Timeouts::default().with_tcp(1).with_udp(9);
    let backup = with(daemon(DaemonRole::Backup), |d| d.sync_id = 5);
    let mut desired = Table::default();
    let changes = [
        Change::AddService(new.clone()),
        Change::AddDestination(new.key, one.clone()),
        Change::AddService(edited.clone()),
        Change::AddDestination(old.key, two.clone()),
        Change::SetTimeouts(timeouts),
        Change::StartDaemon(backup),
    ];
    apply(&mut desired, &changes);
    let started = desired.daemon(DaemonRole::Backup).cloned().expect("the daemon");
    let forward = [
        Change::AddService(new.clone()),
        Change::AddDestination(new.key, one.clone()),
        Change::AddDestination(old.key, two.clone()),
        Change::EditService(edited),
        Change::SetTimeouts(Timeouts::default().with_udp(9)),
        Change::StopDaemon(DaemonRole::Master),
        Change::StartDaemon(started),
        Change::DeleteDestination(old.key, one.key),
    ];
    assert_eq!(diff(&desired, &before), forward);
    assert_eq!(diff(&before, &before), []);
    let backward = [
        Change::AddDestination(old.key, one),
        Change::EditService(old.clone()),
        Change::SetTimeouts(Timeouts::default().with_tcp_fin(2).with_udp(3)),
        Change::StartDaemon(before.daemon(DaemonRole::Master).cloned().expect("the daemon")),
        Change::StopDaemon(DaemonRole::Backup),
        Change::DeleteDestination(old.key, two.key),
        Change::DeleteService(new.key),
    ];
    assert_eq!(diff(&before, &desired), backward);
}

#[test]
fn a_table_without_daemons_stops_none() {
    assert_eq!(
        diff(&Table::default(), &small_table()),
        [Change::DeleteService(service([10, 0, 0, 1]).key)]
    );
}

#[test]
fn a_table_is_a_collection_of_entries() {
    let (one, two) = (service([10, 0, 0, 1]), service([10, 0, 0, 2]));
    let mut table: Table =
        [Entry::new(one.clone(), []), Entry::new(two.clone(), [])].into_iter().collect();
    assert!(Table::default().is_empty() && !table.is_empty());
    table.extend([Entry::new(one.clone(), [server([10, 1, 0, 1])])]);
    assert_eq!((table.len(), table.iter().len()), (2, 2));
    let keys: Vec<ServiceKey> = (&table).into_iter().map(|entry| entry.service().key).collect();
    assert_eq!(keys, [one.key, two.key]);
    let counts = table.into_iter().map(|entry| entry.destinations().len());
    assert_eq!(counts.collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_table_of_observed_entries() {
    let mut observed = ObservedEntry::from(ObservedService::from(service([10, 0, 0, 1])));
    observed.destinations.push(server([10, 1, 0, 1]).into());
    let expected: Table =
        [Entry::new(service([10, 0, 0, 1]), [server([10, 1, 0, 1])])].into_iter().collect();
    assert_eq!(Table::from_observed(&[observed]), expected);
}
