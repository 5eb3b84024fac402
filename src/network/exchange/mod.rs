//! Takes what a model's server answered, gives what that means for whoever waits for it. Verdicts come from here: what an
//! agent says of its model is the word of something that runs confined.

mod course;
mod refused;
mod said;
mod wait;

use std::time::{Duration, Instant};

pub(super) use course::Course;
pub(super) use said::Said;
pub(super) use wait::retry_after;

/// How an exchange with a model's server went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What it comes to.
    pub class: Class,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How long the server asks to wait.
    pub wait: Option<Duration>,
    /// The server's own words, or ours where it has none; not masked.
    pub said: String,
    /// When the last byte came, or what went wrong did.
    pub at: Instant,
    /// No further request of this command is passed on.
    pub over: bool,
}

/// What an exchange comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// An answer.
    Answered,
    /// Too many requests or tokens for now.
    RateLimit,
    /// The server has too much to do.
    Overloaded,
    /// What is paid for is used up.
    Quota,
    /// Nobody answers where the model should be, or not with sense.
    Unreachable,
    /// The key is missing or wrong, or not good for this.
    Key,
    /// There is no such model.
    Model,
    /// There is nothing at this address.
    Missing,
    /// The conversation is larger than what the model can hold.
    Context,
    /// The model is elsewhere.
    Redirect,
    /// Nothing came for too long.
    Silence,
    /// One event of the answer has no end.
    Endless,
    /// The plan's limit of tokens is reached: not passed on.
    Limit,
    /// The plan's budget is reached, or nobody knows what the model costs: not passed on.
    Budget,
    /// It asks for what a step does not get: not passed on.
    Refused,
    /// Anything else.
    Other,
}

impl Class {
    /// Tells whether waiting helps.
    fn passes(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded)
    }

    /// Tells whether asking again gives the same. What is wrong with one model may be right with the one that has
    /// answered before: agents ask several.
    fn is_final(self, answered: bool) -> bool {
        match self {
            Self::Quota | Self::Redirect | Self::Silence | Self::Endless | Self::Limit | Self::Budget => true,
            Self::Key | Self::Model | Self::Missing => !answered,
            Self::Answered
            | Self::RateLimit
            | Self::Overloaded
            | Self::Unreachable
            // An agent that makes its conversation shorter may go on.
            | Self::Context
            | Self::Refused
            | Self::Other => false,
        }
    }
}

impl Exchange {
    pub(super) fn new(class: Class, said: impl Into<String>) -> Self {
        Self { class, status: None, wait: None, said: said.into(), at: Instant::now(), over: false }
    }

    /// Tells whether it asks for a wait that is not over by then.
    fn waits_beyond(&self, end: Instant) -> bool {
        let comes_too_late = |wait| self.at.checked_add(wait).is_none_or(|then| then >= end);
        self.class.passes() && self.wait.is_some_and(comes_too_late)
    }

    /// Says what happened, and the server's words.
    pub fn in_words(&self) -> String {
        let what = match self.class {
            Class::Answered => "the model answered",
            Class::RateLimit => "the model's rate limit",
            Class::Overloaded => "the model's server is overloaded",
            Class::Quota => "the model's quota is used up",
            Class::Unreachable => "the model could not be reached",
            Class::Key => "the model's server refused the key",
            Class::Model => "there is no such model",
            Class::Missing => "no model answers at this address",
            Class::Context => "the task outgrew the model's context window",
            Class::Redirect => "the model is elsewhere",
            Class::Silence => "the model was silent",
            Class::Endless => "the model's answer has no end",
            Class::Limit => "the limit is reached",
            Class::Budget => "the budget",
            Class::Refused => "a request was not passed on",
            Class::Other => "the model's server refused the request",
        };
        let status = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        match (self.class, self.said.as_str()) {
            (Class::Silence, limit) => format!("{what} for {limit}"),
            (_, "") => format!("{what}{status}"),
            (_, said) => format!("{what}{status}: {said}"),
        }
    }
}
