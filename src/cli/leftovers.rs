//! Earlier runs of an issue: what of them goes on, and what dead runners left is picked up before a new run
//! begins.

use std::fmt::Write as _;

use super::exit::{Exit, Failure};
use super::{output, publish, target};
use crate::evidence::{Files, RunName};
use crate::policy::{HostFacts, Waivers};
use crate::report::{self, RunView};
use crate::run::{self, Interrupt};
use crate::worktree::{Record, Repository, RunDir, State};

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

/// Lists the earlier runs of an issue, oldest first: those with a journal here, and those with a directory.
/// The caller holds the issue's lock.
pub(super) fn earlier(scene: Scene<'_>, issue: u64) -> Result<Vec<Earlier>, Failure> {
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
        run::restore_journal(&files, left.as_ref().map(|(dir, _)| dir))
            .map_err(|error| failed(name, &error))?;
        all.push(Earlier { name, files, left });
    }
    Ok(all)
}

/// Recovers those that have no end, and publishes what they meant to unless they are to be left alone. The caller
/// holds the issue's lock.
pub(super) async fn recover(
    scene: Scene<'_>,
    issue: u64,
    earlier: Vec<Earlier>,
    publishing: Option<&Interrupt>,
) -> Result<(), Failure> {
    for dir in RunDir::abandoned(scene.state, &scene.repository.common_dir, issue)? {
        if let Err(error) = dir.discard() {
            output::note(&format!("warning: {} cannot be removed: {error}", dir.path().display()));
        }
    }
    for Earlier { name, files, left } in earlier {
        match report::read(&files) {
            Ok(Some(view)) if view.closed => continue,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                // Whatever broke it: nothing can be added to it, and a new run does not depend on it.
                if let Some((dir, _)) = left {
                    let place = dir.path().display();
                    output::note(&format!(
                        "warning: run {name} cannot be picked up, it stays at {place}: {error}"
                    ));
                }
                continue;
            }
            _ => {}
        }
        let recovered = run::recover(files, left, scene.repository, scene.host, scene.waivers).await;
        match recovered.map_err(|error| failed(name, &error))? {
            None => output::note(&format!("run {name} had died before it began; cleared away")),
            Some(mut recovered) => {
                let closed = report::close(&mut recovered.recorder).map_err(|error| failed(name, &error))?;
                output::note(&told(name, &closed.0));
                if let Some(interrupt) = publishing {
                    let recorder = &mut recovered.recorder;
                    publish::at_the_end(recorder, scene.repository, &closed.0, interrupt).await?;
                }
            }
        }
    }
    Ok(())
}

fn failed(name: RunName, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Internal, format!("run {name}, which had crashed, cannot be picked up: {error}"))
        .hint("mend that and run again: nothing of it is lost until then")
}

fn told(name: RunName, view: &RunView) -> String {
    let mut text = format!("run {name} had crashed; its end is recorded");
    if let Some((reference, _, _)) = &view.branch {
        let _ = write!(text, ", its checkpoints are on {reference}");
    }
    if !view.salvaged().is_empty() {
        text.push_str(", what it was at is in its salvage bundle");
    }
    text
}
