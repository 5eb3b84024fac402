//! Settings and files of git's in the user's repository: no program that they name is started, and nothing that they name is
//! waited for.

use std::fs;
use std::process::Command;

use super::{run_without_trace, script};
use crate::common::Repo;
use crate::common::program::write_program;

fn pipe(repo: &Repo, path: &str) -> String {
    let path = repo.top().join(path);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path.display().to_string()
}

#[test]
fn no_program_that_the_settings_name_is_started() {
    let repo = Repo::new();
    repo.file("data", "x\n");
    script(&repo, "echo made > made");
    fs::create_dir_all(repo.top().join(".git/info")).unwrap();
    let mark = repo.dir().join("started");
    fs::create_dir(&mark).unwrap();
    let program = |name: &str| format!("touch {}/{name}; cat", mark.display());
    for key in [
        "filter.odd=name.clean",
        "filter.odd=name.smudge",
        "filter.odd=name.process",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.alternateRefsCommand",
        "credential.helper",
        "diff.external",
        "diff.odd.textconv",
        "gpg.program",
    ] {
        repo.git(["config", key, &program(key)]);
    }
    repo.git(["config", "filter.odd=name.required", "true"]);
    repo.git(["config", "log.showSignature", "true"]);
    for hook in ["reference-transaction", "post-checkout", "post-index-change", "pre-auto-gc"] {
        let path = repo.top().join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_program(&path, &format!("#!/bin/sh\ntouch {}/{hook}\n", mark.display()));
    }
    // Git would have to look into it to tell whether it was changed, and the filter is said to do that.
    fs::write(repo.top().join(".git/info/attributes"), "data filter=odd=name\n").unwrap();
    let data = fs::File::options().write(true).open(repo.top().join("data")).unwrap();
    data.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    repo.run().exits(0).hides("uncommitted");
    repo.autopilot(["status"]).exits(0);
    repo.autopilot(["audit"]).exits(0);
    repo.autopilot(["clean"]).exits(0);
    let started: Vec<_> = fs::read_dir(&mark).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(started, Vec::<std::ffi::OsString>::new());
}

#[test]
fn pipes_in_place_of_gits_files_are_named_and_not_waited_for() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    fs::create_dir_all(repo.top().join(".git/info")).unwrap();
    pipe(&repo, ".git/info/attributes");
    repo.autopilot(["7"]).exits(2).says(".git/info/attributes is no plain file");
}

#[test]
fn a_repository_that_git_cannot_read_is_refused_with_gits_reason() {
    for (key, value, reason) in [
        ("core.bare", "maybe", "bad boolean config value 'maybe' for 'core.bare'"),
        ("core.repositoryFormatVersion", "99", "found 99"),
        ("extensions.objectFormat", "md5", "'md5'"),
    ] {
        let repo = Repo::new();
        script(&repo, "echo made > made");
        repo.git(["config", key, value]);
        let ran = repo.autopilot(["7"]).exits(2);
        ran.says("git cannot work in").says(reason).says("hint: mend that first");
    }
}

#[test]
fn what_a_base_includes_into_its_submodules_is_not_read() {
    let repo = Repo::new();
    let pipe = pipe(&repo, ".git/pipe");
    repo.file(".gitmodules", &format!("[include]\n\tpath = /etc/passwd\n[include]\n\tpath = {pipe}\n"));
    script(&repo, "echo made > made");
    run_without_trace(&repo, 0);
}

#[test]
fn a_checkout_whose_settings_name_another_folder_is_none() {
    let repo = Repo::new();
    script(&repo, "echo made > made");
    repo.git(["config", "core.worktree", repo.home().to_str().unwrap()]);
    let ran = repo.autopilot(["7"]).exits(2);
    ran.says("core.worktree");
}
