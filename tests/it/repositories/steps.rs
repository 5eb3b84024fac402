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
fn names_that_git_cannot_hold_fail_the_step_and_are_saved_under_others() {
    let names: [&[u8]; 10] = [
        b".GIT",
        b".Git",
        b"git~1",
        b"GIT~1",
        b".git ",
        b".git::$INDEX",
        b"a\\.git",
        ".g\u{200c}it".as_bytes(),
        b".git\xff",
        b".git...",
    ];
    let repo = Repo::new();
    let mut steps = String::new();
    for (number, name) in names.iter().enumerate() {
        let octal: String = name.iter().map(|byte| format!("\\{byte:03o}")).collect();
        steps.push_str(&format!(
            "  - id: s{number}
    on_failure: ignore
    command: |
      name=$(printf '{octal}')
      mkdir -p sub/\"$name\"; echo {number} > sub/\"$name\"/config; echo made > made\n"
        ));
    }
    repo.plan_with("limits: {consecutive_failures: 99}", &steps);
    run_without_trace(&repo, 0).says("is a name that git takes for its own: no commit can hold it");
    assert!(repo.branches().is_empty());
    assert_eq!(repo.steps().len(), names.len());
    fetch_salvage(&repo);
    for number in 0..names.len() {
        let saved = format!("refs/salvage/s{number}-1");
        assert!(repo.steps().contains(&format!("s{number}:failed")));
        let listed = repo.git(["ls-tree", "-r", "--name-only", &saved, "sub/"]);
        assert!(listed.contains("salvaged") && listed.ends_with("/config\"") || listed.ends_with("/config"));
        let oid = repo.git(["ls-tree", "-r", "--object-only", &saved, "sub/"]);
        assert_eq!(repo.git(["cat-file", "blob", &oid]), number.to_string());
    }
    let repo = Repo::new();
    script(&repo, "mkdir .GIT; echo x > .GIT/config; echo made > made; exit 3");
    run_without_trace(&repo, 1).says("exit 3");
}

fn fetch_salvage(repo: &Repo) {
    let bundle = repo.evidence("salvage-").pop().expect("a salvage");
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
}

/// What a git that fetches strictly refuses: what is made, a file of it, what is said.
const REFUSED: [(&str, &str, &str); 13] = [
    ("m x x -u./payload", ".gitmodules", ".gitmodules into a commit: object"),
    ("m ../../x x https://example.org/x", ".gitmodules", "gitmodulesName"),
    ("m x -x https://example.org/x", ".gitmodules", "gitmodulesPath"),
    ("m x x https://example.org%0ahost=example.net/x", ".gitmodules", "gitmodulesUrl"),
    (
        "m x x https://example.org/x; printf '\\tupdate = !touch /tmp/x\\n' >> .gitmodules",
        ".gitmodules",
        "gitmodulesUpdate",
    ),
    ("mkdir sub; cd sub; m x x -u./payload; mv .gitmodules gitmod~1", "sub/gitmod~1", "gitmodulesUrl"),
    ("mkdir .gitmodules; echo x > .gitmodules/x", ".gitmodules/x", "gitmodulesBlob"),
    ("ln -s README.md .gitmodules", "salvaged.gitmodules", ".gitmodules is a name that git takes"),
    ("ln -s README.md .GitModules", "salvaged.GitModules", ".GitModules is a name that git takes"),
    ("ln -s README.md gi7eba~1", "salvagedgi7eba~1", "gi7eba~1 is a name that git takes"),
    ("mkdir .gitattributes; echo x > .gitattributes/x", ".gitattributes/x", "gitattributesBlob"),
    ("printf '%04000d -text\\n' 0 > .gitattributes", ".gitattributes", "gitattributesLineLength"),
    (
        "mkdir a; cd a; printf '%04000d x\\n' 0 > .gitattributes",
        "a/.gitattributes",
        "gitattributesLineLength",
    ),
];

#[test]
fn what_a_strict_fetch_refuses_fails_the_step_and_not_the_end_of_the_run() {
    let repo = Repo::new();
    let mut steps = String::new();
    for (number, (make, ..)) in REFUSED.iter().enumerate() {
        steps.push_str(&format!(
            "  - id: s{number}
    on_failure: ignore
    command: |
      m() {{ printf '[submodule \"%s\"]\\n\\tpath = %s\\n\\turl = %s\\n' \"$@\" > .gitmodules; }}
      echo work > work
      {make}\n"
        ));
    }
    steps.push_str("  - {id: last, command: 'test ! -e work; test ! -e .gitmodules; echo made > made'}\n");
    repo.plan_with("limits: {consecutive_failures: 99}", &steps);
    let ran = run_without_trace(&repo, 0);
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
    fetch_salvage(&repo);
    let reasons: Vec<_> =
        repo.events_of("attempt.ended").into_iter().map(|event| event["reason"].clone()).collect();
    for (number, (make, file, said)) in REFUSED.iter().enumerate() {
        assert!(repo.steps().contains(&format!("s{number}:failed")), "{make}: {}", ran.stdout);
        let reason = reasons[number]["text"].as_str().unwrap();
        assert!(reason.contains(said), "{make}: {reason}");
        let saved = format!("refs/salvage/s{number}-1");
        repo.git(["cat-file", "-e", &format!("{saved}:{file}")]);
        assert_eq!(repo.git(["show", &format!("{saved}:work")]), "work");
    }
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
