//! `autopilot run ISSUE…`: what was asked for goes to [`app::run`], what became of it into text and exit code.

use std::path::PathBuf;

use serde_json::json;
use tokio::sync::oneshot;

use super::confined::Confined;
use super::exit::{Cause, Exit, Failure};
use super::front::Front;
use super::number::Meant;
use super::progress::{Board, Doing, Mode, say};
use super::served::Served;
use super::shape::{self, Run};
use super::{actions, answer, completions, number, output, tally, target};
use crate::app::jobs::{self, BrokenOff, Job};
use crate::app::{self, Ended, Order, Outcome, Verdict};
use crate::evidence::state::WorktreeState;
use crate::report;
use crate::run::{self, Ending, SHORT_GRACE};
use crate::time::exact;
use crate::worktree::Repository;

/// Run the plans of issues, one after the other or side by side.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Numbers of the issues; each has its plan in .ai/plans/<ISSUE>/Autopilot.yaml. With --resume, the name of a run, too.
    #[arg(required = true, value_name = "ISSUE", value_parser = number::meant, add = completions::issues())]
    issues: Vec<Meant>,
    /// Another file than the issue's own plan.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only check the plan and show what it would do.
    #[arg(long)]
    dry_run: bool,
    /// Go on with the last run of the issue, or the one that is named, where it crashed or was interrupted; begin one if there
    /// is none.
    #[arg(long)]
    resume: bool,
    /// The same, and where the last run cannot go on, save what it left and begin a new one: what an engine calls.
    #[arg(long, conflicts_with = "resume")]
    resume_or_new: bool,
    /// Run up to N issues at once, each with its own worktree, evidence and lines.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Leave the worktree in place at the end.
    #[arg(long)]
    keep_worktree: bool,
    /// Leave the issue, the remote and pull requests alone, whatever the plan says.
    #[arg(long)]
    no_publish: bool,
    #[command(flatten)]
    served: Served,
    #[command(flatten)]
    confined: Confined,
    /// Print results as JSON on standard output, and progress on standard error.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: RunArgs) -> Result<Exit, Failure> {
    if args.plan.is_some() && args.issues.len() > 1 {
        return Err(Failure::new(Cause::Usage, "--plan names one file, but there are several issues"));
    }
    let issues = jobs::distinct(args.issues.iter().map(|meant| meant.issue));
    args.demand_clear(&issues)?;
    if args.dry_run {
        let issues = || issues.iter().map(ToString::to_string).collect();
        let targets = args.plan.map_or_else(issues, |plan| vec![plan.to_string_lossy().into_owned()]);
        let served = args.served;
        return super::check::run(&super::check::CheckArgs {
            targets,
            plan_only: false,
            served,
            json: args.json,
        });
    }
    let repository = match target::repository_to_commit_in() {
        Ok(repository) => repository,
        Err(failure) => {
            output::error(&failure);
            for issue in &issues {
                args.answer(*issue, &failure);
            }
            return Ok(failure.exit());
        }
    };
    let board = Board::new(issues.len().min(args.jobs.into()));
    let one = async |job: Job| {
        let issue = job.issue;
        let done = one(&args, &repository, board.clone(), job).await;
        Ok::<_, Failure>((issue, done.unwrap_or_else(|failure| told(&args, &board, issue, failure))))
    };
    let failed = |issue, failure| (issue, told(&args, &board, issue, failure));
    let handled = jobs::each(&issues, args.jobs.into(), one, failed)?;
    let mode = Mode::choose(args.json);
    for line in tally::lines(&issues, &handled.each).iter().filter(|_| mode != Mode::Silent) {
        say(mode, line);
    }
    let broken_off = handled.broken_off.map(|why| match why {
        BrokenOff::Signal(signal) => Exit::Signal(signal),
        BrokenOff::Fault => Exit::Internal,
    });
    let never = issues.iter().filter(|issue| !handled.each.iter().any(|(own, _)| own == *issue));
    for issue in never {
        args.answer(*issue, &not_begun(broken_off));
    }
    Ok(handled.each.into_iter().map(|(_, exit)| exit).chain(broken_off).max().unwrap_or(Exit::Done))
}

/// Runs one issue, and tells what became of it.
async fn one(args: &RunArgs, repository: &Repository, board: Board, job: Job) -> Result<Exit, Failure> {
    let front = args.front(board, repository);
    let _until_it_is_over = acknowledge(&front, &job);
    let order = args.order(job.issue);
    let outcome = app::run(&order, repository, &job.interrupt, &front).await;
    match outcome.inspect_err(annotate)? {
        Outcome::Interrupted(signal) => {
            let failure = not_begun(Some(Exit::Signal(signal)));
            args.answer(job.issue, &failure);
            Ok(failure.exit())
        }
        Outcome::Stands(ended) => {
            front.board.above(|| output::note(&stands(job.issue, &ended)));
            tell(args, &ended, repository)?;
            Ok(ended.verdict.into())
        }
        Outcome::Ended(ended) => {
            tell(args, &ended, repository)?;
            actions::finish(front.mode, &ended, repository);
            Ok(ended.verdict.into())
        }
    }
}

/// Tells at once that a signal was heard, and what that means: what is under way may take its time to end. From a thread,
/// since the run's own may be busy; it ends when what is returned is dropped.
pub(super) fn acknowledge(front: &Front, job: &Job) -> oneshot::Sender<()> {
    let (mut interrupt, doing, board, mode) =
        (job.interrupt.clone(), front.doing.clone(), front.board.clone(), front.mode);
    let issue = job.issue;
    let (alive, over) = oneshot::channel::<()>();
    if mode == Mode::Silent {
        return alive;
    }
    std::thread::spawn(move || {
        let Ok(runtime) = jobs::runtime() else { return };
        let is_heard = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.wait() => true,
                _ = over => false,
            }
        });
        if !is_heard {
            return;
        }
        // Nothing of an issue is under way that is over, or was never begun.
        if let Some(what) = doing.what() {
            let grace = exact(SHORT_GRACE);
            board.say(
                mode,
                &format!("stopping #{issue} `{what}`, {grace} at most; Ctrl-C again ends it at once"),
            );
        }
    });
    alive
}

/// Tells what failed of an issue, also of one of several.
fn told(args: &RunArgs, board: &Board, issue: u64, mut failure: Failure) -> Exit {
    args.answer(issue, &failure);
    if args.issues.len() > 1 {
        failure.message = format!("issue {issue}: {}", failure.message);
    }
    board.above(|| output::error(&failure));
    failure.exit()
}

/// Says of an issue that its run was not begun, since all was broken off.
pub(super) fn not_begun(why: Option<Exit>) -> Failure {
    match why {
        Some(Exit::Signal(signal)) => Failure::new(
            Cause::Interrupted(signal),
            format!("not begun: ended by {}", run::name_of_signal(signal)),
        ),
        _ => Failure::new(Cause::Internal, "not begun: the thread that was to do it is gone"),
    }
}

fn annotate(error: &app::Error) {
    if let app::Error::Plan(faults) = error {
        actions::faults(faults);
    }
}

impl RunArgs {
    fn goes_on(&self) -> bool {
        self.resume || self.resume_or_new
    }

    /// Demands that it is clear which run of each issue is meant, and what is to become of it.
    fn demand_clear(&self, issues: &[u64]) -> Result<(), Failure> {
        for Meant { issue, run } in &self.issues {
            let Some(run) = run.filter(|_| !self.goes_on()) else { continue };
            return Err(Failure::new(Cause::Usage, format!("{run} is a run: it can go on, and not begin"))
                .hint(format!(
                    "go on with it: autopilot run {run} --resume; begin a new one: autopilot run {issue}"
                )));
        }
        if jobs::distinct(self.issues.iter().copied()).len() > issues.len() {
            let why = "an issue is named twice, and not by the same run: write which one is to go on";
            return Err(Failure::new(Cause::Usage, why));
        }
        Ok(())
    }

    /// Answers a program that asked for an issue which there is no run of.
    fn answer(&self, issue: u64, failure: &Failure) {
        if self.json {
            // A reader that went away is told nothing more.
            let _ = output::json(&answer::of_issue(issue, failure));
        }
    }

    fn order(&self, issue: u64) -> Order {
        self.confined.of(Order {
            plan: self.plan.clone(),
            resume: self.goes_on(),
            run: self.issues.iter().find(|meant| meant.issue == issue).and_then(|meant| meant.run),
            or_new: self.resume_or_new,
            ending: if self.keep_worktree { Ending::Keep } else { Ending::Remove },
            publish: !self.no_publish,
            agent: self.served.agent,
            provider: self.served.provider.clone(),
            model: self.served.model.clone(),
            ..Order::of(issue)
        })
    }

    fn front(&self, board: Board, repository: &Repository) -> Front {
        Front {
            board,
            doing: Doing::default(),
            mode: Mode::choose(self.json),
            alone: self.jobs == 1 || self.issues.len() == 1,
            asks: self.issues.len() == 1 && !self.json,
            top: repository.toplevel.clone(),
        }
    }
}

/// Says how a run that does not go on has ended.
fn stands(issue: u64, ended: &Ended) -> String {
    let run = &ended.state.start.run;
    match ended.verdict {
        Verdict::Done => format!("run {run} is done: nothing to resume"),
        Verdict::Failed | Verdict::Faulted | Verdict::Interrupted(_) => {
            format!("run {run} failed; resuming would fail again. Start over: `autopilot run {issue}`")
        }
    }
}

/// The last line on standard output is for programs, where they asked for it.
fn tell(args: &RunArgs, ended: &Ended, repository: &Repository) -> Result<(), Failure> {
    if !args.json {
        return Ok(());
    }
    let Ended { files, state, head, .. } = ended;
    let end = state.end.as_ref();
    let relative = |path: PathBuf| files.relative(&path);
    let review = report::review::Review::of(state, files, crate::publish::today(repository, state).as_ref());
    output::json(&Run::Ended(Box::new(shape::Ended {
        v: answer::V,
        exit: Exit::from(ended.verdict).code(),
        error: (),
        run: files.run().to_string(),
        issue: state.start.issue,
        result: end.map(|end| end.result.word()),
        reason: json!(end.and_then(|end| end.reason.as_ref())),
        step: end.and_then(|end| end.step.as_ref()).map(ToString::to_string),
        seconds: end.map(|end| end.took.as_secs_f64()),
        branch: state.branch.as_ref().map(|made| made.reference.to_string()),
        commit: state.branch.as_ref().map(|made| made.commit.to_string()),
        worktree: if let WorktreeState::Kept(path, _) = &state.worktree { Some(path.clone()) } else { None },
        tokens: state.tokens(),
        cost: state.cost(),
        labels: json!(state.start.labels),
        review: json!(review),
        head: head.to_string(),
        journal: relative(files.journal()),
        summary: relative(files.summary()),
        log: relative(files.log()),
        failed: files.failed().exists().then(|| relative(files.failed())),
        salvage: files.salvage().exists().then(|| relative(files.salvage())),
    })))
}
