//! The user's repository: found, looked at, and refused where a run in it would not be right yet.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::error::{GitEnd, WorktreeError, at};
use super::git::{Git, Owner};
use super::intake::Source;
use super::tree::{self, Entry, ObjectFormat};
use super::tried::Tried;
use crate::git::{Oid, RawOid};
use crate::plan::Person;

/// The repository that autopilot was started in.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Top of the checkout; of a bare repository, which has none, the git directory.
    pub toplevel: PathBuf,
    /// The git directory that all worktrees of the repository share; its identity.
    pub common_dir: PathBuf,
    /// How its objects are named.
    pub(super) format: ObjectFormat,
    /// Whose it is, when autopilot is root and the repository is not.
    owner: Option<Owner>,
    bare: bool,
    /// Of a linked worktree its own, else the shared one.
    pub(super) git_dir: PathBuf,
    pub(super) tried: Tried,
    /// Objects of a run that are not in this repository yet, and are read as well.
    also: Option<PathBuf>,
    /// A commit of those that something else than a ref names: what, and where that is.
    pub(super) held: Option<(String, Oid)>,
    /// Who makes the commits of runs in it.
    pub(super) committer: Person,
}

/// As long may a git take that tells where it is: it reads settings, and little else.
const TOLD: Duration = Duration::from_secs(30);

/// What is asked of a folder; the last has an answer in a checkout alone.
const QUESTIONS: [&str; 6] = [
    "--is-inside-work-tree",
    "--is-bare-repository",
    "--show-object-format",
    "--git-common-dir",
    "--git-dir",
    "--show-toplevel",
];

impl Repository {
    /// Finds the repository of a folder.
    pub fn discover(folder: &Path) -> Result<Self, WorktreeError> {
        let owner = stranger(folder);
        let asked = match ask(folder, owner, &QUESTIONS) {
            // What has no checkout has no top; the first error may be another one, and comes again.
            Err(WorktreeError::Git { end: GitEnd::Code(128), .. }) => {
                ask(folder, owner, &QUESTIONS[..QUESTIONS.len() - 1])
            }
            asked => asked,
        };
        let mut answers = asked.map_err(|error| not_a_repository(folder, error))?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (in_checkout, bare, format) = (next(), next(), next());
        let (bare, is_one) = (bare == b"true", in_checkout == b"true" || bare == b"true");
        if !is_one {
            return Err(WorktreeError::refused(
                format!(
                    "to git, {} is in no checkout: in a git directory, or beside what core.worktree names",
                    folder.display()
                ),
                "start autopilot in the checkout, or name it with -C DIR",
            ));
        }
        let mut path = || PathBuf::from(OsString::from_vec(next()));
        let (common_dir, git_dir) = (path(), path());
        let toplevel = if bare { git_dir.clone() } else { path() };
        let format = String::from_utf8_lossy(&format);
        Ok(Self {
            toplevel,
            owner: stranger(&common_dir),
            bare,
            git_dir,
            tried: Tried::default(),
            also: None,
            held: None,
            committer: Person::autopilot(),
            common_dir,
            format: ObjectFormat::named(&format).ok_or_else(|| {
                WorktreeError::refused(
                    format!("this repository names its objects by {format}, which autopilot does not know"),
                    "use a repository with sha1 or sha256 objects",
                )
            })?,
        })
    }

    /// Has somebody else make the commits of runs in it. Nothing in the repository says who.
    #[must_use]
    pub fn committed_by(self, committer: Person) -> Self {
        Self { committer, ..self }
    }

    /// Tells whether it is a repository without a checkout.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Takes the plain files below a folder of HEAD's commit out to another.
    pub fn take_out(&self, folder: &str, to: &Path) -> Result<(), WorktreeError> {
        if !self.git("rev-parse").args(["--verify", "--quiet", "HEAD"]).succeeds()? {
            return Ok(()); // There is no commit yet.
        }
        let listing = self.git("ls-tree").args(["-r", "-z", "--full-tree", "HEAD", "--", folder]).run()?;
        let entries = tree::parse(&listing)?;
        let inside = |entry: &&Entry| {
            let path = Path::new(OsStr::from_bytes(&entry.path));
            let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
            plain && path.starts_with(folder) && matches!(entry.held.mode, tree::FILE | tree::EXECUTABLE)
        };
        let files: Vec<&Entry> = entries.iter().filter(inside).collect();
        let ids: Vec<RawOid> = files.iter().map(|entry| entry.held.oid).collect();
        for (entry, bytes) in files.iter().zip(self.blobs(&ids)?) {
            let file = to.join(OsStr::from_bytes(&entry.path));
            let parent = file.parent().unwrap_or(to);
            std::fs::create_dir_all(parent).map_err(at(parent))?;
            std::fs::write(&file, bytes).map_err(at(&file))?;
        }
        Ok(())
    }

    /// Tells whether a full ref name is taken.
    pub fn has_ref(&self, reference: &str) -> Result<bool, WorktreeError> {
        self.git("show-ref").args(["--verify", "--quiet", reference]).succeeds()
    }

    /// Returns the commit of a branch, and where it is checked out if it is; nothing if there is no such branch.
    pub fn branch(&self, name: &str) -> Result<Option<(Oid, Option<PathBuf>)>, WorktreeError> {
        let reference = format!("refs/heads/{name}");
        let format = "--format=%(refname)%00%(objectname)%00%(worktreepath)";
        let told = self.git("for-each-ref").args([format, &reference]).line()?;
        // The pattern also names what lies below a folder of that name.
        let found = told.lines().map(|line| line.split('\0').collect::<Vec<_>>());
        let found = found.filter(|parts| parts[0] == reference).find_map(|parts| {
            let place = parts.get(2).filter(|place| !place.is_empty()).map(PathBuf::from);
            Some((Oid::parse(parts.get(1)?), place))
        });
        found.map(|(commit, place)| Ok((commit?, place))).transpose()
    }

    /// Returns the version of git.
    pub fn git_version(&self) -> Result<String, WorktreeError> {
        let line = self.git("version").line()?;
        Ok(line.strip_prefix("git version ").unwrap_or(&line).to_owned())
    }

    /// Prepares a git command in this repository.
    pub(super) fn git(&self, name: &str) -> Git {
        self.git_with(&[], name)
    }

    /// Reads the objects of this folder as well.
    #[must_use]
    pub(super) fn reading(&self, objects: PathBuf) -> Self {
        Self { also: Some(objects), ..self.clone() }
    }

    /// The same with settings for this call.
    pub(super) fn git_with(&self, settings: &[&str], name: &str) -> Git {
        let git = Git::with(&self.toplevel, settings, name).owned_by(self.owner);
        match &self.also {
            Some(objects) => git.reading(objects),
            None => git,
        }
    }

    /// Returns the folders of its objects.
    pub(super) fn object_folders(&self) -> impl Iterator<Item = PathBuf> {
        std::iter::once(self.common_dir.join("objects")).chain(self.also.clone())
    }

    /// Returns a repository without a checkout that is made at a path, of the same owner.
    pub(super) fn bare_at(&self, path: &Path) -> Self {
        let path = path.to_owned();
        Self { toplevel: path.clone(), common_dir: path.clone(), git_dir: path, bare: true, ..self.clone() }
    }

    /// Returns where its objects are taken from.
    pub(super) fn source(&self) -> Source {
        Source { git_dir: self.common_dir.clone(), owner: self.owner }
    }

    /// Reads objects by their ids, in that order.
    pub(super) fn blobs(&self, ids: &[RawOid]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        self.source().blobs(ids)
    }

    /// Returns whose it is, where root works on somebody else's.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// Makes what root has written here its owner's; nothing if the repository is the caller's own.
    pub fn hand_over(&self, paths: &[PathBuf]) -> Result<(), WorktreeError> {
        let Some(owner) = self.owner else { return Ok(()) };
        for path in paths {
            match std::os::unix::fs::lchown(path, Some(owner.uid), Some(owner.gid)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at(path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives an open file to the repository's owner, whose git is to read it.
    pub(super) fn hand_over_file(&self, file: &std::fs::File) -> Result<(), WorktreeError> {
        let Some(owner) = self.owner else { return Ok(()) };
        Ok(std::os::unix::fs::fchown(file, Some(owner.uid), Some(owner.gid))?)
    }
}

/// Returns the owner of a path if autopilot is root and the owner is not.
fn stranger(path: &Path) -> Option<Owner> {
    let metadata = nix::unistd::geteuid().is_root().then(|| std::fs::metadata(path).ok())??;
    (metadata.uid() != 0).then(|| Owner { uid: metadata.uid(), gid: metadata.gid() })
}

/// Asks `rev-parse` several questions at once; where an answer has lines of its own, one after the other.
fn ask(folder: &Path, owner: Option<Owner>, questions: &[&str]) -> Result<Vec<Vec<u8>>, WorktreeError> {
    let git = |questions: &[&str]| {
        let git = Git::new(folder, "rev-parse").owned_by(owner).within(TOLD).arg("--path-format=absolute");
        let mut answer = git.args(questions).run()?;
        answer.truncate(answer.len() - usize::from(answer.ends_with(b"\n")));
        Ok(answer)
    };
    let answers: Vec<Vec<u8>> = git(questions)?.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if answers.len() == questions.len() {
        return Ok(answers);
    }
    questions.iter().map(|question| git(&[question])).collect()
}

fn not_a_repository(folder: &Path, error: WorktreeError) -> WorktreeError {
    // Git dies of both with the same code; what it says is not translated, since it runs with LC_ALL=C.
    match &error {
        WorktreeError::Git { said, .. } if said.contains("dubious ownership") => WorktreeError::refused(
            format!("git does not trust {}: it belongs to somebody else", folder.display()),
            format!("run as its owner, or: git config --global --add safe.directory {}", folder.display()),
        ),
        WorktreeError::Git { said, .. } if said.contains("not a git repository") => WorktreeError::refused(
            format!("{} is not in a git repository", folder.display()),
            "start autopilot in the checkout it is to work on, or name it with -C DIR",
        ),
        WorktreeError::Git { said, .. } => WorktreeError::refused(
            format!("git cannot work in {}: {said}", folder.display()),
            "mend that first: `git status` there says the same",
        ),
        _ => error,
    }
}
