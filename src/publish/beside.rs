//! Takes a run's result and what a remote has, gives what the result stands on there: its own base, or the one of now, on which the run
//! is replayed first.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use super::replayer::{Replayed, Replayer};
use super::told::said;
use super::{Publisher, Trouble, plan_of};
use crate::evidence::event::{Event, PublishFault, Rebased};
use crate::git::{Oid, RefName};
use crate::github::{self, Slug};
use crate::plan::Rebase;

/// Commits that are named.
const NAMED: usize = 3;

/// What goes out, and over what.
pub(super) struct Outgoing {
    pub(super) remote: String,
    /// Where a push to it goes.
    pub(super) places: Vec<String>,
    /// The remote that has the base, where that is another one.
    pub(super) upstream: Option<String>,
    pub(super) reference: RefName,
    pub(super) commit: Oid,
    /// An earlier try, or the user, pushed it.
    pub(super) is_there: bool,
    pub(super) theirs: Theirs,
    /// The base there, and the tip that it has to be at.
    pub(super) beside: Option<(RefName, Oid)>,
    /// Commits of the base that they lack.
    pub(super) along: Vec<Oid>,
}

impl Outgoing {
    /// Returns how many commits of the base go along, if any do.
    pub(super) fn along(&self) -> Option<u64> {
        Some(self.along.len() as u64).filter(|count| *count > 0)
    }

    /// Returns the remote that has the base.
    fn base_remote(&self) -> &str {
        self.upstream.as_ref().unwrap_or(&self.remote)
    }

    /// Returns where the base is asked for.
    fn base_place(&self) -> &str {
        self.upstream.as_ref().or(self.places.first()).unwrap_or(&self.remote)
    }
}

/// What they have to whom a push goes.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    /// What their refs name.
    pub(super) objects: BTreeSet<Oid>,
    /// Where the result's branch is.
    pub(super) result: Option<Oid>,
    /// Where the base is.
    base: Option<Oid>,
}

impl Theirs {
    /// Reads what a place lists.
    pub(super) fn read(listed: &str, result: &RefName, base: Option<&RefName>) -> Self {
        let refs = listed.lines().filter_map(|line| line.split_once('\t'));
        let refs: Vec<(Oid, &str)> =
            refs.filter_map(|(id, name)| Some((Oid::parse(id).ok()?, name))).collect();
        let at = |wanted: &RefName| {
            refs.iter().find(|(_, name)| *name == wanted.as_str()).map(|(id, _)| id.clone())
        };
        let (result, base) = (at(result), base.and_then(at));
        Self { objects: refs.into_iter().map(|(id, _)| id).collect(), result, base }
    }

    /// Says where another remote has the base. What that has is nobody's secret to where the branch goes: it is to be merged there.
    fn beside(mut self, upstream: Self) -> Self {
        self.objects.extend(upstream.objects);
        Self { base: upstream.base, ..self }
    }

    /// Returns what two places have both. A push to both stands on one base.
    pub(super) fn both(self, other: Self, remote: &str) -> Result<Self, Trouble> {
        if self.base != other.base {
            return Err(Trouble::new(
                PublishFault::Rejected,
                format!("the places that a push to {remote} goes to have the base at different commits"),
                "bring them to one commit, then: autopilot publish",
            ));
        }
        let result = self.result.filter(|own| other.result.as_ref() == Some(own));
        Ok(Self { objects: &self.objects & &other.objects, result, base: self.base })
    }
}

/// What a result stands on, as the remote has it.
pub(super) enum Standing {
    /// On what is there, where the base has to be for that; these commits of the base go along.
    Holds(Option<(RefName, Oid)>, Vec<Oid>),
    /// On what was there: the base is at this commit now.
    Moved(RefName, Oid),
}

impl Publisher<'_> {
    /// Finds out what the base is to a branch that is pushed to a fork: that of the repository in which the pull request is opened.
    pub(super) async fn on_upstream(
        &self,
        outgoing: Outgoing,
        base: Option<RefName>,
    ) -> Result<(Outgoing, Option<RefName>), Trouble> {
        let Some(upstream) = self.upstream(&outgoing)? else { return Ok((outgoing, base)) };
        let base = self.repository.branch_on(&upstream, self.state().start.base.as_str())?;
        let there = self.there(&upstream, &outgoing.reference, base.as_ref()).await?;
        let theirs = outgoing.theirs.beside(there);
        Ok((Outgoing { theirs, upstream: Some(upstream), ..outgoing }, base))
    }

    /// Returns the remote of the repository in which the pull request is opened, where a push goes to another one.
    fn upstream(&self, outgoing: &Outgoing) -> Result<Option<String>, Trouble> {
        let plan = plan_of(self.state());
        let is_judged = plan.rebase == Rebase::Verify && self.state().start.revises.is_none();
        if plan.pull_request.is_none() || !is_judged {
            return Ok(None);
        }
        let slug = super::slug(self.state(), self.repository, self.environment);
        let remotes = super::remotes(self.repository);
        let own = outgoing.places.first().and_then(|place| {
            let remote = remotes.iter().find(|remote| remote.name == *place);
            Slug::of_url(remote.map_or(place, |remote| &remote.url))
        });
        // What is on no forge is a copy of the repository, as far as anybody can tell.
        let (Some(slug), Some(own)) = (slug, own) else { return Ok(None) };
        if own.is(&slug) {
            return Ok(None);
        }
        let is_it = |remote: &&github::Remote| Slug::of_url(&remote.url).is_some_and(|of| of.is(&slug));
        match remotes.iter().find(is_it) {
            Some(remote) => Ok(Some(remote.name.clone())),
            None => Err(unknown(&slug, &own)),
        }
    }

    /// Asks a place what it has.
    pub(super) async fn there(
        &self,
        place: &str,
        result: &RefName,
        base: Option<&RefName>,
    ) -> Result<Theirs, Trouble> {
        let asked = said(self.repository.ask(place), self.patience.anew().left()).await;
        Ok(Theirs::read(&asked.map_err(|refused| refused.trouble)?, result, base))
    }

    /// Tells whether another remote has the base where the push stands on it: no push there and here is one.
    pub(super) async fn is_stale(&self, outgoing: &Outgoing) -> Result<bool, Trouble> {
        let (Some(upstream), Some((branch, tip))) = (&outgoing.upstream, &outgoing.beside) else {
            return Ok(false);
        };
        let there = self.there(upstream, &outgoing.reference, Some(branch)).await?;
        Ok(there.base.as_ref() != Some(tip))
    }

    /// Finds out whether the result stands on the base as the remote has it.
    pub(super) async fn standing(
        &self,
        outgoing: &Outgoing,
        base: Option<RefName>,
    ) -> Result<Standing, Trouble> {
        // A revision stands on the branch that it goes to: what of a base comes with it was asked for.
        if self.state().start.revises.is_some() {
            return Ok(Standing::Holds(None, Vec::new()));
        }
        let tip = outgoing.theirs.base.clone();
        let is_kept = plan_of(self.state()).rebase == Rebase::Verify;
        if let (Some(branch), Some(tip)) = (&base, &tip) {
            self.fetch(outgoing, branch, tip).await?;
        }
        let from = &self.state().start.commit;
        let ids: Vec<Oid> = outgoing.theirs.objects.iter().cloned().collect();
        let along = self.repository.lacked(from, &ids)?;
        let Some(branch) = base.filter(|_| is_kept) else { return Ok(Standing::Holds(None, along)) };
        if !along.is_empty() {
            return Err(unpushed(&along, self.state().start.base.as_str(), outgoing.base_remote()));
        }
        let Some(tip) = tip else { return Ok(Standing::Holds(None, along)) };
        let holds = self.repository.is_ancestor(tip.as_str(), outgoing.commit.as_str())?;
        Ok(if holds { Standing::Holds(Some((branch, tip)), along) } else { Standing::Moved(branch, tip) })
    }

    /// Fetches the base's tip, unless it is here.
    async fn fetch(&self, outgoing: &Outgoing, branch: &RefName, tip: &Oid) -> Result<(), Trouble> {
        if self.repository.has_commit(tip)? {
            return Ok(());
        }
        let (place, time) = (outgoing.base_place(), self.patience.anew().left());
        said(self.repository.fetch_from(place, branch), time).await.map_err(|refused| refused.trouble)?;
        if self.repository.has_commit(tip)? {
            return Ok(());
        }
        Err(Trouble::new(
            PublishFault::Moved,
            format!("{} was rewritten on {} just now", branch.short(), outgoing.base_remote()),
            "look at it; then: autopilot publish",
        ))
    }

    /// Replays the run on the base of now, unless that was done; returns the commit that it came to.
    pub(super) async fn rebase(
        &mut self,
        replayer: &dyn Replayer,
        (branch, onto): &(RefName, Oid),
        round: u32,
    ) -> io::Result<Result<Oid, Trouble>> {
        if let Some(known) = self.known(onto) {
            return Ok(Ok(known));
        }
        let at = At { branch: branch.short().to_owned(), onto: onto.clone() };
        let state = self.state().clone();
        let replayed = replayer.onto(self.recorder.files(), &state, onto).await;
        let (commits, why) = match replayed {
            Replayed::Held(commits) => (commits, None),
            Replayed::Differs(why) => (Vec::new(), Some(why)),
            Replayed::Impossible { why, hint } => return Ok(Err(at.impossible(&why, &hint))),
            Replayed::BrokenOff => return Ok(Err(at.broken_off())),
        };
        let Some(result) = state.branch.map(|made| made.commit) else { return Ok(Err(at.broken_off())) };
        let rebased = Rebased {
            result,
            base: state.start.commit.clone(),
            onto: onto.clone(),
            round,
            held: why.is_none(),
            why: why.as_ref().map(|why| self.recorder.line(why)),
            commits,
        };
        let tip = rebased.tip().cloned();
        self.recorder.record(Event::PublishRebased(Box::new(rebased)))?;
        Ok(match why {
            Some(why) => Err(at.differs(&why)),
            None => tip.ok_or_else(|| at.nothing_left()),
        })
    }

    /// Returns what the run came to on a base, if that was found out before and is still here.
    fn known(&self, onto: &Oid) -> Option<Oid> {
        let result = &self.state().branch.as_ref()?.commit;
        let is_it = |rebased: &&Rebased| rebased.onto == *onto && rebased.result == *result;
        let tip = self.state().rebased.iter().rev().find(is_it)?.tip()?;
        self.repository.has_commit(tip).unwrap_or(false).then(|| tip.clone())
    }

    /// Says that the base does not stand still.
    pub(super) fn restless(&self, moves: u32) -> Trouble {
        let base = &self.state().start.base;
        Trouble::new(
            PublishFault::Moved,
            format!("{base} moved {moves} times, each time before what had been replayed on it was pushed"),
            "try again when it is quieter: autopilot publish",
        )
    }
}

/// A base that has moved, and to where.
struct At {
    branch: String,
    onto: Oid,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is at {} by now", self.branch, self.onto.abbreviated())
    }
}

impl At {
    fn trouble(&self, why: &str, hint: &str) -> Trouble {
        Trouble::new(PublishFault::Moved, format!("{self}, {why}"), hint)
    }

    fn differs(&self, why: &str) -> Trouble {
        let hint = "the result is on its local branch: bring it to the base by hand, or run the issue again";
        self.trouble(&format!("where the run does not hold: {why}"), hint)
    }

    fn nothing_left(&self) -> Trouble {
        self.trouble(
            "where nothing is left of the run: its changes are there",
            "look at the issue: it may be done",
        )
    }

    fn impossible(&self, why: &str, hint: &str) -> Trouble {
        self.trouble(&format!("and the run cannot be replayed there: {why}"), hint)
    }

    fn broken_off(&self) -> Trouble {
        self.trouble("and the replay of the run there was broken off", "later: autopilot publish")
    }
}

/// Refuses to judge by a base that is not the one which the result is to be merged into.
fn unknown(slug: &Slug, fork: &Slug) -> Trouble {
    Trouble::new(
        PublishFault::Missing,
        format!(
            "the pull request is for {slug}, the push goes to {fork}, and no remote is of {slug}: where its base is cannot be seen"
        ),
        format!("add it: git remote add upstream {}.git, then: autopilot publish", slug.url()),
    )
}

/// Refuses to take along what nobody asked to publish.
fn unpushed(along: &[Oid], base: &str, remote: &str) -> Trouble {
    let named: Vec<&str> = along.iter().take(NAMED).map(Oid::abbreviated).collect();
    let more = along.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let commits = if along.len() == 1 { "a commit" } else { "commits" };
    Trouble::new(
        PublishFault::Unpushed,
        format!(
            "{base} has {commits} that {remote} lacks ({}{more}): a push would take them along",
            named.join(", ")
        ),
        format!("push them first: git push {remote} {base}, then: autopilot publish"),
    )
}
