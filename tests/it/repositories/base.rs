//! A base that git made once, and would refuse today: said before the first step where each step would fail on it,
//! and in nobody's way where not.

use std::fs;

use super::{names, refused, run_without_trace};
use crate::common::{Ran, Repo, wait_until};
use crate::resume::release;

/// Commits the tree of HEAD after its raw bytes were changed.
fn commit_raw(repo: &Repo, change: impl FnOnce(&Repo, Vec<u8>) -> Vec<u8>) {
    let tree = change(repo, repo.git_bytes(["cat-file", "tree", "HEAD^{tree}"]));
    let file = repo.dir().join("tree");
    fs::write(&file, tree).unwrap();
    let args = ["hash-object", "-t", "tree", "-w", "--literally", file.to_str().unwrap()];
    let tree = repo.git(args);
    let commit = repo.git(["commit-tree", &tree, "-p", "HEAD", "-m", "raw"]);
    repo.git(["update-ref", "HEAD", &commit]);
}

/// Returns an entry of a tree, with what README.md or a folder holds.
fn entry(repo: &Repo, mode: &str, name: &[u8], of: &str) -> Vec<u8> {
    let id = hex::decode(repo.git(["rev-parse", &format!("HEAD:{of}")])).unwrap();
    [mode.as_bytes(), b" ", name, b"\0", &id].concat()
}

#[test]
fn what_every_step_would_fail_on_is_refused_before_the_first() {
    let long = format!("{} -text\n", "x".repeat(4000));
    for (file, text, why) in [
        (".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n", "gitmodulesUrl"),
        (".gitmodules", "[submodule \"../x\"]\n\tpath = x\n\turl = ../x\n", "gitmodulesName"),
        (".gitmodules/x", "x\n", "it is a folder"),
        (".gitattributes", &long, "gitattributesLineLength"),
        (".gitattributes/x", "x\n", "it is a folder"),
    ] {
        let repo = Repo::new();
        repo.plan("  - {id: a, command: 'echo made > made'}\n");
        repo.commit_file(file, text);
        let name = file.split('/').next().unwrap();
        refused(&repo)
            .says(&format!("no commit can be made on the base `main`: git refuses its {name}: {why}"))
            .says(&format!("hint: correct {name}, commit that"));
        // As the hint says.
        repo.git(["rm", "-rq", name]);
        repo.commit("corrected");
        run_without_trace(&repo, 0);
    }
}

#[test]
fn names_that_no_worktree_can_hold_are_refused_wherever_they_are() {
    for name in [".git", ".GIT", "git~1", "..", ".g\u{200c}it", "a\\.git"] {
        for (mode, of) in [("100644", "README.md"), ("40000", "sub")] {
            let repo = Repo::new();
            repo.file("sub/file", "x\n");
            repo.plan("  - {id: a, command: 'true'}\n");
            commit_raw(&repo, |repo, tree| [tree, entry(repo, mode, name.as_bytes(), of)].concat());
            refused(&repo).says(name).says("git takes such a name for its own").says("hint: rename it");
        }
    }
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    commit_raw(&repo, |repo, tree| [tree, entry(repo, "120000", b"GITMOD~1", "README.md")].concat());
    refused(&repo).says("GITMOD~1");
}

#[test]
fn trees_that_git_would_write_otherwise_today_are_written_so() {
    type Change = fn(&Repo, Vec<u8>) -> Vec<u8>;
    let changes: [(&str, Change); 4] = [
        ("padded", |_, tree| {
            let at = tree.windows(10).position(|piece| piece == b"40000 sub\0").unwrap();
            [&tree[..at], b"0", &tree[at..]].concat()
        }),
        ("mode", |_, tree| {
            let at = tree.windows(16).position(|piece| piece == b"100644 README.md").unwrap();
            [&tree[..at], b"100664", &tree[at + 6..]].concat()
        }),
        ("twice", |repo, tree| [entry(repo, "100644", b"README.md", "README.md"), tree].concat()),
        ("unsorted", |repo, tree| [entry(repo, "100644", b"zz", "README.md"), tree].concat()),
    ];
    for (what, change) in changes {
        let repo = Repo::new();
        repo.file("sub/file", "x\n");
        repo.plan("  - {id: a, command: 'echo made > made; echo more >> sub/file'}\n");
        commit_raw(&repo, change);
        // What git thinks of this index is not the matter.
        repo.git(["read-tree", "HEAD"]);
        run_without_trace(&repo, 0);
        assert_eq!(repo.on_branch("sub/file"), "x\nmore", "{what}");
        assert!(names(&repo).contains(&b"made".to_vec()), "{what}");
        let tree = repo.git(["rev-parse", &format!("{}^{{tree}}", repo.branch())]);
        let raw = repo.git_bytes(["cat-file", "tree", &tree]);
        let strict = repo.dir().join("strict");
        fs::write(&strict, raw).unwrap();
        // Git makes such a tree, and reads it strictly.
        assert_eq!(repo.git(["hash-object", "-t", "tree", strict.to_str().unwrap()]), tree, "{what}");
    }
}

#[test]
fn what_is_refused_deeper_down_is_in_the_way_of_who_changes_something_beside_it() {
    let repo = Repo::new();
    repo.file("sub/.gitattributes", &format!("{} -text\n", "x".repeat(4000)));
    repo.plan(
        "  - {id: elsewhere, command: 'echo made > made'}
  - {id: beside, command: 'echo x > sub/new', on_failure: ignore}
  - {id: mends, command: 'echo \"*.x -text\" > sub/.gitattributes; echo x > sub/mended'}\n",
    );
    run_without_trace(&repo, 0);
    let ended = repo.events_of("attempt.ended");
    let why = ended[1]["reason"]["text"].as_str().unwrap();
    assert!(
        why.starts_with("git does not take sub/.gitattributes, which the base holds, into a commit"),
        "{why}"
    );
    assert!(why.contains("gitattributesLineLength"), "{why}");
    assert_eq!(
        repo.git(["diff", "--name-only", "main", &repo.branch()]),
        "made\nsub/.gitattributes\nsub/mended"
    );
}

#[test]
fn a_base_that_moved_and_conflicts_is_said_and_no_driver_is_started() {
    let repo = Repo::new();
    repo.file("a", "one\n");
    repo.file(".gitattributes", "a merge=odd\n");
    repo.plan(
        "  - {id: a, command: 'echo run > a; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n",
    );
    let mark = repo.dir().join("started");
    repo.git(["config", "merge.odd.driver", &format!("touch {}", mark.display())]);
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.commit_file("a", "mine\n");
    release(&repo);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    repo.autopilot(["status"]).exits(0).says("conflicts with main as it is now, in a: merge it by hand");
    repo.autopilot(["audit", "7"]).exits(0);
    // Elsewhere, and in nobody's way; where it was; merged.
    for at in ["main~1", &repo.branch()] {
        repo.git(["checkout", "-q", "-B", "main", at]);
        repo.autopilot(["status"]).exits(0).hides("conflicts");
    }
    repo.git(["checkout", "-q", "-B", "main", "HEAD~1"]);
    repo.commit_file("other", "x\n");
    repo.autopilot(["status"]).exits(0).hides("conflicts");
    assert!(!mark.exists(), "a merge driver of the settings was started");
}
