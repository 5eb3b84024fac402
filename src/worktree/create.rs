//! Making the worktree of a run, and picking up what a dead runner left of one.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Worktree;
use super::changes::Snapshot;
use super::confined::ConfinedGit;
use super::error::{WorktreeError, at};
use super::git::Git;
use super::repository::{Base, Person, Repository};
use super::rules::Rules;
use super::rundir::{Record, RunDir};
use super::state::State;
use super::tree;
use super::walk::Root;
use crate::policy::{HostFacts, Waivers};

/// The runner's ref for the last checkpoint.
pub(super) const RESULT: &str = "refs/autopilot/result";

/// Fills the worktree from the base. The step's index is a copy of the runner's: same files, same times.
const CHECK_OUT: &str = r#"
git read-tree -u --reset "$BASE"
cp "$GIT_DIR/index" .git/index
git update-ref "$RESULT" "$BASE"
"#;

/// Goes back to the last checkpoint that the journal knows, and says what it holds. Whatever git was at when
/// the runner died is undone first: its locks, and an index with half of a commit in it.
const TAKE_UP: &str = r#"
find "$GIT_DIR" -name '*.lock' -exec rm -f {} +
rm -f "$GIT_DIR/salvage-index" "$GIT_DIR/info/attributes"
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
        let rules = Rules::read(repository, &base.entries)?;
        let person = repository.person();
        let dir = RunDir::create(state, repository, base, name.run, name.issue, name.branch)?;
        make_checkpoints(&dir, repository, base)?;
        make_private_repository(&dir, repository, base, name.branch, &person)?;
        let git = ConfinedGit::new(&dir, host, waivers, repository.format.name())?;
        git.take_possession(&dir)?;
        let variables = [("BASE", base.commit.clone().into()), ("RESULT", RESULT.into())];
        git.script("checkout", CHECK_OUT, &variables).await?;
        let root = Root::open(&dir.worktree())?;
        let mut snapshot = Snapshot::of(&base.entries, repository.format);
        snapshot.believe(&root, &rules, base.converts)?;
        Ok(Self {
            dir,
            root,
            git,
            rules,
            snapshot,
            person,
            repository: repository.clone(),
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
        let git = ConfinedGit::new(&dir, host, waivers, repository.format.name())?;
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
        Ok(Some(Self {
            root: Root::open(&dir.worktree())?,
            dir,
            git,
            rules: Rules::read(repository, &base.entries)?,
            snapshot: Snapshot::of(&tree::parse(listing)?, repository.format),
            person: repository.person(),
            repository: repository.clone(),
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

/// The names of the run a worktree is for.
#[derive(Debug, Clone, Copy)]
pub struct RunOf<'a> {
    /// The run.
    pub run: &'a str,
    /// The issue.
    pub issue: u64,
    /// The result branch, without `refs/heads/`.
    pub branch: &'a str,
}

/// The runner's git directory: the base commit alone, no history, since nothing looks further back.
fn make_checkpoints(dir: &RunDir, repository: &Repository, base: &Base) -> Result<(), WorktreeError> {
    let path = dir.checkpoints();
    init(&path, repository, true)?;
    fetch(&path).args(["--depth=1", "--no-tags"]).arg(&repository.common_dir).arg(&base.commit).run()?;
    for (key, value) in [
        ("core.hooksPath", "/dev/null"),
        ("core.bare", "false"),
        ("core.autocrlf", "false"),
        // Else git looks in HOME, which is the steps'.
        ("core.attributesFile", "/dev/null"),
        ("core.excludesFile", "/dev/null"),
        ("core.logAllRefUpdates", "false"),
        ("gc.auto", "0"),
    ] {
        Git::new(&path, "config").args([key, value]).run()?;
    }
    Ok(())
}

/// The step's repository: what is reachable from the base and the tags, and the base's upstream ref, since
/// tools look at `origin/main`; no stash, no other branch, no remote.
fn make_private_repository(
    dir: &RunDir,
    repository: &Repository,
    base: &Base,
    branch: &str,
    person: &Person,
) -> Result<(), WorktreeError> {
    let path = dir.worktree();
    init(&path, repository, false)?;
    let mut refspecs =
        vec![format!("{}:refs/heads/{branch}", base.commit), "refs/tags/*:refs/tags/*".to_owned()];
    if repository.has_ref(&format!("refs/heads/{}", base.name))? {
        refspecs.push(format!("{}:refs/heads/{}", base.commit, base.name));
    }
    refspecs.extend(base.upstream.iter().map(|upstream| format!("{upstream}:{upstream}")));
    fetch(&path).arg("--no-tags").arg(&repository.common_dir).args(refspecs).run()?;
    Git::new(&path, "symbolic-ref").args(["HEAD", &format!("refs/heads/{branch}")]).run()?;
    // Without a template git makes no `info`, where tools write their excludes.
    let info = path.join(".git/info");
    std::fs::create_dir_all(&info).map_err(at(&info))?;
    for (key, value) in [("user.name", &person.name), ("user.email", &person.email)] {
        Git::new(&path, "config").args([key, value]).run()?;
    }
    Ok(())
}

fn init(path: &Path, repository: &Repository, bare: bool) -> Result<(), WorktreeError> {
    let format = format!("--object-format={}", repository.format.name());
    let parent = path.parent().unwrap_or(path);
    let init = Git::new(parent, "init").args(["--quiet", "--template=", &format, "--initial-branch=none"]);
    let init = if bare { init.arg("--bare") } else { init };
    init.arg(path).run().map(drop)
}

/// Prepares a fetch from the user's repository; any commit of it may be asked for.
fn fetch(path: &Path) -> Git {
    Git::new(path, "fetch").args([
        "--quiet",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        // `env` is a hook that does nothing: an empty one would be run as a command without a name.
        "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true -c core.hooksPath=/dev/null \
         -c uploadpack.packObjectsHook=env upload-pack",
    ])
}
