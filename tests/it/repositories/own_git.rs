//! The step's own git: what one step breaks of it is mended for the next, and work that lies only there is not lost.

use crate::common::Repo;

use super::{assert_same, run_without_trace};

/// Ways to break a git, and what the next attempt is told.
const BREAKS: [(&str, &str); 29] = [
    ("rm -rf .git", "gone"),
    ("rm -rf .git; echo 'gitdir: elsewhere' > .git", "no folder"),
    ("rm -rf .git; ln -s /nowhere .git", "no folder"),
    ("rm -rf .git; mkfifo .git", "no folder"),
    ("rm -rf .git; mkdir .git", "could not be read"),
    ("rm -rf .git; git init -q", "did not hold the base"),
    ("chmod 000 .git", ""),
    ("rm -rf .git/objects", "could not be read"),
    ("rm -rf .git/objects; mkdir .git/objects", "did not hold the base"),
    ("git repack -adq; rm .git/objects/info/alternates; git fsck", ""),
    ("git repack -adq; rm .git/objects/info/alternates .git/objects/pack/*", "did not hold the base"),
    (
        "git repack -adq; rm .git/objects/info/alternates; chmod -R u+w .git; for p in .git/objects/pack/*; do rm $p; mkfifo $p; done",
        "could not be read",
    ),
    (
        "git repack -adq; rm .git/objects/info/alternates; chmod -R u+w .git; for p in .git/objects/pack/*; do echo x > $p; done",
        "did not hold the base",
    ),
    ("rm .git/objects/info/alternates", "did not hold the base"),
    ("echo /nowhere > .git/objects/info/alternates", "did not hold the base"),
    ("rm .git/objects/info/alternates; mkfifo .git/objects/info/alternates", "could not be read"),
    ("rm .git/objects/info/alternates; ln -s /etc/passwd .git/objects/info/alternates", "could not be read"),
    ("rm -rf .git/refs", "could not be read"),
    ("rm .git/HEAD", "HEAD led nowhere"),
    ("echo nonsense > .git/HEAD", "HEAD led nowhere"),
    ("rm -rf .git/refs/heads/*", "HEAD led nowhere"),
    ("for f in $(find .git/refs/heads -type f); do echo x > $f; done", "HEAD led nowhere"),
    ("echo '[core' > .git/config", "config could not be read"),
    ("rm .git/config; mkfifo .git/config", "config could not be read"),
    ("git config core.worktree /nowhere", "config could not be read"),
    ("git config core.repositoryformatversion 99", "config could not be read"),
    ("echo garbage > .git/index", "index could not be read"),
    (": > .git/index.lock", ""),
    ("echo ../nowhere > .git/commondir", "could not be read"),
];

#[test]
fn whatever_a_step_does_to_its_git_the_next_has_one() {
    for (breaks, told) in BREAKS {
        let repo = Repo::new();
        repo.plan(&format!(
            "  - {{id: breaks, command: \"echo kept > kept; {breaks}\"}}
  - {{id: uses, command: 'git log --oneline -1 && git status --short && git add -A && git commit -qm mine'}}\n"
        ));
        let before = repo.fingerprint();
        let ran = repo.run().exits(0);
        assert_same(&before, &repo.fingerprint());
        // What git cannot read is not thrown away.
        let unread = breaks.contains("for p in") && breaks.contains("mkfifo");
        assert_eq!(repo.left_in_state().len(), usize::from(unread), "{breaks}");
        assert_eq!(repo.on_branch("kept"), "kept", "{breaks}");
        let mended = repo.events_of("git.mended");
        let said: Vec<&str> = mended
            .iter()
            .flat_map(|event| event["what"].as_array().unwrap())
            .map(|what| what.as_str().unwrap())
            .collect();
        if told.is_empty() {
            assert_eq!(said, Vec::<&str>::new(), "{breaks}");
        } else {
            assert!(said.len() == 1 && said[0].contains(told), "{breaks}: {said:?}");
            assert_eq!(mended[0]["step"], "uses");
            assert!(ran.stdout.contains(said[0]), "{breaks}: {}", ran.stdout);
            assert!(repo.summary().contains(said[0]), "{breaks}: {}", repo.summary());
        }
        repo.autopilot(["clean", "--kept"]).exits(0);
        repo.autopilot(["audit", "--all"]).exits(0);
    }
}

/// Ways to leave work in a git alone, and what is said of it; whether it is saved.
const LEAVES: [(&str, &str, bool); 12] = [
    ("echo precious > w; git stash -qu", "stash@{0}: WIP", true),
    ("echo precious > README.md; git stash -q; echo other > README.md; git stash -q", "stash@{1}: WIP", true),
    (
        "git switch -qc feature; echo precious > f; git add f; git commit -qm work; git switch -q -",
        "branch feature: work",
        true,
    ),
    (
        "git checkout -q --detach; echo precious > f; git add f; git commit -qm work; git checkout -q -",
        "a commit on no branch: work",
        true,
    ),
    (
        "b=$(git symbolic-ref --short HEAD); git switch -q --orphan other; echo precious > f; git add f; git commit -qm work; git switch -qf $b",
        "branch other: work",
        true,
    ),
    (
        "echo precious > f; git add f; git update-ref refs/mine/x $(git commit-tree -p HEAD -m work $(git write-tree)); git rm -qf f",
        "refs/mine/x: work",
        true,
    ),
    (
        "git worktree add -q target/w 2>/dev/null; cd target/w; echo precious > f; git add f; git commit -qm work",
        "branch w: work",
        true,
    ),
    (
        "echo precious > f; git add f; git commit -qm work; git reset -q --hard HEAD~",
        "a commit on no branch: work",
        true,
    ),
    ("echo precious > f; git add f; rm f", "1 file staged: f", false),
    (
        "git update-ref refs/mine/b $(echo precious | git hash-object -w --stdin)",
        "refs/mine/b, a blob",
        false,
    ),
    ("git sparse-checkout set --no-cone nothing", "hidden by a sparse checkout: ", false),
    ("git tag -am precious mine; git branch -q same", "", false),
];

#[test]
fn work_that_lies_only_in_a_steps_git_is_named_and_saved_if_it_can_be() {
    for (leaves, told, saved) in LEAVES {
        let repo = Repo::new();
        repo.plan(&format!("  - {{id: leaves, command: \"{leaves}\"}}\n  - {{id: more, command: echo}}\n"));
        let ran = run_without_trace(&repo, 0);
        let left = repo.events_of("git.left");
        if told.is_empty() {
            assert_eq!(left, Vec::<serde_json::Value>::new(), "{leaves}");
            continue;
        }
        let all: Vec<&str> = left
            .iter()
            .flat_map(|event| event["left"].as_array().unwrap())
            .map(|item| item["what"].as_str().unwrap())
            .collect();
        assert!(all.iter().any(|what| what.contains(told)), "{leaves}: {all:?}");
        assert!(ran.stdout.contains(told), "{leaves}: {}", ran.stdout);
        let summary = repo.summary();
        assert!(summary.contains("not on the branch") && summary.contains(told), "{leaves}: {summary}");
        repo.autopilot(["audit", "--all"]).exits(0);
        let bundle = repo.evidence("salvage-").pop();
        assert_eq!(bundle.is_some(), saved, "{leaves}");
        let Some(bundle) = bundle else { continue };
        repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
        let refs = repo.git(["for-each-ref", "--format=%(objectname)", "refs/salvage/"]);
        // Of a stash, what was not tracked is in its third parent.
        let holds = |spec: &str| {
            let mut grep = std::process::Command::new("git");
            grep.args(["grep", "-q", "precious", spec, "--"]).current_dir(repo.top());
            grep.output().unwrap().status.success()
        };
        let found = refs.lines().any(|id| holds(id) || holds(&format!("{id}^3")));
        assert!(found, "{leaves}: {refs}");
    }
}

#[test]
fn what_a_step_did_in_its_git_and_in_its_files_is_nothing_left() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: commits, command: 'echo a > a; git add a; git commit -qm a; echo b > a; git commit -qam b; git commit -q --amend -m c'}
  - {id: branches, command: 'git switch -qc other; echo c > c; git add c; git commit -qm c'}
  - {id: stages, command: 'echo d > d; git add d; echo e > d'}
  - {id: pops, command: 'echo f > f; git stash -qu; git stash pop -q'}
  - {id: fails, command: 'echo g > g; git add g; git commit -qm g; exit 1', on_failure: ignore}\n",
    );
    run_without_trace(&repo, 0);
    // The stash that was taken back is in the reflog of none: git drops it.
    assert_eq!(repo.events_of("git.left"), Vec::<serde_json::Value>::new());
    assert_eq!(repo.events_of("git.mended"), Vec::<serde_json::Value>::new());
}

#[test]
fn what_lay_in_a_git_that_is_replaced_is_saved_first() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: scaffold, command: 'rm -rf .git; git init -q; echo precious > f; git add f; git -c user.name=x -c user.email=x commit -qm theirs; rm f'}
  - {id: uses, command: 'git log --oneline -1'}\n",
    );
    run_without_trace(&repo, 0);
    let left = repo.events_of("git.left");
    assert_eq!(left[0]["left"][0]["reference"], "refs/salvage/git/1", "{left:?}");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/git/1:f"]), "precious");
    repo.autopilot(["audit", "--all"]).exits(0);
}

#[test]
fn names_that_a_step_gives_its_refs_are_data_and_few() {
    let repo = Repo::new();
    repo.plan(
        "  - id: a
    command: |
      t=$(git write-tree)
      for i in $(seq 1 100); do
        git update-ref \"refs/heads/`printf '\\033[31m'`x$i\" $(git commit-tree -m \"$(printf '%s\\033]0;t\\a`code` <img>|%s' a $i)\" -p HEAD $t) 2>/dev/null ||
        git update-ref \"refs/heads/x|<b>-$i\" $(git commit-tree -m \"$(printf '%s\\033]0;t\\a`code` <img>|%s' a $i)\" -p HEAD $(echo $i > f; git add f; git write-tree))
      done; git reset -q --hard\n",
    );
    let ran = run_without_trace(&repo, 0);
    let left = repo.events_of("git.left");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["left"].as_array().unwrap().len(), 20);
    assert!(left[0]["more"].as_u64().unwrap() > 0);
    assert!(!ran.stdout.contains('\u{1b}') && !repo.summary().contains('\u{1b}'));
    repo.autopilot(["audit", "--all"]).exits(0);
}

#[test]
fn objects_that_no_strict_git_takes_are_named_and_not_taken() {
    let repo = Repo::new();
    // A tree with `.git` in it, which a fetch refuses.
    repo.plan(
        "  - id: a
    command: |
      blob=$(echo x | git hash-object -w --stdin)
      tree=$(printf '100644 blob %s\\t.git\\n' $blob | git mktree)
      git update-ref refs/heads/evil $(git commit-tree -m evil -p HEAD $tree)\n",
    );
    run_without_trace(&repo, 0);
    let left = repo.events_of("git.left");
    assert_eq!(left[0]["left"][0]["what"], "branch evil: evil");
    assert_eq!(left[0]["left"][0].get("reference"), None);
    assert_eq!(repo.evidence("salvage-"), Vec::<std::path::PathBuf>::new());
}
