//! `cache`: what is in named folders goes from a run that passed to later ones, as it stood before the first agent, patch
//! or secret step; and nothing else does.

mod agents;
mod base;
mod hostile;
mod kept;
mod killed;
mod samples;
mod tiers;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::{Ran, Repo};

/// A patch that adds a file.
const PATCH: &str = "diff --git a/added b/added
new file mode 100644
--- /dev/null
+++ b/added
@@ -0,0 +1 @@
+added
";

/// A repository with the patch of issue 7 beside its plan, which is not there yet.
fn repo() -> Repo {
    let repo = Repo::new();
    repo.file(".ai/plans/7/add.patch", PATCH);
    repo.commit_file(".gitignore", "target/\nnode_modules/\n");
    repo
}

/// The step from which on nothing is kept.
const APPLY: &str = "  - {id: apply, apply: add.patch}\n";

/// Runs the plan of issue 7, which passes, and whose evidence an audit finds nothing wrong with.
#[track_caller]
fn pass(repo: &Repo) -> Ran {
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}\n{}", ran.stdout, ran.stderr, repo.log());
    repo.autopilot(["audit"]).exits(0);
    ran
}

/// What the latest run said that it found.
#[track_caller]
fn looked(repo: &Repo) -> Value {
    repo.events_of("cache.looked").pop().expect("it looked")
}

/// Demands that the latest run found what an earlier one left.
#[track_caller]
fn hits(repo: &Repo) {
    assert_eq!(looked(repo)["why"], Value::Null, "{}", repo.log());
}

/// Demands that it found nothing, for this reason.
#[track_caller]
fn misses(repo: &Repo, why: &str) {
    let looked = looked(repo);
    assert!(looked["why"].as_str().is_some_and(|own| own.contains(why)), "{looked}");
    assert!(repo.summary().contains("**Cache:** miss: "), "{}", repo.summary());
}

/// What the latest run said that it left.
#[track_caller]
fn left(repo: &Repo) -> Value {
    repo.events_of("cache.kept").pop().expect("it passed")
}

/// The caches that are whole.
fn caches(repo: &Repo) -> Vec<PathBuf> {
    let stores = fs::read_dir(repo.state().join("caches")).into_iter().flatten();
    let all = stores.flat_map(|store| fs::read_dir(store.unwrap().path()).unwrap());
    let mut all: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    all.sort();
    all
}
