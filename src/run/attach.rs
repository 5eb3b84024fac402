//! What an agent is given beside its task: what `context` names, and the repository's own instructions.

use std::io::Read;
use std::path::Path;

use super::{RunError, Runner};
use crate::agent::prompt::{self, Attachment};
use crate::agent::{is_instructions, kind};
use crate::evidence::log;
use crate::plan::{AgentId, AgentStep, Context, Step};

/// Lines of another step's output that are attached.
const ATTACHED: usize = 400;
/// Bytes of one such file that are read.
const MOST_INSTRUCTIONS: u64 = 32 << 10;
/// Bytes of a file that are looked at: its digest is of these.
const MOST_OF_A_FILE: u64 = 8 << 20;

impl Runner<'_> {
    /// Gathers what is attached, masked: it leaves for a model.
    pub(super) fn attach(&self, step: &Step, asked: &AgentStep) -> Result<Vec<Attachment>, RunError> {
        let mut all = Vec::new();
        for context in &asked.context {
            let (name, text) = match context {
                Context::Issue | Context::IssueOf(_) => {
                    (format!("issue #{}", self.plan.issue), self.issue_text(step))
                }
                Context::File(path) => (path.display().to_string(), self.file_text(path)),
                Context::Step(id) => (format!("what step {id} told"), self.step_text(id)?),
            };
            all.push(Attachment::new(name, self.recorder.text(text).to_string()));
        }
        if let Some(review) = &self.grants(step).review {
            let own = review.asked.iter();
            all.extend(own.map(|(name, text)| {
                let masked = |text: &str| self.recorder.text(text).to_string();
                Attachment::new(masked(name), masked(text))
            }));
        }
        prompt::bound(&mut all);
        Ok(all)
    }

    fn issue_text(&self, step: &Step) -> String {
        self.grants(step).issue.as_deref().unwrap_or_default().to_owned()
    }

    /// Reads a file of the worktree, which an earlier step may have changed: through no link.
    fn file_text(&self, path: &Path) -> String {
        let read = self.worktree.open(path).and_then(|(file, _)| {
            let mut bytes = Vec::new();
            file.take(MOST_OF_A_FILE).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        read.map_or_else(
            |error| format!("(cannot be read: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn step_text(&self, id: &str) -> Result<String, RunError> {
        let attempts = self.state().step(id).map(|step| step.attempts.iter().rev());
        for attempt in attempts.into_iter().flatten() {
            if let Some(message) = &attempt.message {
                return Ok(message.clone());
            }
            if let Some((from, to)) = attempt.printed() {
                return Ok(log::tail(&self.recorder.files().log(), from, to, ATTACHED)?.0.join("\n"));
            }
        }
        Ok("(it told nothing)".to_owned())
    }

    /// Reads the repository's instructions for an agent that works in a folder. Nothing once those of any agent differ
    /// from the base's anywhere: what a step wrote must not instruct the next one. Nor may what others put on a branch that is
    /// revised.
    pub(super) fn instructions(
        &mut self,
        step: &Step,
        agent: AgentId,
        dir: &Path,
    ) -> Result<Option<String>, RunError> {
        if self.grants(step).review.as_ref().is_some_and(|review| review.has_others) {
            return Ok(None);
        }
        let now = self.worktree.changes()?;
        let changed = now.paths.iter().any(|changed| is_instructions(&changed.path().to_string_lossy()));
        if changed || self.state().instructions_changed {
            return Ok(None);
        }
        let mut text = String::new();
        for folder in with_folders_above(dir) {
            let files = kind(agent).instructions.iter().map(|name| folder.join(name));
            // One that the rules ignore is no change, and anybody's.
            let mut files = files.filter(|path| self.worktree.holds(path));
            if let Some(Ok((file, _))) = files.next().map(|path| self.worktree.open(&path)) {
                let mut bytes = Vec::new();
                file.take(MOST_INSTRUCTIONS).read_to_end(&mut bytes)?;
                text.push_str(&String::from_utf8_lossy(&bytes));
                text.push('\n');
            }
        }
        Ok(Some(text))
    }
}

/// Returns a folder of the worktree and those above it, from the top down.
pub(super) fn with_folders_above(dir: &Path) -> impl Iterator<Item = &Path> {
    let mut all: Vec<&Path> = dir.ancestors().collect();
    if !all.iter().any(|folder| folder.as_os_str().is_empty()) {
        all.push(Path::new(""));
    }
    all.into_iter().rev()
}
