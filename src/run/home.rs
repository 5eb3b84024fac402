//! An agent's private home: made for one turn, in the run's HOME and never below TMPDIR, gone with the turn.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::agent::Start;
use crate::policy::Grant;
use crate::sandbox::{self, Place};
use crate::worktree;

/// A private home on disk. What is left of it when the runner dies goes with the run directory.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    seen: PathBuf,
}

impl Home {
    /// Makes an empty one, under a name that no earlier step could have taken.
    pub(super) fn make(place: &Place, grant: &Grant) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix(".agent-").permissions(private).tempdir_in(&place.home)?;
        let path = made.keep();
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        Ok(Self { seen: place.seen(grant.isolation()).home.join(name), path })
    }

    /// Returns where the agent sees it.
    pub(super) fn seen(&self) -> &Path {
        &self.seen
    }

    /// Lays its files, and makes it over to whom the agent runs as.
    pub(super) fn furnish(&self, start: &Start, grant: &Grant) -> io::Result<()> {
        for (name, text) in &start.files {
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path.join(name))?;
            file.write_all(text.as_bytes())?;
        }
        sandbox::make_over(&self.path, grant.identity())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = worktree::remove_tree(&self.path) {
            tracing::warn!(%error, "the agent's private home stays until the run directory goes");
        }
    }
}

/// Lays a text where a command reads it as its standard input.
pub(super) fn stdin(text: &str) -> io::Result<File> {
    use std::io::Seek;
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
