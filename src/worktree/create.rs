//! Making the worktree of a run.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::base::Base;
use super::changes::Snapshot;
use super::checkout::Worktree;
use super::confined::ConfinedGit;
use super::error::WorktreeError;
use super::gitdirs;
use super::layout::{RESULT, RunOf};
use super::part::{self, Part};
use super::pointer::LfsFiles;
use super::repository::Repository;
use super::root::Root;
use super::rules::Rules;
use super::rundir::RunDir;
use super::state::State;
use crate::policy::{HostFacts, Waivers};

/// Fills a part of the worktree. The step's index is a copy of the runner's: same files, same times.
const CHECK_OUT: &str = r#"
git read-tree -u --reset "$COMMIT"
cp "$GIT_DIR/index" "$GIT_WORK_TREE/.git/index"
git update-ref "$RESULT" "$COMMIT"
"#;

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
    ) -> Result<Self, WorktreeError> {
        let began = Instant::now();
        let rules = Rules::read(&base.parts)?;
        let person = repository.person();
        let dir = RunDir::create(state, repository, base, name)?;
        let mut git = ConfinedGit::new(&dir, host, waivers, repository)?;
        let borrowed = if name.share_objects { repository.pin(name.run, &base.commit)? } else { Vec::new() };
        git.read_also(&borrowed);
        gitdirs::make(&dir, repository, base, name, &person)?;
        git.take_possession(&dir)?;
        for (number, part) in base.parts.iter().enumerate() {
            let commit = [("COMMIT", part.commit.clone().into()), ("RESULT", RESULT.into())];
            git.script("checkout", CHECK_OUT, &[&dir.part_at(number, &part.path)[..], &commit].concat())
                .await?;
        }
        let root = Root::open(&dir.worktree())?;
        let mut snapshot = Snapshot::of(
            base.parts.iter().flat_map(Part::files),
            &base.parts,
            name.salvage,
            repository.format,
        );
        snapshot.believe(&root, &rules, part::convert(&base.parts)?)?;
        let (filters, lfs) = (part::filter(&base.parts)?, part::lfs(&base.parts)?);
        let mut worktree = Self {
            dir,
            root,
            git,
            rules,
            snapshot,
            person,
            repository: repository.clone(),
            parts: base.parts.clone(),
            borrowed,
            filters,
            lfs,
            lfs_files: LfsFiles::default(),
            contents: HashMap::new(),
            salvage_left: name.salvage,
            run: name.run.to_owned(),
            branch: name.branch.to_owned(),
            base: base.commit.clone(),
            last: base.commit.clone(),
            unrecorded: None,
            commits: 0,
            salvaged: Vec::new(),
            safe: Some(HashMap::new()),
            made_in: Duration::ZERO,
        };
        if let Some(earlier) = name.earlier {
            worktree.go_on(earlier.checkpoint).await?;
        }
        worktree.fill_all().await?;
        worktree.made_in = began.elapsed();
        Ok(worktree)
    }
}
