//! Attempts: their commands are those of the plan, in its order, and their results are what those came to.

use super::at::At;
use super::attempt::Attempt;
use super::ended::Ended;
use super::state::Story;
use super::tried::{Over, Try};
use super::verdicts::Verdicts;
use crate::audit::code::Code;
use crate::audit::plan::{Network, RecordedStep};
use crate::audit::spelled::{self, Told};
use crate::evidence::event::{AttemptResult, CommandEnded, Egress, EgressVerdict, Reason, ReasonKind, Role};

impl Story {
    pub(super) fn attempt_started(&mut self, id: &str, number: u32, is_judged: bool) {
        let Some(step) = self.step_of(id) else { return };
        self.expect_turn(step, id);
        self.count_attempt(step, id, number);
        let mut attempt = Attempt::new(Try { step, number });
        if is_judged {
            attempt.judged = Some(Verdicts::default());
            self.begin_printing(attempt.of);
        }
        self.at = At::Attempt(attempt);
    }

    pub(super) fn command_started(&mut self, id: &str, number: u32, role: Role, command: Told<'_>) {
        let Some(step) = self.step_of(id) else { return };
        let of = Try { step, number };
        match self.at.leave() {
            At::Over(over) | At::Waiting(over) | At::RollingBack(over) if role == Role::Rollback => {
                self.rollback_started(over, of, command);
            }
            At::Attempt(mut attempt) | At::Command(mut attempt, _) if role != Role::Rollback => {
                if attempt.of != of {
                    self.wrong(
                        Code::OutOfOrder,
                        "a command of the attempt that runs",
                        format!("one of `{id}`"),
                    );
                }
                self.check_command(&mut attempt, role, command);
                self.at = At::Command(attempt, role);
            }
            other => self.at = other,
        }
    }

    fn check_command(&mut self, attempt: &mut Attempt, role: Role, command: Told<'_>) {
        let Some(step) = self.planned(attempt.of.step) else { return };
        let (nth, ready, expected) = if role == Role::Action {
            // An agent that was asked for patience goes on in the same attempt.
            let first = !attempt.acted || step.action.is_agent();
            let ready = first && attempt.post == 0 && attempt.judged.as_ref().is_none_or(Verdicts::are_none);
            (0, ready, format!("the action of `{}`, once", step.id))
        } else {
            let planned = step.post.get(attempt.post);
            let expected =
                planned.map_or("no further command".to_owned(), |planned| format!("post {planned}"));
            let judged = attempt.judged.as_ref().is_none_or(|own| own.stand_before(step, attempt.post));
            (attempt.post, attempt.is_done(step) && judged, expected)
        };
        let is_planned = ready && command.is(step, role, nth);
        attempt.acted = true;
        attempt.heard_out &= role != Role::Action;
        attempt.post += usize::from(role == Role::Post);
        if !is_planned {
            self.wrong(Code::PlanNotFollowed, expected, format!("{role:?} {command}"));
        }
    }

    /// Rollback commands come after a failed attempt, before the reset.
    fn rollback_started(&mut self, mut over: Over, of: Try, command: Told<'_>) {
        if let Some(step) = self.planned(of.step) {
            let (planned, id) = (command.is(step, Role::Rollback, over.rolled_back), step.id.clone());
            if !planned {
                self.wrong(Code::PlanNotFollowed, format!("a rollback of `{id}`"), command.to_string());
            } else if over.of != of {
                self.wrong(Code::OutOfOrder, "a rollback after a failed attempt", format!("one of `{id}`"));
            }
        }
        over.rolled_back += 1;
        self.at = At::RollingBack(over);
    }

    pub(super) fn command_ended(&mut self, ended: &CommandEnded) {
        let Some(step) = self.step_of(ended.at.step.as_str()) else { return };
        let (of, role) = (Try { step, number: ended.at.attempt }, ended.role);
        let planned = self.planned(step);
        let open = planned.is_some_and(|step| step.network == Network::Full);
        // What an agent does is told where it printed nothing, too.
        let is_agents = planned.is_some_and(|step| step.action.is_agent());
        let expected = planned.filter(|_| role == Role::Action).map_or(0, |step| step.expectation.exit_code);
        let place = format!("line {}: {role:?} of `{}`", self.events, ended.at.step);
        self.policy.take(&place, ended, open && role == Role::Action);
        let place = |begun: usize| ended.index.is_none_or(|index| u64::from(index) + 1 == begun as u64);
        let (begun, at) = match self.at.leave() {
            At::RollingBack(over) if role == Role::Rollback => {
                (over.of == of && place(over.rolled_back), At::Over(over))
            }
            At::Command(mut attempt, own) if role != Role::Rollback => {
                attempt.well &= attempt.ended.is_none_or(Ended::is_well);
                attempt.ended = Some(Ended::of(ended, expected));
                ((attempt.of, own) == (of, role) && place(attempt.post), At::Attempt(attempt))
            }
            // There is a finding already.
            other => (true, other),
        };
        self.at = at;
        if !begun {
            let found = format!("the end of a {role:?} of `{}`", ended.at.step);
            self.wrong(Code::StartWithoutEnd, "`command.started` before", found);
        }
        if ended.exit_code.is_some() && ended.signal.is_some() {
            self.wrong(
                Code::ResultWrong,
                "an exit code or a signal",
                format!("both, of `{}`", ended.at.step),
            );
        }
        if ended.cut.is_some() && ended.ended_by.is_none() {
            let found = format!("none, of `{}`", ended.at.step);
            self.wrong(Code::ResultWrong, "a word on why the runner ended a command", found);
        }
        if let Some((begin, end)) =
            ended.span.filter(|(begin, end)| ended.output == 0 && begin < end && !is_agents)
        {
            let found = format!("{} bytes of it in the log", end - begin);
            self.wrong(Code::ResultWrong, "no output", found);
        }
        if let Some(span) = ended.span {
            self.command_printed(&ended.at, of, span);
        }
    }

    /// A connection that was made is one that the plan names, of a command that runs.
    pub(super) fn egress(&mut self, egress: &Egress) {
        let Some(step) = self.step_of(egress.at.step.as_str()) else { return };
        let of = Try { step, number: egress.at.attempt };
        // Where no command runs there is a finding already.
        if matches!(&self.at, At::Command(own, role) if (own.of, *role) != (of, egress.role)) {
            let found = format!("`{}`", egress.at.step);
            self.wrong(Code::OutOfOrder, "a connection of the command that runs", found);
        }
        if egress.port == 0 {
            self.notes.push(format!("`{}` reached more destinations than a journal names", egress.at.step));
            return;
        }
        let (host, port) = (egress.host.as_str(), egress.port);
        let reaches = |step: &RecordedStep| step.network.reaches(host, port);
        let reached = self.planned(step).is_none_or(reaches) || self.is_model(step, host, port);
        let planned = reached && egress.role == Role::Action;
        if egress.verdict == EgressVerdict::Allowed && !planned {
            let place = format!("line {}: `{}` reached {host}:{port}", self.events, egress.at.step);
            self.policy.reached(place);
        }
    }

    pub(super) fn attempt_ended(
        &mut self,
        id: &str,
        number: u32,
        result: AttemptResult,
        reason: Option<&Reason>,
    ) {
        let Some(step) = self.step_of(id) else { return };
        let attempt = match self.at.leave() {
            At::Attempt(attempt) | At::Command(attempt, _) => attempt,
            other => return self.at = other,
        };
        let of = Try { step, number };
        if attempt.of != of {
            let found = format!("attempt {number} of `{id}`");
            self.wrong(Code::OutOfOrder, "the end of the attempt that runs", found);
        }
        let kind = reason.map(|reason| reason.kind);
        self.count_failures(result, kind);
        self.note_result(step, result, reason);
        self.check_attempt(&attempt, result, reason);
        // What a dead runner was at has its end; what follows goes on, or goes back, from there.
        let over = At::Over(Over { of, result, rolled_back: 0, lost: attempt.lost });
        self.at = if kind == Some(ReasonKind::Crash) { At::Idle } else { over };
    }

    /// Demands a result that follows from how the commands ended, and a reason that tells just that.
    fn check_attempt(&mut self, attempt: &Attempt, result: AttemptResult, reason: Option<&Reason>) {
        let Some(step) = self.planned(attempt.of.step) else { return };
        let why = reason.map(|reason| reason.kind);
        let judged = attempt.was_judged(step, result, why);
        let follows = attempt.comes_to(step, result, why) && attempt.was_cut(result, why);
        let sentence =
            reason.and_then(|reason| Some((attempt.sentence(step, reason.kind)?, reason.text.as_str())));
        if !judged {
            let found = format!("attempt {} of `{}` {result:?}, {why:?}", attempt.of.number, step.id);
            self.wrong(
                Code::ResultWrong,
                "a result that follows from the verdicts on all that is expected",
                found,
            );
        } else if !follows {
            let action = if attempt.is_well() { "as expected" } else { "not as expected" };
            let (id, number) = (&step.id, attempt.of.number);
            let found = format!("attempt {number} of `{id}` {result:?}, its commands ended {action}");
            self.wrong(Code::ResultWrong, "a result that follows from the commands", found);
        } else if let Some((own, told)) = sentence.filter(|(own, told)| !spelled::same(own, told)) {
            let told = told.to_owned();
            self.wrong(Code::ResultWrong, own, told);
        }
    }

    /// A rate limit is no failure of the step's work.
    fn count_failures(&mut self, result: AttemptResult, why: Option<ReasonKind>) {
        let (now, most) = self.consecutive;
        let now = match result {
            AttemptResult::Passed => 0,
            AttemptResult::Failed if why == Some(ReasonKind::RateLimit) => now,
            AttemptResult::Failed => now + 1,
            AttemptResult::Interrupted | AttemptResult::Superseded => now,
        };
        self.consecutive = (now, most.max(now));
    }
}
