//! What is known of what attempts printed, and what has to become of it. From version 2 on.

use super::tried::Try;

/// The output of an attempt.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// Up to where its commands printed.
    pub(super) end: u64,
    /// It is in the log.
    pub(super) is_in_log: bool,
    /// Its runner is gone, and of what it wrote last a power loss may have taken the end.
    pub(super) is_left: bool,
}

/// What must become of the output of attempts.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// The attempt whose output its own runner has to put into the log.
    pub(super) of: Option<Try>,
    /// It was put there: then the attempt is over and undone, or its runner falls over.
    pub(super) is_done: bool,
    /// Somebody took over, and puts there what was left, before anything else.
    pub(super) takes_over: bool,
}
