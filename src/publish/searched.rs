//! The result of a run is searched for secrets when it is made, whether or not it goes anywhere: the runner alone knows
//! the values that steps had masked, and the reports can say what a reviewer has to look at.

use std::io;

use super::search::{self, Findings, Task};
use crate::evidence::event::Event;
use crate::evidence::{Recorder, Text};
use crate::worktree::Repository;

/// Bytes of files that are searched at the end of a run: minutes, at the worst that they can be made of.
const MOST: u64 = 1 << 30;

/// Searches the result branch and records what came of it, unless that was done. It ends early when it is told to, and says
/// so.
pub async fn search_result(
    recorder: &mut Recorder,
    repository: &Repository,
    until: impl Future<Output = ()>,
) -> io::Result<()> {
    let state = recorder.state();
    let Some(branch) = state.branch.clone().filter(|_| state.searched.is_none()) else { return Ok(()) };
    let task = Task {
        repository: repository.clone(),
        leaving: repository.made_since(&state.start.commit, &branch.commit),
        reference: branch.reference.to_string(),
        secrets: recorder.secrets().clone(),
        most: MOST,
    };
    let found = search::search(task, until).await.unwrap_or_else(|error| Findings {
        unsearched: vec![format!("anything: {error}")],
        ..Findings::default()
    });
    let texts = |all: Vec<String>| -> Vec<Text> { all.iter().map(|what| recorder.line(what)).collect() };
    let (found, more, unsearched) = (texts(found.found), found.more, texts(found.unsearched));
    recorder.record(Event::BranchSearched { commit: branch.commit, found, more, unsearched })
}
