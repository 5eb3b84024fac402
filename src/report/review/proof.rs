//! Takes an attempt, gives the verdict of its proof: what was seen, which tests prove which lines, and which lines none does.

use autopilot_proof::verdict::{Lines, lines};
use serde::Serialize;

use super::phrase::Phrase;
use crate::evidence::event::{Expected, ProofRun};
use crate::evidence::state::AttemptState;
use crate::proof;
use crate::report::spoken::plural;

/// Characters of a verdict, of a place, and of a test's name.
const WIDTH: usize = 600;
const PLACE: usize = 120;
const NAME: usize = 120;
/// Places that are named in a sentence.
const NAMED: usize = 8;

/// The verdict of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// It holds.
    pub held: bool,
    /// What was seen, and the first of the lines that are proved, in words.
    pub says: Phrase,
    /// Lines of the change of which a test noticed that they were gone.
    pub proved: Vec<Proved>,
    /// Lines whose absence no test noticed.
    pub unproved: Vec<String>,
}

/// Lines that tests prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// File and lines.
    pub at: String,
    /// The tests.
    pub by: Vec<String>,
}

impl Proof {
    /// Reads it of an attempt that was to be proved.
    pub(super) fn of(attempt: &AttemptState) -> Option<Self> {
        let judged = attempt.judged.iter().find(|judged| judged.kind == Expected::Proves)?;
        let known = known(attempt);
        let proved = known
            .proved
            .iter()
            .map(|own| Proved { at: own.at.clone(), by: own.by.iter().cloned().collect() });
        let (held, proved): (_, Vec<Proved>) = (judged.held, proved.collect());
        let saw = judged.saw.as_ref().map_or("", |saw| saw.as_str());
        let says = in_words(Phrase::quoted(saw, WIDTH), &proved);
        Some(Self { held, says, proved, unproved: known.unproved.into_iter().collect() })
    }

    /// Names the lines whose absence no test noticed.
    pub(super) fn unproved(&self) -> impl Iterator<Item = Phrase> {
        self.unproved.iter().map(|place| Phrase::words("no test proves ").and_quoted(place, PLACE))
    }
}

/// Reads what the runs of a proof that held say of lines.
fn known(attempt: &AttemptState) -> Lines {
    let held = attempt.judged.iter().any(|judged| judged.kind == Expected::Proves && judged.held);
    let says = |run| matches!(run, ProofRun::Mutant | ProofRun::Hunk);
    if !held || !attempt.proofs.iter().any(|ran| says(ran.run)) {
        return Lines::default();
    }
    proof::runs(&attempt.proofs).map(|own| lines(&own.runs, &own.undone)).unwrap_or_default()
}

fn in_words(mut says: Phrase, proved: &[Proved]) -> Phrase {
    for own in proved.iter().take(NAMED) {
        let first = own.by.first().map_or("", String::as_str);
        says = says.and("; ").and_quoted(&own.at, PLACE).and(" by ").and_quoted(first, NAME);
        let more = own.by.len().saturating_sub(1) as u64;
        says = if more == 0 { says } else { says.and(format!(" and {}", plural(more, "other"))) };
    }
    match proved.len().saturating_sub(NAMED) {
        0 => says,
        more => says.and(format!("; and {more} more")),
    }
}
