//! schema/ipvsadm.schema.json, and documents validated against it.

#![allow(dead_code)] // each test binary uses a part of this

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

const TEXT: &str = include_str!("../../schema/ipvsadm.schema.json");
/// The schema's address for the validator; nothing is fetched.
const PLACE: &str = "file:///ipvsadm.schema.json";

/// The schema of one kind of document, `services` or another.
struct Kind {
    schemas: Schemas,
    /// The schema of this kind, and the schema of any kind: the document can be of no other.
    indices: [SchemaIndex; 2],
}

impl Kind {
    fn new(kind: &str) -> Kind {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        let schema = serde_json::from_str(TEXT).expect("the schema is JSON");
        compiler.add_resource(PLACE, schema).expect("a resource");
        let indices = [format!("{PLACE}#/$defs/{kind}_document"), PLACE.to_string()].map(|place| {
            let index = compiler.compile(&place, &mut schemas);
            index.unwrap_or_else(|e| panic!("{place}: {e:#}"))
        });
        Kind { schemas, indices }
    }

    /// Returns the validation errors of `value`.
    fn against(&self, value: &Value) -> Option<String> {
        let fault = |&index| self.schemas.validate(value, index).err().map(|e| format!("{e:#}"));
        self.indices.iter().find_map(fault)
    }
}

/// Parses a document, which must be of this kind.
#[track_caller]
pub fn document(kind: &str, text: &str) -> Value {
    let value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    if let Some(fault) = Kind::new(kind).against(&value) {
        panic!("{fault}\n{text}");
    }
    value
}

/// Returns a JSON pointer to every member of every object in the document.
fn members(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let at = format!("{at}/{name}");
                members(value, &at, all);
                all.push(at);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                members(item, &format!("{at}/{n}"), all);
            }
        }
        _ => {}
    }
}

/// Checks that the schema is closed: a member with another name or another type is refused. Returns
/// the number of members tried.
#[track_caller]
pub fn is_closed(kind: &str, document: &Value) -> usize {
    let kind = Kind::new(kind);
    let mut places = Vec::new();
    members(document, "", &mut places);
    for place in &places {
        let (parent, name) = place.rsplit_once('/').expect("a pointer");
        let mut renamed = document.clone();
        let object = renamed.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        let value = object.remove(name).expect("a member");
        object.insert(format!("{name}_"), value);
        assert!(kind.against(&renamed).is_some(), "{place} may be called {name}_");
        let mut retyped = document.clone();
        *retyped.pointer_mut(place).expect("a member") = serde_json::json!({ "_": 1 });
        assert!(kind.against(&retyped).is_some(), "{place} may be any object");
    }
    places.len()
}
