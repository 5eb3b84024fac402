//! Canaries and mutants: takes their runs, tells whether failures show and whether the new code is what is tested.

use std::collections::BTreeSet;

use super::judge::{Judge, twice};
use super::names::is_of;
use super::{Code, Kind, Note, Ran, Refusal, Which};
use crate::results::Outcome;

/// More tests than are named of those that notice a changed value.
pub(super) const NAMED: usize = 5;

/// What the tests say of a changed value, or of lines that were put back.
pub(super) enum Said {
    Noticed(BTreeSet<String>),
    Survived,
    /// The tests did not run with it, or not to their end.
    Unjudged,
}

impl Judge<'_> {
    /// Judges the tests that had to fail.
    pub(super) fn canaries(&mut self) {
        if self.runs.canaries.is_empty() {
            self.verdict.notes.push(Note::NoCanaries);
        }
        for canary in &self.runs.canaries {
            let file = canary.file.clone();
            match (&canary.id, canary.seen) {
                (None, _) => self.verdict.notes.push(Note::NotCanaried { file }),
                (Some(_), Some(Outcome::Failed)) => {}
                (Some(_), Some(_)) => self.refuse(Refusal::CanaryPassed { file }),
                // It was not run, because all is refused already.
                (Some(_), None) if self.runs.canaried.is_none() && !self.verdict.is_accepted() => {}
                (Some(_), None) => self.refuse(Refusal::CanaryMissing { file }),
            }
        }
        let Some(ran) = &self.runs.canaried else { return };
        let disturbed =
            ran.results.iter().filter(|(id, outcome)| *outcome == Outcome::Failed && self.passes(id));
        for id in disturbed.map(|(id, _)| id.to_owned()).collect::<Vec<_>>() {
            if self.verdict.proved.contains(&id) {
                self.refuse(Refusal::Disturbed { id });
            } else {
                self.verdict.notes.push(Note::Disturbed { id });
            }
        }
    }

    /// Judges the tests that prove, each made to fail at its end.
    pub(super) fn spoiled(&mut self) {
        let runs = self.runs;
        if runs.spoils.is_empty() || (runs.spoiled.is_none() && !self.verdict.is_accepted()) {
            return;
        }
        let Some(ran) = runs.spoiled.as_ref().filter(|ran| ran.built) else {
            return self.refuse(Refusal::NoReport { which: Which::Spoiled });
        };
        let is_spoiled = |id: &&String| runs.spoils.iter().any(|name| is_of(name, id));
        let proving: Vec<String> = self.verdict.proved.iter().filter(is_spoiled).cloned().collect();
        let mut missing = Vec::new();
        for id in proving {
            match ran.results.get(&id) {
                Some(Outcome::Failed) => {}
                Some(_) => self.refuse(Refusal::SpoiledPassed { id }),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            missing.truncate(NAMED);
            self.refuse(Refusal::ReportShort { which: Which::Spoiled, ids: missing });
        }
    }

    pub(super) fn is_proof(&self, id: &String) -> bool {
        self.verdict.proved.contains(id) || self.verdict.excused.contains(id)
    }

    /// Those of some tests that prove the change; where none of them does, all.
    pub(super) fn proving(&self, by: BTreeSet<String>) -> BTreeSet<String> {
        let proving: BTreeSet<String> = by.iter().filter(|id| self.is_proof(id)).cloned().collect();
        if proving.is_empty() { by } else { proving }
    }

    /// Tells what the tests of a run say of what was done to the result for it.
    pub(super) fn said(&self, ran: &Ran) -> Said {
        let fails = |id: &str| twice(&self.runs.result, id).contains(&Some(Outcome::Failed));
        let by: BTreeSet<String> = ran
            .results
            .iter()
            .filter(|(id, outcome)| *outcome == Outcome::Failed && !fails(id))
            .map(|(id, _)| id.to_owned())
            .collect();
        let before: BTreeSet<&str> = self.runs.result.iter().flat_map(|ran| ran.results.broken()).collect();
        let is_whole = self.verdict.proved.iter().all(|id| ran.results.get(id).is_some() || ran.part);
        if !ran.built {
            Said::Unjudged
        } else if !by.is_empty() {
            Said::Noticed(by)
        } else if !is_whole
            || ran.results.is_empty()
            || ran.results.broken().any(|what| !before.contains(what))
        {
            Said::Unjudged
        } else {
            Said::Survived
        }
    }

    /// Judges what supports a proof.
    pub(super) fn support(&mut self) {
        self.canaries();
        if self.terms.kind == Kind::Refactor {
            return;
        }
        self.spoiled();
        let by_absent = self.mutants();
        if self.runs.mutants.is_empty() {
            let wanted = self.terms.mutants > 0 && self.runs.code != Code::Nothing;
            self.verdict.notes.push(if wanted { Note::NothingToMutate } else { Note::NoMutants });
        }
        if !self.failing.is_empty() || self.absent.is_empty() {
            return;
        }
        let is_canaried = self.runs.canaries.iter().any(|canary| canary.seen == Some(Outcome::Failed));
        let why = match (is_canaried, by_absent) {
            (true, true) => return,
            (false, _) => "no file could carry such a test",
            (true, false) if self.runs.mutants.is_empty() => "there is no value to change",
            (true, false) => "these tests notice none",
        };
        let ids = self.absent.iter().take(NAMED).cloned().collect();
        self.refuse(Refusal::NotBuiltOnBaseAndUnsupported { ids, why: why.to_owned() });
    }
}
