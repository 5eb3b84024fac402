//! Journals of every released version hold, and so does any that an honest runner can write.

use std::path::Path;

use proptest::prelude::*;

use super::honest::{self, Honest};
use super::*;
use crate::evidence::journal;

/// What is found in events, in their order and times.
pub(super) fn findings(
    run: RunName,
    events: impl IntoIterator<Item = (DateTime<Utc>, Event)>,
) -> Vec<Finding> {
    let mut story = Story::new(run);
    for (seq, (time, event)) in (0..).zip(events) {
        story.take(entry(seq, time, event));
    }
    story.findings
}

fn entry(seq: u64, time: DateTime<Utc>, event: Event) -> Entry {
    let kind = event.kind().to_owned();
    let at = Head { seq, hash: crate::evidence::Sha256::none() };
    Entry { event, kind, value: serde_json::Value::Null, at, time, so_far: None }
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

fn shown(journal: &Honest) -> String {
    let lines = journal.events.iter().enumerate();
    let line = |(at, (_, event)): (usize, &(_, Event))| {
        format!("{}: {}", at + 1, serde_json::to_string(event).unwrap())
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

fn tape() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..400)
}

#[test]
fn a_tape_of_zeros_is_one_step_that_passes() {
    let kinds: Vec<&str> =
        honest::journal(&[]).events.iter().map(|(_, event)| Kind::of(event).text()).collect();
    let expected = "run.started worktree.ready attempt.started command.started command.ended checkpoint.made \
                    attempt.ended(passed) step.ended run.ended branch.made worktree.removed sealed attested";
    assert_eq!(kinds.join(" ").replace(" (", "("), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

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
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut untaken: Vec<(State, Kind)> = State::ALL
        .iter()
        .flat_map(|at| Kind::ALL.iter().map(|kind| (*at, *kind)))
        .filter(|(at, kind)| moves::next(*at, *kind).is_ok())
        // A run goes on from where its own runner was, not from where somebody closed what that left.
        .filter(|own| !matches!(own, (State::PickedUp | State::Clearing, Kind::Resumed)))
        .collect();
    for _ in 0..4000 {
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
            story.take(entry(story.events, time, event));
            assert_eq!(leads, Ok(State::of(&story.at)), "{at:?} {kind:?}");
        }
    }
    assert_eq!(untaken, []);
}

/// Tells whether the order of events need not show what was done to one.
fn is_harmless(what: &str) -> bool {
    // A publisher that dies leaves its beginning, and another one begins again.
    what.starts_with("publish.") || HARMLESS.contains(&what)
}

/// What the order of events does not show. It makes another journal that is as honest, or of which nothing follows.
const HARMLESS: [&str; 35] = [
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
    // An attempt that leaves nothing has no salvage; the bundle is compared with the rest. One that changes nothing has
    // no checkpoint; the branch is compared with those there are.
    "salvaged doubled",
    "salvaged removed",
    "checkpoint.made removed",
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
            // Dying, or falling over, an event sooner or later is as honest.
            let stops = |kind| matches!(kind, Kind::Recovered | Kind::Resumed | Kind::RunFaulted);
            let forge = |change: &dyn Fn(&mut Vec<(DateTime<Utc>, Event)>)| {
                let mut events = journal.events.clone();
                change(&mut events);
                events
            };
            let mut forged = Vec::new();
            if !stops(pair[0]) {
                forged.push((
                    format!("{kind} doubled"),
                    forge(&|events| events.insert(at, events[at].clone())),
                ));
            }
            if !stops(pair[1]) {
                forged.push((format!("{kind} removed"), forge(&|events| drop(events.remove(at)))));
            }
            if !stops(pair[0]) && !stops(pair[1]) {
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
