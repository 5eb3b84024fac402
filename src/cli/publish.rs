//! `autopilot publish [RUN…]`: what a run could not publish, once.

use std::time::Duration;

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::evidence::event::{Effect, Event, RunResult};
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, Line, Recorder, RunName, Watch};
use crate::github::Environment;
use crate::plan::units;
use crate::publish::{self, Asked, Patience};
use crate::report::{self, RunView};
use crate::run::Interrupt;
use crate::worktree::{LockError, Repository, State};

/// Runners of CI systems give about ten seconds after a signal: this much of them goes into publishing.
const HURRY: Duration = Duration::from_secs(5);

/// Publish what runs could not, once: push, pull request, comment.
#[derive(Debug, clap::Args)]
pub(super) struct PublishArgs {
    /// Issues (their latest run) or runs: all that their plans allow. None: what any run has left to publish.
    #[arg(value_name = "ISSUE|RUN")]
    targets: Vec<String>,
}

pub(super) fn run(args: PublishArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, format!("runtime: {error}")))?;
    runtime.block_on(async {
        let mut interrupt = Interrupt::listen().map_err(|error| Failure::system(&error))?;
        tokio::select! {
            exit = all(&args, &repository) => exit,
            // What was begun is found out by the next call.
            signal = interrupt.wait() => Ok(Exit::Signal(signal)),
        }
    })
}

async fn all(args: &PublishArgs, repository: &Repository) -> Result<Exit, Failure> {
    let asked = if args.targets.is_empty() { Asked::Intended } else { Asked::Everything };
    let mut files = Vec::new();
    for named in &args.targets {
        files.push(target::find(repository, Some(named))?);
    }
    if args.targets.is_empty() {
        let open = |files: &Files| is_open(files).unwrap_or(false);
        let runs = target::runs(repository, None)?.into_iter();
        files.extend(runs.map(|run| Files::of(&repository.toplevel, run)).filter(open));
    }
    let mut worst = Exit::Done;
    for files in &files {
        worst = worst.max(one(repository, files, asked).await?);
    }
    if files.is_empty() {
        output::line("nothing is left to publish")?;
    }
    Ok(worst)
}

async fn one(repository: &Repository, files: &Files, asked: Asked) -> Result<Exit, Failure> {
    let name = files.run();
    let lock = State::find()?.lock(&repository.common_dir, name.issue());
    let _lock = match lock {
        // Asked for all there is: a run that runs publishes by itself.
        Err(LockError::Held { .. }) if asked == Asked::Intended => return Ok(Exit::Done),
        lock => lock?,
    };
    if !report::read(files).map_err(system)?.is_some_and(|view| view.closed) {
        return Err(Failure::new(Exit::Usage, format!("run {name} has no end yet"))
            .hint(format!("autopilot run {} picks it up first", name.issue())));
    }
    output::line(&format!("run {name}"))?;
    let (mut recorder, _, _) =
        Recorder::reopen(files.clone(), &Secrets::default(), Box::new(Told)).map_err(system)?;
    let environment = Environment::of_process();
    let patience = Patience::of(time(&environment)?);
    let view = publish::publish(&mut recorder, repository, &environment, asked, patience).await;
    let Some(view) = view.map_err(system)? else { return Ok(Exit::Done) };
    let failed = view.published.iter().any(|tried| view.is_open(tried.effect));
    if view.published.is_empty() {
        output::line("  its plan publishes nothing")?;
    } else if !failed {
        output::line("  nothing is left to publish")?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn is_open(files: &Files) -> std::io::Result<bool> {
    Ok(report::read(files)?.is_some_and(|view| view.closed && !view.to_publish().is_empty()))
}

/// Publishes at the end of a run. Whatever comes of it, the run is what it is.
pub(super) async fn at_the_end(
    recorder: &mut Recorder,
    repository: &Repository,
    view: &RunView,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let interrupted = view.end.as_ref().is_some_and(|end| end.result == RunResult::Interrupted);
    let time = if interrupted { HURRY } else { time(&environment)? };
    let mut waiting = interrupt.clone();
    let signal = async { if interrupted { std::future::pending().await } else { waiting.wait().await } };
    let name = recorder.files().run();
    let published = publish::publish(recorder, repository, &environment, Asked::Intended, Patience::of(time));
    let broken_off = tokio::select! {
        published = published => published.err().map(|error| error.to_string()),
        _ = signal => Some("broken off".to_owned()),
    };
    if let Some(why) = broken_off {
        output::note(&format!("publishing: {why}; later: autopilot publish {name}"));
    }
    Ok(())
}

/// Returns how long each effect may take: `AUTOPILOT_PUBLISH_TIMEOUT`, such as `30s`.
pub(super) fn time(environment: &Environment) -> Result<Duration, Failure> {
    let name = "AUTOPILOT_PUBLISH_TIMEOUT";
    let Some(text) = environment.get(name) else { return Ok(publish::TIME) };
    units::read_duration(text).map_err(|_| {
        Failure::new(Exit::Usage, format!("{name}: `{text}` is no time")).hint("write it as 30s or 2m")
    })
}

/// Prints what came of each effect.
struct Told;

impl Watch for Told {
    fn event(&mut self, line: &Line) {
        for line in told(&line.event, None) {
            // A reader that went away is no reason to publish less.
            let _ = output::line(&line);
        }
    }

    fn output(&mut self, _: &[u8]) {}
}

/// Says what came of an effect; of a run, also what to do about it later.
pub(super) fn told(event: &Event, run: Option<RunName>) -> Vec<String> {
    match event {
        Event::PublishDone { effect, url, .. } => {
            vec![format!("  {:<8} {}", label(*effect), url.as_ref().map_or("done", |url| url.as_str()))]
        }
        Event::PublishFailed { effect, why, hint, .. } => {
            let mut lines = vec![format!("  {:<8} not published: {why}", label(*effect))];
            lines.push(format!("           {hint}"));
            lines.extend(run.map(|run| format!("           later: autopilot publish {run}")));
            lines
        }
        _ => Vec::new(),
    }
}

fn label(effect: Effect) -> &'static str {
    match effect {
        Effect::Push => "push",
        Effect::PullRequest => "pull",
        Effect::Comment => "comment",
    }
}

fn system(error: std::io::Error) -> Failure {
    Failure::system(&error)
}
