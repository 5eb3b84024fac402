//! Follows the events of a run as a person would who does not believe the runner: does each follow from the ones
//! before, is it what the plan says, and was it confined as the plan demands?

mod active;
mod after;
mod agent;
mod at;
mod attempt;
mod end;
#[cfg(test)]
mod honest;
mod moves;
mod printed;
mod steps;
#[cfg(test)]
mod tests;
mod verdicts;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::code::Code;
use super::finding::Finding;
use super::journal::Entry;
use super::log::Parts;
use super::plan::Recorded;
use super::policy::Policy;
use super::spelled::{MASK, Told};
use crate::evidence::event::{AttemptResult, Change, Event, RunResult, RunStarted, Sealed, StepResult};
use crate::evidence::{Head, RunName};
use active::Active;
use at::{At, Runner, Try, Worktree};
use end::End;
use moves::{Kind, State};
use printed::{Due, Printed};
use steps::StepStory;

/// Findings of one kind that are told; a journal that is wrong from the first line on is told by its first.
const TOLD: usize = 20;

/// What a journal tells, as far as it has been read.
#[derive(Debug)]
pub(super) struct Story {
    run: RunName,
    pub(super) start: Option<RunStarted>,
    plan: Option<Recorded>,
    at: At,
    runner: Runner,
    worktree: Worktree,
    /// It was picked up or went on: what its runner was at may have no end of its own.
    taken_over: bool,
    steps: Vec<StepStory>,
    by_id: HashMap<String, usize>,
    /// Steps before this one are over.
    next: usize,
    /// Failed attempts in a row, and the most there were.
    consecutive: (u32, u32),
    end: Option<End>,
    /// Ref and commit of each salvage.
    pub(super) saved: BTreeMap<String, String>,
    /// What no bundle holds.
    pub(super) not_held: usize,
    /// Where the log has each attempt.
    pub(super) log: Parts,
    /// What attempts that version 2 began printed, and what is to become of it.
    printed: HashMap<Try, Printed>,
    due: Due,
    active: Active,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Ref, commit and commits on top of the base.
    pub(super) branch: Option<(String, String, u64)>,
    pub(super) seal: Option<Seal>,
    pub(super) attested: Option<Attested>,
    pub(super) policy: Policy,
    /// Lines that were taken.
    events: u64,
    pub(super) started: Option<DateTime<Utc>>,
    finished: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

/// A checkpoint, as recorded.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) commit: String,
    /// Its tree, and what it is on top of; from version 2 on.
    pub(super) tree: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) changes: Vec<Change>,
}

/// The last seal.
#[derive(Debug)]
pub(super) struct Seal {
    pub(super) files: Vec<Sealed>,
    /// Digest and length of the journal up to and with it.
    pub(super) journal: (String, u64),
    /// When the last event before it was written.
    pub(super) finished: DateTime<Utc>,
}

/// The last attestation.
#[derive(Debug)]
pub(super) struct Attested {
    pub(super) sha256: String,
    pub(super) head: Head,
}

impl Story {
    /// Begins the story of a run.
    pub(super) fn new(run: RunName) -> Self {
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
            seal: None,
            attested: None,
            policy: Policy::default(),
            events: 0,
            started: None,
            finished: None,
            last: None,
            findings: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, entry: Entry) {
        self.events += 1;
        let before = self.last;
        self.keep_time(&entry);
        self.keep_active(&entry, before);
        let kind = Kind::of(&entry.event);
        if self.may_come(kind) {
            self.expect_output(kind);
            self.follow(entry);
        }
    }

    /// Looks up where an event leads; whether it is to be followed there, in its order or not.
    fn may_come(&mut self, kind: Kind) -> bool {
        let at = match &self.runner {
            Runner::Gone(was) if kind == Kind::Resumed => State::of(was),
            _ => State::of(&self.at),
        };
        let found = || format!("`{}` {}", kind.text(), at.text());
        match moves::next(at, kind) {
            Ok(_) => {}
            Err(Code::EventAfterHead) => {
                let expected = "nothing but publishing, resuming and picking up";
                self.wrong(Code::EventAfterHead, expected, kind.text());
                return false;
            }
            Err(Code::WrongRun) if at == State::Beginning => {
                self.wrong(Code::WrongRun, "`run.started` first", kind.text());
                self.at = At::Idle;
                return false;
            }
            Err(Code::WrongRun) => {
                self.wrong(Code::WrongRun, "one start", "a second `run.started`");
                return false;
            }
            Err(code) => self.wrong(code, at.may_follow(), found()),
        }
        let goes_back = matches!(kind, Kind::Salvaged | Kind::ResetStarted);
        if at == State::Idle && goes_back && self.worktree != Worktree::Left {
            self.wrong(Code::OutOfOrder, "a worktree that a dead runner left", found());
        }
        match moves::worktree(self.worktree, kind) {
            Ok(worktree) => self.worktree = worktree,
            Err(code) => {
                let found = format!("`{}`, and it is {:?}", kind.text(), self.worktree);
                self.wrong(code, "a worktree for it", found);
            }
        }
        true
    }

    fn follow(&mut self, entry: Entry) {
        match entry.event {
            Event::RunStarted(start) => self.begin(&start),
            Event::WorktreeReady { .. } | Event::AgentFound { .. } => {}
            Event::AttemptStarted { at, log, from, home, layer } => {
                if let Some(log) = log {
                    self.log.begins(log, at.step.as_str(), at.attempt);
                }
                self.attempt_started(at.step.as_str(), at.attempt, from.is_some());
                if let Some(from) = from {
                    self.expect_position(from.as_str(), &format!("attempt {at} from"));
                }
                self.expect_layers(&at, home.as_ref(), layer.as_ref());
            }
            Event::CommandStarted { at, role, index, command } => {
                let told = Told::of(index, command.as_str());
                self.command_started(at.step.as_str(), at.attempt, role, told);
            }
            Event::LogAppended { at, from, to } => {
                self.log.begins(from, at.step.as_str(), at.attempt);
                self.log.ends(to, true);
                self.log_appended(&at, from, to);
            }
            Event::ExpectationJudged(judged) => self.judged(&judged),
            Event::ProofRan(ran) => self.proof_ran(&ran),
            Event::MasksRefused { at, count } => self.masks_refused(&at, count),
            Event::CommandEnded(ended) => self.command_ended(&ended),
            Event::CheckpointMade { at, commit, tree, parent, changes, .. } => {
                let [tree, parent] = [tree, parent].map(|name| name.map(String::from));
                let (step, attempt, commit) = (at.step.to_string(), at.attempt, commit.to_string());
                self.checkpoint_made(Checkpoint { step, attempt, commit, tree, parent, changes });
            }
            Event::Egress(egress) => self.egress(&egress),
            Event::AgentStarted(started) => self.agent_started(&started),
            Event::AgentActed { at, .. } => self.at_work(at.step.as_str(), at.attempt, &entry.kind),
            Event::AgentUsed(used) => self.agent_used(&used),
            Event::AgentEnded(ended) => {
                self.agent_ended(ended.at.step.as_str(), ended.at.attempt, ended.requests, ended.tokens);
            }
            Event::AgentWaiting { at, reason, .. } => {
                self.agent_waiting(at.step.as_str(), at.attempt, &reason);
            }
            Event::AttemptEnded { at, result, reason, log, .. } => {
                if let Some(log) = log {
                    self.log.ends(log, result != AttemptResult::Passed);
                }
                self.attempt_ended(at.step.as_str(), at.attempt, result, reason.as_ref());
            }
            Event::Salvaged { at, reference, commit, not_held, .. } => {
                self.not_held += not_held.len();
                self.salvaged(at.step.as_str(), at.attempt, reference.as_str(), commit.as_str());
            }
            Event::ResetStarted { at } => self.reset_started(at.step.as_str(), at.attempt),
            Event::ResetDone { at } => self.reset_done(at.step.as_str(), at.attempt),
            Event::RetryWaiting { at, .. } => self.retry_waiting(at.step.as_str(), at.attempt),
            Event::StepEnded { step, result, attempts, because } => {
                self.step_ended(step.as_str(), result, attempts, because.is_some());
            }
            Event::RunEnded { result, reason, step, .. } => {
                self.run_ended(result, reason.as_ref(), step.as_ref().map(crate::evidence::StepId::as_str));
            }
            Event::BranchMade { reference, commit, commits } => {
                self.branch_made(reference.to_string(), commit.to_string(), commits);
            }
            Event::WorktreeRemoved { .. } | Event::WorktreeKept { .. } => self.worktree_gone(),
            Event::Recovered { .. } => self.recovered(),
            Event::Resumed(resumed) => self.resumed(&resumed),
            Event::PublishStarted { effect, key, .. } => self.publish_started(effect, key.as_str()),
            Event::PublishDone { effect, key, .. } | Event::PublishFailed { effect, key, .. } => {
                self.publish_ended(effect, key.as_str());
            }
            Event::Sealed { files } => self.sealed(files, entry.so_far.unwrap_or_default(), entry.time),
            Event::Attested { sha256 } => self.attest(sha256.to_string(), entry.at),
        }
    }

    fn begin(&mut self, start: &RunStarted) {
        self.at = At::Idle;
        self.start = Some(start.clone());
        let own = self.run;
        for (what, expected, found) in [
            ("run", own.to_string(), start.run.to_string()),
            ("issue", own.issue().to_string(), start.issue.to_string()),
            ("branch", own.branch(), start.branch.to_string()),
        ] {
            if expected != found {
                self.wrong(Code::WrongRun, format!("{what} {expected}"), format!("{what} {found}"));
            }
        }
        self.check_mask(start);
        match Recorded::of(start.plan.value()) {
            Ok(plan) => self.take_plan(plan, start),
            Err(error) => self.wrong(Code::PlanNotFollowed, "a plan in the first event", error),
        }
    }

    /// A plan that masking changed shows it; one that shows a mask may have been written so.
    fn check_mask(&mut self, start: &RunStarted) {
        let Some(is_masked) = start.plan_masked else { return };
        let shows = start.plan.value().to_string().contains(MASK);
        if is_masked && !shows {
            self.wrong(Code::ResultWrong, "a mask in a plan that masking changed", "none");
        } else if shows && !is_masked {
            self.notes.push(format!("the plan has a “{MASK}” that is its own, as the journal says"));
        }
    }

    fn take_plan(&mut self, plan: Recorded, start: &RunStarted) {
        let planned: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        let named: Vec<&str> = start.steps.iter().map(crate::evidence::StepId::as_str).collect();
        if planned != named {
            let (planned, named) = (planned.join(" "), named.join(" "));
            self.wrong(Code::PlanNotFollowed, format!("steps {planned}"), format!("steps {named}"));
        }
        if plan.issue != start.issue || plan.title != start.title.as_str() {
            let found = format!("issue {}, “{}”", start.issue, start.title);
            self.wrong(Code::PlanNotFollowed, format!("issue {}, “{}”", plan.issue, plan.title), found);
        }
        self.steps = plan.steps.iter().map(|_| StepStory::default()).collect();
        self.by_id = plan.steps.iter().enumerate().map(|(at, step)| (step.id.clone(), at)).collect();
        self.plan = Some(plan);
    }

    /// Notes a clock that went back: no fault of a run, and worth knowing when times are read.
    fn keep_time(&mut self, entry: &Entry) {
        if self.last.is_some_and(|last| entry.time < last) {
            self.notes.push(format!("the clock went back before line {}", entry.at.seq + 1));
        }
        self.started = self.started.or(Some(entry.time));
        self.finished = self.last;
        self.last = Some(entry.time);
    }

    /// Notes a fault at the current line.
    fn wrong(&mut self, code: Code, expected: impl Into<String>, found: impl Into<String>) {
        if self.findings.len() < TOLD {
            let found = format!("line {}: {}", self.events, found.into());
            self.findings.push(Finding::new(code, expected, found));
        }
    }

    /// Returns how the run ended, if it did.
    pub(super) fn result(&self) -> Option<RunResult> {
        self.end.as_ref().map(|end| end.result)
    }

    /// Returns each step with how it ended, in their order.
    pub(super) fn results(&self) -> Vec<(&str, Option<StepResult>)> {
        let ids = self.plan.iter().flat_map(|plan| plan.steps.iter().map(|step| step.id.as_str()));
        ids.zip(self.steps.iter().map(|step| step.result)).collect()
    }

    /// Tells whether the run is closed: nothing but publishing and resuming can follow.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.at, At::Closed | At::Publishing(..))
    }

    /// Tells whether its runner died or was interrupted, and somebody went on with what it left.
    pub(super) fn was_cut_short(&self) -> bool {
        self.taken_over
    }

    /// Tells whether the journal says that the worktree was removed.
    pub(super) fn worktree_is_removed(&self) -> bool {
        self.worktree == Worktree::Removed
    }

    /// Returns what is wrong with the chain of events itself, and what with the results.
    pub(super) fn take_findings(&mut self) -> (Vec<Finding>, Vec<Finding>) {
        let structural = |finding: &Finding| finding.code.number() < 200;
        std::mem::take(&mut self.findings).into_iter().partition(structural)
    }
}
