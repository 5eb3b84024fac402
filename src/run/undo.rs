//! Back to the last checkpoint, with nothing lost: salvage, then reset. Recorded before and after.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::RunError;
use crate::evidence::event::{Event, InGit};
use crate::evidence::{AttemptId, Recorder, Text};
use crate::worktree::{self, LeftInGit, NotHeld, Salvage, Worktree};

/// Bytes of a salvaged file that are looked at for secrets at once.
const PIECE: u64 = 4 << 20;

/// Longest secret that is found across two pieces.
const OVERLAP: u64 = 64 << 10;

/// Parts between holes that are told apart; what is behind them is one.
const PARTS: usize = 4096;

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
    match worktree.salvage(at.step.as_str(), at.attempt).await? {
        Some(saved) => record_saved(worktree, recorder, at, names, saved),
        None => Ok(()),
    }
}

/// Saves what rules that steps wrote kept off the checkpoint of an attempt, if they kept off anything.
pub(super) async fn save_hidden(
    worktree: &mut Worktree,
    recorder: &mut Recorder,
    at: &AttemptId,
) -> Result<(), RunError> {
    match worktree.salvage_hidden(at.step.as_str(), at.attempt).await? {
        Some(saved) => record_saved(worktree, recorder, at, Names::Told, saved),
        None => Ok(()),
    }
}

fn record_saved(
    worktree: &Worktree,
    recorder: &mut Recorder,
    at: &AttemptId,
    names: Names<'_>,
    saved: Salvage,
) -> Result<(), RunError> {
    let say = |what: &NotHeld| recorder.line(names.say(what.to_string(), &what.without_name()));
    let not_held = saved.not_held.iter().map(say).collect();
    let secrets = secrets_in(worktree, recorder, &saved.written, names)?;
    Ok(recorder.record(Event::Salvaged {
        at: at.clone(),
        reference: saved.reference,
        commit: saved.commit,
        paths: saved.paths,
        not_held,
        secrets,
    })?)
}

/// Records what lay in a step's own git and nowhere else, if anything did.
pub(super) fn record_left(recorder: &mut Recorder, left: &LeftInGit) -> Result<(), RunError> {
    if left.is_empty() {
        return Ok(());
    }
    let item = |item: &worktree::InGit| InGit {
        what: recorder.line(&item.what),
        commit: item.commit.clone(),
        reference: item.reference.clone(),
    };
    let (left, more) = (left.items.iter().map(item).collect(), left.more);
    Ok(recorder.record(Event::GitLeft { left, more })?)
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
fn secrets_in(
    worktree: &Worktree,
    recorder: &Recorder,
    paths: &[PathBuf],
    names: Names<'_>,
) -> Result<Vec<Text>, RunError> {
    let mut named = Vec::new();
    for path in paths {
        worktree.check_halt()?;
        let mut kinds = BTreeSet::new();
        if let Ok((file, size)) = worktree.open(path) {
            for (start, end) in written_parts(&file, size) {
                let mut at = start;
                // The end of each piece is looked at again with the next: a secret can lie across.
                while at < end {
                    worktree.check_halt()?;
                    let mut piece = vec![0; usize::try_from((end - at).min(PIECE)).unwrap_or_default()];
                    let Ok(read @ 1..) = file.read_at(&mut piece, at) else { break };
                    piece.truncate(read);
                    kinds.extend(recorder.secrets_in(&piece));
                    let next = at + piece.len() as u64;
                    at = if next < end { next.saturating_sub(OVERLAP).max(at + 1) } else { next };
                }
            }
        }
        if !kinds.is_empty() {
            let kinds = kinds.into_iter().collect::<Vec<&str>>().join(", ");
            named.push(recorder.line(names.say(format!("{}: {kinds}", path.display()), &kinds)));
        }
    }
    Ok(named)
}

/// Returns the parts of a file that hold something: the holes of a sparse one are zeros, and cost nothing.
fn written_parts(file: &File, size: u64) -> Vec<(u64, u64)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < size && parts.len() < PARTS {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => {
                let end = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(size);
                parts.push((start, end));
                at = end.max(start + 1);
            }
            Err(Errno::NXIO) => return parts,
            // The file system knows of no holes.
            Err(_) => break,
        }
    }
    parts.extend((at < size).then_some((at, size)));
    parts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_file_has_the_parts_that_were_written() {
        let file = tempfile::tempfile().unwrap();
        let size = 1 << 40;
        file.set_len(size).unwrap();
        file.write_at(b"x", 1 << 30).unwrap();
        let parts = written_parts(&file, size);
        assert!(parts.iter().any(|(start, end)| (*start..*end).contains(&(1 << 30))), "{parts:?}");
        let held: u64 = parts.iter().map(|(start, end)| end - start).sum();
        assert!(held <= 1 << 20, "{parts:?}");
        assert_eq!(written_parts(&tempfile::tempfile().unwrap(), 0), []);
    }
}
