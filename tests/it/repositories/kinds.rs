//! Kinds of repositories: each runs, or says what it needs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::{refused, run_without_trace, script};
use crate::common::{Repo, only_as_root};

#[test]
fn sha256_repositories_are_repositories() {
    let repo = Repo::init(&["--object-format=sha256"]);
    repo.plan(
        "  - {id: a, command: 'echo made > made'}\n  - {id: b, command: 'echo x > x; rm made; exit 1'}\n",
    );
    run_without_trace(&repo, 1);
    assert_eq!(repo.on_branch("made"), "made");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
}

#[test]
fn repositories_of_other_layouts_are_repositories() {
    for arguments in [&["--ref-format=reftable"][..], &["--separate-git-dir=../elsewhere"]] {
        let repo = Repo::init(arguments);
        repo.plan("  - {id: a, command: 'echo made > made'}\n  - {id: b, command: 'echo x > x; exit 1'}\n");
        run_without_trace(&repo, 1);
        assert_eq!(repo.on_branch("made"), "made", "{arguments:?}");
    }
}

/// A repository with another one, `inner`, in it, and one more in that.
pub(super) fn with_submodules() -> (Repo, Repo, Repo) {
    let (innermost, inner, repo) = (Repo::new(), Repo::new(), Repo::new());
    innermost.commit_file("innermost", "innermost\n");
    add_submodule(&inner, &innermost, "deep/er");
    inner.commit_file("ours", "ours\n");
    inner.git(["tag", "-a", "v1", "-m", "one"]);
    add_submodule(&repo, &inner, "lib/inner");
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]);
    (repo, inner, innermost)
}

fn add_submodule(to: &Repo, from: &Repo, at: &str) {
    let url = from.top().display().to_string();
    to.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, at]);
    to.commit("submodule");
}

#[test]
fn submodules_are_there_and_have_their_history() {
    let (repo, ..) = with_submodules();
    script(
        &repo,
        "test \"$(cat lib/inner/ours)\" = ours
test \"$(cat lib/inner/deep/er/innermost)\" = innermost
test -z \"$(git status --porcelain)\"
git submodule status --recursive | grep -v '^-'
cd lib/inner; git describe --exact-match; test \"$(git log --format=%s -1)\" = ours; test -z \"$(git status --porcelain)\"
mkdir target; echo cache > target/cache
cd ../..; echo made > made",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
    assert!(repo.git(["ls-tree", &repo.branch(), "lib/"]).starts_with("160000 commit"));
}

#[test]
fn a_changed_submodule_fails_the_step_and_is_salvaged_and_reset() {
    let (repo, ..) = with_submodules();
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        "  - {id: a, command: 'echo changed > lib/inner/ours; rm -r lib/inner/deep; echo new > lib/inner/new; git -C lib/inner add .; git -C lib/inner commit -qm x', on_failure: ignore}
  - {id: b, command: 'rm -rf lib; ln -s / lib', on_failure: ignore}
  - {id: c, command: 'echo x > lib/inner/deep/er/x', on_failure: ignore}
  - {id: d, command: 'test \"$(cat lib/inner/ours)\" = ours && test -e lib/inner/deep/er/innermost && test ! -e lib/inner/new && test ! -e lib/inner/deep/er/x && echo made > made'}\n",
    );
    run_without_trace(&repo, 0).says("is in the submodule lib/inner, which a run cannot change");
    assert_eq!(repo.steps(), ["a:failed", "b:failed", "c:failed", "d:passed"]);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:lib/inner/ours"]), "changed");
    assert_eq!(repo.git(["show", "refs/salvage/a-1:lib/inner/new"]), "new");
    assert_eq!(repo.git(["show", "refs/salvage/b-1:lib"]), "/");
    assert_eq!(repo.git(["show", "refs/salvage/c-1:lib/inner/deep/er/x"]), "x");
}

#[test]
fn a_submodule_that_is_not_checked_out_is_an_empty_folder() {
    let (from, ..) = with_submodules();
    let repo = Repo::cloned(&from.top()).unwrap();
    repo.plan(
        "  - {id: a, command: 'test -d lib/inner && test -z \"$(ls -A lib/inner)\" && echo made > made'}
  - {id: b, command: 'echo x > lib/inner/x'}\n",
    );
    run_without_trace(&repo, 1).says("lib/inner/x is in the submodule lib/inner");
    assert_eq!(repo.on_branch("made"), "made");
}

#[test]
fn a_submodule_without_the_commit_is_refused_with_the_fetch_that_is_needed() {
    let (repo, inner, _) = with_submodules();
    inner.commit_file("later", "x\n");
    let later = inner.git(["rev-parse", "HEAD"]);
    repo.plan("  - {id: a, command: 'cat lib/inner/later'}\n");
    repo.git(["update-index", "--cacheinfo", &format!("160000,{later},lib/inner")]);
    repo.git(["commit", "-q", "-m", "newer"]);
    refused(&repo)
        .says("`lib/inner` does not have the commit")
        .says("git submodule update --init --recursive");
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", "--recursive"]);
    run_without_trace(&repo, 0);
}

#[test]
fn a_submodule_in_a_linked_worktree_is_that_worktrees_own() {
    let (repo, _inner, _innermost) = with_submodules();
    script(&repo, "test \"$(cat lib/inner/deep/er/innermost)\" = innermost; echo made > made");
    repo.git(["worktree", "add", "-q", "../linked", "-b", "side"]);
    let update =
        ["-C", "../linked", "-c", "protocol.file.allow=always", "submodule", "-q", "update", "--init"];
    repo.git([&update[..], &["--recursive"]].concat());
    let mut run = repo.command(["7"]);
    crate::common::Ran::of(&run.current_dir(repo.dir().join("linked")).output().unwrap()).exits(0);
    assert_eq!(repo.on_branch("made"), "made");
}

/// What a file of LFS is in a commit.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
";

#[test]
fn files_with_a_filter_are_as_committed_and_a_changed_one_fails_the_step() {
    let repo = Repo::new();
    repo.file("assets/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    repo.file("assets/a.bin", POINTER);
    // What the user's own git would run.
    let tripped = repo.home().join("tripped");
    for key in ["clean", "smudge", "process"] {
        repo.git(["config", &format!("filter.lfs.{key}"), &format!("touch {}; cat", tripped.display())]);
    }
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        "  - {id: a, command: 'grep -q git-lfs assets/a.bin && test -z \"$(git status --porcelain)\" && echo made > made'}
  - {id: b, command: 'echo raw > assets/a.bin', on_failure: ignore}
  - {id: c, command: 'echo raw > assets/new.bin', on_failure: ignore}
  - {id: d, command: 'echo \"*.dat filter=lfs\" > .gitattributes; echo raw > x.dat', on_failure: ignore}
  - {id: e, command: 'rm assets/a.bin; echo more > assets/other'}\n",
    );
    fs::remove_file(&tripped).ok();
    let before = repo.top().join("assets/a.bin");
    let before = fs::read(before).unwrap();
    let ran = repo.run().exits(0);
    ran.says("assets/a.bin has the filter `lfs`").says("assets/new.bin has").says("x.dat has the filter");
    assert_eq!(fs::read(repo.top().join("assets/a.bin")).unwrap(), before);
    assert_eq!(repo.steps(), ["a:passed", "b:failed", "c:failed", "d:failed", "e:passed"]);
    let changed = repo.git(["diff", "--name-status", "main", &repo.branch()]);
    assert_eq!(changed, "D\tassets/a.bin\nA\tassets/other\nA\tmade");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["cat-file", "blob", "refs/salvage/b-1:assets/a.bin"]), "raw");
}

#[test]
fn attributes_that_no_commit_holds_hold_in_a_run() {
    let repo = Repo::new();
    repo.file("crlf.txt", "one\ntwo\n");
    repo.plan(
        "  - {id: a, command: 'printf \"one\\r\\ntwo\\r\\n\" | cmp - crlf.txt'}
  - {id: b, command: 'echo raw > x.secret', on_failure: ignore}
  - {id: c, command: 'echo made > made'}\n",
    );
    fs::create_dir_all(repo.top().join(".git/info")).unwrap();
    fs::write(repo.top().join(".git/info/attributes"), "*.secret filter=crypt\n*.txt eol=crlf\n").unwrap();
    run_without_trace(&repo, 0).says("x.secret has the filter `crypt`");
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
}

#[test]
fn what_attributes_turn_into_what_was_there_is_no_commit() {
    let repo = Repo::new();
    repo.file(".gitattributes", "*.txt text\n*.id ident\n");
    repo.file("a.txt", "one\ntwo\n");
    repo.file("b.id", "$Id$\n");
    repo.commit("attributes");
    repo.plan(
        "  - {id: a, command: 'printf \"one\\r\\ntwo\\r\\n\" > a.txt; echo \"\\$Id: x \\$\" > b.id'}\n",
    );
    run_without_trace(&repo, 0).says("nothing changed");
    assert!(repo.branches().is_empty());
}

fn clone_with(origin: &Repo, args: &[&str]) -> Repo {
    let repo = Repo::empty();
    let url = format!("file://{}", origin.top().display());
    repo.git([&["clone", "-q"], args, &[url.as_str(), "."]].concat());
    repo.git(["config", "user.name", "Somebody"]);
    repo.git(["config", "user.email", "somebody@example.org"]);
    repo
}

/// A repository with some history and a tag in the middle of it.
fn with_history() -> Repo {
    let origin = Repo::new();
    for n in ["1", "2", "3"] {
        origin.commit_file("counted", n);
    }
    origin.git(["tag", "-a", "v1", "-m", "one"]);
    origin.commit_file("counted", "4");
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    origin
}

#[test]
fn shallow_clones_are_repositories() {
    let repo = clone_with(&with_history(), &["--depth=2"]);
    repo.plan(
        "  - {id: a, command: 'git describe; git log --format=%s origin/main..; git fsck --strict; git log --oneline; echo made > made'}
  - {id: b, command: 'echo x > x; exit 1'}\n",
    );
    run_without_trace(&repo, 1);
    assert!(repo.log().contains("v1-2-g"), "{}", repo.log());
    assert_eq!(repo.on_branch("made"), "made");
    repo.git(["fsck", "--strict"]);
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    // A base that the clone does not have.
    repo.plan_of(7, "base: v0", "  - {id: a, command: 'true'}\n");
    repo.run().exits(2).says("git fetch --unshallow");
}

#[test]
fn submodules_that_are_not_there_are_said_or_refused_where_the_plan_demands_them() {
    let (origin, _inner, _innermost) = with_submodules();
    let repo = Repo::cloned(&origin.top()).unwrap();
    let step = "  - {id: a, command: 'test -z \"$(ls lib/inner)\"'}\n";
    repo.plan(step);
    repo.run().exits(0).says("the submodule lib/inner is empty for the steps");
    repo.plan_with("submodules: true", step);
    fs::remove_dir_all(repo.top().join(".ai/logs")).unwrap();
    refused(&repo).says("the submodule `lib/inner` is not checked out here");
    let update = ["submodule", "--quiet", "update", "--init"];
    repo.git([&["-c", "protocol.file.allow=always"], &update[..]].concat());
    refused(&repo).says("the submodule `lib/inner/deep/er` is not checked out here");
    repo.git([&["-c", "protocol.file.allow=always"], &update[..], &["--recursive"]].concat());
    repo.plan_with(
        "submodules: true",
        "  - {id: a, command: 'cat lib/inner/ours lib/inner/deep/er/innermost'}\n",
    );
    let ran = repo.run().exits(0);
    assert!(!ran.stderr.contains("empty for the steps"), "{}", ran.stderr);
}

#[test]
fn partial_clones_are_refused_with_the_fetch_that_is_needed() {
    let origin = with_history();
    for filter in ["--filter=blob:none", "--filter=tree:0"] {
        let repo = clone_with(&origin, &[filter]);
        repo.plan_of(7, "", "  - {id: a, command: 'git log -p | cat; echo made > made'}\n");
        let ran = refused(&repo).says("partial clone");
        let line = ran.stderr.lines().find_map(|line| line.split_once("hint: fetch it: git ")).unwrap().1;
        // Else git tidies up behind it, in the background.
        repo.git(["config", "maintenance.auto", "false"]);
        repo.git(line.split(' '));
        run_without_trace(&repo, 0);
        assert_eq!(repo.on_branch("made"), "made");
    }
}

#[test]
fn sparse_checkouts_run_with_everything() {
    for arguments in [&["--cone"][..], &["--cone", "--sparse-index"], &["--no-cone"]] {
        let repo = Repo::new();
        repo.file("in/file", "x\n");
        repo.file("out/file", "x\n");
        script(&repo, "cat in/file out/file; rm out/file; echo made > out/made");
        repo.git([&["sparse-checkout", "set"], arguments, &["in", ".ai"]].concat());
        assert!(!repo.top().join("out").exists());
        run_without_trace(&repo, 0);
        let changed = repo.git(["diff", "--name-status", "main", &repo.branch()]);
        assert_eq!(changed, "D\tout/file\nA\tout/made");
    }
}

#[test]
fn a_pin_that_a_dead_runner_left_is_taken_away_by_the_next() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'git log -1; echo made > made'}\n");
    repo.git(["update-ref", "refs/autopilot/base/20200101T000000Z-7", "HEAD"]);
    repo.run().exits(0).says("run 20200101T000000Z-7 is gone; its base is not pinned any more");
    assert_eq!(repo.git(["for-each-ref", "refs/autopilot/"]), "");
    repo.git(["update-ref", "refs/autopilot/base/20200101T000000Z-8", "HEAD"]);
    repo.autopilot(["clean", "--dry-run"]).exits(0).says("would not pin the base of run 20200101T000000Z-8");
    repo.autopilot(["clean"]).exits(0).says("its base is not pinned any more");
    assert_eq!(repo.git(["for-each-ref", "refs/autopilot/"]), "");
}

#[test]
fn the_usual_git_commands_work_in_a_step() {
    let repo = clone_with(&with_history(), &[]);
    repo.plan(
        "  - id: a
    command: |
      git describe --tags; git describe --contains HEAD~2; git log --format=%s origin/main..
      git rev-parse --abbrev-ref '@{upstream}' || true
      echo stashed > stashed; git add stashed; git stash; test ! -e stashed; git stash pop; test -e stashed
      echo made > made; git add made; git commit -qm 'own commit'; git rebase -q HEAD~1; git tag own; git branch other
      git worktree add -q \"$TMPDIR/w\" other; git blame README.md; git bisect start; git bisect reset; git gc -q; git diff main --stat\n",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made\nstashed");
    assert_eq!(repo.git(["rev-list", "--count", &format!("main..{}", repo.branch())]), "1");
    assert_eq!(repo.git(["tag", "-l", "own"]), "");
}

#[test]
fn names_that_differ_only_in_case_are_two_files() {
    let repo = Repo::new();
    repo.file("Readme", "upper\n");
    repo.file("readme", "lower\n");
    repo.file("Folder/x", "1\n");
    repo.file("folder/x", "2\n");
    script(&repo, "cat Readme readme; echo 3 > FOLDER; echo changed > folder/x; rm Readme");
    run_without_trace(&repo, 0);
    let changed = repo.git(["diff", "--name-status", "main", &repo.branch()]);
    assert_eq!(changed, "A\tFOLDER\nD\tReadme\nM\tfolder/x");
}

/// Two thousand, or as many as `AUTOPILOT_TEST_FILES` says.
#[test]
fn many_files_are_a_repository() {
    let files = std::env::var("AUTOPILOT_TEST_FILES").map_or(2_000, |files| files.parse::<u32>().unwrap());
    let repo = Repo::new();
    for folder in 0..files / 100 {
        let path = repo.top().join(format!("f{}/g{folder}", folder % 10));
        fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            fs::write(path.join(format!("file{file}")), format!("{folder} {file}\n")).unwrap();
        }
    }
    repo.commit("many");
    let count = "find . -path ./.git -prune -o -name 'file*' -print | wc -l";
    script(&repo, &format!("test \"$({count})\" = {files}; rm -r f3; echo made > f4/made"));
    repo.run().exits(0).says("worktree removed");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    let changed = repo.git(["diff", "--shortstat", "main", &repo.branch()]);
    let expected = format!("{} files changed, 1 insertion(+)", files / 10 + 1);
    assert!(changed.trim().starts_with(&expected), "{changed}");
}

/// Runs something in a mount namespace of its own, with a file system of its own mounted at a folder.
fn on_tmpfs(folder: &Path, command: &str) -> std::process::Output {
    let script = format!(
        "mount -t tmpfs none '{}' && cp -a \"$1\"/. '{}' && {command}",
        folder.display(),
        folder.display()
    );
    let from = folder.with_extension("original");
    Command::new("unshare").args(["--mount", "sh", "-euc", &script, "sh"]).arg(from).output().unwrap()
}

#[test]
fn a_repository_on_another_file_system_is_a_repository() {
    if !only_as_root("only root can mount one; the same holds for everybody") {
        return;
    }
    let repo = Repo::new();
    script(&repo, "echo made > made; ln -s made link");
    fs::rename(repo.top(), repo.dir().join("repo.original")).unwrap();
    fs::create_dir(repo.top()).unwrap();
    let run = format!(
        "cd '{0}' && HOME='{1}' AUTOPILOT_STATE_DIR='{2}' GIT_CONFIG_GLOBAL=/dev/null '{3}' 7 && git log --branches --stat",
        repo.top().display(),
        repo.home().display(),
        repo.state().display(),
        env!("CARGO_BIN_EXE_autopilot")
    );
    let output = on_tmpfs(&repo.top(), &run);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("worktree removed"), "{said}");
    assert!(said.contains(" link | 1 +") && said.contains(" made | 1 +"), "{said}");
}

#[test]
fn the_repository_of_somebody_else_gets_what_belongs_to_its_owner() {
    if !only_as_root("only root can work in one") {
        return;
    }
    let repo = Repo::new();
    script(&repo, "echo made > made; id -u");
    // Whatever the owner has set up must not run as root.
    let tripped = repo.dir().join("tripped");
    repo.git(["config", "core.fsmonitor", &format!("id -u >> {}; false", tripped.display())]);
    let chown = |path: &Path| Command::new("chown").args(["-R", "4242:4242"]).arg(path).status().unwrap();
    assert!(chown(repo.dir()).success() && chown(&repo.top()).success());
    repo.run().exits(0).says("worktree removed");
    let mut wrong = Vec::new();
    let mut open = vec![repo.top()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.uid() != 4242 {
            wrong.push(path.clone());
        }
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(wrong.is_empty(), "not the owner's: {wrong:?}");
    let branches =
        repo.git(["-c", "safe.directory=*", "for-each-ref", "--format=%(refname)", "refs/heads/autopilot/"]);
    assert_eq!(branches.lines().count(), 1);
    let ids = fs::read_to_string(&tripped).unwrap_or_default();
    assert!(!ids.lines().any(|id| id == "0"), "{ids}");
}
