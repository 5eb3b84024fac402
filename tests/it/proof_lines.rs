//! Which lines are proved by which test, and which by none: in what people read, and within what the plan lets a proof take.

use serde_json::json;

use crate::common::{Ran, Repo};

const BASE: &str = "import os\nx = 1\n#\n#\n#\n#\n#\ny = f()\n#\n#\n#\n#\n#\nw = f()\n";

/// Has a step add a test and make these edits, and be proved by a script.
fn prove(repo: &Repo, edits: &str, script: &str, mutants: u32, may_change: &[&str]) -> Ran {
    repo.file(".gitignore", "report.xml\n");
    repo.file("src/a.py", BASE);
    let change = format!("mkdir tests; touch tests/new; {edits}");
    let proves = json!({"tests": ["tests/**"], "command": format!("sh {script}"), "mutants": mutants,
        "may_change": may_change, "report": {"format": "junit", "path": "report.xml"}});
    let step = json!({"id": "change", "command": change, "expectation": {"proves": proves}});
    repo.plan(&format!("  - {step}\n"));
    repo.run()
}

/// Runs a plan whose change has three pieces: a value and a call that tests look at, and calls that none does.
fn run(mutants: u32) -> (Repo, Ran) {
    let repo = Repo::new();
    repo.file("look.sh", include_str!("../fixtures/proofs/lines.sh"));
    let edits = "sed -i 's/^x = 1/x = 2/; s/^y = f()/y = g()\\nz = h()/; s/^w = f()/w = i()/' src/a.py";
    let ran = prove(&repo, edits, "look.sh", mutants, &[]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
    repo.autopilot(["audit", "7"]).exits(0);
    (repo, ran)
}

#[test]
fn lines_that_no_test_proves_are_named_for_the_reviewer_and_the_others_with_their_test() {
    let (repo, ran) = run(1);
    let summary = repo.summary();
    let runs = repo.events_of("proof.ran");
    let told = || format!("{summary}\n{runs:#?}\n{}", repo.log());
    let count = |run: &str| runs.iter().filter(|event| event["run"] == run).count();
    // The piece of which the changed value tells is not run again.
    assert_eq!((count("mutant"), count("hunk")), (1, 2), "{}", told());
    ran.says("… change   proof: 6 runs of its tests");
    for banner in [
        "proof, run 4 of 6: with the change's tests only",
        "proof, run 8 of 8: without some of the changed lines",
    ] {
        assert!(repo.log().contains(banner), "{banner}\n{}", told());
    }
    let (check, proof) = (line(&summary, "**Check before merging:**"), line(&summary, "- ✅ `change`"));
    assert!(check.contains("no test proves `src/a.py:8–9`"), "{}", told());
    assert!(proof.contains("**proved:**"), "{}", told());
    for shown in ["`src/a.py:2` by `look::one`", "`src/a.py:15` by `look::three`"] {
        assert!(proof.contains(shown), "{shown}\n{}", told());
    }
    assert!(!check.contains("src/a.py:2") && !check.contains("src/a.py:15"), "{}", told());
}

#[test]
fn where_a_plan_wants_no_mutants_no_line_is_put_back() {
    let (repo, _) = run(0);
    let runs = repo.events_of("proof.ran");
    assert!(runs.len() == 5 && !repo.summary().contains("no test proves"), "{runs:#?}");
}

fn line<'t>(text: &'t str, start: &str) -> &'t str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_default()
}

/// Has a step change a file, and be proved by a script that runs another; why it is refused, if it is.
fn refused(changes: &str, may_change: &[&str]) -> String {
    let repo = Repo::new();
    repo.file("run.sh", "#!/bin/sh\n. \"$(dirname \"$0\")/tools/inner\"\n");
    repo.file("tools/inner", include_str!("../fixtures/proofs/lines.sh"));
    let edits = format!("sed -i 's/^x = 1/x = 2/; s/^w = f()/w = i()/' src/a.py; {changes}");
    prove(&repo, &edits, "run.sh", 0, may_change);
    let judged = repo.events_of("expectation.judged");
    let proof = judged.iter().find(|event| event["kind"] == "proves").unwrap();
    if proof["held"] == true { String::new() } else { proof["saw"].as_str().unwrap().to_owned() }
}

#[test]
fn a_script_that_the_commands_script_runs_is_not_for_the_change_to_touch() {
    assert_eq!(refused("true", &[]), "");
    for path in ["run.sh", "tools/inner"] {
        let saw = refused(&format!("echo >> {path}"), &[]);
        assert!(saw.contains(&format!("{path} (the command runs it)")), "{saw}");
        assert_eq!(refused(&format!("echo >> {path}"), &[path]), "");
    }
}
