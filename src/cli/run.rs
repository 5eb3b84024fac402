//! `autopilot run ISSUE…`: load → check → lock → recover → decide → record → run → prove → close → tell.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::progress::{Mode, Progress};
use super::{leftovers, output, plans, target};
use crate::evidence::event::{Event, Host, Reason, ReasonKind, RunResult, RunStarted};
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, Head, Recorder, RunName, Token};
use crate::plan::{self, Plan};
use crate::policy::Waivers;
use crate::report::{self, RunView, WorktreeView};
use crate::run::{self, Ending, Interrupt, Refusal, Runner};
use crate::worktree::{Base, LockError, Repository, RunOf, State, Worktree};

/// Run the plans of issues, one after the other.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Numbers of the issues; each has its plan in .ai/plans/<ISSUE>/Autopilot.yaml.
    #[arg(required = true, value_name = "ISSUE")]
    issues: Vec<u64>,
    /// Another file than the issue's own plan.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only check the plan and show what it would do.
    #[arg(long)]
    dry_run: bool,
    /// Leave the worktree in place at the end.
    #[arg(long)]
    keep_worktree: bool,
    /// Print results as JSON on standard output, and progress on standard error.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: RunArgs) -> Result<Exit, Failure> {
    if args.plan.is_some() && args.issues.len() > 1 {
        return Err(Failure::new(Exit::Usage, "--plan names one file, but there are several issues"));
    }
    if args.dry_run {
        let issues = || args.issues.iter().map(ToString::to_string).collect();
        let targets = args.plan.map_or_else(issues, |plan| vec![plan.to_string_lossy().into_owned()]);
        return super::check::run(&super::check::CheckArgs { targets, json: args.json });
    }
    let repository = target::repository()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, format!("runtime: {error}")))?;
    runtime.block_on(async {
        let interrupt = Interrupt::listen().map_err(internal)?;
        let mut worst = Exit::Done;
        for issue in &args.issues {
            let exit = match one(&args, *issue, &repository, &interrupt).await {
                Ok(exit) => exit,
                // The last one's error is told by the caller, with its exit code.
                Err(failure) if args.issues.len() == 1 => return Err(failure),
                Err(failure) => {
                    output::error(&failure);
                    failure.exit
                }
            };
            worst = worst.max(exit);
            if interrupt.heard().is_some() {
                break;
            }
        }
        Ok(worst)
    })
}

/// Runs one issue from its plan to its closed evidence.
async fn one(
    args: &RunArgs,
    issue: u64,
    repository: &Repository,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let plan = load(args, issue)?;
    let base = repository.base(plan.base.as_deref())?;
    let host = crate::sandbox::probe();
    let waivers = Waivers::default();
    let secrets = Secrets::default();
    let grants = run::preflight(&plan, &host, &waivers, &secrets)?;
    let state = State::find()?;
    let mut lock = state.lock(&repository.common_dir, issue)?;
    if let Some(dead) = &lock.taken_over {
        output::note(&format!("took over the lock of process {}, which is gone (run {})", dead.pid, dead.run));
    }
    leftovers::recover(&state, repository, issue, &host, &waivers).await?;

    let mode = Mode::choose(args.json);
    let progress = Progress::new(mode, &plan);
    let taken = |name: RunName| {
        repository.has_ref(&format!("refs/heads/{}", name.branch())).unwrap_or(false)
    };
    let mut recorder =
        Recorder::create(&repository.toplevel, issue, &taken, &secrets, Box::new(progress)).map_err(internal)?;
    let name = recorder.files().run();
    lock.name(&name.to_string())?;
    let start = start(&recorder, &plan, &base, repository, &grants)?;
    recorder.record(Event::RunStarted(Box::new(start))).map_err(internal)?;

    let began = Instant::now();
    let names = RunOf { run: &name.to_string(), issue, branch: &name.branch() };
    let ending = if args.keep_worktree { Ending::Keep } else { Ending::Remove };
    let made = Worktree::create(&state, repository, &base, names, &host, &waivers).await;
    match made {
        Ok(worktree) => {
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            recorder.mirror(&worktree.dir().mirror()).map_err(internal)?;
            recorder.record(Event::WorktreeReady { files: worktree.files(), ms }).map_err(internal)?;
            work(worktree, &plan, &grants, &mut recorder, interrupt, ending).await?;
        }
        Err(error) => record_internal(&mut recorder, &error.to_string())?,
    }
    let (view, head) = report::close(&mut recorder).map_err(internal)?;
    drop(lock);
    tell(args, recorder.files(), &view, &head)?;
    Ok(exit(&view, interrupt))
}

fn load(args: &RunArgs, issue: u64) -> Result<Plan, Failure> {
    let path = match &args.plan {
        Some(path) => path.clone(),
        None => plans::of_issue(issue)?.path,
    };
    let loaded = plan::load(&path, Some(issue)).map_err(|faults| Failure::plan(&faults))?;
    for warning in &loaded.warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(loaded.plan)
}

/// The run proper, inside its worktree.
async fn work(
    mut worktree: Worktree,
    plan: &Plan,
    grants: &HashMap<String, run::Grants>,
    recorder: &mut Recorder,
    interrupt: &Interrupt,
    ending: Ending,
) -> Result<(), Failure> {
    let runner = Runner::new(plan, grants, recorder, &mut worktree, interrupt.clone());
    if let Err(error) = run::execute(runner).await {
        record_internal(recorder, &error.to_string())?;
    }
    run::finish(worktree, recorder, ending).await.map_err(Failure::from)
}

fn start(
    recorder: &Recorder,
    plan: &Plan,
    base: &Base,
    repository: &Repository,
    grants: &HashMap<String, run::Grants>,
) -> Result<RunStarted, Failure> {
    let name = recorder.files().run();
    Ok(RunStarted {
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
        host: Host {
            name: recorder.text(crate::worktree::host_name()),
            pid: std::process::id(),
            kernel: recorder.text(crate::worktree::kernel()),
            git: recorder.text(repository.git_version()?),
        },
        sandbox: recorder.text(run::enforcement(grants)),
    })
}

fn record_internal(recorder: &mut Recorder, what: &str) -> Result<(), Failure> {
    let reason = Some(Reason { kind: ReasonKind::Internal, text: recorder.text(what) });
    recorder.record(Event::RunEnded { result: RunResult::Failed, reason, step: None, ms: 0 }).map_err(internal)
}

fn exit(view: &RunView, interrupt: &Interrupt) -> Exit {
    let end = view.end.as_ref();
    match end.map(|end| end.result) {
        Some(RunResult::Done) => Exit::Done,
        Some(RunResult::Interrupted) => Exit::Signal(interrupt.heard().unwrap_or(15)),
        Some(RunResult::Failed)
            if end.and_then(|end| end.reason.as_ref()).is_some_and(|r| r.kind == ReasonKind::Internal) =>
        {
            Exit::Internal
        }
        Some(RunResult::Failed | RunResult::Crashed) | None => Exit::Failed,
    }
}

/// The last line on standard output is for programs, where they asked for it.
fn tell(args: &RunArgs, files: &Files, view: &RunView, head: &Head) -> Result<(), Failure> {
    if !args.json {
        return Ok(());
    }
    let end = view.end.as_ref();
    let relative = |path: PathBuf| files.relative(&path);
    let result = json!({
        "run": files.run().to_string(),
        "issue": view.start.issue,
        "result": end.map(|end| end.result),
        "reason": end.and_then(|end| end.reason.as_ref()),
        "step": end.and_then(|end| end.step.as_ref()),
        "seconds": end.map(|end| end.took.as_secs_f64()),
        "branch": view.branch.as_ref().map(|(reference, _, _)| reference),
        "commit": view.branch.as_ref().map(|(_, commit, _)| commit),
        "worktree": if let WorktreeView::Kept(path, _) = &view.worktree { Some(path) } else { None },
        "head": head.to_string(),
        "journal": relative(files.journal()),
        "summary": relative(files.summary()),
        "log": relative(files.log()),
        "failed": files.failed().exists().then(|| relative(files.failed())),
        "salvage": files.salvage().exists().then(|| relative(files.salvage())),
    });
    output::line(&result.to_string())
}

fn internal(error: std::io::Error) -> Failure {
    Failure::system(&error)
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Plan { hint, .. } => Self::new(Exit::Usage, message).hint(hint),
            Refusal::Policy { reason, .. } => Self::new(Exit::Refused, message).hint(reason.hint),
        }
    }
}

impl From<run::RunError> for Failure {
    fn from(error: run::RunError) -> Self {
        match error {
            run::RunError::Worktree(error) => error.into(),
            run::RunError::Io(error) => Self::system(&error),
            other => Self::new(Exit::Internal, other.to_string()),
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Worktree(error) => error.into(),
            LockError::Held(holder) => Self::new(Exit::Locked, LockError::Held(holder).to_string())
                .hint("wait for it (`autopilot status` shows how far it is), or stop that process"),
        }
    }
}
