//! Whatever version 2 tells is changed, field by field, in journals of runs that came to their end: what of that the story
//! of the events alone does not show is listed.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use serde_json::{Value, json};

use super::honest::{self, Honest};
use super::tests::{findings, shown, tape};
use super::*;
use crate::evidence::event::ReasonKind;
use crate::git::Oid;

/// Words, measurements, and what the repository has to tell; of proofs, for which no plan asks yet, all but that it held.
const UNSEEN: [&str; 20] = [
    "agent.found id",
    "agent.started id",
    "branch.searched found",
    "branch.searched more",
    "branch.searched unsearched",
    "checkpoint.made instructions",
    "checkpoint.made tree",
    "command.ended cut",
    "command.ended span",
    "expectation.judged saw",
    "log.appended from",
    "log.appended to",
    "masks.refused count",
    "proof.ran exit_code",
    "proof.ran ms",
    "proof.ran run",
    "proof.ran signal",
    "run.started origin",
    "run.started plan_commit",
    "run.started started_by",
];

/// Other values of the same kind.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            let own = number.as_u64().unwrap_or(0);
            [own + 1, own.saturating_sub(1)]
                .into_iter()
                .filter(|other| *other != own)
                .map(|n| json!(n))
                .collect()
        }
        Value::Bool(is) => vec![json!(!is)],
        Value::Null => vec![json!(1)],
        Value::String(text) => {
            let words = ["exit_code", "files_exist", "post", "changes", "base", "mutant", "output", "launch"];
            let words = words.into_iter().filter(|word| word != text).map(|word| json!(word));
            let another = Oid::parse(text).ok().map(|_| json!(Oid::nth(usize::MAX)));
            words.chain([json!(format!("{text}x"))]).chain(another).collect()
        }
        Value::Array(items) => (0..items.len())
            .flat_map(|at| others(&items[at]).into_iter().map(move |other| (at, other)))
            .map(|(at, other)| {
                let mut items = items.clone();
                items[at] = other;
                json!(items)
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| others(value).into_iter().map(move |other| (key.clone(), other)))
            .map(|(key, other)| {
                let mut fields = fields.clone();
                fields.insert(key, other);
                json!(fields)
            })
            .collect(),
    }
}

/// The fields of an event that version 1 has not.
fn fields(event: &Value) -> Vec<String> {
    let kind = event["type"].as_str().unwrap();
    let older = honest::of_one(kind, event.clone()).unwrap_or_default();
    let fields = event.as_object().unwrap().keys().filter(|key| *key != "type" && older.get(*key).is_none());
    fields.cloned().collect()
}

/// A run of version 2 that nobody took over, and whose runner did not fall over.
fn came_to_its_end(journal: &Honest) -> bool {
    let stops = |event: &Event| matches!(Kind::of(event), Kind::Recovered | Kind::Resumed | Kind::RunFaulted);
    let is_two = matches!(&journal.events[0].1, Event::RunStarted(start) if start.plan_masked.is_some());
    let ended = journal.events.iter().any(|(_, event)| matches!(event, Event::Attested { .. }));
    is_two && ended && !journal.events.iter().any(|(_, event)| stops(event))
}

/// Of a result that does not hold, one more verdict may not.
fn is_one_of_several(journal: &Honest, at: usize, field: &str) -> bool {
    let mut ends = journal.events[at..].iter().filter_map(|(_, event)| match event {
        Event::AttemptEnded { reason, .. } => Some(reason.as_ref().map(|reason| reason.kind)),
        _ => None,
    });
    let held = matches!(&journal.events[at].1, Event::ExpectationJudged(own) if own.held && field == "held");
    held && ends.next() == Some(Some(ReasonKind::Expectation))
}

#[test]
fn whatever_version_two_tells_is_seen_when_it_is_changed() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut seen, mut unseen) = (BTreeSet::new(), BTreeSet::new());
    let mut journals = 0;
    while journals < 60 {
        let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
        if !came_to_its_end(&journal) {
            continue;
        }
        journals += 1;
        for (at, (_, event)) in journal.events.iter().enumerate() {
            let own = serde_json::to_value(event).unwrap();
            for field in fields(&own).into_iter().filter(|field| !is_one_of_several(&journal, at, field)) {
                let what = format!("{} {field}", event.kind());
                seen.insert(what.clone());
                for other in others(&own[&field]) {
                    let mut changed = own.clone();
                    changed[&field] = other;
                    // What is no event of its version is no line of a journal.
                    let Ok(other) = serde_json::from_value::<Event>(changed) else { continue };
                    let mut events = journal.events.clone();
                    events[at].1 = other;
                    if !UNSEEN.contains(&what.as_str()) {
                        let found = findings(journal.run, events);
                        assert!(!found.is_empty(), "{what} of line {}\n{}", at + 1, shown(&journal));
                    } else if findings(journal.run, events).is_empty() {
                        unseen.insert(what.clone());
                    }
                }
            }
        }
    }
    assert_eq!(unseen, UNSEEN.map(str::to_owned).into(), "of {seen:#?}");
    assert!(seen.len() > 30, "{seen:#?}");
}
