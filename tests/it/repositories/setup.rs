//! The user's own setup: nothing of it is run, nothing of it is in the way.

use std::fs;
use std::path::Path;

use super::{assert_same, run_without_trace, script};
use crate::common::program::write_program;
use crate::common::{Ran, Repo};

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
            write_program(&folder.join(name), &tripwire);
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
