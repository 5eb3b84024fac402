//! What a run says of a cache, changed field by field: noticed by the repository, by the run that left it, or by the rest of
//! its own journal.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::forge::Forge;
use crate::common::{Repo, codes_in};

/// Three runs: one that leaves a cache, one of a later base that takes it, and one that takes what that has left.
fn runs() -> (Repo, [String; 3]) {
    let repo = Repo::new();
    repo.file("Cargo.lock", "one\n");
    repo.plan_with(
        "cache: [target]",
        "  - {id: a, command: 'mkdir -p target; echo x >> target/x; echo x > x'}\n",
    );
    let names = [0, 1, 2].map(|number| {
        repo.commit_file("file", &format!("{number}\n"));
        repo.run().exits(0);
        repo.run_names().pop().unwrap()
    });
    repo.autopilot(["audit", "--all"]).exits(0);
    (repo, names)
}

/// The codes that an audit finds.
fn codes(repo: &Repo, args: &[&str]) -> BTreeSet<String> {
    let ran = repo.autopilot([&["audit", "--json"], args].concat());
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    codes_in(&report)
}

#[test]
fn each_field_of_what_a_run_took_is_held_against_what_is_known() {
    let (repo, [first, second, third]) = runs();
    let of = |name: &String| Forge::new(&repo.top(), name);
    let event = |name: &String, kind: &str| {
        let lines = of(name).values();
        lines.iter().find(|line| line["event"]["type"] == kind).unwrap()["event"].clone()
    };
    let (looked, kept) = (event(&second, "cache.looked"), event(&first, "cache.kept"));
    assert_eq!(looked["run"], json!(first));
    assert_eq!(looked["sha256"], kept["sha256"]);
    assert_eq!(event(&third, "cache.looked")["run"], json!(second));

    // Of the same files, and not in the history of the run's base.
    let tree = repo.git(["rev-parse", "HEAD~1^{tree}"]);
    let beside = repo.git(["commit-tree", "-m", "beside", &tree]);
    // In its history, with other lock files.
    let before = repo.git(["rev-list", "--max-parents=0", "HEAD"]);
    let other = json!("1".repeat(64));
    // A field, what it is changed to, and what tells: the one run with its repository, or all runs without.
    let changes: [(&str, Value, &str, &str); 10] = [
        ("base", json!(beside), "AP709", "AP709"),
        ("base", json!(before), "AP709", "AP709"),
        ("base", json!("1".repeat(40)), "", "AP709"),
        ("locks", other.clone(), "AP709", "AP709"),
        ("sha256", other, "", "AP709"),
        ("run", json!(third), "", "AP709"),
        ("run", json!(second), "AP403 AP709", "AP403 AP709"),
        ("run", json!("somebody"), "AP403", "AP403"),
        ("why", json!("none"), "AP403", "AP403"),
        ("folders", json!(["node_modules"]), "AP404", "AP404 AP709"),
    ];
    for (field, to, by_repository, by_runs) in changes {
        let copy = repo.copy();
        let forge = Forge::new(&copy.top(), &second);
        forge.edit_event("cache.looked", |_| true, |event| event[field] = to.clone());
        let expected = |codes: &str| codes.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(codes(&copy, &[&second]), expected(by_repository), "{field}: {to}");
        assert_eq!(codes(&copy, &["--all", "--evidence-only"]), expected(by_runs), "{field}: {to}, by runs");
    }
    let copy = repo.copy();
    let forge = Forge::new(&copy.top(), &second);
    forge.edit_event("cache.looked", |_| true, |event| event["base"] = json!("1".repeat(40)));
    copy.autopilot(["audit", &second]).exits(0).says("at which the cache was left, is not here");
}

#[test]
fn each_field_of_what_a_run_left_is_held_against_what_it_took_and_who_takes_it() {
    let (repo, [_, second, third]) = runs();
    let taken = Forge::new(&repo.top(), &second).values();
    let taken =
        &taken.iter().find(|line| line["event"]["type"] == "cache.looked").unwrap()["event"]["sha256"];
    let changes: [(&str, Value, &str, &str); 5] = [
        ("bytes", json!(0), "AP403", "AP403"),
        ("sha256", taken.clone(), "AP403", "AP403 AP709"),
        ("sha256", json!("1".repeat(64)), "", "AP709"),
        ("sha256", Value::Null, "AP403", "AP403 AP709"),
        ("why", json!("no room"), "AP403", "AP403"),
    ];
    for (field, to, alone, by_runs) in changes {
        let copy = repo.copy();
        let forge = Forge::new(&copy.top(), &second);
        forge.edit_event("cache.kept", |_| true, |event| event[field] = to.clone());
        let expected = |codes: &str| codes.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(codes(&copy, &[&second, "--evidence-only"]), expected(alone), "{field}: {to}");
        let all = codes(&copy, &["--all", "--evidence-only"]);
        assert_eq!(all, expected(by_runs), "{field}: {to}, by runs; {third} took it");
    }
}
