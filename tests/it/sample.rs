//! What the first user does: the sample plan on a fresh clone; and how a run looks that fails, or needs its retry.

use std::fs;
use std::path::Path;

use crate::common::model::{Model, does, say, shell};
use crate::common::program::copy_folder;
use crate::common::{Ran, Repo, wait_until};
use crate::real_agents::versions;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Clones this repository as it is committed; where it is none (a packaged source), makes one of its parts.
pub(crate) fn clone() -> Repo {
    if root().join(".git").exists()
        && let Some(repo) = Repo::cloned(root())
    {
        return repo;
    }
    eprintln!(
        "THIS IS NO GIT CHECKOUT: the sample plan runs in a scratch repository of its files, not in a clone"
    );
    let repo = Repo::new();
    for folder in ["docs/examples", ".ai/plans", "scripts"] {
        copy_folder(&root().join(folder), &repo.top().join(folder));
    }
    repo.commit("the sample");
    repo
}

#[test]
fn the_sample_plan_does_its_work_on_a_fresh_clone_and_leaves_no_trace() {
    let repo = clone();
    let before = repo.fingerprint();
    let head = repo.git(["rev-parse", "HEAD"]);
    repo.autopilot(["646"]).exits(0).says("done in").says("2 commits").says("worktree removed");

    let names: Vec<String> = repo.evidence("").iter().map(|path| name(path)).collect();
    let run = names[0].strip_prefix("checkpoints-").unwrap().strip_suffix(".bundle").unwrap();
    let stamp = run.strip_suffix("-646").unwrap();
    assert_eq!(
        names,
        [
            format!("checkpoints-{run}.bundle"),
            format!("provenance-{run}.json"),
            format!("status-{run}.log"),
            format!("summary-{run}.md"),
        ]
    );
    assert!(repo.top().join(format!(".ai/logs/codex/autopilot-{run}.log")).is_file());
    assert!(repo.summary().starts_with("# ✅ #646 done"), "{}", repo.summary());

    assert_eq!(repo.branch(), format!("autopilot/issue-646-{stamp}"));
    let changed = repo.git(["diff", "--name-only", &head, &repo.branch()]);
    assert_eq!(changed, "docs/examples/roman/src/lib.rs");
    assert!(repo.on_branch("docs/examples/roman/src/lib.rs").contains("pub fn from_roman"));
    assert_eq!(
        repo.git(["merge-base", &head, &repo.branch()]),
        head,
        "the branch stands on what was checked out"
    );

    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    // The confined side that is kept ready ends with its runner: a moment later.
    wait_until(|| repo.processes().is_empty());
    assert_eq!(repo.fingerprint(), before);
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn fixture(which: &str) -> Repo {
    let repo = Repo::new();
    let plan = root().join("tests/fixtures/runs").join(which).join("Autopilot.yaml");
    repo.file(".ai/plans/7/Autopilot.yaml", &fs::read_to_string(plan).unwrap());
    repo.commit("plan");
    repo
}

#[test]
fn a_failing_run_says_which_step_and_why_and_saves_what_it_was_at() {
    let repo = fixture("failing");
    let before = repo.fingerprint();
    repo.run().exits(1).says("failed after").says("exit 3").says("it does not work");
    assert_eq!(repo.steps(), ["prepare:passed", "break:failed", "after:skipped"]);

    let failed = repo.failed();
    assert!(failed.starts_with("FAILED: run "), "{failed}");
    for part in [
        "step      break",
        "why       exit 3",
        "  │ it does not work",
        "skipped   after",
        "passed    prepare",
    ] {
        assert!(failed.contains(part), "{part} is not in\n{failed}");
    }
    assert_eq!(repo.on_branch("fine"), "fine");

    // The commands that the report names bring back what the step left.
    let commands: Vec<&str> = failed.split("Take over\n").nth(1).unwrap().lines().map(str::trim).collect();
    for command in commands.iter().filter(|command| command.starts_with("git fetch")) {
        let words: Vec<&str> = command.split(' ').skip(1).map(|word| word.trim_matches('\'')).collect();
        repo.git(words);
    }
    let saved = repo.git(["for-each-ref", "--format=%(refname)", "refs/salvage/"]);
    assert!(saved.ends_with("-7/break-1"), "{saved}");
    assert_eq!(repo.git(["show", &format!("{saved}:README.md")]), "broken");
    assert_eq!(repo.git(["show", &format!("{saved}:half")]), "half");
    repo.git(["update-ref", "-d", &saved]);
    let _ = fs::remove_file(repo.top().join(".git/FETCH_HEAD"));

    assert!(repo.summary().starts_with("# ❌ #7 failed at `break`"), "{}", repo.summary());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    wait_until(|| repo.processes().is_empty());
    assert_eq!(repo.fingerprint(), before);
}

#[test]
fn a_run_that_needs_its_retry_is_done() {
    let repo = fixture("retrying");
    let before = repo.fingerprint();
    repo.run().exits(0).says("attempt 1/2").says("not yet").says("attempt 2/2");
    assert_eq!(repo.steps(), ["flaky:passed"]);
    assert_eq!(repo.events_of("attempt.ended").len(), 2);
    assert_eq!(repo.on_branch("whole"), "half");
    assert!(repo.evidence("FAILED-").is_empty());
    assert!(repo.summary().contains("`flaky` attempt 1 failed"), "{}", repo.summary());
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.fingerprint(), before);
}

/// What a model would do that is given the plan of issue 653.
const PROPERTIES: &str = r"sed -i '$d' src/plan/units.rs && cat >> src/plan/units.rs <<'END'

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 1_u64..=10 * 86_400) {
            let time = Duration::from_secs(seconds);
            proptest::prop_assert_eq!(read_duration(&duration(time)).unwrap(), time);
        }

        // Only whole numbers of a unit are written without losing something.
        #[test]
        fn whole_sizes_are_read_back(number in 1_u64..1024, unit in 0..SIZES.len()) {
            let bytes = number * SIZES[unit].1;
            proptest::prop_assert_eq!(read_size(&size(bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_text_makes_a_reader_panic(text: String) {
            let _ = (read_duration(&text), read_size(&text));
        }
    }
}
END";

/// All of its steps, in the sandbox: this repository is built there, which takes minutes. `.ci/run all` names the other agent.
#[test]
#[ignore = "needs codex; or claude, if AUTOPILOT_TEST_PLAN_AGENT names it"]
fn the_plan_of_issue_653_runs_to_its_end_with_an_agent() {
    let key = match std::env::var("AUTOPILOT_TEST_PLAN_AGENT").as_deref() {
        Ok("claude") => "claude",
        Ok(other) => panic!("{other} is no agent of this test"),
        Err(_) => "codex",
    };
    let repo = clone();
    let model = Model::serve(vec![does(shell(PROPERTIES)), does(say("Three properties hold."))]);
    let newest = versions(key).pop().unwrap();
    let address = newest.address(&model);
    let args = ["653", "--agent", key, "--provider", &address, "--model", newest.model(), "--no-publish"];
    Ran::of(&newest.command_of(&repo, &args).output().unwrap()).exits(0).says("1 commit");
    let changed = repo.git(["diff", "--name-only", "HEAD", &repo.branch()]);
    assert_eq!(changed, "src/plan/units.rs");
    assert!(repo.on_branch("src/plan/units.rs").contains("fn what_is_written_is_read_back"));
    let subject = repo.git(["log", "-1", "--format=%s", &repo.branch()]);
    assert_eq!(subject, "test: hold the plan's units together in both directions");
    repo.autopilot(["audit", "653"]).exits(0).says("AUDIT PASS");
}
