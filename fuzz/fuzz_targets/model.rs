//! A request that is passed on to a model names nothing that is stored at the account, and no address to fetch.
#![no_main]

use autopilot::network::fuzzing::passes_on;
use libfuzzer_sys::fuzz_target;

const STORED: [&str; 6] =
    ["file_id", "previous_response_id", "conversation", "vector_store_ids", "server_url", "connector_id"];

fn names(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(names),
        // What a tool's own schema calls its arguments names nothing at the account.
        serde_json::Value::Object(members) => members.iter().any(|(key, member)| {
            STORED.contains(&key.as_str())
                || !["parameters", "schema"].contains(&key.as_str()) && names(member)
        }),
        _ => false,
    }
}

fuzz_target!(|body: &[u8]| {
    if passes_on(body) {
        let value: serde_json::Value = serde_json::from_slice(body).expect("what is passed on is JSON");
        assert!(!names(&value), "{value}");
    }
});
