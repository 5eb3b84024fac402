//! The record that is replayed: its commits, which have to be what its journal says, and what each of them changed.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

use crate::app::Error;
use crate::evidence::{Files, RunName, RunState};
use crate::git::Oid;
use crate::replay::{self, Again, Difference, Trees, Way, What};
use crate::worktree::{Aside, Base, Repository, WorktreeError};

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
pub(super) struct Record<'a> {
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
    pub(super) forged: Option<Difference>,
}

impl<'a> Record<'a> {
    /// Reads the commits of a run, from the bundle beside its journal, else from the repository.
    pub(super) fn read(
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

    pub(super) fn run(&self) -> RunName {
        self.run
    }

    pub(super) fn aside(&self) -> &Aside {
        &self.aside
    }

    /// Returns the folder that goes with it: the patches are there.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the plan that replays it.
    pub(super) fn plan(&self) -> Option<String> {
        replay::plan(self.state, &self.steps, &self.patches)
    }

    /// Tells of each step how it is replayed, and the tree it is to come to.
    pub(super) fn told(&self) -> Vec<(String, Way, Option<String>)> {
        let tree = |own: &Again<'_>| self.trees.get(own.id).map(ToString::to_string);
        self.steps.iter().map(|own| (own.id.to_owned(), own.way, tree(own))).collect()
    }

    /// Compares it with what came of it. On another base files are others by nature.
    pub(super) fn differs(&self, replayed: &RunState, same_base: bool) -> Result<Option<Difference>, Error> {
        let mut differing = |one: &Oid, other: &Oid| self.aside.differing(one, other);
        let trees = same_base.then_some(&self.trees);
        Ok(replay::first(&self.steps, replayed, trees, &mut differing)?)
    }
}
