//! Shows that a run is being prepared, which has no events yet: a line that moves, or a sign of life.

use super::board::Board;
use super::doing::Doing;
use super::heartbeat::Heartbeat;
use super::mode::Mode;
use super::screen::Moving;
use crate::plan::Plan;

/// What is being done.
const WHAT: &str = "preparing the objects";

/// Shows it until it is dropped.
pub(in crate::cli) struct Preparing {
    _line: Moving,
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
        Self { _line: line, _heartbeat: heartbeat }
    }
}
