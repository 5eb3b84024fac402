//! Names and kinds of files: what a step makes of them arrives, is salvaged, is reset.

use std::fs;

use super::{modes, names, run_without_trace, script};
use crate::common::Repo;
use crate::common::program::write_program;

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
    write_program(&repo.top().join("was"), "x\n");
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
