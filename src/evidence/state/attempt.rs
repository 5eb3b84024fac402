//! One try of a step.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::evidence::event::{
    AgentEnded, AgentStarted, AttemptResult, Change, CommandEnded, Egress, Judged, ProofRan, Reason, Role,
    Spending, Wrote,
};
use crate::evidence::state::Salvage;
use crate::git::Oid;

/// One try of a step.
#[derive(Debug, Clone)]
pub struct AttemptState {
    /// 1 for the first.
    pub number: u32,
    /// From the start of the run, pauses not included.
    pub began: Duration,
    /// How it ended, if it did.
    pub result: Option<AttemptResult>,
    /// Why not `passed`.
    pub reason: Option<Reason>,
    /// How long it took.
    pub took: Duration,
    /// Where what it printed is.
    pub log: Part,
    /// Its checkpoint.
    pub checkpoint: Option<Oid>,
    /// The tree of that, which version 1 does not tell.
    pub tree: Option<Oid>,
    /// What its checkpoint changed.
    pub changes: Arc<Vec<Change>>,
    /// How its commands ended.
    pub commands: Vec<CommandEnded>,
    /// What was decided about its connections.
    pub egress: Vec<Egress>,
    /// The verdicts on what the plan expects of it.
    pub judged: Vec<Judged>,
    /// The runs of its proofs.
    pub proofs: Vec<ProofRan>,
    /// What it left.
    pub salvage: Salvage,
    /// What the policy probably refused it, and what would allow it.
    pub refused: Option<String>,
    /// It took what steps of lower tiers had left in HOME and in ignored files.
    pub took_all: bool,
    /// What it wrote beside its result, if that is known.
    pub wrote: Option<Wrote>,
    /// Masks it asked for that there was no room for.
    pub masks_refused: u64,
    /// What of the git that it got was broken before, and mended.
    pub mended: Vec<String>,
    /// The agent that works on it, as it was started last.
    pub agent: Option<AgentStarted>,
    /// The agent's final message.
    pub message: Option<String>,
    /// What its agent used of the model.
    pub spending: Spending,
    /// Its step is over.
    pub(super) is_settled: bool,
    began_at: DateTime<Utc>,
    /// The last event of its own runner, if another one took over since.
    pub(super) until: Option<DateTime<Utc>>,
    /// A run that went on has counted its time.
    pub(super) is_counted: bool,
}

/// Where the output of an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In a file of its own, until the attempt is over.
    Spool,
    /// Version 1, under way: in the log, from this byte on.
    From(u64),
    /// In the log, from one byte up to another.
    At(u64, u64),
}

/// How far an attempt had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameTo {
    /// It began.
    Begin,
    /// Its checkpoint was made.
    Checkpoint,
    /// It passed.
    End,
}

impl AttemptState {
    /// Begins an attempt; version 1 says where its part of the log begins.
    pub(super) fn new(number: u32, began: Duration, began_at: DateTime<Utc>, log: Option<u64>) -> Self {
        Self {
            number,
            began,
            result: None,
            reason: None,
            took: Duration::ZERO,
            log: log.map_or(Part::Spool, Part::From),
            checkpoint: None,
            tree: None,
            changes: Arc::default(),
            commands: Vec::new(),
            egress: Vec::new(),
            judged: Vec::new(),
            proofs: Vec::new(),
            salvage: Salvage::default(),
            refused: None,
            took_all: false,
            wrote: None,
            masks_refused: 0,
            mended: Vec::new(),
            agent: None,
            message: None,
            spending: Spending::default(),
            is_settled: false,
            began_at,
            until: None,
            is_counted: false,
        }
    }

    pub(super) fn turn_over(&mut self, ended: &AgentEnded) {
        self.message = ended.message.as_ref().map(ToString::to_string);
        self.spending.turn_over(ended.tokens, ended.cost);
    }

    pub(super) fn refuse_masks(&mut self, count: u64) {
        self.masks_refused = self.masks_refused.saturating_add(count);
    }

    pub(super) fn checkpoint_made(&mut self, commit: &Oid, tree: Option<&Oid>, changes: &Arc<Vec<Change>>) {
        self.checkpoint = Some(commit.clone());
        self.tree = tree.cloned();
        self.changes = Arc::clone(changes);
    }

    pub(super) fn end(
        &mut self,
        result: AttemptResult,
        reason: Option<&Reason>,
        took: Duration,
        log: Option<u64>,
    ) {
        self.result = Some(result);
        self.reason = reason.cloned();
        self.took = took;
        if let (Part::From(from), Some(to)) = (self.log, log) {
            self.log = Part::At(from, to);
        }
    }

    /// Tells whether it began and has no end, or passed without that its step was said to have.
    pub fn is_open(&self) -> bool {
        !self.is_settled && matches!(self.result, None | Some(AttemptResult::Passed))
    }

    /// Returns how far it had come.
    pub fn came_to(&self) -> CameTo {
        match self.result {
            Some(_) => CameTo::End,
            None if self.checkpoint.is_some() => CameTo::Checkpoint,
            None => CameTo::Begin,
        }
    }

    /// Returns how long it is known to have run, where the run's last event happened just then.
    pub fn ran(&self, last: DateTime<Utc>, most: Duration) -> Duration {
        (self.until.unwrap_or(last) - self.began_at).to_std().unwrap_or_default().min(most)
    }

    /// Returns the bytes of the log that its action printed, if they are there.
    pub fn printed(&self) -> Option<(u64, u64)> {
        let action = self.commands.iter().rev().find(|command| command.role == Role::Action)?;
        match (action.log, action.span, self.log) {
            (Some(absolute), ..) => Some(absolute),
            (None, Some((begin, end)), Part::At(from, to)) => {
                let place = |offset: u64| from.saturating_add(offset).min(to);
                Some((place(begin), place(end)))
            }
            _ => None,
        }
    }

    /// Tells whether an agent worked on it.
    pub fn is_agents(&self) -> bool {
        self.message.is_some() || self.spending.total().is_some()
    }
}
