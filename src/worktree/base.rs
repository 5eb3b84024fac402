//! Takes what a plan names as its base, gives the commit and what it holds; refuses what no run would be right on.

use super::error::WorktreeError;
use super::lacking::lacking;
use super::layout::shown;
use super::part::{self, Part};
use super::refs::{Ref, Refs, Settings};
use super::repository::Repository;
use super::rules::Rules;
use super::strict;
use crate::git::{Oid, RefName};
use crate::plan::{Glob, Person};

/// The commit a run starts from, and what it holds.
#[derive(Debug, Clone)]
pub struct Base {
    /// As the plan names it, else the branch that is checked out, else `HEAD`.
    pub name: String,
    /// The commit.
    pub commit: Oid,
    /// What a step's own repository has beside the result branch: the tags, the branch of that name, and its upstream
    /// ref, since tools look at `origin/main`.
    pub(super) refs: Vec<(RefName, Oid)>,
    /// The repository's own files, then those of each submodule that is there.
    pub(super) parts: Vec<Part>,
    /// What it ignores.
    pub(super) rules: Rules,
    /// Whose commits they are: their author.
    pub(super) person: Person,
    /// Who makes them.
    pub(super) committer: Person,
    /// Filters that the settings name, none of which is ever started.
    pub(super) filters: Vec<String>,
}

impl Base {
    /// Lists the submodules that are not there: empty folders to every step.
    pub fn empty_submodules(&self) -> Vec<String> {
        let is_there = |path: &Vec<u8>| self.parts.iter().any(|part| part.path == *path);
        let links = self.parts.iter().flat_map(Part::gitlinks).filter(|path| !is_there(path));
        links.map(|path| shown(&path).into_owned()).collect()
    }

    /// Leaves out of the result what a plan's `exclude` matches, as if it were ignored.
    pub fn leave_out(&mut self, patterns: &[Glob]) {
        self.rules.leave_out(patterns);
    }

    /// Refuses a base one of whose submodules is not there.
    pub fn demand_submodules(&self) -> Result<(), WorktreeError> {
        let Some(path) = self.empty_submodules().into_iter().next() else { return Ok(()) };
        Err(WorktreeError::refused(
            format!("the submodule `{path}` is not checked out here, and the plan says `submodules: true`"),
            "fetch it: git submodule update --init --recursive",
        ))
    }
}

/// Takes who the user's own commits are by, or a stand-in that says what it is.
pub(super) fn author(settings: &Settings) -> Person {
    let get = |key, else_it_is: String| settings.get(key).map_or(else_it_is, str::to_owned);
    let Person { name, email } = Person::autopilot();
    Person { name: get("user.name", name), email: get("user.email", email) }
}

impl Repository {
    /// Resolves the base of a run and refuses what has to be refused, before anything is made.
    pub fn base(&self, named: Option<&str>) -> Result<Base, WorktreeError> {
        let base = self.resolve(named).map_err(|error| lacking(named.unwrap_or("HEAD"), error))?;
        strict::refuse(&base.name, &base.parts, self.format)?;
        base.rules.refuse_unread()?;
        Ok(base)
    }

    /// The same for a run that has begun: what is left of it is to be had, whatever its base holds.
    pub(super) fn resolve(&self, named: Option<&str>) -> Result<Base, WorktreeError> {
        let (refs, settings) = (self.known_refs()?, self.settings()?);
        let (name, commit) = self.named(&refs, named)?;
        self.holding(&refs, &settings, name, commit)
    }

    /// Returns the base that a run began with, by the name that it had then and wherever that is now.
    pub fn base_then(&self, name: &str, commit: &Oid) -> Result<Base, WorktreeError> {
        let commit = self.commit_of(commit.as_str()).map_err(|error| lacking(name, error))?;
        let base = self.holding(&self.known_refs()?, &self.settings()?, name.to_owned(), commit)?;
        strict::refuse(&base.name, &base.parts, self.format)?;
        base.rules.refuse_unread()?;
        Ok(base)
    }

    fn holding(
        &self,
        refs: &Refs,
        settings: &Settings,
        name: String,
        commit: Oid,
    ) -> Result<Base, WorktreeError> {
        self.refuse_incomplete(settings, &commit)?;
        self.refuse_unnamable(refs)?;
        let parts = part::all(self, &commit)?;
        let rules = Rules::read(&parts, self.excludes(settings)?)?;
        let (person, filters) = (author(settings), settings.filters());
        let (refs, committer) = (beside(refs, &name, &commit), self.committer.clone());
        Ok(Base { name, commit, refs, parts, rules, person, committer, filters })
    }

    /// Returns the commit that the name of a base stands for by now.
    pub(super) fn tip(&self, name: &str) -> Result<Oid, WorktreeError> {
        Ok(self.named(&self.known_refs()?, Some(name))?.1)
    }

    /// Finds the commit. A name of a branch means the branch, whatever tag has it, too.
    fn named(&self, refs: &Refs, named: Option<&str>) -> Result<(String, Oid), WorktreeError> {
        let found = match named {
            Some(name) if Oid::parse(name).is_ok() => None,
            Some(name) => RefName::branch(name).ok().and_then(|branch| refs.find(&branch)),
            None => refs.head(),
        };
        if let Some(branch) = found {
            return Ok((branch.name.short().to_owned(), branch.at.clone()));
        }
        let name = named.unwrap_or("HEAD");
        Ok((name.to_owned(), self.commit_of(name)?))
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

    /// Refuses a partial clone if something of the base's history is missing: steps have no network to fetch it.
    fn refuse_incomplete(&self, settings: &Settings, commit: &Oid) -> Result<(), WorktreeError> {
        let promised = settings.has(|key| key.starts_with("remote.") && key.ends_with(".promisor"));
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
    fn refuse_unnamable(&self, refs: &Refs) -> Result<(), WorktreeError> {
        if refs.find(&RefName::branch("autopilot")?).is_some() {
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

/// Lists what a step's own repository is to have. The branch is at the base there, wherever it is by now.
fn beside(refs: &Refs, name: &str, commit: &Oid) -> Vec<(RefName, Oid)> {
    let pair = |known: &Ref| (known.name.clone(), known.at.clone());
    let branch = RefName::branch(name).ok();
    let branch = branch.as_ref().and_then(|branch| refs.find(branch));
    let upstream = branch.and_then(|branch| refs.upstream(&branch.name));
    let mut all: Vec<_> = refs.tags().map(pair).collect();
    all.extend(branch.map(|branch| (branch.name.clone(), commit.clone())));
    all.extend(upstream.map(pair));
    all
}
