//! Control groups: what they hold, how that is told, and that none is left.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::victim::Victim;
use super::{PRELUDE, PYTHON, bounds, delegated, try_all};
use crate::common::program::open_folder;
use crate::common::{REFUSE, not_tried};

/// What only a control group stops, in one: as root, or in one that was given to an ordinary user.
fn in_a_group(uid: u32, name: &str, refused: bool) {
    let mut victim = Victim::new(uid, refused);
    if uid != nix::unistd::geteuid().as_raw() {
        victim.delegated = Some(delegated::Delegated::to(uid));
    }
    try_all(&victim, name, bounds::ATTEMPTS);
}

/// Tells whether whoever runs this gets control groups.
pub(crate) fn gets_groups() -> bool {
    let told: serde_json::Value = serde_json::from_slice(&doctor().stdout).expect("JSON");
    told["layers"]["memory"]["ok"] == true
}

#[test]
fn nothing_is_held_beyond_the_limit_in_a_control_group() {
    if !gets_groups() {
        not_tried("this host gives this user no control groups");
        return;
    }
    let own = nix::unistd::geteuid();
    if own.is_root() {
        in_a_group(0, "root, in a control group", false);
    } else {
        not_tried("root, in a control group: this is an ordinary user");
    }
    let user = if own.is_root() { 54323 } else { own.as_raw() };
    in_a_group(user, "ordinary user, in a control group", false);
    in_a_group(user, "without namespaces, in a control group", true);
}

#[test]
fn what_the_kernel_stops_is_told_as_the_limit_of_memory() {
    if !gets_groups() {
        not_tried("this host gives this user no control groups");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    open_folder(folder.path(), 0o777);
    let autopilot = env!("CARGO_BIN_EXE_autopilot");
    for words in [vec![autopilot], vec![PYTHON, "-c", REFUSE, "unshare", autopilot]] {
        let output = Command::new(words[0])
            .args(&words[1..])
            .args(["sandbox", "--memory", "48MiB", "--", PYTHON, "-c"])
            .arg(format!("{PRELUDE}{}", bounds::STREAMS))
            .args(["V", "1", "net", "ipc", "1", "1", "1", "1", "1", "queue"])
            .current_dir(folder.path())
            // On a disk: what lies in memory counts.
            .env("TMPDIR", "/var/tmp")
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("limit reached: memory: the kernel stopped it at 48 MiB in all"), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}

#[test]
fn no_group_is_left_and_those_of_a_killed_runner_go_with_the_next() {
    if !gets_groups() {
        not_tried("this host gives this user no control groups");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = |command: &[&str]| {
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_autopilot"));
        sandbox.args(["sandbox", "--"]).args(command).current_dir(folder.path());
        sandbox.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        sandbox.spawn().expect("it starts")
    };
    let mut ended = sandbox(&["true"]);
    let pid = ended.id();
    ended.wait().expect("it ends");
    until(|| of(pid).is_empty());

    let mut killed = sandbox(&["sleep", "600"]);
    let pid = killed.id();
    until(|| !of(pid).is_empty());
    killed.kill().expect("it is killed");
    killed.wait().expect("it ends");
    // Its processes end by themselves, and a group with one in it stays.
    until(|| {
        let doctor = doctor();
        assert!(doctor.status.success());
        of(pid).is_empty()
    });
}

/// Returns the groups that a runner made.
fn of(pid: u32) -> Vec<PathBuf> {
    let Some(place) = delegated::place() else { return Vec::new() };
    let name = format!("autopilot-{pid}-");
    let all = std::fs::read_dir(place).expect("the groups").flatten();
    all.filter(|each| each.file_name().to_string_lossy().starts_with(&name)).map(|each| each.path()).collect()
}

fn doctor() -> Output {
    Command::new(env!("CARGO_BIN_EXE_autopilot")).args(["doctor", "--json"]).output().expect("it starts")
}

/// Waits until it is so.
fn until(so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < deadline, "it never comes to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
