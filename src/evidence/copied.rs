//! Holds a journal against the copy that was kept of it.

use std::io;
use std::path::Path;

use super::files::Files;
use super::id::Sha256;
use super::journal;
use super::state::RunState;

impl Files {
    /// Fails if the journal, which this state was read from, has another line than a copy that was kept of it: the kind of the
    /// error is `InvalidData`. A copy that is none by itself, as a power loss may leave it, says nothing.
    pub fn demand_as_copied(&self, state: &RunState, copy: &Path) -> io::Result<()> {
        let Some(read) = &state.read else { return Ok(()) };
        // By the chain, the last line that both have vouches for all before it.
        let hash_before = |path: &Path, next: u64| {
            let mut at = Sha256::none();
            journal::each(path, |line, hash| {
                if line.seq + 1 == next {
                    at.clone_from(hash);
                }
            })
            .map(|end| (end, at))
        };
        let Ok((known, copied)) = hash_before(copy, read.seq) else { return Ok(()) };
        let is_same = if known.seq < read.seq {
            hash_before(&self.journal(), known.seq)?.1 == known.last
        } else {
            copied == read.last
        };
        if is_same {
            return Ok(());
        }
        let what = format!("{} has other lines than its copy, {}", self.journal().display(), copy.display());
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}
