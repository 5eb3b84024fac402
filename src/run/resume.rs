//! Whether a run may go on, and the event that says that it does.

use std::collections::BTreeMap;

use super::RunError;
use super::outcome::millis;
use super::preflight::{Grants, enforcement};
use super::start::{Under, labels, this_host};
use crate::evidence::event::{Event, ReasonKind, Resumed, RunResult, RunStarted};
use crate::evidence::{Recorder, Token};
use crate::git::Oid;
use crate::plan::{Action, Plan, TokenLimit, units};
use crate::worktree::{Base, Repository, WorktreeError};

/// Why a run cannot go on: it would not be the same run.
#[derive(Debug, thiserror::Error)]
pub enum Changed {
    /// The plan file is another one.
    #[error("the plan was changed since run {run} began")]
    Plan {
        /// The run.
        run: Token,
    },
    /// It revises a pull request: what is asked of that by now may be something else.
    #[error("run {run} revises a pull request")]
    Revision {
        /// The run.
        run: Token,
    },
    /// A step would be done by something else: another agent, where the command line names one.
    #[error(
        "{then} did step `{step}` when run {run} began, and {now} would now: say `--agent {then}`, or leave it away"
    )]
    Agent {
        /// The run.
        run: Token,
        /// The step.
        step: String,
        /// What did it, by its key.
        then: String,
        /// What would do it.
        now: &'static str,
    },
    /// What its models cost is counted otherwise.
    #[error(
        "what models cost was changed since run {run} began: `prices` of the host's files (docs/ceilings.md)"
    )]
    Prices {
        /// The run.
        run: Token,
    },
    /// The branch with its checkpoints is gone, moved or in use.
    #[error("the branch {branch} of run {run} {how}")]
    Branch {
        /// The run.
        run: Token,
        /// Its branch.
        branch: String,
        /// What is the matter with it.
        how: String,
    },
}

/// Tells whether a run that ended so can go on: what ended it was no fault of its steps.
pub fn can_go_on(result: RunResult, reason: Option<ReasonKind>) -> bool {
    match result {
        RunResult::Interrupted | RunResult::Crashed => true,
        RunResult::Failed => reason == Some(ReasonKind::Internal),
        RunResult::Done => false,
    }
}

/// Returns the base that a run began with, if the plan is still what it was then.
pub fn unchanged(start: &RunStarted, plan: &Plan, repository: &Repository) -> Result<Base, Refused> {
    let run = start.run.clone();
    if start.revises.is_some() {
        return Err(Changed::Revision { run }.into());
    }
    if plan.digest != start.plan_sha256.as_str() {
        return Err(Changed::Plan { run }.into());
    }
    same_actions(start, plan)?;
    same_prices(start, plan)?;
    // What the branch is at by now is nothing to a run that has begun; whoever publishes looks at that.
    Ok(repository.base_then(&start.base.to_string(), &start.commit)?)
}

/// Demands that money is counted as the first event says.
fn same_prices(start: &RunStarted, plan: &Plan) -> Result<(), Changed> {
    let asks = plan.steps.iter().any(|step| step.action.asks().is_some());
    let is_same = plan.resolved()["prices"] == start.plan.value()["prices"];
    if asks && !is_same { Err(Changed::Prices { run: start.run.clone() }) } else { Ok(()) }
}

/// Demands that each step is done by what did it when the run began.
fn same_actions(start: &RunStarted, plan: &Plan) -> Result<(), Changed> {
    let recorded = &start.plan.value()["steps"];
    for (at, step) in plan.steps.iter().enumerate() {
        let then = recorded[at]["action"].as_object().and_then(|action| action.keys().next());
        if let Some(then) = then.filter(|then| *then != step.action.key()) {
            let (run, step_id) = (start.run.clone(), step.id.clone());
            return Err(Changed::Agent { run, step: step_id, then: then.clone(), now: step.action.key() });
        }
    }
    Ok(())
}

/// Why a run does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It would not be the same run.
    #[error(transparent)]
    Changed(#[from] Changed),
    /// The repository cannot be run in as it is.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

/// Demands that the branch of a run whose directory is gone still ends at its last checkpoint, so that what
/// follows can be added to it.
pub fn branch_unchanged(
    start: &RunStarted,
    checkpoint: &Oid,
    repository: &Repository,
) -> Result<(), Refused> {
    let (run, branch) = (start.run.clone(), start.branch.to_string());
    let how = match repository.branch(&branch)? {
        // The disk that it was to come from is gone, and what matters of it is here.
        None if repository.shares(start.run.as_str(), checkpoint)? => return Ok(()),
        None => "is gone".to_owned(),
        Some((commit, _)) if commit != *checkpoint => "was moved by somebody".to_owned(),
        Some((_, Some(place))) => format!("is checked out at {}", place.display()),
        Some((_, None)) => return Ok(()),
    };
    Err(Changed::Branch { run, branch, how }.into())
}

/// Lowers the limits of tokens and money of a plan to those that its run began under: a ceiling that was raised since raises nothing of it.
pub fn hold_to_record(plan: &mut Plan, start: &RunStarted) {
    let recorded = start.plan.value();
    lower(&mut plan.limits.tokens, &recorded["limits"]["tokens"]);
    lower_money(&mut plan.limits.budget, &recorded["limits"]["budget"]);
    for (at, step) in plan.steps.iter_mut().enumerate() {
        if let Action::Agent(asked) = &mut step.action {
            lower_money(&mut asked.budget, &recorded["steps"][at]["action"][asked.agent.key()]["budget"]);
            lower(&mut asked.tokens, &recorded["steps"][at]["action"][asked.agent.key()]["tokens"]);
        }
    }
}

fn lower_money(now: &mut Option<u64>, then: &serde_json::Value) {
    let Some(most) = then.as_str().and_then(units::micros) else { return };
    *now = Some(now.map_or(most, |now| now.min(most)));
}

fn lower(now: &mut TokenLimit, then: &serde_json::Value) {
    let Some(most) = then["at_most"].as_u64() else { return };
    if now.most().is_none_or(|now| now > most) {
        *now = TokenLimit::AtMost(most);
    }
}

/// Records that a run goes on.
pub fn resumed(
    recorder: &mut Recorder,
    plan: &Plan,
    repository: &Repository,
    grants: &BTreeMap<String, Grants>,
    under: &Under,
) -> Result<(), RunError> {
    // Clocks jump; no attempt runs for longer than it may.
    let timeout = |id: &str| plan.steps.iter().find(|step| step.id == id).map(|step| step.timeout);
    let state = recorder.state();
    let resumed = Resumed {
        autopilot: Token::new(env!("CARGO_PKG_VERSION")),
        checkpoint: state.position().clone(),
        used: millis(state.active(|id| timeout(id).unwrap_or_default())),
        consecutive: state.consecutive,
        torn: recorder.torn(),
        host: this_host(recorder.secrets(), repository)?,
        sandbox: recorder.text(enforcement(grants.values()) + &under.said()),
        labels: labels(recorder.secrets()),
    };
    recorder.banner(format!("run {} goes on", recorder.files().run()))?;
    recorder.record(Event::Resumed(Box::new(resumed)))?;
    // Its output, too, goes on from what the dead runner left.
    Ok(recorder.append_left_parts()?)
}
