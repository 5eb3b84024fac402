//! Goes on with the last run: its evidence is opened again, and its worktree, or a new one at its last checkpoint.

use super::begin::make_worktree;
use super::earlier::Begun;
use super::run::{Call, Opened};
use super::{Error, Front};
use crate::evidence::Recorder;
use crate::run::{self, Checkout};
use crate::worktree::{Base, Earlier, Lock, Record, RunDir, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Goes on with a run, if it is still the same run.
    pub(super) async fn go_on(&self, last: Begun, lock: &mut Lock) -> Result<Opened, Error> {
        let Begun { run, files, dir, state } = last;
        let (repository, ready) = (self.site.repository, self.ready);
        let refused = |refused| Error::refused(self.order.issue, refused);
        lock.name(&run.to_string())?;
        let base = run::unchanged(&state.start, &ready.plan, repository).map_err(refused)?;
        let watch = self.front.watch(&ready.plan);
        let journal = files.journal();
        let reopened = Recorder::go_on(files, Some(*state), &ready.secrets, watch);
        let mut recorder =
            reopened.map_err(|error| Error::pick_up(run, error))?.ok_or(Error::Endless { journal })?;
        // Without a worktree to go on in, it is made anew there.
        let dir = dir.filter(|(dir, _)| !dir.is_over());
        if let (None, Some(checkpoint)) = (&dir, &recorder.state().checkpoint) {
            run::branch_unchanged(&recorder.state().start, checkpoint, repository).map_err(refused)?;
        }
        run::resumed(&mut recorder, &ready.plan, repository, &ready.grants)?;
        let checkpoint = recorder.state().position().as_str();
        let worktree = match dir {
            Some((dir, record)) if recorder.state().has_worktree => {
                Ok(Checkout::Left(self.take_up(dir, &record, checkpoint).await?))
            }
            dir => {
                // No step has run in what was not whole yet.
                dir.map(|(dir, _)| dir.discard()).transpose()?;
                self.make_anew(&recorder, &base, checkpoint).await.map(Checkout::Fresh)
            }
        };
        Ok(Opened { recorder, worktree })
    }

    /// Takes up the worktree that a dead runner left.
    async fn take_up(&self, dir: RunDir, record: &Record, checkpoint: &str) -> Result<Worktree, Error> {
        let (repository, host, waivers) = (self.site.repository, self.site.host, self.site.waivers);
        Ok(Worktree::take_up(dir, record, Some(checkpoint), repository, host, waivers).await?)
    }

    /// Makes a worktree of what the earlier part of the run left in the user's repository.
    async fn make_anew(
        &self,
        recorder: &Recorder,
        base: &Base,
        checkpoint: &str,
    ) -> Result<Worktree, WorktreeError> {
        let salvage = Some(recorder.files().salvage()).filter(|bundle| bundle.exists());
        let earlier = Earlier { checkpoint, salvage: salvage.as_deref() };
        make_worktree(self.site, &self.ready.plan, base, recorder.files().run(), Some(earlier)).await
    }
}
