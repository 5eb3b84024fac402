//! Plans as people write them: what loads, what is refused, and what they read then.
//!
//! `UPDATE=1 cargo test` writes the expected texts and `docs/autopilot.schema.json` anew; look at the diff.

use std::fs;
use std::path::{Path, PathBuf};

use autopilot::plan::{self, Action, EnvEntry, Invocation, Loaded, Network, Plan, Shell, Wrong};
use serde_json::Value;

mod check;
mod draft;
mod hostile;
mod schema;

/// The issue that every fixture is for.
const ISSUE: u64 = 653;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the plans of a folder of fixtures, in order.
fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/fixtures/plans").join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Makes a plan of a text, as if it lay in the current folder.
fn parse(text: &str) -> Result<Loaded, plan::Faults> {
    plan::parse(text.as_bytes(), Path::new("Autopilot.yaml"), Path::new("."), Some(ISSUE))
}

fn plan_of(steps: &str) -> Loaded {
    parse(&format!("version: 1\nissue: 653\ntitle: Try it\n{steps}"))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

fn valid(name: &str) -> Plan {
    let path = root().join("tests/fixtures/plans/valid").join(name);
    plan::load(&path, Some(ISSUE)).unwrap_or_else(|faults| panic!("{faults}")).plan
}

/// Compares a text with a file, or writes it there.
fn expect_file(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, text).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(expected == text, "{} differs; UPDATE=1 writes it anew. Now:\n{text}", path.display());
}

#[test]
fn valid_plans_load() {
    for path in fixtures("valid") {
        if let Err(faults) = plan::load(&path, Some(ISSUE)) {
            panic!("{faults}");
        }
    }
}

#[test]
fn invalid_plans_say_what_to_write_instead() {
    for path in fixtures("invalid") {
        let name = PathBuf::from(path.file_name().unwrap());
        let faults = plan::parse(&fs::read(&path).unwrap(), &name, Path::new("."), Some(ISSUE))
            .map(|_| ())
            .expect_err(&format!("{} is valid", path.display()));
        expect_file(&path.with_extension("txt"), &format!("{faults}\n"));
    }
}

#[test]
fn defaults_are_resolved() {
    let plan = valid("smallest.yaml");
    let step = &plan.steps[0];
    assert_eq!(plan.limits.timeout.as_secs(), 3600);
    assert_eq!(plan.limits.consecutive_failures, 3);
    assert_eq!((step.timeout.as_secs(), step.retries, step.expectation.exit_code), (600, 0, 0));
    assert_eq!(step.network, Network::None);
    assert_eq!((plan.publish.comment, plan.publish.push), (None, false));
    assert_eq!(step.line, 5);
}

#[test]
fn a_step_adds_to_env_and_filesystem_and_replaces_the_network() {
    let plan = valid("full.yaml");
    let step = |id: &str| plan.steps.iter().find(|step| step.id == id).unwrap();
    let clean = step("clean");
    let set = |name: &str, value: &str| EnvEntry::Set(name.into(), value.into());
    assert_eq!(clean.env, [set("CARGO_TERM_COLOR", "never"), set("RUST_LOG", "debug")]);
    assert_eq!(clean.filesystem.read, [Path::new("/opt/data"), Path::new("~/.cargo")]);
    assert_eq!((clean.resources.memory, clean.resources.processes), (1 << 30, 512));
    assert!(matches!(step("fetch").network, Network::Allow(_)));
    assert_eq!(clean.network, Network::None);
}

#[test]
fn a_list_runs_as_it_is_and_a_text_by_a_shell() {
    let plan = plan_of(
        "steps: [{id: a, command: [make, -k]}, {id: b, command: make, shell: bash, post: [x, [y]]}]\n",
    )
    .plan;
    let argv = |step: usize| match &plan.steps[step].action {
        Action::Command(invocation) => invocation.argv(),
        other => panic!("{other:?}"),
    };
    assert_eq!(argv(0), ["make", "-k"]);
    assert_eq!(argv(1), ["bash", "-eo", "pipefail", "-c", "make"]);
    assert_eq!(plan.steps[1].post[0], Invocation::Script { text: "x".into(), shell: Shell::Bash });
    assert_eq!(plan.steps[1].post[1], Invocation::Argv(vec!["y".into()]));
}

#[test]
fn needs_move_a_step_back_only_as_far_as_needed() {
    let ids: Vec<String> = valid("order.yaml").steps.into_iter().map(|step| step.id).collect();
    assert_eq!(ids, ["lint", "test", "report", "last"]);
}

#[test]
fn line_ends_and_marks_do_not_matter() {
    let plan = valid("crlf.yaml");
    assert_eq!(plan.title, "Überall");
    assert_eq!(plan.steps[0].line, 6);
    let Action::Command(Invocation::Script { text, .. }) = &plan.steps[0].action else { panic!() };
    assert_eq!(text, "make\nmake test\n");
}

#[test]
fn aliases_of_whole_values_work() {
    let plan = valid("anchors.yaml");
    assert_eq!(plan.steps[0].env, plan.steps[1].env);
}

#[test]
fn a_pull_request_pushes() {
    for (text, draft) in [("true", false), ("ready", false), ("draft", true), ("{draft: true}", true)] {
        let plan =
            plan_of(&format!("steps: [{{id: a, command: b}}]\npublish: {{pull_request: {text}}}\n")).plan;
        assert!(plan.publish.push);
        assert_eq!(plan.publish.pull_request.unwrap().draft, draft, "{text}");
    }
    assert!(!plan_of("steps: [{id: a, command: b}]\npublish: {pull_request: false}\n").plan.publish.push);
}

#[test]
fn the_resolved_plan_is_json() {
    let json = valid("full.yaml").resolved();
    let at = |pointer: &str| json.pointer(pointer).cloned().unwrap_or_else(|| panic!("{pointer}: {json:#}"));
    assert_eq!(at("/issue"), 653);
    assert_eq!(at("/limits/timeout"), "3h");
    assert_eq!(at("/steps/0/action/command/script/text"), "cargo fetch --locked");
    assert_eq!(at("/steps/0/network/allow/1"), "*.example.org:8443");
    assert_eq!(at("/steps/1/action/codex/context/1/step"), "fetch");
    assert_eq!(at("/steps/3/action/claude/model"), "claude-sonnet-5");
    assert_eq!(at("/steps/1/expectation/changes/within/0"), "src/**");
    assert_eq!(at("/steps/1/expectation/output_matches/0"), "done");
    assert_eq!(at("/steps/7/env/1"), "RUST_LOG=debug");
    assert_eq!(at("/steps/7/resources/memory"), 1 << 30);
    assert!(matches!(at("/digest"), Value::String(digest) if digest.len() == 64));
}

#[test]
fn what_is_legal_and_foolish_is_warned_of() {
    let text = "\
version: 1
issue: 653
title: Foolish
limits: {timeout: 15m, consecutive_failures: 2}
defaults: {env: [LD_PRELOAD=x.so, NPM_TOKEN, UNSET_HERE, GIT_AUTHOR_NAME=me]}
steps:
  - {id: agent, codex: Do it, retries: 2}
  - {id: test, command: make, network: full}
  - {id: deploy, command: make, secrets: [GITHUB_TOKEN], timeout: 20m}
  - {id: wide, command: make, network: {allow: [\"*.org\"]}}
  - {id: patch, apply: a.patch, network: {allow: [\"a.org\"]}, expectation: {output_excludes: [\"x*\"]}}
  - {id: again, needs: [agent], codex_apply: task_1}
  - {id: theirs, command: \"echo ${{ env.WHO }} ${{ matrix.py }}\", env: [\"KEY=${{ secrets.KEY }}\"]}
  - id: kept
    command: make
    commit: Mend #12
publish: {push: false, pull_request: draft}
";
    let loaded = parse(text).unwrap_or_else(|faults| panic!("{faults}"));
    let mut warnings: Vec<String> =
        loaded.warnings.iter().map(|warning| format!("{}: {}", warning.line, warning.message)).collect();
    warnings.extend(loaded.unset(|name| name != "UNSET_HERE").iter().map(|warning| warning.message.clone()));
    expect_file(&root().join("tests/fixtures/plans/warnings.txt"), &(warnings.join("\n") + "\n"));
}

#[test]
fn a_sensible_plan_has_no_warnings() {
    let loaded = plan_of(
        "limits: {timeout: 1h, tokens: 1000}\nsteps: [{id: a, codex: Do it, post: [make]}, {id: b, command: make}]\n",
    );
    assert_eq!(loaded.warnings, []);
}

#[test]
fn durations_and_sizes_are_read_for_others_too() {
    let wrong: Wrong = plan::units::read_duration("10").unwrap_err();
    assert_eq!(wrong.to_string(), "has no unit: write `10s` or `10m`");
}
