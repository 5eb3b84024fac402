//! Takes a run of a proof, gives the document that is recorded of it, and back: of the base all tests, of the others what is
//! not as there. Names of tests are values, never keys: values are masked.

use std::collections::{BTreeMap, BTreeSet};

use autopilot_proof::results::{Outcome, Results};
use autopilot_proof::verdict::{Canary, Code, Mutant, Ran, Runs, Undone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::evidence::event::{ProofRan, ProofRun};

/// What is known before the first run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// What the change does to what is no test.
    #[serde(default)]
    pub code: Code,
    /// Test files that stood, were changed, and hold no code.
    #[serde(default)]
    pub data: Vec<String>,
    /// The tests that must fail, not run yet.
    #[serde(default)]
    pub canaries: Vec<Canary>,
    /// What the tests are called that are made to fail at their end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoils: Vec<String>,
}

/// What is recorded of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    built: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    part: bool,
    /// What is not named came out as on the base.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    else_as_base: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<String>,
    /// Tests of the base that were not reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    absent: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repeats: Vec<(String, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    broken: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<Opening>,
    /// Where a value was changed, and what of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mutant: Option<(String, String)>,
    /// The lines of the function that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<(u32, u32)>,
    /// It moves the edge of a condition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_edge: bool,
    /// Which file's lines were put back, the first and the last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hunk: Option<(String, u32, u32)>,
}

impl Report {
    /// Takes the run on the base, with what is known before it.
    pub fn base(ran: &Ran, opening: Opening) -> Self {
        Self { opening: Some(opening), ..Self::whole(ran) }
    }

    /// Takes another run: as what it has not in common with the base, where that is shorter.
    pub fn other(ran: &Ran, base: &Ran) -> Self {
        let whole = Self::whole(ran);
        let mut short = Self { else_as_base: true, ..whole.clone() };
        let differs = |outcome| move |id: &String| base.results.get(id) != Some(outcome);
        short.passed.retain(differs(Outcome::Passed));
        short.failed.retain(differs(Outcome::Failed));
        short.skipped.retain(differs(Outcome::Skipped));
        let absent = base.results.iter().filter(|(id, _)| ran.results.get(id).is_none());
        short.absent = absent.map(|(id, _)| id.to_owned()).collect();
        if short.named() < whole.named() { short } else { whole }
    }

    /// The same of a run with a changed value.
    pub fn mutant(mutant: &Mutant, base: &Ran) -> Self {
        let Mutant { at, what, ran, within, is_edge } = mutant;
        let mutant = Some((at.clone(), what.clone()));
        Self { mutant, within: *within, is_edge: *is_edge, ..Self::other(ran, base) }
    }

    /// The same of a run without some of the changed lines.
    pub fn undone(undone: &Undone, base: &Ran) -> Self {
        let hunk = (undone.path.clone(), undone.first, undone.last);
        Self { hunk: Some(hunk), ..Self::other(&undone.ran, base) }
    }

    /// Returns it as it is recorded.
    pub fn value(&self) -> Value {
        // Texts and numbers alone: this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    fn named(&self) -> usize {
        self.passed.len() + self.failed.len() + self.skipped.len() + self.absent.len()
    }

    fn whole(ran: &Ran) -> Self {
        let of = |wanted| -> Vec<String> {
            ran.results.iter().filter(|(_, own)| *own == wanted).map(|(id, _)| id.to_owned()).collect()
        };
        let repeats = ran.results.iter().map(|(id, _)| (id.to_owned(), ran.results.times(id)));
        Self {
            built: ran.built,
            part: ran.part,
            passed: of(Outcome::Passed),
            failed: of(Outcome::Failed),
            skipped: of(Outcome::Skipped),
            repeats: repeats.filter(|(_, times)| *times > 1).collect(),
            broken: ran.results.broken().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    fn ran(&self, base: Option<&Ran>) -> Option<Ran> {
        let mut tests: BTreeMap<String, Outcome> = match (self.else_as_base, base) {
            (false, _) => BTreeMap::new(),
            (true, Some(base)) => base.results.iter().map(|(id, own)| (id.to_owned(), own)).collect(),
            (true, None) => return None,
        };
        for id in &self.absent {
            tests.remove(id);
        }
        let named = [
            (&self.passed, Outcome::Passed),
            (&self.failed, Outcome::Failed),
            (&self.skipped, Outcome::Skipped),
        ];
        for (ids, outcome) in named {
            tests.extend(ids.iter().map(|id| (id.clone(), outcome)));
        }
        let repeats: BTreeMap<_, _> = self.repeats.iter().cloned().collect();
        let broken: BTreeSet<_> = self.broken.iter().collect();
        let results = json!({"tests": tests, "repeats": repeats, "broken": broken});
        let results: Results = serde_json::from_value(results).ok()?;
        Some(Ran { results, built: self.built, part: self.part })
    }
}

/// What is recorded of a proof, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The runs.
    pub runs: Runs,
    /// Runs that were made, by what they were made on.
    pub made: Vec<ProofRun>,
    /// Runs without some of the changed lines, which decide nothing.
    pub undone: Vec<Undone>,
}

/// Reads the runs of one attempt's proof; nothing if one of them cannot be read.
pub fn runs<'r>(recorded: impl IntoIterator<Item = &'r ProofRan>) -> Option<Recorded> {
    let (mut runs, mut made, mut undone) = (Runs::default(), Vec::new(), Vec::<Undone>::new());
    let (mut tests, mut result) = (0, 0);
    for own in recorded {
        let report: Report = Report::deserialize(own.report.as_ref()?.value()).ok()?;
        let base = (!made.is_empty()).then_some(&runs.base);
        let ran = report.ran(base)?;
        match own.run {
            ProofRun::Base => {
                let opening = report.opening?;
                (runs.code, runs.data, runs.canaries) = (opening.code, opening.data, opening.canaries);
                runs.spoils = opening.spoils;
                runs.base = ran;
            }
            ProofRun::Tests => {
                *runs.tests.get_mut(tests)? = ran;
                tests += 1;
            }
            ProofRun::Result => {
                *runs.result.get_mut(result)? = ran;
                result += 1;
            }
            ProofRun::OldTests => runs.old_tests = Some(ran),
            ProofRun::Canary => {
                for canary in &mut runs.canaries {
                    canary.seen = canary.id.as_ref().and_then(|id| ran.results.ending(id));
                }
                runs.canaried = Some(ran);
            }
            ProofRun::Spoiled => runs.spoiled = Some(ran),
            ProofRun::Mutant => {
                let (at, what) = report.mutant?;
                // With all tests, where the chosen ones had not noticed.
                runs.mutants.pop_if(|own| own.ran.part && own.at == at && own.what == what);
                let (within, is_edge) = (report.within, report.is_edge);
                runs.mutants.push(Mutant { at, what, ran, within, is_edge });
            }
            ProofRun::Hunk => {
                let (path, first, last) = report.hunk?;
                let range = (first, last);
                undone.pop_if(|own| own.ran.part && own.path == path && (own.first, own.last) == range);
                undone.push(Undone { path, first, last, ran });
            }
        }
        made.push(own.run);
    }
    (made.first() == Some(&ProofRun::Base)).then_some(Recorded { runs, made, undone })
}
