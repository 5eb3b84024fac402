//! An agent's part of an attempt: its turn, what it attached and used, and how the turn went. What the agent says of
//! its work counts for nothing here: expectations and `post` follow, as after every action.

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::attempt::{Outcome, Try, millis};
use super::command::{self, Cut, Done, Job};
use super::equip::Assignment;
use super::hearing::{self, Hearing};
use super::home::{self, Home};
use super::{RunError, Runner, equip, expect};
use crate::agent::prompt::{self, Attachment, Before, Briefing};
use crate::agent::{self, Endpoint, Report, Task, Turn};
use crate::evidence::event::{self, AgentStarted, Attached, Event, ReasonKind, Role, Tokens};
use crate::evidence::{Token, log};
use crate::network::{Gate, Usage};
use crate::plan::{Action, Codex, Context, RetryFrom, Step, TokenLimit};
use crate::policy::Grant;
use crate::sandbox::{Place, Status};

/// Wait when the model's server asks for patience without saying for how long; it doubles each time.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);

/// Lines of a failed command that the next attempt is told.
const TAIL: usize = 60;
/// Lines of another step's output that are attached.
const ATTACHED: usize = 400;

/// Files that agents read as instructions.
const INSTRUCTIONS: [&str; 2] = ["AGENTS.md", "AGENTS.override.md"];
/// Bytes of one such file that are read.
const MOST_INSTRUCTIONS: u64 = 32 << 10;

/// What agents of this run are told, and what they used.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What each step that passed told: its final message, or where its output is.
    told: HashMap<String, Told>,
    /// Why the attempt before failed.
    before: Option<Failed>,
    /// Tokens of the whole run, and of each step.
    used: u64,
    used_by: HashMap<String, u64>,
    /// A checkpoint changed files that agents read as instructions.
    instructions_changed: bool,
}

#[derive(Debug)]
enum Told {
    Message(String),
    Log(Range<u64>),
}

#[derive(Debug)]
struct Failed {
    reason: String,
    tail: Vec<String>,
}

/// How an agent's part went.
#[derive(Debug)]
pub(super) enum Worked {
    /// Its turn was completed, with this final message.
    Completed(String),
    /// The attempt is over.
    Over(Outcome),
}

impl Memory {
    /// Remembers what a step told that passed its action.
    pub(super) fn heard(&mut self, step: &Step, message: Option<String>, log: &Range<u64>) {
        let told = message.map_or_else(|| Told::Log(log.clone()), Told::Message);
        self.told.insert(step.id.clone(), told);
    }

    /// Begins a step, whose last attempt failed for this reason if the run was resumed after one.
    pub(super) fn begin_step(&mut self, reason: Option<&event::Reason>) {
        self.before = reason.map(|reason| Failed { reason: reason.text.to_string(), tail: Vec::new() });
    }

    /// Takes from a journal what an agent told and used.
    pub(super) fn recall(&mut self, step: &str, message: Option<String>, used: u64) {
        self.told.extend(message.map(|text| (step.to_owned(), Told::Message(text))));
        self.count(step, used);
    }

    fn count(&mut self, step: &str, used: u64) {
        self.used = self.used.saturating_add(used);
        let of_step = self.used_by.entry(step.to_owned()).or_default();
        *of_step = of_step.saturating_add(used);
    }

    /// Notes what a checkpoint changed.
    pub(super) fn changed<'p>(&mut self, mut paths: impl Iterator<Item = &'p str>) {
        self.instructions_changed |= paths.any(is_instructions);
    }
}

/// Returns a folder of the worktree and those above it, from the top down.
fn with_folders_above(dir: &Path) -> impl Iterator<Item = &Path> {
    let mut all: Vec<&Path> = dir.ancestors().collect();
    if !all.iter().any(|folder| folder.as_os_str().is_empty()) {
        all.push(Path::new(""));
    }
    all.into_iter().rev()
}

fn is_instructions(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    INSTRUCTIONS.iter().any(|each| name.eq_ignore_ascii_case(each))
}

impl Runner<'_> {
    /// Lets an agent work until its turn is over. A rate limit is waited out within the attempt.
    pub(super) async fn work(
        &mut self,
        this: Try<'_>,
        codex: &Codex,
        assignment: &Assignment,
        grant: &Grant,
        place: &Place,
        deadline: (Instant, Cut),
    ) -> Result<Worked, RunError> {
        if let Some(outcome) = self.too_many_tokens(this.step, codex) {
            return Ok(Worked::Over(outcome));
        }
        let attached = self.attach(codex)?;
        let prompt = self.prompt(this, &assignment.task, &attached);
        let instructions = self.instructions(&this.step.dir)?;
        self.started(this, codex, assignment, &prompt, &attached, instructions.is_some())?;
        let top = place.seen(grant).worktree;
        let folders: Vec<PathBuf> = with_folders_above(&this.step.dir)
            // Joining an empty path would add a slash, and Codex takes paths by the letter.
            .map(|below| if below.as_os_str().is_empty() { top.clone() } else { top.join(below) })
            .collect();
        // No gate with a model is without its address.
        let gate = command::way_out(grant).model(assignment.upstream.clone());
        let endpoint = Endpoint { base_url: gate.model_url().unwrap_or_default() };
        let task = Task {
            prompt: &prompt,
            model: codex.model.as_deref(),
            effort: codex.effort.as_deref(),
            endpoint: &endpoint,
            servers: &assignment.servers,
            instructions: instructions.as_deref(),
            folders: &folders,
        };
        let mut patience = PATIENCE;
        loop {
            let upstream = assignment.upstream.clone().limit(self.tokens_left(this.step, codex));
            let gate = command::way_out(grant).model(upstream);
            let (done, report) = self.turn(this, assignment, &task, gate, (grant, place), deadline).await?;
            let Some(failure) = waits(&done, report.as_ref()) else {
                return Ok(self.went(this.step, codex, &done, report));
            };
            let wait = failure.wait.unwrap_or(patience).max(Duration::from_millis(100));
            patience = (patience * 2).min(LONGEST_PATIENCE);
            if Instant::now() + wait >= deadline.0 {
                return Ok(Worked::Over(self.failed(ReasonKind::RateLimit, &failure.in_words())));
            }
            let reason = self.reason(ReasonKind::RateLimit, &failure.in_words());
            let (step, attempt) = (Token::new(&this.step.id), this.number);
            self.recorder.record(Event::AgentWaiting { step, attempt, reason, ms: millis(wait) })?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                signal = self.interrupt.wait() => return Ok(Worked::Over(Outcome::Interrupted(signal))),
            }
        }
    }

    /// Starts the agent in a private home, and hears it out.
    async fn turn(
        &mut self,
        this: Try<'_>,
        assignment: &Assignment,
        task: &Task<'_>,
        gate: Gate,
        (grant, place): (&Grant, &Place),
        deadline: (Instant, Cut),
    ) -> Result<(Done, Option<Report>), RunError> {
        let home = Home::make(place, grant)?;
        let start = assignment.found.agent.start(task, home.seen());
        home.furnish(&start, grant)?;
        let (step, attempt) = (Token::new(&this.step.id), this.number);
        let job = Job {
            dir: this.step.dir.clone(),
            stdin: Some(home::stdin(&start.stdin)?),
            env: start.env,
            hearing: Some(Hearing::new(assignment.found.agent.listen(), step.clone(), attempt)),
            argv: start.argv,
            grant,
            place,
            gate,
            deadline,
            output: this.step.resources.output,
        };
        let shown = super::attempt::shown(&this.step.action);
        let mut done = self.command(this, Role::Action, shown, job).await?;
        drop(home);
        let report = done.report.take();
        // Counted where the requests went by; what the agent says of it is not asked.
        let Usage { input, cached, output, .. } = done.traffic.model;
        self.memory.count(&this.step.id, done.traffic.model.tokens());
        if let Some(report) = &report {
            let message = report.message.as_deref().map(hearing::cut);
            self.recorder.record(Event::AgentEnded {
                step,
                attempt,
                message: message.map(|text| self.recorder.text(text)),
                tokens: (input + output > 0).then_some(Tokens { input, cached, output }),
                acts: report.acts,
            })?;
        }
        Ok((done, report))
    }

    /// Judges a turn that is over.
    fn went(&self, step: &Step, codex: &Codex, done: &Done, report: Option<Report>) -> Worked {
        let over = |outcome| Worked::Over(outcome);
        let Some(report) = report.filter(|_| done.cut.is_none()) else {
            // It was ended, or never started: that is the reason, whatever it said.
            let outcome = self.judge(done, step.expectation.exit_code, ReasonKind::Exit, "");
            return over(outcome.unwrap_or_else(|| self.failed(ReasonKind::Agent, "the agent said nothing")));
        };
        let ended = done.ended.as_ref().map(|ended| how(&ended.status)).unwrap_or_default();
        let fail = |text: &str| over(self.failed(ReasonKind::Agent, text));
        if done.traffic.model.refused > 0 {
            return over(self.failed(ReasonKind::Tokens, &self.spent(step, codex)));
        }
        match &report.turn {
            Turn::Failed(failure) => return fail(&failure.in_words()),
            Turn::NotBegun => {
                let said = self.last_line(done).map(|line| format!(": {line}")).unwrap_or_default();
                return fail(&format!("the agent never began its turn ({ended}){said}"));
            }
            Turn::CutOff => return fail(&format!("the agent ended in the middle of its turn ({ended})")),
            Turn::Completed if report.message.is_none() && report.acts == 0 => {
                return fail("the model answered nothing, or refused: no message, no command, no change");
            }
            Turn::Completed => {}
        }
        if let Some(outcome) = self.judge(done, step.expectation.exit_code, ReasonKind::Exit, "") {
            return over(outcome);
        }
        let Usage { requests, estimated, .. } = done.traffic.model;
        let limited = matches!(codex.tokens, TokenLimit::AtMost(_))
            || (matches!(self.plan.limits.tokens, TokenLimit::AtMost(_))
                && codex.tokens != TokenLimit::Unlimited);
        if limited && estimated >= requests {
            let text = "the model's server reported no token counts, and the plan limits them: write \
                        `tokens: unlimited` for this step, or take the limit out";
            return over(self.failed(ReasonKind::Tokens, text));
        }
        Worked::Completed(report.message.unwrap_or_default())
    }

    fn last_line(&self, done: &Done) -> Option<String> {
        let (file, range) = (self.recorder.files().log(), &done.log);
        let (lines, _) = log::tail(&file, range.start, range.end, 20).ok()?;
        let line = lines.into_iter().rfind(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(300).collect())
    }

    /// Returns how many tokens a step may still use: what is left of its own and of the run's.
    fn tokens_left(&self, step: &Step, codex: &Codex) -> Option<u64> {
        let used = self.memory.used_by.get(&step.id).copied().unwrap_or(0);
        let left = |used: u64, limit| match limit {
            TokenLimit::AtMost(most) => Some(most.saturating_sub(used)),
            TokenLimit::Unset | TokenLimit::Unlimited => None,
        };
        let left = [left(used, codex.tokens), left(self.memory.used, self.plan.limits.tokens)];
        left.into_iter().flatten().min()
    }

    /// Fails an attempt for which no tokens are left.
    fn too_many_tokens(&self, step: &Step, codex: &Codex) -> Option<Outcome> {
        (self.tokens_left(step, codex) == Some(0))
            .then(|| self.failed(ReasonKind::Tokens, &self.spent(step, codex)))
    }

    fn spent(&self, step: &Step, codex: &Codex) -> String {
        let used = self.memory.used_by.get(&step.id).copied().unwrap_or(0);
        match (codex.tokens, self.plan.limits.tokens) {
            (TokenLimit::AtMost(most), _) if used >= most => {
                format!("the step's token limit of {most} is reached: it used {used}")
            }
            (_, TokenLimit::AtMost(most)) => {
                format!("the run's token limit of {most} is reached: it used {}", self.memory.used)
            }
            _ => "the token limit is reached".to_owned(),
        }
    }

    /// Tells whether no further attempt of a step could begin within the run's tokens.
    pub(super) fn out_of_tokens(&self, step: &Step) -> bool {
        matches!(&step.action, Action::Codex(codex) if self.too_many_tokens(step, codex).is_some())
    }

    fn prompt(&self, this: Try<'_>, task: &str, attached: &[Attachment]) -> String {
        let kept = this.step.retry_from == RetryFrom::Attempt;
        let before = self.memory.before.as_ref();
        let briefing = Briefing {
            issue: self.plan.issue,
            title: &self.plan.title,
            step: &this.step.id,
            attempt: (this.number, this.step.attempts()),
            network: &this.step.network,
            expectation: &this.step.expectation,
            post: &this.step.post,
            before: before.map(|failed| Before { reason: &failed.reason, tail: &failed.tail, kept }),
            task,
            attached,
        };
        briefing.write()
    }

    /// Gathers what is attached, masked: it leaves for a model.
    fn attach(&self, codex: &Codex) -> Result<Vec<Attachment>, RunError> {
        let mut all = Vec::new();
        for context in &codex.context {
            let (name, text) = match context {
                Context::Issue => (format!("issue #{}", self.plan.issue), self.issue_text()),
                Context::File(path) => (path.display().to_string(), self.file_text(path)),
                Context::Step(id) => (format!("what step {id} told"), self.step_text(id)?),
            };
            all.push(Attachment::new(name, self.recorder.text(text).to_string()));
        }
        prompt::bound(&mut all);
        Ok(all)
    }

    fn issue_text(&self) -> String {
        self.grants.values().find_map(|grants| grants.issue.clone()).unwrap_or_default().to_string()
    }

    /// Reads a file of the worktree, which an earlier step may have changed: through no link.
    fn file_text(&self, path: &Path) -> String {
        let read = self.worktree.open(path).and_then(|(file, _)| {
            let mut bytes = Vec::new();
            file.take(8 << 20).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        read.map_or_else(
            |error| format!("(cannot be read: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn step_text(&self, id: &str) -> Result<String, RunError> {
        Ok(match self.memory.told.get(id) {
            Some(Told::Message(text)) => text.clone(),
            Some(Told::Log(range)) => {
                let file = self.recorder.files().log();
                log::tail(&file, range.start, range.end, ATTACHED)?.0.join("\n")
            }
            None => "(it told nothing)".to_owned(),
        })
    }

    /// Reads the repository's instructions for who works in a folder. Nothing once they differ from the base's
    /// anywhere: what a step wrote must not instruct the next one.
    fn instructions(&mut self, dir: &Path) -> Result<Option<String>, RunError> {
        let now = self.worktree.changes()?;
        let changed = now.paths.iter().any(|changed| is_instructions(&changed.path().to_string_lossy()));
        if changed || self.memory.instructions_changed {
            return Ok(None);
        }
        let mut text = String::new();
        for folder in with_folders_above(dir) {
            if let Ok((file, _)) = self.worktree.open(&folder.join(INSTRUCTIONS[0])) {
                let mut bytes = Vec::new();
                file.take(MOST_INSTRUCTIONS).read_to_end(&mut bytes)?;
                text.push_str(&String::from_utf8_lossy(&bytes));
                text.push('\n');
            }
        }
        Ok(Some(text))
    }

    fn started(
        &mut self,
        this: Try<'_>,
        codex: &Codex,
        assignment: &Assignment,
        prompt: &str,
        attached: &[Attachment],
        instructions: bool,
    ) -> Result<(), RunError> {
        let text = |text: &str| self.recorder.text(text);
        let attached = attached.iter().map(|each| Attached {
            name: text(&each.name),
            sha256: Token::new(&each.sha256),
            size: each.size as u64,
            attached: each.text.len() as u64,
        });
        let started = AgentStarted {
            step: Token::new(&this.step.id),
            attempt: this.number,
            agent: text(&assignment.found.agent.name()),
            model: codex.model.as_deref().map(text),
            provider: text(equip::base_url(&codex.provider)),
            prompt: Token::new(hex::encode(Sha256::digest(prompt.as_bytes()))),
            attached: attached.collect(),
            servers: assignment.servers.iter().map(|server| text(&server.name)).collect(),
            instructions,
        };
        Ok(self.recorder.record(Event::AgentStarted(Box::new(started)))?)
    }

    /// Keeps why an attempt failed for the next one, with the end of what its last command printed.
    pub(super) fn remember(&mut self, reason: &event::Reason) -> Result<(), RunError> {
        let of_command = matches!(reason.kind, ReasonKind::Post | ReasonKind::Exit);
        let file = self.recorder.files().log();
        let (from, to) = (self.last_output.start, self.last_output.end);
        let tail = if of_command { log::tail(&file, from, to, TAIL)?.0 } else { Vec::new() };
        self.memory.before = Some(Failed { reason: reason.text.to_string(), tail });
        Ok(())
    }
}

/// Returns the failure that waiting helps against.
fn waits<'r>(done: &Done, report: Option<&'r Report>) -> Option<&'r agent::Failure> {
    match &report?.turn {
        Turn::Failed(failure) if failure.passes() && done.cut.is_none() => Some(failure),
        _ => None,
    }
}

fn how(status: &Status) -> String {
    match status {
        Status::Exited(code) => format!("exit {code}"),
        Status::Signaled(number) => format!("killed by {}", expect::signal_name(*number)),
        Status::Limit(what) => what.clone(),
    }
}
