//! Goes on with the last run: its evidence is opened again, and its worktree, or a new one at its last checkpoint.

use super::begin::make_worktree;
use super::earlier::Begun;
use super::run::{Call, Opened};
use super::{Error, Front};
use crate::evidence::{Files, Line, Recorder};
use crate::report::RunView;
use crate::run::{self, Refused, Standing};
use crate::worktree::{Base, Earlier, Lock, Record, RunDir, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Goes on with a run, if it is still the same run.
    pub(super) async fn go_on(&self, last: Begun, lock: &mut Lock) -> Result<Opened, Error> {
        let Begun { run, files, dir, view } = last;
        let (repository, ready) = (self.site.repository, self.ready);
        lock.name(&run.to_string())?;
        let base = run::unchanged(&view.start, &ready.plan, repository).map_err(|why| self.refused(why))?;
        let (mut recorder, lines, torn) = self.reopen(files, &view)?;
        let mut standing = Standing::of(&lines, &ready.plan);
        // Without a worktree to go on in, it is made anew there.
        let dir = dir.filter(|(dir, _)| !dir.is_over());
        if dir.is_none() {
            self.demand_branch(&view, &standing)?;
        }
        run::resumed(&mut recorder, &standing, &base, torn, repository, &ready.grants)?;
        let worktree = self.worktree_again(dir, &base, &recorder, &mut standing).await?;
        Ok(Opened { recorder, standing, worktree })
    }

    fn refused(&self, why: Refused) -> Error {
        Error::refused(self.order.issue, why)
    }

    fn reopen(&self, files: Files, view: &RunView) -> Result<(Recorder, Vec<Line>, u64), Error> {
        let run = files.run();
        let watch = self.front.watch(&self.ready.plan, Some(view));
        Recorder::go_on(files, &self.ready.secrets, watch).map_err(|error| Error::pick_up(run, error))
    }

    /// Demands that the branch holds what the run had come to.
    fn demand_branch(&self, view: &RunView, standing: &Standing) -> Result<(), Error> {
        let Some(checkpoint) = &standing.checkpoint else { return Ok(()) };
        run::branch_unchanged(&view.start, checkpoint, self.site.repository).map_err(|why| self.refused(why))
    }

    /// Takes up the worktree that a dead runner left, or makes it anew.
    async fn worktree_again(
        &self,
        dir: Option<(RunDir, Record)>,
        base: &Base,
        recorder: &Recorder,
        standing: &mut Standing,
    ) -> Result<Result<Worktree, WorktreeError>, Error> {
        let checkpoint = standing.checkpoint.as_ref().map_or(base.commit.as_str(), |commit| commit.as_str());
        match dir {
            Some((dir, record)) if standing.has_worktree => {
                let (repository, host, waivers) = (self.site.repository, self.site.host, self.site.waivers);
                let taken = Worktree::take_up(dir, &record, Some(checkpoint), repository, host, waivers);
                let taken = taken.await?;
                standing.in_place = true;
                Ok(Ok(taken))
            }
            dir => {
                // No step has run in what was not whole yet.
                dir.map(|(dir, _)| dir.discard()).transpose()?;
                let salvage = Some(recorder.files().salvage()).filter(|bundle| bundle.exists());
                let earlier = Earlier { checkpoint, salvage: salvage.as_deref() };
                let run = recorder.files().run();
                Ok(make_worktree(self.site, &self.ready.plan, base, run, Some(earlier)).await)
            }
        }
    }
}
