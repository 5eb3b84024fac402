//! Files of Git LFS: their content is there where the repository has it, and a commit has their pointers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use super::{run_without_trace, script};
use crate::common::program::write_program;
use crate::common::{Ran, Repo, signal, wait_until};

/// Says of git in a step that nothing has changed.
const CLEAN: &str = "test -z \"$(git status --porcelain)\" && git diff --quiet HEAD";

/// What LFS commits of a file.
fn pointer(content: &str) -> String {
    let digest = hex::encode(Sha256::digest(content));
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {}\n", content.len())
}

/// Where LFS has a file in a git directory.
fn object(git_dir: &Path, content: &str) -> PathBuf {
    let digest = hex::encode(Sha256::digest(content));
    git_dir.join("lfs/objects").join(&digest[..2]).join(&digest[2..4]).join(digest)
}

fn store(git_dir: &Path, content: &str) -> PathBuf {
    let path = object(git_dir, content);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// Has files of LFS, whose content is what their name says, and the objects of them.
pub(super) fn track(repo: &Repo, names: &[&str]) {
    repo.file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    for name in names {
        repo.file(name, &pointer(&content(name)));
        store(&repo.top().join(".git"), &content(name));
    }
    repo.commit("files of LFS");
}

fn content(name: &str) -> String {
    format!("content of {name}\n")
}

/// Demands in a step that files have their content.
pub(super) fn whole(names: &[&str]) -> String {
    let tests = names.iter().map(|name| format!("test \"$(cat {name})\" = \"content of {name}\""));
    tests.collect::<Vec<_>>().join(" && ")
}

fn changed(repo: &Repo, commit: &str) -> String {
    repo.git(["diff", "--no-renames", "--name-status", "main", commit])
}

fn fetch_salvage(repo: &Repo) {
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
}

#[test]
fn the_content_is_there_and_is_no_change_to_anybody() {
    for format in ["--object-format=sha1", "--object-format=sha256"] {
        let repo = Repo::init(&[format]);
        track(&repo, &["a.bin", "deep/b c.bin", "tool.bin"]);
        write_program(&repo.top().join("tool.bin"), &repo.read("tool.bin"));
        repo.commit("executable");
        let lines = [
            &whole(&["a.bin", "'deep/b c.bin'", "tool.bin"]).replace("of 'deep/b c.bin'", "of deep/b c.bin"),
            "test -x tool.bin && test ! -x a.bin && test -O a.bin && test -w a.bin",
            CLEAN,
            "echo made > made; git add -A; git stash -q; git stash pop -q; git commit -qm own; git reset -q --hard",
            &whole(&["a.bin"]),
            CLEAN,
        ];
        script(&repo, &lines.join("\n"));
        run_without_trace(&repo, 0).hides("Git LFS");
        assert_eq!(changed(&repo, &repo.branch()), "A\tmade");
        assert!(repo.evidence("salvage-").is_empty());
    }
}

#[test]
fn what_changes_a_content_fails_and_the_content_comes_back() {
    let repo = Repo::new();
    track(&repo, &["a.bin", "deep/b.bin"]);
    let whole = whole(&["a.bin", "deep/b.bin"]).replace('"', "\\\"");
    let clean = CLEAN.replace('"', "\\\"");
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        &format!(
            "  - {{id: a, command: 'echo raw > a.bin; rm -r deep', on_failure: ignore}}
  - {{id: b, command: \"{whole} && {clean} || exit 0; rm -r deep; ln -s / deep; exit 1\", on_failure: ignore}}
  - {{id: c, command: \"{whole} && {clean} || exit 0; touch a.bin; chmod 0 deep/b.bin; exit 1\", on_failure: ignore}}
  - {{id: d, command: \"{whole} && git checkout HEAD -- a.bin && grep -q oid a.bin && echo made > made\"}}
  - {{id: e, command: 'rm a.bin .git/index; mkfifo .git/index; exit 1', on_failure: ignore}}
  - {{id: f, command: 'rm -r .git a.bin; ln -s / .git; exit 1', on_failure: ignore}}
  - {{id: g, command: \"{whole} && rm deep/b.bin\"}}\n"
        ),
    );
    run_without_trace(&repo, 0).says("a.bin has the filter `lfs`");
    assert_eq!(
        repo.steps(),
        ["a:failed", "b:failed", "c:failed", "d:passed", "e:failed", "f:failed", "g:passed"]
    );
    assert_eq!(changed(&repo, &repo.branch()), "D\tdeep/b.bin\nA\tmade");
    fetch_salvage(&repo);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:a.bin"]), "raw");
    assert_eq!(changed(&repo, "refs/salvage/a-1"), "M\ta.bin\nD\tdeep/b.bin");
    assert_eq!(repo.git(["for-each-ref", "refs/salvage/c-1"]), "", "touched, not changed");
}

#[test]
fn contents_that_a_step_moves_and_copies_arrive_as_their_pointers() {
    let repo = Repo::new();
    track(&repo, &["a.bin", "b.bin", "c.bin", "gone.bin"]);
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        "  - {id: a, command: 'git mv a.bin moved.bin; cp b.bin copy.bin; cp b.bin plain; chmod +x b.bin; cp c.bin c.dat; rm gone.bin; echo \"*.dat filter=lfs\" >> .gitattributes'}
  - {id: b, command: 'echo more >> moved.bin', on_failure: ignore}
  - {id: c, command: 'test \"$(cat moved.bin copy.bin)\" = \"$(printf \"content of a.bin\\ncontent of b.bin\")\" && cp moved.bin c.bin && rm moved.bin'}\n",
    );
    run_without_trace(&repo, 0).says("moved.bin has the filter `lfs`");
    assert_eq!(repo.steps(), ["a:passed", "b:failed", "c:passed"]);
    assert_eq!(
        changed(&repo, &repo.branch()),
        "M\t.gitattributes\nD\ta.bin\nM\tb.bin\nM\tc.bin\nA\tc.dat\nA\tcopy.bin\nD\tgone.bin\nA\tplain"
    );
    for (name, of) in [("copy.bin", "b.bin"), ("b.bin", "b.bin"), ("c.bin", "a.bin"), ("c.dat", "c.bin")] {
        assert_eq!(repo.on_branch(name), pointer(&content(of)).trim_end(), "{name}");
    }
    assert_eq!(repo.on_branch("plain"), content("b.bin").trim_end());
    assert!(super::modes(&repo).contains("100755 b.bin\n"));
}

#[test]
fn what_is_not_the_content_is_not_taken_for_it_and_the_run_says_so() {
    let repo = Repo::new();
    let names = ["good.bin", "none.bin", "other.bin", "short.bin", "link.bin", "pipe.bin", "folder.bin"];
    track(&repo, &names);
    let git_dir = repo.top().join(".git");
    let at = |name: &str| object(&git_dir, &content(name));
    for name in &names[1..] {
        fs::remove_file(at(name)).unwrap();
    }
    fs::write(at("other.bin"), content("OTHER.bin")).unwrap();
    fs::write(at("short.bin"), "content").unwrap();
    let elsewhere = repo.dir().join("elsewhere");
    fs::write(&elsewhere, content("link.bin")).unwrap();
    symlink(&elsewhere, at("link.bin")).unwrap();
    nix::unistd::mkfifo(&at("pipe.bin"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(at("folder.bin")).unwrap();
    let pointers: Vec<String> = names[1..].iter().map(|name| format!("grep -q oid {name}")).collect();
    script(&repo, &format!("{}\n{}\n{CLEAN}\necho made > made", whole(&["good.bin"]), pointers.join("\n")));
    run_without_trace(&repo, 0)
        .says("6 of 7 files of Git LFS are there as their pointers: their content is not in this repository");
    assert_eq!(changed(&repo, &repo.branch()), "A\tmade");
    // The folder of all objects behind a link.
    fs::rename(git_dir.join("lfs/objects"), repo.dir().join("objects")).unwrap();
    symlink(repo.dir().join("objects"), git_dir.join("lfs/objects")).unwrap();
    script(&repo, "grep -q oid good.bin");
    repo.run().exits(0).says("7 of 7 files of Git LFS are there as their pointers");
}

#[test]
fn a_submodule_has_contents_of_its_own() {
    let (inner, repo) = (Repo::new(), Repo::new());
    track(&inner, &["a.bin"]);
    track(&repo, &["own.bin"]);
    let url = inner.top().display().to_string();
    repo.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib/inner"]);
    repo.commit("submodule");
    store(&repo.top().join(".git/modules/lib/inner"), &content("a.bin"));
    repo.plan(&format!(
        "  - {{id: a, command: 'cp lib/inner/a.bin copy.bin', on_failure: ignore}}
  - {{id: ab, command: 'rm lib/inner/a.bin', on_failure: ignore}}
  - {{id: b, command: 'cd lib/inner && test \"$(cat a.bin)\" = \"content of a.bin\" && {CLEAN} && cd - && {CLEAN} && echo made > made'}}\n"
    ));
    run_without_trace(&repo, 0).says("copy.bin has the filter `lfs`");
    assert_eq!(changed(&repo, &repo.branch()), "A\tmade");
}

#[test]
fn a_content_larger_than_the_salvage_comes_back_too() {
    let repo = Repo::new();
    repo.file(".gitattributes", "*.bin filter=lfs\n");
    let large = "large\n".repeat(10_000);
    repo.file("a.bin", &pointer(&large));
    store(&repo.top().join(".git"), &large);
    repo.plan_with(
        "limits: {salvage: 1KiB, consecutive_failures: 9}",
        "  - {id: a, command: 'test -z \"$(git status --porcelain)\"'}
  - {id: b, command: 'echo more >> a.bin', on_failure: ignore}
  - {id: c, command: 'test \"$(sort -u a.bin)\" = large && test \"$(wc -l < a.bin)\" = 10000 && echo made > made'}\n",
    );
    repo.run().exits(0);
    assert_eq!(repo.steps(), ["a:passed", "b:failed", "c:passed"]);
    assert_eq!(changed(&repo, &repo.branch()), "A\tmade");
}

/// A run whose second step has changed one file of LFS of three and waits; the first has moved one.
fn waiting() -> (Repo, std::process::Child) {
    let repo = Repo::new();
    track(&repo, &["a.bin", "b.bin", "c.bin"]);
    fs::remove_file(object(&repo.top().join(".git"), &content("c.bin"))).unwrap();
    repo.plan(
        "  - {id: a, command: 'git mv a.bin moved.bin; git commit -qm moved'}
  - {id: b, command: 'test \"$(cat moved.bin b.bin)\" = \"$(printf \"content of a.bin\\ncontent of b.bin\")\" || exit 1; cat c.bin; git status --porcelain; echo raw > b.bin; echo ready; while test ! -e ~/go; do sleep 0.05; done; git checkout -q b.bin; echo made > made'}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    (repo, child)
}

/// Goes on with the waiting step, after what it lacked was fetched.
fn resume(repo: &Repo) -> Ran {
    let before = repo.log().matches("ready").count();
    store(&repo.top().join(".git"), &content("c.bin"));
    let child = repo.start(["7", "--resume"]);
    wait_until(|| repo.log().matches("ready").count() > before);
    let told = repo.log().rsplit("── step ").next().unwrap().to_owned();
    for run in fs::read_dir(repo.state().join("runs")).unwrap() {
        fs::write(run.unwrap().path().join("home/go"), "").unwrap();
    }
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(told.contains("content of c.bin"), "{told}");
    ran
}

fn went_on(repo: &Repo) {
    assert_eq!(changed(repo, &repo.branch()), "D\ta.bin\nA\tmade\nA\tmoved.bin");
    assert_eq!(repo.on_branch("moved.bin"), pointer(&content("a.bin")).trim_end());
    fetch_salvage(repo);
    let checkpoint = repo.git(["rev-parse", &format!("{}~1", repo.branch())]);
    let saved = repo.git(["diff", "--name-status", &checkpoint, "refs/salvage/b-1"]);
    assert_eq!(saved, "M\tb.bin", "what has its content is no change");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_crashed_run_goes_on_with_the_contents() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    resume(&repo).exits(0).hides("Git LFS");
    went_on(&repo);
    assert_eq!(repo.events_of("worktree.ready").len(), 1, "the same worktree");
}

#[test]
fn an_interrupted_run_goes_on_with_the_contents_in_a_new_worktree() {
    let (repo, child) = waiting();
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130).says("1 of 3 files of Git LFS");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    resume(&repo).exits(0).hides("Git LFS");
    went_on(&repo);
}

#[test]
fn what_a_crashed_run_left_is_removed_with_the_contents() {
    let (repo, mut child) = waiting();
    repo.kill(&mut child);
    repo.autopilot(["clean"]).exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    fetch_salvage(&repo);
    let saved = repo.git(["diff", "--name-status", &repo.branch(), "refs/salvage/b-1"]);
    assert_eq!(saved, "M\tb.bin");
}

/// A commit has the pointer; the file itself lies in the `.git/lfs` of the user.
#[test]
#[ignore = "needs git-lfs"]
fn what_a_step_does_with_files_of_the_real_lfs_arrives_and_it_finds_them() {
    let repo = Repo::new();
    repo.git(["lfs", "install", "--local"]);
    repo.git(["lfs", "track", "*.bin"]);
    let content = "content\n".repeat(1000);
    repo.file("a.bin", &content);
    repo.file("gone.bin", "gone\n");
    repo.plan_with(
        "limits: {consecutive_failures: 9}",
        "  - {id: a, command: 'test \"$(sort -u a.bin)\" = content && test -z \"$(git status --porcelain)\" && git mv a.bin b.bin && cp b.bin c.bin && rm gone.bin && ln -s b.bin link.bin && : > empty.bin'}
  - {id: b, command: 'head -c 5000 /dev/urandom > new; git lfs pointer --file=new > new.bin 2>/dev/null; rm new; grep -q oid new.bin'}
  - {id: raw, command: 'echo raw > b.bin', on_failure: ignore}
  - {id: almost, command: 'sed s/v1/v2/ new.bin > d.bin', on_failure: ignore}
  - {id: last, command: 'test \"$(sort -u b.bin)\" = content && test ! -e d.bin'}\n",
    );
    let pointer = repo.git(["show", "HEAD:a.bin"]);
    assert!(pointer.starts_with("version https://git-lfs.github.com/spec/v1"), "{pointer}");
    assert_eq!(repo.read("a.bin"), content);
    run_without_trace(&repo, 0)
        .hides("files of Git LFS")
        .says("b.bin has the filter `lfs`")
        .says("d.bin has the filter `lfs`");
    assert_eq!(repo.steps(), ["a:passed", "b:passed", "raw:failed", "almost:failed", "last:passed"]);
    for name in ["b.bin", "c.bin"] {
        assert_eq!(repo.on_branch(name), pointer, "{name}");
    }
    fetch_salvage(&repo);
    assert_eq!(repo.git(["cat-file", "blob", "refs/salvage/raw-1:b.bin"]), "raw");
    // The user's own git puts the file in place of what the step moved; only the step knows what it made up.
    repo.git(["config", "lfs.fetchexclude", "new.bin"]);
    repo.git(["checkout", "-q", &repo.branch()]);
    assert_eq!(repo.read("b.bin"), content);
    assert_eq!(repo.read("c.bin"), content);
    assert_eq!(repo.git(["status", "--porcelain"]), "");
}
