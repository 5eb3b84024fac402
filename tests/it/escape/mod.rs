//! Attempts to get out of the sandbox, each a small program run through the real one, and each with a control
//! that it succeeds without: a "blocked" cannot come from a broken attempt.
//!
//! As root both halves run: as root, and as an ordinary user (uid 54321, which nobody has). As an ordinary user
//! the second alone. The numbers must be those of the table in `docs/threat-model.md`.

mod bounds;
mod delegated;
mod files;
pub(crate) mod groups;
mod inotify;
mod kernel;
mod network;
mod victim;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use victim::Victim;

use crate::common::{REFUSE, not_tried};

const PRELUDE: &str = include_str!("prelude.py");
const PYTHON: &str = "/usr/bin/python3";

/// What a careless launcher hands on: limits that were lifted for it, as far as this host lets that be done…
const LIFT: &str =
    "for each in --rtprio=50 --nice=40 --memlock=unlimited; do prlimit --pid $$ $each; done; exec \"$@\"";
/// …and a mask that hides nothing, a secret that is open under two numbers, and a folder.
const LEAVE: &str = "umask 0; exec 9<\"$0/sibling/secret\" 700<&9 8<\"$0/home\"; exec \"$@\"";

/// One way out.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    name: &'static str,
    code: &'static str,
    flags: &'static [&'static str],
    who: Who,
    sign: Sign,
    /// Only namespaces stop it: without them it is among what is not defended.
    namespaces: bool,
    /// Whether it can succeed at all depends on what this kernel was built with, or on what these tests may hand on.
    kernel: bool,
}

/// Whose attempt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Both,
    /// Only root could do it without the sandbox.
    Root,
}

/// How success shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It prints ESCAPED.
    Prints,
    /// A process of it is left.
    Survives,
    /// Its output stays open for seconds.
    Slow,
}

const fn attempt(name: &'static str, code: &'static str) -> Attempt {
    Attempt { name, code, flags: &[], who: Who::Both, sign: Sign::Prints, namespaces: false, kernel: false }
}

impl Attempt {
    const fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    const fn only(self, who: Who) -> Self {
        Self { who, ..self }
    }

    const fn kernel(self) -> Self {
        Self { kernel: true, ..self }
    }

    const fn namespaces(self) -> Self {
        Self { namespaces: true, ..self }
    }

    const fn survives(self) -> Self {
        Self { sign: Sign::Survives, ..self }
    }

    const fn slow(self) -> Self {
        Self { sign: Sign::Slow, ..self }
    }

    /// Returns the command that makes it, confined or not.
    fn words(&self, victim: &Victim, worktree: &Path, confined: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if confined {
            if victim.refused {
                words.extend([PYTHON.into(), "-c".into(), REFUSE.into(), "unshare".into()]);
            }
            words.push(victim.autopilot().display().to_string());
            words.push("sandbox".into());
            if victim.refused {
                // Landlock alone cannot keep a part of a writable folder read-only: to be granted.
                words.extend(["--write".into(), worktree.join(".git").display().to_string()]);
            }
            words.extend(self.flags.iter().map(|flag| flag.replace("{V}", victim.path())));
            words.push("--".into());
        }
        words.extend([PYTHON.into(), "-c".into(), format!("{PRELUDE}{}", self.code)]);
        words.extend(victim.arguments());
        words
    }

    /// Runs it, confined or not; tells whether it succeeded.
    fn succeeds(&self, victim: &Victim, confined: bool) -> bool {
        let worktree = victim.worktree();
        let words = self.words(victim, &worktree, confined);
        let start = Instant::now();
        let output = run(victim, &worktree, &words);
        // Blocked must not mean that it never began.
        assert!(output.contains("STARTED"), "{}: did not start (confined: {confined})", self.name);
        match self.sign {
            Sign::Prints => output.contains("ESCAPED"),
            Sign::Survives => victim.kill_daemons(),
            Sign::Slow => start.elapsed() > Duration::from_secs(4),
        }
    }
}

/// Runs a command as the victim's user would, with what a careless launcher leaves lying: secrets in the
/// environment, open descriptors, a mask that hides nothing, groups of root's, a capability, and lifted limits.
fn run(victim: &Victim, worktree: &Path, words: &[String]) -> String {
    let mut child = command(victim, worktree, words).spawn().expect("it starts");
    let mut output = String::new();
    child.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
    child.wait().expect("it ends");
    output
}

fn command(victim: &Victim, worktree: &Path, words: &[String]) -> Command {
    let mut child = Command::new("timeout");
    child.args(["-s", "KILL", "180"]);
    victim.delegated.iter().for_each(|groups| groups.enter(&mut child));
    child.args(["sh", "-c", LIFT, "sh"]);
    victim.as_its_user(&mut child);
    child.args(["bash", "-c", LEAVE, victim.path()]);
    child.args(words).current_dir(worktree).env_clear().envs(victim.environment());
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    child
}

/// What came of a half.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    attempts: usize,
    /// Those of which the control has to succeed on any kernel, and did.
    controls: usize,
    escaped: usize,
}

fn half(uid: u32, name: &str, refused: bool) {
    let root = uid == 0;
    let all = [files::ATTEMPTS, network::ATTEMPTS, kernel::ATTEMPTS].concat();
    let all: Vec<Attempt> = all
        .into_iter()
        .filter(|each| root || each.who == Who::Both)
        .filter(|each| !(refused && each.namespaces))
        .collect();
    try_all(&Victim::new(uid, refused), name, &all);
}

fn try_all(victim: &Victim, name: &str, all: &[Attempt]) {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(attempt) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let alone = matches!(attempt.sign, Sign::Survives);
                    let guard = alone.then(|| victim.daemons.lock().expect("no panic"));
                    let escaped = attempt.succeeds(victim, true);
                    let control = attempt.succeeds(victim, false);
                    drop(guard);
                    results.lock().expect("no panic").push((*attempt, escaped, control));
                }
            });
        }
    });
    let results = results.into_inner().expect("no panic");
    let mut tally = Tally { attempts: results.len(), ..Tally::default() };
    let mut not_tried = Vec::new();
    for (attempt, escaped, control) in &results {
        tally.escaped += usize::from(*escaped);
        tally.controls += usize::from(*control && !attempt.kernel);
        let said = if *escaped { "ESCAPED" } else { "blocked" };
        let control = match (control, attempt.kernel) {
            (true, _) => "succeeds unconfined",
            // What does not succeed without a sandbox says nothing about one.
            (false, true) => {
                not_tried.push(attempt.name);
                "NOT TRIED: not on this host"
            }
            (false, false) => "CONTROL FAILED",
        };
        println!("{name}: {said}, {control}: {}", attempt.name);
    }
    println!("{name}: {tally:?}");
    if !not_tried.is_empty() {
        // Past what the test's harness keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "{name}: {} NOT TRIED, since nothing of the kind can be done here without a sandbox: {}",
            not_tried.len(),
            not_tried.join(", ")
        );
    }
    assert_eq!(tally, documented(name), "docs/threat-model.md says otherwise");
}

/// Reads a row of the table: `| root | attempts | controls | escaped |`.
fn documented(name: &str) -> Tally {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/threat-model.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let row = text.lines().find(|line| line.starts_with(&format!("| {name} |"))).expect("its row");
    let numbers: Vec<usize> = row.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
    let [attempts, controls, escaped] = numbers[..] else { panic!("{row}") };
    Tally { attempts, controls, escaped }
}

#[test]
fn nothing_gets_out_launched_as_root() {
    if nix::unistd::geteuid().is_root() {
        half(0, "root", false);
    } else {
        not_tried("root: this is an ordinary user");
    }
}

#[test]
fn nothing_gets_out_launched_as_an_ordinary_user() {
    let own = nix::unistd::geteuid();
    half(if own.is_root() { 54321 } else { own.as_raw() }, "ordinary user", false);
}

#[test]
fn nothing_gets_out_where_namespaces_are_refused() {
    let own = nix::unistd::geteuid();
    half(if own.is_root() { 54321 } else { own.as_raw() }, "without namespaces", true);
}

#[test]
fn a_host_that_refuses_namespaces_says_so_and_what_helps() {
    let output = Command::new(PYTHON)
        .args(["-c", REFUSE, "unshare", env!("CARGO_BIN_EXE_autopilot"), "doctor"])
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let helps = text.contains("a seccomp profile that allows these, clone and unshare");
    assert!(text.contains("unshare: EPERM: Operation not permitted") && helps, "{text}");
}

#[test]
fn nothing_is_left_when_the_launcher_is_killed() {
    for signal in ["KILL", "TERM"] {
        let victim = Victim::new(nix::unistd::geteuid().as_raw(), false);
        let mut launcher = Command::new(victim.autopilot())
            .args(["sandbox", "--", PYTHON, "-c"])
            .arg("import os,signal,sys\nsignal.signal(15,signal.SIG_IGN)\nif os.fork()==0: os.setsid()\nos.execv('/bin/sleep',[sys.argv[1],'60'])")
            .arg(victim.daemon_name())
            .current_dir(victim.worktree())
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        let deadline = Instant::now() + Duration::from_mins(1);
        while victim.daemon_pids().len() < 2 {
            assert!(Instant::now() < deadline, "the step does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = launcher.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill").success());
        launcher.wait().expect("it ends");
        let deadline = Instant::now() + Duration::from_mins(1);
        while !victim.daemon_pids().is_empty() {
            assert!(Instant::now() < deadline, "SIG{signal} to the launcher leaves the tree alive");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_supervisor_that_stands_still_does_not_stop_the_clock() {
    let victim = Victim::new(nix::unistd::geteuid().as_raw(), false);
    let launcher = Command::new(victim.autopilot())
        .args(["sandbox", "--timeout", "5s", "--", PYTHON, "-c"])
        .arg("import os,sys\nos.execv('/bin/sleep',[sys.argv[1],'600'])")
        .arg(victim.daemon_name())
        .current_dir(victim.worktree())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    let command = loop {
        if let Some(pid) = victim.daemon_pids().first() {
            break *pid;
        }
        assert!(Instant::now() < deadline, "the step does not start");
        std::thread::sleep(Duration::from_millis(20));
    };
    let supervisor = Pid::from_raw(parent(command));
    kill(supervisor, Signal::SIGSTOP).expect("it can be stopped");
    // Waits for the end of what holds its output, the launcher: for ever, if it relied on the supervisor.
    let output = launcher.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("timeout: went over 5s"), "{said}");
    assert!(victim.daemon_pids().is_empty(), "the step outlives its timeout");
    let deadline = Instant::now() + Duration::from_mins(1);
    while kill(supervisor, None).is_ok() {
        assert!(Instant::now() < deadline, "the supervisor is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn parent(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("its parent");
    line.trim().parse().expect("a number")
}
