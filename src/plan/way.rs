//! One way in which a value may be written, as the JSON Schema has it.

use serde_json::Value as Json;

/// Returns its `type`.
pub(super) fn type_of(schema: &Json) -> &str {
    schema.get("type").and_then(Json::as_str).unwrap_or_default()
}

/// Returns the words of a closed set.
pub(super) fn words(schema: &Json) -> impl Iterator<Item = &str> {
    strings(schema.get("enum")).chain(schema.get("const").and_then(Json::as_str))
}

/// Returns the texts of a list.
pub(super) fn strings(list: Option<&Json>) -> impl Iterator<Item = &str> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
}

/// Names the keys of the maps that a value may be.
pub(super) fn keys(ways: &[&Json]) -> String {
    let properties =
        ways.iter().filter_map(|way| way.get("properties")?.as_object()).flat_map(|map| map.keys());
    properties.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
