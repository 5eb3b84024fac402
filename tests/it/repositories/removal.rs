//! Removal: what cannot go is named, what is mounted is not entered, and the next run finishes.

use std::fs;
use std::process::Command;

use super::is_root;
use crate::common::Repo;

/// Waits for the step's files, lays a mount and an immutable file among them, runs on, and lists what is left.
const SCRIPT: &str = r#"
(
  until test -e "$STATE"/runs/*/worktree/target/file; do sleep 0.05; done
  cd "$STATE"/runs/*/worktree
  mount --bind "$OUTSIDE" target/mount
  chattr +i target/file
  touch target/go
) &
"$AUTOPILOT" 7
chattr -i "$STATE"/runs/*/worktree/target/file
# The control: by names alone, what is mounted goes with the tree.
mkdir -p "$CONTROL/tree/mount" "$CONTROL/outside"
touch "$CONTROL/outside/theirs"
mount --bind "$CONTROL/outside" "$CONTROL/tree/mount"
rm -rf "$CONTROL/tree" 2>/dev/null || true
test ! -e "$CONTROL/outside/theirs"
"#;

#[test]
fn what_is_mounted_or_immutable_stays_and_is_named_and_the_next_run_finishes() {
    if !is_root() {
        return; // Only root can mount, or make a file immutable.
    }
    let repo = Repo::new();
    let step = "mkdir -p target/mount; echo made > made; echo x > target/file; until test -e target/go; do sleep 0.05; done";
    repo.plan(&format!("  - {{id: a, command: '{step}'}}\n"));
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("theirs"), "theirs\n").unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-euc", SCRIPT])
        .current_dir(repo.top())
        .env_clear()
        .envs([("PATH", path.as_os_str()), ("GIT_CONFIG_GLOBAL", "/dev/null".as_ref())])
        .env("HOME", repo.home())
        .env("AUTOPILOT_STATE_DIR", repo.state())
        .env("STATE", repo.state())
        .env("OUTSIDE", &outside)
        .env("CONTROL", repo.dir().join("control"))
        .env("AUTOPILOT", env!("CARGO_BIN_EXE_autopilot"))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("target/mount (something is mounted there)"), "{said}");
    assert!(said.contains("target/file (Operation not permitted"), "{said}");
    assert_eq!(fs::read_to_string(outside.join("theirs")).unwrap(), "theirs\n");
    assert_eq!(repo.on_branch("made"), "made");
    assert_eq!(repo.left_in_state().len(), 1);
    repo.plan("  - {id: a, command: 'echo again > again'}\n");
    repo.run().exits(0);
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
}

#[test]
fn a_crashed_run_salvages_no_more_than_its_plan_says() {
    let repo = Repo::new();
    let head = "limits: {salvage: 1MiB}";
    repo.plan_with(
        head,
        "  - {id: a, command: 'echo small > small; head -c 2M /dev/zero > large; echo ready; sleep 3600'}\n",
    );
    let mut child = repo.start(["7"]);
    crate::common::wait_until(|| repo.log().contains("ready"));
    child.kill().unwrap();
    child.wait().unwrap();
    // The plan is another one by now, and was never that run's.
    repo.plan("  - {id: b, command: 'echo made > made'}\n");
    repo.run().exits(0);
    let lists = repo.evidence("not-salvaged-");
    let list = fs::read_to_string(&lists[0]).unwrap();
    assert!(list.contains("large: larger than `limits.salvage`; moved to "), "{list}");
    let bundle = &repo.evidence("salvage-")[0];
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/a-1:small"]), "small");
    assert_eq!(repo.left_in_state().len(), 1, "the large file is still there");
}
