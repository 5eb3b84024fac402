//! What dead runners left of an issue is picked up before a new run of it begins.

use std::fmt::Write as _;

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::evidence::{Files, RunName};
use crate::policy::{HostFacts, Waivers};
use crate::worktree::{Record, Repository, RunDir, State};
use crate::{report, run};

/// Recovers every run of an issue that has no end. The caller holds the issue's lock.
pub(super) async fn recover(
    state: &State,
    repository: &Repository,
    issue: u64,
    host: &HostFacts,
    waivers: &Waivers,
) -> Result<(), Failure> {
    let mut dirs: Vec<(RunDir, Record)> = RunDir::of(state, &repository.common_dir)?
        .into_iter()
        .filter(|(_, left)| left.issue == issue)
        .collect();
    for dir in RunDir::abandoned(state, &repository.common_dir, issue)? {
        if let Err(error) = dir.discard() {
            output::note(&format!("warning: {} cannot be removed: {error}", dir.path().display()));
        }
    }
    for name in unfinished(repository, issue, &dirs)? {
        let left = dirs.iter().position(|(_, record)| record.run == name.to_string());
        let left = left.map(|at| dirs.swap_remove(at));
        // The checkout that the run was started in: another worktree of the same repository, perhaps.
        // That one may be gone by now, too.
        let started_in = left.as_ref().map(|(_, record)| &record.toplevel).filter(|top| top.is_dir());
        let top = started_in.unwrap_or(&repository.toplevel).clone();
        let files = Files::of(&top, name);
        run::restore_journal(&files, left.as_ref().map(|(dir, _)| dir))
            .map_err(|error| failed(name, &error))?;
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
        let recovered = run::recover(files, left, repository, host, waivers).await;
        match recovered.map_err(|error| failed(name, &error))? {
            None => output::note(&format!("run {name} had died before it began; cleared away")),
            Some(mut recovered) => {
                let closed = report::close(&mut recovered.recorder).map_err(|error| failed(name, &error))?;
                repository.hand_over(&recovered.recorder.files().all())?;
                output::note(&told(name, &closed.0));
            }
        }
    }
    Ok(())
}

fn failed(name: RunName, error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Internal, format!("run {name}, which had crashed, cannot be picked up: {error}"))
        .hint("mend that and run again: nothing of it is lost until then")
}

/// Names the runs without an end: journals that are not closed, and directories without a journal.
fn unfinished(
    repository: &Repository,
    issue: u64,
    dirs: &[(RunDir, Record)],
) -> Result<Vec<RunName>, Failure> {
    let mut names: Vec<RunName> = target::runs(repository, Some(issue))?
        .into_iter()
        .filter(|run| !is_closed(&Files::of(&repository.toplevel, *run)))
        .collect();
    for (_, record) in dirs {
        names.extend(record.run.parse::<RunName>().ok().filter(|name| !names.contains(name)));
    }
    names.sort();
    Ok(names)
}

fn is_closed(files: &Files) -> bool {
    report::read(files).is_ok_and(|view| view.is_some_and(|view| view.closed))
}

fn told(name: RunName, view: &report::RunView) -> String {
    let mut text = format!("run {name} had crashed; its end is recorded");
    if let Some((reference, _, _)) = &view.branch {
        let _ = write!(text, ", its checkpoints are on {reference}");
    }
    if !view.salvaged().is_empty() {
        text.push_str(", what it was at is in its salvage bundle");
    }
    text
}
