//! Proofs through the whole of a run: what each of its runs sees; which changes it accepts (`tables`).

mod tables;

use std::fs;

use serde_json::{Value, json};

use crate::common::layers::How;
use crate::common::{Ran, Repo};

/// Reports, as a test each, what a run of a proof sees; and leaves marks everywhere.
const LOOK: &str = r#"
look() {
  if eval "$2"; then echo "<testcase classname='look' name='$1'/>"; else
    echo "<testcase classname='look' name='$1'><failure message='not so'/></testcase>"; fi
}
rm -f out/none; mkdir -p out
{
  echo "<testsuites><testsuite name='look'>"
  look begins_with_what_is_ignored 'test -e ignored/made'
  look begins_with_home 'test -e ~/made'
  look has_no_git '! test -e .git'
  look has_no_secret 'test -z "$DEPLOY_TOKEN"'
  look finds_no_mark_in_the_tree '! test -e mark'
  look finds_no_mark_in_home '! test -e ~/mark'
  look finds_no_mark_in_tmpdir '! test -e "$TMPDIR/mark"'
  look finds_no_report '! test -e out/report.xml.before'
  look writes_nowhere_outside '! touch OUTSIDE/mark 2>/dev/null'
  look has_what_was_changed 'grep -q new code/file'
  look has_what_was_removed 'test -e code/gone'
  look has_what_was_added 'test -e code/added/deep'
  look has_the_new_test 'test -e tests/new'
  look has_the_old_test 'grep -q old tests/old'
  look can_execute 'test -x code/file'
  look has_the_link 'test "$(readlink code/link)" = file'
  echo "</testsuite></testsuites>"
} > out/report
mv out/report out/report.xml
touch mark ~/mark "$TMPDIR/mark" 2>/dev/null
"#;

fn run_like(repo: &Repo, how: How) -> Ran {
    let mut command = repo.command(["-vv", "7"]);
    command.env("CARGO_HOME", repo.dir().join("cargo")).env("DEPLOY_TOKEN", "tok-4711-abcdefgh");
    let ran = Ran::of(&how.of(command, repo).output().unwrap());
    let expected = how.backend();
    assert!(ran.stderr.contains(expected), "{how:?}: {}", ran.stderr);
    ran
}

#[test]
fn each_run_has_what_is_laid_for_it_and_nothing_else() {
    for how in How::ALL {
        let repo = Repo::new();
        let outside = repo.dir().join("outside");
        fs::create_dir(&outside).unwrap();
        repo.file("look.sh", &LOOK.replace("OUTSIDE", outside.to_str().unwrap()));
        repo.file(".gitignore", "ignored/\nout/\n");
        for (path, text) in [("code/file", "base\n"), ("code/gone", "x\n"), ("tests/old", "old\n")] {
            repo.file(path, text);
        }
        let before = "mkdir ignored out; touch ignored/made ~/made; echo '<testsuite/>' > out/report.xml";
        let change = "echo new > code/file; chmod +x code/file; rm code/gone; mkdir code/added; \
                      echo x > code/added/deep; ln -s file code/link; echo new > tests/old; echo x > tests/new";
        let proves = json!({"tests": ["tests/**"], "command": "sh look.sh", "mutants": 0,
            "report": {"format": "junit", "path": "out/report.xml"}});
        let step = json!({"id": "change", "command": change, "secrets": ["DEPLOY_TOKEN"],
            "filesystem": {"write": [outside]}, "expectation": {"proves": proves}});
        repo.plan(&format!("  - {}\n  - {step}\n", json!({"id": "before", "command": before})));
        let ran = run_like(&repo, how);
        let runs = repo.events_of("proof.ran");
        let told = || format!("{how:?}\n{}\n{}\n{runs:#?}", ran.stderr, repo.log());
        let always: Vec<String> = LOOK
            .lines()
            .filter_map(|line| line.trim().strip_prefix("look ")?.split(' ').next().map(str::to_owned))
            .filter(|name| {
                !name.starts_with("has_what") && !name.starts_with("has_the") && name != "can_execute"
            })
            .collect();
        assert!(always.len() == 9, "{always:?}");
        let mut seen = Vec::new();
        for run in &runs {
            let (code, new, old) = match run["run"].as_str().unwrap() {
                "base" => (false, false, true),
                "tests" => (false, true, false),
                "result" => (true, true, false),
                "old_tests" => (true, false, true),
                other => panic!("{other}"),
            };
            seen.push(run["run"].as_str().unwrap().to_owned());
            let holds = |name: &str| outcome(&runs[0], run, name) == Some("passed");
            for name in &always {
                assert!(holds(name), "{name} in {run}\n{}", told());
            }
            for (name, expected) in [
                ("has_what_was_changed", code),
                ("can_execute", code),
                ("has_what_was_added", code),
                ("has_the_link", code),
                ("has_what_was_removed", !code),
                ("has_the_new_test", new),
                ("has_the_old_test", old),
            ] {
                assert_eq!(holds(name), expected, "{name} in {run}\n{}", told());
            }
        }
        assert_eq!(seen, ["base", "tests", "result", "tests", "result", "old_tests"], "{}", told());
        assert!(fs::read_dir(&outside).unwrap().next().is_none(), "{}", told());
    }
}

/// Reads how a test came out in a run, by the recorded difference to the base.
fn outcome<'r>(base: &'r Value, run: &'r Value, name: &str) -> Option<&'r str> {
    let named = |report: &Value| {
        let is_in = |list: &str| {
            let ids = report[list].as_array().into_iter().flatten();
            ids.filter_map(Value::as_str).any(|id| id.ends_with(name))
        };
        ["passed", "failed", "skipped", "absent"].into_iter().find(|list| is_in(list))
    };
    let own = named(&run["report"]);
    if run["report"]["else_as_base"] == true { own.or_else(|| named(&base["report"])) } else { own }
}

/// Runs `check` on a plan whose step is to be proved; what it says.
fn checked(files: &[(&str, &str)], steps: &[Value]) -> String {
    let repo = Repo::new();
    for (path, text) in files {
        repo.file(path, text);
    }
    repo.file(".ai/plans/7/change.patch", "x");
    repo.plan(&steps.iter().map(|step| format!("  - {step}\n")).collect::<String>());
    repo.autopilot(["check", "7"]).exits(0).stdout
}

#[test]
fn a_check_says_beforehand_what_no_proof_could_tell_of() {
    let proves = |tests: Value, command: &str| json!({"proves": {"tests": tests, "command": command}});
    let work = json!({"id": "work", "apply": "change.patch"});
    let rust = "pub fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {}\n}\n";
    let inside = "pub fn a() {\n    #[cfg(test)]\n    println!();\n}\n";
    let files = [("lib/a.rb", "x"), ("src/lib.rs", rust), ("src/inside.rs", inside), ("spec/a_spec.rb", "x")];
    for (tests, command, says, hides) in [
        (json!(["spec/**"]), "rake test", "how to ask `rake test` for a report", "matches"),
        (json!(["spec/**"]), "make test", "would be refused", "matches"),
        (json!(["tests/**"]), "cargo test", "`tests/**` matches nothing yet: no file of `main`", "refused"),
        (
            json!(["lib/**"]),
            "cargo test",
            "`lib/**` matches lib/a.rb, whose language is not known",
            "nothing yet",
        ),
        (
            json!(["src/**"]),
            "cargo test",
            "`src/**` matches src/inside.rs (code and tests cannot",
            "src/lib.rs (",
        ),
        (json!(["spec/**", "src/lib.rs"]), "cargo test", "5 to 22 runs of `cargo test`", "warning"),
    ] {
        let proof = json!({"id": "test", "command": "true", "expectation": proves(tests.clone(), command)});
        let said = checked(&files, &[work.clone(), proof]);
        assert!(said.contains(says) && !said.contains(hides), "{tests} {command}:\n{said}");
    }
    let alone =
        json!({"id": "test", "command": "true", "expectation": proves(json!(["spec/**"]), "cargo test")});
    let said = checked(&files, &[alone]);
    assert!(said.contains("step `test` proves what it changes itself"), "{said}");
}

const GRAPH: &str = "### 1. One\n- **ID**: a\n- **Estimated Duration**: 5 min\n\n### 2. Two\n- **ID**: b\n- **Dependencies**: a\n";

#[test]
fn init_writes_a_proof_where_it_knows_how_tests_are_run() {
    let inside = "pub fn a() {}\n#[test]\nfn b() {}\n";
    let package = |script: &str| format!(r#"{{"scripts": {{"test": "{script}"}}}}"#);
    let (node, other) = (package("node --test"), package("./run"));
    for (files, expected) in [
        (&[("Cargo.toml", ""), ("src/lib.rs", inside)][..], Some(("cargo test --offline", "src/**"))),
        (&[("Cargo.toml", ""), ("tests/a.rs", "")], Some(("cargo test --offline", "tests/**"))),
        (&[("Cargo.toml", ""), ("a/src/lib.rs", inside)], Some(("cargo test --offline", "'**/src/**'"))),
        (&[("go.mod", "")], Some(("go test ./...", "'**/*_test.go'"))),
        (&[("pom.xml", "<project/>")], Some(("mvn -o test", "src/test/**"))),
        (&[("pom.xml", "<project><modules>")], None),
        (&[("package.json", &node), ("src/a.test.js", "")], Some(("npm test", "'**/*.test.*'"))),
        (&[("package.json", &other), ("src/a.test.js", "")], None),
        (
            &[("pyproject.toml", "[tool.pytest]"), ("test_a.py", "")],
            Some(("python3 -m pytest", "'**/test_*.py'")),
        ),
        (&[("pyproject.toml", ""), ("test_a.py", "")], None),
        (&[("Cargo.toml", ""), ("go.mod", "")], None),
        (&[("README.md", "")], None),
    ] {
        let repo = Repo::new();
        for (path, text) in files {
            repo.file(path, text);
        }
        repo.commit("files");
        repo.file(".ai/plans/7/Plans.md", GRAPH);
        let ran = repo.autopilot(["init", "7"]).exits(0);
        let text = repo.read(".ai/plans/7/Autopilot.yaml");
        let Some((command, pattern)) = expected else {
            assert!(
                !text.contains("proves") && ran.stderr.contains("no `proves` is written"),
                "{files:?}: {text}"
            );
            continue;
        };
        let written = format!("        tests:\n        - {pattern}\n        command: {command}\n");
        assert!(text.contains("before the runner commits\n") && text.contains(&written), "{files:?}: {text}");
        // The step that is last alone: its proof is about all that the steps do.
        assert!(text.split("- id: b").nth(1).unwrap().contains("proves:\n"), "{text}");
        assert_eq!(text.matches("proves:\n").count(), 1, "{text}");
        let said = repo.autopilot(["check", "7"]).stdout;
        assert!(said.contains(": valid, ") && !said.contains("would be refused"), "{files:?}: {said}");
    }
}
