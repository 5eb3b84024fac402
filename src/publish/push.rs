//! The result goes to a remote: on the base that is there, after everything that goes with it was looked through for secrets.

use std::io;
use std::time::Duration;

use super::beside::{Outgoing, Standing, Theirs};
use super::replayer::Replayer;
use super::search::{Findings, Task, search};
use super::told::said;
use super::{Made, Publisher, Trouble, scan};
use crate::evidence::Token;
use crate::evidence::event::{Effect, PublishFault};
use crate::evidence::state::{Publication, PublishState};
use crate::git::{Oid, RefName};
use crate::github::Slug;
use crate::worktree::Push;

/// A push carries more than a comment.
const TIME: Duration = Duration::from_secs(600);

/// How often a base that moves is followed.
const ROUNDS: u32 = 5;

/// What became of a push.
enum Sent {
    /// It is there.
    There,
    /// The base was elsewhere by then.
    Stale,
}

impl Publisher<'_> {
    /// Pushes the result: on the tip of its base that the remote has, that ref alone, and over nothing but what this run put there.
    pub(super) async fn push(mut self, replayer: &dyn Replayer) -> io::Result<()> {
        let (mut moves, mut tries) = (0, 0);
        loop {
            let outgoing = match self.outgoing(replayer, &mut moves).await? {
                Ok(outgoing) => outgoing,
                Err(trouble) => return self.give_up(trouble),
            };
            let key = Token::new(&outgoing.commit);
            self.begin(Effect::Push, key.clone(), outgoing.along())?;
            let made = Made { url: self.address(&outgoing.remote), id: None };
            let ended = match self.send(&outgoing).await {
                Ok(Sent::There) => Ok(made),
                Ok(Sent::Stale) if moves < ROUNDS && tries < ROUNDS => {
                    tries += 1;
                    continue;
                }
                Ok(Sent::Stale) => Err(self.restless(moves.max(tries))),
                Err(trouble) => Err(trouble),
            };
            return self.end(Effect::Push, key, ended);
        }
    }

    /// Records that there is no push, and why.
    fn give_up(&mut self, trouble: Trouble) -> io::Result<()> {
        let key = self.key(Effect::Push);
        self.begin(Effect::Push, key.clone(), None)?;
        self.end(Effect::Push, key, Err(trouble))
    }

    /// Finds out what goes out: what the remote has decides. A base that has moved once more is one of so many moves.
    async fn outgoing(
        &mut self,
        replayer: &dyn Replayer,
        moves: &mut u32,
    ) -> io::Result<Result<Outgoing, Trouble>> {
        let found = self.look().await;
        let (outgoing, beside) = match found {
            Ok(found) => found,
            Err(trouble) => return Ok(Err(trouble)),
        };
        if outgoing.is_there {
            return Ok(Ok(outgoing));
        }
        let (mut outgoing, beside) = match self.on_upstream(outgoing, beside).await {
            Ok(found) => found,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let onto = match self.standing(&outgoing, beside).await {
            Ok(Standing::Holds(beside, along)) => {
                (outgoing.beside, outgoing.along) = (beside, along);
                return Ok(Ok(outgoing));
            }
            Ok(Standing::Moved(branch, tip)) => (branch, tip),
            Err(trouble) => return Ok(Err(trouble)),
        };
        if *moves == ROUNDS {
            return Ok(Err(self.restless(*moves)));
        }
        *moves += 1;
        let rebased = self.rebase(replayer, &onto, *moves).await?;
        Ok(rebased.map(|commit| Outgoing { commit, beside: Some(onto), ..outgoing }))
    }

    /// Asks what the remote has, of everything that a push depends on; and where it has the base.
    async fn look(&self) -> Result<(Outgoing, Option<RefName>), Trouble> {
        let remote = self.remote().ok_or_else(|| {
            Trouble::new(
                PublishFault::Missing,
                "there is no remote to push to",
                "add one: git remote add origin …",
            )
        })?;
        let Some(branch) = self.state().branch.clone() else {
            return Err(Trouble::new(PublishFault::Missing, "there is no branch", "see the summary"));
        };
        let base = self.repository.branch_on(&remote, self.state().start.base.as_str())?;
        let reference = RefName::branch(self.state().start.branch_on_remote());
        let reference = reference.map_err(crate::worktree::WorktreeError::from)?;
        let places = self.repository.places_of(&remote);
        let mut theirs: Option<Theirs> = None;
        for place in &places {
            let own = self.there(place, &reference, base.as_ref()).await?;
            theirs = Some(match theirs {
                None => own,
                Some(others) => others.both(own, &remote)?,
            });
        }
        let theirs = theirs.unwrap_or_default();
        let there = theirs.result.clone().filter(|commit| self.state().is_result(commit.as_str()));
        let (is_there, commit) = (there.is_some(), there.unwrap_or(branch.commit));
        let (upstream, beside, along) = (None, None, Vec::new());
        let outgoing =
            Outgoing { remote, places, upstream, reference, commit, is_there, theirs, beside, along };
        if !is_there {
            self.refuse_moved(&outgoing)?;
            self.refuse_found(&outgoing)?;
        }
        Ok((outgoing, base))
    }

    /// Refuses to go on from where the branch of a pull request is not any more.
    fn refuse_moved(&self, outgoing: &Outgoing) -> Result<(), Trouble> {
        let Some(revises) = &self.state().start.revises else { return Ok(()) };
        if outgoing.theirs.result.as_ref() == Some(&revises.tip) {
            return Ok(());
        }
        let now = outgoing.theirs.result.as_ref();
        let now = now.map_or("is gone".to_owned(), |now| format!("is at {} by now", now.abbreviated()));
        Err(Trouble::new(
            PublishFault::Rejected,
            format!(
                "{} {now}, and the revision goes on from {}",
                outgoing.reference.short(),
                revises.tip.abbreviated()
            ),
            format!(
                "the result is on its local branch; revise again: autopilot revise {}",
                self.state().start.issue
            ),
        ))
    }

    /// Refuses what was found to hold a secret before.
    fn refuse_found(&self, outgoing: &Outgoing) -> Result<(), Trouble> {
        let (remote, reference) = (&outgoing.remote, outgoing.reference.as_str());
        if let Some(trouble) = scan::refuse_again(self.state(), remote, reference) {
            return Err(trouble);
        }
        let known = scan::found_before(self.state());
        known.and_then(|known| scan::refuse(&known, remote, reference)).map_or(Ok(()), Err)
    }

    /// Searches what goes out, and pushes it.
    async fn send(&self, outgoing: &Outgoing) -> Result<Sent, Trouble> {
        if outgoing.is_there {
            return Ok(Sent::There);
        }
        let Outgoing { remote, reference, commit, beside, .. } = outgoing;
        let found = self.search(outgoing).await?;
        if let Some(trouble) = scan::refuse(&found, remote, reference.as_str()) {
            return Err(trouble);
        }
        if self.is_stale(outgoing).await? {
            return Ok(Sent::Stale);
        }
        // A lease on the base is one of where a push goes.
        let beside = beside.as_ref().filter(|_| outgoing.upstream.is_none());
        let beside = beside.map(|(branch, tip)| (branch, tip));
        let over = self.replaceable(outgoing)?;
        let push = Push { commit, reference, over, beside };
        let time = self.patience.anew().left().max(TIME);
        match said(self.repository.push(remote, &push), time).await {
            Ok(_) => Ok(Sent::There),
            Err(refused) if beside.is_some_and(|(branch, _)| refused.is_stale(branch)) => Ok(Sent::Stale),
            Err(refused) => Err(refused.trouble),
        }
    }

    /// Returns what the push may replace: what this run pushed before, and what the push goes on from. What somebody else put there
    /// counts as not there, and git refuses.
    fn replaceable<'a>(&self, outgoing: &'a Outgoing) -> Result<Option<&'a Oid>, Trouble> {
        let Some(there) = &outgoing.theirs.result else { return Ok(None) };
        let pushed = |tried: &Publication| {
            let is_done = matches!(tried.state, PublishState::Done { .. });
            tried.effect == Effect::Push && is_done && tried.key == there.as_str()
        };
        let is_own = self.state().published.iter().any(pushed)
            || self.repository.is_ancestor(there.as_str(), outgoing.commit.as_str())?;
        Ok(is_own.then_some(there))
    }

    /// Searches what they lack, which is what a push takes along: values of this environment and of the run, and what
    /// the patterns tell.
    async fn search(&self, outgoing: &Outgoing) -> Result<Findings, Trouble> {
        let state = self.state();
        let secrets = self.recorder.secrets().clone();
        scan::register(state, self.environment, &secrets)?;
        // What of a replay goes out stands on what they have.
        let onto = outgoing.beside.as_ref().map(|(_, tip)| tip);
        let base = onto.filter(|_| self.is_rebased(&outgoing.commit)).unwrap_or(&state.start.commit);
        let ids: Vec<Oid> = outgoing.theirs.objects.iter().cloned().collect();
        let leaving = self.repository.lacking(base, &outgoing.commit, &ids)?;
        let (reference, repository) = (outgoing.reference.to_string(), self.repository.clone());
        let task = Task { repository, leaving, reference, secrets, most: u64::MAX };
        // Whoever is to end drops it.
        Ok(search(task, std::future::pending()).await?)
    }

    fn is_rebased(&self, commit: &Oid) -> bool {
        self.state().rebased.iter().any(|rebased| rebased.tip() == Some(commit))
    }

    /// Returns the remote to push to: the user's default, the one of the GitHub repository, `origin`, the only one.
    pub(super) fn remote(&self) -> Option<String> {
        if let Some(revises) = &self.state().start.revises {
            return Some(revises.remote.to_string());
        }
        super::remote_of(self.repository, self.gh.as_ref().ok().map(crate::github::Gh::slug))
    }

    /// Returns where the branch can be looked at.
    fn address(&self, remote: &str) -> Option<String> {
        let remotes = super::remotes(self.repository);
        let slug = Slug::of_url(&remotes.iter().find(|known| known.name == remote)?.url)?;
        Some(format!("{}/tree/{}", slug.url(), self.state().start.branch_on_remote()))
    }
}
