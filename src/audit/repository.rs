//! Base, branch and commits of runs, compared with what their journals claim; refs that no journal claims.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::cached;
use super::code::Code;
use super::finding::{Check, Checked, Finding};
use super::remotes;
use super::story::{Checkpoint, Story};
use crate::evidence::event::{ChangeKind, PlanCommit, Rebased, RunStarted};
use crate::evidence::{RunName, Sha256};
use crate::git::Oid;
use crate::worktree::{Commit, CommitChanges, Found, Kind, Repository, WorktreeError};

/// What a mask leaves of a path.
const MASK: &str = "***";

/// What is known of a repository, for all runs at once: two processes of git, however many runs there are.
#[derive(Debug)]
pub(super) struct Known<'a> {
    repository: &'a Repository,
    refs: HashMap<String, String>,
    commits: HashMap<String, Found>,
    changed: HashMap<String, CommitChanges>,
}

impl<'a> Known<'a> {
    /// Asks for everything that these runs claim.
    pub(super) fn ask<'b>(
        repository: &'a Repository,
        stories: impl Iterator<Item = &'b Story>,
    ) -> Result<Self, WorktreeError> {
        let mut bases = Vec::new();
        let mut checkpoints = Vec::new();
        for story in stories {
            bases.extend(story.start.as_ref().map(|start| start.commit.as_str()));
            bases.extend(story.start.as_ref().and_then(plan_commit).map(Oid::as_str));
            bases.extend(
                story.rebased.iter().flat_map(|rebased| &rebased.commits).map(|made| made.commit.as_str()),
            );
            checkpoints.extend(story.checkpoints.iter().map(|made| made.commit.as_str()));
        }
        // A journal's word goes to git only in the shape of an object's name.
        let named =
            |id: &&str| matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ids: Vec<&str> = bases.into_iter().chain(checkpoints.iter().copied()).filter(named).collect();
        let found = repository.commits(&ids)?;
        let commits: HashMap<String, Found> = ids.iter().map(|id| (*id).to_owned()).zip(found).collect();
        let there = |id: &&str| matches!(commits.get(*id), Some(Found::Commit(_)));
        let mut made: Vec<&str> = checkpoints.into_iter().filter(there).collect();
        made.sort_unstable();
        made.dedup();
        let changed = repository.changed(&made)?;
        let changed = made.iter().map(|id| (*id).to_owned()).zip(changed).collect();
        Ok(Self { repository, refs: repository.refs()?, commits, changed })
    }

    /// Checks what one run claims.
    pub(super) fn check(&self, story: &Story, run: RunName, notes: &mut Vec<String>) -> Checked {
        let unreadable = |error: WorktreeError| {
            Finding::new(Code::RepositoryUnreadable, "answers of git", error.to_string())
        };
        let plan = story.start.as_ref().map_or(Ok(None), |start| self.plan_differs(start, notes));
        let plan = plan.map(Vec::from_iter);
        let is_here = story.start.as_ref().is_some_and(|start| self.commit(start.commit.as_str()).is_some());
        let foreign = if is_here { cached::check(self.repository, story, notes) } else { Ok(Vec::new()) };
        let found = [plan, remotes::check(self.repository, story, notes), foreign];
        let mut findings: Vec<Finding> = found
            .into_iter()
            .flat_map(|found| found.unwrap_or_else(|error| vec![unreadable(error)]))
            .collect();
        let said = self.compare(story, run, notes, &mut findings).unwrap_or_else(|error| {
            findings.push(unreadable(error));
            String::new()
        });
        Checked::of(Check::Repository, findings, said)
    }

    fn compare(
        &self,
        story: &Story,
        run: RunName,
        notes: &mut Vec<String>,
        findings: &mut Vec<Finding>,
    ) -> Result<String, WorktreeError> {
        let Some(start) = &story.start else { return Ok(String::new()) };
        let base = start.commit.as_str();
        if self.commit(base).is_none() {
            findings.push(Finding::new(Code::BaseMissing, format!("commit {base}"), "no such commit"));
            return Ok(String::new());
        }
        let name = format!("refs/heads/{}", run.branch());
        let there = self.refs.get(&name);
        let Some((reference, commit, _)) = &story.branch else {
            if let Some(there) = there {
                findings.push(Finding::new(
                    Code::BranchUnrecorded,
                    "no branch: the journal tells of none",
                    format!("{name} at {there}"),
                ));
            }
            return Ok("no branch, as recorded".to_owned());
        };
        findings.extend(story.rebased.iter().find_map(|rebased| self.rebased_differs(rebased, run, notes)));
        let differ = self.commits_differ(story, base);
        let same = differ.is_none();
        findings.extend(differ);
        if same {
            findings.extend(story.checkpoints.iter().find_map(|made| self.changes_differ(made)));
            findings.extend(self.branch(reference, commit, there, notes)?);
        }
        Ok("branch descends from base, commits as recorded".to_owned())
    }

    /// The commit that is said to hold the plan file holds it, byte for byte.
    fn plan_differs(
        &self,
        start: &RunStarted,
        notes: &mut Vec<String>,
    ) -> Result<Option<Finding>, WorktreeError> {
        let Some(id) = plan_commit(start) else { return Ok(None) };
        let path = start.plan_path.as_str();
        if path.contains(MASK) {
            notes.push(format!("{path} is masked: it was not looked for in commit {id}"));
            return Ok(None);
        }
        let expected = format!("{path} of digest {} in commit {id}", start.plan_sha256.as_str());
        let differs = |found: &str| Ok(Some(Finding::new(Code::PlanDiffers, &expected, found)));
        if self.commit(id.as_str()).is_none() {
            // A commit of the user's own: it may have been amended since, or be in another clone.
            notes.push(format!("commit {id}, which held {path}, is not here"));
            return Ok(None);
        }
        let files = self.repository.files_like(id, &named(path, start.repository.as_str()))?;
        let is_own = |file: &Vec<u8>| Sha256::of(file) == start.plan_sha256;
        if files.iter().any(is_own) { Ok(None) } else { differs("no such file") }
    }

    fn commit(&self, id: &str) -> Option<&Commit> {
        match self.commits.get(id)? {
            Found::Commit(commit) => Some(commit),
            Found::Missing | Found::Other => None,
        }
    }

    /// Each checkpoint stands on the one before, the first on the base, and says whose it is.
    fn commits_differ(&self, story: &Story, base: &str) -> Option<Finding> {
        let start = story.start.as_ref()?;
        let mut parent = base;
        for made in &story.checkpoints {
            let differ = |expected: String, found: &str| {
                let found = format!("{} {found}", made.commit);
                Some(Finding::new(Code::CommitsDiffer, expected, found))
            };
            let Some(commit) = self.commit(&made.commit) else {
                return differ(format!("the checkpoint of `{}`", made.step), "is no commit here");
            };
            if commit.parents != [parent] {
                return differ(format!("parent {parent}"), &format!("has {}", commit.parents.join(" ")));
            }
            if let Some(tree) = made.tree.as_ref().filter(|tree| **tree != commit.tree) {
                return differ(format!("tree {tree}"), &format!("has {}", commit.tree));
            }
            let trailers = format!(
                "Autopilot-Run: {}\nAutopilot-Step: {}\nAutopilot-Attempt: {}",
                start.run, made.step, made.attempt
            );
            if !String::from_utf8_lossy(&commit.message).contains(&trailers) {
                return differ(trailers, "has other trailers");
            }
            parent = &made.commit;
        }
        None
    }

    /// The commits that a run came to on a later base, as far as they are here, have the files that were judged there.
    fn rebased_differs(&self, rebased: &Rebased, run: RunName, notes: &mut Vec<String>) -> Option<Finding> {
        let mut parent = rebased.onto.as_str();
        for made in &rebased.commits {
            let Some(commit) = self.commit(made.commit.as_str()) else {
                notes.push(format!("commit {}, of the replay on {}, is not here", made.commit, rebased.onto));
                return None;
            };
            let trailers = format!("Autopilot-Run: {run}\nAutopilot-Step: {}\n", made.step.as_str());
            let expected = if commit.parents != [parent] {
                format!("parent {parent}")
            } else if made.tree.as_str() != commit.tree {
                format!("tree {}, which was judged", made.tree)
            } else if !String::from_utf8_lossy(&commit.message).contains(&trailers) {
                trailers
            } else {
                parent = made.commit.as_str();
                continue;
            };
            let found =
                format!("{} has parent {}, tree {}", made.commit, commit.parents.join(" "), commit.tree);
            return Some(Finding::new(Code::CommitsDiffer, expected, found));
        }
        None
    }

    fn changes_differ(&self, made: &Checkpoint) -> Option<Finding> {
        let changed = self.changed.get(&made.commit)?;
        let mut real: Vec<(ChangeKind, String)> = changed
            .iter()
            .map(|(kind, path)| (recorded_as(*kind), String::from_utf8_lossy(path).into_owned()))
            .collect();
        let mut recorded: Vec<(ChangeKind, String)> =
            made.changes.iter().map(|change| (change.kind, change.path.to_string())).collect();
        let masked = recorded.iter().any(|(_, path)| path.contains(MASK));
        // A masked path is compared by being there.
        if masked && real.len() == recorded.len() {
            return None;
        }
        let order = |(kind, path): &(ChangeKind, String)| (path.clone(), *kind as u8);
        real.sort_by_key(order);
        recorded.sort_by_key(order);
        if real == recorded {
            return None;
        }
        let only = |a: &[(ChangeKind, String)], b: &[(ChangeKind, String)]| {
            let only = a.iter().find(|change| !b.contains(change));
            only.map_or_else(|| format!("{} paths", a.len()), |(kind, path)| format!("{kind:?} {path}"))
        };
        let found = format!("commit {}: {}", made.commit, only(&real, &recorded));
        Some(Finding::new(Code::ChangesDiffer, only(&recorded, &real), found))
    }

    /// A person may have gone on from the branch, merged it, or moved it away; the result must still be there.
    fn branch(
        &self,
        reference: &str,
        commit: &str,
        there: Option<&String>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Finding>, WorktreeError> {
        let Some(tip) = there else {
            let refs = self.repository.refs_with(commit)?;
            let Some(other) = refs.first() else {
                let expected = format!("{reference} at {commit}");
                return Ok(Some(Finding::new(Code::BranchMissing, expected, "no such branch")));
            };
            notes.push(format!("{reference} is gone; its commits are in {other}"));
            return Ok(None);
        };
        if tip == commit {
            return Ok(None);
        }
        if self.repository.is_ancestor(commit, tip)? {
            notes.push(format!("{reference} has gone on since: {tip}"));
            return Ok(None);
        }
        Ok(Some(Finding::new(Code::BranchRewritten, format!("{reference} at {commit}"), tip)))
    }

    /// Returns the refs.
    pub(super) fn refs(&self) -> &HashMap<String, String> {
        &self.refs
    }
}

/// Returns the commit that is said to hold a run's plan file.
fn plan_commit(start: &RunStarted) -> Option<&Oid> {
    start.plan_commit.as_ref().and_then(PlanCommit::commit)
}

/// Returns what is known of where a plan lies in its repository: it is named from wherever the run was started.
fn named(path: &str, top: &str) -> PathBuf {
    let path = Path::new(path);
    let below = path.strip_prefix(top).unwrap_or(path);
    below.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

fn recorded_as(kind: Kind) -> ChangeKind {
    match kind {
        Kind::Added => ChangeKind::Added,
        Kind::Modified => ChangeKind::Modified,
        Kind::Deleted => ChangeKind::Deleted,
    }
}
