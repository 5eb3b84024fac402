//! An attempt that runs: how its commands ended, and which results follow from that.

use super::ended::Ended;
use super::tried::Try;
use super::verdicts::Verdicts;
use crate::audit::plan::RecordedStep;
use crate::evidence::event::{AttemptResult, Cut, ReasonKind, Tokens};

/// An attempt that has begun and not ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) of: Try,
    /// The action has begun.
    pub(super) acted: bool,
    /// `post` commands begun.
    pub(super) post: usize,
    /// How its last command ended.
    pub(super) ended: Option<Ended>,
    /// All that ended before did as expected.
    pub(super) well: bool,
    /// Where the model is of the agent that works.
    pub(super) model: Option<(String, u16)>,
    /// The agent that works in it was heard out: its turn is over.
    pub(super) heard_out: bool,
    /// Requests and tokens of its turn so far.
    pub(super) used: (u64, Tokens),
    /// At which request of its turn a limit of the plan was seen to be reached.
    pub(super) limit_at: Option<u64>,
    /// How far it was judged; nothing if version 1 began it.
    pub(super) judged: Option<Verdicts>,
    pub(super) checkpoint: bool,
    /// Its runner died: its commands may have no end.
    pub(super) lost: bool,
    /// Its checkpoint was found, and recorded by whoever goes on.
    pub(super) adopted: bool,
}

impl Attempt {
    pub(super) fn new(of: Try) -> Self {
        Self {
            of,
            acted: false,
            post: 0,
            ended: None,
            well: true,
            model: None,
            heard_out: false,
            used: (0, Tokens::default()),
            limit_at: None,
            judged: None,
            checkpoint: false,
            lost: false,
            adopted: false,
        }
    }

    /// Tells whether its checkpoint was made.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.checkpoint
    }

    /// Returns what it comes to after its runner died: it goes on in another one's name, or not at all.
    pub(super) fn lost(self) -> Self {
        Self { lost: true, ..self }
    }

    /// Its action is to be done anew.
    pub(super) fn act_again(&mut self) {
        (self.ended, self.well) = (None, true);
    }

    /// Tells whether the action, and each command since, ended as expected.
    pub(super) fn is_well(&self) -> bool {
        self.well && self.ended.is_some_and(Ended::is_well)
    }

    /// Tells whether its action did all of its part, and each command since.
    pub(super) fn is_done(&self, step: &RecordedStep) -> bool {
        self.is_well() && (self.heard_out || !step.action.is_agent())
    }

    /// Tells whether a result follows from how its commands ended.
    pub(super) fn comes_to(
        &self,
        step: &RecordedStep,
        result: AttemptResult,
        why: Option<ReasonKind>,
    ) -> bool {
        use {AttemptResult as A, ReasonKind as R};
        let by_itself = |action| self.ended.is_some_and(|e| e.action == action && !e.cut && e.is_unlike());
        let whole = self.is_done(step) && self.post == step.post.len();
        match (result, why) {
            // What a runner that died had not written down is told by the checkpoint that it had made.
            (A::Passed, None) => whole || (self.lost && self.checkpoint),
            (A::Passed, Some(_)) | (A::Failed | A::Interrupted, None) => false,
            (A::Failed | A::Interrupted, _) if self.checkpoint => false,
            (A::Interrupted, Some(why)) => why == if self.lost { R::Crash } else { R::Signal },
            (A::Superseded, why) => why == Some(R::Conflict),
            (A::Failed, Some(why)) => match why {
                R::Exit => by_itself(true),
                R::Post => by_itself(false),
                R::Timeout | R::RunTimeout | R::Limit | R::Launch => {
                    self.ended.is_some_and(|ended| ended.cut || ended.survived)
                }
                R::Expectation | R::Checkpoint | R::Proof => self.is_done(step),
                R::Agent | R::RateLimit | R::Tokens | R::Silence | R::Budget => step.action.is_agent(),
                R::Conflict
                | R::Moved
                | R::Signal
                | R::Crash
                | R::ConsecutiveFailures
                | R::StepFailed
                | R::Internal => false,
            },
        }
    }

    /// Tells whether the runner ended its last command, if it did, for what its result says; version 1 tells that in
    /// words alone.
    pub(super) fn was_cut(&self, result: AttemptResult, why: Option<ReasonKind>) -> bool {
        use ReasonKind as R;
        let Some(Ended { why: Some(cut), .. }) = self.ended.filter(|_| !self.lost) else { return true };
        match (result, why) {
            (AttemptResult::Interrupted, _) => matches!(cut, Cut::Signal | Cut::Launch),
            (_, Some(R::Timeout)) => cut == Cut::StepTimeout,
            (_, Some(R::RunTimeout)) => cut == Cut::RunTimeout,
            (_, Some(R::Limit)) => matches!(cut, Cut::Output | Cut::Resource),
            (_, Some(R::Launch)) => cut == Cut::Launch,
            (_, Some(R::Agent | R::RateLimit | R::Tokens | R::Silence | R::Budget)) => cut == Cut::Answer,
            _ => false,
        }
    }

    /// Says how its last command ended, as a reason of this kind has to.
    pub(super) fn sentence(&self, step: &RecordedStep, why: ReasonKind) -> Option<String> {
        let how = self.ended?.in_words();
        let sentence = match why {
            ReasonKind::Exit => how,
            ReasonKind::Post => format!("post `{}`: {how}", step.post.get(self.post.checked_sub(1)?)?),
            _ => return None,
        };
        Some(sentence.replace(char::is_control, " "))
    }
}
