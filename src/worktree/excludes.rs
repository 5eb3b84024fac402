//! Takes a repository, gives what its user ignores in all of his repositories: the file that `core.excludesFile` names. The
//! user's own, on the host: what a step writes into settings of its git is never asked.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use super::error::WorktreeError;
use super::git::Owner;
use super::plain;
use super::refs::Settings;
use super::repository::Repository;

/// The setting, as git lists it.
const KEY: &str = "core.excludesfile";

impl Repository {
    /// Reads the user's own patterns, and tells where they stand; nothing if he has none.
    pub(super) fn excludes(&self, settings: &Settings) -> Result<Option<(PathBuf, Vec<u8>)>, WorktreeError> {
        let file = if settings.has(|key| key == KEY) {
            // Git knows whose home a `~` is.
            let named = self.git("config").args(["--type=path", "--get", KEY]).line()?;
            Some(named).filter(|named| !named.is_empty()).map(|named| self.toplevel.join(named))
        } else {
            usual(self.owner())
        };
        let Some(file) = file else { return Ok(None) };
        let Ok(metadata) = fs::metadata(&file).map_err(|error| pass_over(&file, &error)) else {
            return Ok(None);
        };
        // `/dev/null` is how people say that there is none.
        if metadata.file_type().is_char_device() {
            return Ok(None);
        }
        match plain::read(&file, self.owner()) {
            Ok(text) => Ok(text.map(|text| (file, text))),
            Err(WorktreeError::Io(error)) => {
                pass_over(&file, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Says that a file is not read, as git does, which goes on without it.
fn pass_over(file: &std::path::Path, error: &io::Error) {
    if error.kind() != io::ErrorKind::NotFound {
        tracing::warn!(file = %file.display(), %error, "the user's own ignore rules are not read");
    }
}

/// Returns where the file is that nobody named.
fn usual(owner: Option<Owner>) -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = match owner {
        Some(owner) => nix::unistd::User::from_uid(owner.uid.into()).ok()??.dir.join(".config"),
        None => named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")))?,
    };
    Some(settings.join("git/ignore"))
}
