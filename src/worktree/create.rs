//! Making the worktree of a run.

use std::time::Instant;

use super::base::Base;
use super::changes::Snapshot;
use super::checkout::{BaseFacts, Ground, Ledger, Worktree};
use super::confined::ConfinedGit;
use super::error::WorktreeError;
use super::gitdirs;
use super::halt::Halt;
use super::layout::RunOf;
use super::object_cache::{From, ObjectCache};
use super::part::{self, Part};
use super::repository::Repository;
use super::rundir::{Record, RunDir};
use super::scripts::CHECK_OUT;
use super::state::State;
use crate::git::Oid;
use crate::policy::{HostFacts, Waivers};

impl Worktree {
    /// Makes the worktree of a run: a private repository for the steps, a second git directory for the
    /// runner, the base checked out.
    pub async fn create(
        state: &State,
        repository: &Repository,
        base: &Base,
        name: RunOf<'_>,
        host: &HostFacts,
        waivers: &Waivers,
        halt: &Halt,
    ) -> Result<Self, WorktreeError> {
        let began = Instant::now();
        let (dir, record) = RunDir::create(state, repository, base, name)?;
        let made =
            Self::fill_in((dir.clone(), record), state, repository, base, name, (host, waivers), halt).await;
        match made {
            Ok(mut worktree) => {
                worktree.made_in = name.prepared + began.elapsed();
                Ok(worktree)
            }
            Err(error) => {
                // No step has run in it. What stays is cleared away by whoever comes next.
                let _ = dir.discard();
                Err(error)
            }
        }
    }

    async fn fill_in(
        (dir, record): (RunDir, Record),
        state: &State,
        repository: &Repository,
        base: &Base,
        name: RunOf<'_>,
        (host, waivers): (&HostFacts, &Waivers),
        halt: &Halt,
    ) -> Result<Self, WorktreeError> {
        let facts = BaseFacts::of(base)?;
        let mut git = ConfinedGit::new(&dir, host, waivers, repository)?;
        git.heed(halt.clone());
        git.read_also(&[dir.objects()]);
        let lend =
            |from: From| ObjectCache::take(state, repository, base, halt)?.lend(base, from, &dir.objects());
        lend(From::Cache)?;
        let furnished = furnish(&dir, repository, base, name, &git).await;
        if matches!(furnished, Err(WorktreeError::Git { .. })) {
            // Perhaps what is lent looked as it was written, and is not.
            lend(From::Repository)?;
            dir.empty()?;
            furnish(&dir, repository, base, name, &git).await?;
        } else {
            furnished?;
        }
        let borrowed = vec![dir.objects()];
        let files = base.parts.iter().flat_map(Part::files);
        let snapshot = Snapshot::of(files, &base.parts, name.salvage, repository.format);
        let ground = Ground { dir, record, git, borrowed };
        let mut worktree = Self::on(ground, repository, facts, snapshot, Ledger::at(&base.commit))?;
        worktree.heed(halt);
        let convert = part::convert(&base.parts)?;
        worktree.snapshot.believe(&worktree.root, &worktree.base.rules, convert)?;
        if let Some(earlier) = name.earlier {
            worktree.go_on(&Oid::parse(earlier.checkpoint)?).await?;
        }
        worktree.fill_all().await?;
        worktree.remember_own()?;
        Ok(worktree)
    }
}

/// Makes the git directories of a run, and checks its base out.
async fn furnish(
    dir: &RunDir,
    repository: &Repository,
    base: &Base,
    name: RunOf<'_>,
    git: &ConfinedGit,
) -> Result<(), WorktreeError> {
    gitdirs::make(dir, repository, base, name)?;
    git.take_possession(dir)?;
    for (number, part) in base.parts.iter().enumerate() {
        let commit = [("COMMIT", (&part.commit).into())];
        let variables = [&dir.part_at(number, &part.path)[..], &commit].concat();
        git.script("checkout", CHECK_OUT, &variables).await?;
    }
    Ok(())
}
