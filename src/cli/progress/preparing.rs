//! Shows that a run is being prepared, which has no events yet: a line that moves, or a sign of life.

use std::time::Duration;

use indicatif::ProgressBar;

use super::board::Board;
use super::doing::Doing;
use super::heartbeat::Heartbeat;
use super::mode::Mode;
use crate::plan::Plan;

/// What is being done.
const WHAT: &str = "preparing the objects";

/// Shows it until it is dropped.
pub(in crate::cli) struct Preparing {
    bar: ProgressBar,
    _heartbeat: Option<Heartbeat>,
}

impl Preparing {
    /// Begins to show it.
    pub(in crate::cli) fn start(mode: Mode, plan: &Plan, board: &Board, doing: &Doing) -> Self {
        let prefix = board.prefix(plan);
        let bar = board.bar(mode, doing);
        bar.set_prefix(format!("{prefix}{WHAT}"));
        if mode == Mode::Terminal {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        doing.begin(WHAT, None);
        let heartbeat = mode.beats().then(|| Heartbeat::start(mode, prefix, doing.clone()));
        Self { bar, _heartbeat: heartbeat }
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
