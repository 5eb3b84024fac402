//! Takes a run and its replay, gives the first thing in which they differ.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plan::laid_step;
use super::way::{Again, Way};
use crate::evidence::RunState;
use crate::evidence::event::{Change, CommandEnded, ProofRan, ProofRun, Role, StepResult};
use crate::evidence::state::{AttemptState, StepState};
use crate::git::Oid;
use crate::plan::Glob;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The record itself: a commit is not what its journal says.
    Record,
    /// How a step ended.
    Result,
    /// How a command exited.
    ExitCode,
    /// A verdict on what was expected.
    Verdict,
    /// A run of a proof.
    Proof,
    /// Whether, or what, a step changed.
    Changes,
    /// The files after a step.
    Tree,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record => "the record",
            Self::Result => "result",
            Self::ExitCode => "exit code",
            Self::Verdict => "verdict",
            Self::Proof => "proof",
            Self::Changes => "changes",
            Self::Tree => "files",
        })
    }
}

/// The first difference, with both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The step.
    pub step: String,
    /// What of it.
    pub what: What,
    /// As the record has it.
    pub recorded: String,
    /// As it came out.
    pub replayed: String,
    /// Files that differ; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// Tells which paths differ between two trees.
pub type Differing<'a, E> = dyn FnMut(&Oid, &Oid) -> Result<Vec<String>, E> + 'a;

/// The trees of the recorded checkpoints, by step; nothing where the replay stands on another base.
pub type Trees = BTreeMap<String, Oid>;

/// Paths that are named.
const NAMED: usize = 10;

/// Finds the first difference, in the order of the steps.
pub fn first<E>(
    steps: &[Again<'_>],
    replay: &RunState,
    trees: Option<&Trees>,
    differing: &mut Differing<'_, E>,
) -> Result<Option<Difference>, E> {
    let mut varies = Vec::new();
    for own in steps {
        varies.extend(own.step["varies"].as_array().into_iter().flatten().filter_map(pattern));
        let parts = parts(own, replay);
        let judged = ended(own, &parts, replay)
            .or_else(|| commands(own, &parts))
            .or_else(|| verdicts(own))
            .or_else(|| proofs(own, &parts));
        if judged.is_some() {
            return Ok(judged);
        }
        if let Some(trees) = trees
            && let Some(found) = files(own, &parts, trees.get(own.id), &varies, differing)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns the commit that each step came to in a replay; nothing of one that changed nothing there.
pub fn made<'a>(steps: &[Again<'_>], replay: &'a RunState) -> Vec<Option<&'a Oid>> {
    let of = |own: &Again<'_>| {
        parts(own, replay).into_iter().rev().find_map(|part| last(part)?.checkpoint.as_ref())
    };
    steps.iter().map(of).collect()
}

fn pattern(value: &serde_json::Value) -> Option<Glob> {
    Glob::new(value.as_str()?).ok()
}

/// The steps of the replay that stand for one of the run.
fn parts<'a>(own: &Again<'_>, replay: &'a RunState) -> Vec<&'a StepState> {
    let laid = laid_step(own.id);
    let ids = if own.way == Way::Real { vec![own.id] } else { vec![laid.as_str(), own.id] };
    ids.into_iter().filter_map(|id| replay.step(id)).collect()
}

fn last(part: &StepState) -> Option<&AttemptState> {
    part.attempts.last()
}

/// Returns the word for a kind of something, as the journal has it.
fn word(kind: impl Serialize) -> String {
    serde_json::to_value(kind).ok().and_then(|kind| Some(kind.as_str()?.to_owned())).unwrap_or_default()
}

fn difference(own: &Again<'_>, what: What, recorded: String, replayed: String) -> Difference {
    Difference { step: own.id.to_owned(), what, recorded, replayed, paths: Vec::new() }
}

/// It passed once; does it pass?
fn ended(own: &Again<'_>, parts: &[&StepState], replay: &RunState) -> Option<Difference> {
    let failed = parts.iter().find(|part| part.result != Some(StepResult::Passed));
    let why = match failed {
        None if parts.is_empty() => "it was not come to".to_owned(),
        None => return None,
        Some(part) => {
            let reason = last(part).and_then(|attempt| attempt.reason.as_ref());
            let of_run = || replay.end.as_ref()?.reason.as_ref();
            let said = reason.or_else(of_run).map(|reason| reason.text.to_string());
            format!("failed: {}", said.or_else(|| part.because.clone()).unwrap_or_default())
        }
    };
    Some(difference(own, What::Result, "passed".to_owned(), why))
}

/// Compares how the commands exited that were run again.
fn commands(own: &Again<'_>, parts: &[&StepState]) -> Option<Difference> {
    let again: Vec<&CommandEnded> =
        parts.iter().filter_map(|part| last(part)).flat_map(|attempt| &attempt.commands).collect();
    let is_again = |ended: &&CommandEnded| match own.way {
        Way::Real => ended.role != Role::Rollback,
        Way::Laid => ended.role == Role::Post,
        Way::Outside => false,
    };
    own.attempt.commands.iter().filter(is_again).find_map(|recorded| {
        let same = |ended: &&&CommandEnded| (ended.role, ended.index) == (recorded.role, recorded.index);
        let replayed = again.iter().find(same);
        let (then, now) = (exit(Some(recorded)), exit(replayed.copied()));
        (then != now).then(|| difference(own, What::ExitCode, then, now))
    })
}

fn exit(ended: Option<&CommandEnded>) -> String {
    match ended.map(|ended| (ended.exit_code, ended.signal)) {
        None => "not run".to_owned(),
        Some((Some(code), _)) => format!("exit code {code}"),
        Some((None, Some(signal))) => format!("signal {signal}"),
        Some((None, None)) => "ended by the runner".to_owned(),
    }
}

/// A verdict of a step that passes holds; one that is recorded otherwise is none.
fn verdicts(own: &Again<'_>) -> Option<Difference> {
    let judged = own.attempt.judged.iter().find(|judged| !judged.held)?;
    let named = format!("{} {}", word(judged.kind), judged.index);
    Some(difference(own, What::Verdict, format!("{named} did not hold"), format!("{named} held")))
}

/// Compares what the tests of a proof were reported as, where that is decided by the files alone.
fn proofs(own: &Again<'_>, parts: &[&StepState]) -> Option<Difference> {
    let again: Vec<&ProofRan> =
        parts.iter().filter_map(|part| last(part)).flat_map(|attempt| &attempt.proofs).collect();
    let is_decided =
        |ran: &&ProofRan| matches!(ran.run, ProofRun::Base | ProofRun::Result | ProofRun::OldTests);
    let recorded: Vec<&ProofRan> = own.attempt.proofs.iter().filter(is_decided).collect();
    let replayed: Vec<&ProofRan> = again.into_iter().filter(|ran| is_decided(ran)).collect();
    if recorded.len() != replayed.len() {
        let told = |count: usize| format!("{count} runs of its proof");
        return Some(difference(own, What::Proof, told(recorded.len()), told(replayed.len())));
    }
    recorded.iter().zip(&replayed).find_map(|(then, now)| {
        let key = |ran: &ProofRan| (ran.run, ran.held, ran.exit_code, ran.report.clone());
        (key(then) != key(now)).then(|| difference(own, What::Proof, ran(then), ran(now)))
    })
}

fn ran(ran: &ProofRan) -> String {
    let count = |key: &str| {
        let list = ran.report.as_ref().and_then(|report| report.value()[key].as_array().map(Vec::len));
        list.map(|count| format!(", {count} {key}")).unwrap_or_default()
    };
    let code = ran.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
    format!("{}: {code}{}{}{}", word(ran.run), count("passed"), count("failed"), count("skipped"))
}

/// Compares the files after a step, but for what differs by nature.
fn files<E>(
    own: &Again<'_>,
    parts: &[&StepState],
    then: Option<&Oid>,
    varies: &[Glob],
    differing: &mut Differing<'_, E>,
) -> Result<Option<Difference>, E> {
    let made: Vec<&AttemptState> =
        parts.iter().filter_map(|part| last(part)).filter(|attempt| attempt.tree.is_some()).collect();
    let now = made.last().and_then(|attempt| attempt.tree.as_ref());
    let counts = |path: &String| !varies.iter().any(|pattern| pattern.matches(Path::new(path)));
    let of = |changes: &[Change]| {
        changes.iter().map(|change| change.path.to_string()).filter(counts).collect::<Vec<String>>()
    };
    let (mut paths, what) = match (then, now) {
        (None, None) => return Ok(None),
        (Some(_), None) => (of(&own.attempt.changes), What::Changes),
        (None, Some(_)) => (made.iter().flat_map(|attempt| of(&attempt.changes)).collect(), What::Changes),
        (Some(then), Some(now)) if then == now => return Ok(changes(own, &made)),
        (Some(then), Some(now)) => (differing(then, now)?.into_iter().filter(counts).collect(), What::Tree),
    };
    if paths.is_empty() {
        return Ok(None);
    }
    paths.truncate(NAMED);
    let said = |tree: Option<&Oid>| {
        tree.map_or_else(|| "it changed nothing".to_owned(), |tree| format!("tree {tree}"))
    };
    Ok(Some(Difference { paths, ..difference(own, what, said(then), said(now)) }))
}

/// Compares what is said of the changed paths, where the files are the same. What one side masked is taken at its word.
fn changes(own: &Again<'_>, made: &[&AttemptState]) -> Option<Difference> {
    let [made] = made else { return None };
    let told = |change: &Change| {
        let lines = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        format!("{} {} +{} −{}", word(change.kind), change.path, lines(change.added), lines(change.removed))
    };
    let masked = |changes: &[Change]| changes.iter().any(|change| change.path.as_str().contains("***"));
    if masked(&own.attempt.changes) || masked(&made.changes) {
        return None;
    }
    let sides = [&own.attempt.changes, &made.changes];
    let [mut then, mut now] = sides.map(|changes| changes.iter().map(told).collect::<Vec<_>>());
    then.sort();
    now.sort();
    let only = |these: &[String], others: &[String]| {
        these.iter().find(|one| !others.contains(one)).cloned().unwrap_or_else(|| "no such change".to_owned())
    };
    (then != now).then(|| difference(own, What::Changes, only(&then, &now), only(&now, &then)))
}
