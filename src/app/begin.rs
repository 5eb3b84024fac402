//! Begins a new run: its name is claimed, its start recorded, its worktree made.

use super::run::{Call, Opened};
use super::{Error, Front, Site};
use crate::evidence::{Claim, RunName};
use crate::plan::Plan;
use crate::run::{self, Checkout};
use crate::worktree::{Base, Earlier, Halt, Lock, RunOf, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Begins a new run.
    pub(super) async fn begin(&self, lock: &mut Lock) -> Result<Opened, Error> {
        let (repository, ready) = (self.site.repository, self.ready);
        // Before there is anything of a run: git may not come to an end with it.
        let dirty = repository.is_dirty(&ready.base)?;
        let claim = self.claim()?;
        let run = claim.files().run();
        lock.name(&run.to_string())?;
        repository.hand_over(&claim.files().all())?;
        let publishing = ready.intent.recorded(claim.secrets());
        let (plan, base, grants) = (&ready.plan, &ready.base, &ready.grants);
        let recorder = run::begin(claim, plan, (base, dirty), repository, grants, publishing, &ready.under)?;
        let worktree = make_worktree(self.site, &ready.plan, &ready.base, run, None, &Halt::never()).await;
        Ok(Opened { recorder, worktree: worktree.map(Checkout::Fresh) })
    }

    /// Claims a name for the run, one that no branch has either.
    fn claim(&self) -> Result<Claim, Error> {
        let (repository, ready) = (self.site.repository, self.ready);
        let taken =
            |run: RunName| repository.has_ref(&format!("refs/heads/{}", run.branch())).unwrap_or(false);
        let watch = self.front.watch(&ready.plan);
        let issue = self.order.issue;
        Claim::new(&repository.toplevel, issue, &taken, &ready.secrets, watch)
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
    halt: &Halt,
) -> Result<Worktree, WorktreeError> {
    let names = RunOf {
        run: &run.to_string(),
        issue: run.issue(),
        branch: &run.branch(),
        salvage: plan.limits.salvage,
        earlier,
    };
    Worktree::create(site.state, site.repository, base, names, site.host, site.waivers, halt).await
}
