//! An attempt: its commands are those of the plan, in its order, and its result is what they came to.

use super::{Checkpoint, Fate, Phase, Story};
use crate::audit::code::Code;
use crate::audit::plan::{Network, RecordedStep, same_command};
use crate::evidence::event::{
    AttemptResult, CommandEnded, Egress, EgressVerdict, Reason, ReasonKind, Role, Tokens,
};

/// An attempt that has begun and not ended; or the commands of a rollback, which come after one.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) step: usize,
    pub(super) number: u32,
    /// The command that runs.
    running: Option<Role>,
    /// How the action ended: as expected or not.
    pub(super) action: Option<bool>,
    /// Where the model is of the agent that works.
    pub(super) model: Option<(String, u16)>,
    /// The agent that works in it was heard out: its turn is over.
    pub(super) heard_out: bool,
    /// Requests and tokens of its turn so far.
    pub(super) used: (u64, Tokens),
    /// The code that the last command exited with.
    exit_code: Option<i32>,
    /// `post` commands begun, and whether all of them passed.
    post: (usize, bool),
    checkpoint: bool,
    /// Its runner died: its commands may have no end.
    lost: bool,
}

impl Story {
    pub(super) fn attempt_started(&mut self, id: &str, number: u32) {
        if self.attempt.take().is_some() {
            self.wrong(Code::StartWithoutEnd, "`attempt.ended` first", "`attempt.started`");
        }
        let Some(step) = self.step_of(id) else { return };
        self.expect_turn(step, id);
        self.count_attempt(step, id, number);
        let (post, checkpoint) = ((0, true), false);
        if self.worktree != Fate::There || self.resetting {
            self.wrong(Code::OutOfOrder, "a worktree at its checkpoint", format!("an attempt at `{id}`"));
        }
        let (running, action, model, exit_code) = (None, None, None, None);
        let (heard_out, lost, used) = (false, false, (0, Tokens::default()));
        self.attempt = Some(Attempt {
            step,
            number,
            running,
            action,
            model,
            heard_out,
            used,
            exit_code,
            post,
            checkpoint,
            lost,
        });
        if let Some(story) = self.steps.get_mut(step) {
            story.spending.cut_off();
        }
    }

    pub(super) fn command_started(&mut self, id: &str, number: u32, role: Role, command: &str) {
        let Some(at) = self.step_of(id) else { return };
        if role == Role::Rollback {
            return self.rollback_started(at, id, number, command);
        }
        let Some(mut attempt) = self.attempt.take() else {
            return self.wrong(
                Code::StartWithoutEnd,
                "`attempt.started` before",
                format!("a command of `{id}`"),
            );
        };
        if (attempt.step, attempt.number) != (at, number) {
            self.wrong(Code::OutOfOrder, "a command of the attempt that runs", format!("one of `{id}`"));
        }
        if attempt.running.replace(role).is_some() {
            self.wrong(Code::StartWithoutEnd, "`command.ended` first", format!("a command of `{id}`"));
        }
        self.check_command(&mut attempt, at, role, command);
        self.attempt = Some(attempt);
    }

    fn check_command(&mut self, attempt: &mut Attempt, at: usize, role: Role, command: &str) {
        let Some(step) = self.planned(at) else { return };
        let (expected, is_planned) = match role {
            Role::Action => (format!("the action of `{}`, once", step.id), {
                // An agent that was asked for patience goes on in the same attempt.
                let first = attempt.action.is_none() || step.action.is_agent();
                first && attempt.post.0 == 0 && step.action.is(command)
            }),
            Role::Post | Role::Rollback => {
                let planned = step.post.get(attempt.post.0).map(ToString::to_string);
                attempt.post.0 += 1;
                let expected =
                    planned.clone().map_or("no further command".to_owned(), |p| format!("post {p}"));
                let ready = attempt.action == Some(true) && attempt.post.1;
                (expected, ready && planned.is_some_and(|planned| same_command(&planned, command)))
            }
        };
        if !is_planned {
            self.wrong(Code::PlanNotFollowed, expected, format!("{role:?} {command}"));
        }
    }

    /// Rollback commands come after a failed attempt, before the reset.
    fn rollback_started(&mut self, at: usize, id: &str, number: u32, command: &str) {
        let Some(step) = self.steps.get(at) else { return };
        let after_failure =
            step.last == Some(AttemptResult::Failed) && !step.reset && step.attempts == number;
        let planned = self.planned(at).is_some_and(|step| {
            step.rollback.iter().any(|planned| same_command(&planned.to_string(), command))
        });
        if !planned {
            self.wrong(Code::PlanNotFollowed, format!("a rollback of `{id}`"), command);
        } else if !after_failure || self.attempt.is_some() {
            self.wrong(Code::OutOfOrder, "a rollback after a failed attempt", format!("one of `{id}`"));
        }
        if self.rolling_back.replace((at, number)).is_some() {
            self.wrong(Code::StartWithoutEnd, "`command.ended` first", format!("a rollback of `{id}`"));
        }
    }

    pub(super) fn command_ended(&mut self, ended: &CommandEnded) {
        let Some(at) = self.step_of(ended.step.as_str()) else { return };
        let open = self.planned(at).is_some_and(|step| step.network == Network::Full);
        let place = format!("line {}: {:?} of `{}`", self.events, ended.role, ended.step);
        self.policy.take(&place, ended, open && ended.role == Role::Action);
        let begun = match &mut self.attempt {
            _ if ended.role == Role::Rollback => self.rolling_back.take() == Some((at, ended.attempt)),
            Some(attempt) => {
                attempt.running.take() == Some(ended.role)
                    && (attempt.step, attempt.number) == (at, ended.attempt)
            }
            None => false,
        };
        if !begun {
            let found = format!("the end of a {:?} of `{}`", ended.role, ended.step);
            self.wrong(Code::StartWithoutEnd, "`command.started` before", found);
        }
        // It exited, or a signal ended it.
        if ended.exit_code.is_some() && ended.signal.is_some() {
            self.wrong(Code::ResultWrong, "an exit code or a signal", format!("both, of `{}`", ended.step));
        }
        let expected = self.planned(at).map_or(0, |step| step.expectation.exit_code);
        let Some(attempt) = &mut self.attempt else { return };
        let well = |code: i32| {
            ended.exit_code == Some(code)
                && ended.signal.is_none()
                && ended.ended_by.is_none()
                && ended.survivors == 0
        };
        attempt.exit_code = ended.exit_code.or(attempt.exit_code.filter(|_| ended.role == Role::Rollback));
        match ended.role {
            Role::Action => attempt.action = Some(well(expected)),
            Role::Post => attempt.post.1 &= well(0),
            Role::Rollback => {}
        }
    }

    /// A connection that was made is one that the plan names, of a command that runs.
    pub(super) fn egress(&mut self, egress: &Egress) {
        let Some(at) = self.step_of(egress.step.as_str()) else { return };
        let runs = self.attempt.as_ref().is_some_and(|attempt| {
            (attempt.step, attempt.number, attempt.running) == (at, egress.attempt, Some(egress.role))
        });
        if !runs {
            self.wrong(
                Code::OutOfOrder,
                "a connection of the command that runs",
                format!("`{}`", egress.step),
            );
        }
        if egress.port == 0 {
            self.notes.push(format!("`{}` reached more destinations than a journal names", egress.step));
            return;
        }
        let reaches = |step: &RecordedStep| step.network.reaches(egress.host.as_str(), egress.port);
        let reached =
            self.planned(at).is_none_or(reaches) || self.is_model(at, egress.host.as_str(), egress.port);
        let planned = reached && egress.role == Role::Action;
        if egress.verdict == EgressVerdict::Allowed && !planned {
            let place =
                format!("line {}: `{}` reached {}:{}", self.events, egress.step, egress.host, egress.port);
            self.policy.reached(place);
        }
    }

    pub(super) fn checkpoint_made(&mut self, made: Checkpoint) {
        let Some(at) = self.step_of(&made.step) else { return };
        let own = match &mut self.attempt {
            Some(attempt) => {
                let first = !std::mem::replace(&mut attempt.checkpoint, true);
                first && (attempt.step, attempt.number) == (at, made.attempt) && attempt.running.is_none()
            }
            None => false,
        };
        if !own {
            let found = format!("a checkpoint of `{}`", made.step);
            self.wrong(Code::OutOfOrder, "one checkpoint of the attempt that runs", found);
        }
        self.checkpoints.push(made);
    }

    pub(super) fn attempt_ended(
        &mut self,
        id: &str,
        number: u32,
        result: AttemptResult,
        reason: Option<&Reason>,
    ) {
        let Some(at) = self.step_of(id) else { return };
        let Some(attempt) = self.attempt.take() else {
            return self.wrong(
                Code::StartWithoutEnd,
                "`attempt.started` before",
                format!("the end of `{id}`"),
            );
        };
        if (attempt.step, attempt.number) != (at, number) {
            self.wrong(
                Code::OutOfOrder,
                "the end of the attempt that runs",
                format!("attempt {number} of `{id}`"),
            );
        }
        if attempt.running.is_some() {
            self.wrong(Code::StartWithoutEnd, "`command.ended` first", format!("the end of `{id}`"));
        }
        if self.phase == Phase::Steps {
            self.count_failures(result, reason.map(|reason| reason.kind));
        }
        self.note_result(at, result);
        let whole = attempt.post.0 == self.planned(at).map_or(0, |step| step.post.len());
        let agent = self.planned(at).is_some_and(|step| step.action.is_agent());
        let whole = whole && (attempt.heard_out || !agent);
        let all_well = attempt.action == Some(true) && attempt.post.1;
        let told = reason.is_none_or(|reason| tells(reason, attempt.exit_code));
        let reason = reason.map(|reason| reason.kind);
        let follows = match (result, reason) {
            // What a runner that died had not written down is told by the checkpoint that it had made.
            (AttemptResult::Passed, None) if attempt.lost => attempt.checkpoint || (all_well && whole),
            (_, Some(ReasonKind::Crash)) => attempt.lost && result == AttemptResult::Interrupted,
            (AttemptResult::Passed, None) => all_well && whole,
            (AttemptResult::Failed, Some(ReasonKind::Exit)) => {
                attempt.action == Some(false) && !attempt.checkpoint && told
            }
            (AttemptResult::Failed, Some(ReasonKind::Post)) => !attempt.post.1 && !attempt.checkpoint && told,
            (AttemptResult::Failed | AttemptResult::Interrupted, Some(_)) => !attempt.checkpoint,
            (AttemptResult::Passed, Some(_)) | (AttemptResult::Failed | AttemptResult::Interrupted, None) => {
                false
            }
        };
        if !follows {
            let action = if all_well { "as expected" } else { "not as expected" };
            let found = format!("attempt {number} of `{id}` {result:?}, its commands ended {action}");
            self.wrong(Code::ResultWrong, "a result that follows from the commands", found);
        }
    }

    /// A rate limit is no failure of the step's work.
    fn count_failures(&mut self, result: AttemptResult, why: Option<ReasonKind>) {
        let (now, most) = self.consecutive;
        let now = match result {
            AttemptResult::Passed => 0,
            AttemptResult::Failed if why == Some(ReasonKind::RateLimit) => now,
            AttemptResult::Failed => now + 1,
            AttemptResult::Interrupted => now,
        };
        self.consecutive = (now, most.max(now));
    }
}

impl Attempt {
    /// Tells whether its action runs.
    pub(super) fn acts(&self) -> bool {
        self.running == Some(Role::Action)
    }

    /// Its runner died: what it was at goes on in another one's name, or not at all.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.running = None;
    }
}

/// Tells whether a reason names the exit code that there was. One who was killed has none.
fn tells(reason: &Reason, exit_code: Option<i32>) -> bool {
    let named = reason
        .text
        .as_str()
        .split("exit ")
        .last()
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok());
    named.is_none() || exit_code.is_none() || named == exit_code
}
