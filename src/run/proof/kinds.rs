//! What the runs of a proof are made with, and how they come out.

use std::time::Duration;

use autopilot_proof::runner;
use autopilot_proof::verdict::Ran;

use crate::evidence::event::ProofRun;
use crate::plan::{Proves, Step};
use crate::policy::Grant;
use crate::proof::{Report, Told};
use crate::run::deadline::Deadline;
use crate::worktree::{BedLeft, Laid, Stood};

/// How a proof came out.
#[derive(Debug)]
pub(super) enum Proof {
    /// It came to a verdict.
    Told(Told),
    /// It is refused before, or in the middle, for this reason.
    Refused(String),
    /// The run was told to end.
    Interrupted(i32),
}

/// What a plan asks to be proved, and within which bounds.
pub(super) struct Asked<'a> {
    pub(super) proves: &'a Proves,
    /// The step before which the base stood.
    pub(super) base: &'a Step,
    pub(super) grant: &'a Grant,
    pub(super) deadline: Deadline,
}

/// What all runs of a proof have in common.
pub(super) struct Common<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) runner: runner::Runner,
    pub(super) stood: Stood,
    /// What the run on the base left: what it built.
    pub(super) left: Option<BedLeft>,
    pub(super) count: u32,
    /// How many runs it will be, if nothing is refused before.
    pub(super) planned: u32,
    /// The tests of the changed files alone have noticed less than all may.
    pub(super) asks_all: bool,
    /// What the longest run took so far.
    pub(super) longest: Duration,
}

/// What one run is of.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) run: ProofRun,
    /// What is laid above what stood.
    pub(super) laid: &'a [Laid],
    /// The test files that are of interest, if not all are.
    pub(super) only: Option<&'a [String]>,
    /// Says it for the record.
    pub(super) report: &'a dyn Fn(&Ran) -> Report,
}

/// Why no further run is made.
#[derive(Debug)]
pub(super) enum Ends {
    Refused(String),
    Interrupted(i32),
}
