//! One try of a step: action, expectations, `post`, `changes` once more, checkpoint.

use std::path::Path;
use std::time::{Duration, Instant};

use super::command::{self, Cut, Done, Job};
use super::egress::Of;
use super::expect::Output;
use super::home::Home;
use super::preflight::Grants;
use super::work::Worked;
use super::{RunError, Runner, expect};
use crate::evidence::event::{
    AttemptResult, Change, ChangeKind, CommandEnded, Event, Reason, ReasonKind, Role,
};
use crate::evidence::{Text, Token, log};
use crate::plan::{Action, Invocation, Step};
use crate::policy::{self, Grant};
use crate::sandbox::{Place, Status};
use crate::worktree::{Checkpoint, Counted, Kind, Look, WorktreeError};

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
    fn token(&self) -> Token {
        Token::new(&self.step.id)
    }
}

impl Runner<'_> {
    /// Makes one attempt and records how it went.
    pub(super) async fn attempt(&mut self, this: Try<'_>) -> Result<Outcome, RunError> {
        let started = Instant::now();
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
            self.recorder.text(format!("{}: {}; to allow it: {}", denial.what, denial.why, denial.allow))
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
            if let Some(outcome) = self.judge(&done, step.expectation.exit_code, ReasonKind::Exit, "") {
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
            if let Some(outcome) = self.judge(&done, 0, ReasonKind::Post, &format!("post `{invocation}`: ")) {
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
        for invocation in &this.step.rollback {
            let deadline = (Instant::now() + ROLLBACK, Cut::RollbackTimeout);
            let job = job(invocation, this.step, &grants.follow_up, &place, deadline);
            self.recorder.banner(format!("step {}, rollback: {invocation}", this.step.id))?;
            self.command(this, Role::Rollback, invocation.to_string(), job).await?;
        }
        Ok(())
    }

    fn action_job<'a>(
        &self,
        step: &Step,
        grants: &'a Grants,
        place: &'a Place,
        deadline: (Instant, Cut),
    ) -> Result<(Job<'a>, Option<Home>), RunError> {
        let grant = &grants.action;
        match (&step.action, &grants.applier) {
            (Action::Command(invocation), _) => Ok((job(invocation, step, grant, place, deadline), None)),
            (Action::Apply(file), _) => {
                let path = self.plan.folder.join(file);
                let patch = std::fs::File::open(&path).map_err(|error| {
                    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
                })?;
                let argv = Invocation::Argv(APPLY.map(str::to_owned).to_vec());
                let job = job(&argv, step, grant, place, deadline);
                Ok((Job { stdin: Some(patch), ..job }, None))
            }
            (Action::CodexApply(task), Some(applier)) => {
                let home = Home::make(place, grant)?;
                let start = applier.codex.apply(task, &applier.cloud, home.seen());
                home.furnish(&start, grant)?;
                let argv = Invocation::Argv(start.argv);
                let job = job(&argv, step, grant, place, deadline);
                Ok((Job { env: start.env, ..job }, Some(home)))
            }
            (Action::Codex(_) | Action::CodexApply(_), _) => Err(RunError::Unprepared(step.id.clone())),
        }
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
        let done = command::run(job, of, self.recorder, &mut self.interrupt).await?;
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
            ended_by: ended_by.map(|text| self.recorder.text(text)),
            ms: millis(done.took),
            output: done.printed,
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
        done: &Done,
        expected: i32,
        kind: ReasonKind,
        prefix: &str,
    ) -> Option<Outcome> {
        let fail = |kind, text: &str| Some(self.failed(kind, &format!("{prefix}{text}")));
        match (&done.ended, done.cut) {
            (_, Some(Cut::Signal(number))) => Some(Outcome::Interrupted(number)),
            (Err(error), _) => fail(ReasonKind::Launch, error),
            (_, Some(Cut::StepTimeout)) => fail(ReasonKind::Timeout, "the step's timeout"),
            (_, Some(Cut::RunTimeout)) => fail(ReasonKind::RunTimeout, "the run's timeout"),
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
            Cut::StepTimeout => format!("step timeout of {}", crate::plan::units::duration(step.timeout)),
            Cut::RunTimeout => {
                format!("run timeout of {}", crate::plan::units::duration(self.plan.limits.timeout))
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

    async fn make_checkpoint(&mut self, this: Try<'_>) -> Result<Outcome, RunError> {
        let (subject, trailers) = self.message(this);
        match self.worktree.checkpoint(&subject, &borrowed(&trailers)).await {
            Ok(made) => {
                self.record_checkpoint(this, made)?;
                Ok(Outcome::Passed)
            }
            Err(WorktreeError::Uncommittable(what)) => Ok(self.failed(ReasonKind::Checkpoint, &what)),
            Err(error) => Err(error.into()),
        }
    }

    /// Records the checkpoint that a dead runner made of an attempt and did not record; whether there is one.
    pub(super) async fn adopt(&mut self, this: Try<'_>) -> Result<bool, RunError> {
        let (subject, trailers) = self.message(this);
        let adopted = self.worktree.adopt(&subject, &borrowed(&trailers)).await?;
        let found = adopted.is_some();
        self.record_checkpoint(this, adopted)?;
        Ok(found)
    }

    /// Returns what the commit of an attempt's checkpoint says: its subject and its trailers.
    fn message(&self, this: Try<'_>) -> (String, [(&'static str, String); 3]) {
        let subject = this.step.commit.clone().unwrap_or_else(|| format!("autopilot: {}", this.step.id));
        let trailers = [
            ("Autopilot-Run", self.recorder.files().run().to_string()),
            ("Autopilot-Step", this.step.id.clone()),
            ("Autopilot-Attempt", this.number.to_string()),
        ];
        (subject, trailers)
    }

    fn record_checkpoint(&mut self, this: Try<'_>, made: Option<Checkpoint>) -> Result<(), RunError> {
        let Some(made) = made else { return Ok(()) };
        self.memory.changed(made.changes.iter().map(|counted| &*counted.path));
        let changes = made.changes.iter().map(|counted| self.change(counted)).collect();
        let (step, attempt, commit) = (this.token(), this.number, Token::new(&made.commit));
        Ok(self.recorder.record(Event::CheckpointMade { step, attempt, commit, changes })?)
    }

    fn change(&self, counted: &Counted) -> Change {
        Change {
            path: self.recorder.text(&counted.path),
            kind: match counted.kind {
                Kind::Added => ChangeKind::Added,
                Kind::Modified => ChangeKind::Modified,
                Kind::Deleted => ChangeKind::Deleted,
            },
            added: counted.added,
            removed: counted.removed,
            review: self.review(counted).map(|why| self.recorder.text(why)),
        }
    }

    /// Says why a reviewer should look at a path first, if so.
    fn review(&self, counted: &Counted) -> Option<&'static str> {
        let path = Path::new(&counted.path);
        let target = match self.worktree.look(path) {
            Ok(Look::Other) => self.worktree.link(path).ok(),
            _ => None,
        };
        let kind = target.as_deref().map_or(policy::Left::File, policy::Left::Link);
        (counted.kind != Kind::Deleted).then(|| policy::reviewable(path, kind)).flatten()
    }

    pub(super) fn failed(&self, kind: ReasonKind, text: &str) -> Outcome {
        Outcome::Failed(self.reason(kind, text))
    }

    /// Composes a reason, masked.
    pub(super) fn reason(&self, kind: ReasonKind, text: &str) -> Reason {
        Reason { kind, text: self.recorder.text(text) }
    }
}

/// A patch from beside the plan arrives on standard input: the plan's folder is not in the sandbox.
const APPLY: [&str; 4] = ["git", "apply", "--whitespace=nowarn", "-"];

fn borrowed<'a>(trailers: &'a [(&'static str, String); 3]) -> [(&'static str, &'a str); 3] {
    trailers.each_ref().map(|(name, value)| (*name, value.as_str()))
}

/// Puts a command of a step together.
fn job<'a>(
    invocation: &Invocation,
    step: &Step,
    grant: &'a Grant,
    place: &'a Place,
    deadline: (Instant, Cut),
) -> Job<'a> {
    let (argv, dir, output) = (invocation.argv(), step.dir.clone(), step.resources.output);
    let gate = command::way_out(grant);
    Job { argv, dir, env: Vec::new(), stdin: None, hearing: None, grant, place, gate, deadline, output }
}

pub(super) fn shown(action: &Action) -> String {
    match action {
        Action::Command(invocation) => invocation.to_string(),
        Action::Apply(file) => format!("git apply {}", file.display()),
        Action::Codex(_) => "codex exec …".to_owned(),
        Action::CodexApply(task) => format!("codex apply {task}"),
    }
}

/// Returns whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
