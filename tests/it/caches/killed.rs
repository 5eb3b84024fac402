//! A runner that is killed while it makes, keeps or replaces a cache: at each of its calls that changes something there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{APPLY, caches, hits, repo};
use crate::common::{Repo, wait_until};

/// Counts its runs, in two files of two folders that are kept: where one is older than the other, something half was taken.
const BUILD: &str = "  - id: build
    command: |
      mkdir -p target/deep ~/.m2; : > target/empty
      one=$(cat target/one || echo 0); two=$(cat target/deep/two || echo 0); jar=$(cat ~/.m2/jar || echo 0)
      echo found $one $two $jar
      test $one = $two; test $one = $jar
      for file in target/one target/deep/two ~/.m2/jar; do echo $((one + 1)) > $file; done
";

/// The calls that change names, modes, times, or what is on the disk; a file is written behind the first, before the second.
const CALLS: [&str; 7] = ["mkdir", "mkdirat", "rename", "fchmod", "utimensat", "fsync", "unlinkat"];

/// A call: its name, the how manieth of that name it is, and what it is about, whatever the run and the cache are called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    name: String,
    number: usize,
    about: String,
}

/// Runs the plan, which a fault may strike; returns the calls of the thread that keeps the caches, and whether it was killed.
fn traced(repo: &Repo, fault: Option<&Call>) -> (Vec<Call>, bool) {
    let (plain, trace) = (repo.command(["7"]), repo.dir().join("trace"));
    let mut command = Command::new("strace");
    command.args(["-y", "-s", "4096", "-e"]).arg(format!("trace={}", CALLS.join(",")));
    if let Some(Call { name, number, .. }) = fault {
        command.arg("-e").arg(format!("inject={name}:signal=KILL:when={number}"));
    }
    command.arg("-o").arg(&trace).arg(plain.get_program()).args(plain.get_args());
    command.current_dir(repo.top()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.output().expect("strace");
    wait_until(|| repo.processes().is_empty());
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines() {
        let Some(name) = CALLS.iter().find(|name| line.starts_with(&format!("{name}("))) else { continue };
        let number = 1 + calls.iter().filter(|call| call.name == *name).count();
        calls.push(Call { name: (*name).to_owned(), number, about: about(line) });
    }
    (calls, text.contains("+++ killed by SIGKILL +++"))
}

/// The paths of a call, without descriptors, times and results; of a run and of a cache that something is.
fn about(line: &str) -> String {
    let paths = line.split(['"', '<', '>']).filter(|part| part.contains('/') || part.contains('-'));
    let part = |part: &str| {
        let is_digest = part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let run = ["making-", "held-"].into_iter().find(|prefix| part.starts_with(prefix));
        run.map_or_else(|| if is_digest { "CACHE".to_owned() } else { part.to_owned() }, str::to_owned)
    };
    let path = |path: &str| path.split('/').map(part).collect::<Vec<_>>().join("/");
    paths
        .filter(|part| !part.starts_with(", ") && !part.starts_with(") ="))
        .map(path)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a run has found in its folders: the runs before it that it knows of.
fn found(log: &str) -> u32 {
    let line = log.lines().rfind(|line| line.starts_with("found ")).expect(log);
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

fn has_passed(repo: &Repo) -> bool {
    repo.events_of("run.ended").first().is_some_and(|ended| ended["result"] == "done")
}

/// The names of a store that are no whole cache's.
fn unfinished(repo: &Repo) -> Vec<String> {
    let names = caches(repo).into_iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("making-") || name.starts_with("held-")).collect()
}

/// Kills a run at a call, and lets others follow it: one that goes on with it, or picks it up.
fn strike(repo: &Repo, at: &Call, known: &mut u32, goes_on: bool) -> bool {
    let (calls, was_killed) = traced(repo, Some(at));
    let struck = was_killed && calls.last().is_some_and(|last| last.about == at.about);
    let had_passed = has_passed(repo);
    if goes_on && !had_passed {
        repo.autopilot(["7", "--resume"]).exits(0);
        repo.autopilot(["audit", "7"]).exits(0);
    } else {
        repo.autopilot(["clean"]).exits(0);
        assert_eq!(unfinished(repo), Vec::<String>::new(), "{at:?}");
    }
    let has_passed = has_passed(repo);
    repo.run().exits(0);
    hits(repo);
    let now = found(&repo.log());
    // What a run has left that did not pass is found by none; what one left that was killed behind its end may be.
    let may = if has_passed { *known + 1 } else { *known };
    assert!(now == may || had_passed && now == *known, "{at:?}: {now} of {known}\n{}", repo.log());
    repo.autopilot(["audit", "7"]).exits(0);
    assert_eq!(caches(repo).len(), 1, "{at:?}: {:?}", caches(repo));
    *known = now + 1;
    struck
}

#[test]
#[ignore = "needs strace"]
fn a_runner_killed_at_any_call_that_makes_or_keeps_a_cache_leaves_nothing_half_to_start_from() {
    let repo = repo();
    repo.plan_with("cache: [target, ~/.m2]", &format!("{BUILD}{APPLY}"));
    repo.run().exits(0);
    // As each run is that will be struck: it takes one, makes another, and that one replaces the first.
    let (calls, was_killed) = traced(&repo, None);
    assert!(!was_killed && found(&repo.log()) == 1, "{}", repo.log());
    let store = caches(&repo)[0].parent().unwrap().to_owned();
    let store = Path::new(store.file_name().unwrap()).to_str().unwrap().to_owned();
    let of_store: Vec<&Call> = calls.iter().filter(|call| call.about.contains(&store)).collect();
    for moment in ["making-/trees/0/deep", "making-/cache.json", "making- /", "held- /", "CACHE/trees"] {
        assert!(of_store.iter().any(|call| call.about.contains(moment)), "{moment}: {of_store:#?}");
    }
    let mut known = 2;
    for (number, call) in of_store.iter().enumerate() {
        // Nobody else writes here, but what else the runner does may not take the same calls each time.
        let struck = (0..3).any(|_| strike(&repo, call, &mut known, number % 2 == 0));
        assert!(struck, "{call:?} was not struck");
    }
}
