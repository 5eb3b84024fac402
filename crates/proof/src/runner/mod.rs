//! Takes a plan's test command, gives how it is asked for a report.

mod ask;
mod known;
mod only;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use crate::results::Format;
use ask::Given;
use known::{By, Known};
use only::Only;

/// Where a runner leaves its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In what it prints: standard output and standard error in one, as they came.
    Output,
    /// In a file of the folder for reports.
    File(String),
    /// In the files of a folder of the worktree whose names end in the second text. What lies there before is no report.
    Folder(String, String),
    /// In a file of the worktree. What lies there before is no report.
    Worktree(String),
}

/// How a command is run, so that it leaves a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables that are set, whatever the step sets.
    pub env: Vec<(String, String)>,
    /// Files that are laid into the folder for reports before: name and text.
    pub files: Vec<(String, String)>,
    /// What the report is.
    pub format: Format,
    /// Where it is.
    pub source: Source,
    /// What a canary has to be written for; without one, what the file's language has by default.
    pub canary: Option<CanaryRunner>,
    /// Only the tests of the files that were named are run.
    pub is_part: bool,
}

/// The runner that a canary has to be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryRunner {
    /// pytest, which takes unittest's classes, too.
    Pytest,
    /// `python -m unittest`.
    Unittest,
    /// `node --test`.
    NodeTest,
    /// mocha.
    Mocha,
    /// jest.
    Jest,
    /// vitest.
    Vitest,
    /// `cargo test`, or nextest.
    Cargo,
    /// `go test`.
    Go,
    /// `JUnit` 4.
    Junit4,
    /// `JUnit` 5.
    Junit5,
}

/// A command that runs tests, and how to ask it for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    argv: Vec<String>,
    how: How,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    Known(Known, By),
    /// The plan says what it reports, and where.
    Reports(Format, Source),
}

/// A command that nobody knows how to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKnown(pub String);

impl Runner {
    /// Tells what a command runs its tests by. `files` gives the files of the base: a script of `package.json` is read.
    pub fn of(
        argv: &[String],
        shell: bool,
        files: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, NotKnown> {
        // As the plan has it, without the shell that the runner puts around it.
        let line = if shell { argv.last().cloned().unwrap_or_default() } else { argv.join(" ") };
        let Some(words) = words::of(argv, shell) else {
            // A variable reaches pytest through anything that a shell does.
            if shell && line.contains("pytest") {
                return Ok(Self { argv: argv.to_vec(), how: How::Known(Known::Pytest, By::Env) });
            }
            return Err(not_known(&line));
        };
        let (known, by) = known::of(&words, files).ok_or_else(|| not_known(&line))?;
        if let Some(why) = known.cannot(&words, files) {
            return Err(NotKnown(why));
        }
        Ok(Self { argv: words, how: How::Known(known, by) })
    }

    /// A command whose plan says what it reports, and where: a file of the worktree, a folder of it where the path ends
    /// in `/`, or what it prints.
    pub fn reporting(argv: &[String], format: Format, path: Option<&str>) -> Self {
        let source = match path {
            None => Source::Output,
            Some(path) => match path.strip_suffix('/') {
                Some(folder) => Source::Folder(folder.to_owned(), ".xml".to_owned()),
                None => Source::Worktree(path.to_owned()),
            },
        };
        Self { argv: argv.to_vec(), how: How::Reports(format, source) }
    }

    /// How the command is run so that it leaves a report in `folder`, absolute, as the step sees it; `only`: the test
    /// files that are of interest, for a runner that can select them.
    pub fn asked(&self, folder: &str, only: Option<&[String]>) -> Asked {
        let (known, by) = match &self.how {
            How::Known(known, by) => (*known, *by),
            How::Reports(format, source) => return self.reports(*format, source.clone()),
        };
        let given = known.given(folder);
        let mut env = given.env;
        let kept = known.kept(&self.argv);
        let only = only.and_then(|only| known.only(&kept, by, only));
        let is_part = only.is_some();
        let Only { mut argv, args: chosen } = only.unwrap_or(Only { argv: kept, args: Vec::new() });
        match by {
            By::Place(at) => {
                let at = at.min(argv.len());
                // node's files stand behind all.
                let (before, behind) =
                    if known == Known::NodeTest { (Vec::new(), chosen) } else { (chosen, Vec::new()) };
                argv.splice(at..at, given.args.into_iter().chain(before));
                argv.extend(behind);
            }
            By::End => argv.extend(given.args.into_iter().chain(chosen)),
            By::Script { .. } => {
                argv.extend(["--".to_owned()].into_iter().chain(given.args).chain(chosen));
            }
            By::Env => {
                let name = if known == Known::NodeTest { "NODE_OPTIONS" } else { "PYTEST_ADDOPTS" };
                env.push((name.to_owned(), given.args.join(" ")));
            }
        }
        let Given { files, format, source, canary, .. } =
            Given { args: Vec::new(), env: Vec::new(), ..given };
        Asked { argv, env, files, format, source, canary: Some(canary), is_part }
    }

    fn reports(&self, format: Format, source: Source) -> Asked {
        let canary = match format {
            Format::Junit => None,
            Format::Cargo => Some(CanaryRunner::Cargo),
            Format::GoJson => Some(CanaryRunner::Go),
            Format::MochaJson => Some(CanaryRunner::Mocha),
            Format::JestJson => Some(CanaryRunner::Jest),
        };
        Asked {
            argv: self.argv.clone(),
            env: Vec::new(),
            files: Vec::new(),
            format,
            source,
            canary,
            is_part: false,
        }
    }
}

fn not_known(line: &str) -> NotKnown {
    NotKnown(format!(
        "how to ask `{line}` for a report of its tests is not known; write the test runner's own command as \
         `proves.command`, such as `python3 -m pytest`, or what the command leaves: `report: {{format: junit, path: \
         report.xml}}`"
    ))
}
