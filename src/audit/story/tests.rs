//! Journals of every released version hold, and so does any that an honest runner can write.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::honest::{self, Honest};
use super::*;
use crate::audit::finding::Finding;
use crate::evidence::{Head, RunName, journal};
use crate::git::Oid;

/// Events, each with when it was written.
pub(super) type Events = Vec<(DateTime<Utc>, Event)>;

/// What is found in events, in their order and times.
pub(super) fn findings(
    run: RunName,
    events: impl IntoIterator<Item = (DateTime<Utc>, Event)>,
) -> Vec<Finding> {
    let mut story = Story::new(run);
    for (seq, (time, event)) in (0..).zip(events) {
        take(&mut story, seq, time, event);
    }
    story.findings
}

/// The same with what is found in what was enforced.
pub(super) fn all_findings(run: RunName, events: Events) -> Vec<Finding> {
    let mut story = Story::new(run);
    for (seq, (time, event)) in (0..).zip(events) {
        take(&mut story, seq, time, event);
    }
    [story.findings, story.policy.result().1].concat()
}

/// Takes an event; of version 2 from the first on that can be of no other.
pub(super) fn take(story: &mut Story, seq: u64, time: DateTime<Utc>, event: Event) {
    let is_two = event.misfit(1).is_some() || story.printed.keys().next().is_some();
    let is_two = is_two || story.start.as_ref().is_some_and(|start| start.plan_masked.is_some());
    story.take(entry(seq, if is_two { 2 } else { 1 }, time, event));
}

fn entry(seq: u64, version: u32, time: DateTime<Utc>, event: Event) -> Entry {
    let kind = event.kind().to_owned();
    let at = Head { seq, hash: crate::evidence::Sha256::none() };
    Entry { event, version, kind, at, time, so_far: None }
}

#[test]
fn journals_of_released_versions_hold() {
    for name in ["v1.log", "v1-crashed.log"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals").join(name);
        let lines = journal::read(&path).unwrap().lines;
        let Event::RunStarted(start) = &lines[0].event else { panic!("{name}") };
        let run = start.run.as_str().parse().unwrap();
        let found = findings(run, lines.iter().map(|line| (line.time().unwrap(), line.event.clone())));
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

/// A runner died after the checkpoint of a step, and before it said that the step had passed. Whoever goes on says so first,
/// and skips then, once more, what comes before it.
#[test]
fn a_dead_runners_step_ends_before_an_earlier_one_is_skipped_again() {
    let Honest { run, events } = honest::journal(&[]);
    let mut start = serde_json::to_value(&events[0].1).unwrap();
    let mut steps = ["a", "b", "c"].map(|id| {
        let mut step = start["plan"]["steps"][0].clone();
        (step["id"], step["on_failure"]) = (id.into(), "ignore".into());
        step
    });
    steps[1]["needs"] = json!(["a"]);
    (start["plan"]["steps"], start["steps"]) = (json!(steps), json!(["a", "b", "c"]));
    let of = |kind: &str, step: &str, more: Value| {
        let mut event = json!({"type": kind, "step": step, "attempt": 1});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let begins =
        |step: &str| of("attempt.started", step, json!({"from": Oid::nth(0), "home": "run", "layer": "run"}));
    let action = |step: &str, code: i32| {
        let ended = json!({"role": "action", "exit_code": code, "signal": null, "ended_by": null, "ms": 1, "output": 0,
            "span": [20, 20], "killed": 0, "survivors": 0, "enforced": null});
        let started = json!({"role": "action", "command": "act s0"});
        let judged =
            json!({"kind": "exit_code", "index": 0, "held": code == 0, "saw": format!("exit {code}")});
        let events = [("command.started", started), ("command.ended", ended), ("expectation.judged", judged)];
        events.map(|(kind, event)| of(kind, step, event))
    };
    let attempt = |step: &str, result: &str, reason: Value| {
        of("attempt.ended", step, json!({"result": result, "reason": reason, "ms": 0}))
    };
    let printed = |step: &str, from: u64| of("log.appended", step, json!({"from": from, "to": from + 20}));
    let end = |step: &str, result: &str, attempts: u32, because: Value| json!({"type": "step.ended", "step": step, "result": result, "attempts": attempts, "because": because});
    let [a_starts, a_ends, a_judged] = action("a", 1);
    let [c_starts, c_ends, c_judged] = action("c", 0);
    let made = json!({"commit": Oid::nth(1), "tree": Oid::nth(2), "parent": Oid::nth(0), "instructions": false, "changes": []});
    let resumed = json!({"type": "resumed", "autopilot": "1", "checkpoint": Oid::nth(1), "used": 0, "consecutive": 1, "torn": 0,
        "host": start["host"], "sandbox": "all"});
    let told = [
        start,
        json!({"type": "worktree.ready", "files": 1, "ms": 1}),
        begins("a"),
        a_starts,
        a_ends,
        a_judged,
        attempt("a", "failed", json!({"kind": "exit", "text": "exit 1"})),
        of("reset.started", "a", json!({})),
        of("reset.done", "a", json!({})),
        printed("a", 0),
        end("a", "failed", 1, Value::Null),
        end("b", "skipped", 0, json!("needs a, which failed")),
        begins("c"),
        c_starts,
        c_ends,
        c_judged,
        of("checkpoint.made", "c", made),
        resumed,
        printed("c", 20),
        attempt("c", "passed", Value::Null),
        end("c", "passed", 1, Value::Null),
        of("reset.started", "c", json!({})),
        of("reset.done", "c", json!({})),
        end("b", "skipped", 0, json!("needs a, which failed")),
        json!({"type": "run.ended", "result": "done", "reason": null, "step": null, "ms": 1}),
    ];
    let events = told.map(|event| (events[0].0, serde_json::from_value(event).unwrap()));
    let found = findings(run, events);
    assert!(found.is_empty(), "{found:#?}");
}

/// A failed attempt is rolled back whole; where the next one would have gone on from it, and there is none since
/// somebody told the run to end, not at all. Never by half.
#[test]
fn a_rollback_is_whole_or_none_where_an_attempt_goes_on_from_the_last() {
    let Honest { run, events } = honest::journal(&[]);
    let found = |retry_from: &str, rolled_back: usize| {
        let mut start = serde_json::to_value(&events[0].1).unwrap();
        let step = &mut start["plan"]["steps"][0];
        let id = step["id"].as_str().unwrap().to_owned();
        (step["retry_from"], step["rollback"]) =
            (retry_from.into(), json!([{"argv": ["undo", "0"]}, {"argv": ["undo", "1"]}]));
        let of = |kind: &str, more: Value| {
            let mut event = json!({"type": kind, "step": id, "attempt": 1});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let ended = json!({"exit_code": 0, "signal": null, "ended_by": null, "ms": 1, "output": 0, "span": [0, 0],
            "killed": 0, "survivors": 0, "enforced": null});
        let rollback = |nth: usize| {
            let started = json!({"role": "rollback", "index": nth, "command": format!("undo {nth}")});
            let mut ended = of("command.ended", ended.clone());
            (ended["role"], ended["index"]) = ("rollback".into(), nth.into());
            [of("command.started", started), ended]
        };
        let mut told = vec![
            start,
            json!({"type": "worktree.ready", "files": 1, "ms": 1}),
            of("attempt.started", json!({"from": Oid::nth(0), "home": "run", "layer": "run"})),
            of(
                "attempt.ended",
                json!({"result": "failed", "reason": {"kind": "launch", "text": "x"}, "ms": 0}),
            ),
        ];
        told.extend((0..rolled_back).flat_map(rollback));
        told.extend([of("reset.started", json!({})), of("reset.done", json!({}))]);
        let told = told.into_iter().map(|event| (events[0].0, serde_json::from_value(event).unwrap()));
        let about = |finding: &Finding| finding.code == Code::PlanNotFollowed;
        findings(run, told).iter().filter(|finding| about(finding)).count()
    };
    for (retry_from, rolled_back, expected) in [
        ("checkpoint", 0, 1),
        ("checkpoint", 1, 1),
        ("checkpoint", 2, 0),
        ("attempt", 0, 0),
        ("attempt", 1, 1),
        ("attempt", 2, 0),
    ] {
        assert_eq!(found(retry_from, rolled_back), expected, "{retry_from}: {rolled_back} of 2");
    }
}

pub(super) fn shown(journal: &Honest) -> String {
    let lines = journal.events.iter().enumerate();
    let line = |(at, (_, event)): (usize, &(_, Event))| {
        format!("{}: {}", at + 1, serde_json::to_string(event).unwrap())
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn tape() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

#[test]
fn a_tape_of_zeros_is_one_step_that_passes() {
    let kinds: Vec<&str> =
        honest::journal(&[]).events.iter().map(|(_, event)| Kind::of(event).text()).collect();
    let expected = "run.started worktree.ready attempt.started command.started command.ended \
                    expectation.judged checkpoint.made attempt.ended(passed) log.appended step.ended run.ended branch.made worktree.removed branch.searched sealed attested";
    assert_eq!(kinds.join(" ").replace(" (", "("), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_is_found_in_what_an_honest_runner_writes(tape in tape()) {
        let journal = honest::journal(&tape);
        let found = findings(journal.run, journal.events.clone());
        prop_assert!(found.is_empty(), "{}\n{found:#?}", shown(&journal));
    }
}

#[test]
fn what_honest_runners_write_takes_every_move() {
    use proptest::strategy::ValueTree;
    // Each is met in some of the twenty thousand journals that `.ci/run all` asks for, and in few.
    let rare = [
        (State::Interrupted, Kind::LogAppended),
        (State::Interrupted, Kind::RunFaulted),
        (State::Waiting, Kind::RollbackStarted),
        (State::Sealed, Kind::Resumed),
    ];
    let asked = std::env::var("AUTOPILOT_TEST_JOURNALS").ok().map(|count| count.parse::<u32>().unwrap());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut untaken: Vec<(State, Kind)> = State::ALL
        .iter()
        .flat_map(|at| Kind::ALL.iter().map(|kind| (*at, *kind)))
        .filter(|(at, kind)| moves::next(*at, *kind).is_ok())
        // A run goes on from where its own runner was, not from where somebody closed what that left.
        .filter(|own| !matches!(own, (State::PickedUp | State::Clearing, Kind::Resumed)))
        // No runner makes attempts side by side yet, of which one can take another's place.
        .filter(|(_, kind)| *kind != Kind::AttemptSuperseded)
        .collect();
    if asked.is_none() {
        untaken.retain(|own| !rare.contains(own));
    }
    for _ in 0..asked.unwrap_or(5_000) {
        if untaken.is_empty() {
            break;
        }
        let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
        let mut story = Story::new(journal.run);
        for (time, event) in journal.events {
            let kind = Kind::of(&event);
            let at = match &story.runner {
                Runner::Gone(was) if kind == Kind::Resumed => State::of(was),
                _ => State::of(&story.at),
            };
            untaken.retain(|own| *own != (at, kind));
            let leads = moves::next(at, kind);
            let seq = story.events;
            take(&mut story, seq, time, event);
            assert_eq!(leads, Ok(State::of(&story.at)), "{at:?} {kind:?}");
        }
    }
    assert_eq!(untaken, []);
}

/// Tells whether the order of events need not show what was done to one.
fn is_harmless(what: &str) -> bool {
    // A publisher that dies leaves its beginning, and another one begins again.
    // What a step does to its git, it may do at any time.
    // Of a proof that is refused, a run more or less changes nothing. Masks are refused at any time that something prints. A search that was stopped, or
    // whose runner died in it, is not there.
    ["publish.", "masks.refused ", "proof.ran ", "branch.searched ", "git."]
        .iter()
        .any(|own| what.starts_with(own))
        || [" behind masks.refused", " behind branch.searched", " behind git.left", " behind git.mended"]
            .iter()
            .any(|own| what.ends_with(own))
        || HARMLESS.contains(&what)
}

/// What the order of events does not show. It makes another journal that is as honest, or of which nothing follows.
const HARMLESS: [&str; 41] = [
    // What an agent and its connections did; of the end of its turn, where its attempt did not come to use it.
    "agent.acted doubled",
    "agent.acted removed",
    "agent.ended behind agent.waiting",
    "agent.ended behind checkpoint.made",
    "agent.ended removed",
    "agent.found behind worktree.ready",
    "agent.found doubled",
    "agent.found removed",
    "agent.started doubled",
    "agent.started removed",
    "agent.used behind agent.acted",
    "agent.used doubled",
    "agent.used removed",
    "agent.waiting doubled",
    "agent.waiting removed",
    "egress behind agent.used",
    "egress doubled",
    "egress removed",
    // Where no attempt follows, nobody asked what it would have found.
    "cache.looked behind step.ended",
    "cache.looked removed",
    // Nobody knows whether a runner that took over came to it.
    "cache.kept removed",
    // An attempt that leaves nothing has no salvage; the bundle is compared with the rest. One that changes nothing has
    // no checkpoint; the branch is compared with those there are.
    "salvaged behind log.appended",
    "salvaged doubled",
    "salvaged removed",
    "checkpoint.made removed",
    // Of an attempt that passed, what is kept off the branch is saved before its step ends, or by whoever goes on.
    "salvaged behind step.ended",
    "step.ended behind salvaged",
    // A further attempt is not made where time is up, or somebody told the run to end.
    "retry.waiting removed",
    // A worktree whose runner died may be lost, and a new one be made before what it was at gets its end.
    "branch.made removed",
    "worktree.kept removed",
    "worktree.removed removed",
    "worktree.ready removed",
    "worktree.ready behind attempt.ended (crash)",
    "worktree.ready behind attempt.ended (passed)",
    "worktree.ready behind step.ended",
    // One who picks it up, or goes on, may die before anything came of it.
    "recovered removed",
    "resumed removed",
    // A runner falls over itself before its end, at it, or after it.
    "branch.made behind run.ended (internal)",
    "run.ended (internal) behind run.ended (internal)",
    "run.ended (internal) doubled",
    "run.ended (internal) removed",
];

#[test]
fn an_event_that_is_removed_doubled_or_moved_is_found() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut unfound: BTreeMap<String, String> = BTreeMap::new();
    let mut all = 0;
    for _ in 0..120 {
        let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
        let kinds: Vec<Kind> = journal.events.iter().map(|(_, event)| Kind::of(event)).collect();
        for (at, pair) in kinds.windows(2).enumerate() {
            let [kind, next] = [pair[0].text(), pair[1].text()];
            // Dying, or falling over, an event sooner or later is as honest; what was printed may be lost then.
            let ends = |kind| matches!(kind, Kind::Recovered | Kind::Resumed | Kind::RunFaulted);
            let stops = |at: usize| match kinds[at] {
                Kind::LogAppended => ends(kinds[at - 1]) || kinds.get(at + 1).is_some_and(|next| ends(*next)),
                kind => ends(kind),
            };
            let forge = |change: &dyn Fn(&mut Events)| {
                let mut events = journal.events.clone();
                change(&mut events);
                events
            };
            let mut forged = Vec::new();
            if !stops(at) {
                forged.push((
                    format!("{kind} doubled"),
                    forge(&|events| events.insert(at, events[at].clone())),
                ));
            }
            // A runner that dies has not written down all that it had judged.
            let decides = |kind: &&Kind| {
                ends(**kind)
                    || matches!(kind, Kind::AttemptPassed | Kind::AttemptFailed | Kind::AttemptInterrupted)
            };
            let is_cut = || kinds[at..].iter().find(decides).is_some_and(|kind| ends(*kind));
            let is_left = match pair[0] {
                Kind::LogAppended => stops(at),
                Kind::ExpectationJudged => is_cut(),
                _ => false,
            };
            if !stops(at + 1) && !is_left {
                forged.push((format!("{kind} removed"), forge(&|events| drop(events.remove(at)))));
            }
            if !stops(at) && !stops(at + 1) {
                forged.push((format!("{kind} behind {next}"), forge(&|events| events.swap(at, at + 1))));
            }
            for (what, events) in forged {
                all += 1;
                if !is_harmless(&what) && findings(journal.run, events).is_empty() {
                    unfound.entry(what).or_insert_with(|| format!("line {}:\n{}", at + 1, shown(&journal)));
                }
            }
        }
    }
    assert!(all > 5_000, "{all}");
    for (what, example) in &unfound {
        println!("not found: {what} at {example}");
    }
    assert!(unfound.is_empty(), "{:?}", unfound.keys());
}

#[test]
fn a_reason_that_does_not_follow_from_exit_codes_and_signals_is_found() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut all = 0;
    for _ in 0..300 {
        let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
        for (at, (_, event)) in journal.events.iter().enumerate() {
            let event = serde_json::to_value(event).unwrap();
            let own = event["reason"]["kind"].as_str().unwrap_or_default();
            let other = match own {
                "exit" => "post",
                "post" => "exit",
                _ => continue,
            };
            if event["type"] != "attempt.ended" {
                continue;
            }
            let text = event["reason"]["text"].as_str().unwrap();
            let forged =
                [(own, "exit 77"), (other, text), ("timeout", text), ("launch", text), ("expectation", text)];
            for (kind, text) in forged {
                let mut event = event.clone();
                event["reason"] = json!({"kind": kind, "text": text});
                let mut events = journal.events.clone();
                events[at].1 = serde_json::from_value(event).unwrap();
                let found = findings(journal.run, events);
                assert!(!found.is_empty(), "{kind} {text} at line {}\n{}", at + 1, shown(&journal));
                all += 1;
            }
        }
    }
    assert!(all > 100, "{all}");
}
