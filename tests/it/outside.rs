//! What works outside works in a step: what a program is started with and finds on an ordinary machine, and what people
//! see of how it ended.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use crate::cli::terminal;
use crate::common::program::write_program;
use crate::common::{Ran, Repo, signal, wait_until};

/// Starts a run from a shell that has signals ignored, as `nohup` and scripts do.
fn ignoring(repo: &Repo, signals: &str) -> Command {
    let like = repo.command(["7"]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("trap '' {signals}; exec \"$@\""), "sh"]);
    command.arg(like.get_program()).args(like.get_args()).current_dir(repo.top());
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_so_and_no_step_inherits_that() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: a, command: 'grep SigIgn: /proc/self/status; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n",
    );
    let child = ignoring(&repo, "HUP INT").spawn().unwrap();
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGHUP);
    signal(&child, Signal::SIGINT);
    fs::write(repo.run_dir().join("home/go"), "").unwrap();
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    let ignored = repo
        .log()
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    // 32 and above are the C library's own.
    assert_eq!(ignored.map(|ignored| ignored & 0x7fff_ffff), Some(0), "{}", repo.log());
    // What was not ignored is heard.
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 60'}\n");
    let child = ignoring(&repo, "HUP").spawn().unwrap();
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGHUP);
    signal(&child, Signal::SIGTERM);
    Ran::of(&child.wait_with_output().unwrap()).exits(143).says("interrupted by SIGTERM");
}

#[test]
fn whoever_has_the_ends_of_children_thrown_away_gets_a_run_all_the_same() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > x; (exit 3) & wait $! || echo its end is $?'}\n");
    let like = repo.command(["7"]);
    let mut command = Command::new("python3");
    let ignore = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    command.args(["-c", ignore]).arg(like.get_program()).args(like.get_args()).current_dir(repo.top());
    command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.output().unwrap()).exits(0);
    assert!(repo.log().contains("its end is 3"), "{}", repo.log());
}

/// A crashed run, whose successor would ask.
fn crashed() -> Repo {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'test -e ~/../go || { echo ready; sleep 60; }; echo x > x'}\n");
    let mut child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    repo.kill(&mut child);
    repo.plan("  - {id: a, command: 'echo x > x'}\n");
    repo
}

#[test]
fn nobody_is_asked_on_the_terminal_of_a_ci() {
    let repo = crashed();
    let mut command = terminal(&repo, "7", &[("CI", "true")]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script makes a terminal");
    let keys = child.stdin.take();
    wait_until(|| child.try_wait().unwrap().is_some());
    drop(keys);
    let ran = Ran::of(&child.wait_with_output().unwrap()).exits(0).hides("Go on with it?");
    assert!(ran.stdout.lines().any(|line| line.starts_with("done in ")), "plain lines: {:?}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "nothing moves, and nothing has a colour: {:?}", ran.stdout);
}

#[test]
fn nobody_is_asked_in_the_background_of_a_terminal() {
    let repo = crashed();
    fs::write(repo.dir().join("background"), "set -m\n\"$@\" &\nwait\nfg %1 2>/dev/null\necho over\n")
        .unwrap();
    let line = format!("7; bash {}/background $0 7", repo.dir().display());
    let program = repo.command([""; 0]).get_program().to_owned();
    let line = line.replacen("7; ", "--version; ", 1).replace("$0", &program.to_string_lossy());
    let mut command = terminal(&repo, &line, &[]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script makes a terminal");
    let keys = child.stdin.take();
    wait_until(|| child.try_wait().unwrap().is_some());
    drop(keys);
    Ran::of(&child.wait_with_output().unwrap()).says("over").hides("Stopped").hides("Go on with it?");
    assert_eq!(repo.events_of("run.ended").len(), 1);
}

#[test]
fn the_last_words_of_a_program_are_shown_wherever_its_end_is_told() {
    let bar = r"for i in $(seq 500); do printf 'downloading %d of 500 from mirror\\r' $i; done; printf 'error: disk full'";
    for (script, words) in
        [(bar, "error: disk full"), ("echo compiling; printf 'error: boom'", "error: boom")]
    {
        let repo = Repo::new();
        repo.plan(&format!("  - {{id: a, command: \"{script}; exit 4\"}}\n"));
        let ran = repo.run().exits(1);
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
        assert!(repo.failed().contains(words), "{words}: {}", repo.failed());
        assert!(!ran.stdout.contains("downloading 1 of"), "what was drawn over: {}", ran.stdout);
    }
}

#[test]
fn a_step_resolves_the_name_of_its_own_host_and_localhost() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'getent hosts \"$(hostname)\" && getent hosts localhost'}\n");
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

/// A prefix beside bin/, a tool of `uv` with its interpreter elsewhere: found by where they lead.
#[test]
fn programs_of_path_find_what_lies_beside_and_behind_them() {
    let repo = Repo::new();
    let place = repo.dir().join("opt");
    for folder in
        ["tool/bin", "tool/conf", "share/tools/black/bin", "share/python/cpython/bin", "collected/bin"]
    {
        fs::create_dir_all(place.join(folder)).unwrap();
    }
    write_program(&place.join("tool/bin/tool"), "#!/bin/sh\ncat \"$(dirname \"$0\")/../conf/settings\"\n");
    fs::write(place.join("tool/conf/settings"), "settings of the tool\n").unwrap();
    let (env, managed) = (place.join("share/tools/black"), place.join("share/python/cpython/bin/python3"));
    write_program(&managed, "#!/bin/sh\necho interpreted by \"$0\"\n");
    symlink(&managed, env.join("bin/python")).unwrap();
    // The kernel takes no script for an interpreter; env does.
    write_program(&env.join("bin/black"), &format!("#!/usr/bin/env {}/bin/python\n", env.display()));
    symlink(env.join("bin/black"), place.join("collected/bin/black")).unwrap();
    repo.plan("  - {id: tool, command: tool}\n  - {id: black, command: black}\n");
    let path = format!("{}/tool/bin:{}/collected/bin:/usr/bin:/bin", place.display(), place.display());
    let ran = Ran::of(&repo.command(["7"]).env("PATH", path).output().unwrap());
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
    assert!(
        repo.log().contains("settings of the tool") && repo.log().contains("interpreted by"),
        "{}",
        repo.log()
    );
}

/// What a package of the distribution has outside of `/usr`.
#[test]
#[ignore = "needs a Debian: it is dpkg that is tried"]
fn programs_of_the_distribution_find_their_own_settings() {
    let repo = Repo::new();
    repo.plan("  - {id: dpkg, command: 'dpkg -s dpkg && ! cat /etc/shadow && ! ls /etc/ssh'}\n");
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}

/// A device that is granted works, and one that somebody made elsewhere does not.
#[test]
fn a_device_that_is_granted_works() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: write, filesystem: {write: [/dev/zero, /dev/full]}, command: 'test $(head -c 3 /dev/zero | wc -c) = 3 && echo x > /dev/zero && ! echo x > /dev/full'}
  - {id: read, filesystem: {read: [/dev/zero]}, command: 'test $(head -c 3 /dev/zero | wc -c) = 3'}\n",
    );
    let ran = repo.run();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, repo.log());
}
