//! `autopilot run ISSUE…`: load → check → lock → recover or go on → record → run → prove → close → publish → tell.

use std::path::PathBuf;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::jobs::Call;
use super::leftovers::{self, Earlier, Kept, Picking, Scene};
use super::plans::{self, Found};
use super::progress::{Mode, Progress};
use super::resume::{self, Next};
use super::{actions, issue, output, publish, target};
use crate::evidence::event::{ReasonKind, RunResult};
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, Head, Recorder, RunName};
use crate::github::Environment;
use crate::plan::{Plan, Provider};
use crate::policy::{HostFacts, Waiver, Waivers};
use crate::publish::{Intent, intend};
use crate::report::{self, RunView, WorktreeView};
use crate::run::{self, Ending, Interrupt, Refusal, Standing};
use crate::worktree::{LockError, Repository, State};

/// Run the plans of issues, one after the other or side by side.
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
    /// Go on with the last run of the issue where it crashed or was interrupted; begin one if there is none.
    #[arg(long)]
    resume: bool,
    /// So many issues side by side, each with a worktree, evidence and lines of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Leave the worktree in place at the end.
    #[arg(long)]
    keep_worktree: bool,
    /// Leave the issue, the remote and pull requests alone, whatever the plan says.
    #[arg(long)]
    no_publish: bool,
    /// Who serves the models of codex steps, whatever the plan says: openai, ollama, lmstudio, or URL[#KEY_VARIABLE].
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<Provider>,
    /// The model of codex steps, whatever the plan says.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// As root: the user whom the steps run as (default: an unprivileged uid of the run's own).
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// A protection to go without where this host cannot give it: landlock, seccomp or network (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<Waiver>,
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
        return super::check::run(&super::check::CheckArgs { targets, plan_only: false, json: args.json });
    }
    let repository = target::repository()?;
    super::jobs::each(&args.issues, args.jobs.into(), |call| one(&args, &repository, call))
}

/// Runs one issue from its plan to its closed evidence.
async fn one(args: &RunArgs, repository: &Repository, call: Call) -> Result<Exit, Failure> {
    let Call { issue, board, interrupt } = call;
    let found = find(args, repository, issue)?;
    let plan = load(args, &found)?;
    let base = repository.base(plan.base.as_deref())?;
    let host = host(args)?;
    let waivers: Waivers = args.allow_degraded.iter().copied().collect();
    let secrets = Secrets::default();
    let (mut grants, warnings) = run::preflight(&plan, &host, &waivers, &secrets)?;
    for warning in warnings {
        output::note(&format!("warning: {warning}"));
    }
    issue::attach(&plan, repository, &secrets, &mut grants).await?;
    let intent = intent(args, &plan, repository, &secrets).await?;
    let state = State::find()?;
    let mut lock = state.lock(&repository.common_dir, issue)?;
    if let Some(dead) = &lock.taken_over {
        output::note(&format!(
            "took over the lock of process {}, which is gone (run {})",
            dead.pid, dead.run
        ));
    }
    let scene = Scene { state: &state, repository, host: &host, waivers: &waivers };
    let mut earlier = leftovers::earlier(scene, issue)?;
    let last = earlier.last();
    let next = if args.resume {
        resume::asked_for(&plan, last)?
    } else {
        let is_unchanged = |view: &RunView| resume::check(scene, &plan, view).is_ok();
        // A run that has no name yet is asked to stop by an empty one.
        let asking = (args.issues.len() == 1 && !args.json)
            .then(|| interrupt.or_asked(lock.stop_file(), String::new()));
        resume::offered(issue, last, is_unchanged, asking).await
    };
    if let Next::Interrupted(signal) = next {
        return Ok(Exit::Signal(signal));
    }
    let last = if matches!(next, Next::GoOn(_)) { earlier.pop().map(Earlier::resumable) } else { None };
    let ended = earlier.last().map(|last| last.files.clone());
    let publishing = (!args.no_publish).then_some(&interrupt);
    let picking = Picking { kept: Kept::Stays, publishing, secrets: &secrets };
    for told in leftovers::recover(scene, issue, earlier, picking).await? {
        output::note(&told);
    }

    let mode = Mode::choose(args.json);
    let alone = args.jobs == 1 || args.issues.len() == 1;
    let mut progress = Progress::new(mode, &plan, &board);
    let watch = |progress| actions::watch(progress, mode, alone, &plan, &repository.toplevel);
    let (mut recorder, standing, made) = match (next, last, ended) {
        (Next::GoOn(view), Some(last), _) => {
            lock.name(&last.name.to_string())?;
            progress.catch_up(&view);
            let going = resume::go_on(scene, &plan, last, &view, &secrets, watch(progress), &grants).await?;
            (going.recorder, going.standing, going.worktree)
        }
        (Next::Stands, _, Some(files)) => return stands(args, issue, &files, &interrupt),
        _ => {
            let taken =
                |name: RunName| repository.has_ref(&format!("refs/heads/{}", name.branch())).unwrap_or(false);
            let top = &repository.toplevel;
            let created = Recorder::create(top, issue, &taken, &secrets, watch(progress));
            let mut recorder = created.map_err(|error| leftovers::unopened(issue, &error))?;
            let name = recorder.files().run();
            lock.name(&name.to_string())?;
            repository.hand_over(&recorder.files().all())?;
            if plan.share_objects {
                output::note(
                    "objects are shared: steps can read all that this repository's object store holds",
                );
            }
            let publishing = intent.recorded(&recorder);
            run::begin(&mut recorder, &plan, &base, repository, &grants, publishing)?;
            (recorder, Standing::default(), resume::fresh(scene, &plan, &base, name, None).await)
        }
    };
    if let Some(missing) = made.as_ref().ok().and_then(|worktree| worktree.lfs_files().missing()) {
        output::note(&missing);
    }
    let ending = if args.keep_worktree { Ending::Keep } else { Ending::Remove };
    let interrupt = &interrupt.or_asked(lock.stop_file(), recorder.files().run().to_string());
    run::carry_out(made, &plan, &grants, &mut recorder, interrupt, standing, ending).await?;
    let (view, head) = report::close(&mut recorder).map_err(internal)?;
    repository.hand_over(&recorder.files().all())?;
    if !args.no_publish {
        publish::at_the_end(&mut recorder, repository, &view, interrupt).await?;
    }
    drop(lock);
    tell(args, recorder.files(), &view, &head)?;
    actions::finish(mode, recorder.files());
    Ok(exit(&view, interrupt))
}

/// Tells what became of a run that does not go on.
fn stands(args: &RunArgs, issue: u64, files: &Files, interrupt: &Interrupt) -> Result<Exit, Failure> {
    let view = report::read(files).map_err(internal)?;
    let Some((view, head)) = view.and_then(|view| Some((view.clone(), view.head?))) else {
        return Err(Failure::new(Exit::Internal, format!("{}: without an end", files.journal().display())));
    };
    output::note(&resume::stands(issue, &view));
    tell(args, files, &view, &head)?;
    Ok(exit(&view, interrupt))
}

/// Decides what is to be published at the end.
async fn intent(
    args: &RunArgs,
    plan: &Plan,
    repository: &Repository,
    secrets: &Secrets,
) -> Result<Intent, Failure> {
    let environment = Environment::of_process();
    publish::time(&environment)?;
    if args.no_publish {
        return Ok(Intent::nothing("asked not to, with --no-publish"));
    }
    let intent = intend(&plan.publish, repository, &environment).await;
    if let Some(token) = intent.token() {
        // Too short to be masked is too short to be a token of GitHub.
        let _ = secrets.register(token.as_bytes());
    }
    Ok(intent)
}

fn host(args: &RunArgs) -> Result<HostFacts, Failure> {
    let mut host = crate::sandbox::probe();
    if let Some(name) = &args.run_as {
        if host.uid != 0 {
            return Err(Failure::new(
                Exit::Usage,
                "--run-as needs root: nobody else can become another user",
            ));
        }
        host.identity = crate::sandbox::user(name);
    }
    Ok(host)
}

fn find(args: &RunArgs, repository: &Repository, issue: u64) -> Result<Found, Failure> {
    match &args.plan {
        Some(path) => Ok(Found::file(path.clone(), Some(issue))),
        None => plans::of_issue(repository, issue),
    }
}

fn load(args: &RunArgs, found: &Found) -> Result<Plan, Failure> {
    let loaded = found.load().map_err(|faults| {
        actions::faults(&faults);
        Failure::plan(&faults)
    })?;
    for warning in &loaded.warnings {
        output::note(&format!("warning: {warning}"));
    }
    let mut plan = loaded.plan;
    plan.serve_by(args.provider.as_ref(), args.model.as_deref());
    Ok(plan)
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
        "labels": view.start.labels,
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
            LockError::Nameless { ref path } => Self::new(Exit::Locked, error.to_string()).hint(format!(
                "`fuser -v {}` tells which process that is: wait for it, or end it",
                path.display()
            )),
            LockError::Held { holder, path } => {
                let elsewhere = holder.is_of_another_host();
                let failure =
                    Self::new(Exit::Locked, LockError::Held { holder, path: path.clone() }.to_string());
                if elsewhere {
                    failure.hint(format!(
                        "what runs on that host cannot be seen from here; if it is gone for good, remove {}",
                        path.display()
                    ))
                } else {
                    failure.hint(
                        "wait for it (`autopilot status` shows how far it is), or end it: autopilot stop ISSUE",
                    )
                }
            }
        }
    }
}
