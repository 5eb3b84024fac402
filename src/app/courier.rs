//! Sends the evidence of a run away while it is under way: with the credentials of whoever started it, and while no step runs.

use crate::evidence::Recorder;
use crate::github::Environment;
use crate::publish;
use crate::run::{Courier, Sending};
use crate::worktree::{Repository, Worktree};

/// Who sends it, from which repository.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    pub(super) repository: &'a Repository,
    /// Whether anything is to be published.
    pub(super) publishes: bool,
}

impl Courier for Carrier<'_> {
    fn send<'a>(&'a self, recorder: &'a mut Recorder, worktree: &'a Worktree) -> Sending<'a> {
        Box::pin(async move {
            if !self.publishes {
                return Ok(());
            }
            let environment = Environment::of_process();
            publish::send_under_way(recorder, self.repository, worktree, &environment).await
        })
    }
}
