//! What an auditor asks of a repository and of the state directory: reads both and changes neither.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::changes::Kind;
use super::error::{WorktreeError, at};
use super::holder::Holder;
use super::repository::Repository;
use super::state::{State, key};
use crate::git::Oid;

/// A commit, proved to be the one of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Its message.
    pub message: Vec<u8>,
}

/// What is at a commit's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The commit.
    Commit(Commit),
    /// Nothing.
    Missing,
    /// Something else: another kind of object, or bytes that do not have this name.
    Other,
}

/// What a commit changed: paths, and what happened to each.
pub type CommitChanges = Vec<(Kind, Vec<u8>)>;

/// What is left in the state directory.
#[derive(Debug, Default)]
pub struct Left {
    /// Directories of runs of this repository: the run's name, if it is one, and where it lies.
    pub dirs: Vec<(String, PathBuf)>,
    /// Locks of this repository: the issue, where it lies, and its holder, if it names one.
    pub locks: Vec<(u64, PathBuf, Option<Holder>)>,
}

impl Repository {
    /// Lists every ref with what it points to, tags with the commit behind them.
    pub fn refs(&self) -> Result<HashMap<String, String>, WorktreeError> {
        let format = "--format=%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)";
        let listing = self.git("for-each-ref").arg(format).run()?;
        let text = String::from_utf8_lossy(&listing);
        let pairs = text.lines().filter_map(|line| line.rsplit_once(' '));
        Ok(pairs.map(|(name, commit)| (name.to_owned(), commit.to_owned())).collect())
    }

    /// Reads commits by their full names, in that order; what is no name of any names nothing. Git's word is not taken:
    /// each is hashed.
    pub fn commits(&self, ids: &[&str]) -> Result<Vec<Found>, WorktreeError> {
        let output = self.ask_by_ids(ids, "cat-file", &["--batch"])?;
        let mut rest = output.as_slice();
        ids.iter()
            .map(|id| {
                let Ok(id) = &Oid::parse(id) else { return Ok(Found::Missing) };
                let (found, after) =
                    self.answer(id, rest).ok_or_else(|| WorktreeError::garbled("cat-file"))?;
                rest = after;
                Ok(found)
            })
            .collect()
    }

    /// Takes one answer of `cat-file --batch`.
    fn answer<'a>(&self, id: &Oid, output: &'a [u8]) -> Option<(Found, &'a [u8])> {
        let end = output.iter().position(|&byte| byte == b'\n')?;
        let head = std::str::from_utf8(output.get(..end)?).ok()?;
        let body = output.get(end + 1..)?;
        if head.ends_with(" missing") || head.ends_with(" ambiguous") {
            return Some((Found::Missing, body));
        }
        let mut words = head.rsplit(' ');
        let size: usize = words.next()?.parse().ok()?;
        let kind = words.next()?;
        let (object, rest) = (body.get(..size)?, body.get(size + 1..)?);
        let name = self.format.object(kind, object);
        let found = if kind == "commit" && Oid::from(name) == *id { parse(object) } else { None };
        Some((found.map_or(Found::Other, Found::Commit), rest))
    }

    /// Lists what each commit changed against its first parent: paths by kind, as git's trees have them.
    pub fn changed(&self, ids: &[&str]) -> Result<Vec<CommitChanges>, WorktreeError> {
        let options = ["--stdin", "-r", "-z", "--root", "--no-renames", "--name-status", "--no-ext-diff"];
        let output = self.ask_by_ids(ids, "diff-tree", &options)?;
        let mut all = vec![Vec::new(); ids.len()];
        let mut current = None;
        let mut fields = output.split(|&byte| byte == 0);
        while let Some(field) = fields.next().filter(|field| !field.is_empty()) {
            let kind = match field {
                b"A" => Kind::Added,
                b"D" => Kind::Deleted,
                b"M" | b"T" => Kind::Modified,
                // A commit that changes nothing is not named.
                id => {
                    current = ids.iter().position(|own| own.as_bytes() == id);
                    continue;
                }
            };
            let path = fields.next().unwrap_or_default().to_vec();
            if let Some(changes) = current.and_then(|at| all.get_mut(at)) {
                changes.push((kind, path));
            }
        }
        Ok(all)
    }

    /// Feeds a git with those of these that are ids: what a journal names can be anything.
    fn ask_by_ids(&self, ids: &[&str], command: &str, options: &[&str]) -> Result<Vec<u8>, WorktreeError> {
        let named = ids.iter().filter_map(|id| Oid::parse(id).ok());
        let asked: Vec<u8> = named.flat_map(|id| [id.as_str().as_bytes(), b"\n"].concat()).collect();
        if asked.is_empty() { Ok(Vec::new()) } else { self.git(command).args(options).feed(asked) }
    }

    /// Tells whether one commit can be reached from another.
    pub fn is_ancestor(&self, ancestor: &str, of: &str) -> Result<bool, WorktreeError> {
        let (Ok(ancestor), Ok(of)) = (Oid::parse(ancestor), Oid::parse(of)) else { return Ok(false) };
        self.git("merge-base").args(["--is-ancestor", ancestor.as_str(), of.as_str()]).succeeds()
    }

    /// Lists the refs from which a commit can be reached.
    pub fn refs_with(&self, commit: &str) -> Result<Vec<String>, WorktreeError> {
        let Ok(commit) = Oid::parse(commit) else { return Ok(Vec::new()) };
        let contains = ["--format=%(refname)", "--contains", commit.as_str()];
        let listing = self.git("for-each-ref").args(contains).run()?;
        let listing = String::from_utf8_lossy(&listing);
        let mut names: Vec<String> = listing.lines().map(str::to_owned).collect();
        if let Some((name, tip)) = &self.held
            && self.is_ancestor(commit.as_str(), tip.as_str())?
        {
            names.push(name.clone());
        }
        Ok(names)
    }

    /// Lists the checkouts of the repository: the main one and its linked worktrees.
    pub fn checkouts(&self) -> Result<Vec<PathBuf>, WorktreeError> {
        use std::os::unix::ffi::OsStringExt;
        let listing = self.git("worktree").args(["list", "--porcelain", "-z"]).run()?;
        let paths = listing.split(|&byte| byte == 0).filter_map(|line| line.strip_prefix(b"worktree "));
        Ok(paths.map(|path| std::ffi::OsString::from_vec(path.to_vec()).into()).collect())
    }

    /// Names the repository as run directories and locks do.
    pub fn key(&self) -> String {
        key(&self.common_dir)
    }
}

fn parse(object: &[u8]) -> Option<Commit> {
    let blank = object.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(object.get(..blank)?).ok();
    // Names of people may be of any encoding; parents stand before them.
    let lossy = head.map_or_else(|| String::from_utf8_lossy(&object[..blank]).into_owned(), str::to_owned);
    let mut lines = lossy.lines();
    let tree = lines.next()?.strip_prefix("tree ")?.to_owned();
    let parents = lines.map_while(|line| line.strip_prefix("parent ")).map(str::to_owned).collect();
    Some(Commit { tree, parents, message: object.get(blank + 2..)?.to_vec() })
}

impl State {
    /// Lists what is left of runs of a repository, finished or not.
    pub fn left(&self, repository: &Repository) -> Result<Left, WorktreeError> {
        let key = repository.key();
        let mut left = Left::default();
        for (name, path) in self.names("runs")? {
            left.dirs.extend(name.strip_suffix(&format!("-{key}")).map(|run| (run.to_owned(), path)));
        }
        for (name, path) in self.names("locks")? {
            let issue = name.strip_prefix(&format!("{key}-")).and_then(|issue| issue.parse().ok());
            left.locks.extend(issue.map(|issue| (issue, path.clone(), Holder::read(&path))));
        }
        Ok(left)
    }

    fn names(&self, folder: &str) -> Result<Vec<(String, PathBuf)>, WorktreeError> {
        let path = self.root().join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&path)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(at(&path))?;
            names.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
        names.sort();
        Ok(names)
    }
}
