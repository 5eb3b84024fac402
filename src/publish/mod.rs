//! Takes a closed run, gives its effects outside of the machine: push, pull request, comment. Each once, whatever
//! is lost in between: the journal has a line before and after each, and where it does not know, the other side is
//! asked first. Never changes what a run itself came to.

mod beside;
mod comment;
mod intent;
mod load;
mod patience;
mod pull_request;
mod push;
mod replayer;
mod scan;
mod search;
mod searched;
mod there;
mod today;
mod told;
mod travel;
mod trouble;

use std::io;
use std::time::Duration;

pub use intent::{Announced, Intent, intend};
pub use load::BOUNDS;
pub use patience::Patience;
pub use replayer::{Replayed, Replayer, Replaying};
pub use searched::search_result;
pub use there::{NotFetched, fetch};
pub use today::today;
pub use travel::send_under_way;

use crate::evidence::event::{Effect, Event};
use crate::evidence::{Recorder, RunState, Token};
use crate::github::{self, Environment, Gh, Slug};
use crate::plan;
use crate::worktree::Repository;
use trouble::Trouble;

/// How long an effect may take by default: a call of `gh` has no end of its own.
pub const TIME: Duration = Duration::from_secs(120);

/// How long is waited to be told whose account it is: what is published does not depend on it.
const LOGIN_TIME: Duration = Duration::from_secs(5);

/// What of a run is to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// What it meant to from the start.
    Intended,
    /// All that its plan allows, also what it could not mean to without `gh`, or was told not to.
    Everything,
}

/// What came of an effect: where it can be looked at, and a comment's number.
#[derive(Debug, Default)]
struct Made {
    url: Option<String>,
    id: Option<u64>,
}

/// Publishes what of a closed run is not published as it is now.
///
/// Cancel-safe: what was begun and broken off is found out by the next call.
pub async fn publish(
    recorder: &mut Recorder,
    repository: &Repository,
    environment: &Environment,
    asked: Asked,
    patience: Patience,
    replayer: &dyn Replayer,
) -> io::Result<()> {
    let effects = effects(recorder.state(), asked);
    tracing::debug!(run = %recorder.files().run(), ?asked, ?effects, "what is to be published");
    if effects.is_empty() {
        return Ok(());
    }
    let slug = slug(recorder.state(), repository, environment);
    let gh = match &slug {
        Some(slug) => Gh::find(environment, slug).await.map_err(Trouble::from),
        None => Err(Trouble::no_repository()),
    };
    let mut account = Account::default();
    for effect in effects {
        if recorder.state().is_open(effect) {
            let is_first = recorder.state().last_try(effect).is_none();
            let login = account.of(&gh, effect).await;
            let publisher =
                Publisher { is_first, login, repository, environment, gh: &gh, recorder, patience };
            match effect {
                Effect::Push => publisher.push(replayer).await?,
                Effect::Evidence => publisher.evidence().await?,
                Effect::PullRequest | Effect::Comment => publisher.one(effect).await?,
            }
        }
    }
    let rest =
        Publisher { is_first: false, login: None, repository, environment, gh: &gh, recorder, patience };
    rest.follow_up().await;
    Ok(())
}

/// Returns what is to be done, in the order in which the later tells of the earlier.
fn effects(state: &RunState, asked: Asked) -> Vec<Effect> {
    let mut effects = state.to_publish();
    if asked == Asked::Everything {
        let plan = plan_of(state);
        let wanted = [
            (plan.push, Effect::Push),
            (plan.pull_request.is_some(), Effect::PullRequest),
            (plan.evidence, Effect::Evidence),
            (plan.comment != Some(false), Effect::Comment),
        ];
        effects = wanted.into_iter().filter(|(is, _)| *is).map(|(_, effect)| effect).collect();
        effects.retain(|effect| state.is_open(*effect));
    }
    // What is done before it makes a comment one that tells too little.
    let comments = state.start.publish.as_ref().is_some_and(|p| p.effects.contains(&Effect::Comment));
    if comments && !effects.is_empty() && !effects.contains(&Effect::Comment) {
        effects.push(Effect::Comment);
    }
    effects
}

/// Returns the plan's `publish` as the journal has it.
fn plan_of(state: &RunState) -> plan::Publish {
    let document = state.start.plan.value().get("publish").cloned().unwrap_or_default();
    serde_json::from_value(document).unwrap_or_default()
}

/// Returns the repository of GitHub: the one that the run began with, else what can be found now.
fn slug(state: &RunState, repository: &Repository, environment: &Environment) -> Option<Slug> {
    let recorded = state.start.publish.as_ref().and_then(|publish| publish.repository.as_ref());
    let recorded = recorded.and_then(|slug| slug.as_str().parse().ok());
    recorded.or_else(|| find_slug(repository, environment))
}

/// Finds the repository of GitHub that a checkout is of.
pub fn find_slug(repository: &Repository, environment: &Environment) -> Option<Slug> {
    Slug::find(environment, &remotes(repository))
}

/// Returns the remote to push to: the user's default, the one of the GitHub repository, `origin`, the only one.
pub fn remote_of(repository: &Repository, slug: Option<&Slug>) -> Option<String> {
    let remotes = remotes(repository);
    let is_target = |url: &str| slug.is_some() && Slug::of_url(url).as_ref() == slug;
    let by_target = || remotes.iter().find(|remote| is_target(&remote.url));
    let by_name = || remotes.iter().find(|remote| remote.name == "origin");
    let only = || remotes.first().filter(|_| remotes.len() == 1);
    repository
        .push_default()
        .or_else(|| by_target().or_else(by_name).or_else(only).map(|remote| remote.name.clone()))
}

fn remotes(repository: &Repository) -> Vec<github::Remote> {
    let remotes = repository.remotes().unwrap_or_default().into_iter();
    remotes
        .map(|remote| github::Remote { name: remote.name, url: remote.url, resolved: remote.resolved })
        .collect()
}

/// The account that `gh` acts for, asked for once.
#[derive(Default)]
struct Account {
    asked: bool,
    login: Option<String>,
}

impl Account {
    /// Returns whose an effect is; nothing of a push, whose credentials are git's, and where GitHub does not say.
    async fn of(&mut self, gh: &Result<Gh, Trouble>, effect: Effect) -> Option<String> {
        let by_git = matches!(effect, Effect::Push | Effect::Evidence);
        let gh = gh.as_ref().ok().filter(|_| !by_git)?;
        if !self.asked {
            self.asked = true;
            self.login = gh.login(LOGIN_TIME).await.ok().filter(|login| !login.is_empty());
        }
        self.login.clone()
    }
}

/// Everything one effect works with.
struct Publisher<'a> {
    /// Nobody has ever tried it: what it makes is not there.
    is_first: bool,
    /// Whom `gh` acts for, if that is known.
    login: Option<String>,
    repository: &'a Repository,
    environment: &'a Environment,
    gh: &'a Result<Gh, Trouble>,
    recorder: &'a mut Recorder,
    patience: Patience,
}

impl Publisher<'_> {
    /// Gives one effect of GitHub's, with a line in the journal before and after it.
    async fn one(mut self, effect: Effect) -> io::Result<()> {
        let key = self.key(effect);
        self.begin(effect, key.clone(), None)?;
        let made = if effect == Effect::Comment { self.comment().await } else { self.pull_request().await };
        self.end(effect, key, made)
    }

    /// Records that an effect is about to be given, and how many commits of the base it takes along.
    fn begin(&mut self, effect: Effect, key: Token, along: Option<u64>) -> io::Result<()> {
        let to = self.target(effect);
        let login = self.login.as_ref().map(|login| self.recorder.line(login));
        self.recorder.record(Event::PublishStarted { effect, key, to, login, along })
    }

    /// Records what became of an effect.
    fn end(&mut self, effect: Effect, key: Token, made: Result<Made, Trouble>) -> io::Result<()> {
        let event = match made {
            Ok(Made { url, id }) => {
                let url = url.map(|url| self.recorder.line(url));
                Event::PublishDone { effect, key, url, id }
            }
            Err(Trouble { kind, why, hint }) => {
                let (why, hint) = (self.recorder.line(why), self.recorder.line(hint));
                Event::PublishFailed { effect, key, kind, why, hint }
            }
        };
        self.recorder.record(event)
    }

    /// Returns the run as it is by now.
    fn state(&self) -> &RunState {
        self.recorder.state()
    }

    fn key(&self, effect: Effect) -> Token {
        let state = self.state();
        let head = state.head.as_ref().map(|head| Token::new(head.to_string()));
        let commit =
            || state.pushed().or_else(|| Some(state.branch.as_ref()?.commit.as_str())).map(Token::new);
        if matches!(effect, Effect::Comment | Effect::Evidence) { head } else { commit() }
            .unwrap_or_else(|| Token::new(""))
    }

    fn target(&self, effect: Effect) -> Token {
        let remote = self.remote().unwrap_or_default();
        let slug = self.gh.as_ref().map(|gh| gh.slug().with_host()).unwrap_or_default();
        let by_git = matches!(effect, Effect::Push | Effect::Evidence);
        Token::new(if by_git { remote } else { slug })
    }

    /// Returns the `gh` that is there, or why there is none.
    fn gh(&self) -> Result<&Gh, Trouble> {
        self.gh.as_ref().map_err(Clone::clone)
    }
}
