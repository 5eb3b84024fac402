//! Every kind of repository and every kind of step: the work arrives, the user's repository stays as it was.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::{Ran, Repo};

/// Runs the plan and demands that nothing of it is left but branch and evidence.
#[track_caller]
fn run_without_trace(repo: &Repo, code: i32) -> Ran {
    let before = repo.fingerprint();
    let ran = repo.run().exits(code);
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{}{}", ran.stdout, ran.stderr);
    ran
}

/// Runs the plan and demands that it is refused before anything is made.
#[track_caller]
fn refused(repo: &Repo) -> Ran {
    let before = repo.fingerprint();
    let ran = repo.run().exits(2);
    assert_same(&before, &repo.fingerprint());
    nothing_made(repo);
    ran
}

#[track_caller]
fn nothing_made(repo: &Repo) {
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert!(!repo.top().join(".ai/logs").exists(), "evidence of a run that never was");
}

#[track_caller]
fn assert_same(before: &str, after: &str) {
    let changed: Vec<String> =
        after.lines().filter(|line| !before.contains(line)).map(|l| format!("+{l}\n")).collect();
    let gone: Vec<String> =
        before.lines().filter(|line| !after.contains(line)).map(|l| format!("-{l}\n")).collect();
    assert!(before == after, "the repository changed:\n{}{}", gone.concat(), changed.concat());
}

/// Writes a step whose command is this script.
fn script(repo: &Repo, lines: &str) {
    let indented: Vec<String> = lines.lines().map(|line| format!("      {line}\n")).collect();
    repo.plan(&format!("  - id: a\n    command: |\n{}", indented.concat()));
}

/// Returns the paths of the result branch, raw.
fn names(repo: &Repo) -> Vec<Vec<u8>> {
    let listed = repo.git_bytes(["ls-tree", "-r", "-z", "--name-only", &repo.branch()]);
    listed.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
}

fn modes(repo: &Repo) -> String {
    repo.git(["ls-tree", "-r", "--format=%(objectmode) %(path)", &repo.branch()])
}

// The checkout it is started in.

#[test]
fn changes_of_the_user_stay_and_are_no_part_of_the_run() {
    let repo = Repo::new();
    repo.file("tracked", "committed\n");
    repo.file("deleted", "x\n");
    script(&repo, "cat tracked\ntest -e deleted\ntest ! -e untracked\necho made > made");
    repo.file("tracked", "changed\n");
    repo.file("staged", "x\n");
    repo.git(["add", "staged"]);
    repo.file("untracked", "x\n");
    fs::remove_file(repo.top().join("deleted")).unwrap();
    let ran = run_without_trace(&repo, 0);
    let said = ran.stdout.matches("uncommitted").count();
    assert_eq!(said, 1, "said once:\n{}", ran.stdout);
    assert!(repo.log().contains("committed\n"));
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
}

#[test]
fn a_clean_checkout_is_not_called_dirty() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    run_without_trace(&repo, 0).hides("uncommitted");
    repo.autopilot(["7"]).exits(0).hides("uncommitted");
}

#[test]
fn a_detached_head_is_a_base() {
    let repo = Repo::new();
    script(&repo, "git log -1 --format=%s; echo made > made");
    repo.git(["checkout", "-q", "--detach"]);
    repo.git(["commit", "-q", "--allow-empty", "-m", "detached"]);
    run_without_trace(&repo, 0).says("HEAD@");
    assert!(repo.log().contains("detached"));
    assert_eq!(repo.git(["rev-parse", &format!("{}^", repo.branch())]), repo.git(["rev-parse", "HEAD"]));
}

#[test]
fn an_unborn_branch_is_refused() {
    let repo = Repo::empty();
    repo.git(["init", "-q"]);
    repo.plan_of(7, "", "  - {id: a, command: 'true'}\n");
    refused(&repo).says("has no commit yet");
}

#[test]
fn a_bare_repository_is_refused() {
    let repo = Repo::empty();
    repo.git(["init", "-q", "--bare"]);
    for args in [&["7"][..], &["status"], &["logs"]] {
        repo.autopilot(args).exits(2).says("bare repository").says("-C DIR");
    }
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn outside_of_a_repository_nothing_is_made() {
    let repo = Repo::empty();
    for args in [&["7"][..], &["status"], &["logs"]] {
        repo.autopilot(args).exits(2).says("is not in a git repository").says("hint: start autopilot in");
    }
    nothing_made(&repo);
}

#[test]
fn a_linked_worktree_of_the_user_is_a_starting_place() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    repo.git(["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = repo.dir().join("linked");
    fs::write(linked.join("README.md"), "on the side\n").unwrap();
    repo.git(["-C", "../linked", "commit", "-q", "-am", "side"]);
    let before = repo.fingerprint();
    Ran::of(&repo.command(["7"]).current_dir(&linked).output().unwrap()).exits(0).says("side@");
    assert_same(&before, &repo.fingerprint());
    assert!(linked.join(".ai/logs/autopilot").is_dir(), "evidence lies where the run was started");
    assert!(!repo.top().join(".ai/logs").exists());
    assert_eq!(repo.on_branch("README.md"), "on the side");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert_eq!(repo.git(["-C", "../linked", "status", "--porcelain"]), "");
}

#[test]
fn a_subdirectory_is_a_starting_place() {
    let repo = Repo::new();
    repo.file("deep/er/file", "x\n");
    script(&repo, "pwd; test -e README.md; echo made > made");
    let before = repo.fingerprint();
    let sub = repo.top().join("deep/er");
    Ran::of(&repo.command(["7"]).current_dir(&sub).output().unwrap()).exits(0);
    Ran::of(&repo.command(["status"]).current_dir(&sub).output().unwrap()).exits(0).says("done");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.evidence("summary-").len(), 1);
}

#[test]
fn variables_of_a_git_that_called_autopilot_lead_nowhere() {
    let repo = Repo::new();
    script(&repo, "git rev-parse --show-toplevel; echo made > made");
    let before = repo.fingerprint();
    let mut command = repo.command(["7"]);
    command.env("GIT_DIR", "/nonexistent").env("GIT_INDEX_FILE", "/nonexistent").env("GIT_WORK_TREE", "/");
    Ran::of(&command.output().unwrap()).exits(0);
    assert_same(&before, &repo.fingerprint());
}

// Names and kinds of files.

#[test]
fn files_of_any_name_arrive() {
    let repo = Repo::new();
    script(
        &repo,
        r#"w() { printf '%s' "$1" > "./$1"; }
w 'a b'; w ' leading and trailing '; w '"quoted"'; w "it's"; w 'back\slash'; w '*?[glob]'; w '$HOME `id`'
w '-rf'; w '--help'; w '#7'; w 'ünï—日本語'; w "$(printf 'tab\tnew\nline')"; w "$(printf 'caf\351')"; w '~'; w ':(top)x'
mkdir -p -- '-d/ e'; w '-d/ e/!f'; w "$(printf '%0250d' 1)""#,
    );
    run_without_trace(&repo, 0);
    let names = names(&repo);
    let has = |name: &[u8]| assert!(names.contains(&name.to_vec()), "{}", String::from_utf8_lossy(name));
    for name in [
        "a b",
        " leading and trailing ",
        "\"quoted\"",
        "it's",
        "back\\slash",
        "*?[glob]",
        "$HOME `id`",
        "-rf",
    ] {
        has(name.as_bytes());
    }
    for name in ["--help", "#7", "ünï—日本語", "tab\tnew\nline", "~", ":(top)x", "-d/ e/!f"] {
        has(name.as_bytes());
    }
    has(b"caf\xe9");
    has(format!("{:0250}", 1).as_bytes());
    // The same again as the base: names come out as they went in, and can be changed, salvaged and reset.
    repo.git(["checkout", "-q", "--detach", &repo.branch()]);
    repo.git(["branch", "-D", "-q", &repo.branch()]);
    repo.plan("  - {id: a, command: 'for f in ./* ; do test -d \"$f\" || echo more >> \"$f\"; done; rm -- -rf; exit 1'}\n");
    run_without_trace(&repo, 1);
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    let changed = repo.git_bytes(["diff-tree", "-r", "-z", "--name-only", "HEAD", "refs/salvage/a-1"]);
    assert_eq!(changed.split(|&byte| byte == 0).filter(|name| !name.is_empty()).count(), 17);
}

#[test]
fn links_of_all_kinds_arrive_as_links_and_lead_nowhere() {
    let repo = Repo::new();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("theirs"), "theirs\n").unwrap();
    repo.file("folder/file", "x\n");
    let out = outside.display();
    script(
        &repo,
        &format!(
            "ln -s README.md good; ln -s nowhere dangling; ln -s /etc/passwd absolute; ln -s folder to-folder
ln -s .. up; ln -s loop loop; ln -s {out} outside; ln -s {out}/theirs theirs; ln -s / root
rm README.md; ln -s {out}/theirs README.md"
        ),
    );
    run_without_trace(&repo, 0);
    let modes = modes(&repo);
    for name in
        ["good", "dangling", "absolute", "to-folder", "up", "loop", "outside", "theirs", "root", "README.md"]
    {
        assert!(modes.contains(&format!("120000 {name}")), "{name}: {modes}");
    }
    assert_eq!(repo.on_branch("absolute"), "/etc/passwd");
    assert_eq!(fs::read_to_string(outside.join("theirs")).unwrap(), "theirs\n");
}

#[test]
fn what_a_failed_step_linked_is_reset_without_following() {
    let repo = Repo::new();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "theirs\n").unwrap();
    repo.file("folder/file", "ours\n");
    let out = outside.display();
    repo.plan(&format!(
        "  - {{id: a, command: 'rm -r folder; ln -s {out} folder; exit 1', on_failure: ignore}}
  - {{id: b, command: 'test \"$(cat folder/file)\" = ours && test ! -L folder'}}\n"
    ));
    run_without_trace(&repo, 0);
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "theirs\n");
}

#[test]
fn read_only_leftovers_neither_stay_nor_stop_anything() {
    let repo = Repo::new();
    repo.file("tracked/file", "x\n");
    repo.plan(
        "  - {id: a, command: 'mkdir -p new/sub target/mod; echo x > new/sub/f; echo x > target/mod/f; chmod -R a-w new target tracked; exit 1', on_failure: ignore}
  - {id: b, command: 'test ! -e new && test -w tracked/file && rm -rf target 2>/dev/null; mkdir -p ro/deep; echo x > ro/deep/f; chmod -R a-w ro; chmod 500 .'}
  - {id: c, command: 'test -e ro/deep/f; mkdir -p \"$HOME/ro\" \"$TMPDIR/ro\"; touch ~/ro/x; chmod 000 ~/ro; chmod 000 \"$TMPDIR/ro\"'}\n",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.steps(), ["a:failed", "b:passed", "c:passed"]);
    assert_eq!(repo.on_branch("ro/deep/f"), "x");
}

#[test]
fn unreadable_files_are_the_steps_own_fault() {
    let repo = Repo::new();
    script(&repo, "echo x > secret; chmod 000 secret; mkdir shut; echo y > shut/f; chmod 000 shut");
    // Whether the runner may read them depends on who it is; either way nothing is lost and it is said.
    let ran = repo.run();
    if ran.code == 0 {
        assert_eq!(repo.on_branch("secret"), "x");
        assert_eq!(repo.on_branch("shut/f"), "y");
    } else {
        ran.says("Permission denied");
    }
}

#[test]
fn executable_bits_arrive() {
    let repo = Repo::new();
    repo.file("was", "x\n");
    fs::set_permissions(repo.top().join("was"), fs::Permissions::from_mode(0o755)).unwrap();
    script(
        &repo,
        "test -x was; chmod -x was; chmod +x README.md; echo x > run; chmod 700 run; echo x > odd; chmod 646 odd",
    );
    run_without_trace(&repo, 0);
    let modes = modes(&repo);
    for line in ["100644 was", "100755 README.md", "100755 run", "100644 odd"] {
        assert!(modes.contains(line), "{line}: {modes}");
    }
}

/// `from` and `to` are kinds: one path changes from each kind to each other one.
const KINDS: [(&str, &str); 3] = [
    ("file", "echo content > it"),
    ("folder", "mkdir it; echo inside > it/below"),
    ("link", "ln -s README.md it"),
];

#[test]
fn files_folders_and_links_take_each_others_place() {
    for (from, make) in KINDS {
        for (to, replace) in KINDS.iter().filter(|(to, _)| *to != from) {
            let repo = Repo::new();
            // There and, after a failure in between, back again.
            repo.plan(&format!(
                "  - {{id: make, command: '{make}'}}
  - {{id: fail, command: 'rm -r it; {replace}; exit 1', on_failure: ignore}}
  - {{id: same, command: 'git status --porcelain; ls -ld it', expectation: {{changes: {{max: 0}}}}}}
  - {{id: replace, command: 'rm -r it; {replace}'}}\n"
            ));
            run_without_trace(&repo, 0);
            let steps = repo.steps();
            assert_eq!(
                steps,
                ["make:passed", "fail:failed", "same:passed", "replace:passed"],
                "{from} to {to}"
            );
            let expected = match *to {
                "file" => "100644 it",
                "folder" => "100644 it/below",
                _ => "120000 it",
            };
            let modes = modes(&repo);
            assert_eq!(modes.lines().filter(|line| line.contains(" it")).collect::<Vec<_>>(), [expected]);
        }
    }
}

#[test]
fn empty_files_arrive_and_empty_folders_are_nothing() {
    let repo = Repo::new();
    repo.file("full", "x\n");
    script(&repo, ": > empty; : > full; mkdir -p a/b/c");
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("empty"), "");
    assert_eq!(repo.on_branch("full"), "");
}

#[test]
fn everything_can_be_deleted() {
    let repo = Repo::new();
    repo.file("a/b/c", "x\n");
    script(&repo, "rm -rf -- * .ai .gitignore .git; ls -A");
    run_without_trace(&repo, 0);
    assert_eq!(names(&repo), Vec::<Vec<u8>>::new());
}

#[test]
fn ignored_but_tracked_files_count() {
    let repo = Repo::new();
    repo.file("target/kept", "old\n");
    repo.file("target/deep/gone", "old\n");
    repo.git(["add", "-f", "target"]);
    script(
        &repo,
        "echo new > target/kept; rm -r target/deep; echo cache > target/cache; mkdir target/other; echo x > target/other/x",
    );
    run_without_trace(&repo, 0);
    let changed = repo.git(["diff", "--name-status", "main", &repo.branch()]);
    assert_eq!(changed, "D\ttarget/deep/gone\nM\ttarget/kept");
}

#[test]
fn nested_rules_with_negation_decide_as_git_does() {
    let repo = Repo::new();
    repo.file(
        ".gitignore",
        "*.log\n/build/\n!important.log\n**/cache/\n# comment\n\\#real\ntrailing \nfoo/*\n!foo/keep\n",
    );
    repo.file("sub/.gitignore", "!*.log\n/local\nx.log\n");
    repo.file("sub/file", "x\n");
    repo.commit("rules");
    let made = [
        "a.log",
        "important.log",
        "build/x",
        "sub/build/x",
        "sub/a.log",
        "sub/x.log",
        "sub/local",
        "sub/deep/local",
        "sub/deep/cache/x",
        "cache",
        "#real",
        "foo/a",
        "foo/keep",
        "deep/important.log",
        "trailing",
    ];
    let made = made.map(|path| format!("mkdir -p \"$(dirname '{path}')\"; echo x > '{path}'\n"));
    let commands = made.concat();
    script(
        &repo,
        &format!("{commands}git status --porcelain -uall > \"$HOME/status\"; cat \"$HOME/status\" | sort"),
    );
    run_without_trace(&repo, 0);
    let log = repo.log();
    let untracked = log.lines().filter_map(|line| line.strip_prefix("?? "));
    let mut git: Vec<&str> = untracked.map(|name| name.trim_matches('"')).collect();
    let changed = repo.git(["diff", "--name-only", "main", &repo.branch()]);
    let mut ours: Vec<&str> = changed.lines().map(|name| name.trim_matches('"')).collect();
    git.sort_unstable();
    ours.sort_unstable();
    assert_eq!(ours, git);
}

// What a step does with git.

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
    assert!(repo.summary().contains("not saved: `vendor/lib/.git"), "{}", repo.summary());
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

// The user's own setup.

#[test]
fn nothing_of_the_users_setup_is_run() {
    let repo = Repo::new();
    script(&repo, "echo made > made; git add made; git commit -q -m x; git status");
    let trap = repo.home().join("tripped");
    let tripwire = format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", trap.display());
    let hooks = repo.top().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let elsewhere = repo.home().join("hooks");
    fs::create_dir_all(&elsewhere).unwrap();
    for name in [
        "post-checkout",
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "pre-auto-gc",
        "post-update",
        "update",
        "pre-receive",
        "post-receive",
        "pre-push",
        "post-merge",
        "fsmonitor",
        "fsmonitor-watchman",
        "proc-receive",
    ] {
        for folder in [&hooks, &elsewhere] {
            fs::write(folder.join(name), &tripwire).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let monitor = elsewhere.join("fsmonitor").display().to_string();
    repo.git(["config", "uploadpack.packObjectsHook", &monitor]);
    let global = repo.home().join("gitconfig");
    fs::write(
        &global,
        format!(
            "[core]\n\thooksPath = {}\n\tfsmonitor = {monitor}\n\tpager = {monitor}\n\teditor = {monitor}\n\tsshCommand = {monitor}
[uploadpack]\n\tpackObjectsHook = {monitor}\n[diff]\n\texternal = {monitor}\n[gpg]\n\tprogram = {monitor}\n[commit]\n\tgpgsign = true\n[credential]\n\thelper = {monitor}\n",
            elsewhere.display()
        ),
    )
    .unwrap();
    repo.git(["config", "core.fsmonitor", &monitor]);
    let untouched = |name: &str| fs::read(repo.top().join(".git").join(name)).unwrap();
    let before = [untouched("config"), untouched("index"), untouched("HEAD")];
    for global in [Path::new("/dev/null"), &global] {
        Ran::of(&repo.command(["7"]).env("GIT_CONFIG_GLOBAL", global).output().unwrap()).exits(0);
        let tripped = fs::read_to_string(&trap).unwrap_or_default();
        assert_eq!(tripped, "", "with {}", global.display());
    }
    assert!(before == [untouched("config"), untouched("index"), untouched("HEAD")]);
}

#[test]
fn a_careful_global_configuration_is_no_obstacle() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    let global = repo.home().join("gitconfig");
    fs::write(
        &global,
        "[safe]\n\tbareRepository = explicit\n[protocol]\n\tallow = never\n[protocol \"file\"]\n\tallow = never
[fetch]\n\tprune = true\n\tpruneTags = true\n\trecurseSubmodules = true\n\twriteCommitGraph = true\n\tunpackLimit = 1
[transfer]\n\tfsckObjects = true\n[core]\n\tautocrlf = true\n\tquotePath = false\n\tuntrackedCache = true
[init]\n\tdefaultBranch = trunk\n\ttemplateDir = /nonexistent\n[status]\n\tshowUntrackedFiles = no\n[color]\n\tui = always\n[log]\n\tshowSignature = true
[feature]\n\tmanyFiles = true\n[index]\n\tversion = 4\n[extensions]\n\tworktreeConfig = true\n",
    )
    .unwrap();
    repo.git(["tag", "kept"]);
    let before = repo.fingerprint();
    Ran::of(&repo.command(["7"]).env("GIT_CONFIG_GLOBAL", &global).output().unwrap())
        .exits(0)
        .says("worktree removed");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.on_branch("made"), "made");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn replaced_objects_do_not_confuse_what_is_compared() {
    let repo = Repo::new();
    repo.commit_file("second", "2\n");
    script(&repo, "echo made > made; cat README.md");
    let blob = repo.git(["rev-parse", "HEAD:README.md"]);
    let other = repo.git(["rev-parse", "HEAD:second"]);
    repo.git(["replace", &blob, &other]);
    let before = repo.fingerprint();
    repo.run().exits(0).says("worktree removed");
    assert_same(&before, &repo.fingerprint());
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "made");
}

#[test]
fn line_endings_and_keywords_of_attributes_are_no_changes() {
    let repo = Repo::new();
    repo.file(".gitattributes", "*.txt text eol=crlf\n*.id ident\n*.bin -text\n");
    repo.file("a.txt", "one\ntwo\n");
    repo.file("b.id", "$Id$\n");
    repo.commit("attributes");
    repo.plan(
        "  - {id: same, command: 'touch a.txt b.id', expectation: {changes: {max: 0}}}
  - {id: change, command: 'printf \"three\\r\\n\" >> a.txt; echo made > made'}
  - {id: fail, command: 'echo x > a.txt; rm b.id; exit 1', on_failure: ignore}
  - {id: again, command: 'cat a.txt', expectation: {changes: {max: 0}}}\n",
    );
    run_without_trace(&repo, 0);
    assert_eq!(repo.on_branch("a.txt"), "one\ntwo\nthree");
    assert_eq!(repo.git(["diff", "--name-only", "main", &repo.branch()]), "a.txt\nmade");
}

// What is refused until it is supported.

#[test]
fn a_submodule_is_refused() {
    let repo = Repo::new();
    let head = repo.git(["rev-parse", "HEAD"]);
    repo.plan("  - {id: a, command: 'true'}\n");
    repo.git(["update-index", "--add", "--cacheinfo", &format!("160000,{head},lib")]);
    repo.git(["commit", "-q", "-m", "submodule"]);
    refused(&repo).says("submodule at `lib`");
}

#[test]
fn a_filter_is_refused() {
    let repo = Repo::new();
    repo.file("assets/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    repo.plan("  - {id: a, command: 'true'}\n");
    refused(&repo).says("assets/.gitattributes").says("filter=lfs");
}

#[test]
fn shallow_and_partial_clones_are_refused() {
    let origin = Repo::new();
    origin.plan("  - {id: a, command: 'true'}\n");
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", origin.top().display());
    for (args, says, fix) in [
        (&["--depth=1"][..], "shallow clone", "git fetch --unshallow"),
        (&["--filter=blob:none"], "partial clone", "git clone without --filter"),
    ] {
        let repo = Repo::empty();
        repo.git([&["clone", "-q"], args, &[&url, "."]].concat());
        refused(&repo).says(says).says(fix);
    }
}

#[test]
fn a_branch_that_blocks_the_result_is_refused_before_the_first_step() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    repo.git(["branch", "autopilot"]);
    refused(&repo).says("branch `autopilot`").says("git branch -m autopilot");
    repo.git(["branch", "-m", "autopilot", "mine"]);
    run_without_trace(&repo, 0);
}

#[test]
fn a_branch_that_cannot_be_made_fails_the_run_and_nothing_is_lost() {
    let repo = Repo::new();
    // Only there once the run has begun: somebody makes a branch meanwhile.
    repo.plan("  - {id: a, command: 'echo made > made; echo ready; sleep 2'}\n");
    let child = repo.start(["7"]);
    crate::common::wait_until(|| repo.log().contains("ready"));
    repo.git(["branch", "autopilot"]);
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(ran.code != 0, "{}", ran.stdout);
    let ran = ran.says("worktree kept at").says("refs/heads/autopilot");
    assert!(!ran.stdout.contains("done in"), "{}", ran.stdout);
    assert!(!repo.summary().contains('✅') || !repo.summary().starts_with("# ✅"), "{}", repo.summary());
    assert_eq!(repo.left_in_state().len(), 1, "the worktree is still there");
    repo.autopilot(["status"]).exits(0).says("failed");
}

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

#[test]
fn the_base_is_a_branch_a_tag_or_a_commit() {
    let repo = Repo::new();
    let first = repo.git(["rev-parse", "HEAD"]);
    repo.git(["tag", "-a", "v1", "-m", "one"]);
    repo.git(["branch", "side"]);
    repo.commit_file("later", "x\n");
    for base in ["side", "v1", &first, &first[..10], "main~1", "refs/heads/side"] {
        // An uncommitted plan is a plan.
        repo.plan_of(
            7,
            &format!("base: {base}"),
            "  - {id: a, command: 'test ! -e later; echo made > made'}\n",
        );
        let before = repo.fingerprint();
        repo.run().exits(0);
        assert_same(&before, &repo.fingerprint());
        let branch = repo.branches().pop().unwrap();
        assert_eq!(repo.git(["rev-parse", &format!("{branch}^")]), first, "{base}");
    }
}

#[test]
fn a_base_that_is_none_is_refused() {
    let repo = Repo::new();
    let blob = repo.git(["rev-parse", "HEAD:README.md"]);
    for base in [
        "nonsense",
        "--upload-pack=touch tripped",
        "-x",
        "HEAD:README.md",
        &blob,
        "0000000000000000000000000000000000000000",
    ] {
        repo.plan_of(7, &format!("base: '{base}'"), "  - {id: a, command: 'true'}\n");
        refused(&repo).says("base");
    }
}

#[test]
fn a_result_branch_can_be_the_base_of_the_next_run() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    run_without_trace(&repo, 0);
    let first = repo.branch();
    repo.git(["switch", "-q", &first]);
    repo.plan_of(7, "", "  - {id: a, command: 'test -e made; echo more > more'}\n");
    repo.run().exits(0).says(&format!("{first}@"));
    assert_eq!(repo.branches().len(), 2);
}

#[test]
fn a_very_deep_folder_ends_the_run_in_order() {
    let repo = Repo::new();
    script(
        &repo,
        "i=0; while [ $i -lt 60 ]; do d=$(printf '%0200d' 1); mkdir $d; cd $d; i=$((i+1)); done; echo x > x",
    );
    let ran = repo.run();
    assert!(ran.code == 1 || ran.code == 70, "{} {}", ran.code, ran.stdout);
    // What the next run finds must not stop it.
    script(&repo, "echo made > made");
    repo.run().exits(0);
}

#[test]
fn the_repository_of_somebody_else_is_refused_with_a_way_out() {
    if Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() != b"0" {
        return; // Only root can make one.
    }
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'true'}\n");
    let status = Command::new("chown").args(["-R", "4242:4242"]).arg(repo.top()).status().unwrap();
    assert!(status.success());
    repo.run().exits(2).says("git does not trust").says("safe.directory");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_folder_of_an_odd_name_is_a_place_to_work_in() {
    for (name, code) in [("spa ce, :=\\ 'quo\"te' ünï".as_bytes(), 0), (b"new\nline", 0), (b"r\xe9po", 2)] {
        let repo = Repo::new();
        let odd = repo.dir().join(std::ffi::OsStr::from_bytes(name));
        script(&repo, "echo made > made");
        fs::rename(repo.top(), &odd).unwrap();
        let ran = Ran::of(&repo.command(["7"]).current_dir(&odd).output().unwrap());
        fs::rename(&odd, repo.top()).unwrap();
        let ran = ran.exits(code);
        if code == 0 {
            assert_eq!(repo.on_branch("made"), "made");
        } else {
            ran.says("is not UTF-8").says("move it");
            nothing_made(&repo);
        }
    }
}
