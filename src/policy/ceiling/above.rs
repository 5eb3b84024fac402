//! What of a plan is above what it may have at most.

use crate::policy::request::Reason;

/// What is above a ceiling, of a step or of the plan as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// The step.
    pub step: Option<String>,
    /// What it asks for, where; which rule does not allow it, where that stands; what to do.
    pub reason: Reason,
}
