//! The end of a run: its result, what became of branch and worktree, the seal and the head.

use chrono::{DateTime, Utc};

use super::{Attested, Fate, Phase, Seal, Story};
use crate::audit::code::Code;
use crate::evidence::Head;
use crate::evidence::event::{Reason, ReasonKind, RunResult, Sealed, StepResult};
use crate::plan::OnFailure;

/// How a run ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) result: RunResult,
}

impl Story {
    pub(super) fn worktree_ready(&mut self) {
        let first = std::mem::replace(&mut self.may_make_worktree, false);
        if !first || self.phase != Phase::Steps || self.resetting {
            self.wrong(Code::OutOfOrder, "one worktree, before any step", "`worktree.ready`");
        }
        self.worktree = Fate::There;
    }

    pub(super) fn worktree_gone(&mut self, fate: Fate) {
        if self.worktree != Fate::There {
            self.wrong(Code::StartWithoutEnd, "`worktree.ready` before", "the end of a worktree");
        }
        if self.phase != Phase::Ended {
            self.wrong(Code::OutOfOrder, "the end of the run first", "the end of its worktree");
        }
        self.worktree = fate;
    }

    pub(super) fn branch_made(&mut self, reference: String, commit: String, commits: u64) {
        let branch = format!("refs/heads/{}", self.run.branch());
        if reference != branch {
            self.wrong(Code::WrongRun, branch, reference.clone());
        }
        if self.phase != Phase::Ended {
            self.wrong(Code::OutOfOrder, "the end of the run first", "its branch");
        }
        let made = (reference, commit, commits);
        let last = self.checkpoints.last().map(|last| last.commit.as_str());
        if last != Some(made.1.as_str()) || made.2 != self.checkpoints.len() as u64 {
            let expected =
                format!("{} checkpoints, the last {}", self.checkpoints.len(), last.unwrap_or("none"));
            self.wrong(Code::ResultWrong, expected, format!("{} commits, the last {}", made.2, made.1));
        }
        if self.worktree != Fate::There && !self.cut_short {
            self.wrong(Code::OutOfOrder, "its branch before its worktree goes", "its branch");
        }
        if self.branch.replace(made).is_some() && !self.cut_short {
            self.wrong(Code::OutOfOrder, "one branch", "another one");
        }
    }

    pub(super) fn run_ended(&mut self, result: RunResult, reason: Option<&Reason>, step: Option<&str>) {
        let kind = reason.map(|reason| reason.kind);
        if self.phase == Phase::Ended {
            // The steps were done and the work did not arrive.
            if (result, kind) != (RunResult::Failed, Some(ReasonKind::Internal)) {
                self.wrong(Code::OutOfOrder, "one end", format!("another one, {result:?}"));
            }
        } else {
            self.phase = Phase::Ended;
            let fault = kind == Some(ReasonKind::Internal);
            if (self.attempt.is_some() || self.rolling_back.is_some() || self.resetting) && !fault {
                self.wrong(Code::StartWithoutEnd, "an end of what began", "the end of the run");
            }
            // What a fault of the runner broke off gets its end when the run goes on.
            self.attempt.take_if(|_| !fault);
            self.pass_over(self.steps.len());
            self.check_result(result, kind, step);
        }
        // The first end that is not good is the run's.
        if self.end.as_ref().is_none_or(|end| end.result == RunResult::Done) {
            self.end = Some(End { result });
        }
    }

    fn check_result(&mut self, result: RunResult, kind: Option<ReasonKind>, step: Option<&str>) {
        let why_not = self.why_not_done();
        let (follows, expected) = match result {
            RunResult::Done => (why_not.is_none() && kind.is_none(), why_not.unwrap_or_default()),
            RunResult::Failed => {
                let named = step.is_none_or(|id| self.result_of(id) == Some(StepResult::Failed));
                let from_outside = matches!(kind, Some(ReasonKind::Internal | ReasonKind::RunTimeout));
                let failed = self.steps.iter().any(|step| step.result == Some(StepResult::Failed));
                let all_over = self.steps.iter().all(|step| step.result.is_some());
                let over = all_over || kind == Some(ReasonKind::Internal);
                (kind.is_some() && named && over && (failed || from_outside), "a failed step".to_owned())
            }
            RunResult::Interrupted => (kind == Some(ReasonKind::Signal), "a signal".to_owned()),
            RunResult::Crashed => {
                (kind == Some(ReasonKind::Crash) && self.cut_short, "a run that was picked up".to_owned())
            }
        };
        if !follows {
            self.wrong(Code::ResultWrong, expected, format!("run {result:?}"));
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
        if self.phase != Phase::Ended {
            self.wrong(Code::OutOfOrder, "the end of the run first", "`sealed`");
        }
        if self.worktree == Fate::There && !self.cut_short {
            self.wrong(
                Code::StartWithoutEnd,
                "`worktree.removed` or `worktree.kept`",
                "neither before `sealed`",
            );
        }
        let delivered = self.branch.is_some() || self.checkpoints.is_empty();
        if self.worktree == Fate::Removed && !delivered && !self.cut_short {
            self.wrong(Code::StartWithoutEnd, "`branch.made`", "checkpoints and no branch before `sealed`");
        }
        self.phase = Phase::Sealed;
        self.seal = Some(Seal { files, journal, finished: self.finished.unwrap_or(time) });
    }

    pub(super) fn attest(&mut self, sha256: String, head: Head) {
        if self.phase != Phase::Sealed {
            self.wrong(Code::OutOfOrder, "`sealed` first", "`attested`");
        }
        self.phase = Phase::Closed;
        self.attested = Some(Attested { sha256, head });
    }
}
