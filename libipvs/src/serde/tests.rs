use crate::Table;
use crate::model::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn table(document: Value) -> Result<Table, String> {
    serde_json::from_value(document).map_err(|e| e.to_string())
}

/// A document with every member.
fn document() -> Value {
    json!({
        "services": [
            {
                "protocol": "udp", "address": "10.0.0.1", "port": 5060,
                "scheduler": "sh", "scheduler_flags": ["sh-fallback", "sh-port", "flag-3"],
                "persistence": { "timeout": 60, "netmask": "255.255.0.0" },
                "persistence_engine": "sip",
                "one_packet": true,
                "servers": [
                    {
                        "address": "10.1.0.1", "port": 5060,
                        "forwarding": "tunnel",
                        "tunnel": { "type": "gue", "port": 6080, "checksum": "remote" },
                        "weight": 7, "upper_threshold": 9, "lower_threshold": 5
                    },
                    {
                        "address": "fd00::1", "port": 5060,
                        "forwarding": "tunnel",
                        "tunnel": { "type": "gre", "port": null, "checksum": "full" },
                        "weight": 1, "upper_threshold": 0, "lower_threshold": 0
                    }
                ]
            },
            {
                "mark": 7, "family": "ipv6",
                "scheduler": "rr", "scheduler_flags": ["flag-2"],
                "persistence": { "timeout": 300, "prefix_length": 64 },
                "persistence_engine": null,
                "one_packet": false,
                "servers": []
            }
        ],
        "timeouts": { "tcp": 1, "tcp_fin": 2, "udp": 3 },
        "daemons": [
            {
                "role": "master", "interface": "eth0", "sync_id": 3, "max_length": null,
                "group": "224.0.0.81", "port": 8848, "ttl": 1
            },
            {
                "role": "backup", "interface": "eth1", "sync_id": 4, "max_length": 1400,
                "group": "ff02::5", "port": 9000, "ttl": 2
            }
        ]
    })
}

#[test]
fn a_whole_document_survives() {
    let table = table(document()).unwrap();
    assert_eq!(serde_json::to_value(&table).unwrap(), document());
    let service = table.iter().next().unwrap().service();
    assert_eq!((service.scheduler_flags, service.one_packet), (0b111, true));
    assert_eq!(table.iter().nth(1).unwrap().service().scheduler_flags, 0b010);
}

/// A document with one service and one real server.
fn small() -> Value {
    json!({
        "services": [{
            "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "rr",
            "scheduler_flags": [], "persistence": null, "persistence_engine": null,
            "one_packet": false,
            "servers": [{
                "address": "10.1.0.1", "port": 80, "forwarding": "local", "tunnel": null,
                "weight": 1, "upper_threshold": 0, "lower_threshold": 0
            }]
        }],
        "timeouts": null,
        "daemons": []
    })
}

#[test]
fn members_that_do_not_apply_are_null_or_empty() {
    let table = table(small()).unwrap();
    assert_eq!(serde_json::to_value(&table).unwrap(), small());
}

/// The path of every member of a document, as (pointer to the object, name).
fn members(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members_of) => {
            for (name, value) in members_of {
                found.push((pointer.to_string(), name.clone()));
                members(value, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                members(item, &format!("{pointer}/{n}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn a_renamed_or_missing_member_is_an_error() {
    for document in [document(), small()] {
        let mut found = Vec::new();
        members(&document, "", &mut found);
        for (pointer, name) in found {
            for new_name in [None, Some(format!("{name}s")), Some("rates".into())] {
                let mut changed = document.clone();
                let object = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
                let value = object.remove(&name).unwrap();
                if let Some(new_name) = &new_name {
                    object.insert(new_name.clone(), value);
                }
                let error = table(changed).expect_err(&format!("{pointer} {name} {new_name:?}"));
                assert!(error.contains("field") || error.contains("requires"), "{error}");
            }
        }
    }
}

#[test]
fn an_unknown_member_is_an_error() {
    for document in [document(), small()] {
        let mut found = Vec::new();
        members(&document, "", &mut found);
        for (pointer, _) in found {
            let mut changed = document.clone();
            let object = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
            object.insert("destinations".into(), json!([]));
            let error = table(changed).expect_err(&pointer);
            assert!(error.contains("unknown field `destinations`"), "{pointer}: {error}");
        }
    }
}

#[test]
fn what_a_listing_adds_is_ignored() {
    let mut listing = small();
    let object = listing.as_object_mut().unwrap();
    object.remove("timeouts");
    object.remove("daemons");
    assert_eq!(table(listing.clone()).unwrap_err(), "missing field `timeouts`");
    listing["timeouts"] = json!(null);
    assert_eq!(table(listing.clone()).unwrap_err(), "missing field `daemons`");
    listing.as_object_mut().unwrap().remove("timeouts");
    listing["format"] = json!(1);
    listing["ipvs"] = json!({ "version": "1.2.1", "connection_table_size": 4096 });
    let counters = json!({ "connections": 1 });
    for pointer in ["/services/0", "/services/0/servers/0"] {
        let object = listing.pointer_mut(pointer).unwrap();
        object["statistics"] = counters.clone();
        object["rates"] = counters.clone();
    }
    let server = &mut listing["services"][0]["servers"][0];
    for name in ["active_connections", "inactive_connections", "persistent_connections"] {
        server[name] = json!(7);
    }
    assert_eq!(table(listing).unwrap(), table(small()).unwrap());
}

#[test]
fn a_service_alone_has_no_servers() {
    let mut service = small()["services"][0].clone();
    let text = serde_json::from_value::<Service>(service.clone()).unwrap_err().to_string();
    assert_eq!(text, "unknown field `servers`: it belongs to a service of a table");
    service.as_object_mut().unwrap().remove("servers");
    let read: Service = serde_json::from_value(service.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), service);
    let server = &document()["services"][0]["servers"][0];
    let read: Destination = serde_json::from_value(server.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), *server);
}

/// Changes one member of the whole document.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = document();
    *document.pointer_mut(pointer).expect(pointer) = value;
    document
}

#[test]
fn invalid_documents_are_refused() {
    for (pointer, value, text) in [
        ("/services/1/scheduler", json!(""), "invalid scheduler name ''"),
        ("/services/0/scheduler_flags/0", json!("x"), "unknown scheduler flag 'x'"),
        ("/services/0/protocol", json!("icmp"), "unknown protocol 'icmp'"),
        ("/services/0/protocol", json!(65536), "unknown protocol 65536"),
        ("/services/0/servers/0/forwarding", json!("fast"), "unknown forwarding method 'fast'"),
        ("/services/0/servers/0/tunnel/type", json!(256), "unknown tunnel type 256"),
        ("/services/0/servers/0/weight", json!(2147483648u32), "weight 2147483648 is above"),
        ("/services/0/servers/1/forwarding", json!("masquerading"), "requires tunnel settings if"),
        ("/services/0/servers/1/tunnel", json!(null), "requires tunnel settings if"),
        ("/services/0/servers/0/tunnel/port", json!(0), "expected a nonzero u16"),
        ("/services/0/servers/0/tunnel/port", json!(null), "a GUE tunnel requires a port"),
        ("/services/1/persistence/prefix_length", json!(129), "prefix length 129 is not between"),
        (
            "/services/1/persistence",
            json!({ "timeout": 9, "netmask": "255.0.0.0" }),
            "255.0.0.0 is",
        ),
        (
            "/services/1/persistence",
            json!({ "timeout": 9, "netmask": "255.0.0.0", "prefix_length": 64 }),
            "persistence requires netmask or prefix_length",
        ),
        ("/services/1/mark", json!(0), "expected a nonzero u32"),
        ("/services/0/servers/1/address", json!("10.1.0.1"), "Destination already exists"),
        (
            "/services/0/address",
            json!(null),
            "a service requires protocol, address and port, or mark and family",
        ),
        ("/timeouts/udp", json!(u32::MAX), "a timeout of 4294967295 seconds"),
        ("/daemons/0/sync_id", json!(256), "sync ID 256 is above 255"),
        ("/daemons/1/role", json!("master"), "Daemon has already run"),
    ] {
        let error = table(with(pointer, value)).expect_err(pointer);
        assert!(error.contains(text), "{pointer}: {error}");
    }
    let error = table(json!({})).expect_err("no services");
    assert!(error.contains("missing field `services`"), "{error}");
}

#[test]
fn an_error_says_where() {
    let mut twice = document();
    let services = twice["services"].as_array_mut().unwrap();
    services.push(services[1].clone());
    assert_eq!(
        table(twice).unwrap_err(),
        "cannot add service mark 7 IPv6 (rr): Service already exists"
    );
    for (pointer, value, text) in [
        (
            "/services/1/scheduler",
            json!(""),
            "services[1]: invalid scheduler name '': must have 1 to 15 bytes and no zero byte",
        ),
        (
            "/services/0/servers/1/weight",
            json!(4000000000u32),
            "services[0].servers[1]: weight 4000000000 is above 2147483647",
        ),
        (
            "/services/0/servers/1/address",
            json!("10.1.0.1"),
            "cannot add real server 10.1.0.1:5060 to udp 10.0.0.1:5060 (tunnel, weight 1): \
             Destination already exists",
        ),
    ] {
        assert_eq!(table(with(pointer, value)).unwrap_err(), text);
    }
    let mut without = document();
    without["services"][1].as_object_mut().unwrap().remove("servers");
    assert_eq!(table(without).unwrap_err(), "services[1]: missing field `servers`");
    // Null daemons are none.
    assert_eq!(
        table(with("/daemons", json!(null))).unwrap(),
        table(with("/daemons", json!([]))).unwrap()
    );
}

#[test]
fn a_number_equals_its_name() {
    assert_eq!(table(with("/services/0/protocol", json!(17))), table(document()));
    assert_eq!(table(with("/services/0/servers/0/forwarding", json!(2))), table(document()));
    assert_eq!(table(with("/services/0/servers/0/tunnel/type", json!(1))), table(document()));
}

#[test]
fn parts_of_the_model_survive() {
    fn roundtrip<T>(value: T, form: Value)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_value(&value).unwrap(), form);
        assert_eq!(serde_json::from_value::<T>(form).unwrap(), value);
    }
    roundtrip(Family::V6, json!("ipv6"));
    roundtrip(Protocol::Sctp, json!("sctp"));
    roundtrip(Protocol::Other(50), json!(50));
    roundtrip(Forwarding::Bypass, json!("bypass"));
    roundtrip(Forwarding::Other(7), json!(7));
    roundtrip(TunnelKind::Gre, json!("gre"));
    roundtrip(TunnelKind::Other(9), json!(9));
    roundtrip(Checksum::None, json!("none"));
    roundtrip(DaemonRole::Backup, json!("backup"));
    let key = DestinationKey { address: [10, 1, 0, 1].into(), port: 80 };
    roundtrip(key, json!("10.1.0.1:80"));
    let mark: ServiceKey = "mark 7 IPv4".parse().unwrap();
    roundtrip(mark, json!("mark 7 IPv4"));
    // A key can be the key of a map.
    roundtrip(BTreeMap::from([(mark, 1)]), json!({ "mark 7 IPv4": 1 }));
    roundtrip(BTreeMap::from([(key, 1)]), json!({ "10.1.0.1:80": 1 }));
    let error = serde_json::from_value::<ServiceKey>(json!("mark 0 IPv4")).unwrap_err();
    assert!(error.to_string().starts_with("'mark 0 IPv4' is not a service"), "{error}");
    let timeouts = Timeouts::default().with_udp(9);
    roundtrip(timeouts, json!({ "tcp": 0, "tcp_fin": 0, "udp": 9 }));
}

#[test]
fn observed_values_have_counters_and_rates() {
    let key: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let server = Destination::new("10.1.0.1:80".parse().unwrap(), Forwarding::Masquerading);
    let mut service = ObservedService::from(Service::new(key));
    let statistics = Statistics { connections: 1, bytes_out_rate: 2, ..Statistics::default() };
    service.statistics = statistics;
    let mut observed = ObservedDestination::from(server);
    (observed.active, observed.inactive, observed.persistent) = (3, 4, 5);
    observed.statistics = statistics;
    let mut entry = ObservedEntry::from(service);
    entry.destinations.push(observed);
    let counters = |connections, bytes_out| {
        json!({
            "connections": connections, "packets_in": 0, "packets_out": 0, "bytes_in": 0,
            "bytes_out": bytes_out
        })
    };
    assert_eq!(
        serde_json::to_value(&entry).unwrap(),
        json!({
            "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "wlc",
            "scheduler_flags": [], "persistence": null, "persistence_engine": null,
            "one_packet": false, "statistics": counters(1, 0), "rates": counters(0, 2),
            "servers": [{
                "address": "10.1.0.1", "port": 80, "forwarding": "masquerading", "tunnel": null,
                "weight": 1, "upper_threshold": 0, "lower_threshold": 0, "active_connections": 3,
                "inactive_connections": 4, "persistent_connections": 5,
                "statistics": counters(1, 0), "rates": counters(0, 2)
            }]
        })
    );
    assert_eq!(serde_json::to_value(statistics).unwrap()["bytes_out_rate"], 2);
    let change = Change::DeleteDestination(key, entry.destinations[0].destination.key);
    assert_eq!(
        serde_json::to_value(&change).unwrap(),
        json!({
            "change": "delete-server",
            "service": { "protocol": "tcp", "address": "10.0.0.1", "port": 80 },
            "server": { "address": "10.1.0.1", "port": 80 }
        })
    );
}
