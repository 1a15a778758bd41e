use crate::Table;
use crate::model::*;
use serde_json::{Value, json};

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
                        "tunnel": { "type": "gre", "checksum": "full" },
                        "weight": 1, "upper_threshold": 0, "lower_threshold": 0
                    }
                ]
            },
            {
                "mark": 7, "family": "ipv6",
                "scheduler": "rr", "scheduler_flags": ["flag-2"],
                "persistence": { "timeout": 300, "prefix_length": 64 },
                "servers": []
            }
        ],
        "timeouts": { "tcp": 1, "tcp_fin": 2, "udp": 3 },
        "daemons": [
            {
                "role": "master", "interface": "eth0", "sync_id": 3,
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
    let service = table.services().next().unwrap().service();
    assert_eq!((service.scheduler_flags, service.one_packet), (0b111, true));
    assert_eq!(table.services().nth(1).unwrap().service().scheduler_flags, 0b010);
}

#[test]
fn members_that_do_not_apply_are_left_out() {
    let document = json!({
        "services": [{
            "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "rr",
            "servers": [{
                "address": "10.1.0.1", "port": 80, "forwarding": "local",
                "weight": 1, "upper_threshold": 0, "lower_threshold": 0
            }]
        }]
    });
    let table = table(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&table).unwrap(), document);
}

#[test]
fn optional_members_have_defaults() {
    let minimal = json!({
        "services": [{
            "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "rr",
            "servers": [{ "address": "10.1.0.1", "port": 80, "forwarding": "bypass", "weight": 1 }]
        }, { "mark": 1, "family": "ipv4", "scheduler": "rr" }],
        "timeouts": { "udp": 9 }
    });
    let table = table(minimal).unwrap();
    assert_eq!(table.timeouts(), Timeouts::default().with_udp(9));
    let servers = table.services().map(|entry| entry.destinations().len());
    assert_eq!(servers.collect::<Vec<_>>(), [1, 0]);
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
        ("/services/0/servers/1/forwarding", json!("masquerading"), "requires a tunnel"),
        ("/services/0/servers/1/address", json!("10.1.0.1"), "Destination already exists"),
        (
            "/services/0",
            json!({ "scheduler": "rr" }),
            "a service requires protocol, address and port",
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
    roundtrip(key, json!({ "address": "10.1.0.1", "port": 80 }));
    let mark = ServiceKey::Mark { mark: 7, family: Family::V4 };
    roundtrip(mark, json!({ "mark": 7, "family": "ipv4" }));
}
