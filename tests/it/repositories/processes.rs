//! How often a run starts git: each time is more than a millisecond before and after the first step.

use std::fs;

use crate::common::program::write_program;
use crate::common::{Ran, Repo, git_program, path_behind};

/// Outside of the sandbox, for one step that changes nothing, with a tag and a `.gitignore`: of a first run, and of the next,
/// which borrows what the first has packed. Inside it is one more.
const MOST: [usize; 2] = [15, 14];

#[test]
fn a_run_starts_git_a_few_times() {
    let repo = Repo::new();
    repo.git(["tag", "v1"]);
    repo.plan("  - {id: a, command: ['true']}\n");
    let (folder, calls) = (repo.dir().join("bin"), repo.dir().join("calls"));
    let git = git_program();
    fs::create_dir(&folder).unwrap();
    let (wrapper, calls_path) = (folder.join("git"), calls.display());
    // What is asked, without the settings before it.
    let text =
        format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{calls_path}'\nexec '{}' \"$@\"\n", git.display());
    write_program(&wrapper, &text);
    let both = path_behind(&folder);
    for most in MOST {
        Ran::of(&repo.command(["7"]).env("PATH", &both).output().unwrap()).exits(0);
        let told = fs::read_to_string(&calls).unwrap();
        fs::remove_file(&calls).unwrap();
        let count = told.lines().count();
        assert!((1..=most).contains(&count), "{count} calls:\n{told}");
    }
}
