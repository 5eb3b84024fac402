//! What of a run is outside of the machine, and what is still to get there.

use super::RunState;
use super::publishing::{Publication, PublishState};
use crate::evidence::event::{Effect, Rebased};
use crate::evidence::text::{Text, Token};

impl RunState {
    /// Returns what was to be published from the start and is not, or no longer, as it should be.
    pub fn to_publish(&self) -> Vec<Effect> {
        self.intended().iter().copied().filter(|effect| self.is_open(*effect)).collect()
    }

    /// Returns what of the intended a run that ended as this one did publishes: after a failure, only a comment.
    pub fn to_publish_at_the_end(&self) -> Vec<Effect> {
        let has_result = self.is_done() && self.branch.is_some();
        let fits = |effect: &Effect| has_result || matches!(effect, Effect::Comment | Effect::Evidence);
        self.intended().iter().copied().filter(fits).collect()
    }

    fn intended(&self) -> &[Effect] {
        self.start.publish.as_ref().map_or(&[], |publish| &publish.effects)
    }

    /// Tells whether an effect has something to publish that is not published as it is now.
    pub fn is_open(&self, effect: Effect) -> bool {
        match (effect, &self.branch, &self.head) {
            (Effect::Comment, _, Some(head)) => !self.comment_is_current(&head.to_string()),
            (Effect::Evidence, _, Some(head)) => !self.evidence_is_current(&head.to_string()),
            (Effect::Push, Some(_), Some(_)) => self.is_done() && self.pushed().is_none(),
            (Effect::PullRequest, Some(_), Some(_)) => self.is_done() && self.done(effect).is_none(),
            _ => false,
        }
    }

    /// Returns the last try of an effect.
    pub fn last_try(&self, effect: Effect) -> Option<&Publication> {
        self.published.iter().rev().find(|publish| publish.effect == effect)
    }

    /// Returns the last try of an effect that is known to have done it.
    pub fn done(&self, effect: Effect) -> Option<&Publication> {
        let is_done = |publish: &&Publication| matches!(publish.state, PublishState::Done { .. });
        self.published.iter().rev().filter(|publish| publish.effect == effect).find(is_done)
    }

    /// Tells whether the run means to push its evidence.
    pub fn sends_evidence(&self) -> bool {
        self.intended().contains(&Effect::Evidence)
    }

    /// Tells whether the evidence of this head is on the remote.
    fn evidence_is_current(&self, head: &str) -> bool {
        self.done(Effect::Evidence).is_some_and(|done| done.key == head)
    }

    /// Tells whether the evidence is on the remote as it is by now.
    pub fn is_evidence_there(&self) -> bool {
        self.head.as_ref().is_some_and(|head| self.evidence_is_current(&head.to_string()))
    }

    /// Tells whether the branch as it is now was pushed.
    pub fn is_pushed(&self) -> bool {
        self.pushed().is_some()
    }

    /// Returns the commit that stands for the branch as it is now on the remote: that of the branch, or what it came to on the base
    /// of later; nothing if it was not pushed.
    pub fn pushed(&self) -> Option<&str> {
        let key = self.done(Effect::Push)?.key.as_str();
        self.is_result(key).then_some(key)
    }

    /// Tells whether a commit is that of the branch as it is now, or what it came to on the base of later.
    pub fn is_result(&self, commit: &str) -> bool {
        let Some(branch) = &self.branch else { return false };
        let of_branch = |rebased: &&Rebased| rebased.result == branch.commit;
        let mut later = self.rebased.iter().filter(of_branch).filter_map(Rebased::tip);
        branch.commit.as_str() == commit || later.any(|tip| tip.as_str() == commit)
    }

    /// Returns the replay whose commit was pushed, if it was not the run's own.
    pub fn pushed_rebased(&self) -> Option<&Rebased> {
        let key = self.pushed()?;
        self.rebased.iter().rev().find(|rebased| rebased.tip().is_some_and(|tip| tip.as_str() == key))
    }

    /// Returns the account that published, or is to, if it is known.
    pub fn publisher(&self) -> Option<&Text> {
        let told = self.published.iter().rev().find_map(|publish| publish.login.as_ref());
        told.or_else(|| self.start.publish.as_ref()?.login.as_ref())
    }

    pub(super) fn publish_begun(&mut self, effect: Effect, key: &Token, to: &Token, login: Option<&Text>) {
        let (key, to, login) = (key.to_string(), to.to_string(), login.cloned());
        self.published.push(Publication { effect, key, to, login, state: PublishState::Begun });
    }

    /// Notes what became of the last try of an effect.
    pub(super) fn publish_became(&mut self, effect: Effect, state: PublishState) {
        if let Some(publish) = self.published.iter_mut().rev().find(|publish| publish.effect == effect) {
            publish.state = state;
        }
    }

    /// The comment tells of this head, and of what was published besides.
    fn comment_is_current(&self, head: &str) -> bool {
        let done = |publish: &Publication| matches!(publish.state, PublishState::Done { .. });
        let last = self.published.iter().rev().find(|publish| done(publish));
        last.is_some_and(|publish| publish.effect == Effect::Comment && publish.key == head)
    }
}
