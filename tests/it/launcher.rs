//! What a launch executes, and how much it asks the kernel for: the small program that the build put into the main one,
//! or, where that cannot be executed, the main one. What is confined is the same.

use std::fs;
use std::process::Command;

use crate::common::{Ran, Repo, not_tried, only_as_root};

/// Tells whether the small program was built in; elsewhere the main one is what there is.
fn is_built_in(repo: &Repo) -> bool {
    let told = repo.autopilot(["doctor"]).stdout;
    let is_built_in = told.contains("launcher    autopilot-init, ");
    assert!(is_built_in || told.contains("launcher    autopilot itself, which takes longer: "), "{told}");
    is_built_in
}

/// Traces a command that does nothing, confined as a step; returns the calls, each behind the number of its process.
fn traced(repo: &Repo) -> Vec<(String, String)> {
    let plain = repo.command(["sandbox", "--", "/bin/true"]);
    let trace = repo.state().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-s", "100", "-o"]).arg(&trace);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(repo.top()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.output().expect("strace")).exits(0);
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    let call = |line: &str| {
        let (who, what) = line.split_once(' ')?;
        Some((who.to_owned(), what.trim_start().to_owned()))
    };
    text.lines().filter_map(call).filter(|(_, what)| !what.starts_with("<...")).collect()
}

#[test]
#[ignore = "needs strace"]
fn a_launch_executes_the_small_program_twice_and_the_command() {
    let repo = Repo::new();
    if !is_built_in(&repo) {
        return not_tried("no small program was built in");
    }
    let calls = traced(&repo);
    let executed = |(who, what): &(String, String)| {
        let program = what.strip_prefix("execve(\"")?.split('"').next()?.to_owned();
        Some((who.clone(), program))
    };
    let all: Vec<(String, String)> = calls.iter().filter_map(executed).collect();
    let [runner, outer, init, command] = all.as_slice() else { panic!("{all:?}") };
    assert!(outer.1.starts_with("/proc/self/fd/"), "{all:?}");
    assert_eq!((&*init.1, &*command.1), ("/proc/self/exe", "/bin/true"), "{all:?}");
    // Those of the runner are mostly the search of what PATH leads to, which is the host's.
    let of = |who: &str| -> Vec<&str> {
        let own = calls.iter().filter(|(each, _)| each == who).map(|(_, what)| what.as_str());
        own.skip_while(|what| !what.starts_with("execve(")).collect()
    };
    let (outer, init) = (of(&outer.0).len(), of(&init.0));
    let names = |part: &str| init.iter().filter(|what| what.contains(part)).count();
    let (files, mounts, init) = (names("\"/.host/etc/"), names("mount("), init.len());
    let told = format!(
        "calls: runner {}, outer {outer}, init {init}, of which {files} name files of /etc and {mounts} are mounts",
        of(&runner.0).len()
    );
    println!("{told}");
    assert!(outer <= OUTER && init <= INIT + 3 * files + 5 * mounts, "{told}");
}

/// As many calls the two may take, besides those for each of the host's files of `/etc` and each mount.
const OUTER: usize = 90;
const INIT: usize = 600;

#[test]
fn where_no_program_in_memory_can_be_executed_the_main_one_confines_as_well() {
    if !only_as_root("only root tells a pid namespace of its own to refuse such programs") {
        return;
    }
    let repo = Repo::new();
    let refused = |args: &[&str]| {
        let like = repo.command(args);
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "sh", "-c"]);
        command.args(["echo 2 >/proc/sys/vm/memfd_noexec && exec \"$@\"", "sh"]).arg(like.get_program());
        command.args(args).current_dir(repo.top()).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(&command.output().unwrap())
    };
    if fs::metadata("/proc/sys/vm/memfd_noexec").is_err() {
        return not_tried("this kernel executes every program in memory");
    }
    refused(&["doctor"]).says("launcher    autopilot itself, which takes longer: ");
    repo.plan("  - {id: a, command: 'grep CapEff /proc/self/status > caps; ! ls /proc/1/fd/'}\n");
    refused(&["7"]).exits(0).says("sandbox: full");
    assert_eq!(repo.on_branch("caps"), "CapEff:\t0000000000000000");
    let enforced = repo.events_of("command.ended").pop().expect("a command ended")["enforced"].clone();
    assert_eq!((&enforced["seccomp"], &enforced["proc"]), (&true.into(), &"own".into()), "{enforced}");
}
