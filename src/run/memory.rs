//! What a run has to remember for its agents: what was told, why the last attempt failed, what was used, and whether
//! instructions were changed.

use std::collections::HashMap;
use std::ops::Range;

use crate::evidence::event;
use crate::plan::Step;

/// Files that agents read as instructions.
pub(super) const INSTRUCTIONS: [&str; 2] = ["AGENTS.md", "AGENTS.override.md"];

/// What agents of this run are told, and what they used.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What each step that passed told: its final message, or where its output is.
    pub(super) told: HashMap<String, Told>,
    /// Why the attempt before failed.
    pub(super) before: Option<Failed>,
    /// Tokens of the whole run, and of each step.
    pub(super) used: u64,
    pub(super) used_by: HashMap<String, u64>,
    /// A checkpoint changed files that agents read as instructions.
    pub(super) instructions_changed: bool,
}

/// What a step told.
#[derive(Debug)]
pub(super) enum Told {
    Message(String),
    Log(Range<u64>),
}

/// Why an attempt failed, and the end of what its last command printed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) reason: String,
    pub(super) tail: Vec<String>,
    /// What it did is still in the files.
    pub(super) kept: bool,
}

impl Memory {
    /// Remembers what a step told that passed its action.
    pub(super) fn heard(&mut self, step: &Step, message: Option<String>, log: &Range<u64>) {
        let told = message.map_or_else(|| Told::Log(log.clone()), Told::Message);
        self.told.insert(step.id.clone(), told);
    }

    /// Begins a step, whose last attempt failed for this reason if the run was resumed after one.
    pub(super) fn begin_step(&mut self, reason: Option<&event::Reason>) {
        // A run that goes on begins at a checkpoint.
        let failed = |reason: &event::Reason| Failed {
            reason: reason.text.to_string(),
            tail: Vec::new(),
            kept: false,
        };
        self.before = reason.map(failed);
    }

    /// Takes from a journal what a step told.
    pub(super) fn recall(&mut self, step: &str, told: Option<Told>) {
        self.told.extend(told.map(|told| (step.to_owned(), told)));
    }

    /// Counts what a step used.
    pub(super) fn count(&mut self, step: &str, used: u64) {
        self.used = self.used.saturating_add(used);
        let of_step = self.used_by.entry(step.to_owned()).or_default();
        *of_step = of_step.saturating_add(used);
    }

    /// Notes what a checkpoint changed.
    pub(super) fn changed<'p>(&mut self, mut paths: impl Iterator<Item = &'p str>) {
        self.instructions_changed |= paths.any(is_instructions);
    }
}

/// Tells whether agents read a file as instructions.
pub(super) fn is_instructions(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    INSTRUCTIONS.iter().any(|each| name.eq_ignore_ascii_case(each))
}
