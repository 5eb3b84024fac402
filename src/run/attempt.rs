//! One try of a step: action, expectations, `post`, `changes` once more, checkpoint.

use std::time::{Duration, Instant};

use super::action::{job, shown};
use super::command::{self, Cut, Done, Job};
use super::egress::Of;
use super::expect::Output;
use super::work::Worked;
use super::{RunError, Runner, expect};
use crate::evidence::event::{AttemptResult, CommandEnded, Event, Reason, ReasonKind, Role};
use crate::evidence::{Text, Token, log};
use crate::plan::{Action, Step};
use crate::policy;
use crate::sandbox::Status;

/// How long a rollback command may take.
const ROLLBACK: Duration = Duration::from_secs(60);

/// Lines of output that are looked at for what was refused.
const EXPLAINED: usize = 200;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Failed(Reason),
    Interrupted(i32),
}

/// Which attempt of which step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try<'a> {
    pub(super) step: &'a Step,
    pub(super) number: u32,
    /// Attempts before it that were cut short; they cost no retry.
    pub(super) lost: u32,
}

impl Try<'_> {
    pub(super) fn token(&self) -> Token {
        Token::new(&self.step.id)
    }
}

impl Runner<'_> {
    /// Makes one attempt and records how it went.
    pub(super) async fn attempt(&mut self, this: Try<'_>) -> Result<Outcome, RunError> {
        let started = Instant::now();
        self.output_left = this.step.resources.output;
        let log = self.recorder.log_position();
        let of = format!("{}/{}", this.number, this.step.retries + 1 + this.lost);
        self.recorder.banner(format!("step {}, attempt {of}", this.step.id))?;
        let (step, attempt) = (this.token(), this.number);
        self.recorder.defer(Event::AttemptStarted { step: step.clone(), attempt, log });
        let outcome = self.act(this, started).await?;
        let (result, reason) = match &outcome {
            Outcome::Passed => (AttemptResult::Passed, None),
            Outcome::Failed(reason) => (AttemptResult::Failed, Some(reason.clone())),
            Outcome::Interrupted(signal) => {
                let text = format!("ended by {}", expect::signal_name(*signal));
                (AttemptResult::Interrupted, Some(self.reason(ReasonKind::Signal, &text)))
            }
        };
        let refused = match (&outcome, &reason) {
            (Outcome::Failed(_), Some(reason)) => self.explain(this.step, reason.kind, log)?,
            _ => None,
        };
        if let Some(reason) = &reason {
            self.recorder.banner(format!("step {}, attempt {of}: {}", this.step.id, reason.text))?;
        }
        let (ms, log) = (millis(started.elapsed()), self.recorder.log_position());
        self.recorder.defer(Event::AttemptEnded { step, attempt, result, reason, ms, log, refused });
        Ok(outcome)
    }

    /// Guesses from an attempt's last output what its policy refused it.
    fn explain(&self, step: &Step, kind: ReasonKind, log: u64) -> Result<Option<Text>, RunError> {
        if !matches!(kind, ReasonKind::Exit | ReasonKind::Post | ReasonKind::Expectation) {
            return Ok(None);
        }
        let (lines, _) =
            log::tail(&self.recorder.files().log(), log, self.recorder.log_position(), EXPLAINED)?;
        let grant = &self.grants(step).action;
        let seen = self.worktree.place()?.seen(grant);
        let own = policy::Own { worktree: &seen.worktree, home: &seen.home, tmp: &seen.tmp };
        let denial = policy::explain_denial(lines.join("\n").as_bytes(), grant, &own);
        Ok(denial.map(|denial| {
            self.recorder.line(format!("{}: {}; to allow it: {}", denial.what, denial.why, denial.allow))
        }))
    }

    async fn act(&mut self, this: Try<'_>, started: Instant) -> Result<Outcome, RunError> {
        let step = this.step;
        let place = self.worktree.place()?;
        let deadline = self.deadline(started, step.timeout);
        let grants = self.grants(step);
        let (log_file, message);
        let output = if let Action::Codex(codex) = &step.action {
            let assignment = grants.agent.as_ref().ok_or_else(|| RunError::Unprepared(step.id.clone()))?;
            match self.work(this, codex, assignment, &grants.action, &place, deadline).await? {
                Worked::Over(outcome) => return Ok(outcome),
                Worked::Completed(told) => message = told,
            }
            self.memory.heard(step, Some(message.clone()), &self.last_output.clone());
            Output::Message(&message)
        } else {
            let (action, home) = self.action_job(step, grants, &place, deadline)?;
            let done = self.command(this, Role::Action, shown(&step.action), action).await?;
            drop(home);
            if let Some(outcome) = self.judge(step, &done, step.expectation.exit_code, ReasonKind::Exit, "") {
                return Ok(outcome);
            }
            self.memory.heard(step, None, &done.log);
            log_file = self.recorder.files().log();
            Output::Log(&log_file, done.log)
        };
        let mut unmet = expect::unmet(&step.expectation, self.worktree, &output);
        unmet.extend(self.unmet_changes(step)?);
        if !unmet.is_empty() {
            return Ok(self.failed(ReasonKind::Expectation, &expect::in_words(&unmet)));
        }
        for invocation in &step.post {
            let job = job(invocation, step, &grants.follow_up, &place, deadline);
            let done = self.command(this, Role::Post, invocation.to_string(), job).await?;
            if let Some(outcome) =
                self.judge(step, &done, 0, ReasonKind::Post, &format!("post `{invocation}`: "))
            {
                return Ok(outcome);
            }
        }
        if !step.post.is_empty() {
            let unmet = self.unmet_changes(step)?;
            if !unmet.is_empty() {
                let text = format!("after post: {}", expect::in_words(&unmet));
                return Ok(self.failed(ReasonKind::Expectation, &text));
            }
        }
        self.make_checkpoint(this).await
    }

    /// Runs the step's own undoing; what fails is recorded and changes nothing.
    pub(super) async fn roll_back(&mut self, this: Try<'_>) -> Result<(), RunError> {
        if this.step.rollback.is_empty() {
            return Ok(());
        }
        let place = self.worktree.place()?;
        let grants = self.grants(this.step);
        self.worktree.rolling_back();
        self.output_left = this.step.resources.output;
        for invocation in &this.step.rollback {
            let deadline = (Instant::now() + ROLLBACK, Cut::RollbackTimeout);
            let job = job(invocation, this.step, &grants.follow_up, &place, deadline);
            self.recorder.banner(format!("step {}, rollback: {invocation}", this.step.id))?;
            self.command(this, Role::Rollback, invocation.to_string(), job).await?;
        }
        Ok(())
    }

    /// Runs a command and records it before and after.
    pub(super) async fn command(
        &mut self,
        this: Try<'_>,
        role: Role,
        shown: String,
        job: Job<'_>,
    ) -> Result<Done, RunError> {
        let (step, attempt) = (this.token(), this.number);
        let command = self.recorder.text(&shown);
        self.recorder.record(Event::CommandStarted { step: step.clone(), attempt, role, command })?;
        let of = Of { step: step.clone(), attempt, role };
        let done = command::run(job, self.output_left, of, self.recorder, &mut self.interrupt).await?;
        self.output_left = self.output_left.saturating_sub(done.printed);
        self.last_output = done.log.clone();
        let status = done.ended.as_ref().ok().map(|ended| &ended.status);
        let ended_by = match (&done.ended, done.cut) {
            (Err(error), _) => Some(error.clone()),
            (Ok(_), Some(cut)) => Some(self.cut_in_words(cut, this.step)),
            (Ok(ended), None) => match &ended.status {
                Status::Limit(what) => Some(what.clone()),
                Status::Exited(_) | Status::Signaled(_) => None,
            },
        };
        let enforced = done.enforced.as_ref().map(serde_json::to_value).transpose()?;
        let event = CommandEnded {
            step,
            attempt,
            role,
            exit_code: status.and_then(|s| if let Status::Exited(code) = s { Some(*code) } else { None }),
            signal: status.and_then(|s| if let Status::Signaled(number) = s { Some(*number) } else { None }),
            ended_by: ended_by.map(|text| self.recorder.line(text)),
            ms: millis(done.took),
            output: done.printed,
            log: Some((done.log.start, done.log.end)),
            killed: done.ended.as_ref().map_or(0, |ended| ended.killed),
            survivors: done.ended.as_ref().map_or(0, |ended| ended.survivors),
            enforced: enforced.map(|value| self.recorder.document(value)),
        };
        self.recorder.defer(Event::CommandEnded(Box::new(event)));
        Ok(done)
    }

    /// Tells whether a command's end decides the attempt.
    pub(super) fn judge(
        &self,
        step: &Step,
        done: &Done,
        expected: i32,
        kind: ReasonKind,
        prefix: &str,
    ) -> Option<Outcome> {
        let fail = |kind, text: &str| Some(self.failed(kind, &format!("{prefix}{text}")));
        match (&done.ended, done.cut) {
            (_, Some(Cut::Signal(number))) => Some(Outcome::Interrupted(number)),
            (Err(error), _) => fail(ReasonKind::Launch, error),
            (_, Some(cut @ Cut::StepTimeout)) => fail(ReasonKind::Timeout, &self.cut_in_words(cut, step)),
            (_, Some(cut @ Cut::RunTimeout)) => fail(ReasonKind::RunTimeout, &self.cut_in_words(cut, step)),
            (_, Some(Cut::RollbackTimeout)) => fail(ReasonKind::Timeout, "over a minute"),
            (_, Some(Cut::Output)) => fail(ReasonKind::Limit, "output over its limit"),
            (Ok(ended), None) if ended.survivors > 0 => {
                fail(ReasonKind::Limit, &format!("{} processes could not be ended", ended.survivors))
            }
            (Ok(ended), None) => {
                let kind = if matches!(ended.status, Status::Limit(_)) { ReasonKind::Limit } else { kind };
                expect::exit_code(ended, expected).and_then(|text| fail(kind, &text))
            }
        }
    }

    fn cut_in_words(&self, cut: Cut, step: &Step) -> String {
        match cut {
            Cut::StepTimeout => {
                format!("the step's timeout of {}", crate::plan::units::duration(step.timeout))
            }
            Cut::RunTimeout => {
                format!("the run's timeout of {}", crate::plan::units::duration(self.plan.limits.timeout))
            }
            Cut::RollbackTimeout => "rollback timeout of 1m".to_owned(),
            Cut::Output => format!("output limit of {}", crate::plan::units::size(step.resources.output)),
            Cut::Signal(number) => expect::signal_name(number),
        }
    }

    fn unmet_changes(&mut self, step: &Step) -> Result<Vec<String>, RunError> {
        match &step.expectation.changes {
            None => Ok(Vec::new()),
            Some(expected) => Ok(expect::unmet_changes(expected, &self.worktree.changes()?)),
        }
    }

    pub(super) fn failed(&self, kind: ReasonKind, text: &str) -> Outcome {
        Outcome::Failed(self.reason(kind, text))
    }

    /// Composes a reason, masked.
    pub(super) fn reason(&self, kind: ReasonKind, text: &str) -> Reason {
        Reason { kind, text: self.recorder.line(text) }
    }
}

/// Returns whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
