//! Takes a run, gives its steps with what held of each: the command, the plan's expectations, `post`, proofs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::phrase::Phrase;
use super::proof::Proof;
use crate::evidence::RunState;
use crate::evidence::event::{Expected, Judged, StepResult};
use crate::evidence::state::{AttemptState, StepState};

/// Characters of a command, a pattern, and of what was seen.
const WIDTH: usize = 120;
/// Globs of a bound that are named.
const NAMED: usize = 3;

/// A step: what it did, and what was verified of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// What it does, by its key in a plan: `command`, `apply`, the name of an agent.
    pub action: String,
    /// The command or the patch; of an agent its prompt's first line.
    pub does: String,
    /// How it ended, if it did.
    pub result: Option<StepResult>,
    /// Why it was skipped.
    pub because: Option<String>,
    /// Attempts begun.
    pub tries: usize,
    /// Attempts that failed.
    pub failed: u32,
    /// Milliseconds of all of them.
    pub ms: u64,
    /// Model tokens of all of them.
    pub tokens: Option<u64>,
    /// What they cost, in millionths of a US dollar, where that is known of each.
    pub cost: Option<u64>,
    /// What was judged of the last attempt, in that order: never more than was recorded.
    pub checks: Vec<Check>,
    /// The verdict of its proof.
    pub proof: Option<Proof>,
}

/// Something that the plan expects of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which kind.
    pub kind: Expected,
    /// It held.
    pub held: bool,
    /// What was expected, and seen.
    pub says: Phrase,
}

/// Lists the steps of a run, in the order they run.
pub(super) fn steps(state: &RunState) -> Vec<Step> {
    let plan = planned(state);
    state.steps.iter().map(|step| of(step, plan.get(step.id.as_str()).copied())).collect()
}

/// Finds what the recorded plan says of each step.
fn planned(state: &RunState) -> BTreeMap<&str, &Value> {
    let steps = state.start.plan.value().get("steps").and_then(Value::as_array);
    steps.into_iter().flatten().filter_map(|step| Some((step.get("id")?.as_str()?, step))).collect()
}

fn of(step: &StepState, plan: Option<&Value>) -> Step {
    let (action, does) = plan.map(action).unwrap_or_default();
    let last = step.attempts.last();
    let judged: Vec<&Judged> = last.map(latest).unwrap_or_default();
    let checks = judged.iter().filter(|judged| judged.kind != Expected::Proves);
    Step {
        id: step.id.to_string(),
        action,
        does,
        result: step.result,
        because: step.because.clone(),
        tries: step.attempts.len(),
        failed: step.failed,
        ms: u64::try_from(step.took().as_millis()).unwrap_or(u64::MAX),
        tokens: step.tokens(),
        cost: step.cost(),
        checks: checks.map(|judged| check(judged, plan)).collect(),
        proof: last.and_then(Proof::of),
    }
}

/// Lists what was judged of an attempt, each thing by its last verdict: changes are judged again behind `post`.
fn latest(attempt: &AttemptState) -> Vec<&Judged> {
    let again = |judged: &&Judged| {
        judged.kind == Expected::Changes
            && judged.index == 0
            && attempt.judged.iter().any(|other| other.kind == Expected::Changes && other.index > 0)
    };
    attempt.judged.iter().filter(|judged| !again(judged)).collect()
}

/// Returns the key of what a step does, and what that is, in a line.
fn action(plan: &Value) -> (String, String) {
    let Some((key, what)) = plan.get("action").and_then(Value::as_object).and_then(|all| all.iter().next())
    else {
        return <(String, String)>::default();
    };
    let text = what.as_str().or_else(|| what.get("prompt").and_then(Value::as_str));
    let text = text.map_or_else(|| invocation(what), str::to_owned);
    (key.clone(), one_line(&text))
}

/// Writes a command of a recorded plan as a person would: a script by its text, words with blanks between them.
fn invocation(command: &Value) -> String {
    if let Some(text) = command.pointer("/script/text").and_then(Value::as_str) {
        return one_line(text);
    }
    let words = command.get("argv").and_then(Value::as_array).into_iter().flatten();
    one_line(&words.filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
}

/// Returns the first line that says something, and whether there are more.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

fn check(judged: &Judged, plan: Option<&Value>) -> Check {
    let listed = |field: &str| {
        let all = plan.and_then(|plan| plan.pointer(&format!("/expectation/{field}")));
        all.and_then(|all| all.get(judged.index as usize)).cloned().unwrap_or_default()
    };
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let says = match judged.kind {
        Expected::ExitCode => Phrase::quoted(saw(judged), WIDTH),
        Expected::FilesExist => Phrase::quoted(&text(&listed("files_exist")), WIDTH).and(" is there"),
        Expected::FilesAbsent => Phrase::quoted(&text(&listed("files_absent")), WIDTH).and(" is not there"),
        Expected::FileContains => {
            let wanted = listed("file_contains");
            let part = |name: &str| text(wanted.get(name).unwrap_or(&Value::Null));
            Phrase::quoted(&part("path"), WIDTH).and(" holds ").and_quoted(&part("pattern"), WIDTH)
        }
        Expected::OutputMatches => {
            Phrase::words("the output has ").and_quoted(&text(&listed("output_matches")), WIDTH)
        }
        Expected::OutputExcludes => {
            Phrase::words("the output has no ").and_quoted(&text(&listed("output_excludes")), WIDTH)
        }
        Expected::Changes => changes(judged, plan),
        Expected::Post => {
            let post = plan.and_then(|plan| plan.pointer(&format!("/post/{}", judged.index)));
            let post = post.map(invocation).unwrap_or_default();
            Phrase::words("post ").and_quoted(&post, WIDTH)
        }
        Expected::Proves => Phrase::words("proved"),
    };
    Check { kind: judged.kind, held: judged.held, says: but(says, judged) }
}

/// Adds what was seen instead of what was expected.
fn but(says: Phrase, judged: &Judged) -> Phrase {
    let told = matches!(judged.kind, Expected::ExitCode | Expected::Changes);
    if judged.held || told || saw(judged).is_empty() {
        return says;
    }
    says.and(": ").and_quoted(saw(judged), WIDTH)
}

fn changes(judged: &Judged, plan: Option<&Value>) -> Phrase {
    let within = plan.and_then(|plan| plan.pointer("/expectation/changes/within")).and_then(Value::as_array);
    let within: Vec<&str> = within.into_iter().flatten().filter_map(Value::as_str).collect();
    let says = Phrase::quoted(saw(judged), WIDTH);
    if within.is_empty() || !judged.held {
        says
    } else {
        says.and(" within ").and_some(&within, NAMED, WIDTH)
    }
}

fn saw(judged: &Judged) -> &str {
    judged.saw.as_ref().map_or("", |saw| saw.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_step_does_is_a_line() {
        let script =
            json!({"action": {"command": {"script": {"text": "# why\n\ncargo test\nls\n", "shell": "sh"}}}});
        assert_eq!(action(&script), ("command".into(), "cargo test …".into()));
        let argv = json!({"action": {"command": {"argv": ["cargo", "test"]}}});
        assert_eq!(action(&argv).1, "cargo test");
        assert_eq!(action(&json!({"action": {"apply": "a.patch"}})), ("apply".into(), "a.patch".into()));
        assert_eq!(action(&json!({"action": {"any": {"prompt": "Do it.\n"}}})).1, "Do it.");
        assert_eq!(action(&json!({})), Default::default());
        assert_eq!(action(&json!({"action": {"command": 7}})).1, "");
    }
}
