//! After the last step: the work is taken out, proved to be out, and the worktree goes.

use std::path::Path;

use super::{RunError, undo};
use crate::evidence::Recorder;
use crate::evidence::event::{Event, Moved, Reason, ReasonKind, RunResult};
use crate::git::Oid;
use crate::worktree::{Removed, Worktree};

/// Files with conflicts that are named.
const CONFLICTS: usize = 20;

/// What is to become of the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It goes, once it is proved that nothing is lost.
    Remove,
    /// The user wants to look at it.
    Keep,
}

/// Delivers, writes the salvage, proves and removes. What cannot be proved stays, and is said.
pub(super) async fn finish(
    mut worktree: Worktree,
    recorder: &mut Recorder,
    ending: Ending,
) -> Result<(), RunError> {
    let path = worktree.dir().path().display().to_string();
    if ending == Ending::Remove {
        // What is in there goes with it.
        undo::record_left(recorder, &worktree.left_in_git().await)?;
    }
    let kept = match take_out(&mut worktree, recorder).await {
        Err(error) if error.is_halt() => return Err(error),
        Err(error) => {
            // Whatever the steps did: a run whose work did not arrive is not done.
            let text = recorder.line(format!("the work could not be taken out: {error}"));
            let reason = Some(Reason { kind: ReasonKind::Internal, text });
            recorder.record(Event::RunEnded { result: RunResult::Failed, reason, step: None, ms: 0 })?;
            error.to_string()
        }
        Ok(()) if ending == Ending::Keep => "asked for with --keep-worktree".to_owned(),
        Ok(()) => match worktree.prove() {
            Err(error) if error.is_halt() => return Err(error.into()),
            Err(error) => error.to_string(),
            Ok(proof) => match worktree.remove(&proof) {
                Err(error) if error.is_halt() => return Err(error.into()),
                Err(error) => error.to_string(),
                Ok(Removed { left: Some(left), .. }) => return stays(recorder, &left),
                Ok(removed) => {
                    return Ok(recorder.record(Event::WorktreeRemoved {
                        proved: removed.proved,
                        ignored_files: removed.ignored_files,
                        ignored_bytes: removed.ignored_bytes,
                    })?);
                }
            },
        },
    };
    let (path, why) = (recorder.line(path), recorder.line(kept));
    Ok(recorder.record(Event::WorktreeKept { path, why })?)
}

/// Records that nothing of a worktree is left but what was moved aside.
pub(super) fn stays(recorder: &mut Recorder, left: &Path) -> Result<(), RunError> {
    let why = "no bundle can hold what was moved there; everything else of the run is removed";
    let (path, why) = (recorder.line(left.to_string_lossy()), recorder.line(why));
    Ok(recorder.record(Event::WorktreeKept { path, why })?)
}

/// Looks where the base is by now. A git that cannot tell is no fault of the run.
fn moved(worktree: &Worktree, recorder: &Recorder, result: &Oid) -> Option<Moved> {
    let start = &recorder.state().start;
    let moved = match worktree.moved(start.base.as_str(), result) {
        Ok(moved) => moved?,
        Err(error) => {
            tracing::warn!(%error, base = %start.base, "whether the base conflicts with the result is not known");
            return None;
        }
    };
    let more = moved.conflicts.len().saturating_sub(CONFLICTS) as u64;
    let conflicts = moved.conflicts.iter().take(CONFLICTS).map(|path| recorder.line(path)).collect();
    Some(Moved { to: moved.to, conflicts, more })
}

async fn take_out(worktree: &mut Worktree, recorder: &mut Recorder) -> Result<(), RunError> {
    let saved = worktree.write_salvage(&recorder.files().salvage()).await;
    let beside = recorder.files().checkpoints();
    if let Some(made) = worktree.deliver(&beside).await? {
        let moved = moved(worktree, recorder, &made.commit);
        recorder.record(Event::BranchMade {
            reference: made.reference,
            commit: made.commit,
            commits: made.commits,
            moved,
            bundled: Some(made.bundled),
        })?;
    }
    saved?;
    Ok(())
}
