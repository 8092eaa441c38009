//! Documents in JSON, as `--json` prints them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Adds what a document calls its fields, at any depth.
pub(crate) fn fields(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                names.insert(name.clone());
                fields(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, names)),
        _ => {}
    }
}
