//! The story of a run: all that a journal tells, as far as it has been read, and what is wrong with it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::active::Active;
use super::at::{At, Runner, Worktree};
use super::printed::{Due, Printed};
use super::records::Published;
use super::records::{Attested, Checkpoint, End, Seal};
use super::step::StepStory;
use super::tried::Try;
use crate::audit::code::Code;
use crate::audit::finding::Finding;
use crate::audit::log::Parts;
use crate::audit::plan::Recorded;
use crate::audit::policy::Policy;
use crate::evidence::RunName;
use crate::evidence::event::{CacheKept, CacheLooked, Rebased, RunResult, RunStarted, StepResult};

/// Findings of one kind that are told; a journal that is wrong from the first line on is told by its first.
const TOLD: usize = 20;

/// What a journal tells, as far as it has been read.
#[derive(Debug)]
pub(in crate::audit) struct Story {
    pub(super) run: RunName,
    pub(in crate::audit) start: Option<RunStarted>,
    pub(super) plan: Option<Recorded>,
    pub(super) at: At,
    pub(super) runner: Runner,
    pub(super) worktree: Worktree,
    /// It was picked up or went on: what its runner was at may have no end of its own.
    pub(super) taken_over: bool,
    pub(super) steps: Vec<StepStory>,
    pub(super) by_id: HashMap<String, usize>,
    /// Steps before this one are over.
    pub(super) next: usize,
    /// Failed attempts in a row, and the most there were.
    pub(super) consecutive: (u32, u32),
    pub(super) end: Option<End>,
    /// Ref and commit of each salvage.
    pub(in crate::audit) saved: BTreeMap<String, String>,
    /// What no bundle holds.
    pub(in crate::audit) not_held: usize,
    /// Where the log has each attempt.
    pub(in crate::audit) log: Parts,
    /// What attempts that version 2 began printed, and what is to become of it.
    pub(super) printed: HashMap<Try, Printed>,
    pub(super) due: Due,
    pub(super) active: Active,
    pub(in crate::audit) checkpoints: Vec<Checkpoint>,
    /// Ref, commit and commits on top of the base.
    pub(in crate::audit) branch: Option<(String, String, u64)>,
    /// Its commits are in a bundle beside the journal, where that is said.
    pub(in crate::audit) bundled: Option<bool>,
    pub(in crate::audit) seal: Option<Seal>,
    pub(in crate::audit) attested: Option<Attested>,
    /// Agents that are on the host: which, and their name and version.
    pub(super) agents: Vec<(Option<String>, String)>,
    /// What the run is said to have come to on the base of later, in its order.
    pub(in crate::audit) rebased: Vec<Rebased>,
    /// What is said to be published, in its order.
    pub(in crate::audit) published: Vec<Published>,
    pub(in crate::audit) policy: Policy,
    /// What the run said that it took of folders that are kept, each time that it looked.
    pub(in crate::audit) looked: Vec<CacheLooked>,
    /// What it said that it left of them.
    pub(in crate::audit) kept: Option<CacheKept>,
    /// It said so since it began, or went on.
    pub(super) has_looked: bool,
    pub(super) has_kept: bool,
    /// Lines that were taken.
    pub(super) events: u64,
    pub(in crate::audit) started: Option<DateTime<Utc>>,
    pub(super) finished: Option<DateTime<Utc>>,
    pub(super) last: Option<DateTime<Utc>>,
    pub(super) findings: Vec<Finding>,
    pub(in crate::audit) notes: Vec<String>,
}

impl Story {
    /// Begins the story of a run.
    pub(in crate::audit) fn new(run: RunName) -> Self {
        Self {
            run,
            start: None,
            plan: None,
            at: At::Beginning,
            runner: Runner::Alive,
            worktree: Worktree::Missing,
            taken_over: false,
            steps: Vec::new(),
            by_id: HashMap::new(),
            next: 0,
            consecutive: (0, 0),
            end: None,
            saved: BTreeMap::new(),
            not_held: 0,
            log: Parts::default(),
            printed: HashMap::new(),
            due: Due::default(),
            active: Active::default(),
            checkpoints: Vec::new(),
            branch: None,
            bundled: None,
            seal: None,
            attested: None,
            agents: Vec::new(),
            rebased: Vec::new(),
            published: Vec::new(),
            policy: Policy::default(),
            looked: Vec::new(),
            kept: None,
            has_looked: false,
            has_kept: false,
            events: 0,
            started: None,
            finished: None,
            last: None,
            findings: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Notes a fault at the current line.
    pub(super) fn wrong(&mut self, code: Code, expected: impl Into<String>, found: impl Into<String>) {
        if self.findings.len() < TOLD {
            let found = format!("line {}: {}", self.events, found.into());
            self.findings.push(Finding::new(code, expected, found));
        }
    }

    /// Returns how the run ended, if it did.
    pub(in crate::audit) fn result(&self) -> Option<RunResult> {
        self.end.as_ref().map(|end| end.result)
    }

    /// Returns each step with how it ended and how many attempts it had, in their order.
    pub(in crate::audit) fn results(&self) -> Vec<(&str, Option<StepResult>, u32)> {
        let ids = self.plan.iter().flat_map(|plan| plan.steps.iter().map(|step| step.id.as_str()));
        ids.zip(&self.steps).map(|(id, step)| (id, step.result, step.attempts)).collect()
    }

    /// Tells whether the run is closed: nothing but publishing and resuming can follow.
    pub(in crate::audit) fn is_closed(&self) -> bool {
        matches!(self.at, At::Closed | At::Publishing(..))
    }

    /// Tells whether its runner died or was interrupted, and somebody went on with what it left.
    pub(in crate::audit) fn was_cut_short(&self) -> bool {
        self.taken_over
    }

    /// Tells whether the journal says that the worktree was removed.
    pub(in crate::audit) fn worktree_is_removed(&self) -> bool {
        self.worktree == Worktree::Removed
    }

    /// Returns what is wrong with the chain of events itself, and what with the results.
    pub(in crate::audit) fn take_findings(&mut self) -> (Vec<Finding>, Vec<Finding>) {
        let structural = |finding: &Finding| finding.code.number() < 200;
        std::mem::take(&mut self.findings).into_iter().partition(structural)
    }
}
