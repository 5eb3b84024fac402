//! The user's repository: found, looked at, and refused where a run in it would not be right yet.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::error::{WorktreeError, at};
use super::git::{Git, Owner};
use super::id::Oid;
use super::intake::Source;
use super::tree::{self, Entry, ObjectFormat};

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
}

/// Who commits.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
}

impl Person {
    /// Returns name and address as a commit has them; what would end them early is left out.
    pub(super) fn stamp(&self) -> String {
        let plain = |text: &str| text.replace(['<', '>', '\n', '\0'], "");
        format!("{} <{}>", plain(&self.name), plain(&self.email))
    }
}

impl Repository {
    /// Finds the repository of a folder.
    pub fn discover(folder: &Path) -> Result<Self, WorktreeError> {
        let owner = stranger(folder);
        let ask = |name| Git::new(folder, name).owned_by(owner);
        let what = ask("rev-parse").args(["--is-inside-work-tree", "--is-bare-repository"]).line();
        let what = what.map_err(|error| not_a_repository(folder, error))?;
        let bare = what == "false\ntrue";
        if !bare && what != "true\nfalse" {
            return Err(WorktreeError::refused(
                format!("{} is in the git directory of a checkout", folder.display()),
                "start autopilot in the checkout, or name it with -C DIR",
            ));
        }
        let top = if bare { "--absolute-git-dir" } else { "--show-toplevel" };
        let format = ask("rev-parse").arg("--show-object-format").line()?;
        let common_dir = path_of(ask("rev-parse").args(["--path-format=absolute", "--git-common-dir"]))?;
        Ok(Self {
            toplevel: path_of(ask("rev-parse").arg(top))?,
            owner: stranger(&common_dir),
            bare,
            common_dir,
            format: ObjectFormat::named(&format).ok_or_else(|| {
                WorktreeError::refused(
                    format!("this repository names its objects by {format}, which autopilot does not know"),
                    "use a repository with sha1 or sha256 objects",
                )
            })?,
        })
    }

    /// Tells whether the checkout has changes of the user, which are not part of a run. Plans need not be committed.
    pub fn is_dirty(&self) -> Result<bool, WorktreeError> {
        let changes = ["--porcelain", "-z", "--no-renames", "--", ":/", ":(top,exclude).ai/plans"];
        Ok(!self.bare && !self.git("status").args(changes).run()?.is_empty())
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
        let ids: Vec<&Oid> = files.iter().map(|entry| &entry.held.oid).collect();
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
        Git::new(&self.toplevel, name).owned_by(self.owner)
    }

    /// The same with settings for this call.
    pub(super) fn git_with(&self, settings: &[&str], name: &str) -> Git {
        Git::with(&self.toplevel, settings, name).owned_by(self.owner)
    }

    /// Returns where its objects are taken from.
    pub(super) fn source(&self) -> Source {
        Source { git_dir: self.common_dir.clone(), owner: self.owner }
    }

    /// Reads objects by their ids, in that order.
    pub(super) fn blobs(&self, ids: &[&Oid]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        self.source().blobs(ids)
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

    /// Returns who the user's own commits are by, or a stand-in that says what it is.
    pub(super) fn person(&self) -> Person {
        let get = |key: &str| self.git("config").args(["--get", key]).line().ok().filter(|v| !v.is_empty());
        Person {
            name: get("user.name").unwrap_or_else(|| "autopilot".to_owned()),
            email: get("user.email").unwrap_or_else(|| "autopilot@localhost".to_owned()),
        }
    }
}

/// Returns the owner of a path if autopilot is root and the owner is not.
fn stranger(path: &Path) -> Option<Owner> {
    let metadata = nix::unistd::geteuid().is_root().then(|| std::fs::metadata(path).ok())??;
    (metadata.uid() != 0).then(|| Owner { uid: metadata.uid(), gid: metadata.gid() })
}

fn path_of(git: Git) -> Result<PathBuf, WorktreeError> {
    let mut bytes = git.run()?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
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
        _ => error,
    }
}
