//! What somebody wants to know first who has to decide about the result: why it is not done, what was verified, what to look at,
//! what to do next.

use autopilot_view::{Fact, Mark};

use super::words::short;
use crate::evidence::event::{AttemptResult, EgressVerdict, Expected};
use crate::evidence::state::{AttemptState, StepState, WorktreeState};
use crate::evidence::{Files, RunState};
use crate::report::plural;

/// Things of one kind that are named.
const NAMED: usize = 8;

/// Lists it, worst first.
pub(super) fn facts(state: &RunState, files: &Files, is_running: bool) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(reason) = state.end.as_ref().and_then(|end| end.reason.as_ref()) {
        facts.push(Fact::text(Mark::Bad, "why", reason.text.as_str()));
    }
    facts.extend(verified(state));
    let look = look(state);
    if !look.is_empty() {
        let more = look.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more of those, below"));
        facts.push(Fact::code(Mark::Look, "look at", look.into_iter().take(NAMED).chain(more)));
    }
    let refused = state.egress().filter(|(_, egress)| egress.verdict == EgressVerdict::Refused);
    let refused = refused.map(|(step, egress)| format!("{step}: {}:{}", egress.host, egress.port));
    let mut refused: Vec<String> = refused.collect();
    refused.dedup();
    if !refused.is_empty() {
        facts.push(Fact::code(Mark::Look, "refused by policy", refused.into_iter().take(NAMED)));
    }
    facts.push(next(state, files, is_running));
    facts
}

/// Says what held of the last attempt of each step, and what did not.
fn verified(state: &RunState) -> Vec<Fact> {
    let last: Vec<(&StepState, &AttemptState)> =
        state.steps.iter().filter_map(|step| Some((step, step.attempts.last()?))).collect();
    let judged =
        || last.iter().flat_map(|(step, attempt)| attempt.judged.iter().map(move |judged| (step, judged)));
    let held = judged().filter(|(_, judged)| judged.held).count() as u64;
    let mut facts = Vec::new();
    if held > 0 {
        let text = format!("{} held, of {} steps that passed", plural(held, "expectation"), state.passed());
        facts.push(Fact::text(Mark::Good, "verified", text));
    }
    for (step, judged) in judged().filter(|(_, judged)| judged.kind == Expected::Proves) {
        let mark = if judged.held { Mark::Good } else { Mark::Bad };
        let saw = judged.saw.as_ref().map_or("", |saw| saw.as_str());
        facts.push(Fact::text(mark, "proved", format!("{}: {saw}", step.id)));
    }
    facts
}

/// Names what a reviewer should not miss, worst first.
pub(super) fn look(state: &RunState) -> Vec<String> {
    let mut items: Vec<String> =
        state.searched.iter().flat_map(|searched| searched.to_check(NAMED)).collect();
    items.extend(
        state
            .changes()
            .iter()
            .filter_map(|change| Some(format!("{}: {}", change.path, change.review.as_ref()?))),
    );
    items.extend(
        state.left_in_git.iter().map(|left| format!("left in .git, not on the branch: {}", left.what)),
    );
    for (at, salvage) in state.salvages() {
        items.extend(
            salvage.secrets.iter().map(|what| format!("a secret, it seems, in the salvage of {at}: {what}")),
        );
        items.extend(salvage.not_held.iter().map(|what| format!("not salvaged of {at} as it was: {what}")));
    }
    for (step, attempt) in state.attempts() {
        let at = step.at(attempt.number);
        items.extend(attempt.mended.iter().map(|what| format!("{at}: {what}")));
        let failed = attempt.reason.as_ref().filter(|_| attempt.result == Some(AttemptResult::Failed));
        items.extend(failed.map(|reason| format!("{at} failed: {}", reason.text)));
    }
    if let WorktreeState::Kept(path, why) = &state.worktree {
        items.push(format!("the worktree was kept at {path}: {why}"));
    }
    if state.start.dirty {
        items.push("the checkout had uncommitted changes, which were not part of the run".to_owned());
    }
    items
}

/// Says what to do next.
fn next(state: &RunState, files: &Files, is_running: bool) -> Fact {
    let run = files.run();
    if is_running {
        return Fact::commands("follow it", [format!("autopilot logs {} -f", run.issue())]);
    }
    if state.is_done() {
        let shown =
            state.branch.as_ref().map(|branch| format!("git diff {}...{}", short(state), branch.name()));
        return Fact::commands("decide", shown.into_iter().chain([format!("autopilot audit {run}")]));
    }
    let resume = crate::app::can_go_on(state).then(|| format!("autopilot run {} --resume", run.issue()));
    let left = state.failed_attempt().and_then(|(_, attempt)| attempt.salvage.references.last());
    let salvage = left.map(|last| {
        let bundle = files.relative(&files.salvage());
        [
            format!("git fetch {bundle} 'refs/salvage/*:refs/salvage/*'"),
            format!("git switch -c fix-{} {last}", run.issue()),
        ]
    });
    let logs = format!("autopilot logs {run} --failed");
    Fact::commands("take over", resume.into_iter().chain(salvage.into_iter().flatten()).chain([logs]))
}
