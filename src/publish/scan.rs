//! Takes what a search of commits came to, gives why they are not pushed; and knows what has to be looked for.

use std::collections::BTreeSet;

use super::Trouble;
use super::search::Findings;
use crate::evidence::RunState;
use crate::evidence::event::{Effect, PublishFault};
use crate::evidence::mask::{self, Secrets};
use crate::evidence::state::PublishState;
use crate::github::Environment;

/// Findings that are named; the rest is counted.
const NAMED: usize = 5;

/// Returns why a push of commits with such findings does not happen.
pub(super) fn refuse(findings: &Findings, remote: &str, reference: &str) -> Option<Trouble> {
    let Findings { found, more, unsearched } = findings;
    if !found.is_empty() {
        let named = listed(found, *more);
        let why = format!("the commits hold what looks like a secret: {named}");
        return Some(stopped(why, remote, reference));
    }
    let named = listed(unsearched, 0);
    let why = format!("not all of the commits can be searched for secrets: {named}");
    let hint = by_hand("look at that yourself", remote, reference);
    (!unsearched.is_empty()).then(|| Trouble::new(PublishFault::Other, why, hint))
}

/// Names the first of some findings, and counts the rest.
fn listed(all: &[String], more: u64) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = more.saturating_add(all.len().saturating_sub(NAMED) as u64);
    if more > 0 { format!("{named}; and {more} more") } else { named }
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

/// Returns what was found in the result when it was made: by values, too, that only that runner knew, such as those that
/// steps had masked.
pub(super) fn found_before(state: &RunState) -> Option<Findings> {
    let searched = state.searched.as_ref()?;
    let found = searched.found.clone();
    Some(Findings { found, more: searched.more, unsearched: Vec::new() })
}

fn stopped(why: String, remote: &str, reference: &str) -> Trouble {
    let hint = by_hand("look at each; if none is a secret", remote, reference);
    Trouble::new(PublishFault::Secret, why, hint)
}

fn by_hand(first: &str, remote: &str, reference: &str) -> String {
    let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    format!("{first}: git push {remote} {branch}, then: autopilot publish")
}

/// Registers what the environment and the plan call a secret, beside what is known already. A secret of the plan whose
/// value is not here cannot be looked for: that is trouble, and no push.
pub(super) fn register(
    state: &RunState,
    environment: &Environment,
    secrets: &Secrets,
) -> Result<(), Trouble> {
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
    Ok(())
}

/// Says that the commits cannot be searched for a secret of the plan.
fn unknown(name: &str, why: &str) -> Trouble {
    Trouble::new(
        PublishFault::Missing,
        format!("the plan's secret {name} cannot be looked for in the commits: {why}"),
        format!("set {name} to the value that the run had, then: autopilot publish"),
    )
}
