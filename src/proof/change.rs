//! Takes the files of a change, tells tests from code: by the plan's patterns, and within a file by its language.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use autopilot_proof::guarded::{Stack, guarded};
use autopilot_proof::source::{self, Language, Tests};
use autopilot_proof::verdict::Code;

use crate::plan::{Glob, Proves};

/// A path that is not as it stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Relative to the repository's top.
    pub path: Vec<u8>,
    /// Something stood there.
    pub stood: bool,
    /// Something is there now.
    pub is_there: bool,
    /// What is there can be executed.
    pub is_executable: bool,
    /// The bytes that stood there, if they were a file's that is not too large to be read.
    pub before: Option<Vec<u8>>,
    /// The same of what is there now.
    pub after: Option<Vec<u8>>,
}

/// What of a file is test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// All of it: tests, what they share, and their data.
    Test,
    /// Some of it.
    Both(Language),
    /// Nothing.
    Code,
}

/// The files of a change, each with what of it is test.
#[derive(Debug)]
pub struct Change {
    pub(super) files: Vec<(File, Role)>,
}

/// Endings of what documents.
const TEXTS: [&str; 5] = ["md", "rst", "txt", "adoc", "license"];

/// Endings of code that nobody here can read.
const OTHER_CODE: [&str; 24] = [
    "c", "cc", "cpp", "cs", "cxx", "dart", "ex", "exs", "fs", "h", "hpp", "hs", "kt", "kts", "lua", "m",
    "ml", "php", "pl", "rb", "scala", "sh", "swift", "zig",
];

impl File {
    /// Returns its path for people, and for whom a path is a text.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    pub(super) fn language(&self) -> Option<Language> {
        Language::of(std::str::from_utf8(&self.path).ok()?)
    }

    /// What begins with the program that runs it is code, whatever it is called: `bin/tool`.
    fn is_script(&self) -> bool {
        [&self.before, &self.after].into_iter().flatten().any(|bytes| bytes.starts_with(b"#!"))
    }

    pub(super) fn text_before(&self) -> Option<&str> {
        std::str::from_utf8(self.before.as_ref()?).ok()
    }

    pub(super) fn text_after(&self) -> Option<&str> {
        std::str::from_utf8(self.after.as_ref()?).ok()
    }

    fn asks(&self) -> Option<(u32, String)> {
        source::asks(self.language()?, self.text_before(), self.text_after()?)
    }

    fn role(&self, tests: &[Glob]) -> Role {
        if !matches(tests, &self.path) {
            return Role::Code;
        }
        let Some(language) = self.language() else { return Role::Test };
        let path = self.shown();
        let found: Vec<Tests> = [self.text_before(), self.text_after()]
            .into_iter()
            .flatten()
            .map(|text| source::holds_tests(language, &path, text))
            .collect();
        if found.contains(&Tests::Within) {
            return Role::Both(language);
        }
        let is_all = found.contains(&Tests::Whole) || found.is_empty() || is_among_tests(&path);
        if is_all { Role::Test } else { Role::Code }
    }
}

pub(super) fn matches(globs: &[Glob], path: &[u8]) -> bool {
    globs.iter().any(|glob| glob.matches(Path::new(OsStr::from_bytes(path))))
}

/// The ending of a file's name, in small letters; of a name without one, all of it.
fn ending(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// Tells whether a path is one of code that nobody here can read.
pub(super) fn is_other_code(path: &str) -> bool {
    OTHER_CODE.contains(&ending(path).as_str())
}

/// Tells whether a file that holds no test lies where tests do: what they share.
pub(super) fn is_among_tests(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.split('/')
        .any(|part| ["test", "spec", "fixture", "snap", "mock"].iter().any(|word| part.contains(word)))
}

impl Change {
    /// Tells tests from code.
    pub fn of(files: Vec<File>, proves: &Proves) -> Self {
        let with_role = |file: File| {
            let role = file.role(&proves.tests);
            (file, role)
        };
        Self { files: files.into_iter().map(with_role).collect() }
    }

    /// Lists what decides how tests are run that the change touches and the plan does not let it: paths, and what each is; and
    /// where its code asks whether tests run it. `run`: what the command runs.
    pub fn guarded(
        &self,
        stack: Option<Stack>,
        proves: &Proves,
        run: &BTreeSet<String>,
    ) -> Vec<(String, String)> {
        let touched = self.files.iter().filter(|(file, _)| !matches(&proves.may_change, &file.path));
        let what = |file: &File| {
            let by_command = run.contains(&file.shown()) && !matches(&proves.tests, &file.path);
            by_command.then_some("the command runs it").or_else(|| guarded(&file.shown(), stack))
        };
        let mut all = Vec::new();
        for (file, role) in touched {
            all.extend(what(file).map(|what| (file.shown(), what.to_owned())));
            let asks = if *role == Role::Test { None } else { file.asks() };
            all.extend(asks.map(|(line, word)| {
                (format!("{}:{line}", file.shown()), format!("`{word}`: code that knows of tests"))
            }));
        }
        all
    }

    /// Lists the paths that it adds, and which of them can be executed.
    pub fn added(&self) -> Vec<(Vec<u8>, bool)> {
        let added = self.files.iter().filter(|(file, _)| !file.stood && file.is_there);
        added.map(|(file, _)| (file.path.clone(), file.is_executable)).collect()
    }

    /// Returns the bytes of a file that it adds.
    pub fn added_text(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (file, _) = self.files.iter().find(|(file, _)| !file.stood && file.path == path)?;
        file.after.clone()
    }

    /// Tells what the change does to what is no test.
    pub fn code(&self) -> Code {
        let of = |file: &File| {
            if let Some(language) = file.language() {
                return match (file.text_before(), file.text_after()) {
                    (Some(before), Some(after)) if source::is_same_code(language, before, after) => {
                        Code::Comments
                    }
                    _ => Code::Changed,
                };
            }
            let path = file.shown();
            if is_other_code(&path) || file.is_script() {
                Code::Unknown
            } else if TEXTS.contains(&ending(&path).as_str()) {
                Code::Comments
            } else {
                Code::Data
            }
        };
        let all: Vec<Code> =
            self.files.iter().filter(|(_, role)| *role != Role::Test).map(|(file, _)| of(file)).collect();
        let order = [Code::Changed, Code::Unknown, Code::Data, Code::Comments];
        order.into_iter().find(|code| all.contains(code)).unwrap_or(Code::Nothing)
    }

    /// Lists the test files that stood, that the change changed, and that hold no code.
    pub fn data(&self) -> Vec<String> {
        let is_data = |file: &File, role| {
            role == Role::Test && file.stood && file.is_there && file.language().is_none()
        };
        let all = self.files.iter().filter(|(file, role)| is_data(file, *role));
        all.map(|(file, _)| file.shown()).collect()
    }

    /// Tells whether the change touches a test file that stood.
    pub fn touches_old_tests(&self) -> bool {
        self.files.iter().any(|(file, role)| *role != Role::Code && file.stood)
    }

    /// Lists the test files that are there now, or that stood, if running them alone says as much as running all.
    pub fn test_files(&self, stood: bool) -> Option<Vec<String>> {
        let tests: Vec<&File> =
            self.files.iter().filter(|(_, role)| *role != Role::Code).map(|(file, _)| file).collect();
        let is_plain = |file: &&&File| {
            let (Some(language), Some(text)) = (file.language(), file.text_after().or(file.text_before()))
            else {
                return false;
            };
            source::holds_tests(language, &file.shown(), text) == Tests::Whole
        };
        if tests.is_empty() || !tests.iter().all(|file| is_plain(&file)) {
            return None;
        }
        let there = tests.iter().filter(|file| if stood { file.stood } else { file.is_there });
        let all: Vec<String> = there.map(|file| file.shown()).collect();
        (!all.is_empty()).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_its_program_is_code_whatever_it_is_called() {
        for (path, before, after, expected) in [
            ("bin/tool", Some("#!/bin/sh\necho a\n"), Some("#!/bin/sh\necho b\n"), Code::Unknown),
            ("bin/tool", None, Some("#!/usr/bin/env ruby\n"), Code::Unknown),
            ("LICENSE.txt", None, Some("#!/bin/sh\n"), Code::Unknown),
            ("data/a", Some("x"), Some("y"), Code::Data),
            ("README.md", Some("x"), Some("y"), Code::Comments),
            ("a.py", Some("a = 1\n"), Some("a = 1  # x\n"), Code::Comments),
        ] {
            let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
            let (stood, is_there) = (before.is_some(), after.is_some());
            let (before, after) = (bytes(before), bytes(after));
            let file = File { path: path.into(), stood, is_there, before, after, is_executable: false };
            let change = Change { files: vec![(file, Role::Code)] };
            assert_eq!(change.code(), expected, "{path}");
        }
    }
}
