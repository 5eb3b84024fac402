//! The person in front of a run: notes and questions on standard error, progress where it goes.

use std::any::Any;
use std::io::IsTerminal;
use std::path::PathBuf;

use super::progress::{Board, Mode, Preparing, Progress};
use super::{actions, notes, output};
use crate::app::{self, Crashed, Note};
use crate::evidence::Watch;
use crate::plan::Plan;

/// Who is told of a run, asked, and shown it.
pub(super) struct Front {
    /// Where its progress is shown, and how.
    pub(super) board: Board,
    pub(super) mode: Mode,
    /// No other run prints meanwhile.
    pub(super) alone: bool,
    /// Questions may be asked, if somebody is there.
    pub(super) asks: bool,
    /// The checkout.
    pub(super) top: PathBuf,
}

impl app::Front for Front {
    fn note(&self, note: Note) {
        output::note(&notes::text(&note));
    }

    fn ask(&self, crashed: &Crashed) -> Option<impl Future<Output = bool>> {
        let is_there = || std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let question = format!("{}. Go on with it? [Y/n] ", notes::crashed(crashed));
        (self.asks && is_there()).then(|| agrees(question))
    }

    fn preparing(&self, plan: &Plan) -> Box<dyn Any> {
        Box::new(Preparing::start(self.mode, plan, &self.board))
    }

    fn watch(&self, plan: &Plan) -> Box<dyn Watch> {
        let progress = Progress::new(self.mode, plan, &self.board);
        actions::watch(progress, self.mode, self.alone, plan, &self.top)
    }
}

/// Asks, and waits for a line. From a thread, which nobody waits for: signals are heard meanwhile.
async fn agrees(question: String) -> bool {
    if output::complain(&question).is_err() {
        return false;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let yes = matches!(line.trim().to_lowercase().as_str(), "" | "y" | "yes");
        let _ = tell.send(read.is_ok_and(|bytes| bytes > 0) && yes);
    });
    told.await.unwrap_or(false)
}
