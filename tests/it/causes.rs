//! One cause has one exit code in every command, and what `--json` prints has the documented shape, also where a command fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Map, Value};

use crate::common::{Ran, Repo, signal, wait_until};

const UNKNOWN: &str = "20200101T000000Z-7";

/// A checkout with a plan for each cause that a plan can have; that of issue 7 can be carried out, and does this.
pub(crate) fn with_plans(seventh: &str) -> Repo {
    let repo = Repo::new();
    let plan = |issue, step: &str| repo.plan_of(issue, "", &format!("  - {{id: a, {step}}}\n"));
    plan(7, seventh);
    plan(8, "comand: 'true'");
    plan(9, "codex: Do it.");
    plan(10, "command: 'true', secrets: [NOT_SET_ANYWHERE]");
    plan(11, &format!("command: 'true', filesystem: {{read: [\"{}\"]}}", repo.state().display()));
    plan(12, "command: 'true', network: {allow: [b.example.org]}");
    repo.commit("plans");
    let folder = repo.home().join(".config/autopilot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), "network: {allow: [a.example.org]}\n").unwrap();
    repo
}

/// Runs each command, and demands this exit code, and this cause of those that answer programs.
fn all_end<S: AsRef<str>>(repo: &Repo, code: i32, cause: &str, commands: &[S]) {
    for line in commands {
        let line = line.as_ref();
        let args: Vec<&str> = line.split(' ').collect();
        let mut command: Command = repo.command(&args);
        // Whatever agents are on this machine are not on that PATH.
        command.env("PATH", "/usr/bin:/bin");
        let ran = Ran::of(&command.output().unwrap()).exits(code);
        assert!(ran.stderr.contains("error") || ran.stdout.contains("refuse"), "{line}: {ran:?}");
        if ["run", "check", "status", "audit", "replay"].contains(&args[0]) {
            let ran = Ran::of(&command.arg("--json").output().unwrap()).exits(code);
            let said: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{line}: {ran:?}"));
            let own = said["error"]["cause"].as_str().or(said["plans"][0]["denied"][0]["cause"].as_str());
            let is_invalid = said["plans"][0]["valid"] == false;
            assert!(own == Some(cause) || (is_invalid && cause == "plan"), "{line}: {said}");
        }
    }
}

#[test]
fn one_cause_has_one_exit_code_in_every_command() {
    let repo = with_plans("command: 'echo made > made'");
    all_end(&repo, 2, "no-run", &["logs", "view", "audit", "audit --all", "audit --evidence-only"]);
    let unknown =
        ["status 99", "logs 99", "view 99", "audit 99", "checkout 99", "publish 99", "stop 99", "replay 99"];
    all_end(&repo, 2, "no-run", &unknown);
    let by_name = ["logs", "view", "audit", "audit --evidence-only", "checkout", "publish", "replay"];
    let by_name = by_name.map(|command| format!("{command} {UNKNOWN}"));
    all_end(&repo, 2, "no-run", &by_name);
    let of_plan = |issue: u64| {
        [
            format!("run {issue}"),
            format!("run --dry-run {issue}"),
            format!("check {issue}"),
            format!("learn {issue}/a"),
            format!("sandbox --step {issue}/a -- true"),
        ]
    };
    for (issue, code, cause) in [
        (99, 2, "no-plan"),
        (8, 2, "plan"),
        (11, 3, "policy"),
        (12, 3, "ceiling"),
        (9, 3, "missing"),
        (10, 3, "missing"),
    ] {
        let commands = of_plan(issue);
        // An agent's step is no command; the sandbox alone, and what is learned, go without secrets or agents.
        let these = if cause == "missing" { &commands[..2] } else { &commands[..] };
        all_end(&repo, code, cause, these);
    }
    all_end(&repo, 3, "missing", &["check 9"]);
    assert!(repo.evidence("").is_empty(), "nothing was begun");
    fs::remove_dir_all(repo.top().join(".git")).unwrap();
    let outside =
        ["run 7", "status", "logs", "view", "audit", "checkout 7", "publish", "stop 7", "clean", "prune"];
    all_end(&repo, 2, "repository", &outside);
}

/// The examples of the page, by name.
fn documented(name: &str) -> Value {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).unwrap();
    let (_, rest) = page.split_once(&format!("```json {name}\n")).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The command that each example of the page is of, as `schema --of` names it.
fn command_of(name: &str) -> &str {
    name.split_once('-').map_or(name, |(command, _)| command)
}

/// Demands the schema that the program itself prints.
fn is_by_its_schema(name: &str, said: &Value) {
    let command = command_of(name);
    let repo = Repo::empty();
    let printed = repo.autopilot(["schema", "--of", command]).exits(0).stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/json/{command}.schema.json"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == printed, "{} differs; UPDATE=1 writes it anew", path.display());
    let schema: Value = serde_json::from_str(&printed).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for value in [said, &documented(name)] {
        let wrong: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}: {value}");
    }
    // It is no schema of everything: neither without a field nor with one that is of another kind.
    for field in said.as_object().unwrap().keys() {
        let mut less = said.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(!validator.is_valid(&less), "{name}: without {field}");
        let mut other = said.clone();
        other[field] = serde_json::json!(["of", {"no": "such kind"}]);
        assert!(!validator.is_valid(&other), "{name}: another kind of {field}");
    }
}

/// Demands the documented names, the documented kind of each value (null is of every kind), and the schema.
fn is_as_documented(name: &str, said: &Value) {
    is_by_its_schema(name, said);
    let fields = |value: &Value| value.as_object().unwrap().clone();
    let names = |fields: &Map<String, Value>| fields.keys().cloned().collect::<BTreeSet<_>>();
    let (expected, own) = (fields(&documented(name)), fields(said));
    assert_eq!(names(&own), names(&expected), "{name}: {said}");
    for (field, value) in own {
        let kinds = [&value, &expected[&field]].map(std::mem::discriminant);
        let is_null = value.is_null() || expected[&field].is_null();
        assert!(is_null || kinds[0] == kinds[1], "{name}: {field}: {value}");
    }
}

#[test]
fn what_json_prints_has_the_documented_shape() {
    let repo = with_plans("command: 'echo made > made'");
    let lines = |args: &[&str], code| -> Vec<Value> {
        let stdout = repo.autopilot(args).exits(code).stdout;
        stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{stdout}"))).collect()
    };
    let ran = lines(&["run", "7", "8", "99", "--json"], 2);
    let of = |issue: u64| ran.iter().find(|line| line["issue"] == issue).unwrap();
    is_as_documented("run", of(7));
    is_as_documented("run-refused", of(8));
    is_as_documented("run-refused", of(99));
    assert_eq!(of(8)["error"]["faults"][0]["line"], 6, "{}", of(8));
    is_as_documented("status", &lines(&["status", "--json"], 0)[0]);
    is_as_documented("error", &lines(&["status", "99", "--json"], 2)[0]);
    is_as_documented("error", &lines(&["status", "--jsn", "--json"], 2)[0]);
    let whole = |args: &[&str], code| -> Value {
        serde_json::from_str(&repo.autopilot(args).exits(code).stdout).unwrap()
    };
    is_as_documented("replay", &whole(&["replay", "7", "--json"], 0));
    is_as_documented("audit", &whole(&["audit", "--json"], 0));
    let checked = whole(&["check", "7", "--json"], 0);
    is_as_documented("check", &checked);
    let plan =
        |value: &Value| value["plans"][0].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(plan(&checked), plan(&documented("check")));
    let doctor = repo.autopilot(["doctor", "--json"]);
    is_as_documented("doctor", &serde_json::from_str(&doctor.stdout).unwrap());
}

#[test]
fn an_issue_that_a_signal_kept_from_starting_is_answered_too() {
    let repo = Repo::new();
    repo.plan_of(8, "", "  - {id: a, command: 'true'}\n");
    repo.plan("  - {id: a, command: 'echo ready; sleep 30', timeout: 40s}\n");
    let child = repo.start(["7", "8", "--json"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGINT);
    let ran = Ran::of(&child.wait_with_output().unwrap()).exits(130);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (line["issue"].as_u64(), line["exit"].as_u64())).collect();
    assert_eq!(told, [(Some(7), Some(130)), (Some(8), Some(130))], "{}", ran.stdout);
    assert_eq!(lines[1]["error"]["cause"], "interrupted");
}
