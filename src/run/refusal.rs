//! Why a run is not begun.

use crate::policy::Reason;

/// Why a run is not begun.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The plan asks for what it cannot have anywhere, or its own folder lacks.
    #[error("step `{step}`: {what}")]
    Plan {
        /// The step.
        step: String,
        /// What is wrong.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// This host lacks what the plan asks for.
    #[error("step `{step}`: {what}")]
    Missing {
        /// The step.
        step: String,
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The policy cannot be enforced on this host.
    #[error("step `{step}`: {reason}")]
    Policy {
        /// The step.
        step: String,
        /// The policy's reason.
        reason: Reason,
    },
}
