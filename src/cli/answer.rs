//! What a program reads where a command cannot be carried out: `--json` has an answer also then, the same of every command.

use std::ffi::OsString;

use super::exit::{Cause, Failure};
use super::output;
use super::shape::{Failed, Refused, Run};

/// Version of every shape that `--json` prints (`docs/json.md`).
pub(super) const V: u32 = 1;

/// Tells whether a command line asks for JSON, also one that is wrong otherwise.
pub(super) fn is_asked_for(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// Answers a command line that is wrong, and ends: clap has words and exit code for it. Help is none.
pub(super) fn to_wrong_usage(error: &clap::Error, is_for_programs: bool) -> ! {
    if is_for_programs && error.use_stderr() {
        let rendered = error.render().to_string();
        let message = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ");
        to_failure(&Failure::new(Cause::Usage, message));
    }
    error.exit()
}

/// Answers that a command failed.
pub(super) fn to_failure(failure: &Failure) {
    // A reader that went away is told nothing more.
    let _ = output::json(&Failed { v: V, exit: failure.exit().code(), error: failure.told() });
}

/// Returns the answer for an issue that has no run to tell of.
pub(super) fn of_issue(issue: u64, failure: &Failure) -> Run {
    Run::Refused(Refused {
        v: V,
        exit: failure.exit().code(),
        error: failure.told(),
        issue,
        run: (),
        result: (),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_command_that_is_run_asks_for_nothing() {
        let asked = |line: &str| is_asked_for(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(asked("autopilot run 7 --json"));
        assert!(!asked("autopilot sandbox -- cargo metadata --json"));
    }

    #[test]
    fn an_issue_without_a_run_is_answered_like_one_with_it() {
        let failure = Failure::new(Cause::NoPlan, "none").hint("write one");
        let answer = serde_json::to_value(of_issue(7, &failure)).unwrap();
        assert_eq!(
            answer,
            serde_json::json!({
                "v": 1, "issue": 7, "run": null, "result": null, "exit": 2,
                "error": {"cause": "no-plan", "message": "none", "hints": ["write one"], "faults": null},
            })
        );
    }
}
