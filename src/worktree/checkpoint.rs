//! Committing what the walk found.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, BufWriter, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::changes::{Changed, Changes, Kind, WrittenRules};
use super::checkout::Worktree;
use super::error::{GitEnd, WorktreeError, at};
use super::filters;
use super::layout::{MOST, RESULT, shown};
use super::part::Part;
use super::root::split;
use super::scripts::{COMMIT, STAGE, UNDO, UNLOCK};
use super::tree::{self, Difference};
use super::unfit::Unfit;
use crate::git::{Oid, RawOid};

/// Files above this go straight into a pack (git's `core.bigFileThreshold`).
const STREAMED: u64 = 512 << 20;

/// Bytes that a commit needs beside what it holds; and of that, the most that is tried whether it fits.
const SPARE: u64 = 1 << 20;
const MOST_PROBED: u64 = 16 << 20;

/// How a shell says that a program could not be run, or is not there.
const NOT_RUN: i32 = 126;
const NOT_FOUND: i32 = 127;

/// A commit of the worktree's state.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The commit.
    pub commit: Oid,
    /// Its tree.
    pub tree: Oid,
    /// The commit that it is on top of.
    pub parent: Oid,
    /// What it changed, by path.
    pub changes: Vec<Counted>,
}

/// A changed path with its line counts.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Relative to the repository's top.
    pub path: PathBuf,
    /// What happened to it.
    pub kind: Kind,
    /// Lines added; nothing for a binary file.
    pub added: Option<u64>,
    /// Lines removed; nothing for a binary file.
    pub removed: Option<u64>,
    /// It can be executed, and could not before.
    pub is_made_executable: bool,
}

impl Worktree {
    /// Commits what the worktree holds; nothing if it is as at the last checkpoint.
    pub async fn checkpoint(
        &mut self,
        subject: &str,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Checkpoint>, WorktreeError> {
        self.checkpoint_of(None, subject, trailers).await
    }

    /// The same; fails if a tree is given and the worktree is another.
    pub(super) async fn checkpoint_of(
        &mut self,
        tree: Option<&Oid>,
        subject: &str,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Checkpoint>, WorktreeError> {
        let mut changes = self.changes()?;
        refuse_unheld(&changes)?;
        self.refuse_in_submodules(&changes)?;
        let hidden = self.take_hidden(&mut changes, WrittenRules::Now)?;
        self.refuse_too_much(&changes)?;
        if changes.is_empty() {
            self.keep_off(hidden)?;
            return Ok(None);
        }
        let message = message(subject, trailers);
        let made = self.commit(&changes, &message, tree).await;
        let made = match made.and_then(|made| complete(&changes, made)) {
            Ok(made) => made,
            Err(error) => {
                let variables = [("PARENT", (&self.ledger.last).into()), ("REF", RESULT.into())];
                self.git.script("undo", &[UNLOCK, UNDO].concat(), &variables).await?;
                return Err(self.refused_by_git(&changes, error));
            }
        };
        let Some((commit, tree, differences)) = made else {
            self.snapshot.advance(&changes, &vec![None; changes.paths.len()]);
            self.keep_off(hidden)?;
            return Ok(None);
        };
        let parent = std::mem::replace(&mut self.ledger.last, commit.clone());
        self.ledger.commits += 1;
        self.ledger.bytes = self.ledger.bytes.saturating_add(bytes_of(&changes));
        self.snapshot.advance(&changes, &differences);
        self.keep_off(hidden)?;
        Ok(Some(Checkpoint { commit, tree, parent, changes: counted(changes, &differences) }))
    }

    /// Notes what rules of steps keep off a checkpoint that is made.
    fn keep_off(&mut self, hidden: Vec<Changed>) -> Result<(), WorktreeError> {
        self.snapshot.keep_off(&hidden);
        self.saving.hidden = hidden;
        self.remember_rules()
    }

    /// A commit in a submodule would have to be made in, and delivered to, a repository of its own.
    fn refuse_in_submodules(&self, changes: &Changes) -> Result<(), WorktreeError> {
        let gitlinks: Vec<Vec<u8>> = self.base.parts.iter().flat_map(Part::gitlinks).collect();
        let inside = |path: &[u8], link: &[u8]| {
            path.strip_prefix(link).is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b'/'))
        };
        for changed in &changes.paths {
            if let Some(link) = gitlinks.iter().find(|link| inside(&changed.path, link)) {
                let (path, submodule) = (shown(&changed.path).into_owned(), shown(link).into_owned());
                return Err(Unfit::InSubmodule { path, submodule }.into());
            }
        }
        Ok(())
    }

    /// All checkpoints go out together, in one file.
    fn refuse_too_much(&self, changes: &Changes) -> Result<(), WorktreeError> {
        let bytes = self.ledger.bytes.saturating_add(bytes_of(changes));
        if bytes > MOST { Err(Unfit::TooMuch { bytes }.into()) } else { Ok(()) }
    }

    /// Whatever git did not do with what a step left is the attempt's fault, and not the run's: encodings, sizes,
    /// files of git's own; and nobody knows what else. That a disk is full is not.
    fn refused_by_git(&self, changes: &Changes, error: WorktreeError) -> WorktreeError {
        let WorktreeError::Git { end, said, .. } = &error else { return error };
        // There was no git to say no, or one that answers otherwise than git.
        if matches!(end, GitEnd::Code(NOT_RUN | NOT_FOUND) | GitEnd::Garbled) || !self.has_room(changes) {
            return error;
        }
        let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start));
        let why = line("error: ").or(line("fatal: ")).unwrap_or(said);
        let is_named = |oid: RawOid| why.contains(&oid.to_string());
        let is_it = |changed: &&Changed| changed.written().is_some_and(|written| is_named(written.held.oid));
        let changed = changes.paths.iter().find(is_it);
        // Perhaps what the base has is refused, and a tree that leads there is new.
        let of_base = || self.snapshot.path_of(is_named);
        let what = match changed.map(|changed| shown(&changed.path).into_owned()) {
            Some(path) => path,
            None => of_base().map_or_else(
                || "what is there".to_owned(),
                |path| format!("{}, which the base holds,", shown(path)),
            ),
        };
        Unfit::Refused { what, why: why.to_owned() }.into()
    }

    /// Tells whether what a commit takes would still fit. Asked of the disk: git's words may be a step's.
    fn has_room(&self, changes: &Changes) -> bool {
        let wanted = bytes_of(changes).min(MOST_PROBED) + SPARE;
        let probed =
            tempfile::tempfile_in(self.dir.inbox()).map_err(|error| error.raw_os_error()).and_then(|file| {
                fallocate(&file, FallocateFlags::empty(), 0, wanted)
                    .map_err(|errno| Some(errno.raw_os_error()))
            });
        let is_full = |code: i32| [Errno::NOSPC, Errno::DQUOT].iter().any(|full| full.raw_os_error() == code);
        !probed.is_err_and(|code| code.is_some_and(is_full))
    }

    /// Commits; nothing if the tree stays the same.
    async fn commit(
        &self,
        changes: &Changes,
        message: &str,
        tree: Option<&Oid>,
    ) -> Result<Option<Made>, WorktreeError> {
        let (mut written, deleted): (Vec<_>, Vec<_>) =
            changes.paths.iter().partition(|changed| changed.written().is_some());
        self.lay_paths("deleted", &deleted)?;
        let pointers = self.take_contents(&mut written).await?;
        self.lay("pointers", &pointers.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        self.lay_paths("written", &written)?;
        let to = self.dir.inbox().join("message");
        fs::write(&to, message).map_err(at(&to))?;
        let filters = self.base.filters || written.iter().any(|c| split(&c.path).1 == b".gitattributes");
        let variables: [(&str, OsString); 8] = [
            ("PARENT", (&self.ledger.last).into()),
            ("REF", RESULT.into()),
            ("TREE", tree.map(OsString::from).unwrap_or_default()),
            ("NAME", self.base.person.name.clone().into()),
            ("EMAIL", self.base.person.email.clone().into()),
            ("COMMITTER_NAME", self.base.committer.name.clone().into()),
            ("COMMITTER_EMAIL", self.base.committer.email.clone().into()),
            ("FILTERS", if filters { "1" } else { "" }.into()),
        ];
        let variables = [&variables[..], &durable(&written)].concat();
        let script = [STAGE, COMMIT].concat();
        let mut printed = self.git.script_read("commit", &script, &variables).await?;
        filters::refuse(&self.root, &written, &mut printed)?;
        let mut named = String::new();
        if printed.read_line(&mut named)? == 0 {
            return Ok(None);
        }
        let (commit, tree) = named.trim_end().split_once(' ').unwrap_or_default();
        let (commit, tree) = (Oid::parse(commit)?, Oid::parse(tree)?);
        let paths: Vec<&[u8]> = changes.paths.iter().map(|changed| &*changed.path).collect();
        Ok(Some((commit, tree, tree::read_differences(&mut printed, &paths)?)))
    }

    /// Lays the paths of changes likewise.
    pub(super) fn lay_paths(&self, name: &str, changed: &[&Changed]) -> Result<(), WorktreeError> {
        self.lay(name, &changed.iter().map(|changed| changed.path.as_slice()).collect::<Vec<_>>())
    }

    /// Lays a list of paths where the confined git finds it.
    pub(super) fn lay(&self, name: &str, paths: &[&[u8]]) -> Result<(), WorktreeError> {
        let file = self.dir.inbox().join(name);
        let lay = || -> io::Result<()> {
            let mut to = BufWriter::new(fs::File::create(&file)?);
            for path in paths {
                to.write_all(path)?;
                to.write_all(b"\0")?;
            }
            to.flush()
        };
        lay().map_err(at(&file))
    }
}

pub(super) fn message(subject: &str, trailers: &[(&str, &str)]) -> String {
    let mut text = format!("{}\n\n", subject.trim());
    for (name, value) in trailers {
        let _ = writeln!(text, "{name}: {value}");
    }
    text
}

/// Returns the bytes of what is written.
fn bytes_of(changes: &Changes) -> u64 {
    let sizes = changes.paths.iter().filter_map(|changed| Some(changed.written()?.size));
    sizes.fold(0, u64::saturating_add)
}

/// Counts what a commit has of some changes. They are taken, not copied: there can be many.
fn counted(changes: Changes, differences: &[Option<Difference>]) -> Vec<Counted> {
    let count = |(changed, difference): (Changed, &Option<Difference>)| {
        let difference = (*difference)?;
        Some(Counted {
            kind: changed.kind(),
            path: OsString::from_vec(changed.path).into(),
            added: difference.added,
            removed: difference.removed,
            is_made_executable: difference.is_made_executable,
        })
    };
    changes.paths.into_iter().zip(differences).filter_map(count).collect()
}

/// Refuses what no commit can hold.
fn refuse_unheld(changes: &Changes) -> Result<(), WorktreeError> {
    match changes.unheld.iter().find(|(_, kind)| kind.fails_a_commit()) {
        None => Ok(()),
        Some((path, kind)) => Err(Unfit::Unheld { path: shown(path).into_owned(), kind: *kind }.into()),
    }
}

/// Says how a git that stages files brings them to the disk: a pack among them one by one, since git 2.47 loses it from
/// a batch ("unable to rename temporary file").
pub(super) fn durable(written: &[&Changed]) -> Vec<(&'static str, OsString)> {
    let is_streamed = |changed: &&Changed| changed.written().is_some_and(|written| written.size > STREAMED);
    if !written.iter().any(is_streamed) {
        return Vec::new();
    }
    let setting = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.fsyncMethod"),
        ("GIT_CONFIG_VALUE_0", "fsync"),
    ];
    setting.map(|(name, value)| (name, value.into())).to_vec()
}

/// A commit, its tree and what it changed at each path that changed.
type Made = (Oid, Oid, Vec<Option<Difference>>);

/// Demands that a commit has every new path: git passes over some names without an error.
fn complete(changes: &Changes, made: Option<Made>) -> Result<Option<Made>, WorktreeError> {
    let is_there = |at: usize| made.as_ref().is_some_and(|(_, _, differences)| differences[at].is_some());
    let mut added = changes.paths.iter().enumerate().filter(|(_, changed)| changed.kind() == Kind::Added);
    match added.find(|(at, _)| !is_there(*at)).map(|(_, missing)| missing) {
        None => Ok(made),
        Some(missing) => Err(Unfit::PassedOver { path: shown(&missing.path).into_owned() }.into()),
    }
}
