//! Takes a worktree that met its expectations, gives its checkpoint and the event that tells of it.

use std::path::Path;

use super::memory::is_instructions;
use super::outcome::{Attempt, Outcome};
use super::{RunError, Runner};
use crate::evidence::event::{Change, ChangeKind, Event, ReasonKind};
use crate::policy;
use crate::worktree::{Checkpoint, Counted, Kind, Look, WorktreeError};

impl Runner<'_> {
    /// Commits what an attempt made. What cannot be committed fails the attempt.
    pub(super) async fn make_checkpoint(&mut self, this: &Attempt<'_>) -> Result<Outcome, RunError> {
        let (subject, trailers) = self.message(this);
        match self.worktree.checkpoint(&subject, &borrowed(&trailers)).await {
            Ok(made) => {
                self.record_checkpoint(this, made)?;
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
        self.record_checkpoint(this, adopted)?;
        Ok(found)
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
        let instructions = made.changes.iter().any(|counted| is_instructions(&counted.path));
        Ok(self.recorder.record(Event::CheckpointMade {
            at: this.at.clone(),
            commit: made.commit,
            tree: Some(made.tree),
            parent: Some(made.parent),
            merged_from: None,
            instructions: Some(instructions),
            changes: made.changes.iter().map(|counted| self.change(counted)).collect(),
        })?)
    }

    fn change(&self, counted: &Counted) -> Change {
        Change {
            path: self.recorder.text(&counted.path),
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

    /// Says why a reviewer should look at a path first, if so.
    fn review(&self, counted: &Counted) -> Option<&'static str> {
        let path = Path::new(&counted.path);
        let target = match self.worktree.look(path) {
            Ok(Look::Other) => self.worktree.link(path).ok(),
            _ => None,
        };
        let kind = target.as_deref().map_or(policy::Left::File, policy::Left::Link);
        (counted.kind != Kind::Deleted).then(|| policy::reviewable(path, kind)).flatten()
    }
}

fn borrowed<'a>(trailers: &'a [(&'static str, String); 3]) -> [(&'static str, &'a str); 3] {
    trailers.each_ref().map(|(name, value)| (*name, value.as_str()))
}
