//! Folders beside the evidence of runs, of what is none, and the files in them: written whole or not at all, read through no link.

use std::fs::{self, DirBuilder};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::evidence::Files;
use crate::evidence::disk::{named, open_plain};

/// Where they are: `.ai/logs` ignores itself.
const LOGS: &str = ".ai/logs";

/// Makes one of the folders, where it is not there.
pub fn folder(files: &Files, name: &str) -> io::Result<PathBuf> {
    files.make_folders()?;
    let folder = path(files, name);
    match DirBuilder::new().mode(0o755).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(named(error, &folder)),
        _ => {}
    }
    if !fs::symlink_metadata(&folder)?.is_dir() {
        return Err(named(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"), &folder));
    }
    Ok(folder)
}

/// Returns where a folder is, or would be.
pub(super) fn path(files: &Files, name: &str) -> PathBuf {
    files.top().join(LOGS).join(name)
}

/// Writes a file.
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || -> io::Result<()> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| named(error, path))
}

/// Reads a plain file of no more than so many bytes, in a folder that is none by a link only.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let file = open_plain(path)?;
    if file.metadata()?.len() > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
