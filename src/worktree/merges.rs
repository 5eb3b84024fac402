//! Takes a result and the name of its base, gives what the base is by now and what a merge of both comes to. Nothing is merged:
//! what git makes to find out lies in a git directory of its own and is thrown away; no setting and no attribute names a program.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::git::Git;
use super::init::{self, Use};
use super::layout::shown;
use super::repository::Repository;
use crate::git::Oid;

/// No merge is waited for any longer: people wait for what it is told in.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a merge of a result into a commit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// It has no conflict.
    Clean,
    /// These paths conflict, as people read them.
    Conflicts(Vec<String>),
    /// It cannot be told here, for this reason.
    Unknown(String),
}

/// A base that is another by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The commit that the branch is at.
    pub to: Oid,
    /// The files in which it conflicts with the result, as people read them.
    pub conflicts: Vec<String>,
}

impl Worktree {
    /// Tells where the branch that the run began from is by now, if it is elsewhere, and where it conflicts with the result.
    pub fn moved(&self, base: &str, result: &Oid) -> Result<Option<Moved>, WorktreeError> {
        self.repository.moved(base, &self.ledger.base, result)
    }
}

impl Repository {
    /// Returns the commit that the name of a base stands for by now, and what a merge of the result into it comes to.
    pub fn merging(&self, base: &str, result: &Oid) -> Result<(Oid, Merging), WorktreeError> {
        let tip = self.tip(base)?;
        let merging = match self.conflicts(&tip, result) {
            Ok(paths) if paths.is_empty() => Merging::Clean,
            Ok(paths) => Merging::Conflicts(paths),
            Err(error) => Merging::Unknown(error.to_string()),
        };
        Ok((tip, merging))
    }

    /// Tells whether the branch that a run began from is elsewhere by now, and conflicts with the result; nothing of one that is where it
    /// was, is no branch, or holds the result already.
    pub fn moved(&self, base: &str, from: &Oid, result: &Oid) -> Result<Option<Moved>, WorktreeError> {
        let Some((to, _)) = self.branch(base)?.filter(|(now, _)| now != from) else { return Ok(None) };
        if self.is_ancestor(result.as_str(), to.as_str())? {
            return Ok(None);
        }
        let conflicts = self.conflicts(&to, result)?;
        Ok(Some(Moved { to, conflicts }))
    }

    /// Lists the files in which two commits of these names conflict, as people read them; none where one holds the other.
    pub fn in_conflict(&self, one: &str, other: &str) -> Result<Vec<String>, WorktreeError> {
        self.conflicts(&Oid::parse(one)?, &Oid::parse(other)?)
    }

    fn conflicts(&self, one: &Oid, other: &Oid) -> Result<Vec<String>, WorktreeError> {
        self.tried.or_try((one, other), || {
            let is_held = self.is_ancestor(one.as_str(), other.as_str())?
                || self.is_ancestor(other.as_str(), one.as_str())?;
            if is_held { Ok(Vec::new()) } else { self.merge(one, other) }
        })
    }

    /// Merges two commits into nothing, and lists the files that git asks about.
    fn merge(&self, one: &Oid, other: &Oid) -> Result<Vec<String>, WorktreeError> {
        let scratch = tempfile::tempdir()?;
        let git_dir = scratch.path().join("git");
        init::init(&git_dir, self.format, Use::Work, "ref: refs/heads/none", &[])?;
        let objects = self.common_dir.join("objects");
        self.give_to_owner(scratch.path())?;
        let merge = Git::new(&git_dir, "merge-tree").git_dir(&git_dir).owned_by(self.owner());
        let merge = merge.without_settings().stored_in(&git_dir.join("objects"), &objects);
        let merge = merge.within(PATIENCE).args(["--write-tree", "--name-only", "--no-messages", "-z"]);
        let printed = merge.args([one.as_str(), other.as_str()]).printed_with(1)?;
        // The first is the tree.
        let paths = printed.split(|&byte| byte == 0).skip(1).filter(|path| !path.is_empty());
        Ok(paths.map(|path| shown(path).into_owned()).collect())
    }

    /// Gives a folder of ours, with what is in it, to the repository's owner, whose git is to write there. The folder itself is
    /// the last: until then nobody else gets in, to put a link to what is root's in the place of something.
    fn give_to_owner(&self, folder: &Path) -> Result<(), WorktreeError> {
        let mut all = vec![folder.to_owned()];
        let mut next = 0;
        while let Some(path) = all.get(next).cloned() {
            if path.is_dir() {
                for entry in fs::read_dir(&path).map_err(at(&path))? {
                    all.push(entry?.path());
                }
            }
            next += 1;
        }
        all.reverse();
        self.hand_over(&all)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A repository whose base and result have each changed `a` since they parted, the result `b` as well.
    fn parted(result: &str, base: &str) -> (tempfile::TempDir, Repository, Oid) {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "git init -q -b main .; echo 1 > a; git add a; git commit -qm 1
             git checkout -q -b result; {result}; git add -A; git commit -qm 2
             git checkout -q main; {base}; git add -A; git commit -q --allow-empty -m 3"
        );
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).current_dir(dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.org");
        }
        assert!(command.status().unwrap().success());
        let repository = Repository::discover(dir.path()).unwrap();
        let result = repository.tip("result").unwrap();
        (dir, repository, result)
    }

    #[test]
    fn a_merge_is_clean_or_names_what_conflicts_and_leaves_nothing() {
        let clean = parted("echo 2 > b", "echo 3 > c");
        let objects = |dir: &tempfile::TempDir| {
            let listed = Command::new("find").arg(dir.path().join(".git")).output().unwrap();
            String::from_utf8(listed.stdout).unwrap()
        };
        let before = objects(&clean.0);
        let (tip, merging) = clean.1.merging("main", &clean.2).unwrap();
        assert_eq!((tip, merging), (clean.1.tip("main").unwrap(), Merging::Clean));
        assert_eq!(objects(&clean.0), before);
        let conflict = parted("echo 2 > a; echo x > 'b c'", "echo 3 > a; echo y > 'b c'");
        let named = Merging::Conflicts(vec!["a".into(), "b c".into()]);
        assert_eq!(conflict.1.merging("main", &conflict.2).unwrap().1, named);
    }

    #[test]
    fn no_program_of_the_settings_merges() {
        let (dir, repository, result) =
            parted("echo 2 > a; echo 'a merge=own' > .gitattributes", "echo 3 > a");
        let trace = dir.path().join("trace");
        let config = format!("[merge \"own\"]\n\tdriver = touch {}\n", trace.display());
        fs::write(dir.path().join(".git/info/attributes"), "a merge=own\n").unwrap();
        let path = dir.path().join(".git/config");
        fs::write(&path, fs::read_to_string(&path).unwrap() + &config).unwrap();
        let conflicts = Merging::Conflicts(vec!["a".into()]);
        assert_eq!(repository.merging("main", &result).unwrap().1, conflicts);
        assert!(!trace.exists());
    }
}
