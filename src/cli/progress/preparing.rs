//! Shows that a run is being prepared, which has no events yet: a line that moves, or a sign of life.

use std::sync::Arc;

use super::board::Board;
use super::doing::Doing;
use super::heartbeat::Heartbeat;
use super::mode::Mode;
use super::screen::Moving;
use crate::plan::Plan;
use crate::worktree::{Done, Meter};

/// What is being done.
const WHAT: &str = "preparing the objects";

/// Shows it until it is dropped.
pub(in crate::cli) struct Preparing {
    line: Arc<Moving>,
    _heartbeat: Option<Heartbeat>,
}

impl Preparing {
    /// Begins to show it.
    pub(in crate::cli) fn start(mode: Mode, plan: &Plan, board: &Board, doing: &Doing) -> Self {
        let prefix = board.prefix(plan);
        let line = board.line(mode, doing);
        line.begins(&format!("{prefix}{WHAT}"));
        doing.begin(WHAT, None);
        let heartbeat = mode.beats().then(|| Heartbeat::start(mode, prefix, doing.clone()));
        Self { line: Arc::new(line), _heartbeat: heartbeat }
    }

    /// Shows how far it is beside that, where a line moves.
    pub(in crate::cli) fn meter(&self, mode: Mode) -> Meter {
        if mode != Mode::Terminal {
            return Meter::none();
        }
        // Who tells it may be there for a moment longer than the line.
        let line = Arc::downgrade(&self.line);
        Meter::telling(move |done| line.upgrade().into_iter().for_each(|line| line.says(&words(done))))
    }
}

fn words(done: Done) -> String {
    match done {
        Done::Found(count) => format!("{count} found"),
        Done::Counted(percent) => format!("{percent}% counted"),
        Done::Compared(percent) => format!("{percent}% compared"),
        Done::Written(percent) => format!("{percent}% written"),
    }
}
