//! Which run finds what: folders, lock files, and bases that its own has in its history.

use super::{APPLY, caches, hits, looked, misses, pass, repo};
use crate::common::Repo;

const BUILD: &str =
    "  - {id: build, command: 'mkdir -p target; cat target/built || true; echo build > target/built'}\n";

fn built() -> Repo {
    let repo = repo();
    repo.file("Cargo.lock", "one\n");
    repo.plan_with("cache: [target]", &format!("{BUILD}{APPLY}"));
    pass(&repo);
    repo
}

#[test]
fn other_lock_files_or_folders_find_nothing() {
    let repo = built();
    repo.autopilot(["check", "7"]).exits(0).says("cache: hit: what run ").says("this very base");
    repo.commit_file("Cargo.lock", "two\n");
    repo.autopilot(["check", "7"]).exits(0).says("cache: miss: the lock files are others");
    pass(&repo);
    misses(&repo, "the lock files are others");
    repo.commit_file("Cargo.lock", "one\n");
    repo.autopilot(["check", "7"]).exits(0).says("the nearest base with the same lock files");
    pass(&repo);
    hits(&repo);
    repo.commit_file("deep/below/uv.lock", "");
    pass(&repo);
    misses(&repo, "the lock files are others");
    repo.plan_with("cache: [target, node_modules]", BUILD);
    pass(&repo);
    misses(&repo, "those there are of other folders");
}

#[test]
fn the_nearest_base_in_the_history_is_taken_and_no_other() {
    let repo = built();
    let first = repo.git(["rev-parse", "HEAD"]);
    repo.commit_file("a", "a\n");
    let second = repo.git(["rev-parse", "HEAD"]);
    pass(&repo);
    assert_eq!(looked(&repo)["base"], first);
    repo.commit_file("b", "b\n");
    pass(&repo);
    // What that one found it changed: it is the same bytes, and another base.
    assert_eq!(looked(&repo)["base"], second);
    // A branch beside it is not in its history, however near: who wrote it may be an agent.
    repo.git(["checkout", "-q", "-b", "beside", &first]);
    repo.commit_file("c", "c\n");
    pass(&repo);
    assert_eq!(looked(&repo)["base"], first);
    repo.git(["checkout", "-q", "--orphan", "other"]);
    repo.commit_file("d", "d\n");
    repo.autopilot(["check", "7"]).exits(0).says("cache: miss: the base has none of theirs in its history");
    pass(&repo);
    misses(&repo, "the base has none of theirs in its history");
}

#[test]
fn folders_that_are_no_builds_are_refused_with_their_line() {
    let repo = repo();
    repo.file("src/a", "a\n");
    repo.file("packages/one/package.json", "{}\n");
    repo.commit("more");
    let refused = |cache: &str, says: &str| {
        repo.plan_with(&format!("cache:\n  - {cache}"), BUILD);
        let says = format!("Autopilot.yaml:5{says}");
        repo.run().exits(2).says(&says);
        let check = repo.autopilot(["check", "7"]);
        assert_ne!(check.code, 0);
        check.says(&says);
        assert_eq!(repo.evidence("status-").len(), 0, "nothing is begun");
    };
    refused("src", ": `src` cannot be kept by `cache`: git tracks src/a");
    refused("packages", ": `packages` cannot be kept by `cache`: git tracks packages/one/package.json");
    refused("build", ": `build` cannot be kept by `cache`: the base does not ignore it");
    refused("target/debug", ": `target/debug` cannot be kept by `cache`: all of target is ignored");
    for cache in [".git", "sub/.GIT/x", ".ai/logs"] {
        refused(cache, &format!(":5: `{cache}` is never kept"));
    }
    refused("../x", ":5: `../x` leaves its folder");
    refused("/etc", ":5: `/etc` is absolute");
    refused("\"~/../x\"", ":5: `~/../x` leaves its folder");
    repo.plan_with("cache: [target, target/debug]", BUILD);
    repo.run().exits(2).says("`target/debug` and `target` are in each other");
    // A folder of a package, deep in the checkout.
    repo.plan_with("cache: [packages/one/node_modules, packages/two/node_modules]", "  - {id: a, command: 'mkdir -p packages/two/node_modules packages/one/node_modules; cat packages/*/node_modules/x || true; echo x > packages/two/node_modules/x; echo y > packages/one/node_modules/x'}\n");
    pass(&repo);
    pass(&repo);
    assert!(repo.log().contains("y\nx\n"), "{}", repo.log());
}

#[test]
fn of_the_same_folders_and_lock_files_those_used_last_stay() {
    let repo = built();
    let mut bases = Vec::new();
    for number in 0..5 {
        repo.commit_file("a", &format!("{number}\n"));
        // Each is of a base of its own, and changes what is kept.
        repo.plan_with("cache: [target]", &format!("{BUILD}  # {number}\n"));
        bases.push(repo.git(["rev-parse", "HEAD"]));
        pass(&repo);
        hits(&repo);
    }
    assert_eq!(caches(&repo).len(), 4);
    let told = |cache: &std::path::PathBuf| std::fs::read_to_string(cache.join("cache.json")).unwrap();
    let all: String = caches(&repo).iter().map(told).collect();
    let there: Vec<bool> = bases.iter().map(|base| all.contains(base.as_str())).collect();
    assert_eq!(there, [false, true, true, true, true]);
}

#[test]
fn what_no_run_will_take_goes_and_is_told() {
    let repo = built();
    let store = caches(&repo)[0].parent().unwrap().to_owned();
    for half in ["held-20260101T000000Z-9", "making-20260101T000000Z-9", "0123456789abcdef"] {
        std::fs::create_dir(store.join(half)).unwrap();
        std::fs::write(store.join(half).join("half"), "x").unwrap();
    }
    repo.autopilot(["doctor"])
        .says("Kept for plans with `cache`")
        .says("it never came to be whole; `autopilot clean` removes it");
    repo.autopilot(["clean", "--dry-run"])
        .exits(0)
        .says("would remove what a plan kept in")
        .says("it never came to be whole");
    assert_eq!(caches(&repo).len(), 4);
    repo.autopilot(["clean"]).exits(0).says("is removed").says("1 cache of plans, ");
    assert_eq!(caches(&repo).len(), 1);
    // One that nobody has used for long.
    let record = std::fs::File::options().write(true).open(caches(&repo)[0].join("cache.json")).unwrap();
    record
        .set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(31 * 24 * 3600))
        .unwrap();
    repo.autopilot(["clean", "--dry-run"]).exits(0).says("no run has used it for 30 days");
    pass(&repo);
    hits(&repo);
    repo.autopilot(["clean", "--caches"]).exits(0).says("`--caches`");
    assert_eq!(caches(&repo).len(), 0);
    assert!(!store.exists());
    pass(&repo);
    misses(&repo, "no run that passed has left one yet");
}
