//! Writes a page into a file: whole or not at all, through no link.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::app::Error;
use crate::evidence::Files;
use crate::worktree::Repository;

/// Where pages go if no other place is named. It is not evidence, and `.ai/logs` ignores itself.
const FOLDER: &str = ".ai/logs/view";

/// Writes the page of a run to a file, or to its own place; returns where it is.
pub fn write(
    repository: &Repository,
    files: &Files,
    to: Option<&Path>,
    page: &str,
) -> Result<PathBuf, Error> {
    let path = match to {
        Some(path) => path.to_owned(),
        // Also of a run whose files are elsewhere.
        None => own_place(&Files::of(&repository.toplevel, files.run())).map_err(Error::System)?,
    };
    put(&path, page).map_err(|error| Error::System(named(error, &path)))?;
    if to.is_none() {
        repository.hand_over(&[repository.toplevel.join(FOLDER), path.clone()])?;
    }
    Ok(path)
}

fn own_place(files: &Files) -> io::Result<PathBuf> {
    files.make_folders()?;
    let folder = files.top().join(FOLDER);
    match DirBuilder::new().mode(0o755).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(named(error, &folder)),
        _ => {}
    }
    if !fs::symlink_metadata(&folder)?.is_dir() {
        return Err(named(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"), &folder));
    }
    Ok(folder.join(format!("{}.html", files.run())))
}

fn put(path: &Path, page: &str) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(page.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
