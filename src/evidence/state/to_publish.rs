//! What of a run is outside of the machine, and what is still to get there.

use super::RunState;
use super::publishing::{Publication, PublishState};
use crate::evidence::event::Effect;
use crate::evidence::text::Token;

impl RunState {
    /// Returns what was to be published from the start and is not, or no longer, as it should be.
    pub fn to_publish(&self) -> Vec<Effect> {
        self.intended().iter().copied().filter(|effect| self.is_open(*effect)).collect()
    }

    /// Returns what of the intended a run that ended as this one did publishes: after a failure, only a comment.
    pub fn to_publish_at_the_end(&self) -> Vec<Effect> {
        let has_result = self.is_done() && self.branch.is_some();
        let fits = |effect: &Effect| has_result || *effect == Effect::Comment;
        self.intended().iter().copied().filter(fits).collect()
    }

    fn intended(&self) -> &[Effect] {
        self.start.publish.as_ref().map_or(&[], |publish| &publish.effects)
    }

    /// Tells whether an effect has something to publish that is not published as it is now.
    pub fn is_open(&self, effect: Effect) -> bool {
        match (effect, &self.branch, &self.head) {
            (Effect::Comment, _, Some(head)) => !self.comment_is_current(&head.to_string()),
            (Effect::Push, Some(branch), Some(_)) => {
                self.is_done() && !self.has_done(effect, branch.commit.as_str())
            }
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

    /// Tells whether the branch as it is now was pushed.
    pub fn is_pushed(&self) -> bool {
        self.branch.as_ref().is_some_and(|branch| self.has_done(Effect::Push, branch.commit.as_str()))
    }

    pub(super) fn publish_begun(&mut self, effect: Effect, key: &Token, to: &Token) {
        let (key, to) = (key.to_string(), to.to_string());
        self.published.push(Publication { effect, key, to, state: PublishState::Begun });
    }

    /// Notes what became of the last try of an effect.
    pub(super) fn publish_became(&mut self, effect: Effect, state: PublishState) {
        if let Some(publish) = self.published.iter_mut().rev().find(|publish| publish.effect == effect) {
            publish.state = state;
        }
    }

    fn has_done(&self, effect: Effect, key: &str) -> bool {
        self.done(effect).is_some_and(|publish| publish.key == key)
    }

    /// The comment tells of this head, and of what was published besides.
    fn comment_is_current(&self, head: &str) -> bool {
        let done = |publish: &Publication| matches!(publish.state, PublishState::Done { .. });
        let last = self.published.iter().rev().find(|publish| done(publish));
        last.is_some_and(|publish| publish.effect == Effect::Comment && publish.key == head)
    }
}
