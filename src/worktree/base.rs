//! Takes what a plan names as its base, gives the commit and what it holds; refuses what no run would be right on.

use super::error::WorktreeError;
use super::id::{Oid, RefName};
use super::part::{self, Part};
use super::repository::Repository;
use super::strict;

/// The commit a run starts from, and what it holds.
#[derive(Debug, Clone)]
pub struct Base {
    /// As the plan names it, else the branch that is checked out, else `HEAD`.
    pub name: String,
    /// The commit.
    pub commit: Oid,
    /// Full name of the branch's upstream tracking ref, if it has one.
    pub(super) upstream: Option<RefName>,
    /// The repository's own files, then those of each submodule that is there.
    pub(super) parts: Vec<Part>,
}

impl Repository {
    /// Resolves the base of a run and refuses what has to be refused, before anything is made.
    pub fn base(&self, named: Option<&str>) -> Result<Base, WorktreeError> {
        let base = self.resolve(named)?;
        strict::refuse(&base.name, &base.parts, self.format)?;
        Ok(base)
    }

    /// The same for a run that has begun: what is left of it is to be had, whatever its base holds.
    pub(super) fn resolve(&self, named: Option<&str>) -> Result<Base, WorktreeError> {
        let head = self.git("symbolic-ref").args(["--quiet", "--short", "HEAD"]).line().ok();
        let name = named.map(str::to_owned).or(head).unwrap_or_else(|| "HEAD".to_owned());
        let commit = self.commit_of(&name)?;
        self.refuse_incomplete(&commit)?;
        self.refuse_unnamable()?;
        let parts = part::all(self, &commit)?;
        Ok(Base { upstream: self.upstream_of(&name), name, commit, parts })
    }

    fn commit_of(&self, name: &str) -> Result<Oid, WorktreeError> {
        let spec = format!("{name}^{{commit}}");
        let found = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &spec]).line();
        let found = found.map_err(|_| {
            if self.git("rev-parse").args(["--verify", "--quiet", "HEAD"]).line().is_err() {
                WorktreeError::refused(
                    "this repository has no commit yet, so there is nothing to start from",
                    "make a first commit: git commit --allow-empty -m 'first'",
                )
            } else {
                let shallow = self.common_dir.join("shallow").exists();
                WorktreeError::refused(
                    format!("base `{name}` is not a commit of this repository"),
                    if shallow {
                        "this is a shallow clone: fetch that commit too, or all: git fetch --unshallow"
                    } else {
                        "name a branch, tag or commit as `base:`, or leave it out for HEAD"
                    },
                )
            }
        });
        Ok(Oid::parse(&found?)?)
    }

    fn upstream_of(&self, name: &str) -> Option<RefName> {
        let reference = format!("refs/heads/{name}");
        let upstream = self.git("for-each-ref").args(["--format=%(upstream)", &reference]).line().ok()?;
        let there = upstream.starts_with("refs/remotes/") && self.has_ref(&upstream).ok()?;
        there.then(|| RefName::parse(&upstream).ok())?
    }

    /// Refuses a partial clone if something of the base's history is missing: steps have no network to fetch it.
    fn refuse_incomplete(&self, commit: &Oid) -> Result<(), WorktreeError> {
        let promised = self.git("config").args(["--get-regexp", r"^remote\..*\.promisor$"]).succeeds()?;
        let missing = || {
            let walk = self.git("rev-list").args(["--objects", "--missing=print", commit.as_str(), "--tags"]);
            walk.prints_line_with(b'?')
        };
        if promised && missing()? {
            return Err(WorktreeError::refused(
                "this is a partial clone, and a part of the base's history is not here",
                "fetch it: git fetch --refetch --no-filter",
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
}
