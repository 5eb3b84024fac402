//! What a launch executes, and how much it asks the kernel for: the small program that the build put into the main one,
//! or, where that cannot be executed, the main one. What is confined is the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Ran, Repo, not_tried, only_as_root};

/// Tells whether the small program was built in; elsewhere the main one is what there is.
fn is_built_in(repo: &Repo) -> bool {
    let told = repo.autopilot(["doctor"]).stdout;
    let is_built_in = told.contains("launcher    autopilot-init, ");
    assert!(is_built_in || told.contains("launcher    autopilot itself, which takes longer: "), "{told}");
    is_built_in
}

/// Traces a command that does nothing, confined as a step, with such a PATH; returns the calls, each behind the number of its
/// process.
fn traced(repo: &Repo, path: &Path) -> Vec<(String, String)> {
    let mut plain = repo.command(["sandbox", "--", "/bin/true"]);
    plain.env("PATH", path).env_remove("CARGO_HOME").env_remove("RUSTUP_HOME");
    let trace = repo.state().join("trace");
    // Found by the PATH of the test.
    let all = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&all).map(|folder| folder.join("strace"));
    let mut command = Command::new(found.find(|program| program.is_file()).expect("strace"));
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
    // What a PATH leads to is the host's.
    let calls = traced(&repo, &programs(&repo, "bin", 0));
    let executed = |(who, what): &(String, String)| {
        let program = what.strip_prefix("execve(\"")?.split('"').next()?.to_owned();
        Some((who.clone(), program))
    };
    let all: Vec<(String, String)> = calls.iter().filter_map(executed).collect();
    let [runner, outer, init, command] = all.as_slice() else { panic!("{all:?}") };
    assert!(outer.1.starts_with("/proc/self/fd/"), "{all:?}");
    assert_eq!((&*init.1, &*command.1), ("/proc/self/exe", "/bin/true"), "{all:?}");
    let of = |who: &str| -> Vec<&str> {
        let own = calls.iter().filter(|(each, _)| each == who).map(|(_, what)| what.as_str());
        own.skip_while(|what| !what.starts_with("execve(")).collect()
    };
    let (outer, init) = (of(&outer.0).len(), of(&init.0));
    let names = |part: &str| init.iter().filter(|what| what.contains(part)).count();
    let (files, mounts, init) = (names("\"/.host/etc/"), names("mount("), init.len());
    let runner = of(&runner.0);
    // Each run beside it is looked at in four calls, to see whether its runner is gone.
    let beside = runner.iter().filter(|what| what.starts_with("flock(") && what.contains("EAGAIN")).count();
    let runner = runner.len() - 4 * beside;
    let told = format!(
        "calls: runner {runner}, outer {outer}, init {init}, of which {files} name files of /etc and {mounts} are mounts"
    );
    println!("{told}");
    assert!(runner <= RUNNER && outer <= OUTER && init <= INIT + 3 * files + 4 * mounts, "{told}");
}

/// As many calls they may take: the runner with a PATH that leads nowhere and no cache of
/// downloads; the other two besides those for each of the host's files of `/etc` and each mount.
const RUNNER: usize = 500;
const OUTER: usize = 90;
const INIT: usize = 320;

/// Makes a folder of that many links to programs in another one.
fn programs(repo: &Repo, name: &str, count: usize) -> PathBuf {
    let (links, real) = (repo.dir().join(name), repo.dir().join("package/libexec/programs"));
    fs::create_dir_all(&links).unwrap();
    fs::create_dir_all(&real).unwrap();
    for n in 0..count {
        fs::write(real.join(n.to_string()), "").unwrap();
        std::os::unix::fs::symlink(format!("../package/libexec/programs/{n}"), links.join(n.to_string()))
            .unwrap();
    }
    links
}

#[test]
#[ignore = "needs strace"]
fn each_link_behind_path_is_read_once_and_each_program_looked_into_once() {
    const COUNT: usize = 500;
    let repo = Repo::new();
    let path = programs(&repo, "many", COUNT);
    let calls = traced(&repo, &path);
    let count = |call: &str, part: &str| {
        calls.iter().filter(|(_, what)| what.starts_with(call) && what.contains(part)).count()
    };
    // As a name that is asked for: where a link says that it leads is none.
    let programs = format!("\"{}/", repo.dir().join("package/libexec/programs").display());
    assert_eq!(count("readlink", &format!("\"{}/", path.display())), COUNT);
    // Opened for the interpreter that its first line may name; before it is listed, and when a grant is made of it, a few are
    // asked for by name.
    assert_eq!(count("open", &programs), COUNT);
    let by_name =
        ["readlink", "statx", "newfstatat"].iter().map(|call| count(call, &programs)).sum::<usize>();
    assert!(by_name <= 20, "{by_name} programs are asked for by name");
}

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
