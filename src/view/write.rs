//! Writes a page into a file: whole or not at all, through no link.

use std::io;
use std::path::{Path, PathBuf};

use crate::app::{Error, beside};
use crate::evidence::Files;
use crate::worktree::Repository;

/// The folder below `.ai/logs` where pages go if no other place is named. It is not evidence.
const FOLDER: &str = "view";

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
    beside::put(&path, page.as_bytes())?;
    if to.is_none() {
        let folder = path.parent().map(Path::to_owned);
        repository.hand_over(&folder.into_iter().chain([path.clone()]).collect::<Vec<_>>())?;
    }
    Ok(path)
}

fn own_place(files: &Files) -> io::Result<PathBuf> {
    Ok(beside::folder(files, FOLDER)?.join(format!("{}.html", files.run())))
}
