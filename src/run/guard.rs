//! Takes the evidence of a run and the right to work on its issue, gives evidence that is written only under that right.

use crate::evidence::Recorder;
use crate::worktree::Lock;

/// Has a recorder write only as long as the claim of its issue is held.
pub fn guard(recorder: &mut Recorder, lock: &Lock) {
    if let Some(guard) = lock.guard() {
        recorder.guard(Box::new(move || guard.check()));
    }
}
