//! Takes how a turn's last exchange with its model went, gives what that means: to wait, to fail, or nothing.

use std::time::{Duration, Instant};

use super::command::Done;
use super::deadline::{Cut, Deadline};
use crate::agent::{Report, Turn};
use crate::evidence::event::ReasonKind;
use crate::network::Class;
use crate::time::whole;

/// What a turn's last exchange means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Another turn may do better, as soon as the server says, if it says.
    Wait { asked: Option<Duration>, words: String },
    /// The attempt failed.
    Fail { kind: ReasonKind, words: String },
}

/// Says what the last exchange of a turn means that was not completed; nothing if it is none of its reasons.
pub(super) fn meaning(done: &Done, report: &Report) -> Option<Meaning> {
    let last = done.exchange.as_ref().filter(|last| last.class != Class::Answered)?;
    // Agents come over much by themselves, but not over what ended them.
    let is_reason = match done.cut {
        Some(cut) => cut == Cut::Answer,
        None => report.turn != Turn::Completed,
    };
    let words = last.in_words();
    is_reason.then(|| match last.class {
        Class::RateLimit | Class::Overloaded => {
            Meaning::Wait { asked: last.wait.map(|wait| wait.saturating_sub(last.at.elapsed())), words }
        }
        Class::Quota => Meaning::Fail { kind: ReasonKind::RateLimit, words },
        Class::Silence => Meaning::Fail { kind: ReasonKind::Silence, words },
        Class::Budget => Meaning::Fail { kind: ReasonKind::Budget, words },
        Class::Limit => Meaning::Fail { kind: ReasonKind::Tokens, words },
        Class::Answered
        | Class::Unreachable
        | Class::Key
        | Class::Model
        | Class::Missing
        | Class::Context
        | Class::Redirect
        | Class::Endless
        | Class::Refused
        | Class::Other => Meaning::Fail { kind: ReasonKind::Agent, words },
    })
}

/// Says that a wait is longer than what is left.
pub(super) fn too_late(words: &str, asked: Option<Duration>, deadline: Deadline) -> String {
    let left = whole(deadline.at.saturating_duration_since(Instant::now()));
    match asked {
        // A moment has passed since it asked.
        Some(asked) => {
            let asked = whole(asked + Duration::from_millis(900));
            format!("{words}; it asks for a wait of {asked}, more than the {left} that are left")
        }
        None => format!("{words}; no time is left to wait, but {left}"),
    }
}
