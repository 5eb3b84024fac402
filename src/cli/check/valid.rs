//! A valid plan, and what this host makes of it.

use super::clients::Asks;
use crate::cli::exit::{Cause, Exit, Failure};
use crate::cli::shape;
use crate::plan::{Fault, Plan, Step};
use crate::policy::{Above, Lowered, Reason};
use crate::run::Refusal;
use crate::worktree::Choice;

/// A valid plan, and what this host makes of it.
pub(super) struct Valid {
    pub(super) plan: Plan,
    pub(super) warnings: Vec<Fault>,
    /// What of a run would leave the machine, in words.
    pub(super) publishes: Option<String>,
    /// What this host says to it; nothing if it was not to be asked.
    pub(super) host: Option<Answer>,
}

impl Valid {
    /// Returns how the run of it would end before it begins.
    pub(super) fn exits(&self) -> impl Iterator<Item = Exit> {
        self.host.iter().flat_map(|answer| answer.denied.iter().map(|denied| denied.cause.exit()))
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
    /// The same as where it is run.
    pub(super) cause: Cause,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        let cause = Failure::from(&refusal).cause;
        match refusal {
            Refusal::Policy { step, reason } => Self { step: Some(step), reason, cause },
            Refusal::Plan { step, what, hint } | Refusal::Missing { step, what, hint } => {
                let reason = Reason { what: "not available".into(), why: what, hint };
                Self { step: Some(step), reason, cause }
            }
        }
    }
}

impl From<Above> for Denied {
    fn from(Above { step, reason }: Above) -> Self {
        Self { step, reason, cause: Cause::Ceiling }
    }
}

impl Denied {
    /// A step whose policy this host cannot enforce, or one that asks for a secret that is not here.
    pub(super) fn by_policy(step: &Step, reason: Reason) -> Self {
        let lacks_secret = step.secrets.iter().any(|name| reason.what == format!("secret {name}"));
        let cause = if lacks_secret { Cause::Missing } else { Cause::Policy };
        Self { step: Some(step.id.clone()), reason, cause }
    }

    pub(super) fn told(&self) -> shape::Denied {
        let Reason { what, why, hint } = self.reason.clone();
        shape::Denied { step: self.step.clone(), cause: self.cause.word(), what, why, hint }
    }
}
