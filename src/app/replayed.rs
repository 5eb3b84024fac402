//! Takes what a replay of a run came to, keeps it beside the run, and gives it back as long as it is about the journal that is there. It is
//! no evidence: a word of this machine, that anybody who can write there can write.

use std::path::PathBuf;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use super::{Error, beside, secrets};
use crate::evidence::mask::{self, Secrets};
use crate::evidence::{Files, RunState};
use crate::replay::Difference;
use crate::worktree::Repository;

/// The folder, below `.ai/logs`.
const FOLDER: &str = "replay";
/// The version of the file.
const VERSION: u32 = 1;
/// Bytes of it.
const MOST: u64 = 256 << 10;

/// What a replay of a run on its own base came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    v: u32,
    run: String,
    /// The head of the journal that it is about.
    head: String,
    /// When it was.
    pub at: DateTime<Utc>,
    /// Version of the program that found it.
    pub autopilot: String,
    difference: Option<Difference>,
}

impl Kept {
    /// Says the first difference, if there is one.
    pub fn differs(&self) -> Option<String> {
        let Difference { step, what, recorded, replayed, .. } = self.difference.as_ref()?;
        Some(format!("step {step} differs, {what}: recorded {recorded}, replayed {replayed}"))
    }
}

/// Returns where it is kept, or would be.
pub fn place(files: &Files) -> PathBuf {
    beside::path(files, FOLDER).join(format!("{}.json", files.run()))
}

/// Keeps what a replay on the run's own base came to: one on another says nothing of its trees.
pub(super) fn keep(
    repository: &Repository,
    files: &Files,
    state: &RunState,
    difference: Option<&Difference>,
) -> Result<(), Error> {
    let Some(head) = &state.head else { return Ok(()) };
    let kept = Kept {
        v: VERSION,
        run: files.run().to_string(),
        head: head.to_string(),
        at: Utc::now().trunc_subsecs(0),
        autopilot: env!("CARGO_PKG_VERSION").to_owned(),
        difference: difference.cloned().map(|found| masked(found, &secrets::of(state))),
    };
    let text = serde_json::to_vec_pretty(&kept).map_err(std::io::Error::from)?;
    let folder = beside::folder(files, FOLDER)?;
    beside::put(&place(files), &text)?;
    Ok(repository.hand_over(&[folder, place(files)])?)
}

/// Returns what was kept of a run; nothing of another journal than this one.
pub fn of(files: &Files, state: &RunState, secrets: &Secrets) -> Option<Kept> {
    let read = beside::read(&place(files), MOST);
    let kept: Kept = serde_json::from_slice(&read.ok()?).ok()?;
    let is_of_it = kept.v == VERSION
        && kept.run == files.run().to_string()
        && state.head.as_ref().is_some_and(|head| head.to_string() == kept.head);
    is_of_it.then_some(Kept { difference: kept.difference.map(|found| masked(found, secrets)), ..kept })
}

/// Masks what steps wrote, and what paths are called: nobody has yet.
fn masked(found: Difference, secrets: &Secrets) -> Difference {
    let mask = |text: String| mask::text(secrets, &text);
    Difference {
        recorded: mask(found.recorded),
        replayed: mask(found.replayed),
        paths: found.paths.into_iter().map(mask).collect(),
        ..found
    }
}
