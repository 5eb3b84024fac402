//! The fold: a journal's events become what there is to tell of a run.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::publishing::{PublishState, PublishView};
use crate::evidence::event::{
    AttemptResult, Change, CommandEnded, Egress, Event, Reason, RunResult, RunStarted, Spending, StepResult,
};
use crate::evidence::{Head, Line, Sha, Text, Token, journal::Contents};

/// A run, as its journal tells it.
#[derive(Debug, Clone)]
pub struct RunView {
    /// What it started from.
    pub start: RunStarted,
    /// When.
    pub started: DateTime<Utc>,
    /// When its last event was written.
    pub last: DateTime<Utc>,
    /// Its steps in the order they run; all of them, begun or not.
    pub steps: Vec<StepView>,
    /// How it ended, if it did.
    pub end: Option<End>,
    /// The result branch (full ref), its commit, and the commits on top of the base.
    pub branch: Option<(String, String, u64)>,
    /// What became of the worktree.
    pub worktree: WorktreeView,
    /// What was salvaged while no step was being done, under the name that stands for one: `crashed-1`.
    pub salvaged_beside: Vec<(String, SalvageView)>,
    /// It was picked up after its runner had died.
    pub recovered: bool,
    /// Time between a runner's death, or an interruption, and going on.
    pub paused: Duration,
    /// Its evidence is complete; nothing but publishing can follow.
    pub closed: bool,
    /// The line that closed its evidence last.
    pub head: Option<Head>,
    /// What was done, or tried, outside of the machine; one entry a try.
    pub published: Vec<PublishView>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct End {
    /// How.
    pub result: RunResult,
    /// Why not `done`.
    pub reason: Option<Reason>,
    /// The step that decided it.
    pub step: Option<String>,
    /// Active time.
    pub took: Duration,
}

/// A step.
#[derive(Debug, Clone)]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// How it ended, if it did.
    pub result: Option<StepResult>,
    /// Why it was skipped.
    pub because: Option<String>,
    /// Attempts that are allowed.
    pub allowed: u32,
    /// Attempts that were begun.
    pub attempts: Vec<AttemptView>,
}

/// One try of a step.
#[derive(Debug, Clone)]
pub struct AttemptView {
    /// 1 for the first.
    pub number: u32,
    /// From the start of the run.
    pub began: Duration,
    /// How it ended, if it did.
    pub result: Option<AttemptResult>,
    /// Why not `passed`.
    pub reason: Option<Reason>,
    /// How long it took.
    pub took: Duration,
    /// Its part of the log, in bytes.
    pub log: (u64, Option<u64>),
    /// What its checkpoint changed.
    pub changes: Vec<Change>,
    /// How its commands ended.
    pub commands: Vec<CommandEnded>,
    /// What was decided about its connections.
    pub egress: Vec<Egress>,
    /// What it left.
    pub salvage: SalvageView,
    /// What the policy probably refused it, and what would allow it.
    pub refused: Option<String>,
    /// The agent's final message.
    pub message: Option<String>,
    /// What its agent used of the model.
    pub spending: Spending,
}

/// What was saved of an attempt. Twice, if its runner died before the reset: the second time there is what came
/// since, or what had been saved already.
#[derive(Debug, Clone, Default)]
pub struct SalvageView {
    /// Refs in the salvage bundle.
    pub references: Vec<String>,
    /// What the bundle could not hold.
    pub not_held: Vec<String>,
    /// Files in the bundle that look as if they held a secret.
    pub secrets: Vec<String>,
}

/// What became of a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorktreeView {
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

impl RunView {
    /// Folds a journal; nothing if it does not begin with `run.started`.
    pub fn fold(journal: &Contents) -> Option<Self> {
        let (first, rest) = journal.lines.split_first()?;
        let Event::RunStarted(start) = &first.event else { return None };
        let started = first.time()?;
        let mut view = Self {
            steps: start.steps.iter().map(|id| StepView::new(id.as_str(), &start.plan)).collect(),
            start: (**start).clone(),
            started,
            last: started,
            end: None,
            branch: None,
            worktree: WorktreeView::There,
            salvaged_beside: Vec::new(),
            recovered: false,
            paused: Duration::ZERO,
            closed: false,
            head: None,
            published: Vec::new(),
        };
        // The hash of a line stands in the one after it.
        let hashes = rest.iter().skip(1).map(|next| &next.prev).chain([&journal.last]);
        for (line, hash) in rest.iter().zip(hashes) {
            let before = view.last;
            view.last = line.time().unwrap_or(before);
            if matches!(line.event, Event::Resumed(_)) {
                view.paused += (view.last - before).to_std().unwrap_or_default();
            }
            view.take(&line.event);
            view.close(line, hash);
        }
        Some(view)
    }

    fn close(&mut self, line: &Line, hash: &Sha) {
        if matches!(line.event, Event::Attested { .. }) {
            self.closed = true;
            self.head = Some(Head { seq: line.seq, hash: hash.clone() });
        }
    }

    fn take(&mut self, event: &Event) {
        let began = (self.last - self.started).to_std().unwrap_or_default().saturating_sub(self.paused);
        match event {
            Event::AttemptStarted { step, attempt, log } => {
                let view = AttemptView::new(*attempt, began, *log);
                self.with_step(step.as_str(), |step| step.begin(view));
            }
            Event::CommandEnded(ended) => {
                self.with_attempt(ended.step.as_str(), |attempt| attempt.commands.push((**ended).clone()));
            }
            Event::AgentUsed(used) => {
                self.with_attempt(used.step.as_str(), |attempt| attempt.spending.under_way(used));
            }
            Event::AgentEnded { step, message, tokens, .. } => {
                self.with_attempt(step.as_str(), |attempt| {
                    attempt.message = message.as_ref().map(ToString::to_string);
                    attempt.spending.turn_over(*tokens);
                });
            }
            Event::Egress(egress) => {
                self.with_attempt(egress.step.as_str(), |attempt| attempt.egress.push((**egress).clone()));
            }
            Event::AttemptEnded { step, result, reason, ms, log, refused, .. } => {
                self.with_attempt(step.as_str(), |attempt| {
                    attempt.result = Some(*result);
                    attempt.reason.clone_from(reason);
                    attempt.took = Duration::from_millis(*ms);
                    attempt.log.1 = Some(*log);
                    attempt.refused = refused.as_ref().map(ToString::to_string);
                });
            }
            Event::CheckpointMade { step, changes, .. } => {
                self.with_attempt(step.as_str(), |attempt| attempt.changes.clone_from(changes));
            }
            Event::Salvaged { step, attempt, reference, not_held, secrets, .. } => {
                let add = |salvage: &mut SalvageView| salvage.add(reference, not_held, secrets);
                if self.steps.iter().any(|own| own.id == step.as_str()) {
                    self.with_attempt(step.as_str(), |attempt| add(&mut attempt.salvage));
                } else {
                    let mut beside = SalvageView::default();
                    add(&mut beside);
                    self.salvaged_beside.push((format!("{step}-{attempt}"), beside));
                }
            }
            Event::StepEnded { step, result, because, .. } => self.with_step(step.as_str(), |step| {
                step.result = Some(*result);
                step.because = because.as_ref().map(ToString::to_string);
            }),
            Event::RunEnded { result, reason, step, ms } => {
                let (result, reason) = (*result, reason.clone());
                let (step, took) = (step.as_ref().map(ToString::to_string), Duration::from_millis(*ms));
                // The steps may be done and the work not arrive: the first end that is not good is the run's.
                match &mut self.end {
                    Some(end) if end.result != RunResult::Done => {}
                    Some(end) => *end = End { result, reason, step, took: end.took.max(took) },
                    None => self.end = Some(End { result, reason, step, took }),
                }
            }
            Event::BranchMade { reference, commit, commits } => {
                self.branch = Some((reference.to_string(), commit.to_string(), *commits));
            }
            Event::WorktreeRemoved { proved, ignored_files, .. } => {
                self.worktree = WorktreeView::Removed { proved: *proved, ignored: *ignored_files };
            }
            Event::WorktreeKept { path, why } => {
                self.worktree = WorktreeView::Kept(path.to_string(), why.to_string());
            }
            Event::Recovered { .. } => {
                self.recovered = true;
                self.closed = false;
            }
            Event::Resumed(_) => {
                self.end = None;
                self.closed = false;
                self.worktree = WorktreeView::There;
            }
            Event::PublishStarted { effect, key, to } => {
                let (key, to) = (key.to_string(), to.to_string());
                self.published.push(PublishView { effect: *effect, key, to, state: PublishState::Begun });
            }
            Event::PublishDone { effect, url, id, .. } => {
                let url = url.as_ref().map(ToString::to_string);
                self.publish_became(*effect, PublishState::Done { url, id: *id });
            }
            Event::PublishFailed { effect, kind, why, .. } => {
                self.publish_became(*effect, PublishState::Failed { kind: *kind, why: why.to_string() });
            }
            Event::RunStarted(_)
            | Event::Attested { .. }
            | Event::WorktreeReady { .. }
            | Event::CommandStarted { .. }
            | Event::ResetStarted { .. }
            | Event::ResetDone { .. }
            | Event::RetryWaiting { .. }
            | Event::AgentFound { .. }
            | Event::AgentStarted(_)
            | Event::AgentActed { .. }
            | Event::AgentWaiting { .. }
            | Event::Sealed { .. } => {}
        }
    }

    fn with_step(&mut self, id: &str, change: impl FnOnce(&mut StepView)) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.id == id) {
            change(step);
        }
    }

    fn with_attempt(&mut self, id: &str, change: impl FnOnce(&mut AttemptView)) {
        self.with_step(id, |step| {
            if let Some(attempt) = step.attempts.last_mut() {
                change(attempt);
            }
        });
    }

    /// Returns the attempt that a reader wants to see first: the last one that did not pass.
    pub fn failed_attempt(&self) -> Option<(&StepView, &AttemptView)> {
        let decided = self.end.as_ref().and_then(|end| end.step.as_deref());
        let of_step = |step: &'_ StepView| decided.is_none_or(|id| id == step.id);
        self.steps.iter().rev().filter(|step| of_step(step)).find_map(|step| {
            let failed = |attempt: &&AttemptView| attempt.result != Some(AttemptResult::Passed);
            Some((step, step.attempts.last().filter(failed)?))
        })
    }

    /// Returns every path that a checkpoint changed, with its counts over the whole run.
    pub fn changes(&self) -> Vec<Change> {
        let mut all: Vec<Change> = Vec::new();
        for change in self.steps.iter().flat_map(|step| &step.attempts).flat_map(|a| &a.changes) {
            match all.iter_mut().find(|known| known.path == change.path) {
                Some(known) => {
                    known.kind = change.kind;
                    known.review.clone_from(&change.review);
                    known.added = known.added.zip(change.added).map(|(a, b)| a + b);
                    known.removed = known.removed.zip(change.removed).map(|(a, b)| a + b);
                }
                None => all.push(change.clone()),
            }
        }
        all
    }

    /// Returns every decision about connections, with the step.
    pub fn egress(&self) -> impl Iterator<Item = (&str, &Egress)> {
        let attempts = self.steps.iter().flat_map(|step| step.attempts.iter().map(|a| (&*step.id, a)));
        attempts.flat_map(|(id, attempt)| attempt.egress.iter().map(move |egress| (id, egress)))
    }

    /// Returns what the policy probably refused, each once, with the step.
    pub fn refused(&self) -> Vec<(&str, &str)> {
        let all = self.steps.iter().flat_map(|step| step.attempts.iter().map(|a| (&*step.id, a)));
        let mut refused: Vec<_> =
            all.filter_map(|(id, attempt)| Some((id, attempt.refused.as_deref()?))).collect();
        refused.dedup();
        refused
    }

    /// Returns all that was salvaged, with what it was at: `step-attempt`, or what stands for one.
    pub fn salvages(&self) -> impl Iterator<Item = (String, &SalvageView)> {
        let attempts = self.steps.iter().flat_map(|step| step.attempts.iter().map(move |a| (step, a)));
        let of_attempts = attempts.map(|(step, a)| (format!("{}-{}", step.id, a.number), &a.salvage));
        of_attempts.chain(self.salvaged_beside.iter().map(|(at, salvage)| (at.clone(), salvage)))
    }

    /// Returns every salvage ref.
    pub fn salvaged(&self) -> Vec<&str> {
        self.salvages().flat_map(|(_, salvage)| &salvage.references).map(String::as_str).collect()
    }
}

impl SalvageView {
    /// Adds what was saved; what is named already is not named again.
    fn add(&mut self, reference: &Token, not_held: &[Text], secrets: &[Text]) {
        self.references.push(reference.to_string());
        for (known, more) in [(&mut self.not_held, not_held), (&mut self.secrets, secrets)] {
            for text in more.iter().map(ToString::to_string) {
                if !known.contains(&text) {
                    known.push(text);
                }
            }
        }
    }
}

impl StepView {
    fn new(id: &str, plan: &crate::evidence::Document) -> Self {
        let steps = plan.value().get("steps").and_then(serde_json::Value::as_array);
        let of_plan = steps.into_iter().flatten().find(|step| step.get("id").is_some_and(|own| own == id));
        let retries = of_plan.and_then(|step| step.get("retries")?.as_u64()).unwrap_or(0);
        Self {
            id: id.to_owned(),
            result: None,
            because: None,
            allowed: u32::try_from(retries).unwrap_or(0).saturating_add(1),
            attempts: Vec::new(),
        }
    }

    /// Takes a new attempt. One that was cut short costs no retry: there may be one more.
    fn begin(&mut self, attempt: AttemptView) {
        self.allowed += u32::from(self.was_cut_short());
        self.result = None;
        self.because = None;
        self.attempts.push(attempt);
    }

    /// Tells whether its last attempt was ended by something that is not its fault.
    pub fn was_cut_short(&self) -> bool {
        let last = self.attempts.last();
        last.is_some_and(|last| matches!(last.result, None | Some(AttemptResult::Interrupted)))
    }

    /// Returns the time its attempts took together.
    pub fn took(&self) -> Duration {
        self.attempts.iter().map(|attempt| attempt.took).sum()
    }

    /// Returns the model tokens of its attempts together; nothing if none is known.
    pub fn tokens(&self) -> Option<u64> {
        let known = self.attempts.iter().filter_map(|attempt| attempt.spending.total());
        known.reduce(u64::saturating_add)
    }
}

impl AttemptView {
    /// Tells whether an agent worked on it.
    pub fn is_agents(&self) -> bool {
        self.message.is_some() || self.spending.total().is_some()
    }

    fn new(number: u32, began: Duration, log: u64) -> Self {
        Self {
            number,
            began,
            result: None,
            reason: None,
            took: Duration::ZERO,
            log: (log, None),
            changes: Vec::new(),
            commands: Vec::new(),
            egress: Vec::new(),
            salvage: SalvageView::default(),
            refused: None,
            message: None,
            spending: Spending::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::journal;
    use crate::evidence::mask::Secrets;

    fn salvaged(step: &str, reference: &str, not_held: &str, secret: &str) -> Event {
        let texts = |text: &str| vec![Text::new(&Secrets::default(), text)];
        Event::Salvaged {
            step: Token::new(step),
            attempt: 1,
            reference: Token::new(reference),
            commit: Token::new("c1"),
            paths: 1,
            not_held: texts(not_held),
            secrets: texts(secret),
        }
    }

    #[test]
    fn a_second_salvage_takes_no_name_of_the_first_away() {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journals/v1-crashed.log");
        let mut journal = journal::read(fixture.as_ref()).unwrap();
        journal.lines.retain(|line| !matches!(line.event, Event::Salvaged { .. }));
        let mut view = RunView::fold(&journal).unwrap();
        // A runner died between the two: what was moved aside is not found again, and what was saved is.
        view.take(&salvaged("three", "refs/salvage/three-1", "big: moved to left/1", "note: jwt"));
        view.take(&salvaged("three", "refs/salvage/three-1.2", "late: moved to left/2", "note: jwt"));
        view.take(&salvaged("resumed", "refs/salvage/resumed-1", "other: moved to left/3", "key: pem"));
        let told: Vec<_> = view.salvages().filter(|(_, salvage)| !salvage.references.is_empty()).collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].1.not_held, ["big: moved to left/1", "late: moved to left/2"]);
        assert_eq!(told[0].1.secrets, ["note: jwt"]);
        assert_eq!(told[1].0, "resumed-1");
        assert_eq!((&*told[1].1.not_held[0], &*told[1].1.secrets[0]), ("other: moved to left/3", "key: pem"));
        assert_eq!(
            view.salvaged(),
            ["refs/salvage/three-1", "refs/salvage/three-1.2", "refs/salvage/resumed-1"]
        );
    }
}
