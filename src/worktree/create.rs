//! Making the worktree of a run.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Worktree;
use super::changes::Snapshot;
use super::confined::ConfinedGit;
use super::earlier::{Earlier, fetch_earlier};
use super::error::{WorktreeError, at};
use super::git::Git;
use super::repository::{Base, Person, Repository};
use super::rules::Rules;
use super::rundir::RunDir;
use super::state::State;
use super::walk::Root;
use crate::policy::{HostFacts, Waivers};

/// The runner's ref for the last checkpoint.
pub(super) const RESULT: &str = "refs/autopilot/result";

/// What git is to bring to the disk before it goes on.
pub(super) const DURABLE: &str = "objects,derived-metadata,reference";

/// Fills the worktree from the base. The step's index is a copy of the runner's: same files, same times.
const CHECK_OUT: &str = r#"
git read-tree -u --reset "$BASE"
cp "$GIT_DIR/index" .git/index
git update-ref "$RESULT" "$BASE"
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
        if let Some(earlier) = name.earlier {
            fetch_earlier(&dir.checkpoints(), repository, earlier)?;
        }
        make_private_repository(&dir, repository, base, name.branch, &person)?;
        let git = ConfinedGit::new(&dir, host, waivers, repository.format.name())?;
        git.take_possession(&dir)?;
        let variables = [("BASE", base.commit.clone().into()), ("RESULT", RESULT.into())];
        git.script("checkout", CHECK_OUT, &variables).await?;
        let root = Root::open(&dir.worktree())?;
        let mut snapshot = Snapshot::of(&base.entries, repository.format);
        snapshot.believe(&root, &rules, base.converts)?;
        let mut worktree = Self {
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
            unrecorded: None,
            commits: 0,
            salvaged: Vec::new(),
            made_in: Duration::ZERO,
        };
        if let Some(earlier) = name.earlier {
            worktree.go_on(earlier.checkpoint).await?;
        }
        worktree.made_in = began.elapsed();
        Ok(worktree)
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
    /// Where it goes on, if an earlier part of it has made checkpoints already.
    pub earlier: Option<Earlier<'a>>,
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
        // What a checkpoint holds outlives a loss of power, like the line of the journal that names it.
        ("core.fsync", DURABLE),
        ("core.fsyncMethod", "batch"),
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
pub(super) fn fetch(path: &Path) -> Git {
    Git::new(path, "fetch").args([
        "--quiet",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        // `env` is a hook that does nothing: an empty one would be run as a command without a name.
        "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true -c core.hooksPath=/dev/null \
         -c uploadpack.packObjectsHook=env upload-pack",
    ])
}
