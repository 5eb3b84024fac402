//! Where the runs of a call are shown side by side: the lines that move, and those above them.

use std::fmt::Write;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::doing::Doing;
use super::mode::{Mode, say};
use crate::plan::{Plan, units};

/// Where the runs of a call are shown: each has a line that moves, and says which issue it is of.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Board {
    bars: MultiProgress,
    several: bool,
}

impl Board {
    /// Prepares for so many runs side by side.
    pub(in crate::cli) fn new(side_by_side: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        Self { bars, several: side_by_side > 1 }
    }

    /// Says a line above those that move.
    pub(in crate::cli) fn say(&self, mode: Mode, line: &str) {
        if mode == Mode::Terminal {
            // Where nothing moves any more, it is a line as any other.
            let _ = self.bars.println(line);
        } else {
            say(mode, line);
        }
    }

    /// Returns what the lines of a run begin with, where there are others beside it.
    pub(super) fn prefix(&self, plan: &Plan) -> String {
        if self.several { format!("#{}  ", plan.issue) } else { String::new() }
    }

    /// Adds a line that moves, where lines do.
    pub(super) fn bar(&self, mode: Mode, doing: &Doing) -> ProgressBar {
        let bar = match mode {
            Mode::Terminal => self.bars.add(ProgressBar::new_spinner()),
            Mode::Plain | Mode::Aside | Mode::Silent => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {clock}{silence}  {wide_msg}") {
            let silent = doing.clone();
            let clock = |state: &ProgressState, to: &mut dyn Write| {
                let _ = to.write_str(&units::clock(state.elapsed()));
            };
            let silence = move |_: &ProgressState, to: &mut dyn Write| {
                let _ = to.write_str(&silent.silence());
            };
            bar.set_style(style.with_key("clock", clock).with_key("silence", silence));
        }
        bar
    }
}
