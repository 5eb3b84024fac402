//! The person in front of a run: notes and questions on standard error, progress where it goes.

use std::any::Any;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use super::progress::{Board, Doing, Mode, Preparing, Progress};
use super::{actions, notes, output};
use crate::app::{self, Crashed, Note};
use crate::evidence::Watch;
use crate::plan::Plan;
use crate::time::exact;
use crate::worktree::Meter;

/// Who is told of a run, asked, and shown it.
pub(super) struct Front {
    /// Where its progress is shown, and how.
    pub(super) board: Board,
    pub(super) mode: Mode,
    /// What the run is doing.
    pub(super) doing: Doing,
    /// No other run prints meanwhile.
    pub(super) alone: bool,
    /// Questions may be asked, if somebody is there.
    pub(super) asks: bool,
    /// The checkout.
    pub(super) top: PathBuf,
}

impl app::Front for Front {
    fn note(&self, note: Note) {
        self.board.above(|| output::note(&notes::text(&note)));
    }

    fn ask(&self, crashed: &Crashed) -> Option<impl Future<Output = bool>> {
        let patience = exact(PATIENCE);
        let question = format!("{}. Go on with it? [Y/n] (yes after {patience}) ", notes::crashed(crashed));
        (self.asks && is_somebody_there()).then(|| agrees(question))
    }

    fn preparing(&self, plan: &Plan) -> (Box<dyn Any>, Meter) {
        let shown = Preparing::start(self.mode, plan, &self.board, &self.doing);
        let meter = shown.meter(self.mode);
        (Box::new(shown), meter)
    }

    fn watch(&self, plan: &Plan) -> Box<dyn Watch> {
        let progress = Progress::new(self.mode, plan, &self.board, self.doing.clone(), &self.top);
        actions::watch(progress, self.mode, self.alone, plan, &self.top)
    }
}

/// How long an answer is waited for. There are terminals with nobody in front of them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells whether somebody may answer. Who reads from a terminal in the background is stopped.
fn is_somebody_there() -> bool {
    let (stdin, stderr) = (std::io::stdin(), std::io::stderr());
    let is_in_front = || nix::unistd::tcgetpgrp(&stdin).is_ok_and(|front| front == nix::unistd::getpgrp());
    !output::is_ci() && stdin.is_terminal() && stderr.is_terminal() && is_in_front()
}

/// Asks, and waits for a line; no answer is yes, after a while. From a thread, which nobody waits for: signals are heard
/// meanwhile.
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
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(told) => told.unwrap_or(false),
        Err(_) => output::complain("no answer: yes\n").is_ok(),
    }
}
