//! Takes the events of a run one by one, gives what the run is by now: the one fold over a journal that everything
//! reads, while it runs and ever after. The audit has its own, on purpose.

mod attempt;
mod fold;
mod publishing;
mod salvage;
mod searched;
mod step;
mod to_publish;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::event::{
    AttemptResult, CacheKept, CacheLooked, Change, Egress, Event, InGit, KEPT, Moved, Reason, ReasonKind,
    Rebased, Resumed, RunResult, RunStarted, StepResult, Travelled,
};
use super::id::{AttemptId, Sha256, StepId};
use super::journal::{ReadTo, Stamped};
use super::{Head, Line};
use crate::git::{Oid, RefName};

pub use attempt::{AttemptState, CameTo, Part};
pub use fold::Fold;
pub use publishing::{Publication, PublishState};
pub use salvage::Salvage;
pub use searched::Searched;
pub use step::StepState;

/// A run, as its events tell it.
#[derive(Debug, Clone)]
pub struct RunState {
    /// What it started from.
    pub start: RunStarted,
    /// When.
    pub started: DateTime<Utc>,
    /// When its last event happened.
    pub last: DateTime<Utc>,
    /// Its steps in the order they run; all of them, begun or not.
    pub steps: Vec<StepState>,
    /// The last checkpoint.
    pub checkpoint: Option<Oid>,
    /// Failed attempts in a row.
    pub consecutive: u32,
    /// How it ended, if it did, since it went on last.
    pub end: Option<End>,
    /// The result branch.
    pub branch: Option<Branch>,
    /// What a search of it came to, if it was searched as it is.
    pub searched: Option<Searched>,
    /// There is a worktree that was whole: a step may have worked in it.
    pub has_worktree: bool,
    /// What became of the worktree in the end.
    pub worktree: WorktreeState,
    /// What was salvaged while no step was being done, under the name that stands for one: `crashed-1`.
    pub salvaged_beside: Vec<(String, Salvage)>,
    /// What it took of folders that are kept from run to run, and what it left of them; the last that was said.
    pub cache: (Option<CacheLooked>, Option<CacheKept>),
    /// Work that lay in the steps' own git and nowhere else.
    pub left_in_git: Vec<InGit>,
    /// How much more of that there was.
    pub more_in_git: u64,
    /// It was picked up after its runner had died.
    pub recovered: bool,
    /// Time between a runner's death, or an interruption, and going on.
    pub paused: Duration,
    /// Its evidence is complete; nothing but publishing can follow.
    pub closed: bool,
    /// The line that closed its evidence last.
    pub head: Option<Head>,
    /// What was done, or tried, outside of the machine; one entry a try.
    pub published: Vec<Publication>,
    /// What became of it on the base of later, one entry a replay before a push.
    pub rebased: Vec<Rebased>,
    /// What became of its evidence when it was to be pushed last.
    pub travelled: Option<Travelled>,
    /// A checkpoint changed files that agents read as instructions.
    pub instructions_changed: bool,
    /// Active time of what has ended.
    used: Duration,
    by_id: HashMap<StepId, usize>,
    /// Up to where its journal was read, if it was.
    pub(super) read: Option<ReadTo>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct End {
    /// How.
    pub result: RunResult,
    /// Why not `done`.
    pub reason: Option<Reason>,
    /// The step that decided it.
    pub step: Option<StepId>,
    /// Active time.
    pub took: Duration,
}

/// A result branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Full ref name.
    pub reference: RefName,
    /// The commit.
    pub commit: Oid,
    /// Commits on top of the base.
    pub commits: u64,
    /// Where the base was by then, if it was elsewhere.
    pub moved: Option<Moved>,
}

impl Branch {
    /// Returns its name as people type it.
    pub fn name(&self) -> &str {
        self.reference.short()
    }
}

/// What became of a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorktreeState {
    /// Nothing is recorded yet.
    There,
    /// Removed, after this many files were compared.
    Removed {
        /// Files compared.
        proved: u64,
        /// Ignored files that went with it.
        ignored: u64,
    },
    /// Kept, at this path, for this reason.
    Kept(String, String),
}

impl RunState {
    /// Begins with the first event of a run.
    pub fn new(start: RunStarted, started: DateTime<Utc>) -> Self {
        let steps: Vec<StepState> =
            start.steps.iter().map(|id| StepState::new(id.clone(), &start.plan)).collect();
        Self {
            by_id: (0..).zip(&start.steps).map(|(at, id)| (id.clone(), at)).collect(),
            start,
            started,
            last: started,
            steps,
            checkpoint: None,
            consecutive: 0,
            end: None,
            branch: None,
            searched: None,
            has_worktree: false,
            worktree: WorktreeState::There,
            salvaged_beside: Vec::new(),
            cache: (None, None),
            left_in_git: Vec::new(),
            more_in_git: 0,
            recovered: false,
            paused: Duration::ZERO,
            closed: false,
            head: None,
            published: Vec::new(),
            rebased: Vec::new(),
            travelled: None,
            instructions_changed: false,
            used: Duration::ZERO,
            read: None,
        }
    }

    /// Takes the next event. It need not be on the disk yet: what cannot be written ends the runner.
    pub fn apply(&mut self, Stamped { time, event }: &Stamped) {
        let before = std::mem::replace(&mut self.last, *time);
        match event {
            Event::AttemptStarted { at, log, home, .. } => {
                self.begin(at, *log);
                let took_all = home.as_ref().is_some_and(|home| home.as_str() == KEPT);
                self.with(at, |attempt| attempt.took_all = took_all);
            }
            Event::CommandEnded(ended) => {
                self.with(&ended.at, |attempt| attempt.commands.push((**ended).clone()));
            }
            Event::AgentStarted(started) => {
                self.with(&started.at, |attempt| attempt.agent = Some((**started).clone()));
            }
            Event::AgentUsed(used) => self.with(&used.at, |attempt| attempt.spending.under_way(used)),
            Event::AgentEnded(ended) => self.with(&ended.at, |attempt| attempt.turn_over(ended)),
            Event::Egress(egress) => self.with(&egress.at, |attempt| attempt.egress.push((**egress).clone())),
            Event::ExpectationJudged(judged) => {
                self.with(&judged.at, |attempt| attempt.judged.push((**judged).clone()));
            }
            Event::ProofRan(ran) => self.with(&ran.at, |attempt| attempt.proofs.push((**ran).clone())),
            Event::MasksRefused { at, count } => self.with(at, |attempt| attempt.refuse_masks(*count)),
            Event::LogAppended { at, from, to } => {
                // What version 1 began in the log, and no runner came to end.
                self.steps.iter_mut().for_each(|step| step.ends_before(*from));
                self.with(at, |attempt| attempt.log = Part::At(*from, *to));
            }
            Event::AttemptEnded { .. } => self.attempt_ended(event),
            Event::CheckpointMade { at, commit, tree, instructions, changes, .. } => {
                self.checkpoint_made(at, (commit, tree.as_ref()), *instructions, changes);
            }
            Event::Salvaged { at, reference, not_held, secrets, .. } => {
                self.salvage_of(at).add(reference, not_held, secrets);
            }
            Event::GitMended { at, what } => {
                self.with(at, |attempt| attempt.mended.extend(what.iter().map(ToString::to_string)));
            }
            Event::GitLeft { left, more } => {
                self.left_in_git.extend_from_slice(left);
                self.more_in_git = self.more_in_git.saturating_add(*more);
            }
            Event::RetryWaiting { ms, .. } => {
                self.used = self.used.saturating_add(Duration::from_millis(*ms));
            }
            Event::StepEnded { step, result, because, .. } => {
                if let Some(step) = self.step_mut(step) {
                    step.end(*result, because.as_ref());
                }
            }
            Event::RunEnded { result, reason, step, ms } => {
                self.ended(*result, reason.as_ref(), step.as_ref(), Duration::from_millis(*ms));
            }
            Event::BranchMade { reference, commit, commits, moved, bundled: _ } => {
                let (reference, commit, moved) = (reference.clone(), commit.clone(), moved.clone());
                self.branch = Some(Branch { reference, commit, commits: *commits, moved });
                self.searched = None;
            }
            Event::BranchSearched { found, more, unsearched, .. } => {
                self.searched = Some(Searched::of(found, *more, unsearched));
            }
            Event::CacheLooked(looked) => self.cache.0 = Some((**looked).clone()),
            Event::CacheKept(kept) => self.cache.1 = Some((**kept).clone()),
            Event::WorktreeReady { .. } => self.has_worktree = true,
            Event::WorktreeRemoved { proved, ignored_files, .. } => {
                self.has_worktree = false;
                self.worktree = WorktreeState::Removed { proved: *proved, ignored: *ignored_files };
            }
            Event::WorktreeKept { path, why } => {
                self.worktree = WorktreeState::Kept(path.to_string(), why.to_string());
            }
            Event::Recovered { .. } => {
                self.recovered = true;
                self.closed = false;
                self.lose_runner(before);
            }
            Event::Resumed(resumed) => self.goes_on(resumed, before),
            Event::PublishRebased(rebased) => self.rebased.push((**rebased).clone()),
            Event::PublishEvidence(sent) => self.travelled = Some((**sent).clone()),
            Event::PublishStarted { effect, key, to, login, .. } => {
                self.publish_begun(*effect, key, to, login.as_ref());
            }
            Event::PublishDone { effect, url, id, .. } => {
                let url = url.as_ref().map(ToString::to_string);
                self.publish_became(*effect, PublishState::Done { url, id: *id });
            }
            Event::PublishFailed { effect, kind, why, .. } => {
                self.publish_became(*effect, PublishState::Failed { kind: *kind, why: why.to_string() });
            }
            // Complete once it is written: see `written`.
            Event::Attested { .. } => self.closed = true,
            // What is begun is told by its end, and what is sealed by the head; of a second start the audit tells.
            Event::RunStarted(_)
            | Event::CommandStarted { .. }
            | Event::ResetStarted { .. }
            | Event::ResetDone { .. }
            | Event::AgentFound { .. }
            | Event::AgentActed { .. }
            | Event::AgentWaiting { .. }
            | Event::Sealed { .. } => {}
        }
    }

    /// Takes a line that was written, or read: the last one of closed evidence is its head.
    pub fn written(&mut self, line: &Line, hash: &Sha256) {
        if matches!(line.event, Event::Attested { .. }) {
            self.head = Some(Head { seq: line.seq, hash: hash.clone() });
        }
    }

    fn begin(&mut self, at: &AttemptId, log: Option<u64>) {
        let began = (self.last - self.started).to_std().unwrap_or_default().saturating_sub(self.paused);
        let attempt = AttemptState::new(at.attempt, began, self.last, log);
        if let Some(step) = self.step_mut(&at.step) {
            step.begin(attempt);
        }
    }

    fn attempt_ended(&mut self, event: &Event) {
        let Event::AttemptEnded { at, result, reason, ms, log, refused, wrote } = event else { return };
        let took = Duration::from_millis(*ms);
        let is_counted = self.attempt(at).is_some_and(|attempt| attempt.is_counted);
        self.used = self.used.saturating_add(if is_counted { Duration::ZERO } else { took });
        self.with(at, |attempt| {
            attempt.end(*result, reason.as_ref(), took, *log);
            attempt.refused = refused.as_ref().map(ToString::to_string);
            attempt.wrote.clone_from(wrote);
        });
        match result {
            AttemptResult::Passed => self.consecutive = 0,
            AttemptResult::Interrupted | AttemptResult::Superseded => {}
            AttemptResult::Failed => {
                // A model's server that asks for patience says nothing about the work.
                let counts = reason.as_ref().is_none_or(|why| why.kind != ReasonKind::RateLimit);
                self.consecutive = self.consecutive.saturating_add(u32::from(counts));
                let consecutive = self.consecutive;
                if let Some(step) = self.step_mut(&at.step) {
                    step.failed_again(reason.as_ref(), consecutive);
                }
            }
        }
    }

    fn checkpoint_made(
        &mut self,
        at: &AttemptId,
        (commit, tree): (&Oid, Option<&Oid>),
        instructions: Option<bool>,
        changes: &Arc<Vec<Change>>,
    ) {
        // Version 1 tells it by the paths alone.
        let by_path = || changes.iter().any(|change| is_instructions(change.path.as_str()));
        self.instructions_changed |= instructions.unwrap_or_else(by_path);
        self.checkpoint = Some(commit.clone());
        self.with(at, |attempt| attempt.checkpoint_made(commit, tree, changes));
    }

    fn salvage_of(&mut self, at: &AttemptId) -> &mut Salvage {
        let place = self.by_id.get(&at.step).copied();
        let found = place.filter(|place| self.steps[*place].has_attempt(at.attempt));
        if let Some(attempt) = found.and_then(|place| self.steps[place].attempt_mut(at.attempt)) {
            return &mut attempt.salvage;
        }
        self.salvaged_beside.push((at.to_string(), Salvage::default()));
        let last = self.salvaged_beside.len() - 1;
        &mut self.salvaged_beside[last].1
    }

    fn ended(&mut self, result: RunResult, reason: Option<&Reason>, step: Option<&StepId>, took: Duration) {
        // Said by whoever picked it up, and of no more than is told here.
        if result != RunResult::Crashed {
            // A fault of the runner ends a run without a time of its own.
            self.used = self.used.max(took);
        }
        let end = End { result, reason: reason.cloned(), step: step.cloned(), took };
        // The steps may be done and the work not arrive: the first end that is not good is the run's.
        match &mut self.end {
            Some(known) if known.result != RunResult::Done => {}
            Some(known) => *known = End { took: known.took.max(took), ..end },
            None => self.end = Some(end),
        }
    }

    fn goes_on(&mut self, resumed: &Resumed, before: DateTime<Utc>) {
        let paused = (self.last - before).to_std().unwrap_or_default();
        self.paused = self.paused.saturating_add(paused);
        self.lose_runner(before);
        self.used = Duration::from_millis(resumed.used);
        self.open_mut().for_each(|attempt| attempt.is_counted = true);
        self.end = None;
        self.closed = false;
        self.worktree = WorktreeState::There;
    }

    /// Notes that the runner of the attempts under way is gone since some moment.
    fn lose_runner(&mut self, since: DateTime<Utc>) {
        self.open_mut().for_each(|attempt| attempt.until = attempt.until.or(Some(since)));
    }

    fn open_mut(&mut self) -> impl Iterator<Item = &mut AttemptState> {
        self.steps.iter_mut().flat_map(StepState::open_mut)
    }

    fn step_mut(&mut self, id: &StepId) -> Option<&mut StepState> {
        self.steps.get_mut(*self.by_id.get(id)?)
    }

    /// Changes an attempt. An event of one that never began changes nothing: the audit tells of it.
    fn with(&mut self, at: &AttemptId, change: impl FnOnce(&mut AttemptState)) {
        if let Some(attempt) = self.step_mut(&at.step).and_then(|step| step.attempt_mut(at.attempt)) {
            change(attempt);
        }
    }
}

impl RunState {
    /// Returns a step by its id.
    pub fn step(&self, id: &str) -> Option<&StepState> {
        self.steps.get(*self.by_id.get(id)?)
    }

    /// Returns an attempt.
    pub fn attempt(&self, at: &AttemptId) -> Option<&AttemptState> {
        self.step(at.step.as_str())?.attempts.iter().rev().find(|attempt| attempt.number == at.attempt)
    }

    /// Returns every attempt, with its step, in the order of the steps.
    pub fn attempts(&self) -> impl Iterator<Item = (&StepState, &AttemptState)> {
        self.steps.iter().flat_map(|step| step.attempts.iter().map(move |attempt| (step, attempt)))
    }

    /// Returns the attempts that began and whose step has no end since: what they did may not be saved or undone yet.
    pub fn unsettled(&self) -> impl Iterator<Item = AttemptId> {
        self.steps.iter().filter(|step| step.result.is_none()).filter_map(StepState::last_attempt)
    }

    /// Returns the attempts that began and have no end, or passed without that their step was said to have.
    pub fn under_way(&self) -> Vec<(AttemptId, AttemptState)> {
        let of_step =
            |step: &StepState| step.open().map(|a| (step.at(a.number), a.clone())).collect::<Vec<_>>();
        self.steps.iter().flat_map(of_step).collect()
    }

    /// Returns the commit that the worktree is to be at: the last checkpoint, or the base.
    pub fn position(&self) -> &Oid {
        self.checkpoint.as_ref().unwrap_or(&self.start.commit)
    }

    /// Returns the active time so far. Clocks jump: no attempt under way ran for longer than `most` says of its step.
    pub fn active(&self, most: impl Fn(&str) -> Duration) -> Duration {
        let running = self.steps.iter().flat_map(|step| {
            let most = most(step.id.as_str());
            step.open()
                .filter(|a| a.came_to() != CameTo::End && !a.is_counted)
                .map(move |a| a.ran(self.last, most))
        });
        running.fold(self.used, Duration::saturating_add)
    }

    /// Returns what the whole run cost, in millionths of a US dollar; nothing if that is not known of each step that used
    /// a model.
    pub fn cost(&self) -> Option<u64> {
        let used = self.steps.iter().filter(|step| step.tokens().is_some());
        let all: Option<Vec<u64>> = used.map(StepState::cost).collect();
        all?.into_iter().reduce(u64::saturating_add)
    }

    /// Returns what the whole run cost as far as it is known.
    pub fn known_cost(&self) -> u64 {
        self.steps.iter().map(StepState::known_cost).fold(0, u64::saturating_add)
    }

    /// Returns the model tokens of the whole run.
    pub fn tokens(&self) -> u64 {
        self.steps.iter().filter_map(StepState::tokens).fold(0, u64::saturating_add)
    }

    /// Returns the attempt that a reader wants to see first: the last one that did not pass.
    pub fn failed_attempt(&self) -> Option<(&StepState, &AttemptState)> {
        let decided = self.end.as_ref().and_then(|end| end.step.as_ref());
        let of_step = |step: &'_ StepState| decided.is_none_or(|id| *id == step.id);
        self.steps.iter().rev().filter(|step| of_step(step)).find_map(|step| {
            let failed = |attempt: &&AttemptState| attempt.result != Some(AttemptResult::Passed);
            Some((step, step.attempts.last().filter(failed)?))
        })
    }

    /// Returns how many steps have passed.
    pub fn passed(&self) -> usize {
        self.steps.iter().filter(|step| step.result == Some(StepResult::Passed)).count()
    }

    /// Returns every path that a checkpoint changed, with its counts over the whole run.
    pub fn changes(&self) -> Vec<Change> {
        let mut all: Vec<Change> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for change in self.attempts().flat_map(|(_, attempt)| attempt.changes.iter()) {
            // Two that were masked look the same, and are two.
            let path = change.path.as_str();
            let known = places.get(path).filter(|_| !path.contains("***"));
            let Some(known) = known.and_then(|at| all.get_mut(*at)) else {
                places.insert(path, all.len());
                all.push(change.clone());
                continue;
            };
            known.kind = change.kind;
            known.review.clone_from(&change.review);
            known.added = known.added.zip(change.added).map(|(a, b)| a + b);
            known.removed = known.removed.zip(change.removed).map(|(a, b)| a + b);
        }
        all
    }

    /// Returns every decision about connections, with the step.
    pub fn egress(&self) -> impl Iterator<Item = (&str, &Egress)> {
        self.attempts().flat_map(|(step, attempt)| attempt.egress.iter().map(move |e| (step.id.as_str(), e)))
    }

    /// Returns what the policy probably refused, each once, with the step.
    pub fn refused(&self) -> Vec<(&str, &str)> {
        let all = self.attempts().filter_map(|(step, a)| Some((step.id.as_str(), a.refused.as_deref()?)));
        let mut refused: Vec<_> = all.collect();
        refused.dedup();
        refused
    }

    /// Returns all that was salvaged, with what it was at: `step-attempt`, or what stands for one.
    pub fn salvages(&self) -> impl Iterator<Item = (String, &Salvage)> {
        let of_attempts = self.attempts().map(|(step, a)| (step.at(a.number).to_string(), &a.salvage));
        of_attempts.chain(self.salvaged_beside.iter().map(|(at, salvage)| (at.clone(), salvage)))
    }

    /// Returns every salvage ref.
    pub fn salvaged(&self) -> Vec<&str> {
        let in_git = self.left_in_git.iter().filter_map(|left| left.reference.as_ref()).map(RefName::as_str);
        self.salvages()
            .flat_map(|(_, salvage)| &salvage.references)
            .map(String::as_str)
            .chain(in_git)
            .collect()
    }

    /// Returns the processes that could not be ended.
    pub fn survivors(&self) -> u32 {
        self.attempts()
            .flat_map(|(_, attempt)| &attempt.commands)
            .fold(0, |all, command| all.saturating_add(command.survivors))
    }

    /// Tells whether it has ended, and its steps did all they should.
    pub fn is_done(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.result == RunResult::Done)
    }
}

/// Tells whether the agent of version 1's runs read a file as instructions.
fn is_instructions(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    ["AGENTS.md", "AGENTS.override.md"].iter().any(|each| name.eq_ignore_ascii_case(each))
}

#[cfg(test)]
mod tests;
