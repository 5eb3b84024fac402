//! Machines that share a checkout's disk and nothing else: a host name, a boot id, a state directory of its own for each, and
//! locks that reach nobody.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use crate::common::{REFUSE, Ran, Repo, signal, wait_until};

/// How long a claim stands here that is not renewed.
const LEASE: &str = "2s";

/// The second step waits until its HOME says go.
const WAITS: &str = "  - {id: a, command: 'echo one > one'}
  - {id: b, command: 'echo half > half; echo ready; while test ! -e ~/go; do sleep 0.05; done'}\n";

/// Becomes a machine, `$0` with the boot id in `$1`, and then the command. Without control groups: those are this kernel's, and
/// locks on them, which a machine of its own would have, keep them from being swept away under other tests.
const BECOME: &str = "hostname \"$0\" && mount --bind \"$1\" /proc/sys/kernel/random/boot_id &&
    mount -t tmpfs none /sys/fs/cgroup && shift && exec \"$@\"";

/// One of the machines.
struct Node<'a> {
    repo: &'a Repo,
    name: &'static str,
    /// A container of this machine and no machine of its own: it numbers its processes by itself, and has the boot id of others.
    is_container: bool,
    /// A disk of its own, beside the one that all share.
    disk: Option<tempfile::TempDir>,
}

impl<'a> Node<'a> {
    fn of(repo: &'a Repo, name: &'static str) -> Self {
        Self::on(repo, name, None)
    }

    /// One whose runs lie on a disk of its own.
    fn apart(repo: &'a Repo, name: &'static str) -> Self {
        let disk = tempfile::tempdir_in("/dev/shm").unwrap();
        let device = |path: &std::path::Path| fs::metadata(path).unwrap().dev();
        assert_ne!(device(disk.path()), device(repo.dir()), "these tests need two file systems");
        Self::on(repo, name, Some(disk))
    }

    fn on(repo: &'a Repo, name: &'static str, disk: Option<tempfile::TempDir>) -> Self {
        let node = Self { repo, name, is_container: false, disk };
        fs::create_dir_all(node.state()).unwrap();
        fs::write(node.boot(), format!("the boot of {name}\n")).unwrap();
        node
    }

    /// A container, of one machine with the others.
    fn container(repo: &'a Repo, name: &'static str) -> Self {
        let node = Self { is_container: true, ..Self::of(repo, name) };
        fs::write(node.boot(), "the boot of the machine\n").unwrap();
        node
    }

    fn state(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.repo.dir().join(self.name), |disk| disk.path().join(self.name))
    }

    fn boot(&self) -> PathBuf {
        self.repo.dir().join(format!("{}.boot", self.name))
    }

    fn command(&self, args: &[&str]) -> Command {
        let like = self.repo.command(args);
        let mut command = Command::new("unshare");
        // An ordinary user stays one there, and may mount nevertheless: root alone in a namespace could run nothing.
        let own: &[&str] = if nix::unistd::geteuid().is_root() {
            &["-um"]
        } else {
            &["--map-current-user", "--keep-caps", "-um"]
        };
        let apart: &[&str] = if self.is_container { &["--pid", "--fork", "--mount-proc"] } else { &[] };
        command.args(own).args(apart).args(["sh", "-c", BECOME, self.name]).arg(self.boot());
        command.args(["/usr/bin/python3", "-c", REFUSE, "flock"]).arg(like.get_program()).args(args);
        command.env_clear().envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("AUTOPILOT_STATE_DIR", self.state()).env("AUTOPILOT_CLAIM_LEASE", LEASE);
        command.current_dir(self.repo.top()).stdin(Stdio::null());
        command
    }

    fn ran(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Lets the step that waits go on, as soon as there is one.
    fn go(&self) {
        let home = || Some(fs::read_dir(self.state().join("runs")).ok()?.next()?.ok()?.path().join("home"));
        wait_until(|| home().is_some_and(|home| fs::write(home.join("go"), "").is_ok()));
    }

    /// Runs something whose step waits, and lets it go on.
    fn ran_on(&self, args: &[&str]) -> Ran {
        let child = self.start(args);
        self.go();
        Ran::of(&child.wait_with_output().unwrap())
    }
}

/// A run that waits in its second step on the first machine.
fn waiting() -> Repo {
    let repo = Repo::new();
    repo.plan(WAITS);
    repo
}

fn is_ready(repo: &Repo) -> bool {
    repo.log().contains("ready")
}

fn claim(repo: &Repo) -> PathBuf {
    repo.top().join(".git/autopilot-claims/7")
}

#[test]
fn what_lives_on_another_machine_is_left_alone_and_said_to_run_there() {
    let repo = waiting();
    let (n1, n2) = (Node::of(&repo, "n1"), Node::of(&repo, "n2"));
    let child = n1.start(&["7"]);
    wait_until(|| is_ready(&repo));
    let before = repo.evidence("status-").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    let place = claim(&repo).display().to_string();
    n2.ran(&["status"]).exits(0).says("running on n1").hides("crashed").hides("--resume");
    n2.ran(&["view", "-o", "-"]).exits(0).says("#7 running for ").hides("crashed").hides("--resume");
    let json = n2.ran(&["status", "--json"]).exits(0);
    let row: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((row["result"].as_str(), row["host"].as_str()), (Some("running"), Some("n1")));
    for args in [&["7"][..], &["7", "--resume"], &["stop", "7"], &["publish", "7"]] {
        n2.ran(args).exits(5).says("is running on n1").says(&place);
    }
    n2.ran(&["clean"]).exits(0).says("on n1 has claimed it").says(&place);
    let after = repo.evidence("status-").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    assert_eq!(before, after, "nobody else wrote into its journal");
    n1.go();
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    n2.ran(&["status"]).exits(0).says("done");
    n1.ran(&["audit", "--all"]).exits(0);
    assert!(!claim(&repo).parent().unwrap().exists());
    assert_eq!((repo.branches().len(), repo.evidence("status-").len()), (1, 1));
}

#[test]
fn what_lives_in_another_container_is_left_alone_also_where_locks_hold_nothing() {
    let repo = waiting();
    let (one, other) = (Node::container(&repo, "c1"), Node::container(&repo, "c2"));
    let child = one.start(&["7"]);
    wait_until(|| is_ready(&repo));
    other.ran(&["7"]).exits(5).says("is running on c1");
    one.go();
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    other.ran(&["audit", "--all"]).exits(0);
    assert_eq!((repo.branches().len(), repo.evidence("status-").len()), (1, 1));
}

#[test]
fn what_a_machine_that_is_gone_had_claimed_is_taken_over_once_its_time_is_over() {
    let repo = waiting();
    let (n1, n2) = (Node::of(&repo, "n1"), Node::of(&repo, "n2"));
    let mut child = n1.start(&["7"]);
    wait_until(|| is_ready(&repo));
    repo.kill(&mut child);
    assert!(claim(&repo).exists());
    n2.ran(&["status"]).exits(0).hides("crashed");
    wait_until(|| n2.ran(&["status"]).exits(0).stdout.contains("unknown"));
    n2.ran(&["status"]).says("n1 has the claim").says("autopilot run 7 --resume").hides("crashed");
    let ran = n2.ran_on(&["7"]).exits(0);
    ran.says("on n1 has claimed the issue: watching for 2s").says("took over the claim of n1");
    n2.ran(&["audit", "--all"]).exits(0);
    // What lies on the disk of the first is saved when that is back.
    n1.ran(&["clean"]).exits(0).says("is in its salvage bundle");
    n1.ran(&["audit", "--all"]).exits(0);
    assert_eq!(repo.evidence("status-").len(), 2);
}

#[test]
fn a_machine_that_was_frozen_records_nothing_once_another_has_the_claim() {
    let repo = waiting();
    let (n1, n2) = (Node::of(&repo, "n1"), Node::of(&repo, "n2"));
    let frozen = n1.start(&["7"]);
    wait_until(|| is_ready(&repo));
    signal(&frozen, Signal::SIGSTOP);
    n2.ran_on(&["7"]).exits(0).says("took over the claim of n1");
    let journals = || repo.evidence("status-").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = journals();
    signal(&frozen, Signal::SIGCONT);
    let ran = Ran::of(&frozen.wait_with_output().unwrap()).exits(70);
    ran.says("is not this run's any more").says(&claim(&repo).display().to_string());
    assert_eq!(journals(), before);
    n2.ran(&["audit", "--all"]).exits(0);
}

#[test]
fn of_the_same_machine_a_dead_one_is_taken_over_at_once() {
    let repo = waiting();
    let n1 = Node::of(&repo, "n1");
    let mut child = n1.start(&["7"]);
    wait_until(|| is_ready(&repo));
    repo.kill(&mut child);
    n1.ran(&["status"]).exits(0).says("crashed").says("autopilot run 7 --resume");
    n1.ran_on(&["7", "--resume"]).exits(0).hides("watching").says("took over the lock of process");
    n1.ran(&["audit", "--all"]).exits(0);
    assert_eq!(repo.evidence("status-").len(), 1);
}

/// Loses a machine with its disk in the second step; the branch that the run began on has moved since.
fn lost(repo: &Repo) {
    let n1 = Node::apart(repo, "n1");
    let mut child = n1.start(&["7"]);
    wait_until(|| is_ready(repo));
    repo.kill(&mut child);
    repo.commit_file("mine", "the user goes on working\n");
}

fn kept(repo: &Repo) -> String {
    repo.git(["for-each-ref", "--format=%(refname)", "refs/autopilot/"])
}

#[test]
fn a_run_whose_machine_and_disk_are_gone_goes_on_after_its_last_checkpoint() {
    let repo = waiting();
    lost(&repo);
    assert!(kept(&repo).starts_with("refs/autopilot/checkpoints/"));
    let n2 = Node::apart(&repo, "n2");
    n2.ran_on(&["7", "--resume"]).exits(0).says("took over the claim of n1");
    let attempts = repo.events_of("attempt.started");
    let of = |step: &str| attempts.iter().filter(|attempt| attempt["step"] == step).count();
    assert_eq!((of("a"), of("b")), (1, 2));
    assert_eq!((repo.evidence("status-").len(), repo.branches().len()), (1, 1));
    assert_eq!((repo.on_branch("one").as_str(), repo.on_branch("half").as_str()), ("one", "half"));
    assert_eq!(kept(&repo), "");
    n2.ran(&["audit", "--all"]).exits(0);
}

#[test]
fn a_new_run_saves_the_checkpoints_of_one_whose_machine_and_disk_are_gone() {
    let repo = waiting();
    lost(&repo);
    let n2 = Node::apart(&repo, "n2");
    n2.ran_on(&["7"]).exits(0).says("its checkpoints are on refs/heads/autopilot/issue-7-");
    assert_eq!((repo.evidence("status-").len(), repo.branches().len()), (2, 2));
    assert_eq!(kept(&repo), "");
    n2.ran(&["audit", "--all"]).exits(0);
}

#[test]
fn a_checkpoint_that_is_kept_for_nothing_is_named_before_it_goes() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo x > made'}\n");
    repo.run().exits(0);
    let name = format!("refs/autopilot/checkpoints/{}", repo.run_names().remove(0));
    repo.git(["update-ref", &name, &repo.branch()]);
    repo.autopilot(["clean", "--dry-run"]).exits(0).says(&format!("would remove {name}: the branch"));
    assert_eq!(kept(&repo), name);
    repo.autopilot(["clean"]).exits(0);
    assert_eq!(kept(&repo), "");
}
