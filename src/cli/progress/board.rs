//! Where the runs of a call are shown side by side: the lines that move, and those above them.

use super::doing::Doing;
use super::mode::{Mode, say};
use super::screen::{Moving, Screen};
use crate::plan::Plan;

/// Where the runs of a call are shown: each has a line that moves, and says which issue it is of.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Board {
    screen: Screen,
    several: bool,
}

impl Board {
    /// Prepares for so many runs side by side.
    pub(in crate::cli) fn new(side_by_side: usize) -> Self {
        Self { screen: Screen::default(), several: side_by_side > 1 }
    }

    /// Says a line above those that move.
    pub(in crate::cli) fn say(&self, mode: Mode, line: &str) {
        if mode == Mode::Terminal {
            self.screen.say(line);
        } else {
            say(mode, line);
        }
    }

    /// Lets somebody else print above the lines that move.
    pub(in crate::cli) fn above(&self, print: impl FnOnce()) {
        self.screen.above(print);
    }

    /// Returns what the lines of a run begin with, where there are others beside it.
    pub(super) fn prefix(&self, plan: &Plan) -> String {
        if self.several { format!("#{}  ", plan.issue) } else { String::new() }
    }

    /// Adds a line that moves, where lines do.
    pub(super) fn line(&self, mode: Mode, doing: &Doing) -> Moving {
        match mode {
            Mode::Terminal => self.screen.add(doing),
            Mode::Plain | Mode::Aside | Mode::Silent => Moving::none(),
        }
    }
}
