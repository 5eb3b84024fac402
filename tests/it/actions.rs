//! GitHub Actions: what a job's log, outputs and summary say, and that the documented workflow is one.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Ran, Repo};

/// Runs the plan of issue 7 as a job does; returns what it printed, its outputs and its summary.
fn job(repo: &Repo) -> (Ran, String, String) {
    let (output, summary) = (repo.dir().join("output"), repo.dir().join("summary"));
    let mut command = repo.command(["7"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &output).env("GITHUB_STEP_SUMMARY", &summary);
    let ran = Ran::of(&command.output().unwrap());
    (ran, fs::read_to_string(output).unwrap(), fs::read_to_string(summary).unwrap())
}

#[test]
fn a_job_has_groups_outputs_and_a_summary() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: one, command: echo hello; echo one > one}\n  - {id: two, command: printf unfinished}\n",
    );
    let (ran, outputs, summary) = job(&repo);
    let ran = ran.exits(0);
    let groups: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("::group")).collect();
    assert_eq!(groups, ["::group::one, attempt 1", "::group::two, attempt 1"], "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().filter(|line| *line == "::endgroup::").count(), 2);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let at = lines.iter().position(|line| *line == "hello").unwrap();
    let word = lines[at - 1].strip_prefix("::stop-commands::").unwrap();
    assert_eq!(lines[at + 1..at + 3], [&format!("::{word}::"), "::endgroup::"]);
    assert!(!ran.stdout.lines().any(|line| line.starts_with("::error")), "{}", ran.stdout);

    let event = repo.events();
    let run = event[0]["run"].as_str().unwrap();
    let branch = repo.branch();
    let head = lines.last().unwrap().strip_prefix("head     ").unwrap();
    let expected = format!(
        "run={run}\nresult=done\nbranch={branch}\nhead={head}\nsummary=.ai/logs/autopilot/summary-{run}.md\nevidence=.ai/logs/**/*{run}*\n"
    );
    assert_eq!(outputs, expected);
    assert_eq!(lines[lines.len() - 3..lines.len() - 1], ["result   done", &format!("branch   {branch}")]);
    assert!(summary.contains("# ✅ #7 done") && summary.contains(head), "{summary}");
}

#[test]
fn a_failed_attempt_is_marked_where_it_points() {
    let repo = Repo::new();
    repo.commit_file("src/a.rs", "one\n");
    repo.plan("  - {id: two, command: 'echo \"error at none.rs:3\"; echo \"  --> src/a.rs:1:7\"; exit 3'}\n");
    let (ran, outputs, _) = job(&repo);
    ran.exits(1).says("::error file=src/a.rs,line=1::two: exit 3");
    assert!(outputs.contains("result=failed\n"), "{outputs}");
    // However often it fails, it is marked once; and not at all where a retry passes.
    repo.plan("  - {id: two, retries: 2, command: 'echo \"./src/a.rs:1:7\"; exit 3'}\n");
    let ran = job(&repo).0.exits(1);
    assert_eq!(ran.stdout.matches("::error file=src/a.rs,line=1::").count(), 1, "{}", ran.stdout);
    repo.plan(
        "  - {id: two, retries: 2, command: 'test -e ~/x || { touch ~/x; echo src/a.rs:1; exit 3; }'}\n",
    );
    job(&repo).0.exits(0).hides("::error");
    // Where nothing is named, the step in the plan is.
    repo.plan("  - {id: two, command: 'exit 3'}\n");
    job(&repo).0.exits(1).says("::error file=.ai/plans/7/Autopilot.yaml,line=6::two: exit 3");
}

#[test]
fn what_a_step_prints_is_no_command_of_the_job() {
    let repo = Repo::new();
    repo.plan("  - {id: one, command: 'echo ::notice::planted; echo \"  ::error::planted\"; echo \"##[error]planted\"; exit 3'}\n");
    let ran = job(&repo).0.exits(1);
    // As the runner of Actions reads a log: between the two lines with the word it obeys nothing.
    let mut stopped: Option<String> = None;
    for line in ran.stdout.lines().map(str::trim_start) {
        match &stopped {
            Some(word) if *line == format!("::{word}::") => stopped = None,
            Some(_) => {}
            None => {
                stopped = line.strip_prefix("::stop-commands::").map(str::to_owned);
                assert!(!line.contains("planted"), "{}", ran.stdout);
            }
        }
    }
    assert!(stopped.is_none() && ran.stdout.contains("::notice::planted"), "{}", ran.stdout);
}

#[test]
fn what_a_step_names_is_no_command_of_the_job_and_no_escape() {
    let repo = Repo::new();
    repo.plan(
        "  - id: one
    command: |
      touch \"$(printf 'x\\n::notice::planted\\n\\033]0;planted\\007##[error]planted')\"
    expectation: {changes: {within: [made]}}\n",
    );
    let ran = job(&repo).0.exits(1).says("planted");
    for line in ran.stdout.lines() {
        assert!(!line.trim_start().starts_with("::notice") && !line.contains("##["), "{}", ran.stdout);
    }
    ran.hides("\u{1b}").hides("\u{7}");
    let report = fs::read_to_string(repo.evidence("FAILED-").pop().unwrap()).unwrap();
    assert!(!report.contains('\u{1b}') && !report.lines().any(|line| line.starts_with("::")), "{report}");
}

#[test]
fn faults_of_a_plan_are_marked() {
    let repo = Repo::new();
    repo.file(".ai/plans/7/Autopilot.yaml", "version: 1\nissue: 7\ntitle: Try\nstep: []\n");
    let run = |args: &[&str]| Ran::of(&repo.command(args).env("GITHUB_ACTIONS", "true").output().unwrap());
    for args in [&["7"][..], &["check", "7"]] {
        run(args).exits(2).says("::error file=.ai/plans/7/Autopilot.yaml,line=4,col=1::");
    }
    repo.autopilot(["7"]).exits(2).hides("::error");
}

/// The workflow in the documents.
fn workflow() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github-actions.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("```yaml\n").unwrap();
    serde_yaml::from_str(rest.split_once("```").unwrap().0).unwrap()
}

#[test]
fn the_documented_workflow_has_few_rights_and_valid_commands() {
    let workflow = workflow();
    assert_eq!(
        workflow["permissions"],
        serde_json::json!({}),
        "nothing for whoever does not say what he needs"
    );
    let job = &workflow["jobs"]["autopilot"];
    let rights = serde_json::json!({"contents": "write", "issues": "write", "pull-requests": "write"});
    assert_eq!(job["permissions"], rights);
    let scripts: Vec<&str> =
        job["steps"].as_array().unwrap().iter().filter_map(|step| step["run"].as_str()).collect();
    // Text from outside reaches a script by a variable, never as a part of it.
    assert!(!scripts.concat().contains("${{"), "{scripts:?}");
    let commands: Vec<&str> = scripts
        .iter()
        .flat_map(|script| script.lines())
        .filter_map(|line| line.split_once("autopilot ").map(|(_, arguments)| arguments))
        .collect();
    assert_eq!(commands.len(), 2, "{scripts:?}");
    let repo = Repo::empty();
    for command in commands {
        let words = command.replace("\"$ISSUE\"", "653").replace("\"$USER\"", "somebody");
        let arguments: Vec<&str> = words.split_whitespace().chain(["--help"]).collect();
        repo.autopilot(arguments).exits(0);
    }
}

#[test]
fn runs_side_by_side_print_nothing_of_their_steps() {
    let repo = Repo::new();
    repo.plan("  - {id: one, command: 'echo ::error::from a step'}\n");
    let plan = fs::read_to_string(repo.top().join(".ai/plans/7/Autopilot.yaml")).unwrap();
    repo.file(".ai/plans/8/Autopilot.yaml", &plan.replace("issue: 7", "issue: 8"));
    let outputs = repo.top().with_file_name("outputs");
    let mut command = repo.command(["7", "8", "--jobs", "2"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs);
    let ran = Ran::of(&command.output().unwrap()).exits(0);
    assert!(!ran.stdout.contains("from a step") && !ran.stdout.contains("::group"), "{}", ran.stdout);
}

#[test]
fn the_own_workflow_and_the_action_have_few_rights_and_take_no_text_into_scripts() {
    let read = |name: &str| -> Value {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        serde_yaml::from_str(&text).unwrap()
    };
    let (ci, action) = (read(".github/workflows/ci.yml"), read("action.yml"));
    assert_eq!(ci["permissions"], serde_json::json!({}));
    let jobs = ci["jobs"].as_object().unwrap();
    let mut steps: Vec<&Value> = jobs.values().flat_map(|job| job["steps"].as_array().unwrap()).collect();
    for job in jobs.values() {
        assert_eq!(job["permissions"], serde_json::json!({"contents": "read"}));
    }
    let own = action["runs"]["steps"].as_array().unwrap();
    for step in own.iter().filter(|step| step["run"].is_string()) {
        assert_eq!(step["shell"], "bash", "{step}");
    }
    steps.extend(own);
    let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(!scripts.concat().contains("${{"), "{scripts:?}");
    assert!(scripts.contains(&"bash .ci/run"), "{scripts:?}");
}
