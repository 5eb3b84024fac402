//! How far an attempt was judged: each expectation of the recorded plan, in the order in which the runner judges them, and
//! what an attempt comes to by that. From version 2 on.

use autopilot_proof::verdict::{Kind, decide};

use crate::audit::plan::RecordedStep;
use crate::evidence::event::{AttemptResult, Expected, ProofRan, ProofRun, ReasonKind};
use crate::proof;

/// How far an attempt was judged.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Expectations that were judged, of all in their order.
    pub(super) done: usize,
    /// The first that did not hold.
    pub(super) unmet: Option<Expected>,
    /// The runs of its proof.
    pub(super) proofs: Vec<ProofRan>,
}

/// Lists what is expected of a step, in the order in which it is judged: the action, what it left and printed, what it
/// changed, each `post`, and what is changed then.
pub(super) fn all(step: &RecordedStep) -> impl Iterator<Item = (Expected, u32)> {
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
        .chain(each(Expected::Proves, usize::from(own.proves.is_some())))
}

/// Tells whether nothing is judged beside it: a command, or a proof, is over before anything else follows.
fn is_alone(kind: Expected) -> bool {
    is_command(kind) || kind == Expected::Proves
}

pub(super) fn is_command(kind: Expected) -> bool {
    matches!(kind, Expected::ExitCode | Expected::Post)
}

impl Verdicts {
    /// Returns what is to be judged next.
    pub(super) fn next(&self, step: &RecordedStep) -> Option<(Expected, u32)> {
        let next = all(step).nth(self.done)?;
        match self.unmet {
            None => Some(next),
            // All of a result is judged, and nothing behind what decides.
            Some(unmet) => (!is_alone(unmet) && !is_alone(next.0)).then_some(next),
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
        self.unmet.is_none()
    }

    /// Tells whether an attempt that came to its end by itself was judged as its result says.
    pub(super) fn come_to(
        &self,
        step: &RecordedStep,
        result: AttemptResult,
        why: Option<ReasonKind>,
    ) -> bool {
        use ReasonKind as R;
        match (result, why) {
            (AttemptResult::Passed, _) => self.are_whole(step),
            (AttemptResult::Interrupted, _) => self.hold(),
            (AttemptResult::Superseded, _) | (AttemptResult::Failed, None) => true,
            (AttemptResult::Failed, Some(why)) => match why {
                R::Exit => self.unmet == Some(Expected::ExitCode),
                R::Post => self.unmet == Some(Expected::Post),
                R::Expectation => self.unmet.is_some_and(|kind| !is_alone(kind)) && self.next(step).is_none(),
                R::Checkpoint => self.are_whole(step),
                R::Proof => self.unmet == Some(Expected::Proves),
                R::Limit => self.unmet.is_none_or(is_command),
                R::Agent | R::RateLimit | R::Tokens | R::Silence | R::Budget => self.are_none(),
                _ => self.hold(),
            },
        }
    }

    /// Tells whether a verdict on a proof follows from its runs. What is refused before all of them are made, or for what
    /// none of them shows, the runner alone knows: that it is refused is then taken at its word.
    pub(super) fn shows(&self, step: &RecordedStep, held: bool) -> bool {
        let Some(proves) = &step.expectation.proves else { return false };
        if self.proofs.is_empty() {
            return !held;
        }
        let refactor = proves.terms().kind == Kind::Refactor;
        let Some(recorded) = proof::runs(&self.proofs).filter(|_| self.proofs.iter().all(|ran| ran.held))
        else {
            return !held;
        };
        let made = |run| recorded.made.iter().filter(|own| **own == run).count();
        let whole = made(ProofRun::Base) == 1
            && made(ProofRun::Tests) == if refactor { 0 } else { 2 }
            && made(ProofRun::Result) == 2;
        // Lines are put back when all is decided, and never of what is refused.
        let behind = recorded.made.iter().skip_while(|own| **own != ProofRun::Hunk);
        if !behind.clone().all(|own| *own == ProofRun::Hunk) || (!held && made(ProofRun::Hunk) > 0) {
            return false;
        }
        held == (whole && decide(&recorded.runs, &proves.terms()).is_accepted())
    }
}
