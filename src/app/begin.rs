//! Begins a new run: its name is claimed, its start recorded, its worktree made.

use std::time::{Duration, Instant};

use super::run::{Call, Opened};
use super::{Error, Front, Site};
use crate::evidence::{Claim, RunName};
use crate::plan::Plan;
use crate::run::{self, Checkout};
use crate::worktree::{Base, Earlier, Halt, Lock, RunOf, Worktree, WorktreeError};

impl<F: Front> Call<'_, F> {
    /// Begins a new run; nothing if it was asked to stop first. Where what its steps stand on cannot be had, nothing of a run
    /// is made.
    pub(super) async fn begin(&self, lock: &mut Lock) -> Result<Option<Opened>, Error> {
        let (repository, ready) = (self.site.repository, self.ready);
        // Before there is anything of a run: git may not come to an end with it.
        let dirty = repository.is_dirty(&ready.base)?;
        let time = Time::begin(ready.plan.limits.timeout);
        if !self.cache_objects(&ready.base, lock, time)? {
            return Ok(None);
        }
        let prepared = time.since.elapsed();
        let claim = self.claim()?;
        let run = claim.files().run();
        lock.name(&run.to_string())?;
        repository.hand_over(&claim.files().all())?;
        let publishing = (ready.intent.recorded(claim.secrets()), ready.revising.clone());
        let (plan, base, grants) = (&ready.plan, &ready.base, &ready.grants);
        let recorder = run::begin(claim, plan, (base, dirty), repository, grants, publishing, &ready.under)?;
        let made = Made { run, prepared, earlier: None };
        let halt = self.until(lock, run.to_string(), time);
        let worktree = make_worktree(self.site, &ready.plan, &ready.base, made, &halt).await;
        Ok(Some(Opened { recorder, worktree: worktree.map(Checkout::Fresh) }))
    }

    /// Returns when what comes before the steps is broken off: when the run of this name is asked to stop, or has no time
    /// left.
    pub(super) fn until(&self, lock: &Lock, run: String, time: Time) -> Halt {
        // What comes before the steps waits for nothing: nobody would pass a signal on.
        let signalled = self.interrupt.halt_by(time.end);
        let asked = self.asked(lock, run).halt_by(time.end);
        Halt::when(move || signalled.is_time() || asked.is_time())
    }

    /// Brings what the steps will borrow up to date, and shows that it does; whether it came to that before it was asked to
    /// stop.
    pub(super) fn cache_objects(&self, base: &Base, lock: &Lock, time: Time) -> Result<bool, Error> {
        let (shown, meter) = self.front.preparing(&self.ready.plan);
        let halt = self.until(lock, lock.run().to_owned(), time);
        let cached = self.site.repository.cache_objects(self.site.state, base, &halt, &meter);
        drop(shown);
        match cached {
            Err(error) if error.is_halt() && Instant::now() >= time.end => {
                Err(Error::NotReady { issue: self.order.issue, limit: self.ready.plan.limits.timeout })
            }
            Err(error) if error.is_halt() => Ok(false),
            cached => Ok(cached.map(|()| true)?),
        }
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

/// Since when a run is prepared, and when its time is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    pub(super) since: Instant,
    end: Instant,
}

impl Time {
    /// Begins now, with so much left.
    pub(super) fn begin(left: Duration) -> Self {
        let since = Instant::now();
        // A limit without an end is a year.
        Self { since, end: since.checked_add(left).unwrap_or(since + Duration::from_secs(365 * 24 * 3600)) }
    }
}

/// What a worktree is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) run: RunName,
    /// How long it took to make ready what it borrows.
    pub(super) prepared: Duration,
    pub(super) earlier: Option<Earlier<'a>>,
}

/// Makes the worktree of a run.
pub(super) async fn make_worktree(
    site: Site<'_>,
    plan: &Plan,
    base: &Base,
    made: Made<'_>,
    halt: &Halt,
) -> Result<Worktree, WorktreeError> {
    let Made { run, prepared, earlier } = made;
    let names = RunOf {
        run: &run.to_string(),
        issue: run.issue(),
        branch: &run.branch(),
        salvage: plan.limits.salvage,
        prepared,
        earlier,
    };
    Worktree::create(site.state, site.repository, base, names, site.host, site.waivers, halt).await
}
