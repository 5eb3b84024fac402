//! Takes the patterns of a plan's `exclude`, gives what they leave out of the result.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::plan::Glob;

/// What a plan leaves out of the result.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut {
    patterns: Vec<Glob>,
    /// Folders all of whose content is left out: they are not even looked into.
    folders: Vec<Glob>,
}

impl LeftOut {
    /// Takes the patterns of a plan.
    pub(super) fn of(patterns: &[Glob]) -> Self {
        let folder = |pattern: &Glob| Glob::new(pattern.as_str().strip_suffix("/**")?).ok();
        Self { patterns: patterns.to_vec(), folders: patterns.iter().filter_map(folder).collect() }
    }

    /// Tells whether a path is left out.
    pub(super) fn has(&self, path: &[u8], is_folder: bool) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let folders = if is_folder { self.folders.as_slice() } else { &[] };
        self.patterns.iter().chain(folders).any(|pattern| pattern.matches(path))
    }

    /// Returns the patterns as written.
    pub(super) fn texts(&self) -> Vec<String> {
        self.patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it() {
        let left_out = LeftOut::of(&[".venv/**", "**/gen/**", "*.pyc"].map(|text| Glob::new(text).unwrap()));
        for (path, is_folder, is_left_out) in [
            (".venv", true, true),
            (".venv", false, false),
            (".venv/bin/python", false, true),
            ("a/gen", true, true),
            ("gen", true, true),
            ("a.pyc", false, true),
            ("a/b.pyc", false, false),
            ("src", true, false),
        ] {
            assert_eq!(left_out.has(path.as_bytes(), is_folder), is_left_out, "{path}");
        }
        assert_eq!(left_out.texts(), [".venv/**", "**/gen/**", "*.pyc"]);
    }
}
