//! What the recorded plan asks for a step, in words: whatever keys it has, so that plans of any version are told.

use autopilot_view::{Fact, Mark};
use serde_json::Value;

use crate::evidence::RunState;
use crate::plan::units;

/// Keys that have a place of their own, or tell nobody anything.
const ELSEWHERE: [&str; 5] = ["id", "line", "action", "post", "rollback"];
/// Numbers of bytes.
const SIZES: [&str; 4] = ["memory", "file_size", "output", "salvage"];
/// Characters of a value.
const WIDTH: usize = 2000;

/// Finds what the plan says of a step.
pub(super) fn of<'a>(state: &'a RunState, id: &str) -> Option<&'a Value> {
    let steps = state.start.plan.value().get("steps").and_then(Value::as_array);
    steps.into_iter().flatten().find(|step| step.get("id").is_some_and(|own| own == id))
}

/// Says what is asked for a step; what is nothing is left out.
pub(super) fn asked(step: &Value) -> Vec<Fact> {
    let Some(members) = step.as_object() else { return Vec::new() };
    let others = members.iter().filter(|(key, _)| !ELSEWHERE.contains(&key.as_str()));
    let action = step.get("action").map(|action| Fact::code(Mark::Plain, kind(action), [command(action)]));
    let said = others.filter_map(|(key, value)| {
        let text = in_words(value)?;
        Some(Fact::text(Mark::Plain, key.replace('_', " "), clip(text)))
    });
    action.into_iter().chain(said).collect()
}

/// Returns what one of the commands behind a step is, as far as the plan says it.
pub(super) fn listed(step: Option<&Value>, key: &str, index: Option<u32>) -> Option<String> {
    let value = step?.get(key)?.as_array()?.get(usize::try_from(index?).ok()?)?;
    Some(command(value))
}

fn kind(action: &Value) -> String {
    let first = action.as_object().and_then(|members| members.keys().next());
    first.cloned().unwrap_or_else(|| "action".to_owned())
}

/// Returns the words of a command, wherever they are.
pub(super) fn command(value: &Value) -> String {
    let mut words = Vec::new();
    gather(value, &mut words);
    clip(words.join(" "))
}

fn gather<'a>(value: &'a Value, words: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => words.push(text),
        Value::Array(all) => all.iter().for_each(|each| gather(each, words)),
        // What a script is for a shell is the script.
        Value::Object(members) => match members.get("text") {
            Some(text) => gather(text, words),
            None => members.values().for_each(|each| gather(each, words)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Says a value; nothing of one that says nothing.
fn in_words(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Array(all) => joined(all.iter().filter_map(in_words), " "),
        Value::Object(members) => {
            let said =
                members.iter().filter_map(|(key, value)| Some((key.replace('_', " "), member(key, value)?)));
            joined(said.map(|(key, text)| format!("{key}: {text}")), "; ")
        }
    }
}

/// Says a value under its key: bytes are told as sizes.
fn member(key: &str, value: &Value) -> Option<String> {
    match value.as_u64() {
        Some(bytes) if SIZES.contains(&key) => Some(units::size(bytes)),
        _ => in_words(value),
    }
}

fn joined(all: impl Iterator<Item = String>, between: &str) -> Option<String> {
    let all: Vec<String> = all.collect();
    if all.is_empty() { None } else { Some(all.join(between)) }
}

fn clip(text: String) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_keys_a_plan_has_are_told() {
        let step = json!({"id": "a", "action": {"command": {"script": {"text": "echo 1", "shell": "sh"}}},
            "network": {"allow": ["a:1", "b:2"]}, "env": [], "on_failure": "abort", "clean_ignored": false,
            "post": ["cargo fmt", {"argv": ["cargo", "test"]}], "new_key": {"deep": [1, 2]}});
        let told: Vec<String> =
            asked(&step).iter().map(|fact| format!("{} {:?}", fact.name, fact.values)).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told[0].starts_with("command ") && told[0].contains("\"echo 1\""), "{told:?}");
        assert!(
            told[1].contains("allow: a:1 b:2")
                && told[3].contains("new key")
                && told[3].contains("deep: 1 2")
        );
        assert_eq!(listed(Some(&step), "post", Some(1)).as_deref(), Some("cargo test"));
        assert_eq!(listed(Some(&step), "post", Some(7)), None);
    }
}
