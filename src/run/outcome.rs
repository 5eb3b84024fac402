//! An attempt that is made, and how it ended.

use std::ops::Range;
use std::time::Duration;

use crate::evidence::AttemptId;
use crate::evidence::event::Reason;
use crate::plan::Step;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Failed(Reason),
    Interrupted(i32),
}

impl Outcome {
    /// Says it in a word, without what a step printed.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Failed(reason) => format!("failed: {:?}", reason.kind),
            Self::Interrupted(signal) => format!("interrupted by signal {signal}"),
        }
    }
}

/// An attempt that is made.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) step: &'a Step,
    pub(super) at: AttemptId,
    /// Attempts before it that were cut short; they cost no retry.
    pub(super) lost: u32,
    /// Bytes that it may still print, all its commands together.
    pub(super) output_left: u64,
    /// What its last command printed: the bytes of its part of the log.
    pub(super) last_output: Range<u64>,
}

impl<'a> Attempt<'a> {
    pub(super) fn named(step: &'a Step, at: AttemptId) -> Self {
        Self::after(step, at, 0)
    }

    /// Begins one after so many that were cut short.
    pub(super) fn after(step: &'a Step, at: AttemptId, lost: u32) -> Self {
        Self { step, at, lost, output_left: step.resources.output, last_output: 0..0 }
    }

    /// Says which of how many it is.
    pub(super) fn of(&self) -> String {
        format!("{}/{}", self.at.attempt, self.step.retries + 1 + self.lost)
    }
}

/// Returns whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
