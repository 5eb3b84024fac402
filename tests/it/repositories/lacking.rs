//! Repositories that lack an object: refused before anything of a run is made, with the object and what helps.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::common::program::write_program;
use crate::common::{Ran, Repo, wait_until};

/// Makes a repository with a file in a folder, and an older state of another.
fn repository() -> Repo {
    let repo = Repo::new();
    repo.commit_file("folder/file", "in a folder\n");
    repo.commit_file("README.md", "changed\n");
    repo.plan("  - {id: a, command: 'true'}\n");
    repo
}

fn damage(repo: &Repo, script: &str) {
    let object = "object() { git rev-parse \"$1\" | sed 's,^\\(..\\),.git/objects/\\1/,'; }\n";
    let mut shell = Command::new("sh");
    shell
        .args(["-euc", &format!("{object}{script}")])
        .current_dir(repo.top())
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    assert!(shell.status().unwrap().success(), "{script}");
}

/// Ways to lose an object, and which it is.
const LOSES: [(&str, &str); 8] = [
    ("rm -f $(object HEAD:folder/file)", "HEAD:folder/file"),
    ("rm -f $(object HEAD~3:README.md)", "HEAD~3:README.md"),
    ("rm -f $(object HEAD:folder)", "HEAD:folder"),
    ("rm -f $(object HEAD)", ""),
    ("rm -f $(object HEAD~2)", "HEAD~2"),
    ("f=$(object HEAD:folder/file); chmod u+w $f; echo garbage > $f", "HEAD:folder/file"),
    ("f=$(object HEAD~3:README.md); chmod u+w $f; : > $f", "HEAD~3:README.md"),
    (
        "git repack -q -a -d; p=$(ls .git/objects/pack/*.pack); chmod u+w $p; printf zzzzzzzzzzzz | dd of=$p bs=1 seek=300 conv=notrunc 2>/dev/null",
        "",
    ),
];

#[test]
fn a_repository_that_lacks_an_object_is_refused_with_its_name() {
    for (script, which) in LOSES {
        let repo = repository();
        let id = if which.is_empty() { String::new() } else { repo.git(["rev-parse", which]) };
        damage(&repo, script);
        let ran = repo.run().exits(2).says("is missing or damaged").says("git fsck --full");
        assert!(ran.stderr.contains(&id), "{script}: {}", ran.stderr);
        assert!(!repo.top().join(".ai/logs").exists(), "{script}");
        assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{script}");
    }
}

#[test]
fn a_repository_whose_alternates_lead_nowhere_is_refused() {
    let repo = repository();
    damage(
        &repo,
        "mv .git/objects ../elsewhere; mkdir -p .git/objects/info; echo \"$PWD/../elsewhere\" > .git/objects/info/alternates",
    );
    repo.run().exits(0);
    let logs = repo.top().join(".ai/logs");
    std::fs::remove_dir_all(&logs).unwrap();
    damage(&repo, "mv ../elsewhere ../gone");
    repo.run().exits(2).says("from a folder that is not there").says("elsewhere").says("info/alternates");
    assert!(!logs.exists());
    damage(&repo, "mv ../gone ../elsewhere");
    repo.run().exits(0);
}

#[test]
fn what_an_object_cache_holds_already_is_not_asked_of_the_repository_again() {
    let repo = repository();
    repo.run().exits(0);
    damage(&repo, "rm -f $(object HEAD~3:README.md)");
    repo.run().exits(0);
    repo.git(["commit", "-q", "--allow-empty", "-m", "more"]);
    repo.run().exits(0);
    let caches = repo.state().join("objects");
    std::fs::remove_dir_all(caches).unwrap();
    let lost = repo.git(["rev-parse", "HEAD~4"]);
    assert!(!lost.is_empty());
    repo.run().exits(2).says("is missing or damaged");
}

/// Puts a git in front of the real one that waits for ever once it is to pack.
fn slow(repo: &Repo) -> Command {
    let folder = repo.dir().join("slow");
    std::fs::create_dir(&folder).unwrap();
    let real = Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout;
    let real = String::from_utf8(real).unwrap();
    let script = format!(
        "#!/bin/sh\nfor a; do if [ \"$a\" = pack-objects ]; then : > {}; exec sleep 1000; fi; done\nexec {} \"$@\"\n",
        repo.dir().join("packs").display(),
        real.trim()
    );
    write_program(&folder.join("git"), &script);
    let mut command = repo.command(["7"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

#[test]
fn a_signal_ends_what_comes_before_the_run_and_nothing_is_left() {
    let repo = repository();
    let mut child = slow(&repo).process_group(0).spawn().unwrap();
    wait_until(|| repo.dir().join("packs").exists());
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    assert!(!repo.top().join(".ai/logs").exists());
    repo.run().exits(0);
}

#[test]
fn what_comes_before_the_run_counts_in_its_time() {
    let repo = Repo::new();
    repo.plan_with("limits: {timeout: 2s}", "  - {id: a, timeout: 1s, command: 'true'}\n");
    let ran = Ran::of(&slow(&repo).output().unwrap());
    ran.exits(1).says("were not ready within the run's timeout of 2s");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    repo.run().exits(0);
}
