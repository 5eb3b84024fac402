//! What a run took of folders that are kept from run to run, and what it left of them: what its plan asks for, and no more.

use super::state::Story;
use crate::audit::code::Code;
use crate::evidence::AttemptId;
use crate::evidence::event::{CacheKept, CacheLooked, RunResult};

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
        if looked.run.as_ref().is_some_and(|run| String::from(run.clone()) == self.run.to_string()) {
            self.wrong(Code::ResultWrong, "what an earlier run left", "the run itself");
        }
        if std::mem::replace(&mut self.has_looked, true) {
            self.wrong(Code::OutOfOrder, "`cache.looked` once", "a second one");
        }
        let digest = looked.sha256.as_ref().map(ToString::to_string);
        let first = self.looked.first();
        let is_other = first.is_some_and(|first| digest.is_some() && *first != digest);
        if is_other {
            self.wrong(Code::ResultWrong, "what the run began with", "another cache");
        }
        self.looked.push(digest);
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
        if std::mem::replace(&mut self.has_kept, true) {
            self.wrong(Code::OutOfOrder, "`cache.kept` once", "a second one");
        }
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
