//! The folders that a plan's `cache` keeps from run to run: what an earlier run left is taken before the first step, held
//! before the first agent, patch or secret step, and kept once the run has passed.

use super::resume::can_go_on;
use super::{RunError, Runner};
use crate::evidence::event::{CacheKept, CacheLooked, Event};
use crate::evidence::state::StepState;
use crate::evidence::{Recorder, Sha256, Token};
use crate::plan::Step;
use crate::worktree::{Halt, Keeping, Taking};

impl Runner<'_> {
    /// Takes what an earlier run left. One that goes on in a new worktree gets what it began with.
    pub(super) async fn take_cache(&mut self, is_left: bool) -> Result<(), RunError> {
        if self.plan.cache.is_empty() {
            return Ok(());
        }
        let before =
            self.state().cache.0.as_ref().map(|looked| looked.sha256.as_ref().map(ToString::to_string));
        let again = match before {
            None => None,
            Some(Some(digest)) if !is_left => Some(digest),
            Some(_) => return Ok(()),
        };
        let taking = self.worktree.take_cache(&self.plan.cache, again.as_deref()).await?;
        let looked = self.looked(&taking)?;
        Ok(self.recorder.record(Event::CacheLooked(Box::new(looked)))?)
    }

    fn looked(&self, taking: &Taking) -> Result<CacheLooked, RunError> {
        let found = taking.found.as_ref();
        Ok(CacheLooked {
            folders: self.plan.cache.iter().map(|folder| self.recorder.text(folder.to_string())).collect(),
            locks: Sha256::from_hex(&taking.locks)?,
            sha256: found.ok().map(|found| Sha256::from_hex(&found.digest)).transpose()?,
            base: found.ok().map(|found| found.base.clone()),
            run: found.ok().map(|found| Token::new(found.run.clone())),
            why: found.err().map(|why| self.recorder.line(why)),
        })
    }

    /// Holds what is in the folders now, if this is the first step behind which that is no later run's.
    pub(super) async fn hold_cache_before(&mut self, step: &Step) -> Result<(), RunError> {
        if step.ends_cache() { self.hold_cache().await } else { Ok(()) }
    }

    /// The same behind the last step.
    pub(super) async fn hold_cache(&mut self) -> Result<(), RunError> {
        let begun = |step: &&Step| self.state().step(&step.id).is_some_and(|own| StepState::begun(own) > 0);
        let is_late = self.plan.steps.iter().filter(|step| step.ends_cache()).any(|step| begun(&step));
        if !self.plan.cache.is_empty() && !is_late {
            self.worktree.hold_cache(&self.plan.cache, self.plan.limits.cache).await?;
        }
        Ok(())
    }
}

/// Keeps what a run that passed held; what one held that failed for good goes.
pub(super) fn keep(keeping: &Keeping, recorder: &mut Recorder, halt: &Halt) -> Result<(), RunError> {
    let Some(end) = &recorder.state().end else { return Ok(()) };
    if !recorder.state().is_done() {
        if !can_go_on(end.result, end.reason.as_ref().map(|reason| reason.kind)) {
            keeping.let_go()?;
        }
        return Ok(());
    }
    let added = keeping.keep(halt);
    let kept = CacheKept {
        sha256: added.kept.as_ref().ok().map(|digest| Sha256::from_hex(digest)).transpose()?,
        bytes: added.bytes,
        why: added.kept.err().map(|why| recorder.line(why)),
    };
    Ok(recorder.record(Event::CacheKept(Box::new(kept)))?)
}
