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
use libipvs::table::{Table, diff, inverse};
use random_tables::whole_table;
use serde_json::Value;

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
    let key: ServiceKey = "mark 1 IPv6".parse().expect("a key");
    let rest = [
        Change::Flush,
        Change::Zero(None),
        Change::Zero(Some(key)),
        Change::StopDaemon(DaemonRole::Backup),
        Change::StartDaemon(Daemon::master("eth0").build().expect("a daemon")),
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
        let plan = client.plan(&b, Scope::Whole).expect("a plan");
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
        client.apply(&b, Scope::Named).expect("no change is refused");
        let table = kernel.table();
        for entry in a.iter().chain(&b) {
            let key = &entry.service().key;
            assert_eq!(table.service(key), b.service(key).or(a.service(key)));
        }
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            assert_eq!(table.daemon(role), b.daemon(role).or(a.daemon(role)));
        }
    }
}

/// The pointer and the name of each member of each object in a document.
fn members(value: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    let items: Vec<(String, &Value)> = match value {
        Value::Object(object) => {
            found.extend(object.keys().map(|name| (pointer.to_string(), name.clone())));
            object.iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        _ => return,
    };
    items.iter().for_each(|(name, value)| members(value, &format!("{pointer}/{name}"), found));
}

#[test]
fn a_table_survives_json_and_a_wrong_member_does_not() {
    let mut rng = Rng::with_seed(12);
    let (mut tried, mut refused) = (0, 0);
    for _ in 0..300 {
        let table = whole_table(&mut rng, 3, 3);
        let document = serde_json::to_value(&table).expect("JSON");
        let read = |document: Value| serde_json::from_value::<Table>(document);
        assert_eq!(read(document.clone()).expect("a table"), table);
        let mut found = Vec::new();
        members(&document, "", &mut found);
        for (pointer, name) in found {
            let new_names = [None, Some("note"), Some("statistics"), Some("servers"), Some("port")];
            for new_name in new_names.into_iter().filter(|new| *new != Some(&name)) {
                let mut changed = document.clone();
                let object = changed.pointer_mut(&pointer).and_then(Value::as_object_mut);
                let object = object.expect("an object");
                let value = object.remove(&name).expect("the member");
                if let Some(new_name) = new_name {
                    object.insert(new_name.to_string(), value);
                }
                tried += 1;
                match read(changed) {
                    Ok(same) => assert_eq!(same, table, "{pointer}/{name}: {new_name:?}"),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(tried > 10_000 && refused == tried, "{refused} of {tried} refused");
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

#[test]
fn a_table_survives_serialization() {
    let mut rng = Rng::with_seed(12);
    for _ in 0..1000 {
        let table = whole_table(&mut rng, 5, 4);
        let text = serde_json::to_string(&table).expect("JSON");
        assert_eq!(serde_json::from_str::<Table>(&text).expect(&text), table);
    }
}
