//! What version 1 of the journal has instead of what version 2 has.

use serde_json::{Value, json};

/// Fields that version 1 has not.
const LATER: [&str; 17] = [
    "plan_masked",
    "plan_commit",
    "origin",
    "started_by",
    "from",
    "home",
    "layer",
    "index",
    "cut",
    "span",
    "tree",
    "parent",
    "id",
    "cost",
    "wrote",
    "login",
    "along",
];

/// Returns an event of version 2 as version 1 has it; nothing if that has none of its kind.
pub(in crate::audit::story) fn of_one(kind: &str, mut event: Value) -> Option<Value> {
    let later = [
        "expectation.judged",
        "proof.ran",
        "masks.refused",
        "log.appended",
        "branch.searched",
        "cache.looked",
        "cache.kept",
        "publish.rebased",
        "publish.evidence",
    ];
    if later.contains(&kind) {
        return None;
    }
    // A comment has its number in either.
    let is_later = |key: &str| LATER.contains(&key) && (key != "id" || kind != "publish.done");
    event.as_object_mut()?.retain(|key, _| !is_later(key));
    // Of an agent it has that, too.
    if kind == "checkpoint.made" {
        event.as_object_mut()?.remove("instructions");
    }
    if matches!(kind, "attempt.started" | "attempt.ended") {
        event["log"] = json!(0);
    }
    Some(event)
}
