//! The chain of checkpoints: what an attempt begins from, and what its checkpoint is on top of.

use super::records::Checkpoint;
use super::state::Story;
use super::tried::Try;
use crate::audit::code::Code;
use crate::evidence::AttemptId;
use crate::evidence::Token;
use crate::evidence::event::{AttemptResult, Change};

/// What some agent reads as instructions, whichever else does.
const INSTRUCTIONS: [&str; 2] = ["AGENTS.md", "AGENTS.override.md"];

/// The layer of a run whose runner knew no others.
const RUN: &str = "run";

impl Story {
    /// Returns the commit that the worktree is to be at: the last checkpoint, or the base.
    pub(super) fn position(&self) -> String {
        let base = self.start.as_ref().map(|start| start.commit.to_string()).unwrap_or_default();
        self.checkpoints.last().map_or(base, |last| last.commit.clone())
    }

    /// Demands that something is on top of the last checkpoint, or of the base.
    pub(super) fn expect_position(&mut self, commit: &str, what: &str) {
        let position = self.position();
        if position != commit {
            self.wrong(Code::ResultWrong, format!("{what} {position}"), commit);
        }
    }

    /// Demands that an attempt works in the layer that is its step's by the plan.
    pub(super) fn expect_layers(&mut self, at: &AttemptId, home: Option<&Token>, layer: Option<&Token>) {
        let step = self.by_id.get(at.step.as_str()).copied();
        let Some(planned) = step.and_then(|step| self.planned(step)) else { return };
        let (own, had_none) = (planned.layer(), planned.knows_no_layer());
        let fits = |name: &&Token| name.as_str() == own || (had_none && name.as_str() == RUN);
        for other in [home, layer].into_iter().flatten().filter(|name| !fits(name)) {
            self.wrong(Code::PlanNotFollowed, format!("{at} in the layer `{own}`"), format!("`{other}`"));
        }
    }

    pub(super) fn checkpoint_made(&mut self, made: Checkpoint) {
        let Some(step) = self.step_of(&made.step) else { return };
        let of = Try { step, number: made.attempt };
        let own = self.at.attempt_mut().is_none_or(|attempt| {
            let first = !std::mem::replace(&mut attempt.checkpoint, true);
            attempt.adopted = attempt.lost;
            first && attempt.of == of
        });
        if !own {
            let found = format!("a checkpoint of `{}`", made.step);
            self.wrong(Code::OutOfOrder, "one checkpoint of the attempt that runs", found);
        }
        let judged = self
            .at
            .attempt()
            .zip(self.planned(step))
            .is_none_or(|(attempt, step)| attempt.was_judged(step, AttemptResult::Passed, None));
        if !judged {
            let found = format!("a checkpoint of `{}`", made.step);
            self.wrong(Code::ResultWrong, "every expectation held before a checkpoint", found);
        }
        let hides = |change: &Change| {
            let name = change.path.as_str().rsplit('/').next().unwrap_or_default();
            INSTRUCTIONS.iter().any(|own| name.eq_ignore_ascii_case(own))
        };
        if made.instructions == Some(false) && made.changes.iter().any(hides) {
            let found = format!("none in {}", made.commit);
            self.wrong(Code::ResultWrong, "a word on instructions of agents that were changed", found);
        }
        if let Some(parent) = &made.parent {
            self.expect_position(parent, &format!("checkpoint {} on top of", made.commit));
        }
        self.checkpoints.push(made);
    }
}
