//! The steps of a run: what was asked, what each attempt did, what was seen of it and how that was judged.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use autopilot_view::{Attempt, Fact, Mark, Span, Step, Value, Words};
use serde_json::Value as Json;

use super::axis;
use super::patches::Patch;
use super::plan;
use super::words::{counts, first, left_running, processes, used};
use crate::evidence::event::{
    AttemptResult, CommandEnded, Expected, Judged, ProofRan, ProofRun, Role, StepResult,
};
use crate::evidence::state::{AttemptState, StepState};
use crate::evidence::{AttemptId, Document, RunState};
use crate::plan::units;
use crate::time::spoken;

/// Paths that are named, and other things of one kind.
const NAMED: usize = 20;

/// Lists the steps.
pub(super) fn of(
    state: &RunState,
    patches: &HashMap<String, Patch>,
    logged: &HashSet<AttemptId>,
    is_running: bool,
) -> Vec<Step> {
    let step = |step: &StepState| {
        let planned = plan::of(state, step.id.as_str());
        let attempt = |attempt: &AttemptState| Attempt {
            has_log: logged.contains(&step.at(attempt.number)),
            ..attempt_of(state, step, attempt, planned, patches, is_running)
        };
        let attempts: Vec<Attempt> = step.attempts.iter().map(attempt).collect();
        Step {
            id: step.id.as_str().into(),
            mark: mark(step, is_running),
            state: told(step, is_running),
            asked: planned.map(plan::asked).unwrap_or_default(),
            when: axis::when(&attempts),
            attempts,
        }
    };
    state.steps.iter().map(step).collect()
}

fn mark(step: &StepState, is_running: bool) -> Mark {
    match step.result {
        Some(StepResult::Passed) => Mark::Good,
        Some(StepResult::Skipped) => Mark::Plain,
        None if step.attempts.is_empty() => Mark::Plain,
        None if is_running => Mark::Open,
        Some(StepResult::Failed | StepResult::Interrupted) | None => Mark::Bad,
    }
}

fn told(step: &StepState, is_running: bool) -> Vec<Words> {
    let because = || step.because.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let result = match step.result {
        Some(StepResult::Passed) => "passed".to_owned(),
        Some(StepResult::Failed) => "failed".to_owned(),
        Some(StepResult::Skipped) => format!("skipped{}", because()),
        Some(StepResult::Interrupted) => "interrupted".to_owned(),
        None if step.attempts.is_empty() => "not begun".to_owned(),
        None if is_running => "under way".to_owned(),
        None => "not ended".to_owned(),
    };
    let mut told = vec![result];
    match step.attempts.len() {
        0 => {}
        1 => told.push(spoken(step.took())),
        tries => told.extend([format!("{tries} tries"), spoken(step.took())]),
    }
    told.extend(step.tokens().map(|tokens| format!("{} tokens", units::count(tokens))));
    told.extend(step.cost().filter(|cost| *cost > 0).map(units::dollars));
    told.iter().map(Words::from).collect()
}

fn attempt_of(
    state: &RunState,
    step: &StepState,
    attempt: &AttemptState,
    planned: Option<&Json>,
    patches: &HashMap<String, Patch>,
    is_running: bool,
) -> Attempt {
    let is_open = attempt.result.is_none() && is_running && step.result.is_none();
    let took = match attempt.result {
        Some(_) => attempt.took,
        None if is_open => attempt.ran(chrono::Utc::now(), Duration::MAX),
        None => attempt.ran(state.last, Duration::MAX),
    };
    let (mark, word) = match attempt.result {
        Some(AttemptResult::Passed) => (Mark::Good, "passed"),
        Some(AttemptResult::Failed) => (Mark::Bad, "failed"),
        Some(AttemptResult::Interrupted) => (Mark::Bad, "interrupted"),
        Some(AttemptResult::Superseded) => (Mark::Plain, "superseded"),
        None if is_open => (Mark::Open, "under way"),
        None => (Mark::Bad, "cut off: its runner died"),
    };
    let (patch, beyond) = patch(attempt, patches);
    Attempt {
        number: attempt.number,
        mark,
        state: format!("{word}, {}", spoken(took)).into(),
        span: Span { from: millis(attempt.began), took: millis(took) },
        facts: facts(attempt, planned),
        patch: patch.into(),
        beyond: beyond.into(),
        has_log: false,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the patch of an attempt, and what is to be said of what is not shown.
fn patch(attempt: &AttemptState, patches: &HashMap<String, Patch>) -> (String, String) {
    let Some(commit) = attempt.checkpoint.as_ref().filter(|_| !attempt.changes.is_empty()) else {
        return (String::new(), String::new());
    };
    let show = format!("git show {commit}");
    match patches.get(commit.as_str()) {
        Some(patch) if patch.is_cut => (patch.text.clone(), format!("There is more of this diff: {show}")),
        Some(patch) => (patch.text.clone(), String::new()),
        None => (
            String::new(),
            format!("Its diff is not here: the repository does not hold {commit}, or not yet"),
        ),
    }
}

fn facts(attempt: &AttemptState, planned: Option<&Json>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let failed = attempt.result != Some(AttemptResult::Passed);
    facts.extend(
        attempt
            .reason
            .iter()
            .filter(|_| failed)
            .map(|reason| Fact::text(Mark::Bad, "why", reason.text.as_str())),
    );
    facts.extend(attempt.commands.iter().map(|command| command_of(command, planned)));
    facts.extend(attempt.judged.iter().map(|judged| judged_of(judged, planned)));
    facts.extend(attempt.proofs.iter().map(proof_of));
    facts.extend(enforced(attempt));
    let probably = |what: &String| Fact::text(Mark::Look, "refused, probably", what);
    facts.extend(attempt.refused.iter().map(probably));
    if !attempt.egress.is_empty() {
        let to = attempt.egress.iter().map(|egress| format!("{}:{}", egress.host, egress.port));
        let mut to: Vec<String> = to.collect();
        to.dedup();
        facts.push(Fact::code(Mark::Plain, "network", to));
    }
    facts.extend(changed(attempt));
    if let Some(message) = &attempt.message {
        facts.push(Fact::text(Mark::Plain, "the agent says", message));
    }
    facts.extend(attempt.spending.total().map(|tokens| used(tokens, attempt.spending.cost())));
    facts.extend(left(attempt));
    facts
}

fn command_of(command: &CommandEnded, planned: Option<&Json>) -> Fact {
    let (name, text) = match command.role {
        Role::Action => ("action", planned.and_then(|step| step.get("action")).map(plan::command)),
        Role::Post => ("post", plan::listed(planned, "post", command.index)),
        Role::Rollback => ("rollback", plan::listed(planned, "rollback", command.index)),
    };
    let end = match (&command.ended_by, command.exit_code, command.signal) {
        (Some(why), ..) => why.to_string(),
        (None, Some(code), _) => format!("exit {code}"),
        (None, None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None, None) => "never started".to_owned(),
    };
    let took = spoken(Duration::from_millis(command.ms));
    let printed = units::size(command.output);
    let killed = if command.killed > 0 {
        format!(", ended {} that it left", processes(command.killed))
    } else {
        String::new()
    };
    let mark =
        if command.exit_code == Some(0) && command.ended_by.is_none() { Mark::Good } else { Mark::Look };
    let said = Fact::text(mark, name, format!("{end} in {took}, printed {printed}{killed}"));
    match text.filter(|text| !text.is_empty()) {
        Some(text) => Fact { values: [vec![Value::Code(text.into())], said.values].concat(), ..said },
        None => said,
    }
}

fn judged_of(judged: &Judged, planned: Option<&Json>) -> Fact {
    let (name, key) = match judged.kind {
        Expected::ExitCode => ("exit code", "exit_code"),
        Expected::FilesExist => ("file exists", "files_exist"),
        Expected::FilesAbsent => ("file is absent", "files_absent"),
        Expected::FileContains => ("file contains", "file_contains"),
        Expected::OutputMatches => ("output matches", "output_matches"),
        Expected::OutputExcludes => ("output excludes", "output_excludes"),
        Expected::Changes => ("changes", "changes"),
        Expected::Post => ("post holds", "post"),
        Expected::Proves => ("proves", "proves"),
    };
    let of_expectation = |step: &Json| step.get("expectation")?.get(key).cloned();
    let asked = match judged.kind {
        Expected::Post => plan::listed(planned, "post", Some(judged.index)),
        _ => planned.and_then(of_expectation).and_then(|asked| one_of(&asked, judged.index)),
    };
    let mark = if judged.held { Mark::Good } else { Mark::Bad };
    let asked = asked.map(|asked| Value::Code(asked.into()));
    let saw = judged.saw.as_ref().map(|saw| Value::Text(format!("saw: {saw}").into()));
    let held = Value::Text(if judged.held { "held" } else { "did not hold" }.into());
    Fact { mark, name: name.into(), values: asked.into_iter().chain([held]).chain(saw).collect() }
}

/// Says which of an expectation's list is meant.
fn one_of(asked: &Json, index: u32) -> Option<String> {
    let one = match asked {
        Json::Array(all) => all.get(usize::try_from(index).ok()?)?,
        other => other,
    };
    match one {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn proof_of(proof: &ProofRan) -> Fact {
    let name = match proof.run {
        ProofRun::Base => "proof: without the change",
        ProofRun::Tests => "proof: its tests without the rest",
        ProofRun::Result => "proof: with the change",
        ProofRun::OldTests => "proof: the old tests",
        ProofRun::Canary => "proof: tests that must fail",
        ProofRun::Spoiled => "proof: tests made to fail",
        ProofRun::Mutant => "proof: a changed value",
        ProofRun::Hunk => "proof: without some lines",
    };
    let end = match (proof.exit_code, proof.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "not run".to_owned(),
    };
    let saw = proof.saw.as_ref().map(|saw| format!("; saw: {saw}")).unwrap_or_default();
    let took = spoken(Duration::from_millis(proof.ms));
    Fact::text(if proof.held { Mark::Good } else { Mark::Bad }, name, format!("{end} in {took}{saw}"))
}

/// Says what held the commands of an attempt, each thing once.
fn enforced(attempt: &AttemptState) -> Vec<Fact> {
    let mut said: Vec<(Mark, String)> = Vec::new();
    for command in &attempt.commands {
        let held = match command.enforced.as_ref().map(Document::value) {
            None => (Mark::Look, "nothing: it never started".to_owned()),
            Some(value) => (confined(value), confinement(value)),
        };
        if !said.contains(&held) {
            said.push(held);
        }
    }
    said.into_iter().map(|(mark, text)| Fact::text(mark, "enforced", text)).collect()
}

fn confined(enforced: &Json) -> Mark {
    let is_whole = enforced.get("waived").and_then(Json::as_array).is_some_and(Vec::is_empty);
    if is_whole { Mark::Good } else { Mark::Look }
}

fn confinement(enforced: &Json) -> String {
    let words = |key: &str| {
        let all = enforced.get(key).and_then(Json::as_array).into_iter().flatten();
        all.filter_map(Json::as_str).collect::<Vec<_>>().join(" ")
    };
    let number = |key: &str| {
        enforced.get(key).and_then(Json::as_u64).map_or_else(|| "?".to_owned(), |n| n.to_string())
    };
    let filter = if enforced.get("seccomp") == Some(&Json::Bool(true)) {
        "system call filter"
    } else {
        "no system call filter"
    };
    let waived = words("waived");
    let waived = if waived.is_empty() { "nothing waived".to_owned() } else { format!("waived: {waived}") };
    format!(
        "Landlock {}, {filter}, namespaces {}, uid {}; {waived}",
        number("landlock"),
        words("namespaces"),
        number("uid")
    )
}

fn changed(attempt: &AttemptState) -> Option<Fact> {
    let changes = attempt.changes.iter().map(|change| format!("{} {}", change.path, counts(change)));
    (!attempt.changes.is_empty()).then(|| first(Mark::Plain, "changed", changes, NAMED))
}

/// Says what it left that is not as it should be.
fn left(attempt: &AttemptState) -> Vec<Fact> {
    let survivors: u32 = attempt.commands.iter().map(|command| command.survivors).sum();
    let mut facts: Vec<Fact> = left_running(survivors).into_iter().collect();
    for (name, all) in [
        ("mended in its git", &attempt.mended),
        ("salvaged as", &attempt.salvage.references),
        ("not salvaged as it was", &attempt.salvage.not_held),
        ("a secret, it seems, in the salvage", &attempt.salvage.secrets),
    ] {
        if !all.is_empty() {
            facts.push(first(Mark::Look, name, all.iter(), NAMED));
        }
    }
    facts
}
