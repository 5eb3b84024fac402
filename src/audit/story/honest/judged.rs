//! Verdicts of an honest run, what else it tells of an attempt at work, and where its output goes.

use autopilot_proof::results::Outcome as Came;
use autopilot_proof::verdict::{Ran, Runs, Terms, Undone, decide};
use serde_json::{Value, json};

use super::command::Act;
use super::step::Step;
use super::{Done, Outcome, Part, World, reason};
use crate::proof::{Opening, Report};

/// The lists of expectations, as the plan and verdicts call them.
const LISTS: [&str; 5] =
    ["files_exist", "files_absent", "file_contains", "output_matches", "output_excludes"];

impl Step {
    /// Returns what the plan expects of it.
    pub(super) fn expectation(&self) -> Value {
        let mut own = json!({"exit_code": self.expected});
        for (list, count) in LISTS.iter().zip(self.lists) {
            own[*list] = json!(vec!["x"; count]);
        }
        own["changes"] = if self.changes { json!({"max": 3}) } else { Value::Null };
        if self.proves {
            own["proves"] = json!({"except": [], "mutants": 0});
        }
        own
    }

    /// Lists what is expected of a result.
    fn of_result(&self) -> Vec<(&'static str, usize)> {
        let lists = LISTS.iter().zip(self.lists).flat_map(|(list, count)| (0..count).map(|at| (*list, at)));
        lists.chain(self.changes.then_some(("changes", 0))).collect()
    }
}

impl World {
    fn verdict(
        &mut self,
        of: (&str, u32),
        kind: &str,
        index: usize,
        held: bool,
        saw: Option<&str>,
    ) -> Done<()> {
        let mut event = json!({"kind": kind, "index": index, "held": held});
        if let Some(saw) = saw {
            event["saw"] = json!(saw);
        }
        self.emit_of("expectation.judged", of.0, of.1, event)
    }

    /// Writes the verdict on a command, if it comes to one.
    pub(super) fn judge(
        &mut self,
        of: (&str, u32),
        kind: &str,
        index: usize,
        (how, expected): (Act, i32),
    ) -> Done<()> {
        let Some((held, saw)) = how.verdict(expected) else { return Ok(()) };
        self.verdict(of, kind, index, held, Some(&saw))
    }

    /// Writes the verdicts on what an action left; one of them may not hold.
    pub(super) fn judge_result(&mut self, at: usize, of: (&str, u32), unmet: bool) -> Done<Outcome> {
        let all = self.steps[at].of_result();
        let wrong = (unmet && !all.is_empty()).then(|| self.upto(all.len() - 1));
        for (nth, (kind, index)) in all.into_iter().enumerate() {
            self.verdict(of, kind, index, wrong != Some(nth), None)?;
        }
        Ok(wrong.map(|_| reason("expectation", "x")))
    }

    /// Writes the verdict on what is changed behind `post`.
    pub(super) fn judge_again(&mut self, at: usize, of: (&str, u32)) -> Done<Outcome> {
        if !self.steps[at].changes || self.steps[at].post.is_empty() {
            return Ok(None);
        }
        // Version 1 has no word for it.
        let held = !self.one_in(7);
        self.verdict(of, "changes", 1, held, None)?;
        Ok((!held).then(|| reason("expectation", "x")))
    }

    /// Proves that its tests would have noticed, or finds that they would not.
    pub(super) fn prove(&mut self, at: usize, of: (&str, u32)) -> Done<Outcome> {
        if !self.steps[at].proves {
            return Ok(None);
        }
        let held = match self.upto(5) {
            // Something is refused before any run.
            0 => false,
            1 => {
                self.proof_ran(of, "base", None)?;
                false
            }
            2 => self.make_runs(of, "passed")?,
            _ => self.make_runs(of, "failed")?,
        };
        self.verdict(of, "proves", 0, held, Some("x"))?;
        Ok((!held).then(|| reason("proof", "x")))
    }

    /// Makes all runs, of a new test that comes out like this without the change.
    fn make_runs(&mut self, of: (&str, u32), without: &str) -> Done<bool> {
        let ran = |all: &[(&str, Came)]| {
            Ran::whole(all.iter().map(|(id, outcome)| ((*id).to_owned(), *outcome)).collect())
        };
        let new = if without == "passed" { Came::Passed } else { Came::Failed };
        let base = ran(&[("old", Came::Passed)]);
        let tests = ran(&[("old", Came::Passed), ("new", new)]);
        let result = ran(&[("old", Came::Passed), ("new", Came::Passed)]);
        let runs = Runs {
            base: base.clone(),
            tests: [tests.clone(), tests.clone()],
            result: [result.clone(), result.clone()],
            ..Runs::default()
        };
        self.proof_ran(of, "base", Some(Report::base(&base, Opening::default())))?;
        for (run, own) in [("tests", &tests), ("tests", &tests), ("result", &result), ("result", &result)] {
            self.proof_ran(of, run, Some(Report::other(own, &base)))?;
        }
        let held = decide(&runs, &Terms::default()).is_accepted();
        if held && self.one_in(2) {
            let undone = Undone { path: "src/a.rs".to_owned(), first: 3, last: 9, ran: tests };
            self.proof_ran(of, "hunk", Some(Report::undone(&undone, &base)))?;
        }
        Ok(held)
    }

    fn proof_ran(&mut self, of: (&str, u32), run: &str, report: Option<Report>) -> Done<()> {
        let mut event =
            json!({"run": run, "exit_code": 1, "signal": null, "ms": 1, "held": report.is_some()});
        if let Some(report) = report {
            event["report"] = report.value();
        }
        self.emit_of("proof.ran", of.0, of.1, event)
    }

    pub(super) fn ask_for_masks(&mut self, of: (&str, u32)) -> Done<()> {
        if self.one_in(7) { self.emit_of("masks.refused", of.0, of.1, json!({"count": 2})) } else { Ok(()) }
    }

    pub(super) fn mend_git(&mut self, id: &str, number: u32) -> Done<()> {
        if self.version == 1 || !self.one_in(11) {
            return Ok(());
        }
        if self.one_in(2) {
            self.leave_git()?;
        }
        self.emit_of("git.mended", id, number, json!({"what": ["x"]}))
    }

    pub(super) fn leave_git(&mut self) -> Done<()> {
        let reference = format!("refs/salvage/git/{}", self.written.len());
        let saved = json!({"what": "x", "commit": "a".repeat(40), "reference": reference});
        self.emit("git.left", json!({"left": [saved, {"what": "y"}], "more": 0}))
    }

    /// Begins the output of an attempt, with a banner.
    pub(super) fn begin_part(&mut self, id: &str, number: u32) {
        self.part = (self.version > 1).then(|| Part { id: id.to_owned(), number, size: 20 });
    }

    /// Prints some bytes; returns where they are in the attempt's part.
    pub(super) fn print(&mut self) -> (u64, u64) {
        let bytes = self.upto(40) as u64;
        let Some(part) = &mut self.part else { return (0, 0) };
        let begin = part.size;
        part.size += bytes;
        (begin, part.size)
    }

    /// Lays the output of an attempt into the log.
    pub(super) fn append(&mut self) -> Done<()> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let (from, to) = (self.log, self.log + part.size);
        (self.log, self.laid) = (to, Some(part.clone()));
        self.emit_of("log.appended", &part.id, part.number, json!({"from": from, "to": to}))
    }

    /// The same of what a dead runner left: some of its end may be lost, or all of it; or it was not laid yet.
    pub(super) fn append_left(&mut self) -> Done<()> {
        let laid = self.laid.take();
        if self.version == 1 {
            return Ok(());
        }
        self.part = self.part.take().or(laid.filter(|_| self.one_in(8)));
        if self.one_in(9) {
            self.part = None;
        }
        if let (true, Some(part)) = (self.one_in(5), &mut self.part) {
            part.size /= 2;
        }
        self.append()
    }
}
