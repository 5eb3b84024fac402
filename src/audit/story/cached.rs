//! What a run took of folders that are kept from run to run, and what it left of them: what its plan asks for, and no more.

use super::state::Story;
use crate::audit::code::Code;
use crate::evidence::event::{CacheKept, CacheLooked, RunResult};
use crate::evidence::{AttemptId, RunName};

impl Story {
    /// A look: at the folders that the plan names. A run that goes on gets what it began with, or nothing.
    pub(super) fn cache_looked(&mut self, looked: &CacheLooked) {
        let planned = self.cached_folders();
        let named = looked.folders.iter().map(ToString::to_string).collect::<Vec<_>>();
        if planned.is_empty() || planned != named {
            let expected = format!("a look for the folders of the plan: {}", planned.join(" "));
            self.wrong(Code::PlanNotFollowed, expected, named.join(" "));
        }
        let told =
            [looked.sha256.is_some(), looked.base.is_some(), looked.run.is_some(), looked.why.is_none()];
        if told.iter().any(|is| *is != told[0]) {
            self.wrong(
                Code::ResultWrong,
                "a cache with its base and run, or why there is none",
                "some of it",
            );
        }
        let run = looked.run.as_ref().map(|run| String::from(run.clone()));
        // When that one began says nothing: clocks are set.
        let is_other = |run: &String| run.parse::<RunName>().is_ok_and(|run| run != self.run);
        if let Some(run) = run.filter(|run| !is_other(run)) {
            self.wrong(Code::ResultWrong, "what an earlier run left", format!("that of `{run}`"));
        }
        if std::mem::replace(&mut self.has_looked, true) {
            self.wrong(Code::OutOfOrder, "`cache.looked` once", "a second one");
        }
        if let Some(first) = self.looked.first() {
            if looked.locks != first.locks {
                self.wrong(Code::ResultWrong, "the base's lock files", "others than before");
            } else if looked.sha256.is_some() && taken(looked) != taken(first) {
                self.wrong(Code::ResultWrong, "what the run began with", "another cache");
            }
        }
        self.looked.push(looked.clone());
    }

    /// No attempt is made before it is said what it finds.
    pub(super) fn expect_cache(&mut self, at: &AttemptId) {
        if self.looked.is_empty() && !self.cached_folders().is_empty() {
            let expected = "`cache.looked` before the first attempt";
            self.wrong(Code::OutOfOrder, expected, format!("attempt {at} without"));
        }
    }

    /// Only a run that passed leaves something, once.
    pub(super) fn cache_kept(&mut self, kept: &CacheKept) {
        if self.cached_folders().is_empty() {
            self.wrong(Code::PlanNotFollowed, "nothing kept: the plan has no `cache`", "`cache.kept`");
        }
        if self.result() != Some(RunResult::Done) {
            self.wrong(Code::ResultWrong, "a run that passed", "`cache.kept` of one that did not");
        }
        if kept.sha256.is_some() == kept.why.is_some() {
            self.wrong(Code::ResultWrong, "what was kept, or why nothing was", "both, or neither");
        }
        if kept.sha256.is_none() && kept.bytes > 0 {
            self.wrong(Code::ResultWrong, "no bytes of what was not kept", kept.bytes.to_string());
        }
        let first = self.looked.first().and_then(|looked| looked.sha256.as_ref());
        if kept.sha256.is_some() && (kept.sha256.as_ref() == first) != (kept.bytes == 0) {
            let expected = "no bytes of what it had taken, and some of what it made";
            self.wrong(Code::ResultWrong, expected, kept.bytes.to_string());
        }
        if std::mem::replace(&mut self.has_kept, true) {
            self.wrong(Code::OutOfOrder, "`cache.kept` once", "a second one");
        }
        self.kept = Some(kept.clone());
    }

    /// A run that passed says what it left before its files are sealed, unless its runner died.
    pub(super) fn expect_kept(&mut self) {
        let passed = self.result() == Some(RunResult::Done) && !self.taken_over;
        if passed && !self.has_kept && !self.cached_folders().is_empty() {
            self.wrong(Code::OutOfOrder, "`cache.kept` before the seal", "none");
        }
    }

    fn cached_folders(&self) -> Vec<String> {
        self.plan.as_ref().map(|plan| plan.cache.clone()).unwrap_or_default()
    }
}

/// Returns what a look tells of the cache that it found.
fn taken(looked: &CacheLooked) -> impl PartialEq {
    (looked.sha256.clone(), looked.base.clone(), looked.run.clone())
}
