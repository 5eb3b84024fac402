//! The end of a run: its result, what became of branch and worktree, the seal and the head.

use chrono::{DateTime, Utc};

use super::at::{At, Worktree};
use super::records::{Attested, End, Seal};
use super::state::Story;
use crate::audit::code::Code;
use crate::evidence::Head;
use crate::evidence::event::{Reason, ReasonKind, RunResult, Sealed, StepResult};
use crate::plan::OnFailure;

impl Story {
    /// Demands that the run has an end: one that was picked up may have got it before.
    pub(super) fn expect_end(&mut self, what: &str) {
        if matches!(self.at, At::PickedUp) && self.end.is_none() {
            self.wrong(Code::OutOfOrder, "the end of the run first", what);
        }
        self.at = At::Closing;
    }

    pub(super) fn worktree_gone(&mut self) {
        self.expect_end("the end of its worktree");
        let delivered = self.branch.as_ref().map(|(_, commit, _)| commit.as_str());
        let last = self.checkpoints.last().map(|last| last.commit.as_str());
        // It stays where the work could not be taken out, and says so; and where it was lost.
        let may_lack = self.worktree == Worktree::Kept
            && (self.taken_over || self.end.as_ref().is_some_and(|end| end.faulted));
        if delivered != last && !may_lack {
            let found = format!("{} before the worktree goes", delivered.unwrap_or("no branch"));
            self.wrong(
                Code::StartWithoutEnd,
                format!("`branch.made` of {}", last.unwrap_or("nothing")),
                found,
            );
        }
    }

    pub(super) fn branch_made(&mut self, reference: String, commit: String, commits: u64) {
        let branch = format!("refs/heads/{}", self.run.branch());
        if reference != branch {
            self.wrong(Code::WrongRun, branch, reference.clone());
        }
        self.expect_end("its branch");
        let made = (reference, commit, commits);
        let last = self.checkpoints.last().map(|last| last.commit.as_str());
        if last != Some(made.1.as_str()) || made.2 != self.checkpoints.len() as u64 {
            let expected =
                format!("{} checkpoints, the last {}", self.checkpoints.len(), last.unwrap_or("none"));
            self.wrong(Code::ResultWrong, expected, format!("{} commits, the last {}", made.2, made.1));
        }
        self.branch = Some(made);
    }

    /// Takes that the branch was searched: as it was made last.
    pub(super) fn branch_searched(&mut self, commit: &str) {
        let made = self.branch.as_ref().map(|(_, made, _)| made.as_str());
        if made != Some(commit) {
            let expected = format!("a search of {}", made.unwrap_or("nothing, for there is no branch"));
            self.wrong(Code::ResultWrong, expected, commit.to_owned());
        }
        self.expect_end("a search of its branch");
    }

    pub(super) fn run_ended(&mut self, result: RunResult, reason: Option<&Reason>, step: Option<&str>) {
        let kind = reason.map(|reason| reason.kind);
        let fault = (result, kind) == (RunResult::Failed, Some(ReasonKind::Internal));
        if self.end.is_none() {
            self.pass_over(self.steps.len());
            self.check_result(result, kind, step);
        } else if !fault {
            // The steps were done and the work did not arrive.
            self.wrong(Code::OutOfOrder, "one end", format!("another one, {result:?}"));
        }
        if fault {
            // What it broke off gets its end when the run goes on.
            self.runner_gone();
        }
        self.at = At::Closing;
        // The first end that is not good is the run's.
        let good = |end: &&End| end.result == RunResult::Done;
        let result = self.end.as_ref().filter(|end| !good(end)).map_or(result, |end| end.result);
        self.end = Some(End { result, faulted: fault });
    }

    fn check_result(&mut self, result: RunResult, kind: Option<ReasonKind>, step: Option<&str>) {
        let picked_up = matches!(self.at, At::PickedUp);
        let all_over = self.steps.iter().all(|step| step.result.is_some());
        let why_not = self.why_not_done();
        let (follows, expected) = match result {
            _ if picked_up && result != RunResult::Crashed => (false, "crashed: it was picked up".to_owned()),
            RunResult::Done => (why_not.is_none() && kind.is_none(), why_not.unwrap_or_default()),
            RunResult::Failed => {
                let named = step.is_none_or(|id| self.result_of(id) == Some(StepResult::Failed));
                let from_outside = matches!(kind, Some(ReasonKind::Internal | ReasonKind::RunTimeout));
                let failed = self.steps.iter().any(|step| step.result == Some(StepResult::Failed));
                let over = all_over || kind == Some(ReasonKind::Internal);
                (kind.is_some() && named && over && (failed || from_outside), "a failed step".to_owned())
            }
            RunResult::Interrupted => {
                (kind == Some(ReasonKind::Signal) && all_over, "a signal, and an end of each step".to_owned())
            }
            RunResult::Crashed => {
                (kind == Some(ReasonKind::Crash) && picked_up, "a run that was picked up".to_owned())
            }
        };
        if !follows {
            self.wrong(Code::ResultWrong, expected, format!("run {result:?}"));
        }
    }

    /// Demands that a run that a step decided has the reason that the step's last attempt had.
    pub(super) fn expect_reason(&mut self, reason: Option<&Reason>, step: Option<&str>) {
        let decided = step.and_then(|id| self.steps.get(*self.by_id.get(id)?)?.why.as_ref());
        let (Some(own), Some(told)) = (decided, reason) else { return };
        let many = told.kind == ReasonKind::ConsecutiveFailures;
        let follows = match told.kind {
            ReasonKind::Crash => true,
            _ if many => told.text.as_str().contains(own.text.as_str()),
            _ => told.kind == own.kind && told.text == own.text,
        };
        if !follows {
            let (own, told) =
                (format!("{:?}: {}", own.kind, own.text), format!("{:?}: {}", told.kind, told.text));
            self.wrong(Code::ResultWrong, own, told);
        }
    }

    fn result_of(&self, id: &str) -> Option<StepResult> {
        self.by_id.get(id).and_then(|at| self.steps.get(*at)?.result)
    }

    /// Says why a run cannot be done, if so.
    fn why_not_done(&self) -> Option<String> {
        let plan = self.plan.as_ref()?;
        let limit = plan.limits.consecutive_failures;
        if self.consecutive.1 >= limit {
            return Some(format!("failed: {} attempts failed in a row", self.consecutive.1));
        }
        plan.steps.iter().enumerate().find_map(|(at, step)| {
            let id = &step.id;
            match self.steps.get(at).and_then(|step| step.result) {
                Some(StepResult::Passed) => None,
                Some(StepResult::Failed) if step.on_failure == OnFailure::Ignore => None,
                Some(StepResult::Skipped) if self.unmet_need(at).is_some() => None,
                Some(result) => Some(format!("not done: step `{id}` {result:?}")),
                None => Some(format!("not done: step `{id}` has no end")),
            }
        })
    }

    pub(super) fn sealed(&mut self, files: Vec<Sealed>, journal: (String, u64), time: DateTime<Utc>) {
        self.expect_end("`sealed`");
        if matches!(self.worktree, Worktree::There | Worktree::Delivered) && !self.taken_over {
            self.wrong(
                Code::StartWithoutEnd,
                "`worktree.removed` or `worktree.kept`",
                "neither before `sealed`",
            );
        }
        self.at = At::Sealed;
        self.seal = Some(Seal { files, journal, finished: self.finished.unwrap_or(time) });
    }

    pub(super) fn attest(&mut self, sha256: String, head: Head) {
        self.at = At::Closed;
        self.attested = Some(Attested { sha256, head });
    }
}
