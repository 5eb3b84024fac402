//! Judging: takes the runs and the terms, finds what proves the change and what speaks against it.

use std::collections::BTreeSet;

use super::{Code, Kind, Note, Ran, Refusal, Runs, Terms, Verdict, Which};
use crate::results::Outcome;

/// More tests than are named in one refusal.
const NAMED: usize = 20;

/// Tells whether an id is the path of a file of JavaScript.
fn is_script(id: &str) -> bool {
    const ENDINGS: [&str; 6] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];
    ENDINGS.iter().any(|end| id.ends_with(end)) && !id.contains(char::is_whitespace)
}

/// What two runs of the same say of a test.
pub(super) fn twice(ran: &[Ran; 2], id: &str) -> [Option<Outcome>; 2] {
    [ran[0].results.get(id), ran[1].results.get(id)]
}

/// What is judged, and what was found so far.
pub(super) struct Judge<'a> {
    pub(super) runs: &'a Runs,
    pub(super) terms: &'a Terms,
    /// Tests that fail without the change and pass with it.
    pub(super) failing: BTreeSet<String>,
    /// Tests that are not there without the change and pass with it.
    pub(super) absent: BTreeSet<String>,
    pub(super) verdict: Verdict,
}

impl<'a> Judge<'a> {
    pub(super) fn of(runs: &'a Runs, terms: &'a Terms) -> Self {
        let (failing, absent) = (BTreeSet::new(), BTreeSet::new());
        Self { runs, terms, failing, absent, verdict: Verdict::default() }
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.verdict.refusals.push(refusal);
    }

    /// What the result says of a test, twice. Where the second run did not ask for it, the first stands for both: such a test is
    /// of a file that the change does not touch, and proves nothing.
    pub(super) fn in_result(&self, id: &str) -> [Option<Outcome>; 2] {
        let [first, second] = twice(&self.runs.result, id);
        let is_left_out = second.is_none() && self.was_left_out(&self.runs.result[1], id);
        [first, if is_left_out { first } else { second }]
    }

    /// Tells whether a run of chosen files need not report a test: none of the other runs of these has it.
    pub(super) fn was_left_out(&self, ran: &Ran, id: &str) -> bool {
        let in_old_tests = self.runs.old_tests.as_ref().filter(|old| old.part);
        let is_of_chosen = in_old_tests.is_some_and(|old| old.results.get(id).is_some());
        ran.part && !is_of_chosen && !self.is_in_tests(id)
    }

    pub(super) fn passes(&self, id: &str) -> bool {
        twice(&self.runs.result, id) == [Some(Outcome::Passed); 2]
    }

    pub(super) fn fails_before(&self, id: &str) -> bool {
        twice(&self.runs.tests, id) == [Some(Outcome::Failed); 2]
    }

    pub(super) fn is_in_tests(&self, id: &str) -> bool {
        twice(&self.runs.tests, id).iter().any(Option::is_some)
    }

    /// The runs without canaries and mutants: what they are enough to refuse is refused.
    pub(super) fn first(&mut self) {
        self.grounds();
        self.new_tests();
        self.old_tests();
        if self.terms.kind == Kind::Proof {
            self.short();
            self.proved();
            self.nothing_proved();
        }
    }

    /// Whether the runs can tell anything.
    fn grounds(&mut self) {
        let runs = self.runs;
        if !runs.base.built {
            self.refuse(Refusal::NoReport { which: Which::Base });
        } else if !runs.base.results.is_empty() && runs.base.results.passed().next().is_none() {
            self.refuse(Refusal::BaseHasNoPassingTest);
        }
        if runs.result.iter().any(|ran| !ran.built) {
            self.refuse(Refusal::NoReport { which: Which::Result });
        }
        if runs.old_tests.as_ref().is_some_and(|ran| !ran.built) && self.terms.except.is_empty() {
            self.refuse(Refusal::NoReport { which: Which::OldTests });
        }
        if self.terms.kind == Kind::Proof && runs.code == Code::Comments {
            self.refuse(Refusal::OnlyComments);
        }
        let before: BTreeSet<&str> = runs.base.results.broken().collect();
        let now: BTreeSet<&str> = runs.result.iter().flat_map(|ran| ran.results.broken()).collect();
        for what in now {
            let what = what.to_owned();
            if before.contains(what.as_str()) {
                self.verdict.notes.push(Note::BrokenBefore { what });
            } else {
                self.refuse(Refusal::Broken { which: Which::Result, what });
            }
        }
    }

    /// Tests of the result that did not pass on the base: they may not fail.
    fn new_tests(&mut self) {
        let runs = self.runs;
        let ids: BTreeSet<&str> =
            runs.result.iter().flat_map(|ran| ran.results.iter().map(|(id, _)| id)).collect();
        for id in ids {
            let both = self.in_result(id);
            if both.contains(&Some(Outcome::Skipped)) {
                self.verdict.skipped.insert(id.to_owned());
            }
            let failed = both.iter().filter(|outcome| **outcome == Some(Outcome::Failed)).count();
            let id = id.to_owned();
            match (runs.base.results.get(&id), failed) {
                (Some(Outcome::Passed), _) | (_, 0) => {}
                (Some(Outcome::Failed), 2) => self.verdict.notes.push(Note::FailsBefore { id }),
                (Some(Outcome::Failed), _) => self.verdict.notes.push(Note::Flaky { id }),
                (_, 2) => self.refuse(Refusal::Fails { id }),
                (_, _) => self.refuse(Refusal::Flaky { id }),
            }
        }
    }

    /// Tests that run without the change, and are not reported with it: a process left early.
    fn short(&mut self) {
        let runs = self.runs;
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        for (ran, other) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let there = runs.tests[ran].results.iter().map(|(id, _)| id);
            missing.extend(there.filter(|id| runs.result[other].results.get(id).is_none()));
        }
        for (ran, other) in [(0, 1), (1, 0)] {
            let there = runs.result[ran].results.iter().map(|(id, _)| id);
            let lacks = |id: &&str| {
                let ran = &runs.result[other];
                ran.results.get(id).is_none() && !self.was_left_out(ran, id)
            };
            missing.extend(there.filter(lacks));
        }
        let named = |id: &&str| self.terms.except.iter().any(|name| super::names::names(name, id));
        // What passed on the base is judged with the old tests.
        let old = |id: &&str| runs.base.results.get(id) == Some(Outcome::Passed);
        // `node --test` has a file that could not be loaded as a test, and does not name it any more when it can.
        let unloaded =
            |id: &&str| self.fails_before(id) && runs.base.results.get(id).is_none() && is_script(id);
        let missing = missing.into_iter().filter(|id| !named(id) && !old(id) && !unloaded(id));
        let ids: Vec<String> = missing.take(NAMED).map(str::to_owned).collect();
        if !ids.is_empty() && runs.result.iter().all(|ran| ran.built) {
            self.refuse(Refusal::ReportShort { which: Which::Result, ids });
        }
    }

    /// Tests that prove the change.
    fn proved(&mut self) {
        let runs = self.runs;
        for id in runs.result[0].results.passed().filter(|id| self.passes(id)).collect::<Vec<_>>() {
            let named = self.verdict.named.contains(id);
            if self.verdict.excused.contains(id) && !named {
                continue;
            }
            match twice(&runs.tests, id) {
                [Some(Outcome::Failed), Some(Outcome::Failed)] => {
                    self.failing.insert(id.to_owned());
                }
                [None, None] if runs.base.results.get(id).is_none() => {
                    self.absent.insert(id.to_owned());
                }
                [Some(Outcome::Failed), _] | [_, Some(Outcome::Failed)] => {
                    self.verdict.notes.push(Note::Flaky { id: id.to_owned() });
                }
                _ => {}
            }
        }
        self.verdict.proved = &self.failing | &self.absent;
    }

    fn nothing_proved(&mut self) {
        if !self.verdict.proved.is_empty() {
            return;
        }
        if !self.verdict.excused.is_empty() {
            let ids = self.verdict.excused.iter().take(NAMED).cloned().collect();
            self.refuse(Refusal::OnlyOldTests { ids });
            return;
        }
        let base = &self.runs.base.results;
        let idle = self.runs.result[0].results.passed().filter(|id| base.get(id).is_none());
        let idle = idle.filter(|id| twice(&self.runs.tests, id) == [Some(Outcome::Passed); 2]);
        let idle: Vec<String> = idle.take(NAMED).map(str::to_owned).collect();
        for id in idle {
            self.refuse(Refusal::PassesBefore { id });
        }
        self.refuse(Refusal::NothingProved);
    }
}
