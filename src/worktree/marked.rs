//! Takes a folder that no commit knows, gives whether it says of itself that it is a tool's own: a `.gitignore` of one `*`,
//! or a `CACHEDIR.TAG`. Formatters, test runners and virtual environments leave such folders, and no commit has them.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::pattern;
use super::root::{Root, join};
use crate::policy::{self, Left};

/// What a file that marks a folder has, at most: a line or two, and where they come from.
const LARGEST: u64 = 4096;

/// What a `CACHEDIR.TAG` begins with.
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

impl Root {
    /// Tells whether a folder with nothing tracked in it is a tool's own. One whose name makes somebody's tools run or obey what is
    /// in it (`.github`, `.vscode`, an agent's) never is: whatever lies there is to be seen.
    pub(super) fn is_a_tools(&self, folder: &[u8]) -> io::Result<bool> {
        let says = match self.mark(folder, b"CACHEDIR.TAG")? {
            Some(text) if text.starts_with(SIGNATURE) => true,
            _ => self.mark(folder, b".gitignore")?.is_some_and(|text| ignores_all(&text)),
        };
        Ok(says && !is_obeyed(folder))
    }

    /// Reads a file that may mark a folder; nothing if it is none, a link, a large one, or one that its owner may not read.
    fn mark(&self, folder: &[u8], name: &[u8]) -> io::Result<Option<Vec<u8>>> {
        // Whatever cannot be read marks nothing: then the folder counts as work.
        let Ok((file, size)) = self.file(&join(folder, name)) else { return Ok(None) };
        if size > LARGEST {
            return Ok(None);
        }
        let mut text = Vec::new();
        file.take(LARGEST).read_to_end(&mut text)?;
        Ok(Some(text))
    }
}

fn ignores_all(text: &[u8]) -> bool {
    matches!(pattern::read(text).as_deref(), Ok([pattern]) if pattern.is_everything())
}

fn is_obeyed(folder: &[u8]) -> bool {
    let inside = join(folder, b"x");
    policy::reviewable(Path::new(OsStr::from_bytes(&inside)), Left::File).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Asks about a folder with one file in it.
    fn is_a_tools(folder: &str, name: &str, text: &str) -> bool {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join(folder)).unwrap();
        fs::write(top.path().join(folder).join(name), text).unwrap();
        Root::open(top.path()).unwrap().is_a_tools(folder.as_bytes()).unwrap()
    }

    #[test]
    fn a_tools_folder_says_so() {
        let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag\n";
        for (folder, name, text) in [
            (".pytest_cache", ".gitignore", "# Created by pytest automatically.\n*\n"),
            (".ruff_cache", ".gitignore", "# Automatically created by ruff.\n*\n"),
            (".venv", ".gitignore", "*"),
            ("deep/down/.mypy_cache", ".gitignore", "# Automatically created by mypy\r\n*\r\n"),
            ("build", "CACHEDIR.TAG", tag),
            ("build", "CACHEDIR.TAG", &tag[..43]),
        ] {
            assert!(is_a_tools(folder, name, text), "{folder}/{name}: {text:?}");
        }
    }

    #[test]
    fn whatever_else_lies_there_is_work() {
        let tag = "Signature: 8a477f597d28d172789f06886806bc55";
        for (folder, name, text) in [
            ("kept", ".gitignore", "*\n!.gitignore\n"),
            ("kept", ".gitignore", "!*\n"),
            ("kept", ".gitignore", "*.log\n"),
            ("kept", ".gitignore", "*/\n"),
            ("kept", ".gitignore", "# *\n"),
            ("kept", "CACHEDIR.TAG", "signature: 8a477f597d28d172789f06886806bc55"),
            ("kept", "CACHEDIR.TAG", " Signature: 8a477f597d28d172789f06886806bc55"),
            ("kept", "cachedir.tag", tag),
            ("kept", ".gitignore", &format!("{}\n*\n", "#".repeat(5000))),
            (".github", "CACHEDIR.TAG", tag),
            (".claude", ".gitignore", "*\n"),
            ("src/.vscode", ".gitignore", "*\n"),
            (".git", "CACHEDIR.TAG", tag),
        ] {
            assert!(!is_a_tools(folder, name, text), "{folder}/{name}: {text:?}");
        }
    }

    #[test]
    fn a_link_marks_nothing() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("made")).unwrap();
        fs::write(top.path().join("rules"), "*\n").unwrap();
        std::os::unix::fs::symlink("../rules", top.path().join("made/.gitignore")).unwrap();
        assert!(!Root::open(top.path()).unwrap().is_a_tools(b"made").unwrap());
    }
}
