//! What a page tells of a run.

use crate::fact::{Fact, Mark};
use crate::frame::Life;
use crate::words::Words;

/// A run.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its name.
    pub name: Words,
    /// How it stands.
    pub mark: Mark,
    /// What became of which issue, and how long it took.
    pub heading: Words,
    /// The plan's title.
    pub title: Words,
    /// In a line: where the result is, how much it changes, what it cost.
    pub extent: Vec<Fact>,
    /// What somebody wants to know who has to decide about the result.
    pub review: Vec<Fact>,
    /// What somebody wants to know who answers for the machine.
    pub security: Vec<Fact>,
    /// What it changed.
    pub files: Vec<Changed>,
    /// Its steps, in the order they run.
    pub steps: Vec<Step>,
    /// What the parts of the time axis are marked with, from its beginning to its end.
    pub ticks: Vec<Words>,
    /// What was decided about connections.
    pub network: Vec<Decision>,
    /// What its steps printed.
    pub log: Vec<Piece>,
    /// How to check all of this.
    pub check: Vec<Fact>,
    /// Whether the page follows it.
    pub life: Life,
}

/// A changed file.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// Where.
    pub path: Words,
    /// By how much.
    pub extent: Words,
    /// Why somebody should look at it first; mostly empty.
    pub why: Words,
}

/// A step.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// Its id.
    pub id: Words,
    /// How it stands.
    pub mark: Mark,
    /// The same in words: result, tries, time, tokens.
    pub state: Vec<Words>,
    /// From when to when its attempts were.
    pub when: Words,
    /// What the plan asks for it.
    pub asked: Vec<Fact>,
    /// Its attempts.
    pub attempts: Vec<Attempt>,
}

/// An attempt.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// How it ended.
    pub mark: Mark,
    /// The same in words.
    pub state: Words,
    /// When.
    pub span: Span,
    /// What it did, and how that was judged.
    pub facts: Vec<Fact>,
    /// Its changes as git shows them; empty if it made none, or they are not at hand.
    pub patch: Words,
    /// What of the changes is not shown, and why.
    pub beyond: Words,
    /// Its output is in the log of this page.
    pub has_log: bool,
}

/// When something was, in milliseconds from the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub from: u64,
    /// How long it took.
    pub took: u64,
}

impl Span {
    /// Returns when it was over.
    pub fn end(self) -> u64 {
        self.from.saturating_add(self.took)
    }
}

/// What was decided about connections to one destination.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// How good that is.
    pub mark: Mark,
    /// Step and attempt.
    pub at: Words,
    /// Where to.
    pub to: Words,
    /// What was decided, and why.
    pub verdict: Words,
    /// How often, and how much went each way.
    pub extent: Words,
}

/// A piece of the log.
#[derive(Debug, Clone)]
pub enum Piece {
    /// What an attempt printed, or the runner between attempts.
    Output {
        /// Step and attempt, if it is one's.
        of: Option<(Words, u32)>,
        /// Masked bytes.
        bytes: Vec<u8>,
    },
    /// So many bytes are not on the page.
    LeftOut(u64),
}
