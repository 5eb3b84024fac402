//! Begins a new run: its name is claimed, its start recorded, its worktree made.

use super::run::{Call, Opened};
use super::{Error, Front, Note, Site};
use crate::evidence::{Recorder, RunName};
use crate::plan::Plan;
use crate::run::{self, Standing};
use crate::worktree::{Base, Earlier, Lock, RunOf, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Begins a new run.
    pub(super) async fn begin(&self, lock: &mut Lock) -> Result<Opened, Error> {
        let (repository, ready) = (self.site.repository, self.ready);
        let mut recorder = self.create()?;
        let run = recorder.files().run();
        lock.name(&run.to_string())?;
        repository.hand_over(&recorder.files().all())?;
        if ready.plan.share_objects {
            self.front.note(Note::SharedObjects);
        }
        let publishing = ready.intent.recorded(&recorder);
        run::begin(&mut recorder, &ready.plan, &ready.base, repository, &ready.grants, publishing)?;
        let worktree = make_worktree(self.site, &ready.plan, &ready.base, run, None).await;
        Ok(Opened { recorder, standing: Standing::default(), worktree })
    }

    /// Claims a name for the run, one that no branch has either.
    fn create(&self) -> Result<Recorder, Error> {
        let (repository, ready) = (self.site.repository, self.ready);
        let taken =
            |run: RunName| repository.has_ref(&format!("refs/heads/{}", run.branch())).unwrap_or(false);
        let watch = self.front.watch(&ready.plan, None);
        let issue = self.order.issue;
        Recorder::create(&repository.toplevel, issue, &taken, &ready.secrets, watch)
            .map_err(|error| Error::unopened(issue, error))
    }
}

/// Makes the worktree of a run.
pub(super) async fn make_worktree(
    site: Site<'_>,
    plan: &Plan,
    base: &Base,
    run: RunName,
    earlier: Option<Earlier<'_>>,
) -> Result<Worktree, WorktreeError> {
    let names = RunOf {
        run: &run.to_string(),
        issue: run.issue(),
        branch: &run.branch(),
        share_objects: plan.share_objects,
        salvage: plan.limits.salvage,
        earlier,
    };
    Worktree::create(site.state, site.repository, base, names, site.host, site.waivers).await
}
