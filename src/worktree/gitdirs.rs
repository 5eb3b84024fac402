//! Makes the git directories of a run: for each part of the base one that no step sees, and the step's own.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::base::Base;
use super::bundle;
use super::error::{WorktreeError, at};
use super::git::Git;
use super::id::{Oid, RefName};
use super::init::init;
use super::intake::{Depth, make_refs};
use super::layout::{DURABLE, Earlier, RESULT, RunOf};
use super::part::Part;
use super::repository::{Person, Repository};
use super::rundir::RunDir;

/// Makes both git directories of every part.
pub(super) fn make(
    dir: &RunDir,
    repository: &Repository,
    base: &Base,
    run: RunOf<'_>,
    person: &Person,
) -> Result<(), WorktreeError> {
    for (number, part) in base.parts.iter().enumerate() {
        // A submodule is small beside what `share_objects` is for.
        let shared = run.share_objects && number == 0;
        make_checkpoints(&dir.checkpoints_of(number), repository, part, shared)?;
        if let Some(earlier) = run.earlier.filter(|_| number == 0) {
            fetch_earlier(&dir.checkpoints(), repository, base, earlier)?;
        }
        let place = dir.worktree().join(std::ffi::OsString::from_vec(part.path.clone()));
        make_private(&place, repository, part, person)?;
        let depth = if shared { Depth::Borrowed } else { Depth::All };
        if number == 0 {
            fill_own(&place.join(".git"), repository, base, run.branch, depth)?;
        } else {
            fill_submodule(&place.join(".git"), part)?;
        }
    }
    Ok(())
}

/// Returns the folders of objects that a run borrows; nothing if it has copies.
pub(super) fn borrowed(dir: &RunDir, repository: &Repository) -> Result<Vec<PathBuf>, WorktreeError> {
    // No step can write there.
    let shared = dir.checkpoints().join("objects/info/alternates").exists();
    if shared { repository.source().object_folders() } else { Ok(Vec::new()) }
}

/// The runner's git directory: the commit alone, no history, since nothing looks further back.
fn make_checkpoints(
    path: &Path,
    repository: &Repository,
    part: &Part,
    shared: bool,
) -> Result<(), WorktreeError> {
    init(path, repository.format, true)?;
    let depth = if shared { Depth::Borrowed } else { Depth::To(&part.commit) };
    part.source.bring(path, &[&part.commit], depth)?;
    let settings = [
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
    ];
    for (key, value) in settings {
        Git::new(path, "config").args([key, value]).run()?;
    }
    lay_attributes(path, part)
}

/// The step's repository of a part, empty. Without a template git makes no `info`, where tools write their excludes.
fn make_private(
    place: &Path,
    repository: &Repository,
    part: &Part,
    person: &Person,
) -> Result<(), WorktreeError> {
    fs::create_dir_all(place).map_err(at(place))?;
    init(place, repository.format, false)?;
    // `git submodule status` passes over those that are not active.
    for (key, value) in
        [("user.name", &*person.name), ("user.email", &*person.email), ("submodule.active", ".")]
    {
        Git::new(place, "config").args([key, value]).run()?;
    }
    lay_attributes(&place.join(".git"), part)
}

/// What is reachable from the base and the tags, and the base's upstream ref, since tools look at `origin/main`;
/// no stash, no other branch, no remote.
fn fill_own(
    git_dir: &Path,
    repository: &Repository,
    base: &Base,
    branch: &str,
    depth: Depth<'_>,
) -> Result<(), WorktreeError> {
    let mut refs = repository.source().tags()?;
    let own = RefName::branch(branch)?;
    refs.push((own.clone(), base.commit.clone()));
    if let Some(named) = RefName::branch(&base.name).ok()
        && repository.has_ref(named.as_str())?
    {
        refs.push((named, base.commit.clone()));
    }
    if let Some(upstream) = &base.upstream {
        let commit = repository.git("rev-parse").args(["--verify", upstream.as_str()]).line()?;
        refs.push((upstream.clone(), Oid::parse(&commit)?));
    }
    let wanted: Vec<&Oid> = refs.iter().map(|(_, id)| id).collect();
    repository.source().bring(git_dir, &wanted, depth)?;
    make_refs(git_dir, &refs)?;
    Git::new(git_dir, "symbolic-ref").git_dir(git_dir).args(["HEAD", own.as_str()]).run().map(drop)
}

/// A submodule's own repository: its history, its tags, HEAD detached at the commit, as git leaves it.
fn fill_submodule(git_dir: &Path, part: &Part) -> Result<(), WorktreeError> {
    let tags = part.source.tags()?;
    let mut wanted = vec![&part.commit];
    wanted.extend(tags.iter().map(|(_, id)| id));
    part.source.bring(git_dir, &wanted, Depth::All)?;
    let head = git_dir.join("HEAD");
    fs::write(&head, format!("{}\n", part.commit)).map_err(at(&head))?;
    make_refs(git_dir, &tags)
}

/// Fetches what an earlier part of the run left into the runner's git directory, before that is made over to whom the steps run as.
fn fetch_earlier(
    checkpoints: &Path,
    repository: &Repository,
    base: &Base,
    earlier: Earlier<'_>,
) -> Result<(), WorktreeError> {
    let checkpoint = Oid::parse(earlier.checkpoint)?;
    // Borrowed or not: what is there already is a few objects.
    repository.source().bring(checkpoints, &[&checkpoint], Depth::To(&base.commit))?;
    make_refs(checkpoints, &[(RefName::parse(RESULT)?, checkpoint)])?;
    let Some(salvage) = earlier.salvage else { return Ok(()) };
    // It is bundled again, never checked out: nothing in it has to be fit for that.
    let fetch = Git::new(checkpoints, "fetch").stdin(bundle::open(salvage)?);
    let fetch = fetch.args(["--quiet", "--no-write-fetch-head", "--no-tags", "/proc/self/fd/0"]);
    fetch.arg("refs/salvage/*:refs/salvage/*").run().map(drop)
}

/// What the user has set in `info/attributes` holds for steps and checkpoints, too.
fn lay_attributes(git_dir: &Path, part: &Part) -> Result<(), WorktreeError> {
    let info = git_dir.join("info");
    fs::create_dir_all(&info).map_err(at(&info))?;
    if part.attributes.is_empty() {
        return Ok(());
    }
    let file = info.join("attributes");
    fs::write(&file, &part.attributes).map_err(at(&file))
}
