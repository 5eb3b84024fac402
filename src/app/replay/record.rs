//! The record that is replayed: its commits, which have to be what its journal says, and what each of them changed.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use crate::app::Error;
use crate::evidence::event::RebasedCommit;
use crate::evidence::{Files, RunName, RunState, StepId};
use crate::git::Oid;
use crate::replay::{self, Again, Difference, Trees, Way, What};
use crate::worktree::{Aside, Base, Like, Repository, WorktreeError};

/// Says why a bundle is not taken: as the hostile file it could be, it is no fault of autopilot.
fn not_taken(run: RunName, error: WorktreeError) -> Error {
    match error {
        error @ (WorktreeError::Unproved(_) | WorktreeError::Git { .. }) => Error::Unreplayable {
            run,
            why: error.to_string(),
            hint: "bring the bundle back from a copy: autopilot audit says what else is wrong".to_owned(),
        },
        error => error.into(),
    }
}

/// A record that is read.
pub(in crate::app) struct Record<'a> {
    run: RunName,
    state: &'a RunState,
    steps: Vec<Again<'a>>,
    aside: Aside,
    folder: TempDir,
    /// The tree after each step that changed something.
    trees: Trees,
    /// The files of what is laid on, by step.
    patches: BTreeMap<String, String>,
    /// Where its commits are not what its journal says.
    pub(in crate::app) forged: Option<Difference>,
}

impl<'a> Record<'a> {
    /// Reads the commits of a run, from the bundle beside its journal, else from the repository.
    pub(in crate::app) fn read(
        repository: &Repository,
        files: &Files,
        state: &'a RunState,
        base: &Base,
    ) -> Result<Self, Error> {
        let run = files.run();
        let aside = repository.aside(&[&state.start.commit, &base.commit])?;
        let bundle = files.checkpoints();
        if bundle.symlink_metadata().is_ok() {
            aside.take(&bundle).map_err(|error| not_taken(run, error))?;
        }
        let folder = tempfile::Builder::new().prefix("autopilot-replay-").tempdir()?;
        let mut record = Self {
            run,
            state,
            steps: replay::steps(state),
            aside,
            folder,
            trees: Trees::new(),
            patches: BTreeMap::new(),
            forged: None,
        };
        record.take_commits()?;
        Ok(record)
    }

    /// Looks at each commit, and writes what is laid on.
    fn take_commits(&mut self) -> Result<(), Error> {
        let mut last = self.state.start.commit.clone();
        for (number, own) in self.steps.clone().iter().enumerate() {
            let Some(commit) = &own.attempt.checkpoint else { continue };
            let found = self.aside.commit(commit)?.ok_or_else(|| self.nowhere(own.id, commit))?;
            let forged = |recorded: String, replayed: String| Difference {
                step: own.id.to_owned(),
                what: What::Record,
                recorded,
                replayed,
                paths: Vec::new(),
            };
            if found.parents != [last.clone()] {
                let parents = found.parents.iter().map(Oid::as_str).collect::<Vec<_>>().join(" ");
                self.forged =
                    Some(forged(format!("{commit} on top of {last}"), format!("on top of {parents}")));
                return Ok(());
            }
            if let Some(tree) = own.attempt.tree.as_ref().filter(|tree| **tree != found.tree) {
                self.forged =
                    Some(forged(format!("{commit} with tree {tree}"), format!("with tree {}", found.tree)));
                return Ok(());
            }
            self.trees.insert(own.id.to_owned(), found.tree);
            if own.way != Way::Real {
                let name = format!("{number}.patch");
                if self.aside.write_patch(&last, commit, &self.folder.path().join(&name))? {
                    self.patches.insert(own.id.to_owned(), name);
                }
            }
            last = commit.clone();
        }
        Ok(())
    }

    fn nowhere(&self, step: &str, commit: &Oid) -> Error {
        Error::Unreplayable {
            run: self.run,
            why: format!(
                "the commit {commit} of step `{step}` is neither in a bundle beside its journal nor in the repository"
            ),
            hint: "bring checkpoints-<run>.bundle back from a copy, or fetch the result branch".to_owned(),
        }
    }

    pub(in crate::app) fn run(&self) -> RunName {
        self.run
    }

    pub(in crate::app) fn aside(&self) -> &Aside {
        &self.aside
    }

    /// Returns the folder that goes with it: the patches are there.
    pub(in crate::app) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the plan that replays it.
    pub(in crate::app) fn plan(&self) -> Option<String> {
        replay::plan(self.state, &self.steps, &self.patches)
    }

    /// Tells of each step how it is replayed, and the tree it is to come to.
    pub(in crate::app) fn told(&self) -> Vec<(String, Way, Option<String>)> {
        let tree = |own: &Again<'_>| self.trees.get(own.id).map(ToString::to_string);
        self.steps.iter().map(|own| (own.id.to_owned(), own.way, tree(own))).collect()
    }

    /// Compares it with what came of it. On another base files are others by nature.
    pub(in crate::app) fn differs(
        &self,
        replayed: &RunState,
        same_base: bool,
    ) -> Result<Option<Difference>, Error> {
        let mut differing = |one: &Oid, other: &Oid| self.aside.differing(one, other);
        let trees = same_base.then_some(&self.trees);
        Ok(replay::first(&self.steps, replayed, trees, &mut differing)?)
    }

    /// Makes the commits of a replay on another base, each with author and message of the run's own: what a step changed there.
    pub(in crate::app) fn rebuilt(
        &self,
        replayed: &RunState,
        onto: &Oid,
    ) -> Result<Vec<RebasedCommit>, Error> {
        let tree_of = |commit: &Oid| -> Result<Oid, Error> {
            let found = self.aside.commit(commit)?;
            found.map(|found| found.tree).ok_or_else(|| self.nowhere("of the replay", commit))
        };
        let (mut parent, mut below) = (onto.clone(), tree_of(onto)?);
        let mut all = Vec::new();
        for (own, made) in self.steps.iter().zip(replay::made(&self.steps, replayed)) {
            let Some(made) = made else { continue };
            let tree = tree_of(made)?;
            if tree == below {
                continue;
            }
            let recorded = own.attempt.checkpoint.as_ref();
            let message = self.message(own);
            let message = recorded.is_none().then_some(message.as_str());
            let like = Like { commit: recorded.unwrap_or(made), message };
            parent = self.aside.make_like(like, &tree, &parent)?;
            all.push(RebasedCommit { step: StepId::new(own.id), commit: parent.clone(), tree: tree.clone() });
            below = tree;
        }
        Ok(all)
    }

    /// Says what a step changed that had changed nothing on the base of the run.
    fn message(&self, own: &Again<'_>) -> String {
        let trailers = format!("Autopilot-Run: {}\nAutopilot-Step: {}", self.run, own.id);
        format!("autopilot: {}\n\n{trailers}\nAutopilot-Attempt: {}\n", own.id, own.attempt.number)
    }
}
