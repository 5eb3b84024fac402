//! What a step does with git: its files decide, nothing it has set up.

use std::fs;

use super::{run_without_trace, script};
use crate::common::Repo;

#[test]
fn a_step_uses_git_as_anywhere() {
    let repo = Repo::new();
    repo.git(["tag", "-a", "v1.0", "-m", "one"]);
    repo.git(["update-ref", "refs/remotes/origin/main", "HEAD"]);
    repo.git(["config", "branch.main.remote", "origin"]);
    repo.git(["config", "branch.main.merge", "refs/heads/main"]);
    repo.git(["config", "remote.origin.url", "https://user:token@example.org/r.git"]);
    repo.git(["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    repo.git(["stash", "list"]);
    script(
        &repo,
        "git describe
test -z \"$(git status --porcelain)\"
git log --oneline origin/main.. | wc -l
test -z \"$(git remote)\"
! git config --list | grep token
echo one > one; git add one; git commit -q -m one
echo half > README.md; git stash -q; git stash pop -q
git log --format='%an %s' -1
git switch -q -c other; git switch -q -",
    );
    run_without_trace(&repo, 0);
    assert!(repo.log().contains("v1.0-1-g"), "{}", repo.log());
    assert!(repo.log().contains("Somebody one"), "{}", repo.log());
    assert_eq!(repo.on_branch("one"), "one");
    assert_eq!(repo.on_branch("README.md"), "half");
    let subjects = repo.git(["log", "--format=%s", &format!("main..{}", repo.branch())]);
    assert_eq!(subjects, "autopilot: a", "the step's history is its own");
}

#[test]
fn whatever_a_step_does_to_its_git_the_files_decide() {
    for damage in [
        "git add -A; git commit -q -m mine; git reset -q --hard HEAD~1; echo made > made",
        "git checkout -q --orphan fresh; git rm -rqf .; echo made > made; git checkout -q main -- README.md",
        "git add made; git commit -q -m one; git checkout -q HEAD~1 2>/dev/null; echo made > made",
        "git update-index --assume-unchanged README.md; echo hidden > README.md",
        "git update-index --skip-worktree README.md; echo hidden > README.md",
        "rm -rf .git",
        "rm -rf .git; echo 'gitdir: /etc' > .git",
        "rm -rf .git; ln -s / .git",
        "rm -rf .git; mkfifo .git",
        "rm -f .git/index; echo garbage > .git/HEAD; echo '[core' > .git/config",
        "printf '*\\n' > .git/info/exclude; git config core.worktree /; git config core.bare true",
        "git config core.autocrlf true; git config filter.x.clean 'sed s/made/lost/'; echo '* filter=x text eol=crlf' > .git/info/attributes",
    ] {
        let repo = Repo::new();
        script(&repo, &format!("echo made > made\n{damage}"));
        run_without_trace(&repo, 0);
        assert_eq!(repo.on_branch("made"), "made", "{damage}");
        if damage.contains("hidden") {
            assert_eq!(repo.on_branch("README.md"), "hidden", "{damage}");
        }
    }
}

#[test]
fn a_step_that_fails_with_a_damaged_git_is_reset_all_the_same() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'rm -rf .git README.md; mkfifo .git; echo x > x; exit 1', on_failure: ignore}
  - {id: b, command: 'test -e README.md && test ! -e x && echo made > made'}\n",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("made"), "made");
}

#[test]
fn an_embedded_repository_fails_the_step_and_is_said() {
    let repo = Repo::new();
    script(
        &repo,
        "git init -q vendor/lib; echo x > vendor/lib/file; git -C vendor/lib add .; git -C vendor/lib -c user.name=x -c user.email=x commit -qm x",
    );
    run_without_trace(&repo, 1).says("vendor/lib/.git is an embedded repository");
    assert!(repo.branches().is_empty());
    let bundle = repo.evidence("salvage-").pop().expect("its files are saved");
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:vendor/lib/file"]), "x");
    let said = "vendor/lib/.git: an embedded repository; saved as vendor/lib/salvaged.git";
    assert!(repo.summary().contains(said), "{}", repo.summary());
    // Its history comes back as it was.
    repo.git(["worktree", "add", "-q", "../salvaged", "refs/salvage/a-1"]);
    fs::rename(
        repo.dir().join("salvaged/vendor/lib/salvaged.git"),
        repo.dir().join("salvaged/vendor/lib/.git"),
    )
    .unwrap();
    assert_eq!(repo.git(["-C", "../salvaged/vendor/lib", "log", "--format=%s"]), "x");
}

#[test]
fn an_ignored_embedded_repository_is_nobodys_business() {
    let repo = Repo::new();
    script(&repo, "git init -q target/lib; echo x > target/lib/file; echo made > made");
    run_without_trace(&repo, 0);
}

#[test]
fn names_that_git_cannot_hold_fail_the_step_and_are_said() {
    for name in [".GIT", ".Git", "git~1", "GIT~1", ".git "] {
        let repo = Repo::new();
        script(&repo, &format!("mkdir 'sub'; echo x > 'sub/{name}'; echo made > made"));
        run_without_trace(&repo, 1).says(&format!("sub/{}", name.trim_end()));
        assert!(repo.branches().is_empty());
    }
    let repo = Repo::new();
    script(&repo, "mkdir .GIT; echo x > .GIT/config; echo made > made; exit 3");
    run_without_trace(&repo, 1).says("exit 3");
}

#[test]
fn pipes_and_sockets_hold_nothing_and_go() {
    let repo = Repo::new();
    script(
        &repo,
        "mkfifo pipe; mkdir -p sub; echo made > made
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sub/socket\")' || mkfifo sub/socket",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("made"), "made");
    script(&repo, "mkfifo pipe; mkfifo \"$(printf 'caf\\351')\"; echo x > x; exit 1");
    run_without_trace(&repo, 1);
}
