//! An agent's part of an attempt: its turn, what it attached and used, and how the turn went. What the agent says of
//! its work counts for nothing here: expectations and `post` follow, as after every action.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::answered::{self, Meaning};
use super::attach::with_folders_above;
use super::command::{self, Done, Job};
use super::deadline::{Cut, Deadline};
use super::egress;
use super::equip::Assignment;
use super::hearing::{self, Hearing};
use super::home::{self, Home};
use super::judge::Which;
use super::outcome::{Attempt, Outcome, millis};
use super::{RunError, Runner, expect};
use crate::agent::prompt::{Attachment, Before, Briefing};
use crate::agent::{Endpoint, Report, Task, Turn};
use crate::evidence::event::{AgentEnded, AgentStarted, Attached, Event, ReasonKind};
use crate::evidence::state::StepState;
use crate::evidence::{Sha256, Token};
use crate::network::{Class, Gate};
use crate::plan::{AgentStep, Step, TokenLimit};
use crate::policy::Grant;
use crate::sandbox::{Place, Status};

/// Wait when the model's server asks for patience without saying for how long; it doubles each time.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_PATIENCE: Duration = Duration::from_secs(300);
/// Wait at least, whatever is said; it doubles, too: what an agent prints is its own, and so is how often it waits.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// How an agent's part went.
#[derive(Debug)]
pub(super) enum Worked {
    /// Its turn was completed, with this final message.
    Completed(String),
    /// The attempt is over.
    Over(Outcome),
}

impl Runner<'_> {
    /// Lets an agent work until its turn is over. A rate limit is waited out within the attempt.
    pub(super) async fn work(
        &mut self,
        this: &mut Attempt<'_>,
        asked: &AgentStep,
        assignment: &Assignment,
        grant: &Grant,
        place: &Place,
        deadline: Deadline,
    ) -> Result<Worked, RunError> {
        let over = self.too_many_tokens(this.step, asked).or_else(|| self.too_much_money(this.step, asked));
        if let Some(outcome) = over {
            return Ok(Worked::Over(outcome));
        }
        let attached = self.attach(this.step, asked)?;
        let prompt = self.prompt(this, &assignment.task, &attached);
        let instructions = self.instructions(this.step, asked.agent, &this.step.dir)?;
        self.started(this, asked, assignment, &prompt, &attached, instructions.is_some())?;
        let top = place.seen(grant.isolation()).worktree;
        let folders: Vec<PathBuf> = with_folders_above(&this.step.dir)
            // Joining an empty path would add a slash, and agents take paths by the letter.
            .map(|below| if below.as_os_str().is_empty() { top.clone() } else { top.join(below) })
            .collect();
        // No gate with a model is without its address.
        let gate = command::way_out(grant).model(assignment.upstream.clone());
        let endpoint =
            Endpoint { base_url: gate.model_url().unwrap_or_default(), by_login: assignment.by_login };
        let task = Task {
            prompt: &prompt,
            model: asked.model.as_deref(),
            effort: asked.effort.as_deref(),
            endpoint: &endpoint,
            servers: &assignment.servers,
            instructions: instructions.as_deref(),
            folders: &folders,
        };
        let (mut patience, mut least) = (PATIENCE, LEAST_PATIENCE);
        loop {
            let upstream = assignment.upstream.clone().limit(self.tokens_left(this.step, asked));
            let silence = asked.silence.unwrap_or(self.plan.limits.silence_of(upstream.is_local()));
            let budget = self.money_left(this.step, asked);
            let counted = self.must_count(asked) || budget.is_some();
            let upstream = upstream.counted(counted).silence(Some(silence)).budget(budget);
            let gate = command::way_out(grant).model(upstream);
            let (done, report) = self.turn(this, assignment, &task, gate, (grant, place), deadline).await?;
            let meaning = report.as_ref().and_then(|report| answered::meaning(&done, report));
            let Some(Meaning::Wait { asked: said, words }) = meaning else {
                return Ok(self.went(this, asked, &done, report));
            };
            let wait = said.unwrap_or(patience).max(least);
            (patience, least) = ((patience * 2).min(LONGEST_PATIENCE), (least * 2).min(LONGEST_PATIENCE));
            if Instant::now() + wait >= deadline.at {
                let words = answered::too_late(&words, said, deadline);
                return Ok(Worked::Over(
                    self.failed(ReasonKind::RateLimit, self.recorder.said(words).as_str()),
                ));
            }
            let reason = self.reason(ReasonKind::RateLimit, self.recorder.said(words).as_str());
            let at = this.at.clone();
            self.recorder.record(Event::AgentWaiting { at, reason, ms: millis(wait) })?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                signal = self.interrupt.wait() => return Ok(Worked::Over(Outcome::Interrupted(signal))),
            }
        }
    }

    /// Starts the agent in a private home, and hears it out.
    async fn turn(
        &mut self,
        this: &mut Attempt<'_>,
        assignment: &Assignment,
        task: &Task<'_>,
        gate: Gate,
        (grant, place): (&Grant, &Place),
        deadline: Deadline,
    ) -> Result<(Done, Option<Report>), RunError> {
        let home = Home::make(place, grant)?;
        let start = assignment.found.agent.start(task, home.seen());
        home.furnish(&start, grant)?;
        let job = Job {
            dir: this.step.dir.clone(),
            stdin: Some(home::stdin(&start.stdin)?),
            env: start.env,
            hearing: Some(Hearing::new(assignment.found.agent.listen(), this.at.clone())),
            judge: None,
            argv: start.argv,
            grant,
            place,
            gate,
            deadline,
        };
        let shown = super::action::shown(&this.step.action);
        let which = Which::Action(this.step.expectation.exit_code);
        let mut done = self.command(this, which, shown, job).await?;
        drop(home);
        let report = done.report.take();
        // Counted where the requests went by; what the agent says of it is not asked.
        let tokens = egress::tokens(&done.usage);
        if let Some(report) = &report {
            let message = report.message.as_deref().map(hearing::cut);
            let ended = AgentEnded {
                at: this.at.clone(),
                message: message.map(|text| self.recorder.said(text)),
                tokens: (tokens.total() > 0).then_some(tokens),
                requests: done.usage.requests,
                cost: done.usage.cost(),
                acts: report.acts,
            };
            self.recorder.record(Event::AgentEnded(Box::new(ended)))?;
        }
        Ok((done, report))
    }

    /// Judges a turn that is over.
    fn went(&mut self, this: &Attempt<'_>, asked: &AgentStep, done: &Done, report: Option<Report>) -> Worked {
        let (step, which) = (this.step, Which::Action(this.step.expectation.exit_code));
        let over = |outcome| Worked::Over(outcome);
        let over_limit = done.ended.as_ref().is_ok_and(|ended| matches!(ended.status, Status::Limit(_)));
        let by_itself = matches!(done.cut, None | Some(Cut::Answer)) && !over_limit;
        let Some(report) = report.filter(|_| by_itself) else {
            // It was ended, or never started: that is the reason, whatever it said.
            let outcome = self.judge(this, which, done);
            return over(outcome.unwrap_or_else(|| self.failed(ReasonKind::Agent, "the agent said nothing")));
        };
        let ended = done.ended.as_ref().map(|ended| expect::how(&ended.status)).unwrap_or_default();
        let fail = |text: &str| over(self.failed(ReasonKind::Agent, text));
        let counted = self.must_count(asked) || self.money_left(step, asked).is_some();
        if counted && done.usage.uncounted > 0 {
            let text = "the model's server reported no token counts, and the plan limits them: write \
                        `tokens: unlimited` for this step, or take the limit out";
            return over(self.failed(ReasonKind::Tokens, text));
        }
        if done.usage.refused > 0 {
            return over(self.failed(ReasonKind::Tokens, &self.spent(step, asked)));
        }
        if done.exchange.as_ref().is_some_and(|last| last.class == Class::Budget) && done.usage.unpriced == 0
        {
            return over(self.failed(ReasonKind::Budget, &self.spent_money(step, asked)));
        }
        if let Some(Meaning::Fail { kind, words }) = answered::meaning(done, &report) {
            return over(self.failed(kind, self.recorder.said(words).as_str()));
        }
        match &report.turn {
            Turn::Failed(failure) => return fail(self.recorder.said(failure.in_words()).as_str()),
            Turn::NotBegun => {
                let said = self.last_line(this, done).map(|line| format!(": {line}")).unwrap_or_default();
                return fail(&format!("the agent never began its turn ({ended}){said}"));
            }
            Turn::CutOff => return fail(&format!("the agent ended in the middle of its turn ({ended})")),
            Turn::Completed if report.message.is_none() && report.acts == 0 => {
                return fail("the model answered nothing, or refused: no message, no command, no change");
            }
            Turn::Completed => {}
        }
        if let Some(outcome) = self.judge(this, which, done) {
            return over(outcome);
        }
        Worked::Completed(report.message.unwrap_or_default())
    }

    fn last_line(&self, this: &Attempt<'_>, done: &Done) -> Option<String> {
        let (lines, _) = self.recorder.part(&this.at).ok()?.tail(done.log.start, done.log.end, 20).ok()?;
        let line = lines.into_iter().rfind(|line| !line.trim().is_empty())?;
        Some(line.trim().chars().take(300).collect())
    }

    /// Returns how many tokens a step may still use: what is left of its own and of the run's.
    fn tokens_left(&self, step: &Step, asked: &AgentStep) -> Option<u64> {
        let left = |used: u64, limit: TokenLimit| limit.most().map(|most| most.saturating_sub(used));
        let left =
            [left(self.used_by(step), asked.tokens), left(self.state().tokens(), self.plan.limits.tokens)];
        left.into_iter().flatten().min()
    }

    /// Tells whether a model has to say what its answers cost.
    fn must_count(&self, asked: &AgentStep) -> bool {
        let of_run = self.plan.limits.tokens.most().filter(|_| asked.tokens != TokenLimit::Unlimited);
        asked.tokens.most().or(of_run).is_some()
    }

    /// Fails an attempt for which no tokens are left.
    fn too_many_tokens(&self, step: &Step, asked: &AgentStep) -> Option<Outcome> {
        (self.tokens_left(step, asked) == Some(0))
            .then(|| self.failed(ReasonKind::Tokens, &self.spent(step, asked)))
    }

    fn used_by(&self, step: &Step) -> u64 {
        self.state().step(&step.id).and_then(StepState::tokens).unwrap_or(0)
    }

    fn spent(&self, step: &Step, asked: &AgentStep) -> String {
        let used = self.used_by(step);
        match (asked.tokens, self.plan.limits.tokens) {
            (TokenLimit::AtMost(most), _) if used >= most => {
                format!("the step's token limit of {most} is reached: it used {used}")
            }
            (_, TokenLimit::AtMost(most)) => {
                format!("the run's token limit of {most} is reached: it used {}", self.state().tokens())
            }
            _ => "the token limit is reached".to_owned(),
        }
    }

    /// Tells whether no further attempt of a step could begin within the run's tokens and money.
    pub(super) fn out_of_tokens(&self, step: &Step) -> bool {
        step.action.asks().is_some_and(|asked| {
            self.too_many_tokens(step, asked).is_some() || self.too_much_money(step, asked).is_some()
        })
    }

    fn prompt(&self, this: &Attempt<'_>, task: &str, attached: &[Attachment]) -> String {
        let before = self.before.as_ref();
        let briefing = Briefing {
            issue: self.plan.issue,
            title: &self.plan.title,
            step: &this.step.id,
            attempt: (this.at.attempt, this.step.attempts()),
            network: &this.step.network,
            expectation: &this.step.expectation,
            post: &this.step.post,
            before: before.map(|failed| Before {
                reason: &failed.reason,
                tail: &failed.tail,
                kept: failed.kept,
            }),
            task,
            attached,
        };
        briefing.write()
    }

    fn started(
        &mut self,
        this: &Attempt<'_>,
        asked: &AgentStep,
        assignment: &Assignment,
        prompt: &str,
        attached: &[Attachment],
        instructions: bool,
    ) -> Result<(), RunError> {
        let text = |text: &str| self.recorder.text(text);
        let attached = attached.iter().map(|each| {
            Ok(Attached {
                name: text(&each.name),
                sha256: Sha256::from_hex(&each.sha256)?,
                size: each.size as u64,
                attached: each.text.len() as u64,
            })
        });
        let started = AgentStarted {
            at: this.at.clone(),
            id: Some(Token::new(asked.agent.key())),
            agent: text(&assignment.found.agent.name()),
            model: asked.model.as_deref().map(text),
            provider: text(asked.provider.base_url()),
            prompt: Sha256::of(prompt.as_bytes()),
            attached: attached.collect::<Result<_, RunError>>()?,
            servers: assignment.servers.iter().map(|server| text(&server.name)).collect(),
            instructions,
        };
        Ok(self.recorder.record(Event::AgentStarted(Box::new(started)))?)
    }
}
