//! Takes the state of a run, gives the one value that everything people read is made of: summary, comment, body of a pull
//! request, `--json`, pages.

mod kinds;
mod look;
mod phrase;
mod proof;
mod steps;
mod today;
mod untouched;
mod who;

use serde::Serialize;

pub use look::{Look, LookKind};
pub use phrase::{Phrase, Piece};
pub use proof::{Proof, Proved};
pub use steps::{Check, Step};
pub use today::{Base, Merges, Today};
pub use who::{Agent, Spent, Who};

use super::egress;
use super::failure::take_over;
use super::tail::log_of;
use crate::evidence::event::{Change, RunResult, StepResult};
use crate::evidence::state::AttemptState;
use crate::evidence::{Files, RunState};

/// Lines of a failed attempt that are kept.
const LINES: usize = 40;
/// Characters of a destination with the reason and the line that would allow it.
const REFUSED: usize = 400;

/// What a reviewer has to know of a run. Every text in it is masked, and otherwise as others wrote it: whoever shows it
/// quotes it. Made again from the journal at any time; only [`Base::today`] is looked at and handed in.
///
/// | question | answer |
/// |---|---|
/// | what came of it, and why not | `result`, `step`, `why`, `last` |
/// | what was verified | `steps`: `checks` and `proof` of each; `base` and whether it merges today |
/// | what is to be looked at, what was not touched | `look`, worst first; `untouched` |
/// | what changed | `branch`, `added`, `removed`, `files`, `command` |
/// | what was refused, enforced | `refused`, `enforced` |
/// | what it cost, who answers for it | `spent`, `who` |
/// | how to go on with it | `take_over` |
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// The run's name.
    pub run: String,
    /// The issue.
    pub issue: u64,
    /// The plan's title.
    pub title: String,
    /// How it ended, if it did.
    pub result: Option<RunResult>,
    /// The step that decided it.
    pub step: Option<String>,
    /// Why it is not done.
    pub why: Option<String>,
    /// Milliseconds of active time.
    pub ms: u64,
    /// What it started from.
    pub base: Base,
    /// The result branch, if there is one.
    pub branch: Option<Branch>,
    /// What was pushed, where the base had moved and the run was replayed there.
    pub rebased: Option<Rebased>,
    /// Its steps, in the order they run, with what was verified of each.
    pub steps: Vec<Step>,
    /// What to look at, worst first.
    pub look: Vec<Look>,
    /// What was not touched.
    pub untouched: Vec<&'static str>,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Every path that changed.
    pub files: Vec<Change>,
    /// What the policy refused.
    pub refused: Vec<Refused>,
    /// What held the steps.
    pub enforced: Enforced,
    /// What it used of models.
    pub spent: Spent,
    /// Who set it off.
    pub who: Who,
    /// The command that shows the result.
    pub command: Option<String>,
    /// The commands by which a person goes on with a run that is not done.
    pub take_over: Vec<String>,
    /// The end of what the failed attempt printed.
    pub last: Option<Last>,
}

/// A result branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// The commit.
    pub commit: String,
    /// Commits on top of the base.
    pub commits: u64,
}

/// What a run came to on the base of later, and was pushed as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebased {
    /// The base of then.
    pub onto: String,
    /// The commit.
    pub commit: String,
}

/// Something that the policy refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The step.
    pub step: String,
    /// What, how often, and the line that would allow it.
    pub what: String,
    /// A guess from what a command said; else it is known.
    pub probably: bool,
}

/// What held the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enforced {
    /// What the host can enforce, in a line.
    pub sandbox: String,
    /// Commands that ran, or should have.
    pub commands: usize,
    /// Of those, the ones that never started.
    pub never_started: usize,
    /// Processes that could not be ended.
    pub survivors: u32,
    /// Which steps reached which hosts.
    pub reached: Option<String>,
}

/// The end of what an attempt printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Last {
    /// The step.
    pub step: String,
    /// Which attempt.
    pub attempt: u32,
    /// Its last lines.
    pub lines: Vec<String>,
    /// How many there were.
    pub total: u64,
}

impl Review {
    /// Makes it of a run, ended or not, as the base is today if somebody looked.
    pub fn of(state: &RunState, files: &Files, today: Option<&Today>) -> Self {
        let (steps, changes) = (steps::steps(state), state.changes());
        let (added, removed) = totals(&changes);
        let end = state.end.as_ref();
        let fell_short = end.is_some_and(|end| end.result != RunResult::Done);
        Self {
            run: state.start.run.to_string(),
            issue: state.start.issue,
            title: state.start.title.to_string(),
            result: end.map(|end| end.result),
            step: end.and_then(|end| end.step.as_ref()).map(ToString::to_string),
            why: end.and_then(|end| end.reason.as_ref()).map(|reason| reason.text.to_string()),
            ms: end.map_or(0, |end| u64::try_from(end.took.as_millis()).unwrap_or(u64::MAX)),
            base: Base::of(state, today),
            branch: branch(state),
            rebased: rebased(state),
            look: look::look(state, &steps, &changes),
            steps,
            untouched: untouched::untouched(state, &changes),
            added,
            removed,
            refused: refused(state),
            enforced: enforced(state),
            spent: Spent::of(state),
            who: Who::of(state),
            command: state
                .branch
                .as_ref()
                .map(|made| format!("git diff {}...{}", state.start.base, made.name())),
            take_over: if fell_short { take_over(state, files) } else { Vec::new() },
            last: if fell_short { last(state, files) } else { None },
            files: changes,
        }
    }

    /// Returns the range of commits that the run made, as `git diff` takes it.
    pub fn range(&self) -> Option<String> {
        // A base that is a commit is no more than that.
        let base =
            if self.base.name == self.base.commit { self.base.commit.get(..12)? } else { &self.base.name };
        Some(format!("{base}...{}", self.branch.as_ref()?.name))
    }

    /// Counts the steps that passed.
    pub fn passed(&self) -> usize {
        self.steps.iter().filter(|step| step.result == Some(StepResult::Passed)).count()
    }
}

/// Returns lines added and removed over all of some changes.
pub fn totals(changes: &[Change]) -> (u64, u64) {
    let sum =
        |count: fn(&Change) -> Option<u64>| changes.iter().filter_map(count).fold(0, u64::saturating_add);
    (sum(|change| change.added), sum(|change| change.removed))
}

fn branch(state: &RunState) -> Option<Branch> {
    let made = state.branch.as_ref()?;
    Some(Branch { name: made.name().to_owned(), commit: made.commit.to_string(), commits: made.commits })
}

fn rebased(state: &RunState) -> Option<Rebased> {
    let rebased = state.pushed_rebased()?;
    Some(Rebased { onto: rebased.onto.to_string(), commit: rebased.tip()?.to_string() })
}

fn refused(state: &RunState) -> Vec<Refused> {
    let of = |step: &str, what: &str, probably| {
        let what = super::markdown::clip(what, REFUSED);
        Refused { step: step.to_owned(), what, probably }
    };
    let known = egress::refused(state);
    let known = known.iter().map(|(step, what)| of(step, &egress::in_words(what), false));
    let guessed = state.refused();
    let guessed = guessed.iter().map(|(step, what)| of(step, what, true));
    known.chain(guessed).collect()
}

fn enforced(state: &RunState) -> Enforced {
    let commands = || state.attempts().flat_map(|(_, attempt): (_, &AttemptState)| &attempt.commands);
    Enforced {
        sandbox: state.start.sandbox.to_string(),
        commands: commands().count(),
        never_started: commands().filter(|command| command.enforced.is_none()).count(),
        survivors: state.survivors(),
        reached: egress::reached(state),
    }
}

fn last(state: &RunState, files: &Files) -> Option<Last> {
    let (step, attempt) = state.failed_attempt()?;
    let (mut lines, mut total) = log_of(attempt, files, LINES).ok()?;
    // The runner's own lines around it say nothing that is not said above.
    let own = format!("── step {}, attempt {}/", step.id, attempt.number);
    lines.retain(|line| !line.starts_with(&own));
    total = total.saturating_sub(2).max(lines.len() as u64);
    Some(Last { step: step.id.to_string(), attempt: attempt.number, lines, total })
}
