//! The runs of a proof, in their order: the base, in turn the change's tests without the change and the result, twice each, the
//! old tests, tests that must fail, tests made to fail, changed values. What is refused already is not run on.

use std::collections::BTreeSet;
use std::time::Duration;

use autopilot_proof::runner::{CanaryRunner, NotKnown};
use autopilot_proof::verdict::{self, Ran, Runs, decide};

use super::kinds::{Asked, Common, Ends, Of, Proof};
use super::mutants::Values;
use super::one::name;
use crate::evidence::event::ProofRun;
use crate::plan::{Proves, Step};
use crate::proof::{
    Candidate, Change, File, Opening, Report, run_by_command, runner_of, stack_of, terms, told,
};
use crate::run::outcome::Attempt;
use crate::run::{RunError, Runner};
use crate::worktree::{Differing, Laid, Stood};

/// Bytes of a file that are looked into; of a larger one it is only known that it changed.
const LARGEST: u64 = 4 << 20;

impl Runner<'_> {
    pub(super) async fn make_proof(
        &mut self,
        this: &mut Attempt<'_>,
        asked: &Asked<'_>,
    ) -> Result<Proof, RunError> {
        let stood = match self.worktree.stood(&asked.base.id)? {
            Ok(stood) => stood,
            Err(why) => return Ok(Proof::Refused(why)),
        };
        let proves = asked.proves;
        let files = |path: &[u8]| stood.read(path, LARGEST).ok().flatten();
        let runner = match runner_of(this.step, proves, &files) {
            Ok(runner) => runner,
            Err(NotKnown(why)) => return Ok(Proof::Refused(why)),
        };
        let change = self.change_since(&stood, proves)?;
        let canary = runner.asked("/", None).canary;
        let run = run_by(this.step, proves, &stood, &change);
        let touched = change.guarded(canary.map(stack_of), proves, &run);
        if !touched.is_empty() {
            return Ok(Proof::Refused(guarded(&touched)));
        }
        let (tests, old_tests) = match (change.tests(), change.old_tests()) {
            (Ok(tests), Ok(old_tests)) => (tests, old_tests),
            (Err((path, why)), _) | (_, Err((path, why))) => {
                return Ok(Proof::Refused(format!("{path}: {why}")));
            }
        };
        if tests.is_empty() && !proves.refactor {
            return Ok(Proof::Refused(no_test(proves, asked.base)));
        }
        let mut common = Common {
            asked,
            runner,
            stood,
            left: None,
            count: 0,
            planned: 0,
            asks_all: false,
            longest: Duration::ZERO,
        };
        let plan = Plan { change, tests, old_tests, canary };
        match self.make_runs(this, &mut common, &plan).await? {
            Ok(runs) => {
                let verdict = decide(&runs, &terms(proves));
                if let Some(signal) = self.undo(this, &mut common, &plan.change, (&runs, &verdict)).await? {
                    return Ok(Proof::Interrupted(signal));
                }
                Ok(Proof::Told(told(&verdict)))
            }
            Err(Ends::Refused(why)) => Ok(Proof::Refused(why)),
            Err(Ends::Interrupted(signal)) => Ok(Proof::Interrupted(signal)),
        }
    }

    /// Makes all runs, or as many as are needed to refuse.
    async fn make_runs(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        plan: &Plan,
    ) -> Result<Result<Runs, Ends>, RunError> {
        let Plan { change, .. } = plan;
        let proves = common.asked.proves;
        let (planted, canaries) = change.canaries(plan.canary, &name()?);
        let (spoiled, spoils) = if proves.refactor { Default::default() } else { change.spoiled() };
        let opening = Opening { code: change.code(), data: change.data(), canaries, spoils };
        let mut runs = Runs {
            code: opening.code,
            data: opening.data.clone(),
            canaries: opening.canaries.clone(),
            spoils: opening.spoils.clone(),
            ..Runs::default()
        };
        macro_rules! run {
            ($of:expr) => {
                match self.one(this, common, $of).await? {
                    Ok(ran) => ran,
                    Err(ends) => return Ok(Err(ends)),
                }
            };
        }
        let can_carry = runs.canaries.iter().any(|canary| canary.id.is_some());
        let stack = plan.canary.map(stack_of);
        let values = Values::of(change, stack, if proves.refactor { 0 } else { proves.mutants });
        let planned = if proves.refactor { 3 } else { 5 } + values.chosen.len();
        let planned = planned + usize::from(change.touches_old_tests()) + usize::from(can_carry);
        let planned = planned + usize::from(!runs.spoils.is_empty());
        common.planned = u32::try_from(planned).unwrap_or(u32::MAX);
        let report = |ran: &Ran| Report::base(ran, opening.clone());
        runs.base = run!(Of { run: ProofRun::Base, laid: &[], only: None, report: &report });
        let base = runs.base.clone();
        let other = |ran: &Ran| Report::other(ran, &base);
        let (stood, there) = (change.test_files(true), change.test_files(false));
        let (anew, result) = (change.tests_and_stood(&plan.tests), change.result());
        // In turn, so that who goes by the time of day, or by what is new, is found.
        for (nth, tests) in [&plan.tests, &anew].into_iter().enumerate() {
            if !proves.refactor {
                let (laid, only) = (tests.as_slice(), there.as_deref());
                runs.tests[nth] = run!(Of { run: ProofRun::Tests, laid, only, report: &other });
            }
            // All tests once: what the change breaks elsewhere shows in the first.
            let only = there.as_deref().filter(|_| nth > 0 && !proves.refactor);
            let laid = result.as_slice();
            runs.result[nth] = run!(Of { run: ProofRun::Result, laid, only, report: &other });
        }
        if change.touches_old_tests() {
            let (laid, only) = (plan.old_tests.as_slice(), stood.as_deref());
            runs.old_tests = Some(run!(Of { run: ProofRun::OldTests, laid, only, report: &other }));
        }
        if is_refused_already(&runs, proves) {
            return Ok(Ok(runs));
        }
        if can_carry {
            let (laid, only) = (planted.as_slice(), there.as_deref());
            let ran = run!(Of { run: ProofRun::Canary, laid, only, report: &other });
            for canary in &mut runs.canaries {
                canary.seen = canary.id.as_ref().and_then(|id| ran.results.ending(id));
            }
            runs.canaried = Some(ran);
        }
        if proves.refactor || is_refused_already(&runs, proves) {
            return Ok(Ok(runs));
        }
        if !runs.spoils.is_empty() {
            let (laid, only) = (spoiled.as_slice(), there.as_deref());
            runs.spoiled = Some(run!(Of { run: ProofRun::Spoiled, laid, only, report: &other }));
            if is_refused_already(&runs, proves) {
                return Ok(Ok(runs));
            }
        }
        let made = self.mutate(this, common, (change, &values), &mut runs).await?;
        Ok(made.map(|()| runs))
    }

    /// Reads what the change is: each path with what stood there and what is there now.
    fn change_since(&mut self, stood: &Stood, proves: &Proves) -> Result<Change, RunError> {
        let mut files = Vec::new();
        for own in self.worktree.differing(stood)? {
            let before = if own.stood { stood.read(&own.path, LARGEST)? } else { None };
            let after = if own.is_there { self.worktree.read(&own.path, LARGEST)? } else { None };
            let Differing { path, stood, is_there, is_executable, .. } = own;
            files.push(File { path, stood, is_there, is_executable, before, after });
        }
        Ok(Change::of(files, proves))
    }
}

/// Lists what the command runs of what stood, and of what the change adds.
fn run_by(step: &Step, proves: &Proves, stood: &Stood, change: &Change) -> BTreeSet<String> {
    let added = change.added();
    let candidates: Vec<Candidate<'_>> = stood
        .paths()
        .chain(added.iter().map(|(path, is_executable)| (path.as_slice(), *is_executable)))
        .map(|(path, is_executable)| Candidate { path, is_executable })
        .collect();
    let files = |path: &[u8]| stood.read(path, LARGEST).ok().flatten().or_else(|| change.added_text(path));
    run_by_command(step, proves, &candidates, &files)
}

/// What is run.
struct Plan {
    change: Change,
    tests: Vec<Laid>,
    old_tests: Vec<Laid>,
    canary: Option<CanaryRunner>,
}

/// Tells whether what was run so far is enough to refuse; what is not run yet is not held against it.
fn is_refused_already(runs: &Runs, proves: &Proves) -> bool {
    verdict::is_refused_already(runs, &terms(proves))
}

fn guarded(touched: &[(String, String)]) -> String {
    let all: Vec<String> = touched.iter().map(|(path, what)| format!("{path} ({what})")).collect();
    format!(
        "the change touches what decides how tests are run: {}; leave it as it was, or let the plan's `may_change` name it",
        all.join(", ")
    )
}

fn no_test(proves: &Proves, base: &Step) -> String {
    let globs: Vec<&str> = proves.tests.iter().map(crate::plan::Glob::as_str).collect();
    format!(
        "the change touches no test: since the step `{}` began, no path that matches {} differs; add a test that fails without \
         your change",
        base.id,
        globs.join(" ")
    )
}
