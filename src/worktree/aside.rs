//! What no bundle can hold as it is: moved aside, where it stays with the run's directory, and said.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::layout::shown;
use super::names::Prefix;
use super::root::Root;
use super::unfit::Unheld;

/// What a salvage bundle does not hold as it was.
#[derive(Debug, Clone)]
pub struct NotHeld {
    /// Its path, as people read it.
    path: String,
    kind: Unheld,
    became: Became,
}

/// What became of it.
#[derive(Debug, Clone)]
enum Became {
    /// It only connected processes: there are no bytes in it.
    Nothing,
    /// It was moved here.
    Moved(PathBuf),
    /// The bundle has it under this name.
    Renamed(String),
    /// It stays in the worktree.
    Stays,
}

impl NotHeld {
    /// Says what the bundle has under another name.
    pub(super) fn renamed(path: &[u8], kind: Unheld, prefix: &Prefix) -> Self {
        let became = Became::Renamed(shown(&prefix.stored(path)).into_owned());
        Self { path: shown(path).into_owned(), kind, became }
    }

    /// Says what is saved nowhere, and goes with the worktree.
    pub(super) fn staying(path: &[u8], kind: Unheld) -> Self {
        Self { path: shown(path).into_owned(), kind, became: Became::Stays }
    }

    /// Says what it is and where, without a name that a step gave it.
    pub fn without_name(&self) -> String {
        match &self.became {
            Became::Nothing => self.kind.to_string(),
            Became::Moved(place) => format!("{}; moved to {}", self.kind, place.display()),
            Became::Renamed(_) => format!("{}; saved under another name", self.kind),
            Became::Stays => format!("{}, and goes with the worktree", self.kind),
        }
    }
}

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.became {
            Became::Renamed(name) => write!(f, "{}: {}; saved as {name}", self.path, self.kind),
            Became::Nothing | Became::Moved(_) | Became::Stays => {
                write!(f, "{}: {}", self.path, self.without_name())
            }
        }
    }
}

impl Worktree {
    /// Moves aside what no bundle can hold, and says so; what only connects processes holds nothing.
    pub(super) fn set_aside(&self, path: &[u8], kind: Unheld) -> Result<NotHeld, WorktreeError> {
        let not_held = |became| NotHeld { path: shown(path).into_owned(), kind, became };
        if !kind.holds_bytes() {
            return Ok(not_held(Became::Nothing));
        }
        Ok(not_held(Became::Moved(self.move_aside(path)?)))
    }

    /// Moves something aside as it is; returns where to.
    pub(super) fn move_aside(&self, path: &[u8]) -> Result<PathBuf, WorktreeError> {
        let folder = self.dir.left();
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(&folder)(error)),
            _ => {}
        }
        let left = Root::open(&folder)?;
        let name = free_number(&folder).map_err(at(&folder))?;
        self.root.move_to(path, &left, &name)?;
        Ok(folder.join(name))
    }
}

/// Names what is moved aside: behind all that an earlier part of the run has, of which somebody may have taken some.
fn free_number(folder: &Path) -> io::Result<String> {
    let mut last = 0;
    for entry in fs::read_dir(folder)? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        last = last.max(number.unwrap_or_default());
    }
    Ok((last + 1).to_string())
}
