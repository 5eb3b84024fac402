//! Making the worktree of a run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use super::Worktree;
use super::changes::Snapshot;
use super::confined::ConfinedGit;
use super::earlier::Earlier;
use super::error::WorktreeError;
use super::gitdirs;
use super::lfs::LfsFiles;
use super::part::{self, Part};
use super::repository::{Base, Repository};
use super::root::Root;
use super::rules::Rules;
use super::rundir::RunDir;
use super::state::State;
use crate::policy::{HostFacts, Waivers};

/// The runner's ref for the last checkpoint.
pub(super) const RESULT: &str = "refs/autopilot/result";

/// What git is to bring to the disk before it goes on.
pub(super) const DURABLE: &str = "objects,derived-metadata,reference";

/// What a run may salvage whose record does not say: one of before it did.
pub(super) const DEFAULT_SALVAGE: u64 = 1 << 30;

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
            git.script("checkout", CHECK_OUT, &[&part_at(&dir, number, part)[..], &commit].concat()).await?;
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

/// What the worktree of a run is for.
#[derive(Debug, Clone, Copy)]
pub struct RunOf<'a> {
    /// The run.
    pub run: &'a str,
    /// The issue.
    pub issue: u64,
    /// The result branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Whether it borrows the repository's objects instead of copying them.
    pub share_objects: bool,
    /// Bytes that it may salvage.
    pub salvage: u64,
    /// Where it goes on, if an earlier part of it has made checkpoints already.
    pub earlier: Option<Earlier<'a>>,
}

/// Points the runner's git at a part: its second git directory, and where it lies in the worktree.
pub(super) fn part_at(dir: &RunDir, number: usize, part: &Part) -> [(&'static str, OsString); 2] {
    let path = if part.path.is_empty() { ".".into() } else { OsString::from_vec(part.path.clone()) };
    [("GIT_DIR", dir.checkpoints_of(number).into()), ("GIT_WORK_TREE", path)]
}
