//! Takes what a test runner reported, gives each test its outcome.
//!
//! A report is written by, or beside, the code that is judged: it is hostile text. What is cut short or makes no sense
//! is no report; what names a test twice gives it the worse outcome; what ended early is remembered.

mod cargo;
mod format;
mod go;
mod id;
mod jest;
mod json;
mod junit;
mod mocha;
mod path;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use format::Format;

/// More bytes than any report may have.
const LONGEST: usize = 64 << 20;

/// More tests than any report may name.
const MOST: usize = 200_000;

/// How a test came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran, and nothing was wrong.
    Passed,
    /// It did not run, or was expected to fail and did: it says nothing.
    Skipped,
    /// It failed, or passed only when it was tried again.
    Failed,
}

/// What one run of the tests reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Every test that was reported, with its worst outcome.
    tests: BTreeMap<String, Outcome>,
    /// How often a test was reported, where it was more than once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    repeats: BTreeMap<String, u32>,
    /// Files, targets or packages that could not be loaded, or whose process ended before all of its tests had.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    broken: BTreeSet<String>,
}

impl Results {
    /// The outcome of a test.
    pub fn get(&self, id: &str) -> Option<Outcome> {
        self.tests.get(id).copied()
    }

    /// The worst outcome of the tests whose ids end in this.
    pub fn ending(&self, suffix: &str) -> Option<Outcome> {
        self.tests.iter().filter(|(id, _)| id.ends_with(suffix)).map(|(_, outcome)| *outcome).max()
    }

    /// How often a test was reported.
    pub fn times(&self, id: &str) -> u32 {
        match self.get(id) {
            Some(_) => self.repeats.get(id).copied().unwrap_or(1),
            None => 0,
        }
    }

    /// All tests, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Outcome)> {
        self.tests.iter().map(|(id, outcome)| (id.as_str(), *outcome))
    }

    /// The tests that passed.
    pub fn passed(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(_, outcome)| *outcome == Outcome::Passed).map(|(id, _)| id)
    }

    /// What could not be loaded, or ended early.
    pub fn broken(&self) -> impl Iterator<Item = &str> {
        self.broken.iter().map(String::as_str)
    }

    /// How many tests were reported.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// No test was reported.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Takes in what another report of the same run says: Surefire writes one a class.
    pub fn join(&mut self, other: Self) -> Result<(), Unreadable> {
        for (id, outcome) in other.tests {
            let times = other.repeats.get(&id).copied().unwrap_or(1);
            self.count(id, outcome, times)?;
        }
        self.broken.extend(other.broken);
        Ok(())
    }

    /// Notes the outcome of a test.
    fn add(&mut self, id: &str, outcome: Outcome) -> Result<(), Unreadable> {
        self.count(id::shown(id), outcome, 1)
    }

    /// Notes what could not be loaded, or ended early.
    fn add_broken(&mut self, what: &str) -> Result<(), Unreadable> {
        self.broken.insert(id::shown(what));
        if self.broken.len() > MOST { Err(Unreadable::Many) } else { Ok(()) }
    }

    fn count(&mut self, id: String, outcome: Outcome, times: u32) -> Result<(), Unreadable> {
        let before = self.times(&id);
        if before > 0 {
            self.repeats.insert(id.clone(), before.saturating_add(times));
        } else if times > 1 {
            self.repeats.insert(id.clone(), times);
        }
        let worst = self.tests.entry(id).or_insert(outcome);
        *worst = outcome.max(*worst);
        if self.tests.len() > MOST { Err(Unreadable::Many) } else { Ok(()) }
    }
}

impl FromIterator<(String, Outcome)> for Results {
    fn from_iter<T: IntoIterator<Item = (String, Outcome)>>(tests: T) -> Self {
        let mut results = Self::default();
        for (id, outcome) in tests {
            // More than a report may name is for a reader to refuse.
            let _ = results.count(id, outcome, 1);
        }
        results
    }
}

/// Why a report says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nobody ran tests.
    #[error("it does not say that any test was run")]
    Nothing,
    /// It ends in the middle.
    #[error("it ends in the middle: {0}")]
    Cut(String),
    /// It is not what it should be.
    #[error("it is no {format} report: {why}")]
    Odd {
        /// What it should be.
        format: Format,
        /// What was found instead.
        why: String,
    },
    /// It contradicts itself.
    #[error("it contradicts itself: {0}")]
    Contradiction(String),
    /// It is too long to be read.
    #[error("it is longer than {} MiB", LONGEST >> 20)]
    Long,
    /// It names more tests than are read.
    #[error("it names more than {MOST} tests")]
    Many,
}

/// Reads a report of one run. `root` is the folder that the tests ran in, as an absolute path: ids lose it.
pub fn read(format: Format, bytes: &[u8], root: &str) -> Result<Results, Unreadable> {
    if bytes.len() > LONGEST {
        return Err(Unreadable::Long);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unreadable::Nothing);
    }
    // Raw output may hold anything. What is no text in a name differs no more.
    let text = String::from_utf8_lossy(bytes);
    match format {
        Format::Junit => junit::read(&text, root),
        Format::Cargo => cargo::read(&text),
        Format::GoJson => go::read(&text),
        Format::MochaJson => mocha::read(&text, root),
        Format::JestJson => jest::read(&text, root),
    }
}
