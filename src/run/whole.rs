//! A run from its first event to its last but for the reports: begin, carry out, whatever goes wrong.

use std::collections::BTreeMap;

use super::attempt::millis;
use super::finish::{Ending, finish};
use super::{Grants, Interrupt, RunError, Runner, Standing, enforcement, execute};
use crate::evidence::event::{Event, Host, Publishing, Reason, ReasonKind, RunResult, RunStarted};
use crate::evidence::{Recorder, Text, Token};
use crate::plan::Plan;
use crate::worktree::{self, Base, Repository, Worktree, WorktreeError};

/// Records what a run starts from.
pub fn begin(
    recorder: &mut Recorder,
    plan: &Plan,
    base: &Base,
    repository: &Repository,
    grants: &BTreeMap<String, Grants>,
    publish: Publishing,
) -> Result<(), RunError> {
    let name = recorder.files().run();
    let start = RunStarted {
        run: Token::new(name.to_string()),
        issue: plan.issue,
        title: recorder.text(&plan.title),
        autopilot: Token::new(env!("CARGO_PKG_VERSION")),
        base: recorder.text(&base.name),
        commit: Token::new(&base.commit),
        branch: Token::new(name.branch()),
        repository: recorder.text(repository.toplevel.to_string_lossy()),
        plan_path: recorder.text(plan.path.to_string_lossy()),
        plan_sha256: Token::new(&plan.digest),
        plan: recorder.document(plan.resolved()),
        steps: plan.steps.iter().map(|step| Token::new(&step.id)).collect(),
        dirty: repository.is_dirty()?,
        host: this_host(recorder, repository)?,
        sandbox: recorder.text(enforcement(grants.values())),
        labels: labels(recorder),
        publish: Some(publish),
        cloud: grants.values().find_map(|grants| cloud(recorder, grants)),
    };
    recorder.record(Event::RunStarted(Box::new(start)))?;
    let Some(assignment) = grants.values().find_map(|grants| grants.agent.as_ref()) else { return Ok(()) };
    let found = &assignment.found;
    Ok(recorder.record(Event::AgentFound {
        agent: recorder.text(found.agent.name()),
        warning: found.warning.as_ref().map(|warning| recorder.text(warning)),
        servers: found.servers.iter().map(|name| recorder.text(name)).collect(),
    })?)
}

fn cloud(recorder: &Recorder, grants: &Grants) -> Option<Text> {
    let (host, port) = &grants.applier.as_ref()?.cloud.reaches;
    Some(recorder.text(format!("{host}:{port}")))
}

/// Runs the steps in a worktree, but for those that are over already, takes the work out and removes it. What fails in the runner itself is
/// recorded as the end of the run; an error means that not even that could be recorded.
pub async fn carry_out(
    made: Result<Worktree, WorktreeError>,
    plan: &Plan,
    grants: &BTreeMap<String, Grants>,
    recorder: &mut Recorder,
    interrupt: &Interrupt,
    standing: Standing,
    ending: Ending,
) -> Result<(), RunError> {
    let mut worktree = match made {
        Ok(worktree) => worktree,
        Err(error) => return end_by_fault(recorder, &error.to_string()),
    };
    recorder.mirror(&worktree.dir().mirror())?;
    if !standing.in_place {
        let (files, ms) = (worktree.files(), millis(worktree.made_in()));
        recorder.record(Event::WorktreeReady { files, ms, pin: worktree.pinned().map(Token::new) })?;
    }
    let runner = Runner::new(plan, grants, recorder, &mut worktree, interrupt.clone(), standing);
    if let Err(error) = execute(runner).await {
        end_by_fault(recorder, &error.to_string())?;
    }
    finish(worktree, recorder, ending).await
}

/// The variables by which CI and batch systems name a job.
const LABELS: [&str; 5] =
    ["GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID"];

/// Returns what the engine that started this process calls it.
pub(super) fn labels(recorder: &Recorder) -> BTreeMap<String, Text> {
    let label = |name: &str| Some((name.to_owned(), recorder.text(std::env::var(name).ok()?)));
    LABELS.into_iter().filter_map(label).collect()
}

/// Says who runs a run.
pub(super) fn this_host(recorder: &Recorder, repository: &Repository) -> Result<Host, RunError> {
    Ok(Host {
        name: recorder.text(worktree::host_name()),
        pid: std::process::id(),
        kernel: recorder.text(worktree::kernel()),
        git: recorder.text(repository.git_version()?),
    })
}

fn end_by_fault(recorder: &mut Recorder, what: &str) -> Result<(), RunError> {
    let reason = Some(Reason { kind: ReasonKind::Internal, text: recorder.line(what) });
    Ok(recorder.record(Event::RunEnded { result: RunResult::Failed, reason, step: None, ms: 0 })?)
}
