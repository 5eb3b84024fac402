//! Takes a worktree that met its expectations, gives its checkpoint and the event that tells of it.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::outcome::{Attempt, Outcome};
use super::{RunError, Runner};
use crate::agent::is_instructions;
use crate::evidence::event::{Change, ChangeKind, Event, ReasonKind};
use crate::plan::Action;
use crate::policy::{self, Left};
use crate::worktree::{Checkpoint, Counted, Kind, Look, WorktreeError};

/// Bytes at either end of a file in which editors look for lines to evaluate.
const ENDS: u64 = 4096;

impl Runner<'_> {
    /// Commits what an attempt made. What cannot be committed fails the attempt.
    pub(super) async fn make_checkpoint(&mut self, this: &Attempt<'_>) -> Result<Outcome, RunError> {
        let (subject, trailers) = self.message(this);
        match self.worktree.checkpoint(&subject, &borrowed(&trailers)).await {
            Ok(made) => {
                self.share(made.as_ref()).await;
                let patched = made.iter().filter(|_| matches!(this.step.action, Action::Apply(_)));
                let patched: Vec<PathBuf> =
                    patched.flat_map(|made| made.changes.iter().map(|own| own.path.clone())).collect();
                self.record_checkpoint(this, made)?;
                // A patch has pointers where files of LFS have their content.
                self.worktree.fill_patched(&patched).await?;
                Ok(Outcome::Passed)
            }
            Err(WorktreeError::Unfit(what)) => Ok(self.failed(ReasonKind::Checkpoint, &what.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// Records the checkpoint that a dead runner made of an attempt and did not record; whether there is one.
    pub(super) async fn adopt(&mut self, this: &Attempt<'_>) -> Result<bool, RunError> {
        let (subject, trailers) = self.message(this);
        let adopted = self.worktree.adopt(&subject, &borrowed(&trailers)).await?;
        let found = adopted.is_some();
        self.share(adopted.as_ref()).await;
        self.record_checkpoint(this, adopted)?;
        Ok(found)
    }

    /// Keeps a checkpoint where another node finds it, before the journal tells of it. The run is none the worse for one that
    /// cannot be kept.
    async fn share(&self, made: Option<&Checkpoint>) {
        if made.is_some()
            && let Err(error) = self.worktree.share().await
        {
            tracing::warn!(%error, "a checkpoint is not kept in the repository");
        }
    }

    /// Returns what the commit of an attempt's checkpoint says: its subject and its trailers.
    fn message(&self, this: &Attempt<'_>) -> (String, [(&'static str, String); 3]) {
        let subject = this.step.commit.clone().unwrap_or_else(|| format!("autopilot: {}", this.step.id));
        let trailers = [
            ("Autopilot-Run", self.recorder.files().run().to_string()),
            ("Autopilot-Step", this.step.id.clone()),
            ("Autopilot-Attempt", this.at.attempt.to_string()),
        ];
        (subject, trailers)
    }

    fn record_checkpoint(&mut self, this: &Attempt<'_>, made: Option<Checkpoint>) -> Result<(), RunError> {
        let Some(made) = made else { return Ok(()) };
        // By the paths themselves: a mask would hide one.
        let instructions =
            made.changes.iter().any(|counted| is_instructions(&counted.path.to_string_lossy()));
        Ok(self.recorder.record(Event::CheckpointMade {
            at: this.at.clone(),
            commit: made.commit,
            tree: Some(made.tree),
            parent: Some(made.parent),
            merged_from: None,
            instructions: Some(instructions),
            changes: Arc::new(made.changes.into_iter().map(|counted| self.change(&counted)).collect()),
        })?)
    }

    fn change(&self, counted: &Counted) -> Change {
        Change {
            path: self.recorder.text(counted.path.to_string_lossy()),
            kind: match counted.kind {
                Kind::Added => ChangeKind::Added,
                Kind::Modified => ChangeKind::Modified,
                Kind::Deleted => ChangeKind::Deleted,
            },
            added: counted.added,
            removed: counted.removed,
            review: self.review(counted).map(|why| self.recorder.text(why)),
        }
    }

    /// Says why a reviewer should look at a path first, if so. The path itself decides, not what masking leaves of it.
    fn review(&self, counted: &Counted) -> Option<&'static str> {
        let path = counted.path.as_path();
        if counted.kind == Kind::Deleted {
            return policy::reviewable(path, Left::Nothing);
        }
        if matches!(self.worktree.look(path), Ok(Look::Other)) {
            let target = self.worktree.link(path).ok();
            return policy::reviewable(path, target.as_deref().map_or(Left::Special, Left::Link));
        }
        let by_name = policy::reviewable(path, Left::File);
        by_name.or_else(|| policy::reviewable(path, self.left(path, counted)))
    }

    /// Looks at what a file is, of whose name nothing is to be said.
    fn left(&self, path: &Path, counted: &Counted) -> Left<'static> {
        match counted.added {
            _ if counted.is_made_executable => Left::Executable,
            None => Left::Binary,
            Some(_) if self.is_evaluated(path).unwrap_or(false) => Left::Modeline,
            Some(_) => Left::File,
        }
    }

    /// Tells whether an editor that opens a file evaluates a line of it.
    fn is_evaluated(&self, path: &Path) -> io::Result<bool> {
        let (file, size) = self.worktree.open(path)?;
        let read = |from: u64| {
            let mut bytes = vec![0; usize::try_from(size.min(ENDS)).unwrap_or(0)];
            let n = file.read_at(&mut bytes, from)?;
            bytes.truncate(n);
            io::Result::Ok(bytes)
        };
        let head = read(0)?;
        let tail = if size > ENDS { read(size - ENDS)? } else { head.clone() };
        Ok(policy::evaluates(&head, &tail))
    }
}

fn borrowed<'a>(trailers: &'a [(&'static str, String); 3]) -> [(&'static str, &'a str); 3] {
    trailers.each_ref().map(|(name, value)| (*name, value.as_str()))
}
