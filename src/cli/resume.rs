//! What a call means where there are earlier runs of its issue: begin a new one, go on with the last, or nothing.

use std::io::IsTerminal;

use super::exit::{Exit, Failure};
use super::leftovers::{self, Earlier, Scene};
use super::output;
use crate::evidence::event::{RunResult, StepResult};
use crate::evidence::mask::Secrets;
use crate::evidence::{Recorder, RunName, Watch};
use crate::plan::Plan;
use crate::report::{self, RunView};
use crate::run::{self, Interrupt, Refused, Standing};
use crate::worktree::{self, Base, RunOf, Worktree, WorktreeError};

/// What is to be done about an issue.
#[derive(Debug)]
pub(super) enum Next {
    /// A new run.
    Begin,
    /// The last run goes on.
    GoOn(Box<RunView>),
    /// The last run has come to its own end, which stands.
    Stands,
    /// Whoever was asked ended it all, by this signal.
    Interrupted(i32),
}

/// Tells what `--resume` means where the last run is this one.
pub(super) fn asked_for(plan: &Plan, last: Option<&Earlier>) -> Result<Next, Failure> {
    let issue = plan.issue;
    let Some(last) = last else {
        output::note(&format!("there is no run of issue {issue} to resume: this is its first"));
        return Ok(Next::Begin);
    };
    match report::read(&last.files) {
        Ok(Some(view)) if can_go_on(&view) => Ok(Next::GoOn(Box::new(view))),
        Ok(Some(view)) if view.start.plan_sha256.as_str() == plan.digest => Ok(Next::Stands),
        Ok(Some(view)) => {
            let run = view.start.run;
            Err(Failure::new(Exit::Usage, format!("run {run} has ended, and the plan was changed since"))
                .hint(format!("begin a new run of it: autopilot run {issue}")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Failure::new(Exit::Usage, format!("run {} cannot go on: {error}", last.name))
                .hint(format!("its journal was changed; begin a new run: autopilot run {issue}")))
        }
        // It died before its first event: there is nothing to go on with.
        _ => Ok(Next::Begin),
    }
}

/// Offers to go on with a crashed run, where somebody is there to answer; says how where nobody is, or nobody is to
/// be asked. Until the answer is there, the interrupt ends it.
pub(super) async fn offered(
    issue: u64,
    last: Option<&Earlier>,
    is_unchanged: impl FnOnce(&RunView) -> bool,
    asking: Option<Interrupt>,
) -> Next {
    let view = last.and_then(|last| report::read(&last.files).ok().flatten());
    let Some(view) = view.filter(|view| !view.closed && can_go_on(view) && is_unchanged(view)) else {
        return Next::Begin;
    };
    let passed = view.steps.iter().filter(|step| step.result == Some(StepResult::Passed)).count();
    let crashed =
        format!("run {} crashed with {passed} of {} steps passed", view.start.run, view.steps.len());
    let is_there = || std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let Some(mut interrupt) = asking.filter(|_| is_there()) else {
        output::note(&format!("{crashed}; `autopilot run {issue} --resume` goes on with such a run"));
        return Next::Begin;
    };
    let question = format!("{crashed}. Go on with it? [Y/n] ");
    tokio::select! {
        biased;
        signal = interrupt.wait() => {
            // The question stands in an unfinished line.
            output::note("");
            Next::Interrupted(signal)
        }
        agreed = agrees(&question) => if agreed { Next::GoOn(Box::new(view)) } else { Next::Begin },
    }
}

/// Tells whether what ended a run, if anything did, was no fault of its steps.
pub(super) fn can_go_on(view: &RunView) -> bool {
    let end = view.end.as_ref();
    end.is_none_or(|end| run::can_go_on(end.result, end.reason.as_ref().map(|reason| reason.kind)))
}

/// Asks, and waits for a line. From a thread, which nobody waits for: signals are heard meanwhile.
async fn agrees(question: &str) -> bool {
    if output::complain(question).is_err() {
        return false;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let yes = matches!(line.trim().to_lowercase().as_str(), "" | "y" | "yes");
        let _ = tell.send(read.is_ok_and(|bytes| bytes > 0) && yes);
    });
    told.await.unwrap_or(false)
}

/// What a run that goes on works with.
#[derive(Debug)]
pub(super) struct GoingOn {
    pub(super) recorder: Recorder,
    pub(super) standing: Standing,
    pub(super) worktree: Result<Worktree, WorktreeError>,
}

/// Says why a run cannot go on, if it cannot, before anything of it is touched.
pub(super) fn check(scene: Scene<'_>, plan: &Plan, view: &RunView) -> Result<Base, Failure> {
    run::unchanged(&view.start, plan, scene.repository).map_err(|refused| cannot(refused, plan.issue))
}

/// Opens the last run to go on with it: its evidence, and its worktree or a new one at its last checkpoint.
pub(super) async fn go_on(
    scene: Scene<'_>,
    plan: &Plan,
    last: Earlier,
    view: &RunView,
    secrets: &Secrets,
    watch: Box<dyn Watch>,
    grants: &std::collections::BTreeMap<String, run::Grants>,
) -> Result<GoingOn, Failure> {
    let base = check(scene, plan, view)?;
    let Earlier { name, files, left } = last;
    let reopened = Recorder::go_on(files, secrets, watch);
    let (mut recorder, lines, torn) = reopened.map_err(|error| leftovers::failed(name, error.into()))?;
    let mut standing = Standing::of(&lines, plan);
    if let (None, Some(checkpoint)) = (&left, &standing.checkpoint) {
        run::branch_unchanged(&view.start, checkpoint, scene.repository)
            .map_err(|refused| cannot(refused, plan.issue))?;
    }
    run::resumed(&mut recorder, &standing, &base, torn, scene.repository, grants)?;
    let checkpoint = standing.checkpoint.as_ref().map_or(base.commit.as_str(), |commit| commit.as_str());
    let worktree = match left {
        Some((dir, record)) if standing.has_worktree => {
            standing.in_place = true;
            let (repository, host, waivers) = (scene.repository, scene.host, scene.waivers);
            Ok(Worktree::take_up(dir, &record, Some(checkpoint), repository, host, waivers).await?)
        }
        left => {
            // No step has run in what was not whole yet.
            if let Some((dir, _)) = left {
                dir.discard()?;
            }
            let salvage = Some(recorder.files().salvage()).filter(|bundle| bundle.exists());
            let earlier = worktree::Earlier { checkpoint, salvage: salvage.as_deref() };
            fresh(scene, plan, &base, name, Some(earlier)).await
        }
    };
    Ok(GoingOn { recorder, standing, worktree })
}

/// Makes the worktree of a run.
pub(super) async fn fresh(
    scene: Scene<'_>,
    plan: &Plan,
    base: &Base,
    name: RunName,
    earlier: Option<worktree::Earlier<'_>>,
) -> Result<Worktree, WorktreeError> {
    let names = RunOf {
        run: &name.to_string(),
        issue: name.issue(),
        branch: &name.branch(),
        share_objects: plan.share_objects,
        salvage: plan.limits.salvage,
        earlier,
    };
    Worktree::create(scene.state, scene.repository, base, names, scene.host, scene.waivers).await
}

fn cannot(refused: Refused, issue: u64) -> Failure {
    match refused {
        Refused::Worktree(error) => error.into(),
        Refused::Changed(changed) => Failure::new(Exit::Usage, format!("it cannot go on: {changed}"))
            .hint(format!("`autopilot run {issue}` saves what that run left, and begins a new one")),
    }
}

/// Says how a run that does not go on has ended.
pub(super) fn stands(issue: u64, view: &RunView) -> String {
    let run = &view.start.run;
    match view.end.as_ref().map(|end| end.result) {
        Some(RunResult::Done) => format!("run {run} is done: nothing to resume"),
        _ => format!(
            "run {run} failed by itself, which does not change by going on; `autopilot run {issue}` begins a new one"
        ),
    }
}
