//! Takes a step and what its plan wants proved, gives how the command is asked for a report, or why it cannot be.

use std::os::unix::ffi::OsStrExt as _;

use autopilot_proof::guarded::Stack;
use autopilot_proof::runner::{CanaryRunner, NotKnown, Runner};

use crate::plan::{Invocation, Proves, Step};

/// Finds how the command is asked for a report. `files` gives what stands at a path, relative to the repository's top.
pub fn runner_of(
    step: &Step,
    proves: &Proves,
    files: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Runner, NotKnown> {
    let argv = proves.command.argv();
    if let Some(report) = &proves.report {
        let path = report.path.as_ref().map(|path| path.to_string_lossy());
        return Ok(Runner::reporting(&argv, report.format, path.as_deref()));
    }
    let files = |path: &str| files(step.dir.join(path).as_os_str().as_bytes());
    Runner::of(&argv, matches!(proves.command, Invocation::Script { .. }), &files)
}

/// Tells whose configuration a runner has.
pub fn stack_of(runner: CanaryRunner) -> Stack {
    use CanaryRunner as C;
    match runner {
        C::Pytest | C::Unittest => Stack::Python,
        C::NodeTest | C::Mocha | C::Jest | C::Vitest => Stack::JavaScript,
        C::Cargo => Stack::Rust,
        C::Go => Stack::Go,
        C::Junit4 | C::Junit5 => Stack::Java,
    }
}
