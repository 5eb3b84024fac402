//! The user's repository: found, looked at, and refused where a run in it would not be right yet.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::git::Git;
use super::tree::{self, Entry, ObjectFormat};

/// The repository that autopilot was started in.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Top of the checkout.
    pub toplevel: PathBuf,
    /// The git directory that all worktrees of the repository share; its identity.
    pub common_dir: PathBuf,
    /// How its objects are named.
    pub(super) format: ObjectFormat,
}

/// The commit a run starts from, and what it holds.
#[derive(Debug, Clone)]
pub struct Base {
    /// As the plan names it, else the branch that is checked out, else `HEAD`.
    pub name: String,
    /// The commit, in hex.
    pub commit: String,
    /// Full name of the branch's upstream tracking ref, if it has one.
    pub(super) upstream: Option<String>,
    /// Everything in it.
    pub(super) entries: Vec<Entry>,
    /// Some files have other bytes in a checkout than in the commit.
    pub(super) converts: bool,
}

/// Who commits.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
}

impl Repository {
    /// Finds the repository of a folder.
    pub fn discover(folder: &Path) -> Result<Self, WorktreeError> {
        let inside = Git::new(folder, "rev-parse").arg("--is-inside-work-tree").line();
        if inside.map_err(|error| not_a_repository(folder, error))? != "true" {
            return Err(WorktreeError::refused(
                format!("{} is a bare repository or a git directory, not a checkout", folder.display()),
                "start autopilot in a checkout, or name one with -C DIR",
            ));
        }
        let format = Git::new(folder, "rev-parse").arg("--show-object-format").line()?;
        Ok(Self {
            toplevel: path_of(Git::new(folder, "rev-parse").arg("--show-toplevel"))?,
            common_dir: path_of(
                Git::new(folder, "rev-parse").args(["--path-format=absolute", "--git-common-dir"]),
            )?,
            format: ObjectFormat::named(&format).ok_or_else(|| {
                WorktreeError::refused(
                    format!("this repository names its objects by {format}, which autopilot does not know"),
                    "use a repository with sha1 or sha256 objects",
                )
            })?,
        })
    }

    /// Resolves the base of a run and refuses what has to be refused, before anything is made.
    pub fn base(&self, named: Option<&str>) -> Result<Base, WorktreeError> {
        let head = self.git("symbolic-ref").args(["--quiet", "--short", "HEAD"]).line().ok();
        let name = named.map(str::to_owned).or(head).unwrap_or_else(|| "HEAD".to_owned());
        let commit = self.commit_of(&name)?;
        self.refuse_incomplete()?;
        self.refuse_unnamable()?;
        let listing = self.git("ls-tree").args(["-r", "-z", "--full-tree", &commit]).run()?;
        let entries = tree::parse(&listing)?;
        let converts = self.refuse_unsupported(&entries)?;
        Ok(Base { upstream: self.upstream_of(&name), name, commit, entries, converts })
    }

    /// Tells whether the checkout has changes of the user, which are not part of a run.
    pub fn is_dirty(&self) -> Result<bool, WorktreeError> {
        Ok(!self.git("status").args(["--porcelain", "-z", "--no-renames"]).run()?.is_empty())
    }

    /// Tells whether a full ref name is taken.
    pub fn has_ref(&self, reference: &str) -> Result<bool, WorktreeError> {
        self.git("show-ref").args(["--verify", "--quiet", reference]).succeeds()
    }

    /// Returns the commit of a branch, and where it is checked out if it is; nothing if there is no such branch.
    pub fn branch(&self, name: &str) -> Result<Option<(String, Option<PathBuf>)>, WorktreeError> {
        let reference = format!("refs/heads/{name}");
        let format = "--format=%(refname)%00%(objectname)%00%(worktreepath)";
        let told = self.git("for-each-ref").args([format, &reference]).line()?;
        // The pattern also names what lies below a folder of that name.
        let found = told.lines().map(|line| line.split('\0').collect::<Vec<_>>());
        Ok(found.filter(|parts| parts[0] == reference).find_map(|parts| {
            let place = parts.get(2).filter(|place| !place.is_empty()).map(PathBuf::from);
            Some((parts.get(1)?.to_string(), place))
        }))
    }

    /// Returns the version of git.
    pub fn git_version(&self) -> Result<String, WorktreeError> {
        let line = self.git("version").line()?;
        Ok(line.strip_prefix("git version ").unwrap_or(&line).to_owned())
    }

    /// Prepares a git command in this repository.
    pub(super) fn git(&self, name: &str) -> Git {
        Git::new(&self.toplevel, name)
    }

    /// Prepares a git command in this repository, with settings for this call.
    pub(super) fn git_with(&self, settings: &[&str], name: &str) -> Git {
        Git::with(&self.toplevel, settings, name)
    }

    /// Reads objects by their ids, in that order.
    pub(super) fn blobs(&self, ids: &[&str]) -> Result<Vec<Vec<u8>>, WorktreeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let asked = ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
        tree::parse_batch(&self.git("cat-file").arg("--batch").feed(asked)?)
    }

    /// Returns who the user's own commits are by, or a stand-in that says what it is.
    pub(super) fn person(&self) -> Person {
        let get = |key: &str| self.git("config").args(["--get", key]).line().ok().filter(|v| !v.is_empty());
        Person {
            name: get("user.name").unwrap_or_else(|| "autopilot".to_owned()),
            email: get("user.email").unwrap_or_else(|| "autopilot@localhost".to_owned()),
        }
    }

    fn commit_of(&self, name: &str) -> Result<String, WorktreeError> {
        let spec = format!("{name}^{{commit}}");
        let found = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &spec]).line();
        found.map_err(|_| {
            if self.git("rev-parse").args(["--verify", "--quiet", "HEAD"]).line().is_err() {
                WorktreeError::refused(
                    "this repository has no commit yet, so there is nothing to start from",
                    "make a first commit: git commit --allow-empty -m 'first'",
                )
            } else {
                WorktreeError::refused(
                    format!("base `{name}` is not a commit of this repository"),
                    "name a branch, tag or commit as `base:`, or leave it out for HEAD",
                )
            }
        })
    }

    fn upstream_of(&self, name: &str) -> Option<String> {
        let reference = format!("refs/heads/{name}");
        let upstream = self.git("for-each-ref").args(["--format=%(upstream)", &reference]).line().ok()?;
        let there = upstream.starts_with("refs/remotes/") && self.has_ref(&upstream).ok()?;
        there.then_some(upstream)
    }

    fn refuse_incomplete(&self) -> Result<(), WorktreeError> {
        if self.git("rev-parse").arg("--is-shallow-repository").line()? == "true" {
            return Err(WorktreeError::refused(
                "this is a shallow clone, which runs do not support yet",
                "complete it first: git fetch --unshallow",
            ));
        }
        let partial = self.git("config").args(["--get-regexp", r"^remote\..*\.promisor$"]).succeeds()?;
        if partial {
            return Err(WorktreeError::refused(
                "this is a partial clone, which runs do not support yet",
                "clone it whole: git clone without --filter",
            ));
        }
        Ok(())
    }

    /// Refuses places and branches under which the result could not have its name.
    fn refuse_unnamable(&self) -> Result<(), WorktreeError> {
        if self.has_ref("refs/heads/autopilot")? {
            return Err(WorktreeError::refused(
                "the branch `autopilot` stands in the way of result branches, `autopilot/issue-…`",
                "rename it: git branch -m autopilot ANOTHER-NAME",
            ));
        }
        if self.toplevel.to_str().is_none() || self.common_dir.to_str().is_none() {
            return Err(WorktreeError::refused(
                format!("the path of this checkout is not UTF-8: {}", self.toplevel.display()),
                "move it to a folder with another name",
            ));
        }
        Ok(())
    }

    /// Returns whether attributes give files other bytes in a checkout than in the commit.
    fn refuse_unsupported(&self, entries: &[Entry]) -> Result<bool, WorktreeError> {
        if let Some(entry) = entries.iter().find(|entry| entry.mode == tree::GITLINK) {
            return Err(WorktreeError::refused(
                format!("the base holds a submodule at `{}`, which runs do not support yet", entry.shown()),
                "run in a repository without submodules",
            ));
        }
        let attributes: Vec<&Entry> =
            entries.iter().filter(|entry| entry.file_name() == b".gitattributes").collect();
        let ids: Vec<&str> = attributes.iter().map(|entry| entry.oid.as_str()).collect();
        let mut converts = false;
        for (entry, text) in attributes.iter().zip(self.blobs(&ids)?) {
            converts |= has_conversion(&text);
            if let Some(filter) = filter_in(&text) {
                return Err(WorktreeError::refused(
                    format!(
                        "`{}` has `{filter}` (such as LFS), which runs do not support yet",
                        entry.shown()
                    ),
                    "run in a repository without filters",
                ));
            }
        }
        Ok(converts)
    }
}

/// Returns the first `filter=…` in a `.gitattributes`.
fn filter_in(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(str::split_whitespace).find(|word| word.starts_with("filter=")).map(str::to_owned)
}

/// Tells whether a `.gitattributes` may convert: a word too many costs a look at each file, no more.
fn has_conversion(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let converting = |word: &str| {
        word == "ident" || word.starts_with("eol=") || word.starts_with("working-tree-encoding=")
    };
    text.split_whitespace().any(converting)
}

fn path_of(git: Git) -> Result<PathBuf, WorktreeError> {
    let mut bytes = git.run()?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

fn not_a_repository(folder: &Path, error: WorktreeError) -> WorktreeError {
    match &error {
        WorktreeError::Git { stderr, .. } if stderr.contains("dubious ownership") => WorktreeError::refused(
            format!("git does not trust {}: it belongs to somebody else", folder.display()),
            format!("run as its owner, or: git config --global --add safe.directory {}", folder.display()),
        ),
        WorktreeError::Git { stderr, .. } if stderr.contains("not a git repository") => {
            WorktreeError::refused(
                format!("{} is not in a git repository", folder.display()),
                "start autopilot in the checkout it is to work on, or name it with -C DIR",
            )
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_seen_and_comments_are_not() {
        assert_eq!(filter_in(b"*.bin filter=lfs diff=lfs\n").as_deref(), Some("filter=lfs"));
        assert_eq!(filter_in(b"# *.bin filter=lfs\n* text=auto\n"), None);
    }
}
