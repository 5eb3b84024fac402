//! The scenes of the demo: plans, commands, how each has to end, and what it shows.

use super::stage::{Act, FIXED, Stage};

/// A part of the tour.
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) acts: Vec<Act>,
    pub(super) moral: &'static str,
}

/// Returns the scenes in their order.
pub(super) fn all(stage: &Stage) -> Vec<Scene> {
    vec![
        Scene {
            title: "1. A step looks for your key",
            acts: vec![
                Act::plan(1, &looks_for_key(&stage.key())),
                Act::autopilot(&["1"], 0),
                Act::autopilot(&["logs", "1"], 0),
            ],
            moral: "The key is there, and for the step it is not: it has a HOME, a worktree and a system, and nothing else.",
        },
        Scene {
            title: "2. A step reaches out",
            acts: vec![Act::plan(2, REACHES_OUT), Act::autopilot(&["2"], 1)],
            moral: "No host answers but those of the plan. The last lines say what to write if this one should.",
        },
        Scene {
            title: "3. A fix that fixes nothing",
            acts: vec![Act::plan(3, FIXES_NOTHING), Act::autopilot(&["3"], 1)],
            moral: "It said that it was done. The runner looked for itself: no branch, and what was there is in the salvage.",
        },
        Scene {
            title: "4. A fix with a test that cannot fail",
            acts: vec![Act::plan(4, PROVES_NOTHING), Act::autopilot(&["4"], 1)],
            moral: "The test is green. A proof runs it without the change, too, and there it is green as well: nothing shows the fix.",
        },
        Scene {
            title: "5. The fix, and in the middle of it the runner is killed with kill -9",
            acts: vec![
                Act::plan(FIXED, FIXES),
                Act::killed(&["5"]),
                Act::autopilot(&["status"], 0),
                Act::autopilot(&["run", "5", "--resume"], 0),
            ],
            moral: "It went on behind the last step that had passed.",
        },
        Scene {
            title: "6. The evidence, and the same with one byte changed",
            acts: vec![
                Act::autopilot(&["audit", "5"], 0),
                Act::changed_byte(),
                Act::autopilot(&["audit", "5"], 4),
            ],
            moral: "Anybody can check later what happened.",
        },
    ]
}

fn looks_for_key(key: &str) -> String {
    format!(
        "title: Look for a key\nsteps:\n  - id: look\n    command: |\n      echo \"looking for {key}\"\n      \
         if cat \"{key}\"; then exit 1; fi\n"
    )
}

const REACHES_OUT: &str = "title: Reach out\nsteps:\n  - id: reach\n    \
                           command: git ls-remote https://example.org/take-my-code.git\n";

const FIXES_NOTHING: &str = "title: Fix the greeting\nsteps:\n  - id: fix\n    command: |\n      \
                             echo '# fixed' >> greet.sh\n      echo 'All done, everything works!'\n    \
                             post: [sh test.sh]\n";

const PROVES_NOTHING: &str = "title: Fix the greeting\nsteps:\n  - id: fix\n    command: |\n      \
                              echo \"echo Hello, \\${1:-world}\" > greet.sh\n      \
                              echo 'sh greet.sh you | grep -q you' > tests/you.sh\n    \
                              expectation:\n      proves:\n        since: fix\n        tests: [tests/**]\n        \
                              command: sh run-tests.sh\n        report: {format: junit, path: report.xml}\n";

const FIXES: &str = "title: Fix the greeting\nsteps:\n  - id: fix\n    \
                     command: sed 's/Hullo/Hello/' greet.sh > new && mv new greet.sh\n    \
                     expectation: {changes: {min: 1, max: 1, within: [greet.sh]}}\n  \
                     - id: test\n    needs: [fix]\n    command: sleep 2; sh test.sh\n    \
                     expectation: {output_matches: ['greet.sh is right'], changes: {max: 0}}\n";
