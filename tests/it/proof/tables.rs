//! What a proof accepts and refuses, through the whole of a run: the tables of `tests/fixtures/proofs`, each line a change of a
//! small library, honest or not. `samples` are others' changes, `fakes` and `honest` our own; with them the examples of
//! `docs/proof-limits.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::common::Repo;
use crate::common::program::copy_folder;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/proofs")
}

/// A change, as its table has it.
struct Sample {
    name: String,
    /// The library that it changes.
    base: String,
    command: String,
    /// Patterns of its tests, where they are not those of its base.
    tests: Option<Vec<String>>,
    expected: String,
    /// What the plan has to say for it, and of what.
    word: Option<(String, String)>,
    /// The change itself, where it lies in no file of its own.
    patch: Option<String>,
}

/// Reads the lines of a table.
fn table(name: &str) -> Vec<Sample> {
    let text = fs::read_to_string(fixtures().join(format!("{name}.tsv"))).unwrap();
    let line = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let [name, base, command, tests, expected, word, _] = cells.as_slice() else {
            panic!("{} cells: {line}", cells.len());
        };
        Sample {
            name: (*name).to_owned(),
            base: (*base).to_owned(),
            command: (*command).to_owned(),
            tests: (!tests.is_empty()).then(|| tests.split(' ').map(str::to_owned).collect()),
            expected: (*expected).to_owned(),
            word: word.split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned())),
            patch: None,
        }
    };
    text.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// Reads the examples of the page on limits, each with the verdict that the page states.
fn limits() -> Vec<Sample> {
    let page = include_str!("../../../docs/proof-limits.md");
    let sections: Vec<&str> = page.split("\n## ").skip(1).filter(|own| own.contains("```")).collect();
    assert!(sections.len() >= 8, "the page is not as it is read");
    let example = |section: &str| {
        let (title, rest) = section.split_once('\n').unwrap();
        let (said, code) = rest.split_once("```diff ").unwrap();
        let (base, patch) = code.split_once('\n').unwrap();
        let verdict = said.split("Verdict: **").nth(1).unwrap().split("**").next().unwrap();
        let expected = match verdict {
            "accepted" => "accept",
            "refused" => "refuse",
            "either" => "limit",
            other => panic!("{title}: {other}"),
        };
        Sample {
            name: title.to_owned(),
            base: base.to_owned(),
            command: "std".to_owned(),
            tests: None,
            expected: expected.to_owned(),
            word: None,
            patch: Some(patch.split("```").next().unwrap().to_owned()),
        }
    };
    sections.into_iter().map(example).collect()
}

impl Sample {
    fn proves(&self, with_word: bool) -> Value {
        let command = match (self.base.as_str(), self.command.as_str()) {
            (_, "make") => "make test",
            (_, "npm") => "npm test",
            // The system's, which has it by a package.
            ("python", _) => "/usr/bin/python3 -m pytest -q",
            ("rust" | "workspace", _) => "cargo test --offline --no-fail-fast",
            ("js", _) => "node --test",
            ("go", _) => "go test ./...",
            other => panic!("{other:?}"),
        };
        let tests = match (&self.tests, self.base.as_str()) {
            (Some(own), _) => json!(own),
            (None, "rust") => json!(["tests/**", "src/**"]),
            (None, "js") => json!(["test/**"]),
            (None, _) => json!(["tests/**"]),
        };
        let mut proves = json!({"tests": tests, "command": command});
        if let (true, Some((key, value))) = (with_word, &self.word) {
            match key.as_str() {
                "may_change" => proves["may_change"] = json!([value]),
                "except" => proves["old_tests"] = json!({"except": [value]}),
                other => panic!("{other}"),
            }
        }
        proves
    }

    /// Lets a step apply the change, and be proved; whether it was, and in which words.
    fn try_out(&self, with_word: bool) -> (bool, String) {
        let repo = Repo::new();
        let folder = fixtures().join(&self.base);
        copy_folder(&folder.join("base"), &repo.top());
        repo.file(".gitignore", "target/\n__pycache__/\n.pytest_cache/\nnode_modules/\n");
        let beside = repo.top().join(".ai/plans/7/change.patch");
        fs::create_dir_all(beside.parent().unwrap()).unwrap();
        match &self.patch {
            Some(patch) => fs::write(beside, patch).unwrap(),
            None => {
                fs::copy(folder.join("patches").join(format!("{}.patch", self.name)), beside).unwrap();
            }
        }
        let proves = self.proves(with_word);
        let step = json!({"id": "change", "apply": "change.patch", "expectation": {"proves": proves}});
        repo.plan(&format!("  - {step}\n"));
        repo.run();
        let judged = repo.events_of("expectation.judged");
        let Some(verdict) = judged.iter().find(|event| event["kind"] == "proves") else {
            panic!("{}: nothing was judged\n{}", self.name, repo.log());
        };
        let ended = &repo.events_of("attempt.ended")[0];
        let held = verdict["held"] == true;
        assert_eq!(ended["result"], if held { "passed" } else { "failed" }, "{ended}");
        if !held {
            assert_eq!(ended["reason"]["kind"], "proof", "{ended}");
        }
        // What is refused because nothing could be run says nothing of the change.
        for ran in repo.events_of("proof.ran").iter().filter(|ran| ran["run"] == "base") {
            assert_eq!(ran["report"]["built"], true, "{}: {ran}\n{}", self.name, repo.log());
            assert_ne!(ran["report"]["passed"], Value::Null, "{}: {ran}\n{}", self.name, repo.log());
        }
        repo.autopilot(["audit", "7"]).exits(0);
        let told = format!("{}\n{}", verdict["saw"], repo.log());
        (held, told)
    }
}

impl Sample {
    /// Tries it as the plain plan has it, and with the plan's word where it has one; how it came out otherwise than it should.
    fn comes_out_wrong(&self) -> Vec<String> {
        let (plain, with_word) = match self.expected.as_str() {
            "accept" => (Some(true), None),
            "refuse" => (Some(false), None),
            "accept-if-allowed" | "refuse-unless-allowed" => (Some(false), Some(true)),
            "limit" => (None, None),
            other => panic!("{other}"),
        };
        let mut tried = vec![(false, plain)];
        tried.extend(with_word.map(|expected| (true, Some(expected))));
        let mut wrong = Vec::new();
        for (word, expected) in tried {
            let (held, told) = self.try_out(word);
            println!("{} held: {held}: {}", self.name, told.lines().next().unwrap_or_default());
            if expected.is_some_and(|expected| expected != held) {
                wrong.push(format!("{} (with a word: {word}) held: {held}: {told}", self.name));
            }
        }
        wrong
    }
}

/// Tries changes of some bases, of which there are at least so many: every third, since each is several runs of tests. `AUTOPILOT_TEST_PROOF`
/// names a single one, or says `all`.
fn hold(bases: &[&str], least: usize) {
    let only = std::env::var("AUTOPILOT_TEST_PROOF").ok();
    let mut all: Vec<Sample> = ["samples", "fakes", "honest"].into_iter().flat_map(table).collect();
    all.extend(limits());
    all.retain(|own| bases.contains(&own.base.as_str()));
    assert!(all.len() >= least, "{}: the changes are not where they are looked for", all.len());
    let mut nth = 0..;
    all.retain(|own| match only.as_deref() {
        Some("all") => true,
        Some(name) => name == own.name,
        None => nth.next().is_some_and(|nth: usize| nth.is_multiple_of(3)),
    });
    println!("{} changes", all.len());
    // Two at a time: a run of tests also waits.
    let (next, all) = (AtomicUsize::new(0), &all);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(sample) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(sample.comes_out_wrong());
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn changes_in_rust_come_out_as_they_should() {
    hold(&["rust", "workspace"], 15);
}

#[test]
#[ignore = "needs pytest"]
fn changes_in_python_come_out_as_they_should() {
    hold(&["python"], 50);
}

#[test]
#[ignore = "needs node and npm"]
fn changes_in_javascript_come_out_as_they_should() {
    hold(&["js"], 20);
}

#[test]
#[ignore = "needs go"]
fn changes_in_go_come_out_as_they_should() {
    hold(&["go"], 3);
}
