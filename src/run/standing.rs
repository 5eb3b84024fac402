//! Takes a journal, gives where its run stands: what is over for good, what was being done, what is used up.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::memory::{Memory, Told};
use crate::evidence::event::{
    AttemptResult, Event, Reason, ReasonKind, Role, RunResult, Spending, StepResult,
};
use crate::evidence::{Line, Token};
use crate::plan::{Plan, Step};

/// Where a run stands. The default is a run that begins.
#[derive(Debug, Default)]
pub struct Standing {
    /// The worktree is the one that a dead runner left; otherwise a fresh one.
    pub in_place: bool,
    /// What is left of a worktree was one: a step may have worked in it.
    pub has_worktree: bool,
    /// The last checkpoint that is recorded.
    pub checkpoint: Option<Token>,
    /// Failed attempts in a row.
    pub consecutive: u32,
    /// Active time so far.
    pub used: Duration,
    /// The attempt that had begun, and not come to its end.
    pub(super) open: Option<Open>,
    /// What agents were told and used.
    pub(super) memory: Memory,
    /// What the agents of each step used.
    spending: HashMap<String, Spending>,
    /// When the last line was written.
    last: Option<DateTime<Utc>>,
    steps: HashMap<String, StepStanding>,
}

/// Where a step stands.
#[derive(Debug, Default, Clone)]
pub(super) struct StepStanding {
    /// Attempts begun.
    pub(super) begun: u32,
    /// Attempts failed.
    pub(super) failed: u32,
    /// Why the last one failed.
    pub(super) reason: Option<Reason>,
    /// Failed attempts in a row, of the whole run, when its last one failed.
    pub(super) consecutive: u32,
    /// How it ended, if it did.
    pub(super) ended: Option<StepResult>,
}

/// An attempt that had begun.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) step: Token,
    pub(super) attempt: u32,
    pub(super) came_to: CameTo,
    /// How long it is known to have run.
    pub(super) ran: Duration,
    began: Option<DateTime<Utc>>,
    /// The last line of its own runner, if another one has written since.
    until: Option<DateTime<Utc>>,
    /// A run that went on has counted its time.
    counted: bool,
}

/// How far an attempt had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CameTo {
    Begin,
    Checkpoint,
    End,
}

/// Tells whether a run has a worktree that was whole: one that its runner had not come to record may be half a
/// checkout, in which no step has run.
pub(super) fn has_worktree(lines: &[Line]) -> bool {
    let last = |line: &Line| match line.event {
        Event::WorktreeReady { .. } => Some(true),
        Event::WorktreeRemoved { .. } => Some(false),
        _ => None,
    };
    lines.iter().rev().find_map(last).unwrap_or(false)
}

impl Standing {
    /// Folds the lines of a journal.
    pub fn of(lines: &[Line], plan: &Plan) -> Self {
        // Clocks jump; no attempt runs for longer than it may.
        let timeout = |id: &str| plan.steps.iter().find(|step| step.id == id).map(|step| step.timeout);
        Self::fold(lines, |id| timeout(id).unwrap_or_default())
    }

    /// Returns the active time that a journal tells of, whatever the plan was.
    pub(super) fn active(lines: &[Line]) -> Duration {
        Self::fold(lines, |_| Duration::MAX).used
    }

    fn fold(lines: &[Line], most: impl Fn(&str) -> Duration) -> Self {
        let mut standing = Self { has_worktree: has_worktree(lines), ..Self::default() };
        for line in lines {
            standing.take(line);
            standing.last = line.time().or(standing.last);
        }
        for (step, spending) in standing.spending.drain() {
            standing.memory.count(&step, spending.total().unwrap_or_default());
        }
        if let Some(open) = &mut standing.open {
            let span = open.until.or(standing.last).zip(open.began);
            let ran = span.and_then(|(until, began)| (until - began).to_std().ok()).unwrap_or_default();
            open.ran = ran.min(most(open.step.as_str()));
            if open.came_to != CameTo::End && !open.counted {
                standing.used += open.ran;
            }
        }
        standing
    }

    fn take(&mut self, line: &Line) {
        match &line.event {
            Event::AttemptStarted { step, attempt, .. } => {
                let of_step = self.step_mut(step);
                of_step.begun = *attempt;
                of_step.ended = None;
                self.spending_mut(step).cut_off();
                let (step, attempt, began) = (step.clone(), *attempt, line.time());
                let (ran, until, counted) = (Duration::ZERO, None, false);
                self.open = Some(Open { step, attempt, came_to: CameTo::Begin, ran, began, until, counted });
            }
            Event::CommandEnded(ended) if ended.role == Role::Action => {
                let told = ended.log.map(|(from, to)| Told::Log(from..to));
                self.memory.recall(ended.step.as_str(), told);
            }
            Event::AgentUsed(used) => self.spending_mut(&used.step).under_way(used),
            Event::AgentEnded { step, message, tokens, .. } => {
                self.spending_mut(step).turn_over(*tokens);
                let told = message.as_ref().map(|text| Told::Message(text.to_string()));
                self.memory.recall(step.as_str(), told);
            }
            Event::CheckpointMade { commit, changes, .. } => {
                self.memory.changed(changes.iter().map(|change| change.path.as_str()));
                self.checkpoint = Some(commit.clone());
                self.come_to(CameTo::Checkpoint);
            }
            Event::AttemptEnded { step, result, reason, ms, .. } => {
                if !self.open.as_ref().is_some_and(|open| open.counted) {
                    self.used += Duration::from_millis(*ms);
                }
                match result {
                    AttemptResult::Passed => {
                        self.consecutive = 0;
                        self.come_to(CameTo::End);
                    }
                    AttemptResult::Interrupted => self.open = None,
                    AttemptResult::Failed => {
                        self.open = None;
                        let is_limit = reason.as_ref().is_some_and(|why| why.kind == ReasonKind::RateLimit);
                        self.consecutive += u32::from(!is_limit);
                        let consecutive = self.consecutive;
                        let of_step = self.step_mut(step);
                        of_step.failed += 1;
                        of_step.reason.clone_from(reason);
                        of_step.consecutive = consecutive;
                    }
                }
            }
            Event::StepEnded { step, result, .. } => {
                self.open = None;
                self.step_mut(step).ended = Some(*result);
            }
            Event::RetryWaiting { ms, .. } => self.used += Duration::from_millis(*ms),
            // Said by whoever picked it up, and of no more than is told here.
            Event::RunEnded { result: RunResult::Crashed, .. } => {}
            // A fault of the runner ends a run without a time of its own.
            Event::RunEnded { ms, .. } => self.used = self.used.max(Duration::from_millis(*ms)),
            Event::Recovered { .. } => self.lose_open(),
            Event::Resumed(resumed) => {
                self.lose_open();
                self.used = Duration::from_millis(resumed.used);
                if let Some(open) = &mut self.open {
                    open.counted = true;
                }
            }
            _ => {}
        }
    }

    fn step_mut(&mut self, step: &Token) -> &mut StepStanding {
        self.steps.entry(step.to_string()).or_default()
    }

    /// Notes that the runner of the open attempt is gone.
    fn lose_open(&mut self) {
        if let Some(open) = &mut self.open {
            open.until = open.until.or(self.last);
        }
    }

    fn spending_mut(&mut self, step: &Token) -> &mut Spending {
        self.spending.entry(step.to_string()).or_default()
    }

    fn come_to(&mut self, point: CameTo) {
        if let Some(open) = &mut self.open {
            open.came_to = point;
        }
    }

    /// Returns where a step stands.
    pub(super) fn step(&self, step: &Step) -> StepStanding {
        self.steps.get(&step.id).cloned().unwrap_or_default()
    }

    /// Notes that a step's open attempt has passed after all.
    pub(super) fn pass(&mut self, step: &Step) {
        self.consecutive = 0;
        self.steps.entry(step.id.clone()).or_default().ended = Some(StepResult::Passed);
    }
}

impl StepStanding {
    /// Tells whether nothing is left to try.
    pub(super) fn is_spent(&self, step: &Step, consecutive_failures: u32) -> bool {
        self.failed > step.retries || (self.failed > 0 && self.consecutive >= consecutive_failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Sha;
    use crate::evidence::event::{AgentUsed, Host, ReasonKind, Resumed, Tokens};

    fn plan() -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Autopilot.yaml");
        let text = "version: 1\nissue: 7\ntitle: Try\nsteps:\n  - {id: a, command: 'true', retries: 2, timeout: 1m}\n  - {id: b, command: 'true'}\n";
        std::fs::write(&path, text).unwrap();
        crate::plan::load(&path, Some(7)).unwrap().plan
    }

    fn standing(events: impl IntoIterator<Item = (u32, Event)>) -> Standing {
        let lines: Vec<Line> = (0u64..)
            .zip(events)
            .map(|(seq, (second, event))| {
                let ts = format!("2026-10-03T10:{:02}:{:02}.000Z", second / 60, second % 60);
                Line { v: 1, seq, ts, prev: Sha::none(), event }
            })
            .collect();
        Standing::of(&lines, &plan())
    }

    fn started(step: &str, attempt: u32) -> Event {
        Event::AttemptStarted { step: Token::new(step), attempt, log: 0 }
    }

    fn ended(step: &str, attempt: u32, result: AttemptResult) -> Event {
        let secrets = crate::evidence::mask::Secrets::default();
        let text = crate::evidence::Text::new(&secrets, "it did");
        let reason = Some(Reason { kind: ReasonKind::Exit, text });
        Event::AttemptEnded {
            step: Token::new(step),
            attempt,
            result,
            reason,
            ms: 2000,
            log: 0,
            refused: None,
        }
    }

    fn used(step: &str, attempt: u32, output: u64) -> Event {
        let tokens = Tokens { input: 100, cached: 0, output };
        Event::AgentUsed(AgentUsed { step: Token::new(step), attempt, requests: 1, tokens })
    }

    fn agent_ended(step: &str, attempt: u32, tokens: Tokens) -> Event {
        let (message, tokens) = (None, Some(tokens));
        Event::AgentEnded { step: Token::new(step), attempt, message, tokens, requests: 1, acts: 0 }
    }

    #[test]
    fn tokens_of_a_turn_without_an_end_are_those_that_were_told_last() {
        let whole = Tokens { input: 200, cached: 50, output: 40 };
        let standing = standing([
            (0, started("a", 1)),
            (1, used("a", 1, 10)),
            (2, agent_ended("a", 1, whole)),
            // The model asked for patience: a second turn of the same attempt.
            (3, used("a", 1, 20)),
            (4, used("a", 1, 30)),
            (9, started("a", 2)),
            (9, used("a", 2, 0)),
        ]);
        assert_eq!(standing.memory.used, 240 + 130 + 100);
        assert_eq!(standing.memory.used_by["a"], standing.memory.used);
    }

    fn resumed(used: u64) -> Event {
        let secrets = crate::evidence::mask::Secrets::default();
        let text = || crate::evidence::Text::new(&secrets, "x");
        Event::Resumed(Box::new(Resumed {
            autopilot: Token::new("1"),
            checkpoint: Token::new("c0"),
            used,
            consecutive: 0,
            torn: 0,
            host: Host { name: text(), pid: 1, kernel: text(), git: text() },
            sandbox: text(),
            labels: std::collections::BTreeMap::new(),
        }))
    }

    fn step_ended(step: &str, result: StepResult) -> Event {
        Event::StepEnded { step: Token::new(step), result, attempts: 1, because: None }
    }

    #[test]
    fn failures_count_on_and_an_attempt_in_flight_does_not() {
        let standing = standing([
            (0, started("a", 1)),
            (2, ended("a", 1, AttemptResult::Failed)),
            (2, Event::RetryWaiting { step: Token::new("a"), attempt: 2, ms: 1000 }),
            (3, started("a", 2)),
            (8, Event::ResetStarted { step: Token::new("a"), attempt: 2 }),
        ]);
        let plan = plan();
        let a = standing.step(&plan.steps[0]);
        assert_eq!((a.begun, a.failed, standing.consecutive), (2, 1, 1));
        assert!(!a.is_spent(&plan.steps[0], 3) && a.is_spent(&plan.steps[0], 1));
        assert_eq!(standing.used, Duration::from_secs(2 + 1 + 5));
        assert_eq!(standing.open.unwrap().came_to, CameTo::Begin);
    }

    #[test]
    fn a_clock_that_jumps_uses_no_more_than_the_attempt_may_take() {
        assert_eq!(
            standing([(0, started("a", 1)), (3000, started("a", 1)), (0, started("b", 1))]).used,
            Duration::ZERO
        );
        let jumped = [(0, started("a", 1)), (3000, Event::ResetDone { step: Token::new("a"), attempt: 1 })];
        assert_eq!(standing(jumped).used, Duration::from_mins(1));
    }

    #[test]
    fn what_is_written_after_a_death_is_no_time_of_the_attempt_and_its_own_counts_once() {
        let used = |events: Vec<(u32, Event)>| standing(events).used;
        let recovered = || Event::Recovered { torn: 0 };
        let crashed = Event::RunEnded { result: RunResult::Crashed, reason: None, step: None, ms: 900_000 };
        let died = vec![(0, started("a", 1)), (5, Event::ResetStarted { step: Token::new("a"), attempt: 1 })];
        let picked_up = || [died.clone(), vec![(50, recovered()), (51, crashed.clone())]].concat();
        assert_eq!(used(picked_up()), Duration::from_secs(5));
        let went_on = || [picked_up(), vec![(55, resumed(5000))]].concat();
        assert_eq!(used(went_on()), Duration::from_secs(5));
        let settled = [went_on(), vec![(55, ended("a", 1, AttemptResult::Interrupted))]].concat();
        assert_eq!(used(settled), Duration::from_secs(5));
        let again = [went_on(), vec![(58, resumed(5000))]].concat();
        assert_eq!(used(again), Duration::from_secs(5));
    }

    #[test]
    fn a_step_that_passed_is_over_and_an_interrupted_one_is_not() {
        let plan = plan();
        let standing = standing([
            (0, started("a", 1)),
            (2, ended("a", 1, AttemptResult::Passed)),
            (2, step_ended("a", StepResult::Passed)),
            (3, started("b", 1)),
            (5, ended("b", 1, AttemptResult::Interrupted)),
            (5, step_ended("b", StepResult::Interrupted)),
        ]);
        assert_eq!(standing.step(&plan.steps[0]).ended, Some(StepResult::Passed));
        let b = standing.step(&plan.steps[1]);
        assert_eq!((b.ended, b.begun, b.failed), (Some(StepResult::Interrupted), 1, 0));
        assert!(standing.open.is_none());
        assert_eq!(standing.used, Duration::from_secs(4));
    }

    #[test]
    fn what_passed_and_was_not_said_to_be_over_is_open() {
        let commit = Event::CheckpointMade {
            step: Token::new("a"),
            attempt: 1,
            commit: Token::new("c1"),
            changes: vec![],
        };
        let made = standing([(0, started("a", 1)), (1, commit)]);
        assert_eq!(made.open.unwrap().came_to, CameTo::Checkpoint);
        assert_eq!(made.checkpoint, Some(Token::new("c1")));
        let passed = standing([(0, started("a", 1)), (1, ended("a", 1, AttemptResult::Passed))]);
        assert_eq!(passed.open.unwrap().came_to, CameTo::End);
    }
}
