//! Publishes: what a run means to, decided before its first step; what it meant to, at its end; and later, once, what
//! it could not.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::rebase::{Rebasing, Whose};
use super::{Error, Note, Order, Site, Unpublished, ceiling, runs};
use crate::evidence::RunState;
use crate::evidence::event::RunResult;
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, Recorder, Watch};
use crate::github::Environment;
use crate::plan::{Plan, units};
use crate::policy::{Trust, Waivers};
pub use crate::publish::Asked;
use crate::publish::{self, Intent, Patience, intend};
use crate::run::{self, Interrupt};
use crate::sandbox;
use crate::worktree::{Lock, LockError, Repository, State};

/// Runners of CI systems give about ten seconds after a signal: this much of them goes into publishing.
const HURRY: Duration = Duration::from_secs(5);
/// How much longer a search for secrets takes than somebody wants it to: most are over by then.
const MOMENT: Duration = Duration::from_secs(2);
/// How long each effect may take, such as `30s`.
const TIMEOUT: &str = "AUTOPILOT_PUBLISH_TIMEOUT";

/// Decides what is to be published at the end.
pub(super) async fn intent(
    order: &Order,
    plan: &Plan,
    repository: &Repository,
    secrets: &Secrets,
) -> Result<Intent, Error> {
    let environment = Environment::of_process();
    time(&environment)?;
    if !order.publish {
        return Ok(Intent::nothing("asked not to, with --no-publish"));
    }
    let intent = intend(&plan.publish, repository, &environment).await;
    if let Some(token) = intent.token() {
        // Too short to be masked is too short to be a token of GitHub.
        let _ = secrets.register(token.as_bytes());
    }
    Ok(intent)
}

/// Searches the result for secrets, before anybody is told of it. Whoever wants it to end waits a moment longer.
pub(super) async fn search(
    recorder: &mut Recorder,
    repository: &Repository,
    interrupt: Option<&Interrupt>,
) -> std::io::Result<()> {
    let until = async {
        let Some(mut interrupt) = interrupt.cloned() else { return std::future::pending().await };
        interrupt.wait().await;
        tokio::time::sleep(MOMENT).await;
    };
    publish::search_result(recorder, repository, until).await
}

/// Publishes at the end of a run. Whatever comes of it, the run is what it is.
pub(super) async fn at_the_end(recorder: &mut Recorder, with: &Rebasing<'_>) -> Result<(), Error> {
    let note = with.note;
    let above = ceiling::unpublishable(recorder.state())?;
    if !above.is_empty() {
        let why = Unpublished::Failed(std::io::Error::other(Error::Above(above).to_string()));
        note(Note::Unpublished { run: recorder.files().run(), why });
        return Ok(());
    }
    let environment = Environment::of_process();
    let interrupted = recorder.state().end.as_ref().is_some_and(|end| end.result == RunResult::Interrupted);
    let time = if interrupted { HURRY } else { time(&environment)? };
    let signal = async { if interrupted { std::future::pending().await } else { told_to_end(with).await } };
    let run = recorder.files().run();
    let patience = Patience::of(time);
    // With its search for secrets it is large.
    let repository = with.site.repository;
    let asked = Asked::Intended;
    let published = Box::pin(publish::publish(recorder, repository, &environment, asked, patience, with));
    let why = tokio::select! {
        published = published => match published {
            Ok(()) => return Ok(()),
            Err(error) => Unpublished::Failed(error),
        },
        _ = signal => Unpublished::BrokenOff,
    };
    note(Note::Unpublished { run, why });
    Ok(())
}

/// Waits for a signal, and for what is under way and has something to take away.
async fn told_to_end(with: &Rebasing<'_>) -> i32 {
    let mut waiting = with.interrupt.clone();
    let signal = waiting.wait().await;
    with.over().await;
    signal
}

/// Lists the runs of a checkout that have something left to publish.
pub fn open(repository: &Repository) -> Result<Vec<Files>, Error> {
    let runs = runs::of(repository, None)?.into_iter();
    let is_open = |files: &Files| {
        let state = files.read().ok().flatten();
        state.is_some_and(|state| state.closed && !state.to_publish().is_empty())
    };
    Ok(runs.map(|run| Files::of(&repository.toplevel, run)).filter(is_open).collect())
}

/// A run that is over and held fast, to be published.
#[derive(Debug)]
pub struct Publication<'a> {
    place: &'a State,
    repository: &'a Repository,
    files: &'a Files,
    state: RunState,
    asked: Asked,
    lock: Lock,
}

/// Who hears of publishing, and what it may do.
pub struct Told<'a> {
    /// Ends it.
    pub interrupt: &'a Interrupt,
    /// Whether steps of a record that are done again may reach the network.
    pub trust: Trust,
    /// Hears of something worth a word.
    pub note: &'a dyn Fn(Note),
}

/// What came of publishing a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Its journal tells of nothing.
    Unknown,
    /// Its plan publishes nothing.
    Nothing,
    /// Nothing is left.
    All,
    /// Something could not be published.
    Failed,
    /// A signal came: what was begun is found out by the next call.
    BrokenOff(i32),
}

impl<'a> Publication<'a> {
    /// Holds a run fast; nothing if it runs, and publishes by itself what it means to.
    pub fn of(
        state: &'a State,
        repository: &'a Repository,
        files: &'a Files,
        asked: Asked,
    ) -> Result<Option<Self>, Error> {
        let run = files.run();
        let lock = match state.hold(repository, run.issue(), None) {
            // Asked for all there is: a run that runs publishes by itself.
            Err(LockError::Held { .. } | LockError::Claimed { .. }) if asked == Asked::Intended => {
                return Ok(None);
            }
            lock => lock?,
        };
        match files.read()?.filter(|state| state.closed) {
            Some(run) => Ok(Some(Self { place: state, repository, files, state: run, asked, lock })),
            None => Err(Error::NotEnded { run }),
        }
    }

    /// Publishes what is not published as it is now. Cancel-safe: what was begun and broken off is found out by the
    /// next call.
    pub async fn publish(self, told: &Told<'_>, watch: Box<dyn Watch>) -> Result<Published, Error> {
        let above = ceiling::unpublishable(&self.state)?;
        if !above.is_empty() {
            return Err(Error::Above(above));
        }
        let (files, state) = (self.files.clone(), Some(self.state));
        let Some(mut recorder) = Recorder::reopen(files, state, &Secrets::default(), watch)? else {
            return Ok(Published::Unknown);
        };
        run::guard(&mut recorder, &self.lock);
        let environment = Environment::of_process();
        let patience = Patience::of(time(&environment)?);
        let host = sandbox::probe();
        let waivers = Waivers::default();
        let site = Site { state: self.place, repository: self.repository, host: &host, waivers: &waivers };
        let with = Rebasing {
            site,
            lock: &self.lock,
            interrupt: told.interrupt,
            whose: Whose::Found(told.trust),
            note: told.note,
            under_way: AtomicBool::new(false),
        };
        let (repository, asked) = (self.repository, self.asked);
        let published =
            Box::pin(publish::publish(&mut recorder, repository, &environment, asked, patience, &with));
        tokio::select! {
            published = published => published?,
            signal = told_to_end(&with) => return Ok(Published::BrokenOff(signal)),
        }
        let state = recorder.state();
        let is_open = state.published.iter().any(|tried| state.is_open(tried.effect));
        Ok(match (state.published.is_empty(), is_open) {
            (true, _) => Published::Nothing,
            (false, true) => Published::Failed,
            (false, false) => Published::All,
        })
    }
}

/// Returns how long each effect may take.
fn time(environment: &Environment) -> Result<Duration, Error> {
    let Some(text) = environment.get(TIMEOUT) else { return Ok(publish::TIME) };
    units::read_duration(text).map_err(|_| Error::NoTime { name: TIMEOUT, text: text.to_owned() })
}
