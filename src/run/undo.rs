//! Back to the last checkpoint, with nothing lost: salvage, then reset. Recorded before and after.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use super::RunError;
use crate::evidence::event::Event;
use crate::evidence::{AttemptId, Recorder, Text};
use crate::worktree::{NotHeld, Worktree};

/// Bytes of a salvaged file that are looked at for secrets at once.
const PIECE: u64 = 4 << 20;

/// Longest secret that is found across two pieces.
const OVERLAP: usize = 64 << 10;

/// Whether the names that a step gave its files are written down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names<'a> {
    Told,
    /// They may hold the value of one of these, which nobody knows and therefore nobody masks.
    Withheld(&'a BTreeSet<String>),
}

/// Saves what an attempt left, if it left anything.
pub(super) async fn save(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    at: &AttemptId,
) -> Result<(), RunError> {
    save_with(worktree, recorder, at, Names::Told).await
}

/// The same, with names of files or without.
pub(super) async fn save_with(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    at: &AttemptId,
    names: Names<'_>,
) -> Result<(), RunError> {
    let Some(saved) = worktree.salvage(at.step.as_str(), at.attempt).await? else { return Ok(()) };
    let say = |what: &NotHeld| recorder.line(names.say(what.to_string(), &what.without_name()));
    let not_held = saved.not_held.iter().map(say).collect();
    let secrets = secrets_in(worktree, recorder, &saved.written, names);
    Ok(recorder.record(Event::Salvaged {
        at: at.clone(),
        reference: saved.reference,
        commit: saved.commit,
        paths: saved.paths,
        not_held,
        secrets,
    })?)
}

impl Names<'_> {
    /// Returns what there is to say of a file, or, where its name is withheld, the rest of it.
    fn say(self, with_name: String, rest: &str) -> String {
        match self {
            Names::Told => with_name,
            Names::Withheld(unknown) => {
                let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
                format!("a name that is not told, since {} is not known here: {rest}", unknown.join(", "))
            }
        }
    }
}

/// Names the files of a salvage that seem to hold secrets. The bundle is its owner's alone, but owners pass
/// things on. What cannot be read is passed over: it was saved a moment ago, and only the hint is lost.
fn secrets_in(worktree: &Worktree, recorder: &Recorder, paths: &[PathBuf], names: Names<'_>) -> Vec<Text> {
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
            let kinds = kinds.into_iter().collect::<Vec<&str>>().join(", ");
            named.push(recorder.line(names.say(format!("{}: {kinds}", path.display()), &kinds)));
        }
    }
    named
}

/// Goes back. Call it only after [`save`].
pub(super) async fn reset(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    at: &AttemptId,
    clean_ignored: bool,
) -> Result<(), RunError> {
    recorder.record(Event::ResetStarted { at: at.clone() })?;
    worktree.reset(clean_ignored).await?;
    recorder.defer(Event::ResetDone { at: at.clone() });
    Ok(())
}
