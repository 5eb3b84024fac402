//! The JSON Schema, made from the types that parse.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::file::PlanFile;

static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

/// Returns the JSON Schema of a plan file (draft 7, which every editor knows).
pub fn schema() -> &'static Value {
    &SCHEMA
}

fn generate() -> Value {
    schema_of::<PlanFile>("Autopilot plan")
}

/// Makes the JSON Schema of a type that a file is parsed by.
pub(super) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    // Nulls first: what comes after wraps references, which would hide them.
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.transforms.insert(0, Box::new(RecursiveTransform(forbid_null)));
    });
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// Takes `null` out of optional keys: "not written" is how a plan says nothing.
fn forbid_null(schema: &mut Schema) {
    if schema.get("default").is_some_and(|default| default.is_null() || *default == Value::Array(Vec::new()))
    {
        schema.remove("default");
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            schema.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for union in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(union) else { continue };
        branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            schema.remove(union);
            for (key, value) in only {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
    }
}
