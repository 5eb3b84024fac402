//! Takes the branch of a pull request and its base, gives their merge as a commit, conflicts and all: what is left to decide stands
//! between markers in its files. Made aside, by git alone: no setting and no attribute names a program.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::base::author;
use super::error::WorktreeError;
use super::layout::shown;
use super::recorded::Aside;
use super::repository::Repository;
use crate::git::Oid;

/// No merge is waited for any longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A merge with conflicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The commit, whose first parent is the branch.
    pub commit: Oid,
    /// The files that conflict, as people read them.
    pub files: Vec<String>,
}

impl Repository {
    /// Merges a base into a branch, where both conflict; nothing where they do not. The commit is brought here, and no ref names it.
    pub fn merge_with_conflicts(
        &self,
        branch: &Oid,
        base: &Oid,
        message: &str,
    ) -> Result<Option<Merged>, WorktreeError> {
        let aside = self.aside(&[branch, base])?;
        let Some((tree, files)) = aside.merge(branch, base)? else { return Ok(None) };
        let person = author(&self.settings()?);
        let plain = |text: &str| text.replace(['<', '>', '\n'], " ");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let (name, email) = (plain(&person.name), plain(&person.email));
        let text = format!(
            "tree {tree}\nparent {branch}\nparent {base}\nauthor {name} <{email}> {now} +0000\n\
             committer {} {now} +0000\n\n{message}\n",
            self.committer
        );
        let make = aside.repository().git("hash-object").args(["-t", "commit", "-w", "--stdin"]);
        let commit = Oid::parse(String::from_utf8_lossy(&make.feed(text.into_bytes())?).trim())?;
        self.take_rebased(&aside, &commit, branch)?;
        Ok(Some(Merged { commit, files }))
    }
}

impl Aside {
    /// Merges two commits, and lists the files that git asks about; nothing if there are none.
    fn merge(&self, one: &Oid, other: &Oid) -> Result<Option<(Oid, Vec<String>)>, WorktreeError> {
        let merge = self.repository().git("merge-tree").without_settings().within(PATIENCE);
        let merge = merge.args(["--write-tree", "--name-only", "--no-messages", "-z"]);
        let printed = merge.args([one.as_str(), other.as_str()]).printed_with(1)?;
        let mut parts = printed.split(|&byte| byte == 0).filter(|part| !part.is_empty());
        let tree = parts.next().ok_or_else(|| WorktreeError::garbled("merge-tree"))?;
        let tree = Oid::parse(&String::from_utf8_lossy(tree))?;
        let files: Vec<String> = parts.map(|path| shown(path).into_owned()).collect();
        Ok((!files.is_empty()).then_some((tree, files)))
    }
}
