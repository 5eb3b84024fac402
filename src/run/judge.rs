//! Takes how a command ended and what is there, gives verdicts: recorded one by one, and a reason if one decides the
//! attempt.

use super::command::Done;
use super::deadline::{Bound, Cut};
use super::expect::{self, Verdict};
use super::outcome::{Attempt, Outcome};
use super::{RunError, Runner};
use crate::evidence::event::{Event, Expected, Judged, Reason, ReasonKind, Role};
use crate::plan::{Step, units};
use crate::sandbox::Status;
use crate::time::spoken;

impl Runner<'_> {
    /// Tells whether a command's end decides the attempt; that it ended as expected, or did not, is recorded.
    pub(super) fn judge(&mut self, this: &Attempt<'_>, command: Which<'_>, done: &Done) -> Option<Outcome> {
        if let (Ok(ended), None) = (&done.ended, done.cut) {
            let held = expect::exit_code(ended, command.expected()).is_none() && ended.survivors == 0;
            let saw = Some(expect::how(&ended.status));
            self.record_verdict(this, Verdict { kind: command.kind(), index: command.index(), held, saw });
        }
        let fail = |kind, text: &str| Some(self.failed(kind, &format!("{}{text}", command.prefix())));
        match (&done.ended, done.cut) {
            (_, Some(Cut::Signal(number))) => Some(Outcome::Interrupted(number)),
            (Err(error), _) => fail(ReasonKind::Launch, error),
            (_, Some(cut @ Cut::Time(Bound::Step))) => {
                fail(ReasonKind::Timeout, &(self.cut_in_words(cut, this.step) + &silence(done)))
            }
            (_, Some(cut @ Cut::Time(Bound::Run))) => {
                fail(ReasonKind::RunTimeout, &(self.cut_in_words(cut, this.step) + &silence(done)))
            }
            (_, Some(Cut::Time(Bound::Rollback))) => fail(ReasonKind::Timeout, "over a minute"),
            (_, Some(Cut::Answer)) => fail(ReasonKind::Agent, &self.cut_in_words(Cut::Answer, this.step)),
            (_, Some(Cut::Output)) => fail(ReasonKind::Limit, "output over its limit"),
            (Ok(ended), None) if ended.survivors > 0 => {
                fail(ReasonKind::Limit, &format!("{} processes could not be ended", ended.survivors))
            }
            (Ok(ended), None) => {
                let is_limit = matches!(ended.status, Status::Limit(_));
                let kind = if is_limit { ReasonKind::Limit } else { command.reason() };
                expect::exit_code(ended, command.expected()).and_then(|text| fail(kind, &text))
            }
        }
    }

    /// Judges what an action was to leave and to print, and what it changed.
    pub(super) fn judge_result(
        &mut self,
        this: &Attempt<'_>,
        output: Vec<Verdict>,
    ) -> Result<Option<Outcome>, RunError> {
        let expected = &this.step.expectation;
        let mut verdicts = expect::files(expected, self.worktree);
        verdicts.extend(output.into_iter().map(|verdict| self.masked(verdict)));
        let mut unmet: Vec<String> =
            verdicts.iter().filter(|verdict| !verdict.held).map(|verdict| verdict.says(expected)).collect();
        for verdict in verdicts {
            self.record_verdict(this, verdict);
        }
        unmet.extend(self.judge_changes(this, 0)?);
        let failed = !unmet.is_empty();
        Ok(failed.then(|| self.failed(ReasonKind::Expectation, &expect::in_words(&unmet))))
    }

    /// Judges what is changed by now: once behind the action, and once behind `post`. Returns what is wrong.
    pub(super) fn judge_changes(&mut self, this: &Attempt<'_>, time: u32) -> Result<Vec<String>, RunError> {
        let Some(expected) = &this.step.expectation.changes else { return Ok(Vec::new()) };
        let changes = self.worktree.changes()?;
        let unmet = expect::unmet_changes(expected, &changes);
        let saw = Some(format!("{} paths changed", changes.paths.len()));
        let (kind, held) = (Expected::Changes, unmet.is_empty());
        self.record_verdict(this, Verdict { kind, index: time, held, saw });
        Ok(unmet)
    }

    /// Masks what was seen of an output: a reason tells it.
    fn masked(&self, verdict: Verdict) -> Verdict {
        let saw = verdict.saw.map(|saw| self.recorder.said(saw).to_string());
        Verdict { saw, ..verdict }
    }

    pub(super) fn record_verdict(&mut self, this: &Attempt<'_>, verdict: Verdict) {
        let Verdict { kind, index, held, saw } = verdict;
        let saw = saw.map(|saw| self.recorder.line(self.recorder.said(saw).as_str()));
        let judged = Judged { at: this.at.clone(), kind, index, held, saw, tree: None };
        self.recorder.defer(Event::ExpectationJudged(Box::new(judged)));
    }

    /// Says why the runner ended a command.
    pub(super) fn cut_in_words(&self, cut: Cut, step: &Step) -> String {
        match cut {
            Cut::Time(Bound::Step) => format!("the step's timeout of {}", units::duration(step.timeout)),
            Cut::Time(Bound::Run) => {
                format!("the run's timeout of {}", units::duration(self.plan.limits.timeout))
            }
            Cut::Time(Bound::Rollback) => "rollback timeout of 1m".to_owned(),
            Cut::Output => format!("output limit of {}", units::size(step.resources.output)),
            Cut::Answer => "what the model's server answered".to_owned(),
            Cut::Signal(number) => expect::signal_name(number),
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

/// Says that the model had been silent when a turn's time was over, if it had.
fn silence(done: &Done) -> String {
    let long = done.silent.filter(|silent| silent.as_secs() > 0);
    long.map(|silent| format!("; the model had been silent for {}", spoken(silent))).unwrap_or_default()
}

/// Which of a step's commands: what it is expected to do follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which<'a> {
    /// The action, which is to exit with this code.
    Action(i32),
    /// One of the `post` commands, as the plan writes it.
    Post(u32, &'a str),
    /// One of the `rollback` commands.
    Rollback(u32),
}

impl Which<'_> {
    pub(super) fn role(self) -> Role {
        match self {
            Self::Action(_) => Role::Action,
            Self::Post(..) => Role::Post,
            Self::Rollback(_) => Role::Rollback,
        }
    }

    /// Returns its place in the plan's list.
    pub(super) fn place(self) -> Option<u32> {
        match self {
            Self::Action(_) => None,
            Self::Post(index, _) | Self::Rollback(index) => Some(index),
        }
    }

    fn index(self) -> u32 {
        self.place().unwrap_or_default()
    }

    fn expected(self) -> i32 {
        if let Self::Action(code) = self { code } else { 0 }
    }

    fn kind(self) -> Expected {
        if let Self::Action(_) = self { Expected::ExitCode } else { Expected::Post }
    }

    fn reason(self) -> ReasonKind {
        if let Self::Action(_) = self { ReasonKind::Exit } else { ReasonKind::Post }
    }

    fn prefix(self) -> String {
        if let Self::Post(_, command) = self { format!("post `{command}`: ") } else { String::new() }
    }
}
