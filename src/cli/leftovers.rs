//! Earlier runs of an issue: what of them goes on, and what dead runners left is picked up before a new run
//! begins.

use std::fmt::Write as _;

use super::exit::{Exit, Failure};
use super::{publish, target};
use crate::evidence::event::RunResult;
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName};
use crate::github::Environment;
use crate::policy::{HostFacts, Waivers};
use crate::report::{self, RunView, WorktreeView};
use crate::run::{self, Interrupt, Known};
use crate::worktree::{Record, Repository, RunDir, State, WorktreeError};

/// Where runs happen, and under which rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) state: &'a State,
    pub(super) repository: &'a Repository,
    pub(super) host: &'a HostFacts,
    pub(super) waivers: &'a Waivers,
}

/// An earlier run of an issue.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) name: RunName,
    pub(super) files: Files,
    /// Its directory, if it has not been removed.
    pub(super) left: Option<(RunDir, Record)>,
}

impl Earlier {
    /// Leaves out a directory without a worktree to go on in: that is made anew there.
    pub(super) fn resumable(mut self) -> Self {
        self.left = self.left.filter(|(dir, _)| !dir.is_over());
        self
    }

    /// Says what no bundle can hold, and where it is.
    pub(super) fn moved_aside(&self) -> String {
        let place = self.left.as_ref().map(|(dir, _)| dir.left().display().to_string()).unwrap_or_default();
        let list = self.files.relative(&self.files.not_salvaged());
        format!("what no bundle can hold of run {}, {place}, listed in {list},", self.name)
    }
}

/// Lists the earlier runs of an issue, and puts back journals that are gone and have a second copy. The caller
/// holds the issue's lock.
pub(super) fn earlier(scene: Scene<'_>, issue: u64) -> Result<Vec<Earlier>, Failure> {
    let all = listed(scene, issue)?;
    for Earlier { name, files, left } in &all {
        run::restore_journal(files, left.as_ref().map(|(dir, _)| dir))
            .map_err(|error| failed(*name, error))?;
    }
    Ok(all)
}

/// Lists the earlier runs of an issue, oldest first: those with a journal here, and those with a directory.
pub(super) fn listed(scene: Scene<'_>, issue: u64) -> Result<Vec<Earlier>, Failure> {
    let repository = scene.repository;
    let mut dirs: Vec<(RunDir, Record)> = RunDir::of(scene.state, &repository.common_dir)?
        .into_iter()
        .filter(|(_, left)| left.issue == issue)
        .collect();
    let mut names = target::runs(repository, Some(issue))?;
    for (_, record) in &dirs {
        names.extend(record.run.parse::<RunName>().ok().filter(|name| !names.contains(name)));
    }
    names.sort();
    let mut all = Vec::new();
    for name in names {
        let left = dirs.iter().position(|(_, record)| record.run == name.to_string());
        let left = left.map(|at| dirs.swap_remove(at));
        // The checkout that the run was started in: another worktree of the same repository, perhaps.
        // That one may be gone by now, too.
        let started_in = left.as_ref().map(|(_, record)| &record.toplevel).filter(|top| top.is_dir());
        let files = Files::of(started_in.unwrap_or(&repository.toplevel), name);
        all.push(Earlier { name, files, left });
    }
    Ok(all)
}

/// What is to become of a worktree that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It stays.
    Stays,
    /// It goes, once it is proved that nothing is lost.
    Goes,
}

/// How earlier runs are picked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picking<'a> {
    pub(super) kept: Kept,
    /// What they meant to publish is published, until this says to end; or not.
    pub(super) publishing: Option<&'a Interrupt>,
    /// What must not be seen, as far as whoever picks them up knows; what their plans name is added.
    pub(super) secrets: &'a Secrets,
}

/// Recovers those that have no end, or left a directory that they had not meant to leave; returns what there is
/// to tell. The caller holds the issue's lock.
pub(super) async fn recover(
    scene: Scene<'_>,
    issue: u64,
    earlier: Vec<Earlier>,
    picking: Picking<'_>,
) -> Result<Vec<String>, Failure> {
    let mut told = Vec::new();
    for dir in RunDir::abandoned(scene.state, &scene.repository.common_dir, issue)? {
        told.push(match dir.discard() {
            Ok(None) => format!("{} was never begun, or half removed; cleared away", dir.path().display()),
            Ok(Some(left)) => {
                format!("warning: {} stays, of a run without a record: remove it by hand", left.display())
            }
            Err(error) => format!("warning: {} cannot be removed: {error}", dir.path().display()),
        });
    }
    for earlier in earlier {
        let name = earlier.name;
        match standing(&earlier) {
            Left::Nothing => {}
            Left::KeptWorktree | Left::MovedAside if picking.kept == Kept::Stays => {}
            Left::MovedAside => {
                let what = earlier.moved_aside();
                if let Some((dir, _)) = earlier.left {
                    dir.discard_with_left()?;
                }
                told.push(format!("{what} is removed"));
            }
            Left::Broken(error) => {
                // Whatever broke it: nothing can be added to it, and a new run does not depend on it.
                if let Some((dir, _)) = earlier.left {
                    let place = dir.path().display();
                    told.push(format!(
                        "warning: run {name} cannot be picked up, it stays at {place}: {error}"
                    ));
                }
            }
            Left::Unfinished | Left::KeptWorktree => {
                told.push(recover_one(scene, earlier, picking).await?);
            }
        }
    }
    for run in stale_pins(scene, issue)? {
        scene.repository.unpin(&run.to_string())?;
        told.push(format!("run {run} is gone; its base is not pinned any more"));
    }
    Ok(told)
}

/// Lists the runs of an issue that are over, left no directory, and pin their base still.
pub(super) fn stale_pins(scene: Scene<'_>, issue: u64) -> Result<Vec<RunName>, Failure> {
    let mut stale = pinned(scene.state, scene.repository)?;
    // One with another state directory is known by its journal.
    stale.retain(|run| run.issue() == issue && !Files::of(&scene.repository.toplevel, *run).is_recorded());
    Ok(stale)
}

/// Lists the runs that pin their base and have no directory here.
pub(super) fn pinned(state: &State, repository: &Repository) -> Result<Vec<RunName>, Failure> {
    Ok(repository.pinned_without_directory(state)?.iter().filter_map(|run| run.parse().ok()).collect())
}

/// What there is to do about an earlier run.
#[derive(Debug)]
pub(super) enum Left {
    /// Nothing: it has come to its end, and left nothing.
    Nothing,
    /// Its journal has no end, or its directory is there and should not be.
    Unfinished,
    /// Its worktree was kept, and says why.
    KeptWorktree,
    /// Its worktree is removed, but for what no bundle can hold.
    MovedAside,
    /// Its journal cannot be read.
    Broken(std::io::Error),
}

/// Tells what is left of an earlier run.
pub(super) fn standing(earlier: &Earlier) -> Left {
    match report::read(&earlier.files) {
        Ok(Some(view)) if view.closed && earlier.left.is_none() => Left::Nothing,
        Ok(Some(RunView { closed: true, worktree: WorktreeView::Kept(..), .. })) => {
            let is_over = earlier.left.as_ref().is_some_and(|(dir, _)| dir.is_over());
            if is_over { Left::MovedAside } else { Left::KeptWorktree }
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Left::Broken(error),
        _ => Left::Unfinished,
    }
}

/// Finds out what the plan of a run calls a secret.
fn known(files: &Files, secrets: &Secrets) -> Known {
    let environment = Environment::of_process();
    let register = |view: RunView| view.register_secrets(environment.variables(), secrets);
    // What cannot be read is not picked up.
    let unknown = report::read(files).ok().flatten().map(register).unwrap_or_default();
    Known { secrets: secrets.clone(), unknown }
}

async fn recover_one(scene: Scene<'_>, earlier: Earlier, picking: Picking<'_>) -> Result<String, Failure> {
    let Earlier { name, files, left } = earlier;
    let Scene { repository, host, waivers, .. } = scene;
    let known = known(&files, picking.secrets);
    let moved_aside = left.as_ref().map(|(dir, _)| dir.left()).filter(|left| left.exists());
    let recovered = run::recover(files, left, repository, host, waivers, &known).await;
    Ok(match recovered.map_err(|error| failed(name, error))? {
        None => match moved_aside.map(|left| left.display().to_string()) {
            Some(left) => {
                format!("warning: {left} stays, of run {name}, which has no journal: remove it by hand")
            }
            None => format!("run {name} had died before it began; cleared away"),
        },
        Some(mut recovered) => {
            let (view, _) =
                report::close(&mut recovered.recorder).map_err(|error| failed(name, error.into()))?;
            scene.repository.hand_over(&recovered.recorder.files().all())?;
            if let Some(interrupt) = picking.publishing {
                publish::at_the_end(&mut recovered.recorder, scene.repository, &view, interrupt).await?;
            }
            told(name, &view)
        }
    })
}

/// Says why the evidence of an issue's run cannot be opened.
pub(super) fn unopened(issue: u64, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::WouldBlock {
        return Failure::new(Exit::Locked, format!("issue {issue}: {error}"))
            .hint("it was started with another state directory (AUTOPILOT_STATE_DIR): wait for it");
    }
    Failure::system(error)
}

/// Says why what is left of a run cannot be picked up.
pub(super) fn failed(name: RunName, error: run::RunError) -> Failure {
    match &error {
        run::RunError::Io(busy) if busy.kind() == std::io::ErrorKind::WouldBlock => {
            unopened(name.issue(), busy)
        }
        other => {
            let hint = match other {
                run::RunError::Worktree(WorktreeError::Refused { hint, .. }) => hint,
                _ => "mend that and run again: nothing of it is lost until then",
            };
            let what = format!("run {name}, which had crashed, cannot be picked up: {error}");
            Failure::new(Exit::Internal, what).hint(hint)
        }
    }
}

fn told(name: RunName, view: &RunView) -> String {
    let crashed = view.end.as_ref().is_some_and(|end| end.result == RunResult::Crashed);
    let how =
        if crashed { "had crashed; its end is recorded" } else { "had ended; what it left is picked up" };
    let mut text = format!("run {name} {how}");
    if let Some((reference, _, _)) = &view.branch {
        let _ = write!(text, ", its checkpoints are on {reference}");
    }
    if !view.salvaged().is_empty() {
        text.push_str(", what it was at is in its salvage bundle");
    }
    if let WorktreeView::Kept(path, why) = &view.worktree {
        let _ = write!(text, ", {path} stays: {why}");
    }
    text
}
