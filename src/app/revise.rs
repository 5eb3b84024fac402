//! Takes a run whose work is a pull request, and what is asked of that by now, does the last agent's step again on top of the branch,
//! and what stands behind it: a run of its own, under plan and policy of the record. Push and comment go to the same pull request.

mod found;
mod prepare;
mod review;
mod stand;

use std::time::Duration;

use self::prepare::{Parts, Planned};
use self::review::Item;
use self::stand::Others;
use super::earlier;
use super::outcome::ASKED;
use super::run::{Call, Ready, take_lock};
use super::{Error, Front, Note, Order, Outcome, Site};
use crate::evidence::RunName;
use crate::evidence::mask::{self, Secrets};
use crate::github::{Environment, Gh, PullRequest, Standing};
use crate::policy::Trust;
use crate::publish::{self, Intent};
use crate::run::Interrupt;
use crate::worktree::Repository;

/// `gh` has no timeout of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// An issue, the newest of whose runs that has a pull request is meant; or a run.
    pub named: &'a str,
    /// Whether steps of the record may reach the network.
    pub trust: Trust,
    /// Only show what an agent would be given.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Revised {
    /// Nothing is asked of the pull request that was not answered.
    Nothing(PullRequestOf),
    /// This would be given to the agent of this step.
    Shown(PullRequestOf, Shown),
    /// The run of it.
    Ran(Outcome),
}

/// The pull request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestOf {
    /// The run.
    pub run: RunName,
    /// The number of the pull request.
    pub number: u64,
}

/// What an agent would be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The steps that would be done.
    pub steps: Vec<String>,
    /// The agent's.
    pub step: String,
    /// What is asked, each with its name.
    pub asked: Vec<(String, String)>,
}

/// Revises the pull request of a run.
pub async fn revise<F: Front>(
    asked: &Asked<'_>,
    order: &Order,
    repository: &Repository,
    interrupt: &Interrupt,
    front: &F,
) -> Result<Revised, Error> {
    match Box::pin(whole(asked, order, (repository, interrupt), front)).await {
        Err(error) if error.is_halt() => {
            front.note(Note::BrokenOff(order.issue));
            Ok(Revised::Ran(Outcome::Interrupted(interrupt.heard().unwrap_or(ASKED))))
        }
        revised => revised,
    }
}

async fn whole<F: Front>(
    asked: &Asked<'_>,
    order: &Order,
    (repository, interrupt): (&Repository, &Interrupt),
    front: &F,
) -> Result<Revised, Error> {
    let found = found::find(repository, asked.named)?;
    let first = found::first(repository, &found)?;
    let of = PullRequestOf { run: found.run, number: found.number };
    let secrets = Secrets::default();
    let gh = find_gh(&of, repository, &secrets).await?;
    let pull = read(&gh, &of).await?;
    let stand = stand::look(repository, &found, &pull, gh.slug()).await?;
    let items = review::of(&pull, &found.seen, &stand);
    if items.is_empty() {
        return Ok(Revised::Nothing(of));
    }
    let (trust, url) = (asked.trust, pull.url.as_str());
    let (found, first, stand, items) = (&found, &first, &stand, items.as_slice());
    let parts = Parts { trust, order, repository, found, first, stand, items, url };
    let planned = parts.plan()?;
    if let Some(others) = stand.others {
        let (branch, rewrote) = (found.branch.short().to_owned(), others == Others::Rewrote);
        front.note(Note::OthersCommits { branch, rewrote });
    }
    if asked.dry_run {
        return Ok(Revised::Shown(of, shown(planned, items, &secrets)));
    }
    let intent = if order.publish {
        Intent::revision(&gh).await
    } else {
        Intent::nothing("asked not to, with --no-publish")
    };
    let ready = parts.ready(planned, (intent, secrets), front).await?;
    // Until it has the lock anybody could answer.
    let is_newest = || Ok(found::find(repository, asked.named)?.run == of.run);
    let overtaken = Error::Overtaken { number: of.number };
    let ran = carry_out(&ready, order, (repository, interrupt, front), is_newest, overtaken);
    let ran = Box::pin(ran).await?;
    Ok(Revised::Ran(ran))
}

/// Does it, under the lock of the issue.
async fn carry_out<F: Front>(
    ready: &Ready,
    order: &Order,
    (repository, interrupt, front): (&Repository, &Interrupt, &F),
    is_newest: impl Fn() -> Result<bool, Error>,
    overtaken: Error,
) -> Result<Outcome, Error> {
    let state = order.state()?;
    let mut lock = take_lock(&state, repository, order.issue, interrupt, front)?;
    if !is_newest()? {
        return Err(overtaken);
    }
    let site = Site { state: &state, repository, host: &ready.host, waivers: &order.waivers };
    let call = Call { order, site, ready, interrupt, front };
    let earlier = earlier::all(site, order.issue, None)?;
    call.recover(earlier, &lock).await?;
    match call.begin(&mut lock).await? {
        Some(opened) => call.complete(opened, lock).await,
        None => Ok(Outcome::Interrupted(interrupt.heard().unwrap_or(ASKED))),
    }
}

/// Reads the pull request, which has to be open.
async fn read(gh: &Gh, of: &PullRequestOf) -> Result<PullRequest, Error> {
    let number = of.number;
    let failed = |failure| Error::PullRequest { number, failure };
    let pull = gh.pull_request(number, PATIENCE).await.map_err(failed)?;
    match pull.standing {
        Standing::Open => Ok(pull),
        Standing::Closed => Err(Error::PullRequestOver { number, is_merged: false }),
        Standing::Merged => Err(Error::PullRequestOver { number, is_merged: true }),
    }
}

/// Says what would be done, and what its agent would be given.
fn shown(planned: Planned, items: &[Item], secrets: &Secrets) -> Shown {
    let masked = |text: String| mask::text(secrets, &text);
    let asked = review::named(items).into_iter().map(|(name, text)| (masked(name), masked(text)));
    let steps = planned.plan.steps.iter().map(|step| step.id.clone()).collect();
    Shown { steps, step: planned.step, asked: asked.collect() }
}

/// Finds `gh` for the repository that this checkout is of, whatever the journal says.
async fn find_gh(of: &PullRequestOf, repository: &Repository, secrets: &Secrets) -> Result<Gh, Error> {
    let environment = Environment::of_process();
    let slug =
        publish::find_slug(repository, &environment).ok_or(Error::NoRemote { issue: of.run.issue() })?;
    let failed = |failure| Error::PullRequest { number: of.number, failure };
    let gh = Gh::find(&environment, &slug).await.map_err(failed)?;
    // A token too short to be masked is none of GitHub's.
    let _ = secrets.register(gh.token().as_bytes());
    Ok(gh)
}

/// Finds the issue that is meant. Where no such run is here and the remote has one, that is made one of this machine, with those that
/// it revises: what its record says is done in this user's name, so that it takes trust.
pub fn issue_of(
    repository: &Repository,
    named: &str,
    trust: Trust,
    note: &dyn Fn(Note),
) -> Result<u64, Error> {
    found::bring(repository, named, trust, note)?;
    Ok(found::run_of(repository, named)?.issue())
}
