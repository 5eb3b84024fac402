//! What of a run is published, in words.

use crate::evidence::event::Effect;

/// Names an effect in a text.
pub fn name_of(effect: Effect) -> &'static str {
    match effect {
        Effect::Push => "push",
        Effect::PullRequest => "pull request",
        Effect::Evidence => "evidence",
        Effect::Comment => "comment",
    }
}
