//! A step, with all its attempts.

use std::time::Duration;

use crate::evidence::event::{AttemptResult, Reason, StepResult};
use crate::evidence::id::{AttemptId, StepId};
use crate::evidence::state::{AttemptState, Part};
use crate::evidence::text::{Document, Text};

/// A step.
#[derive(Debug, Clone)]
pub struct StepState {
    /// Its id.
    pub id: StepId,
    /// How it ended, if it did since its last attempt began.
    pub result: Option<StepResult>,
    /// Why it was skipped.
    pub because: Option<String>,
    /// Attempts that are allowed: those that were cut short come on top of the plan's.
    pub allowed: u32,
    /// Attempts that were begun, in their order.
    pub attempts: Vec<AttemptState>,
    /// Of those, the ones that failed: only they count against the plan's retries.
    pub failed: u32,
    /// Why the last one of them failed.
    pub reason: Option<Reason>,
    /// Failed attempts in a row, of the whole run, when it did.
    pub consecutive: u32,
}

impl StepState {
    /// Begins with what the recorded plan says of it.
    pub(super) fn new(id: StepId, plan: &Document) -> Self {
        let steps = plan.value().get("steps").and_then(serde_json::Value::as_array);
        let is_own = |step: &&serde_json::Value| step.get("id").is_some_and(|own| own == id.as_str());
        let of_plan = steps.into_iter().flatten().find(is_own);
        let retries = of_plan.and_then(|step| step.get("retries")?.as_u64()).unwrap_or(0);
        Self {
            id,
            result: None,
            because: None,
            allowed: u32::try_from(retries).unwrap_or(0).saturating_add(1),
            attempts: Vec::new(),
            failed: 0,
            reason: None,
            consecutive: 0,
        }
    }

    /// Takes a new attempt. One that was cut short costs no retry: there may be one more.
    pub(super) fn begin(&mut self, attempt: AttemptState) {
        self.allowed = self.allowed.saturating_add(u32::from(self.was_cut_short()));
        self.result = None;
        self.because = None;
        if let Some(last) = self.attempts.last_mut() {
            last.spending.cut_off();
            last.is_settled = true;
        }
        self.attempts.push(attempt);
    }

    pub(super) fn failed_again(&mut self, reason: Option<&Reason>, consecutive: u32) {
        self.failed = self.failed.saturating_add(1);
        self.reason = reason.cloned();
        self.consecutive = consecutive;
    }

    pub(super) fn end(&mut self, result: StepResult, because: Option<&Text>) {
        self.result = Some(result);
        self.because = because.map(ToString::to_string);
        self.attempts.iter_mut().for_each(|attempt| attempt.is_settled = true);
    }

    /// Notes where in the log other output begins.
    pub(super) fn ends_before(&mut self, byte: u64) {
        for attempt in &mut self.attempts {
            if let Part::From(from) = attempt.log {
                attempt.log = Part::At(from.min(byte), byte);
            }
        }
    }

    pub(super) fn has_attempt(&self, number: u32) -> bool {
        self.attempts.iter().any(|attempt| attempt.number == number)
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Option<&mut AttemptState> {
        self.attempts.iter_mut().rev().find(|attempt| attempt.number == number)
    }

    pub(super) fn open_mut(&mut self) -> impl Iterator<Item = &mut AttemptState> {
        self.attempts.iter_mut().filter(|attempt| attempt.is_open())
    }

    /// Returns its attempts that began and have no end, or passed without that it was said to have.
    pub fn open(&self) -> impl Iterator<Item = &AttemptState> {
        self.attempts.iter().filter(|attempt| attempt.is_open())
    }

    /// Names an attempt of it.
    pub fn at(&self, number: u32) -> AttemptId {
        AttemptId { step: self.id.clone(), attempt: number }
    }

    /// Names its last attempt, if one was begun.
    pub fn last_attempt(&self) -> Option<AttemptId> {
        self.attempts.last().map(|last| self.at(last.number))
    }

    /// Returns the number of the last attempt that was begun; 0 if none was.
    pub fn begun(&self) -> u32 {
        self.attempts.last().map_or(0, |last| last.number)
    }

    /// Tells whether its last attempt was ended by something that is not its fault.
    pub fn was_cut_short(&self) -> bool {
        let last = self.attempts.last();
        last.is_some_and(|last| {
            matches!(last.result, None | Some(AttemptResult::Interrupted | AttemptResult::Superseded))
        })
    }

    /// Returns the time its attempts took together.
    pub fn took(&self) -> Duration {
        self.attempts.iter().fold(Duration::ZERO, |all, attempt| all.saturating_add(attempt.took))
    }

    /// Returns what its attempts cost together, in millionths of a US dollar; nothing if that is not known of each that
    /// used a model.
    pub fn cost(&self) -> Option<u64> {
        let used = || self.attempts.iter().filter(|attempt| attempt.spending.total().is_some());
        let all: Option<Vec<u64>> = used().map(|attempt| attempt.spending.cost()).collect();
        all?.into_iter().reduce(u64::saturating_add)
    }

    /// Returns what its attempts cost as far as it is known.
    pub fn known_cost(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.spending.known_cost()).fold(0, u64::saturating_add)
    }

    /// Returns the model tokens of its attempts together; nothing if none is known.
    pub fn tokens(&self) -> Option<u64> {
        let known = self.attempts.iter().filter_map(|attempt| attempt.spending.total());
        known.reduce(u64::saturating_add)
    }
}
