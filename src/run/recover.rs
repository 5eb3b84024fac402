//! Picking up a run whose runner died: nothing of it is lost, and its evidence gets an end.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use super::RunError;
use super::finish::{Ending, finish, stays};
use super::guard::guard;
use super::outcome::millis;
use super::undo::{self, Names};
use crate::evidence::event::{Event, Reason, ReasonKind, RunResult};
use crate::evidence::mask::Secrets;
use crate::evidence::{AttemptId, Files, Recorder, RunState, StepId, Unwatched};
use crate::git::Oid;
use crate::policy::{HostFacts, Waivers};
use crate::worktree::{Halt, Lock, Record, Repository, RunDir, Worktree};

/// A run that was picked up; its reports are still to be written.
#[derive(Debug)]
pub struct Recovered {
    /// The way to its evidence.
    pub recorder: Recorder,
}

/// What is known of a run's secrets to whoever picks it up.
#[derive(Debug)]
pub struct Known {
    /// Their values.
    pub secrets: Secrets,
    /// Names of those whose values are not known.
    pub unknown: BTreeSet<String>,
}

/// What a run is picked up with.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// Its repository.
    pub repository: &'a Repository,
    /// What this host can do.
    pub host: &'a HostFacts,
    /// What it need not do.
    pub waivers: &'a Waivers,
    /// Breaks off what takes long.
    pub halt: &'a Halt,
    /// The right to do it.
    pub lock: &'a Lock,
}

/// Salvages what a dead runner left of a run, takes its checkpoints out and removes its directory.
///
/// The caller holds the lock of the issue, so nobody else is at it, and has restored the journal.
pub async fn recover(
    files: Files,
    state: Option<RunState>,
    left: Option<(RunDir, Record)>,
    with: Means<'_>,
    known: &Known,
) -> Result<Option<Recovered>, RunError> {
    if !files.has_journal()? {
        discard_claim(&files, left)?;
        return Ok(None);
    }
    let opened = Recorder::reopen(files.clone(), state, &known.secrets, Box::new(Unwatched))?;
    let Some(mut recorder) = opened else {
        discard_claim(&files, left)?;
        return Ok(None);
    };
    guard(&mut recorder, with.lock);
    let had_worktree = recorder.state().has_worktree;
    let is_whole = left.as_ref().is_some_and(|(dir, _)| had_worktree && !dir.is_over());
    if let Some((dir, _)) = left.as_ref().filter(|_| is_whole) {
        // Refused before anything is recorded.
        dir.demand_whole()?;
    }
    // At once, not with the next event: there may be none before the reports are written from the journal.
    recorder.record(Event::Recovered { torn: recorder.torn() })?;
    recorder.append_left_parts()?;
    let last = recorder.state().checkpoint.clone();
    let last = last.as_ref().map(Oid::as_str);
    let (mut worktree, moved_aside) = match left {
        Some((dir, record)) if is_whole => {
            let Means { repository, host, waivers, halt, .. } = with;
            let mut taken = Worktree::take_up(dir, &record, last, repository, host, waivers).await?;
            taken.heed(halt);
            (Some(taken), None)
        }
        Some((dir, _)) => (None, dir.discard()?),
        None => (None, None),
    };
    if let Some(worktree) = &mut worktree {
        let names = if known.unknown.is_empty() { Names::Told } else { Names::Withheld(&known.unknown) };
        save_attempt(worktree, &mut recorder, names).await?;
    }
    // An end before the run went on is not the end of what went on.
    if recorder.state().end.is_none() {
        recorder.record(crashed(&recorder))?;
    }
    if let Some(worktree) = worktree {
        Box::pin(finish(worktree, &mut recorder, Ending::Remove)).await?;
    } else if !is_whole && had_worktree {
        take_shared(&mut recorder, with.repository)?;
    }
    if let Some(moved_aside) = moved_aside.filter(|_| had_worktree) {
        stays(&mut recorder, &moved_aside)?;
    }
    Ok(Some(Recovered { recorder }))
}

/// Makes the result branch of a run whose directory is on a disk that is gone, of what the repository holds of it.
fn take_shared(recorder: &mut Recorder, repository: &Repository) -> Result<(), RunError> {
    let state = recorder.state();
    let Some(commit) = state.checkpoint.clone().filter(|_| state.branch.is_none()) else { return Ok(()) };
    let start = &state.start;
    let of = (&start.commit, &commit);
    let made = repository.branch_of_shared(start.run.as_str(), start.branch.as_str(), of)?;
    let Some((reference, commits)) = made else { return Ok(()) };
    Ok(recorder.record(Event::BranchMade {
        reference,
        commit,
        commits,
        moved: None,
        bundled: Some(false),
    })?)
}

/// Saves what the attempt in flight left, and goes back to the last checkpoint.
async fn save_attempt(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    names: Names<'_>,
) -> Result<(), RunError> {
    let beside = || AttemptId { step: StepId::new("crashed"), attempt: 1 };
    let at = recorder.state().unsettled().last().unwrap_or_else(beside);
    undo::save_with(worktree, recorder, &at, names).await?;
    undo::reset(worktree, recorder, &at, false).await
}

fn crashed(recorder: &Recorder) -> Event {
    let text = recorder.text("the runner died; a later invocation picked the run up");
    let reason = Some(Reason { kind: ReasonKind::Crash, text });
    let ms = millis(recorder.state().active(|_| Duration::MAX));
    let step = recorder.state().unsettled().last().map(|at| at.step);
    Event::RunEnded { result: RunResult::Crashed, reason, step, ms }
}

/// Puts the journal back from its second copy where something (`git clean`) has removed or emptied it.
pub fn restore_journal(files: &Files, dir: Option<&RunDir>) -> Result<(), RunError> {
    let Some(mirror) = dir.map(RunDir::mirror).filter(|mirror| mirror.is_file()) else { return Ok(()) };
    match files.has_begun() {
        Ok(false) => Ok(files.restore_journal(&mirror)?),
        Ok(true) => Ok(()),
        // Changed by somebody: whoever reads it says so.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::Unsupported) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a name that was claimed for a run that never came to its first event.
fn discard_claim(files: &Files, left: Option<(RunDir, Record)>) -> Result<(), RunError> {
    if let Some((dir, _)) = left {
        dir.discard_unbegun()?;
    }
    for path in [files.log(), files.journal()] {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
