//! A replay before a push: of the run's own result, from its base, as the plan has it, and of its steps.

use super::at::At;
use super::state::Story;
use crate::audit::code::Code;
use crate::evidence::event::{Rebased, RunResult};
use crate::plan::{Publish, Rebase};

/// How often a base that moves is followed.
const ROUNDS: u32 = 5;

impl Story {
    /// A replay on the base of later is of the result, from the run's base, as the plan has it; what did not hold there came to nothing.
    pub(super) fn publish_rebased(&mut self, rebased: Rebased) {
        let branch = self.branch.as_ref().map(|(_, commit, _)| commit.clone());
        if branch.as_deref() != Some(rebased.result.as_str()) || self.result() != Some(RunResult::Done) {
            let expected =
                format!("the result of a run that is done, {}", branch.as_deref().unwrap_or("none"));
            self.wrong(Code::OutOfOrder, expected, format!("a replay of {}", rebased.result));
        }
        let base = self.start.as_ref().map(|start| start.commit.clone());
        if base.as_ref() != Some(&rebased.base) || rebased.base == rebased.onto {
            let found = format!("from {} to {}", rebased.base, rebased.onto);
            self.wrong(Code::ResultWrong, "a replay from the run's base to another commit", found);
        }
        let wants = |plan: &Publish| plan.push && plan.rebase == Rebase::Verify;
        if self.plan.as_ref().is_some_and(|plan| !wants(&plan.publish)) {
            self.wrong(Code::PlanNotFollowed, "no replay before a push: the plan wants none", "one");
        }
        if rebased.held != rebased.why.is_none() || !(rebased.held || rebased.commits.is_empty()) {
            let found = format!("held: {}, {} commits", rebased.held, rebased.commits.len());
            self.wrong(Code::ResultWrong, "commits where everything held, else why it did not", found);
        }
        if !(1..=ROUNDS).contains(&rebased.round) {
            self.wrong(Code::ResultWrong, format!("round 1 to {ROUNDS}"), rebased.round.to_string());
        }
        self.check_steps(&rebased);
        if matches!(self.at, At::Publishing(..)) {
            self.at = At::Closed;
        }
        self.rebased.push(rebased);
    }

    /// The commits of a replay are of steps of the run that passed, each once, in their order.
    fn check_steps(&mut self, rebased: &Rebased) {
        let Some(start) = &self.start else { return };
        let mut left = start.steps.iter();
        let wrong = rebased.commits.iter().find(|made| !left.any(|step| *step == made.step));
        let wrong = wrong.map(|made| format!("a commit of `{}`", made.step.as_str()));
        if let Some(wrong) = wrong {
            self.wrong(Code::OutOfOrder, "commits in the order of the run's steps, one each", wrong);
        }
    }

    /// Tells whether a commit is what the result came to on the base of later.
    pub(super) fn is_of_replay(&self, key: &str) -> bool {
        let branch = self.branch.as_ref().map(|(_, commit, _)| commit.as_str());
        let mut of_branch = self.rebased.iter().filter(|rebased| Some(rebased.result.as_str()) == branch);
        of_branch.any(|rebased| rebased.tip().is_some_and(|tip| tip.as_str() == key))
    }
}
