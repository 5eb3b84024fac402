//! Making the worktree of a run, and picking up what a dead runner left of one.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use super::Worktree;
use super::changes::Snapshot;
use super::confined::ConfinedGit;
use super::error::WorktreeError;
use super::gitdirs;
use super::part::{self, Part};
use super::repository::{Base, Repository};
use super::root::Root;
use super::rules::Rules;
use super::rundir::{Record, RunDir};
use super::state::State;
use super::tree;
use crate::policy::{HostFacts, Waivers};

/// The runner's ref for the last checkpoint.
pub(super) const RESULT: &str = "refs/autopilot/result";

/// What a plan that says nothing of it may salvage; a crashed run's plan is not read again.
const DEFAULT_SALVAGE: u64 = 1 << 30;

/// Fills a part of the worktree. The step's index is a copy of the runner's: same files, same times.
const CHECK_OUT: &str = r#"
git read-tree -u --reset "$COMMIT"
cp "$GIT_DIR/index" "$GIT_WORK_TREE/.git/index"
git update-ref "$RESULT" "$COMMIT"
"#;

/// Goes back to the last checkpoint that the journal knows, and says what it holds. Whatever git was at when
/// the runner died is undone first: its locks, and an index with half of a commit in it.
const TAKE_UP: &str = r#"
find "$GIT_DIR" -name '*.lock' -exec rm -f {} +
git read-tree --reset "$LAST"
git update-ref "$RESULT" "$LAST"
git rev-parse --verify "$RESULT"
git rev-list --count "$BASE..$RESULT"
git for-each-ref --format='%(refname)' refs/salvage/
echo
git ls-tree -r -z --full-tree "$RESULT"
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
        let dir = RunDir::create(state, repository, base, name.run, name.issue, name.branch)?;
        let mut git = ConfinedGit::new(&dir, host, waivers, repository)?;
        let borrowed =
            if name.share_objects { repository.pin(state, name.run, &base.commit)? } else { Vec::new() };
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
        let filters = part::filter(&base.parts)?;
        Ok(Self {
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
            salvage_left: name.salvage,
            run: name.run.to_owned(),
            branch: name.branch.to_owned(),
            base: base.commit.clone(),
            last: base.commit.clone(),
            commits: 0,
            salvaged: Vec::new(),
            made_in: began.elapsed(),
        })
    }

    /// Opens what a dead runner left, at the last checkpoint that was recorded: one that was made and not
    /// recorded is what its attempt left, to be salvaged. Nothing if there was no checkout yet: no step ran.
    pub async fn take_up(
        dir: RunDir,
        record: &Record,
        last: Option<&str>,
        repository: &Repository,
        host: &HostFacts,
        waivers: &Waivers,
    ) -> Result<Option<Self>, WorktreeError> {
        let mut git = ConfinedGit::new(&dir, host, waivers, repository)?;
        let borrowed = gitdirs::borrowed(&dir, repository)?;
        git.read_also(&borrowed);
        let last = last.unwrap_or(&record.base);
        let variables =
            [("BASE", record.base.clone().into()), ("RESULT", RESULT.into()), ("LAST", last.into())];
        if !dir.checkpoints().join(RESULT).is_file() || !dir.worktree().is_dir() {
            return Ok(None);
        }
        git.take_possession(&dir)?;
        let told = git.script("take up", TAKE_UP, &variables).await?;
        let (head, listing) = told
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .map(|at| (String::from_utf8_lossy(&told[..at]).into_owned(), &told[at + 2..]))
            .ok_or_else(|| WorktreeError::Git { command: "take up".into(), stderr: "no answer".into() })?;
        let mut lines = head.lines().map(str::to_owned);
        let base = repository.base(Some(&record.base))?;
        let last = lines.next().unwrap_or_default();
        let commits = lines.next().and_then(|line| line.parse().ok()).unwrap_or_default();
        let filters = part::filter(&base.parts)?;
        let entries = tree::parse(listing)?.into_iter().filter(|entry| entry.mode != tree::GITLINK);
        let entries = entries.chain(base.parts[1..].iter().flat_map(Part::files));
        Ok(Some(Self {
            root: Root::open(&dir.worktree())?,
            dir,
            git,
            rules: Rules::read(&base.parts)?,
            snapshot: Snapshot::of(entries, &base.parts, DEFAULT_SALVAGE, repository.format),
            person: repository.person(),
            repository: repository.clone(),
            parts: base.parts,
            borrowed,
            filters,
            salvage_left: DEFAULT_SALVAGE,
            run: record.run.clone(),
            branch: record.branch.clone(),
            base: record.base.clone(),
            last,
            commits,
            salvaged: lines.collect(),
            made_in: Duration::ZERO,
        }))
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
}

/// Points the runner's git at a part: its second git directory, and where it lies in the worktree.
pub(super) fn part_at(dir: &RunDir, number: usize, part: &Part) -> [(&'static str, OsString); 2] {
    let path = if part.path.is_empty() { ".".into() } else { OsString::from_vec(part.path.clone()) };
    [("GIT_DIR", dir.checkpoints_of(number).into()), ("GIT_WORK_TREE", path)]
}
