//! Old tests: takes what passed on the base, tells what became of it.

use std::collections::BTreeSet;

use super::judge::{Judge, twice};
use super::{Kind, Note, Ran, Refusal, names};
use crate::results::Outcome;

/// What became of an old test.
enum Became {
    Good,
    Refused(Refusal),
    /// It is not in the result, but passes where it is put back.
    Vanished,
    /// It fails as it was; its new version fails without the change and passes with it.
    Changed,
}

impl Judge<'_> {
    /// Judges every test that passed on the base.
    pub(super) fn old_tests(&mut self) {
        let ids: BTreeSet<String> = self.runs.base.results.passed().map(str::to_owned).collect();
        let mut vanished = Vec::new();
        for id in &ids {
            let is_named = self.terms.except.iter().any(|name| names::names(name, id));
            match self.became(id) {
                Became::Good => {}
                // A test that fails with the change is never excused.
                Became::Refused(refusal @ (Refusal::Fails { .. } | Refusal::Flaky { .. })) => {
                    self.refuse(refusal);
                }
                _ if is_named => {
                    self.verdict.named.insert(id.clone());
                }
                Became::Refused(refusal) => self.refuse(refusal),
                Became::Vanished => vanished.push(id.clone()),
                Became::Changed => {
                    self.verdict.excused.insert(id.clone());
                }
            }
        }
        self.vanished(vanished);
        for name in &self.terms.except {
            let known = self.runs.base.results.iter().any(|(id, _)| names::names(name, id));
            if !known {
                self.verdict.notes.push(Note::NamesNothing { name: name.clone() });
            }
        }
    }

    fn became(&self, id: &str) -> Became {
        use Outcome::{Failed, Passed, Skipped};
        let own = || id.to_owned();
        match self.in_result(id) {
            [Some(Failed), Some(Failed)] => return Became::Refused(Refusal::Fails { id: own() }),
            [Some(Failed), _] | [_, Some(Failed)] => return Became::Refused(Refusal::Flaky { id: own() }),
            [Some(Skipped), _] | [_, Some(Skipped)] => {
                return Became::Refused(Refusal::OldTestSkipped { id: own() });
            }
            _ => {}
        }
        // Of a name that several files have, chosen ones have fewer.
        let lacks = |ran: &Ran| {
            if ran.part {
                ran.results.get(id).is_none() && !self.was_left_out(ran, id)
            } else {
                ran.results.times(id) < self.runs.base.results.times(id)
            }
        };
        let is_gone = self.runs.result.iter().any(lacks);
        let Some(old) = &self.runs.old_tests else {
            return if is_gone { Became::Refused(Refusal::OldTestLost { id: own() }) } else { Became::Good };
        };
        match old.results.get(id) {
            Some(Failed) if self.has_changed(id) => Became::Changed,
            Some(Failed) => Became::Refused(Refusal::OldTestFails { id: own() }),
            Some(Skipped) => Became::Refused(Refusal::OldTestSkipped { id: own() }),
            Some(Passed) if is_gone && self.terms.kind == Kind::Proof => Became::Vanished,
            Some(Passed) if !is_gone => Became::Good,
            // Of chosen files only those have to be there that are of them.
            None if !is_gone && old.part && !self.is_in_tests(id) => Became::Good,
            Some(Passed) | None => Became::Refused(Refusal::OldTestLost { id: own() }),
        }
    }

    /// Its new version fails without the change and passes with it, and expects it in code: a snapshot that was written
    /// anew expects whatever comes.
    fn has_changed(&self, id: &str) -> bool {
        self.fails_before(id) && self.passes(id) && self.runs.data.is_empty()
    }

    /// Lets tests vanish that others stand in for, which are new and pass with and without the change: a test got another
    /// name, or other parameters.
    fn vanished(&mut self, vanished: Vec<String>) {
        let base = &self.runs.base.results;
        let instead = self.runs.result[0].results.passed().filter(|id| base.get(id).is_none());
        let instead = instead.filter(|id| twice(&self.runs.tests, id) == [Some(Outcome::Passed); 2]).count();
        if vanished.len() <= instead {
            self.verdict.vanished.extend(vanished);
        } else {
            for id in vanished {
                self.refuse(Refusal::OldTestLost { id });
            }
        }
    }
}
