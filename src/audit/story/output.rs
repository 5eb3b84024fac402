//! What attempts print: where each command's output is in its attempt's part, and when that goes into the log, in one
//! piece. From version 2 on.

use super::moves::Kind;
use super::printed::Printed;
use super::state::Story;
use super::tried::Try;
use crate::audit::code::Code;
use crate::evidence::AttemptId;

impl Story {
    /// Notes that an attempt begins to print.
    pub(super) fn begin_printing(&mut self, of: Try) {
        self.printed.insert(of, Printed::default());
        self.due.of = Some(of);
    }

    /// Demands that an event comes where no output is, or is left, on its way into the log.
    pub(super) fn expect_output(&mut self, kind: Kind) {
        if kind == Kind::LogAppended {
            return;
        }
        let is_over = std::mem::take(&mut self.due.is_done);
        self.due.takes_over = matches!(kind, Kind::Recovered | Kind::Resumed);
        let follows =
            self.due.takes_over || matches!(kind, Kind::AttemptStarted | Kind::StepEnded | Kind::RunFaulted);
        if is_over && !follows {
            let expected = "the next attempt, or the end of the step, once its output is in the log";
            self.wrong(Code::OutOfOrder, expected, format!("`{}`", kind.text()));
        }
        let needs = matches!(kind, Kind::AttemptStarted | Kind::StepEnded | Kind::RunEnded);
        if let Some(of) = self.due.of.filter(|_| needs) {
            self.due.of = None;
            let id = self.planned(of.step).map(|step| step.id.clone()).unwrap_or_default();
            let expected = format!("`log.appended` of attempt {} of `{id}`", of.number);
            self.wrong(Code::StartWithoutEnd, expected, format!("`{}`", kind.text()));
        }
        if self.due.takes_over {
            self.due.of = None;
            self.printed
                .values_mut()
                .for_each(|printed| (printed.is_in_log, printed.is_left) = (false, true));
        }
    }

    /// Takes where in its attempt's part a command's output is: behind that of the one before.
    pub(super) fn command_printed(&mut self, at: &AttemptId, of: Try, (begin, end): (u64, u64)) {
        let Some(printed) = self.printed.get_mut(&of) else { return };
        let before = printed.end;
        printed.end = before.max(end);
        if begin < before || end < begin {
            let found = format!("{begin} to {end} of {at}");
            self.wrong(Code::ResultWrong, format!("output from byte {before} on"), found);
        }
    }

    /// Takes that the output of an attempt is in the log.
    pub(super) fn log_appended(&mut self, at: &AttemptId, from: u64, to: u64) {
        let Some(step) = self.step_of(at.step.as_str()) else { return };
        let of = Try { step, number: at.attempt };
        let is_due = self.due.of == Some(of);
        let takes_over = self.due.takes_over;
        let Some(printed) = self.printed.get_mut(&of) else {
            return self.wrong(Code::OutOfOrder, "output of an attempt that began", format!("that of {at}"));
        };
        let again = std::mem::replace(&mut printed.is_in_log, true);
        let (end, is_left) = (printed.end, printed.is_left);
        if again || !(is_due || (is_left && takes_over)) {
            self.wrong(Code::OutOfOrder, "the output of each attempt once", format!("that of {at}"));
        }
        // What a power loss took of the end is in no log.
        if end > to.saturating_sub(from) && !is_left {
            let found = format!("{} of {at}", to.saturating_sub(from));
            self.wrong(Code::ResultWrong, format!("{end} bytes of output, or more"), found);
        }
        if is_due {
            (self.due.of, self.due.is_done) = (None, true);
        }
    }
}
