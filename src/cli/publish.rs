//! `autopilot publish [RUN…]`: what a run could not publish, once.

use super::exit::{Exit, Failure};
use super::{completions, notes, output, target};
use crate::app::publish::{self, Asked, Publication, Published};
use crate::app::{adopt, jobs};
use crate::evidence::event::{Effect, Event};
use crate::evidence::{Files, Line, RunName, RunState, Watch};
use crate::policy::Trust;
use crate::run::Interrupt;
use crate::worktree::{Repository, State};

/// Publish what runs could not, once: push, pull request, comment.
#[derive(Debug, clap::Args)]
pub(super) struct PublishArgs {
    /// Issues (their latest run) or runs: all that their plans allow. None: what any run has left to publish.
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    targets: Vec<String>,
    /// Where a base has moved: let steps that are done again reach the network that their plan says. Of a run that another
    /// machine left on the remote: publish what its record says.
    #[arg(long)]
    trust: bool,
}

pub(super) fn run(args: PublishArgs) -> Result<Exit, Failure> {
    let repository = target::repository_to_commit_in()?;
    jobs::runtime()?.block_on(async {
        let interrupt = Interrupt::listen().map_err(|error| Failure::system(&error))?;
        all(&args, &repository, &interrupt).await
    })
}

async fn all(args: &PublishArgs, repository: &Repository, interrupt: &Interrupt) -> Result<Exit, Failure> {
    let trust = if args.trust { Trust::Given } else { Trust::Withheld };
    let (asked, runs) = if args.targets.is_empty() {
        (Asked::Intended, publish::open(repository)?)
    } else {
        let note = |note| output::note(&notes::text(&note));
        let named = args.targets.iter().map(|named| adopt::own(repository, named, trust, &note));
        (Asked::Everything, named.collect::<Result<_, _>>()?)
    };
    let told = publish::Told { interrupt, trust, note: &|note| output::note(&notes::text(&note)) };
    let mut worst = Exit::Done;
    for files in &runs {
        match one(repository, files, asked, &told).await? {
            signal @ Exit::Signal(_) => return Ok(signal),
            exit => worst = worst.max(exit),
        }
    }
    if runs.is_empty() {
        output::line("nothing is left to publish")?;
    }
    Ok(worst)
}

async fn one(
    repository: &Repository,
    files: &Files,
    asked: Asked,
    told: &publish::Told<'_>,
) -> Result<Exit, Failure> {
    let state = State::find()?;
    let Some(publication) = Publication::of(&state, repository, files, asked)? else {
        return Ok(Exit::Done);
    };
    output::line(&format!("run {}", files.run()))?;
    match publication.publish(told, Box::new(Told)).await? {
        Published::Unknown => {}
        Published::Nothing => output::line("  its plan publishes nothing")?,
        Published::All => output::line("  nothing is left to publish")?,
        Published::Failed => return Ok(Exit::Failed),
        Published::BrokenOff(signal) => return Ok(Exit::Signal(signal)),
    }
    Ok(Exit::Done)
}

/// Prints what came of each effect.
struct Told;

impl Watch for Told {
    fn event(&mut self, line: &Line, _: &RunState) {
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
        Event::PublishRebased(rebased) if rebased.held => {
            vec![format!("  {:<8} replayed on {}: everything holds", "", rebased.onto.abbreviated())]
        }
        Event::PublishEvidence(sent) => {
            let of = |what: &str| format!("  {:<8} {what}", label(Effect::Evidence));
            let left_out = sent.left_out.iter().map(|what| of(&format!("left out: {what}")));
            let why = sent.why.as_ref().map(|why| of(&format!("not sent: {why}; tried again later")));
            left_out.chain(why).collect()
        }
        Event::PublishStarted { effect, along: Some(along), .. } => {
            vec![format!(
                "  {:<8} takes along {along} of the base's commits, which are not there",
                label(*effect)
            )]
        }
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
        Effect::Evidence => "evidence",
        Effect::Comment => "comment",
    }
}
