//! Back to the last checkpoint, with nothing lost: salvage, then reset. Recorded before and after.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use super::RunError;
use crate::evidence::event::Event;
use crate::evidence::{Recorder, Text, Token};
use crate::worktree::Worktree;

/// Bytes of a salvaged file that are looked at for secrets at once.
const PIECE: u64 = 4 << 20;

/// Longest secret that is found across two pieces.
const OVERLAP: usize = 64 << 10;

/// Saves what an attempt left, if it left anything.
pub(super) async fn save(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    step: &Token,
    attempt: u32,
) -> Result<(), RunError> {
    let Some(saved) = worktree.salvage(step.as_str(), attempt).await? else { return Ok(()) };
    let not_held = saved.not_held.iter().map(|what| recorder.line(what)).collect();
    let secrets = secrets_in(worktree, recorder, &saved.written);
    Ok(recorder.record(Event::Salvaged {
        step: step.clone(),
        attempt,
        reference: Token::new(&saved.reference),
        commit: Token::new(&saved.commit),
        paths: saved.paths,
        not_held,
        secrets,
    })?)
}

/// Names the files of a salvage that seem to hold secrets. The bundle is its owner's alone, but owners pass
/// things on. What cannot be read is passed over: it was saved a moment ago, and only the hint is lost.
fn secrets_in(worktree: &Worktree, recorder: &Recorder, paths: &[PathBuf]) -> Vec<Text> {
    let mut named = Vec::new();
    for path in paths {
        let mut kinds = BTreeSet::new();
        if let Ok((mut file, _)) = worktree.open(path) {
            let mut window = Vec::new();
            // The end of each piece is looked at again with the next: a secret can lie across.
            while let Ok(1..) = file.by_ref().take(PIECE).read_to_end(&mut window) {
                kinds.extend(recorder.secrets_in(&window));
                window.drain(..window.len().saturating_sub(OVERLAP));
            }
        }
        if !kinds.is_empty() {
            let kinds: Vec<&str> = kinds.into_iter().collect();
            named.push(recorder.line(format!("{}: {}", path.display(), kinds.join(", "))));
        }
    }
    named
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
