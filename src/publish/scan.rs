//! What would go out with a push is looked through for secrets: contents, names and messages of every commit.

use std::collections::{BTreeSet, HashSet};

use super::Trouble;
use crate::evidence::RunState;
use crate::evidence::event::{Effect, PublishFault};
use crate::evidence::mask::{self, Hit, Secrets};
use crate::evidence::state::PublishState;
use crate::github::Environment;
use crate::worktree::{Outgoing, Repository};

/// Findings that are named; the rest is counted.
const NAMED: usize = 5;

/// Finds secrets in everything between base and result: values of this environment, and what the patterns tell.
/// A secret of the plan whose value is not here cannot be looked for: that is trouble, and no push. What stood in the
/// same file at the base already is not found: it does not go out by this push.
pub(super) fn secrets_in(
    state: &RunState,
    repository: &Repository,
    environment: &Environment,
) -> Result<Vec<String>, Trouble> {
    let Some(made) = &state.branch else { return Ok(Vec::new()) };
    let secrets = known_to(state, environment)?;
    let mut found = Vec::new();
    repository.outgoing(state.start.commit.as_str(), made.commit.as_str(), &mut |outgoing| {
        found.extend(look_at(&secrets, &outgoing));
    })?;
    Ok(found)
}

/// Returns why a push with such findings does not happen.
pub(super) fn refuse(found: &[String], remote: &str, reference: &str) -> Option<Trouble> {
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let why = format!("the commits hold what looks like a secret: {named}{more}");
    (!found.is_empty()).then(|| stopped(why, remote, reference))
}

/// Returns why a push that was stopped for a secret stays stopped: its commits hold what they held, and the values
/// that told so may be unknown where this is asked.
pub(super) fn refuse_again(state: &RunState, remote: &str, reference: &str) -> Option<Trouble> {
    let pushes = state.published.iter().rev().filter(|publish| publish.effect == Effect::Push);
    let found = pushes.filter_map(|publish| match &publish.state {
        PublishState::Failed { kind: PublishFault::Secret, why } => Some(why),
        _ => None,
    });
    found.map(|why| stopped(why.clone(), remote, reference)).next()
}

fn stopped(why: String, remote: &str, reference: &str) -> Trouble {
    let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    let hint =
        format!("look at each; if none is a secret: git push {remote} {branch}, then: autopilot publish");
    Trouble::new(PublishFault::Secret, why, hint)
}

/// Registers what the environment and the plan call a secret.
fn known_to(state: &RunState, environment: &Environment) -> Result<Secrets, Trouble> {
    let secrets = Secrets::default();
    let steps = state.start.plan.value().get("steps").and_then(|steps| steps.as_array());
    let of_steps = steps.into_iter().flatten().filter_map(|step| step.get("secrets")?.as_array());
    let named: BTreeSet<&str> = of_steps.flatten().filter_map(|name| name.as_str()).collect();
    // First, for there is not room for any number of values.
    for name in named {
        let value = environment.get(name).ok_or_else(|| unknown(name, "it is not set here"))?;
        secrets.register(value.as_bytes()).map_err(|error| unknown(name, &error.to_string()))?;
    }
    for (name, value) in environment.variables() {
        if mask::is_secret_name(name) {
            // Too short to be told from ordinary text, or too much: the patterns are left.
            let _ = secrets.register(value.as_bytes());
        }
    }
    Ok(secrets)
}

/// Says that the commits cannot be searched for a secret of the plan.
fn unknown(name: &str, why: &str) -> Trouble {
    Trouble::new(
        PublishFault::Missing,
        format!("the plan's secret {name} cannot be looked for in the commits: {why}"),
        format!("set {name} to the value that the run had, then: autopilot publish"),
    )
}

fn look_at(secrets: &Secrets, outgoing: &Outgoing) -> Vec<String> {
    match outgoing {
        Outgoing::Commit { commit, text } => {
            let hits = secrets.detect(text);
            hits.iter()
                .map(|hit| format!("{} in the message of {}", hit.kind, short(commit.as_str())))
                .collect()
        }
        Outgoing::File { commit, path, content, at_base } => {
            let known: HashSet<&[u8]> = texts(secrets.detect(at_base), at_base).collect();
            let shown = String::from_utf8_lossy(path);
            let in_name = secrets
                .detect(path)
                .into_iter()
                .map(|hit| format!("{} in the name of a file of {}", hit.kind, short(commit.as_str())));
            let fresh = secrets
                .detect(content)
                .into_iter()
                .filter(|hit| content.get(hit.range.clone()).is_some_and(|text| !known.contains(text)));
            let in_content = fresh.map(|hit| {
                let line = 1 + content.iter().take(hit.range.start).filter(|&&byte| byte == b'\n').count();
                format!("{} in {shown}:{line} of {}", hit.kind, short(commit.as_str()))
            });
            in_name.chain(in_content).collect()
        }
    }
}

fn texts(hits: Vec<Hit>, of: &[u8]) -> impl Iterator<Item = &[u8]> {
    hits.into_iter().filter_map(|hit| of.get(hit.range))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
