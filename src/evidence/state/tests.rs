//! What a journal comes to.

use std::sync::Arc;

use super::*;
use crate::evidence::event::{AgentEnded, AgentUsed, ChangeKind, Host, Reason, Tokens};
use crate::evidence::journal;
use crate::evidence::mask::Secrets;
use crate::evidence::text::Text;

const TIMEOUT: Duration = Duration::from_mins(1);

fn text(text: &str) -> Text {
    Text::new(&Secrets::default(), text)
}

fn at(step: &str, attempt: u32) -> AttemptId {
    AttemptId { step: StepId::new(step), attempt }
}

/// A run of the steps `a`, with two retries, and `b`.
fn begun() -> RunState {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journals/v1-crashed.log");
    let journal = journal::read(fixture.as_ref()).unwrap();
    let Event::RunStarted(start) = &journal.lines[0].event else { panic!() };
    let steps = ["a", "b"].map(StepId::new).to_vec();
    let plan = serde_json::json!({"steps": [{"id": "a", "retries": 2}, {"id": "b", "retries": 0}]});
    let plan = crate::evidence::Document::new(&Secrets::default(), plan);
    RunState::new(RunStarted { plan, steps, ..(**start).clone() }, moment(0))
}

fn moment(second: u32) -> DateTime<Utc> {
    let text = format!("2026-10-03T10:{:02}:{:02}.000Z", second / 60, second % 60);
    DateTime::parse_from_rfc3339(&text).unwrap().to_utc()
}

fn state(events: impl IntoIterator<Item = (u32, Event)>) -> RunState {
    let mut state = begun();
    events.into_iter().for_each(|(second, event)| state.apply(&Stamped { time: moment(second), event }));
    state
}

fn active(events: impl IntoIterator<Item = (u32, Event)>) -> Duration {
    state(events).active(|_| TIMEOUT)
}

fn started(step: &str, attempt: u32) -> Event {
    Event::AttemptStarted { at: at(step, attempt), log: None, from: None, home: None, layer: None }
}

fn ended(step: &str, attempt: u32, result: AttemptResult) -> Event {
    let reason = Some(Reason { kind: ReasonKind::Exit, text: text("it did") });
    Event::AttemptEnded {
        at: at(step, attempt),
        result,
        reason,
        ms: 2000,
        log: None,
        refused: None,
        wrote: None,
    }
}

fn step_ended(step: &str, result: StepResult) -> Event {
    Event::StepEnded { step: StepId::new(step), result, attempts: 1, because: None }
}

fn checkpoint(step: &str, commit: usize) -> Event {
    let (commit, changes) = (Oid::nth(commit), Arc::default());
    let (tree, parent, merged_from, instructions) = (None, None, None, Some(false));
    Event::CheckpointMade { at: at(step, 1), commit, tree, parent, merged_from, instructions, changes }
}

/// Version 1 tells by the paths alone that agents were given other instructions; version 2 says so.
#[test]
fn instructions_changed_where_their_files_did_or_the_journal_says_so() {
    let changed = |path: &str, told: Option<bool>| {
        let Event::CheckpointMade { at, commit, tree, parent, merged_from, .. } = checkpoint("a", 1) else {
            panic!()
        };
        let (path, kind) = (text(path), ChangeKind::Modified);
        let changes = Arc::new(vec![Change { path, kind, added: Some(1), removed: Some(0), review: None }]);
        let event =
            Event::CheckpointMade { at, commit, tree, parent, merged_from, instructions: told, changes };
        state([(0, started("a", 1)), (1, event)]).instructions_changed
    };
    for path in ["AGENTS.md", "sub/AGENTS.md", "agents.MD", "a/b/AGENTS.override.md"] {
        assert!(changed(path, None), "{path}");
        assert!(!changed(path, Some(false)), "{path}");
    }
    for path in ["README.md", "AGENTS.md.orig", "MY-AGENTS.md", "AGENTS.md/notes", ""] {
        assert!(!changed(path, None), "{path}");
        assert!(changed(path, Some(true)), "{path}");
    }
}

fn resumed(used: u64) -> Event {
    Event::Resumed(Box::new(Resumed {
        autopilot: crate::evidence::Token::new("1"),
        checkpoint: Oid::nth(0),
        used,
        consecutive: 0,
        torn: 0,
        host: Host { name: text("x"), pid: 1, kernel: text("x"), git: text("x") },
        sandbox: text("x"),
        labels: std::collections::BTreeMap::new(),
    }))
}

#[test]
fn tokens_of_a_turn_without_an_end_are_those_that_were_told_last() {
    let used = |attempt: u32, output: u64| {
        let tokens = Tokens { input: 100, output, ..Tokens::default() };
        Event::AgentUsed(AgentUsed { at: at("a", attempt), requests: 1, tokens, cost: None })
    };
    let whole = Tokens { input: 200, cached: 50, output: 40, ..Tokens::default() };
    let turn =
        AgentEnded { at: at("a", 1), message: None, tokens: Some(whole), requests: 1, cost: None, acts: 0 };
    let state = state([
        (0, started("a", 1)),
        (1, used(1, 10)),
        (2, Event::AgentEnded(Box::new(turn))),
        // The model asked for patience: a second turn of the same attempt.
        (3, used(1, 20)),
        (4, used(1, 30)),
        (9, started("a", 2)),
        (9, used(2, 0)),
    ]);
    assert_eq!(state.tokens(), 240 + 130 + 100);
    assert_eq!(state.step("a").unwrap().tokens(), Some(state.tokens()));
}

#[test]
fn failures_count_on_and_an_attempt_in_flight_does_not() {
    let events = || {
        [
            (0, started("a", 1)),
            (2, ended("a", 1, AttemptResult::Failed)),
            (2, Event::RetryWaiting { at: at("a", 2), ms: 1000 }),
            (3, started("a", 2)),
            (8, Event::ResetStarted { at: at("a", 2) }),
        ]
    };
    let state = state(events());
    let a = state.step("a").unwrap();
    assert_eq!((a.begun(), a.failed, a.consecutive, state.consecutive), (2, 1, 1, 1));
    assert_eq!(active(events()), Duration::from_secs(2 + 1 + 5));
    let [(open, attempt)] = &state.under_way()[..] else { panic!() };
    assert_eq!((open, attempt.came_to()), (&at("a", 2), CameTo::Begin));
    assert_eq!(state.unsettled().collect::<Vec<_>>(), [at("a", 2)]);
}

#[test]
fn a_rate_limit_is_no_failure_in_a_row() {
    let reason = Some(Reason { kind: ReasonKind::RateLimit, text: text("wait") });
    let (at, result) = (at("a", 1), AttemptResult::Failed);
    let limited = Event::AttemptEnded { at, result, reason, ms: 0, log: None, refused: None, wrote: None };
    let state = state([(0, started("a", 1)), (1, limited)]);
    assert_eq!((state.step("a").unwrap().failed, state.consecutive), (1, 0));
}

#[test]
fn a_clock_that_jumps_uses_no_more_than_the_attempt_may_take() {
    let back = [(0, started("a", 1)), (3000, started("a", 2)), (0, started("b", 1))];
    assert_eq!(active(back), Duration::ZERO);
    let jumped = [(0, started("a", 1)), (3000, Event::ResetDone { at: at("a", 1) })];
    assert_eq!(active(jumped), TIMEOUT);
}

#[test]
fn what_is_written_after_a_death_is_no_time_of_the_attempt_and_its_own_counts_once() {
    let recovered = || Event::Recovered { torn: 0 };
    let crashed = Event::RunEnded { result: RunResult::Crashed, reason: None, step: None, ms: 900_000 };
    let died = vec![(0, started("a", 1)), (5, Event::ResetStarted { at: at("a", 1) })];
    let picked_up = || [died.clone(), vec![(50, recovered()), (51, crashed.clone())]].concat();
    assert_eq!(active(picked_up()), Duration::from_secs(5));
    let went_on = || [picked_up(), vec![(55, resumed(5000))]].concat();
    assert_eq!(active(went_on()), Duration::from_secs(5));
    assert_eq!(state(went_on()).under_way()[0].1.ran(moment(99), TIMEOUT), Duration::from_secs(5));
    let settled = [went_on(), vec![(55, ended("a", 1, AttemptResult::Interrupted))]].concat();
    assert_eq!(active(settled), Duration::from_secs(5));
    let again = [went_on(), vec![(58, resumed(5000))]].concat();
    assert_eq!(active(again), Duration::from_secs(5));
}

#[test]
fn a_step_that_passed_is_over_and_an_interrupted_one_is_not() {
    let events = || {
        [
            (0, started("a", 1)),
            (2, ended("a", 1, AttemptResult::Passed)),
            (2, step_ended("a", StepResult::Passed)),
            (3, started("b", 1)),
            (5, ended("b", 1, AttemptResult::Interrupted)),
            (5, step_ended("b", StepResult::Interrupted)),
        ]
    };
    let state = state(events());
    assert_eq!(state.step("a").unwrap().result, Some(StepResult::Passed));
    let b = state.step("b").unwrap();
    assert_eq!((b.result, b.begun(), b.failed), (Some(StepResult::Interrupted), 1, 0));
    assert!(state.under_way().is_empty() && state.unsettled().next().is_none());
    assert_eq!(active(events()), Duration::from_secs(4));
}

#[test]
fn what_passed_and_was_not_said_to_be_over_is_under_way() {
    let made = state([(0, started("a", 1)), (1, checkpoint("a", 1))]);
    assert_eq!(made.under_way()[0].1.came_to(), CameTo::Checkpoint);
    assert_eq!(*made.position(), Oid::nth(1));
    let passed = state([(0, started("a", 1)), (1, ended("a", 1, AttemptResult::Passed))]);
    assert_eq!(passed.under_way()[0].1.came_to(), CameTo::End);
}

#[test]
fn attempts_of_two_steps_may_be_under_way() {
    let state = state([
        (0, started("a", 1)),
        (1, started("b", 1)),
        (2, checkpoint("a", 1)),
        (3, ended("a", 1, AttemptResult::Passed)),
    ]);
    let came_to: Vec<_> = state.under_way().iter().map(|(at, a)| (at.to_string(), a.came_to())).collect();
    assert_eq!(came_to, [("a-1".to_owned(), CameTo::End), ("b-1".to_owned(), CameTo::Begin)]);
    assert_eq!(state.attempt(&at("b", 1)).unwrap().took, Duration::ZERO);
}

#[test]
fn output_is_where_the_log_took_it_and_what_version_1_left_open_ends_there() {
    let first = Event::AttemptStarted { at: at("a", 1), log: Some(10), from: None, home: None, layer: None };
    let before = state([(0, first.clone())]);
    assert_eq!(before.attempt(&at("a", 1)).unwrap().log, Part::From(10));
    let appended = Event::LogAppended { at: at("a", 2), from: 70, to: 90 };
    let after = state([(0, first), (1, started("a", 2)), (2, appended)]);
    let logs: Vec<Part> = after.attempts().map(|(_, attempt)| attempt.log).collect();
    assert_eq!(logs, [Part::At(10, 70), Part::At(70, 90)]);
}

#[test]
fn a_second_salvage_takes_no_name_of_the_first_away() {
    let salvaged = |step: &str, reference: &str, not_held: &str, secret: &str| Event::Salvaged {
        at: at(step, 1),
        reference: RefName::parse(reference).unwrap(),
        commit: Oid::nth(1),
        paths: 1,
        not_held: vec![text(not_held)],
        secrets: vec![text(secret)],
    };
    let state = state([
        (0, started("b", 1)),
        // A runner died between the two: what was moved aside is not found again, and what was saved is.
        (1, salvaged("b", "refs/salvage/b-1", "big: moved to left/1", "note: jwt")),
        (2, salvaged("b", "refs/salvage/b-1.2", "late: moved to left/2", "note: jwt")),
        (3, salvaged("resumed", "refs/salvage/resumed-1", "other: moved to left/3", "key: pem")),
    ]);
    let told: Vec<_> = state.salvages().filter(|(_, salvage)| !salvage.references.is_empty()).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].1.not_held, ["big: moved to left/1", "late: moved to left/2"]);
    assert_eq!(told[0].1.secrets, ["note: jwt"]);
    assert_eq!(told[1].0, "resumed-1");
    assert_eq!((&*told[1].1.not_held[0], &*told[1].1.secrets[0]), ("other: moved to left/3", "key: pem"));
    let all = ["refs/salvage/b-1", "refs/salvage/b-1.2", "refs/salvage/resumed-1"];
    assert_eq!(state.salvaged(), all);
}
