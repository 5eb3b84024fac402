//! One try to publish something, and what became of it.

use crate::evidence::event::{Effect, PublishFault};
use crate::evidence::text::Text;

/// One try to publish something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// What.
    pub effect: Effect,
    /// Which state of the run: its head for a comment, its commit for the others.
    pub key: String,
    /// Where.
    pub to: String,
    /// The account that did it, if it is known.
    pub login: Option<Text>,
    /// What became of it.
    pub state: PublishState,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishState {
    /// Nothing is known: the runner died, or was stopped, in it.
    Begun,
    /// It is done.
    Done {
        /// Where it can be looked at.
        url: Option<String>,
        /// A comment's number.
        id: Option<u64>,
    },
    /// It could not be done.
    Failed {
        /// The class of the reason.
        kind: PublishFault,
        /// Why.
        why: String,
    },
}
