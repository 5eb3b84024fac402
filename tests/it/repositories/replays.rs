//! Runs in repositories with files of LFS and with submodules replay to the same files, from their record alone.

use serde_json::Value;

use super::kinds::with_submodules;
use super::lfs::{track, whole};
use crate::common::Repo;

/// Replays issue 7, of which no branch is left, and demands the same and that nothing is left of it.
#[track_caller]
fn replays(repo: &Repo) -> Vec<Value> {
    let branch = repo.branch();
    repo.git(["branch", "-q", "-D", &branch]);
    repo.git(["reflog", "expire", "--expire=now", "--all"]);
    repo.git(["gc", "-q", "--prune=now"]);
    let before = repo.fingerprint();
    let told = repo.autopilot(["replay", "7", "--json"]).exits(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["verdict"], "same", "{told}");
    assert_eq!(repo.fingerprint(), before, "the replay left something in the checkout");
    assert_eq!(repo.left_in_state(), [""; 0]);
    told["steps"].as_array().unwrap().clone()
}

#[test]
fn files_of_lfs_replay_to_the_same_pointers_and_have_their_content_meanwhile() {
    let repo = Repo::new();
    track(&repo, &["a.bin", "b.bin", "gone.bin"]);
    let both = whole(&["a.bin", "b.bin"]).replace('"', "\\\"");
    repo.plan(&format!(
        "  - {{id: laid, command: 'git mv a.bin moved.bin; cp b.bin copy.bin; chmod +x b.bin; rm gone.bin', outside: true}}
  - {{id: again, command: \"cmp copy.bin b.bin && test -x b.bin && mv moved.bin a.bin && {both} && echo made > made\"}}\n"
    ));
    repo.run().exits(0);
    let steps = replays(&repo);
    assert_eq!((&steps[0]["way"], &steps[1]["way"]), (&"as recorded, outside".into(), &"done again".into()));
}

#[test]
fn a_run_beside_submodules_replays_and_its_steps_see_them() {
    let (repo, ..) = with_submodules();
    repo.plan(
        "  - {id: laid, command: 'cat lib/inner/ours > ours', outside: true}
  - {id: again, command: 'cat ours lib/inner/deep/er/innermost > all', post: ['test -z \"$(git -C lib/inner status --porcelain)\"']}\n",
    );
    repo.run().exits(0);
    assert_eq!(repo.on_branch("all"), "ours\ninnermost");
    assert_eq!(replays(&repo).len(), 2);
}
