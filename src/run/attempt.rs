//! One try of a step: action, expectations, `post`, `changes` once more, checkpoint.

use std::time::Instant;

use super::action::{job, shown};
use super::command::{self, Done, Job};
use super::deadline::{Bound, Cut, Deadline};
use super::egress::Of;
use super::judge::Which;
use super::outcome::{Attempt, Outcome, millis};
use super::output;
use super::work::Worked;
use super::{RunError, Runner, expect, undo};
use crate::evidence::event::{self, AttemptResult, CommandEnded, Event, ReasonKind};
use crate::evidence::{Text, Token};
use crate::plan::{Destination, Step};
use crate::policy::{self, Grant, Reach};
use crate::sandbox::Status;
use crate::worktree;

/// What is said of an attempt that may reach hosts, failed, and never asked for one.
const ASKED_NOBODY: &str = "none of its programs asked for a host: what is on its allow list is reached by the proxy in HTTPS_PROXY and \
                            HTTP_PROXY alone, and one that heeds neither has to be told of it by its own settings";

/// Lines of output that are looked at for what was refused.
const EXPLAINED: usize = 200;

impl Runner<'_> {
    /// Makes one attempt and records how it went.
    pub(super) async fn attempt(&mut self, this: &mut Attempt<'_>) -> Result<Outcome, RunError> {
        let started = Instant::now();
        let id = &this.step.id;
        self.recorder.begin_part(&this.at, &format!("step {id}, attempt {}", this.of()))?;
        let (from, layer) = (Some(self.state().position().clone()), Some(Token::new(layer_of(this.step))));
        let (at, home) = (this.at.clone(), layer.clone());
        self.recorder.defer(Event::AttemptStarted { at, log: None, from, home, layer });
        tracing::debug!(at = %this.at, of = this.of(), retry_from = ?this.step.retry_from, "an attempt begins");
        self.mend_git(this).await?;
        self.enter(this).await?;
        let outcome = self.act(this, started).await?;
        tracing::debug!(at = %this.at, outcome = outcome.word(), took = ?started.elapsed(), "an attempt is over");
        let (result, reason) = match &outcome {
            Outcome::Passed => (AttemptResult::Passed, None),
            Outcome::Failed(reason) => (AttemptResult::Failed, Some(reason.clone())),
            Outcome::Interrupted(signal) => {
                let text = format!("ended by {}", expect::signal_name(*signal));
                (AttemptResult::Interrupted, Some(self.reason(ReasonKind::Signal, &text)))
            }
        };
        let refused = match (&outcome, &reason) {
            (Outcome::Failed(_), Some(reason)) => self.explain(this, reason.kind)?,
            _ => None,
        };
        if let Some(reason) = &reason {
            let line = format!("step {id}, attempt {}: {}", this.of(), reason.text);
            self.recorder.banner_of(&this.at, &line)?;
        }
        let wrote = Some(self.wrote()?);
        let (at, ms, log) = (this.at.clone(), millis(started.elapsed()), None);
        self.recorder.defer(Event::AttemptEnded { at, result, reason, ms, log, refused, wrote });
        Ok(outcome)
    }

    /// Sees to it that an attempt has a git to work with, whatever those before did to theirs.
    async fn mend_git(&mut self, this: &Attempt<'_>) -> Result<(), RunError> {
        let (mended, left) = self.worktree.mend_git().await;
        undo::record_left(self.recorder, &left)?;
        if !mended.is_empty() {
            let what = mended.iter().map(|mended| self.recorder.line(mended.to_string())).collect();
            self.recorder.record(Event::GitMended { at: this.at.clone(), what })?;
        }
        Ok(())
    }

    /// Makes HOME and ignored files ready for an attempt, and says what it does without.
    async fn enter(&mut self, this: &Attempt<'_>) -> Result<(), RunError> {
        let step = this.step;
        let higher_follows = self.plan.higher_follows(step);
        let comer = worktree::Comer { tier: step.tier(), keeps: step.keeps_home(), higher_follows };
        let withheld = self.worktree.enter(comer).await?;
        if !withheld.is_empty() {
            let paths: Vec<_> = withheld.iter().map(|path| String::from_utf8_lossy(path)).collect();
            let line = format!(
                "step {}, tier {}: without {}, which steps of lower tiers wrote",
                step.id,
                step.tier(),
                paths.join(", ")
            );
            self.recorder.banner_of(&this.at, &line)?;
        }
        Ok(())
    }

    /// Looks what an attempt wrote beside its result.
    fn wrote(&mut self) -> Result<event::Wrote, RunError> {
        let wrote = self.worktree.leave()?;
        let texts = |paths: &[Vec<u8>]| {
            paths.iter().map(|path| self.recorder.line(String::from_utf8_lossy(path))).collect()
        };
        let all = [&wrote.ignored, &wrote.marked, &wrote.hidden, &wrote.home];
        let [ignored, marked, hidden, home] = all.map(|paths| texts(paths));
        Ok(event::Wrote { ignored, marked, hidden, home })
    }

    /// Guesses from an attempt's last output what its policy refused it.
    fn explain(&self, this: &Attempt<'_>, kind: ReasonKind) -> Result<Option<Text>, RunError> {
        if !matches!(kind, ReasonKind::Exit | ReasonKind::Post | ReasonKind::Expectation) {
            return Ok(None);
        }
        let part = self.recorder.part(&this.at)?;
        let (lines, _) = part.tail(0, part.size(), EXPLAINED)?;
        let grant = &self.grants(this.step).action;
        let seen = self.worktree.place()?.seen(grant.isolation());
        let own = policy::Own { worktree: &seen.worktree, home: &seen.home, tmp: &seen.tmp };
        let denial = policy::explain_denial(lines.join("\n").as_bytes(), grant, &own);
        let denial = denial
            .map(|denial| format!("{}: {}; to allow it: {}", denial.what, denial.why, denial.allow))
            .or_else(|| self.asked_nobody(this, grant).then(|| ASKED_NOBODY.to_owned()));
        Ok(denial.map(|denial| self.recorder.line(denial)))
    }

    /// Tells whether an attempt may reach hosts, and none of its programs asked the proxy that leads there.
    fn asked_nobody(&self, this: &Attempt<'_>, grant: &Grant) -> bool {
        let is_used = self.state().attempt(&this.at).is_none_or(|attempt| !attempt.egress.is_empty());
        // An entry on the loopback needs no proxy, and may have been all that there was.
        let has_name = |hosts: &[Destination]| hosts.iter().any(|host| !host.is_loopback());
        matches!(grant.network(), Reach::Allow(hosts) if has_name(hosts)) && !is_used
    }

    async fn act(&mut self, this: &mut Attempt<'_>, started: Instant) -> Result<Outcome, RunError> {
        let step = this.step;
        let place = self.worktree.place()?;
        let deadline = self.deadline(started, step.timeout);
        let grants = self.grants(step);
        let output = if let Some(asked) = step.action.asks() {
            let assignment = grants.agent.as_ref().ok_or_else(|| RunError::Unprepared(step.id.clone()))?;
            match self.work(this, asked, assignment, &grants.action, &place, deadline).await? {
                Worked::Over(outcome) => return Ok(outcome),
                Worked::Completed(message) => output::judge(&step.expectation, message.as_bytes()),
            }
        } else {
            let (mut action, home) = self.action_job(step, grants, &place, deadline)?;
            action.judge = Some(output::Judge::of(&step.expectation));
            let which = Which::Action(step.expectation.exit_code);
            let mut done = self.command(this, which, shown(&step.action), action).await?;
            drop(home);
            if let Some(outcome) = self.judge(this, which, &done) {
                return Ok(outcome);
            }
            std::mem::take(&mut done.verdicts)
        };
        if let Some(outcome) = self.judge_result(this, output)? {
            return Ok(outcome);
        }
        for (index, invocation) in (0..).zip(&step.post) {
            let command = invocation.to_string();
            let which = Which::Post(index, &command);
            let job = job(invocation, step, &grants.follow_up, &place, deadline);
            let done = self.command(this, which, command.clone(), job).await?;
            if let Some(outcome) = self.judge(this, which, &done) {
                return Ok(outcome);
            }
        }
        if !step.post.is_empty() {
            let unmet = self.judge_changes(this, 1)?;
            if !unmet.is_empty() {
                let text = format!("after post: {}", expect::in_words(&unmet));
                return Ok(self.failed(ReasonKind::Expectation, &text));
            }
        }
        if let Some(outcome) = self.prove(this, grants, deadline).await? {
            return Ok(outcome);
        }
        self.make_checkpoint(this).await
    }

    /// Runs the step's own undoing; what fails is recorded and changes nothing.
    pub(super) async fn roll_back(&mut self, this: &mut Attempt<'_>) -> Result<(), RunError> {
        let step = this.step;
        if step.rollback.is_empty() {
            return Ok(());
        }
        let place = self.worktree.place()?;
        let grants = self.grants(step);
        self.worktree.rolling_back();
        this.output_left = step.resources.output;
        for (index, invocation) in (0..).zip(&step.rollback) {
            let deadline = Deadline::of_rollback(Instant::now());
            let job = job(invocation, step, &grants.follow_up, &place, deadline);
            self.recorder.banner_of(&this.at, &format!("step {}, rollback: {invocation}", step.id))?;
            self.command(this, Which::Rollback(index), invocation.to_string(), job).await?;
        }
        Ok(())
    }

    /// Runs a command and records it before and after.
    pub(super) async fn command(
        &mut self,
        this: &mut Attempt<'_>,
        which: Which<'_>,
        shown: String,
        job: Job<'_>,
    ) -> Result<Done, RunError> {
        let (at, role, index) = (this.at.clone(), which.role(), which.place());
        let command = self.recorder.text(&shown);
        self.recorder.record(Event::CommandStarted { at: at.clone(), role, index, command })?;
        let of = Of::new(at, role, &this.step.network);
        let unmasked = self.recorder.secrets().unmasked();
        let done = command::run(job, this.output_left, of, self.recorder, &mut self.interrupt).await?;
        self.record_refused_masks(this, unmasked);
        this.output_left = this.output_left.saturating_sub(done.printed);
        this.last_output = done.log.clone();
        let event = self.command_ended(this, which, &done)?;
        self.recorder.defer(Event::CommandEnded(Box::new(event)));
        Ok(done)
    }

    /// Records that masks which a command asked for were not taken: there is no room for more.
    pub(super) fn record_refused_masks(&mut self, this: &Attempt<'_>, before: u64) {
        let count = self.recorder.secrets().unmasked().saturating_sub(before);
        if count > 0 {
            self.recorder.defer(Event::MasksRefused { at: this.at.clone(), count });
        }
    }

    fn command_ended(
        &self,
        this: &Attempt<'_>,
        which: Which<'_>,
        done: &Done,
    ) -> Result<CommandEnded, RunError> {
        let status = done.ended.as_ref().ok().map(|ended| &ended.status);
        let (cut, ended_by) = match (&done.ended, done.cut) {
            (Err(error), _) => (Some(event::Cut::Launch), Some(error.clone())),
            (Ok(_), Some(cut)) => (Some(recorded(cut)), Some(self.cut_in_words(cut, this.step))),
            (Ok(ended), None) => match &ended.status {
                Status::Limit(what) => (Some(event::Cut::Resource), Some(what.clone())),
                Status::Exited(_) | Status::Signaled(_) => (None, None),
            },
        };
        let enforced = done.enforced.as_ref().map(serde_json::to_value).transpose()?;
        Ok(CommandEnded {
            at: this.at.clone(),
            role: which.role(),
            index: which.place(),
            exit_code: status.and_then(|s| if let Status::Exited(code) = s { Some(*code) } else { None }),
            signal: status.and_then(|s| if let Status::Signaled(number) = s { Some(*number) } else { None }),
            ended_by: ended_by.map(|text| self.recorder.line(text)),
            cut,
            ms: millis(done.took),
            output: done.printed,
            log: None,
            span: Some((done.log.start, done.log.end)),
            killed: done.ended.as_ref().map_or(0, |ended| ended.killed),
            survivors: done.ended.as_ref().map_or(0, |ended| ended.survivors),
            enforced: enforced.map(|value| self.recorder.document(value)),
        })
    }
}

/// Names the layer that a step works in: its tier's, or all that there is.
fn layer_of(step: &Step) -> &'static str {
    if step.keeps_home() { event::KEPT } else { step.tier().word() }
}

fn recorded(cut: Cut) -> event::Cut {
    match cut {
        Cut::Time(Bound::Step) => event::Cut::StepTimeout,
        Cut::Time(Bound::Run) => event::Cut::RunTimeout,
        Cut::Time(Bound::Rollback) => event::Cut::RollbackTimeout,
        Cut::Output => event::Cut::Output,
        Cut::Answer => event::Cut::Answer,
        Cut::Signal(_) => event::Cut::Signal,
    }
}
