//! Verdicts: each expectation of the recorded plan is judged once, in the order in which the runner judges them, and what
//! an attempt comes to follows from them. From version 2 on.

use super::at::At;
use super::attempt::Attempt;
use super::ended::Ended;
use super::state::Story;
use super::tried::Try;
use super::verdicts::{Verdicts, all, is_command};
use crate::audit::code::Code;
use crate::audit::plan::RecordedStep;
use crate::audit::spelled;
use crate::evidence::AttemptId;
use crate::evidence::event::{AttemptResult, Expected, InGit, Judged, ProofRan, ReasonKind};

/// What is wrong with a verdict.
type Wrong = (Code, String, String);

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
        if judged.kind == Expected::Proves && !verdicts.shows(step, judged.held) {
            let found = format!("{}, held: {}", found(), judged.held);
            return Err((Code::ResultWrong, "what follows from the runs of its proof".to_owned(), found));
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
        let Some(at) = self.running(&ran.at, "a proof") else { return };
        let Some(planned) = self.plan.as_ref().and_then(|plan| plan.steps.get(at)) else { return };
        let Some(attempt) = self.at.attempt_mut() else { return };
        let is_late = attempt.ended.is_none() || attempt.has_checkpoint();
        let is_next = |verdicts: &Verdicts| verdicts.next(planned) == Some((Expected::Proves, 0));
        match &mut attempt.judged {
            Some(verdicts) if !is_late && is_next(verdicts) => verdicts.proofs.push(ran.clone()),
            _ => self.wrong(Code::OutOfOrder, "a proof of what an action left", format!("one of {}", ran.at)),
        }
    }

    /// Takes that the git which an attempt got had to be mended: before anything is done in it.
    pub(super) fn git_mended(&mut self, at: &AttemptId, count: usize) {
        if self.running(at, "a mended git").is_none() {
            return;
        }
        if count == 0 || self.at.attempt().is_some_and(|own| own.ended.is_some()) {
            let found = format!("{count} errors, in {at}");
            self.wrong(Code::OutOfOrder, "what was mended, before the first command", found);
        }
    }

    /// Takes what lay in the step's own git: what of it the salvage bundle is to have.
    pub(super) fn git_left(&mut self, left: &[InGit], more: u64) {
        if !matches!(self.at, At::Attempt(_)) {
            self.expect_end("what lay in its git");
        }
        if left.is_empty() {
            self.wrong(Code::OutOfOrder, "something that was left", format!("nothing, and {more} more"));
        }
        for (reference, commit) in
            left.iter().filter_map(|left| Some((left.reference.as_ref()?, &left.commit)))
        {
            let number = reference.as_str().strip_prefix("refs/salvage/git/").map(str::parse::<u32>);
            let commit = commit.as_ref().map(ToString::to_string);
            let known = self.saved.contains_key(reference.as_str());
            match (number, commit) {
                (Some(Ok(_)), Some(commit)) if !known => {
                    self.saved.insert(reference.to_string(), commit);
                }
                _ => {
                    let expected = "refs/salvage/git/N, once, with its commit";
                    self.wrong(Code::OutOfOrder, expected, reference.as_str());
                }
            }
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
