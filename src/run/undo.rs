//! Back to the last checkpoint, with nothing lost: salvage, then reset. Recorded before and after.

use super::RunError;
use crate::evidence::event::Event;
use crate::evidence::{Recorder, Token};
use crate::worktree::Worktree;

/// Saves what an attempt left, if it left anything.
pub(super) async fn save(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    step: &Token,
    attempt: u32,
) -> Result<(), RunError> {
    let Some(saved) = worktree.salvage(step.as_str(), attempt).await? else { return Ok(()) };
    let not_held = saved.not_held.iter().map(|what| recorder.text(what)).collect();
    Ok(recorder.record(Event::Salvaged {
        step: step.clone(),
        attempt,
        reference: Token::new(&saved.reference),
        commit: Token::new(&saved.commit),
        paths: saved.paths,
        not_held,
    })?)
}

/// Goes back. Call it only after [`save`].
pub(super) async fn reset(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    step: &Token,
    attempt: u32,
    clean_ignored: bool,
) -> Result<(), RunError> {
    recorder.record(Event::ResetStarted { step: step.clone(), attempt })?;
    worktree.reset(clean_ignored).await?;
    recorder.defer(Event::ResetDone { step: step.clone(), attempt });
    Ok(())
}
