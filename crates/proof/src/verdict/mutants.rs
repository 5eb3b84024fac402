//! Takes the runs with a changed value each, tells which of them no test noticed, and which of these speak against the change.
//!
//! One that no test notices may be a value that nobody looks at, or one that makes no difference: `max` has the same outcome with
//! `>` and `>=`. Where tests notice what else is changed in the same function, the edge of a condition is only noted, and of
//! other values one for each so many that tests which prove have noticed. A test that asserts too little of a result notices
//! about half of what is changed: conditions and failures, no values.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::support::{NAMED, Said};
use super::{Mutant, Note, Noticed, Refusal, Runs, Terms};

/// So many changed values have to be noticed by tests that prove for one that no test notices.
const FOR_ONE: usize = 4;

/// A function: its file, its first and last line.
pub type Function = (String, (u32, u32));

/// What was tried, by what the tests say of it.
struct Tried<'a> {
    all: Vec<(&'a Mutant, Said)>,
    /// Functions in which some test noticed something.
    heard: BTreeSet<Function>,
    /// How many values are noted at most, other than on edges.
    spared: usize,
}

/// Lists the functions of whose changed values no test has noticed one yet, if it would help that one did.
pub fn unheard(runs: &Runs) -> Vec<Function> {
    let terms = Terms::default();
    let mut judge = Judge::of(runs, &terms);
    judge.first();
    let tried = judge.tried();
    if tried.values() > tried.spared {
        return Vec::new();
    }
    let survivors = tried.survivors().filter_map(function);
    survivors.filter(|own| !tried.heard.contains(own)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn function(mutant: &Mutant) -> Option<Function> {
    let (path, _) = mutant.at.rsplit_once(':')?;
    Some((path.to_owned(), mutant.within?))
}

impl<'a> Tried<'a> {
    fn survivors(&self) -> impl Iterator<Item = &'a Mutant> {
        self.all.iter().filter(|(_, said)| matches!(said, Said::Survived)).map(|(mutant, _)| *mutant)
    }

    /// How many survived, other than on edges.
    fn values(&self) -> usize {
        self.survivors().filter(|mutant| !mutant.is_edge).count()
    }

    /// It is no reason to refuse.
    fn is_spared(&self, mutant: &Mutant) -> bool {
        let is_heard = function(mutant).is_some_and(|own| self.heard.contains(&own));
        is_heard && (mutant.is_edge || self.values() <= self.spared)
    }
}

impl<'a> Judge<'a> {
    fn tried(&self) -> Tried<'a> {
        let all: Vec<(&Mutant, Said)> =
            self.runs.mutants.iter().map(|mutant| (mutant, self.said(&mutant.ran))).collect();
        let noticed = || {
            all.iter().filter_map(|(mutant, said)| match said {
                Said::Noticed(by) => Some((*mutant, by)),
                _ => None,
            })
        };
        let heard = noticed().filter_map(|(mutant, _)| function(mutant)).collect();
        let proofs = noticed().filter(|(_, by)| by.iter().any(|id| self.is_proof(id))).count();
        Tried { heard, spared: proofs / FOR_ONE, all }
    }

    /// Judges the changed values; tells whether one was noticed by a test that is not there on the base.
    pub(super) fn mutants(&mut self) -> bool {
        let tried = self.tried();
        let (mut judged, mut refused, mut by_proof, mut by_absent) = (0, 0, false, false);
        let spared: Vec<bool> = tried.all.iter().map(|(mutant, _)| tried.is_spared(mutant)).collect();
        for ((mutant, said), is_spared) in tried.all.into_iter().zip(spared) {
            let (at, what) = (mutant.at.clone(), mutant.what.clone());
            judged += usize::from(!matches!(said, Said::Unjudged));
            match said {
                Said::Unjudged => self.verdict.notes.push(Note::NotJudged { at, what }),
                Said::Survived if is_spared => self.verdict.notes.push(Note::Survived { at, what }),
                Said::Survived => {
                    refused += 1;
                    self.refuse(Refusal::MutantSurvived { at, what });
                }
                Said::Noticed(by) => {
                    by_absent |= !by.is_disjoint(&self.absent);
                    by_proof |= by.iter().any(|id| self.is_proof(id));
                    let by = self.proving(by).into_iter().take(NAMED).collect();
                    self.verdict.noticed.push(Noticed { at, what, by });
                }
            }
        }
        let count = self.runs.mutants.len();
        if count > 0 && judged == 0 {
            self.refuse(Refusal::MutantsUnjudged { count });
        } else if judged > 0 && refused == 0 && !by_proof {
            self.refuse(Refusal::ProofUntouched);
        }
        by_absent
    }
}
