//! Verdicts: each expectation of the recorded plan is judged once, in the order in which the runner judges them, and what
//! an attempt comes to follows from them. From version 2 on.

use super::Story;
use super::at::{At, Try};
use super::attempt::{Attempt, Ended};
use crate::audit::code::Code;
use crate::audit::plan::RecordedStep;
use crate::audit::spelled;
use crate::evidence::AttemptId;
use crate::evidence::event::{AttemptResult, Expected, Judged, ProofRan, ReasonKind};

/// How far an attempt was judged.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Expectations that were judged, of all in their order.
    done: usize,
    /// The first that did not hold.
    unmet: Option<Expected>,
    /// A run of a proof did not show what it should.
    unproved: bool,
}

/// What is wrong with a verdict.
type Wrong = (Code, String, String);

/// Lists what is expected of a step, in the order in which it is judged: the action, what it left and printed, what it
/// changed, each `post`, and what is changed then.
fn all(step: &RecordedStep) -> impl Iterator<Item = (Expected, u32)> {
    let (own, post) = (&step.expectation, step.post.len());
    let each = |kind, count: usize| (0..).take(count).map(move |index| (kind, index));
    let changes = usize::from(own.changes.is_some());
    each(Expected::ExitCode, 1)
        .chain(each(Expected::FilesExist, own.files_exist.len()))
        .chain(each(Expected::FilesAbsent, own.files_absent.len()))
        .chain(each(Expected::FileContains, own.file_contains.len()))
        .chain(each(Expected::OutputMatches, own.output_matches.len()))
        .chain(each(Expected::OutputExcludes, own.output_excludes.len()))
        .chain(each(Expected::Changes, changes))
        .chain(each(Expected::Post, post))
        .chain((1..2).take(changes.min(post)).map(|again| (Expected::Changes, again)))
}

fn is_command(kind: Expected) -> bool {
    matches!(kind, Expected::ExitCode | Expected::Post)
}

impl Verdicts {
    /// Returns what is to be judged next.
    fn next(&self, step: &RecordedStep) -> Option<(Expected, u32)> {
        let next = all(step).nth(self.done)?;
        match self.unmet {
            None => Some(next),
            // All of a result is judged, and nothing behind what decides.
            Some(unmet) => (!is_command(unmet) && !is_command(next.0)).then_some(next),
        }
    }

    /// Tells whether everything so far held, and this `post` command is what follows.
    pub(super) fn stand_before(&self, step: &RecordedStep, post: usize) -> bool {
        let next = self.next(step).filter(|_| self.unmet.is_none());
        next.is_some_and(|(kind, index)| kind == Expected::Post && usize::try_from(index) == Ok(post))
    }

    /// Tells whether nothing was judged yet.
    pub(super) fn are_none(&self) -> bool {
        self.done == 0
    }

    /// Tells whether everything that the plan expects held.
    pub(super) fn are_whole(&self, step: &RecordedStep) -> bool {
        self.hold() && self.done == all(step).count()
    }

    /// Tells whether everything that was judged held.
    pub(super) fn hold(&self) -> bool {
        self.unmet.is_none() && !self.unproved
    }

    /// Tells whether an attempt that came to its end by itself was judged as its result says.
    fn come_to(&self, step: &RecordedStep, result: AttemptResult, why: Option<ReasonKind>) -> bool {
        use ReasonKind as R;
        match (result, why) {
            (AttemptResult::Passed, _) => self.are_whole(step),
            (AttemptResult::Interrupted, _) => self.hold(),
            (AttemptResult::Superseded, _) | (AttemptResult::Failed, None) => true,
            (AttemptResult::Failed, Some(why)) => match why {
                R::Exit => self.unmet == Some(Expected::ExitCode),
                R::Post => self.unmet == Some(Expected::Post),
                R::Expectation => {
                    self.unmet.is_some_and(|kind| !is_command(kind)) && self.next(step).is_none()
                }
                R::Checkpoint => self.are_whole(step),
                R::Proof => self.unmet.is_none() && self.unproved && self.done == all(step).count(),
                R::Limit => self.unmet.is_none_or(is_command),
                R::Agent | R::RateLimit | R::Tokens | R::Silence | R::Budget => self.are_none(),
                _ => self.hold(),
            },
        }
    }
}

impl Attempt {
    /// Takes a verdict on it.
    fn judge(&mut self, step: &RecordedStep, judged: &Judged) -> Result<(), Wrong> {
        let Some(verdicts) = &mut self.judged else {
            let found = "one of an attempt of version 1".to_owned();
            return Err((Code::OutOfOrder, "no verdict".to_owned(), found));
        };
        let (id, own) = (&step.id, (judged.kind, judged.index));
        let found = || format!("{:?} {} of `{id}`", judged.kind, judged.index);
        if !all(step).any(|planned| planned == own) {
            return Err((Code::PlanNotFollowed, "a verdict on what the plan expects".to_owned(), found()));
        }
        let next = verdicts.next(step);
        let is_there = match judged.kind {
            Expected::ExitCode => {
                let is_over = self.heard_out || !step.action.is_agent();
                is_over && self.ended.is_some_and(|ended| ended.action && ended.is_judged())
            }
            Expected::Post => self.ended.is_some_and(|ended| !ended.action && ended.is_judged()),
            _ => self.ended.is_some(),
        };
        if next != Some(own) || !is_there {
            let next = next.map_or("none".to_owned(), |(kind, index)| format!("one on {kind:?} {index}"));
            return Err((Code::OutOfOrder, format!("the verdicts in their order: {next}"), found()));
        }
        verdicts.done += 1;
        if !judged.held {
            verdicts.unmet = verdicts.unmet.or(Some(judged.kind));
        }
        let Some(ended) = self.ended.filter(|_| is_command(judged.kind)) else { return Ok(()) };
        let seen = judged.saw.as_ref().map(ToString::to_string).unwrap_or_default();
        let how = ended.how();
        if judged.held != ended.is_well() || how.as_ref().is_some_and(|how| !spelled::same(how, &seen)) {
            let held = if ended.is_well() { "held" } else { "did not hold" };
            let expected = format!("{}, which {held}", how.unwrap_or_else(|| "its end".to_owned()));
            return Err((Code::ResultWrong, expected, format!("{}: {seen}, held: {}", found(), judged.held)));
        }
        Ok(())
    }

    /// Tells whether it was judged as its result says. Of one whose runner died, some may not have been written down.
    pub(super) fn was_judged(
        &self,
        step: &RecordedStep,
        result: AttemptResult,
        why: Option<ReasonKind>,
    ) -> bool {
        let Some(verdicts) = &self.judged else { return true };
        match result {
            AttemptResult::Passed if self.adopted => verdicts.hold() && self.ended.is_none_or(Ended::is_well),
            AttemptResult::Interrupted if self.lost => true,
            _ => {
                let ended = self.ended.filter(|ended| ended.is_judged());
                verdicts.come_to(step, result, why)
                    && (why != Some(ReasonKind::Limit) || { ended.is_some() != verdicts.unmet.is_none() })
            }
        }
    }
}

impl Story {
    /// Finds the attempt that an event is of and that runs; a finding if it is of another.
    fn running(&mut self, at: &AttemptId, what: &str) -> Option<usize> {
        let step = self.step_of(at.step.as_str())?;
        let of = Try { step, number: at.attempt };
        // Where none runs there is a finding already.
        let own = self.at.attempt()?.of;
        if own == of {
            return Some(step);
        }
        self.wrong(Code::OutOfOrder, format!("{what} of the attempt that runs"), format!("one of {at}"));
        None
    }

    /// Takes a verdict.
    pub(super) fn judged(&mut self, judged: &Judged) {
        let Some(at) = self.running(&judged.at, "a verdict") else { return };
        let Some(step) = self.plan.as_ref().and_then(|plan| plan.steps.get(at)) else { return };
        let At::Attempt(attempt) = &mut self.at else { return };
        if let Err((code, expected, found)) = attempt.judge(step, judged) {
            self.wrong(code, expected, found);
        }
    }

    /// Takes a run of a proof: behind the action, and before the checkpoint.
    pub(super) fn proof_ran(&mut self, ran: &ProofRan) {
        if self.running(&ran.at, "a proof").is_none() {
            return;
        }
        let Some(attempt) = self.at.attempt_mut() else { return };
        let is_late = attempt.ended.is_none() || attempt.has_checkpoint();
        match &mut attempt.judged {
            Some(verdicts) if !is_late => verdicts.unproved |= !ran.held,
            _ => self.wrong(Code::OutOfOrder, "a proof of what an action left", format!("one of {}", ran.at)),
        }
    }

    /// Takes that an attempt asked for more masks than there is room for.
    pub(super) fn masks_refused(&mut self, at: &AttemptId, count: u64) {
        if self.running(at, "masks").is_none() {
            return;
        }
        let works =
            matches!(self.at, At::Command(..)) || self.at.attempt().is_some_and(|own| own.ended.is_some());
        if count == 0 || !works {
            let found = format!("{count}, of {at}");
            self.wrong(Code::OutOfOrder, "masks that something asked for", found);
        }
    }
}
