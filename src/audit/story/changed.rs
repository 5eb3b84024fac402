//! Whatever events tell is changed, field by field, in journals of version 2 of runs that came to their end, or went on: what
//! of that the story of the events alone does not show is listed. A field that is added has to be listed, seen or told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use serde_json::{Value, json};

use super::honest::{self, Honest};
use super::tests::{Events, all_findings, shown, tape};
use super::*;
use crate::evidence::event::{ReasonKind, Role, RunResult};
use crate::git::Oid;

/// What the story of the events alone does not show.
const UNSEEN: [&str; 107] = [
    // What an agent did and used, by its own words and the endpoint's count; what it is given follows from the plan, masked.
    "agent.acted act",
    "agent.ended acts",
    "agent.ended requests",
    "agent.ended tokens",
    "agent.found agent",
    "agent.found id",
    "agent.started instructions",
    "agent.started prompt",
    "agent.started provider",
    "agent.used requests",
    "agent.used tokens",
    "agent.waiting ms",
    "agent.waiting reason",
    "command.started (agent) command",
    // Of proofs all but what was run, and how its tests came out: of which some prove nothing.
    "proof.ran exit_code",
    "proof.ran ms",
    "proof.ran report",
    "proof.ran signal",
    // How a rollback ended changes nothing; but it is confined.
    "command.ended (rollback) cut",
    "command.ended (rollback) ended_by",
    "command.ended (rollback) enforced",
    "command.ended (rollback) exit_code",
    "command.ended (rollback) killed",
    "command.ended (rollback) ms",
    "command.ended (rollback) output",
    "command.ended (rollback) signal",
    "command.ended (rollback) span",
    // Measurements: of time, bytes, files and processes.
    "attempt.ended ms",
    "command.ended killed",
    "command.ended ms",
    "command.ended output",
    "egress connections",
    "egress received",
    "egress sent",
    "masks.refused count",
    "publish.rebased round",
    "recovered torn",
    "resumed torn",
    "resumed used",
    "retry.waiting ms",
    "run.ended ms",
    "salvaged paths",
    "worktree.ready files",
    "worktree.ready ms",
    "worktree.removed ignored_bytes",
    "worktree.removed ignored_files",
    "worktree.removed proved",
    // What the log, the bundle, the files, the repository and its remotes show.
    "attested sha256",
    "branch.searched found",
    "branch.searched more",
    "branch.searched unsearched",
    "checkpoint.made instructions",
    "checkpoint.made tree",
    "command.ended span",
    "git.left left",
    "git.left more",
    "git.mended what",
    "log.appended from",
    "log.appended to",
    "publish.evidence commit",
    "publish.evidence left_out",
    "publish.evidence to",
    "publish.rebased commits",
    "publish.rebased onto",
    "publish.started along",
    "publish.started to",
    "run.started base",
    "run.started dirty",
    "run.started plan_commit",
    "run.started plan_path",
    "run.started plan_sha256",
    "run.started publish",
    "run.started repository",
    "salvaged commit",
    // Within what the plan and the policy leave: a limit that nothing reached, a uid, a destination that was refused.
    "command.ended cut",
    "command.ended ended_by",
    "command.ended enforced",
    "command.ended signal",
    "egress host",
    "egress port",
    "run.started plan",
    // What an earlier run left, and what this one leaves to later ones: by digests of what lies on the host.
    "cache.kept bytes",
    "cache.kept sha256",
    "cache.looked base",
    "cache.looked locks",
    "cache.looked run",
    "cache.looked sha256",
    // Who runs it, with what, and where the plan is from.
    "resumed autopilot",
    "resumed host",
    "resumed sandbox",
    "publish.started login",
    "run.started autopilot",
    "run.started host",
    "run.started origin",
    "run.started sandbox",
    "run.started started_by",
    // Words for people.
    "attempt.ended reason",
    "cache.kept why",
    "cache.looked why",
    "expectation.judged saw",
    "publish.evidence why",
    "publish.failed hint",
    "publish.failed why",
    "publish.rebased why",
    "step.ended because",
    "worktree.kept path",
    "worktree.kept why",
];

/// What no honest journal here has: of version 1, and what nothing writes yet.
const UNTOLD: [&str; 23] = [
    "agent.ended cost",
    "agent.found warning",
    "agent.used cost",
    "attempt.ended log",
    "attempt.ended refused",
    "attempt.ended wrote",
    "attempt.started log",
    "branch.made bundled",
    "branch.made moved",
    "checkpoint.made merged_from",
    "command.ended log",
    "egress allow",
    "egress open",
    "egress why",
    "expectation.judged tree",
    "proof.ran saw",
    "resumed labels",
    "run.started ceiling",
    "run.started cloud",
    "run.started labels",
    "run.started revises",
    "salvaged secrets",
    "worktree.ready pin",
];

/// Each field is changed so often, in as many journals.
const ENOUGH: usize = 6;

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

/// Every field of every event, by the page that a test holds to the types: one that is added is looked for here.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/evidence.md");
    let (mut all, mut event, mut is_ours) = (BTreeSet::new(), "", false);
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ticked = |at: usize| cells.get(at).and_then(|cell| cell.split('`').nth(1));
        if cells.len() < 4 {
            is_ours = false;
        } else if (cells[1], cells[2]) == ("event", "field") {
            is_ours = true;
        } else if is_ours {
            event = ticked(1).unwrap_or(event);
            let fields = cells[2].split('`').skip(1).step_by(2);
            all.extend(fields.map(|field| format!("{event} {field}")));
        }
    }
    all
}

/// Names the kind of an event; how a rollback ended changes nothing, and is by itself.
fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::CommandEnded(ended) if ended.role == Role::Rollback => "command.ended (rollback)",
        // What calls an agent is not the plan's.
        Event::CommandStarted { role: Role::Action, command, .. }
            if !command.as_str().starts_with("act ") =>
        {
            "command.started (agent)"
        }
        _ => event.kind(),
    }
}

/// A run of version 2 that nobody took over, and whose runner did not fall over.
fn came_to_its_end(journal: &Honest) -> bool {
    let stops = |event: &Event| matches!(Kind::of(event), Kind::Recovered | Kind::Resumed | Kind::RunFaulted);
    let is_two = matches!(&journal.events[0].1, Event::RunStarted(start) if start.plan_masked.is_some());
    let ended = journal.events.iter().any(|(_, event)| matches!(event, Event::Attested { .. }));
    is_two && ended && !journal.events.iter().any(|(_, event)| stops(event))
}

/// Tells whether a run was interrupted where no attempt was under way: nothing else tells by what.
fn is_between_steps(event: &Event) -> bool {
    matches!(event, Event::RunEnded { result: RunResult::Interrupted, step: None, .. })
}

/// Of a proof that is refused, a run may show anything else that does not prove.
fn is_of_refused_proof(journal: &Honest, at: usize) -> bool {
    let ended = journal.events[at..].iter().find_map(|(_, event)| match event {
        Event::AttemptEnded { reason, .. } => Some(reason.as_ref().map(|reason| reason.kind)),
        _ => None,
    });
    matches!(&journal.events[at].1, Event::ProofRan(_)) && ended == Some(Some(ReasonKind::Proof))
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
fn whatever_an_event_tells_is_seen_when_it_is_changed() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut changed: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..1500 {
        let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
        let found = |events: &Events| all_findings(journal.run, events.clone());
        // A process that survives is found wherever it is told of.
        if !found(&journal.events).is_empty() {
            continue;
        }
        let ended = came_to_its_end(&journal);
        let is_told = |event: &Event| ended || matches!(event, Event::Recovered { .. } | Event::Resumed(_));
        for (at, (_, event)) in journal.events.iter().enumerate().filter(|(_, (_, event))| is_told(event)) {
            let own = serde_json::to_value(event).unwrap();
            let fields = own.as_object().unwrap().keys().filter(|key| *key != "type");
            for field in fields
                .filter(|field| !is_one_of_several(&journal, at, field) && !is_of_refused_proof(&journal, at))
                .filter(|field| !(*field == "reason" && is_between_steps(event)))
            {
                let what = format!("{} {field}", kind_of(event));
                let count = changed.entry(what.clone()).or_default();
                *count += 1;
                if *count > ENOUGH {
                    continue;
                }
                for other in others(&own[field]) {
                    let mut told = own.clone();
                    told[field] = other;
                    // What is no event of its version is no line of a journal.
                    let Ok(other) = serde_json::from_value::<Event>(told) else { continue };
                    let mut events = journal.events.clone();
                    events[at].1 = other;
                    if found(&events).is_empty() {
                        let told = || format!("{what} of line {}\n{}", at + 1, shown(&journal));
                        assert!(UNSEEN.contains(&&*what), "{}", told());
                    }
                }
            }
        }
    }
    let known = |list: &[&str]| list.iter().map(|what| (*what).to_owned()).collect::<BTreeSet<_>>();
    let untold: BTreeSet<String> =
        documented().into_iter().filter(|what| !changed.contains_key(what)).collect();
    // Of those that are not seen, some are in one journal and not in the next.
    let gone = UNSEEN.iter().find(|what| !changed.contains_key(**what));
    assert_eq!(gone, None, "no journal here tells it: it belongs elsewhere");
    assert_eq!(untold, known(&UNTOLD), "what no journal here tells");
    assert!(changed.len() > 100, "{changed:#?}");
}
