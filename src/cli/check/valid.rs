//! A valid plan, and what this host makes of it.

use serde_json::{Value, json};

use super::clients::Asks;
use crate::plan::{Fault, Plan};
use crate::policy::{Above, Lowered, Reason};
use crate::run::Refusal;
use crate::worktree::Choice;

/// A valid plan, and what this host makes of it.
pub(super) struct Valid {
    pub(super) plan: Plan,
    pub(super) warnings: Vec<Fault>,
    /// What this host says to it; nothing if it was not to be asked.
    pub(super) host: Option<Answer>,
}

impl Valid {
    pub(super) fn is_refused(&self) -> bool {
        self.host.as_ref().is_some_and(|answer| !answer.denied.is_empty())
    }
}

/// What this host would grant, and what it would refuse.
#[derive(Default)]
pub(super) struct Answer {
    /// What would be enforced, by step.
    pub(super) granted: Vec<(String, String)>,
    pub(super) denied: Vec<Denied>,
    /// What a step would be granted and could not use.
    pub(super) void: Vec<String>,
    /// Programs that could not be started in their steps, and why.
    pub(super) programs: Vec<String>,
    /// What clients of registries ask, where a step would refuse them.
    pub(super) clients: Vec<Asks>,
    /// What a ceiling lowers.
    pub(super) lowered: Vec<Lowered>,
    /// What it would take of the folders that it keeps from run to run.
    pub(super) cache: Option<Choice>,
}

/// A step that this host would refuse, or the plan as a whole, and why.
pub(super) struct Denied {
    pub(super) step: Option<String>,
    pub(super) reason: Reason,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Policy { step, reason } => Self { step: Some(step), reason },
            Refusal::Plan { step, what, hint } => {
                Self { step: Some(step), reason: Reason { what: "not available".into(), why: what, hint } }
            }
        }
    }
}

impl From<Above> for Denied {
    fn from(Above { step, reason }: Above) -> Self {
        Self { step, reason }
    }
}

impl Denied {
    pub(super) fn to_json(&self) -> Value {
        json!({ "step": self.step, "what": self.reason.what, "why": self.reason.why, "hint": self.reason.hint })
    }
}
