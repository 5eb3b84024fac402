//! Goes on with the last run: its evidence is opened again, and its worktree, or a new one at its last checkpoint.

use std::time::Duration;

use super::begin::{Made, Time, make_worktree};
use super::earlier::Begun;
use super::run::{Call, Opened};
use super::{Error, Front};
use crate::evidence::{Files, Recorder, RunState};
use crate::run::{self, Checkout, Refused};
use crate::worktree::{Base, Earlier, Halt, Lock, Record, RunDir, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Goes on with a run, if it is still the same run; nothing if it was asked to stop first.
    pub(super) async fn go_on(&self, last: Begun, lock: &mut Lock) -> Result<Option<Opened>, Error> {
        let Begun { run, files, dir, state } = last;
        let (repository, ready) = (self.site.repository, self.ready);
        lock.name(&run.to_string())?;
        let mut base =
            run::unchanged(&state.start, &ready.plan, repository).map_err(|why| self.refused(why))?;
        base.leave_out(&ready.plan.exclude);
        let time =
            Time::begin(self.ready.plan.limits.timeout.saturating_sub(state.active(|_| Duration::ZERO)));
        // A worktree that is there has what it borrows.
        let is_there = dir.as_ref().is_some_and(|(dir, _)| state.has_worktree && !dir.is_over());
        if !is_there && !self.cache_objects(&base, lock, time)? {
            return Ok(None);
        }
        let prepared = time.since.elapsed();
        let halt = self.until(lock, run.to_string(), time);
        let mut recorder = self.reopen(files, *state)?;
        run::guard(&mut recorder, lock);
        // Without a worktree to go on in, it is made anew there.
        let dir = dir.filter(|(dir, _)| !dir.is_over());
        if dir.is_none() {
            self.demand_branch(recorder.state())?;
        }
        run::resumed(&mut recorder, &ready.plan, repository, &ready.grants, &ready.under)?;
        let worktree = self.worktree_again(dir, &base, &recorder, (prepared, &halt)).await?;
        Ok(Some(Opened { recorder, worktree }))
    }

    /// Demands that a run can go on: by its plan, and by what is there of it.
    pub(super) fn can_go_on(&self, last: &Begun) -> Result<(), Error> {
        let (repository, state) = (self.site.repository, &last.state);
        run::unchanged(&state.start, &self.ready.plan, repository).map_err(|why| self.refused(why))?;
        match last.dir.as_ref().filter(|(dir, _)| !dir.is_over()) {
            None => self.demand_branch(state),
            Some((dir, _)) if state.has_worktree => Ok(dir.demand_whole()?),
            Some(_) => Ok(()),
        }
    }

    fn refused(&self, why: Refused) -> Error {
        Error::refused(self.order.issue, why)
    }

    fn reopen(&self, files: Files, state: RunState) -> Result<Recorder, Error> {
        let (run, journal) = (files.run(), files.journal());
        let watch = self.front.watch(&self.ready.plan);
        let reopened = Recorder::go_on(files, Some(state), &self.ready.secrets, watch);
        reopened.map_err(|error| Error::pick_up(run, error))?.ok_or(Error::Endless { journal })
    }

    /// Demands that the branch holds what the run had come to.
    fn demand_branch(&self, state: &RunState) -> Result<(), Error> {
        let Some(checkpoint) = &state.checkpoint else { return Ok(()) };
        run::branch_unchanged(&state.start, checkpoint, self.site.repository).map_err(|why| self.refused(why))
    }

    /// Takes up the worktree that a dead runner left, or makes it anew.
    async fn worktree_again(
        &self,
        dir: Option<(RunDir, Record)>,
        base: &Base,
        recorder: &Recorder,
        (prepared, halt): (Duration, &Halt),
    ) -> Result<Result<Checkout, WorktreeError>, Error> {
        let checkpoint = recorder.state().position().as_str();
        match dir {
            Some((dir, record)) if recorder.state().has_worktree => {
                let (repository, host, waivers) = (self.site.repository, self.site.host, self.site.waivers);
                let taken = Worktree::take_up(dir, &record, Some(checkpoint), repository, host, waivers);
                Ok(Ok(Checkout::Left(taken.await?)))
            }
            dir => {
                // No step has run in what was not whole yet.
                dir.map(|(dir, _)| dir.discard()).transpose()?;
                let salvage = Some(recorder.files().salvage()).filter(|bundle| bundle.exists());
                let earlier = Earlier { checkpoint, salvage: salvage.as_deref() };
                let made = Made { run: recorder.files().run(), prepared, earlier: Some(earlier) };
                let made = make_worktree(self.site, &self.ready.plan, base, made, halt).await;
                Ok(made.map(Checkout::Fresh))
            }
        }
    }
}
