//! `autopilot check` and `autopilot schema`, as people call them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const DRAWN: &str = "\
version: 1
issue: 653
title: As drawn
limits: {timeout: 1h, tokens: 500000}
codex: {model: gpt-5-codex}
steps:
  - {id: fetch, command: cargo fetch --locked, network: {allow: [index.example.org, static.example.org]}}
  - id: implement
    needs: [fetch]
    codex: Do it
    timeout: 30m
    retries: 1
    expectation: {changes: {min: 1, within: [src/**, tests/**]}}
    post: [cargo fmt, cargo test --offline]
  - {id: test, needs: [implement], command: [cargo, test, --offline]}
";

const SHOWN: &str = "\
.ai/plans/653/Autopilot.yaml: valid, 3 steps, at most 1h20m (run limit 1h)
1 fetch       sh -ec 'cargo fetch --locked'       10m ×1
    network   index.example.org:443 static.example.org:443
    write     worktree HOME TMPDIR
2 implement   codex exec … (openai, gpt-5-codex)  30m ×2  after fetch
    network   none (+ model endpoint, key outside)
    expects   exit 0; changes ≥1 within src/** tests/**
    post      cargo fmt; cargo test --offline
3 test        cargo test --offline                10m ×1  after implement
warning: steps may take 1h20m, limits.timeout is 1h (line 4)
    hint: the run ends at its limit, wherever it is then
";

/// Makes a repository with plans.
fn repository(plans: &[(u64, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    for (issue, text) in plans {
        let plan = folder.path().join(format!(".ai/plans/{issue}"));
        fs::create_dir_all(&plan).unwrap();
        fs::write(plan.join("Autopilot.yaml"), text).unwrap();
    }
    folder
}

fn autopilot(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_autopilot")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_valid_plan_is_shown_step_by_step() {
    let repository = repository(&[(653, DRAWN)]);
    for args in
        [&["check", "653"][..], &["check"], &["check", "#653"], &["check", ".ai/plans/653/Autopilot.yaml"]]
    {
        let output = autopilot(repository.path(), args);
        let shown = text(&output.stdout);
        assert!(shown.starts_with(SHOWN), "{shown}{}", text(&output.stderr));
        assert!(shown[SHOWN.len()..].starts_with("this host: "), "{shown}");
        assert!(shown[SHOWN.len()..].contains(": network none"), "{shown}");
    }
}

#[test]
fn an_invalid_plan_is_exit_2_and_all_faults_on_stderr() {
    let repository =
        repository(&[(653, &DRAWN.replace("id: test", "id: fetch").replace("title:", "titel:"))]);
    let output = autopilot(repository.path(), &["check", "653"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    let faults = text(&output.stderr);
    for expected in [
        "Autopilot.yaml:3:1: unknown key `titel`",
        "Autopilot.yaml:15:10: `fetch` is the id of two",
        "invalid, 2 errors",
    ] {
        assert!(faults.contains(expected), "{faults}");
    }
}

#[test]
fn a_wrong_issue_lists_the_plans_that_exist() {
    let repository = repository(&[(653, DRAWN), (7, DRAWN), (646, DRAWN)]);
    let output = autopilot(repository.path(), &["check", "654"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there are plans for 7, 646, 653"), "{}", text(&output.stderr));
    let output = autopilot(repository.path(), &["check", "646"]);
    assert!(
        text(&output.stderr).contains("is the plan of issue 653, not of 646"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn json_holds_plans_and_faults() {
    let repository = repository(&[(653, DRAWN), (654, "version: 1\n")]);
    let output = autopilot(repository.path(), &["check", "--json"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(2), 0));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["plans"][0]["valid"], true);
    assert_eq!(json["plans"][0]["steps"][0]["argv"][2], "cargo fetch --locked");
    assert_eq!(json["plans"][0]["plan"]["steps"][1]["retries"], 1);
    assert_eq!(json["plans"][0]["warnings"][0]["line"], 4);
    let grants: Vec<(&String, &str)> = json["plans"][0]["granted"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(step, grant)| (step, grant.as_str().unwrap()))
        .collect();
    assert!(
        !grants.is_empty() && grants.iter().all(|(_, grant)| grant.contains("write worktree")),
        "{grants:?}"
    );
    assert_eq!(json["plans"][1]["valid"], false);
    assert_eq!(json["plans"][1]["faults"].as_array().unwrap().len(), 3);
    assert_eq!(json["plans"][1]["faults"][0]["column"], 1);
}

#[test]
fn the_plan_alone_asks_nothing_of_the_host() {
    let needs_the_host =
        "version: 1\nissue: 7\ntitle: t\nsteps:\n  - {id: a, command: [x], secrets: [NOT_SET_ANYWHERE]}\n";
    let repository = repository(&[(7, needs_the_host)]);
    assert_eq!(autopilot(repository.path(), &["check"]).status.code(), Some(3));
    let output = autopilot(repository.path(), &["check", "--plan-only"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("this host: not asked\n"), "{}", text(&output.stdout));
    let output = autopilot(repository.path(), &["check", "--plan-only", "--json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["plans"][0]["denied"], Value::Null);
}

#[test]
fn plans_are_found_from_a_folder_below() {
    let repository = repository(&[(653, DRAWN)]);
    let below = repository.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    assert!(text(&autopilot(&below, &["check", "653"]).stdout).contains("valid, 3 steps"));
}

#[test]
fn no_plan_at_all_says_how_to_get_one() {
    let output = autopilot(repository(&[]).path(), &["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("autopilot init 1 --title"), "{}", text(&output.stderr));
}

#[test]
fn the_schema_is_printed() {
    let output = autopilot(Path::new("."), &["schema"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(&json, autopilot::plan::schema());
}
