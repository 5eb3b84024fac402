//! Folders in which paths have to lie.

use std::path::{Path, PathBuf};

use crate::plan::Ceiling;

/// The folders of one ceiling, as the host resolves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// What is read lies in one of these.
    pub read: Vec<PathBuf>,
    /// What is written lies in one of these.
    pub write: Vec<PathBuf>,
}

impl Within {
    /// Takes those of a ceiling, if it says any: what may be written may be read.
    pub(super) fn of(ceiling: &Ceiling, real: &dyn Fn(&Path) -> PathBuf) -> Option<Self> {
        let (read, write) = (ceiling.rules.read.as_ref()?, ceiling.rules.write.as_ref()?);
        let all = |paths: &[PathBuf]| -> Vec<PathBuf> { paths.iter().map(|path| real(path)).collect() };
        let write = all(write);
        Some(Self { read: [all(read), write.clone()].concat(), write })
    }

    /// Adds what may be read besides.
    pub(in crate::policy) fn or_read(&self, paths: &[PathBuf]) -> Self {
        Self { read: [self.read.as_slice(), paths].concat(), write: self.write.clone() }
    }

    /// Tells whether a path lies in one of some folders.
    pub(super) fn covers(folders: &[PathBuf], path: &Path) -> bool {
        folders.iter().any(|folder| path.starts_with(folder))
    }
}
