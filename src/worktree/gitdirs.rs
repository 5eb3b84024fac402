//! Makes the git directories of a run: for each part of the base one that no step sees, and the step's own.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::base::Base;
use super::bundle;
use super::error::{WorktreeError, at};
use super::git::Git;
use super::init::{Setting, Use, init, lay};
use super::intake::make_refs;
use super::layout::{DURABLE, Earlier, RESULT, RunOf};
use super::packing::{self, ALTERNATES, Depth, borrowed_line};
use super::part::Part;
use super::remove::remove_tree;
use super::repository::Repository;
use super::rundir::RunDir;
use crate::git::{Oid, RefName};
use crate::plan::Person;

/// What the runner's git directories are told beside what each is.
const CHECKPOINTS: [Setting<'_>; 10] = [
    ("core", "hooksPath", "/dev/null"),
    ("core", "autocrlf", "false"),
    // Else git looks in HOME, which is the steps'.
    ("core", "attributesFile", "/dev/null"),
    ("core", "excludesFile", "/dev/null"),
    ("core", "logAllRefUpdates", "false"),
    // What a checkpoint holds outlives a loss of power, like the line of the journal that names it.
    ("core", "fsync", DURABLE),
    ("core", "fsyncMethod", "batch"),
    // As many as there are cores, where that outweighs starting them.
    ("checkout", "workers", "0"),
    ("checkout", "thresholdForParallelism", "2000"),
    ("gc", "auto", "0"),
];

/// Makes both git directories of every part.
pub(super) fn make(
    dir: &RunDir,
    repository: &Repository,
    base: &Base,
    run: RunOf<'_>,
) -> Result<(), WorktreeError> {
    for (number, part) in base.parts.iter().enumerate() {
        // A submodule is small beside what it is one of: it is copied.
        let objects = dir.objects();
        let borrowed = (number == 0).then(|| Depth::Borrowed(&objects));
        let depth = borrowed.unwrap_or(Depth::To(&part.commit));
        make_checkpoints(&dir.checkpoints_of(number), repository, part, depth)?;
        if let Some(earlier) = run.earlier.filter(|_| number == 0) {
            fetch_earlier(&dir.checkpoints(), repository, base, earlier)?;
        }
        let git_dir = dir.worktree().join(OsStr::from_bytes(&part.path)).join(".git");
        let branch = if number == 0 { Some(RefName::branch(run.branch)?) } else { None };
        let depth = borrowed.unwrap_or(Depth::All);
        let of = Own { part, person: &base.person, refs: &base.refs, branch: branch.as_ref(), depth };
        make_own(&git_dir, repository, of)?;
    }
    Ok(())
}

/// What the step's own repository of a part is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) part: &'a Part,
    pub(super) person: &'a Person,
    /// What the repository itself has beside its branch.
    pub(super) refs: &'a [(RefName, Oid)],
    /// The result branch; nothing in a submodule.
    pub(super) branch: Option<&'a RefName>,
    pub(super) depth: Depth<'a>,
}

/// Makes the step's own repository of a part, without an index.
pub(super) fn make_own(git_dir: &Path, repository: &Repository, of: Own<'_>) -> Result<(), WorktreeError> {
    make_private(git_dir, repository, of.part, of.person, of.branch)?;
    match of.branch {
        Some(branch) => fill_own(git_dir, repository, of, branch),
        None => fill_submodule(git_dir, of.part),
    }
}

/// Where the objects lie that a run borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lent {
    /// Where they always do.
    Here,
    /// They do now. Up to then it was the object store of the user's repository, by this line: an earlier version of
    /// autopilot has begun the run.
    Elsewhere(Vec<u8>),
}

/// Sees to it that what a run borrows is there: if it is gone, it is taken from the repository again. Nothing if the run
/// has copies.
pub(super) fn regain(
    dir: &RunDir,
    repository: &Repository,
    base: &Base,
) -> Result<Option<Lent>, WorktreeError> {
    // No step can write there.
    let file = dir.checkpoints().join(ALTERNATES);
    let line = match fs::read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(at(&file))?,
    };
    let (objects, packs) = (dir.objects(), dir.objects().join("pack"));
    if !packs.is_dir() || packing::files(&packs)?.is_empty() {
        tracing::debug!(path = %objects.display(), "what the run borrows is not there, and is taken from the repository");
        take_again(dir, repository, base)?;
    }
    if line == borrowed_line(&objects)?.as_bytes() {
        return Ok(Some(Lent::Here));
    }
    lay(&file, borrowed_line(&objects)?.as_bytes())?;
    Ok(Some(Lent::Elsewhere(line)))
}

fn take_again(dir: &RunDir, repository: &Repository, base: &Base) -> Result<(), WorktreeError> {
    let (fresh, objects) = (dir.path().join("objects.git"), dir.objects());
    remove_tree(&fresh)?;
    init(&fresh, repository.format, Use::Work, "ref: refs/heads/none", &[])?;
    let wanted: Vec<&Oid> = base.refs.iter().map(|(_, id)| id).chain([&base.commit]).collect();
    repository.source().bring(&fresh, &wanted, Depth::All)?;
    remove_tree(&objects)?;
    fs::rename(fresh.join("objects"), &objects).map_err(at(&objects))?;
    remove_tree(&fresh)?;
    packing::permit(&objects)
}

/// The runner's git directory. What is copied is the commit alone, no history, since nothing looks further back.
fn make_checkpoints(
    path: &Path,
    repository: &Repository,
    part: &Part,
    depth: Depth<'_>,
) -> Result<(), WorktreeError> {
    init(path, repository.format, Use::Checkpoints, "ref: refs/heads/none", &CHECKPOINTS)?;
    part.source.bring(path, &[&part.commit], depth)?;
    lay(&path.join(RESULT), format!("{}\n", part.commit).as_bytes())?;
    lay_attributes(path, part)
}

/// The step's repository of a part, empty: on the result branch, or, in a submodule, at the commit, as git leaves it.
/// Without a template git makes no `info`, where tools write their excludes.
fn make_private(
    git_dir: &Path,
    repository: &Repository,
    part: &Part,
    person: &Person,
    branch: Option<&RefName>,
) -> Result<(), WorktreeError> {
    init(git_dir, repository.format, Use::Work, &head(part, branch), &own_settings(person))?;
    lay_attributes(git_dir, part)?;
    if part.excludes.is_empty() {
        return Ok(());
    }
    // For tools that ask git, or read it: the runner has rules of its own.
    let file = git_dir.join("info/exclude");
    fs::write(&file, &part.excludes).map_err(at(&file))
}

/// Returns what HEAD of the step's own repository of a part says at first.
pub(super) fn head(part: &Part, branch: Option<&RefName>) -> String {
    branch.map_or_else(|| part.commit.to_string(), |branch| format!("ref: {branch}"))
}

/// Returns what it is told beside what it is.
pub(super) fn own_settings(person: &Person) -> [Setting<'_>; 3] {
    [
        ("user", "name", person.name.as_str()),
        ("user", "email", person.email.as_str()),
        // `git submodule status` passes over those that are not active.
        ("submodule", "active", "."),
    ]
}

/// What is reachable from the base and the tags, and the base's upstream ref; no stash, no other branch, no remote.
fn fill_own(
    git_dir: &Path,
    repository: &Repository,
    of: Own<'_>,
    branch: &RefName,
) -> Result<(), WorktreeError> {
    let mut refs = of.refs.to_vec();
    refs.push((branch.clone(), of.part.commit.clone()));
    let wanted: Vec<&Oid> = refs.iter().map(|(_, id)| id).collect();
    repository.source().bring(git_dir, &wanted, of.depth)?;
    make_refs(git_dir, &refs)
}

/// A submodule's own repository: its history, its tags.
fn fill_submodule(git_dir: &Path, part: &Part) -> Result<(), WorktreeError> {
    let tags = part.source.tags()?;
    let mut wanted = vec![&part.commit];
    wanted.extend(tags.iter().map(|(_, id)| id));
    part.source.bring(git_dir, &wanted, Depth::All)?;
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
    repository.source().bring(checkpoints, &[&checkpoint], Depth::Above(&base.commit))?;
    let Some(salvage) = earlier.salvage else { return Ok(()) };
    // It is bundled again, never checked out: nothing in it has to be fit for that.
    let fetch = Git::new(checkpoints, "fetch").files_only().stdin(bundle::open(salvage)?);
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
