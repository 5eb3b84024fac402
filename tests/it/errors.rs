//! What people are told where a command cannot be carried out, all of it in one file: a change of words is seen in review.
//! `UPDATE=1 cargo test --test it -- errors::` writes `tests/fixtures/errors.txt` anew; look at the diff.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use regex::Regex;

use crate::causes::with_plans;
use crate::common::{Ran, Repo, signal, wait_until};

/// Lines that no command can be made of.
const USAGE: [&str; 25] = [
    "rnu",
    "run",
    "run abc",
    "run 0",
    "run o/r#7",
    "run https://github.com/o/r/issues/7",
    "run .ai/plans/7/Autopilot.yaml",
    "run 7 --jobs 0",
    "run 7 --jobs many",
    "run 7 8 --plan a.yaml",
    "run 7 --resume --resume-or-new",
    "run 7 --provider nowhere",
    "run 7 --allow-degraded everything",
    "run 7 --require all",
    "run 7 --agent nobody",
    "run 20200101T000000Z-7",
    "status --jsn",
    "status --result finished",
    "check nowhere.yaml",
    "learn 7",
    "prune --older soon",
    "schema --of nothing",
    "completions tcsh",
    "audit --heads none.txt",
    "audit --env NOT_SET_ANYWHERE",
];

/// What a plan, or what there is of an issue, keeps from being carried out.
const REFUSED: [&str; 22] = [
    "run 99",
    "check 99",
    "run 8",
    "check 8",
    "run 9",
    "run 10",
    "run 11",
    "run 12",
    "run 13",
    "logs",
    "status 99",
    "logs 99",
    "logs 20200101T000000Z-7",
    "checkout 7",
    "publish 7",
    "replay 7",
    "stop 7",
    "audit",
    "init",
    "init 8 --title Again",
    "init 5",
    "init 6 --template none",
];

/// What is told of a run that is done, or has failed.
const AFTERWARDS: [&str; 4] = ["run 7 --resume", "logs 7 --step none", "checkout 7", "replay 7"];

/// The command of a line. Whatever agents are on this machine are not on that PATH.
fn command(repo: &Repo, line: &str) -> Command {
    let args: Vec<&str> = line.split_whitespace().collect();
    let mut command = repo.command(&args);
    command.env("PATH", "/usr/bin:/bin");
    command
}

struct Snapshot {
    text: String,
    unstable: Vec<(Regex, &'static str)>,
}

impl Snapshot {
    fn new() -> Self {
        let unstable = [
            (r"\d{8}T\d{6}Z", "<TIME>"),
            (r"\bprocess \d+", "process <PID>"),
            (r"since \d{4}-\S+", "since <TIME>"),
            // Whatever stands in the journal before it.
            (r"(?m)\.log:\d+: (.*?) at line 1 column \d+", ".log:<LINE>: $1 at line 1 column <COLUMN>"),
        ];
        let unstable = unstable.map(|(pattern, name)| (Regex::new(pattern).unwrap(), name)).into();
        Self { text: String::new(), unstable }
    }

    /// Adds what a command says on standard error.
    fn take(&mut self, repo: &Repo, line: &str) {
        let ran = Ran::of(&command(repo, line).output().unwrap());
        assert!(ran.code != 0 && ran.code < 70, "{line}: {ran:?}");
        self.add(repo, line, &ran);
    }

    fn add(&mut self, repo: &Repo, line: &str, ran: &Ran) {
        let folder = repo.dir().canonicalize().unwrap();
        let mut said = ran.stderr.replace(folder.to_str().unwrap(), "<FOLDER>");
        said = said.replace(repo.dir().to_str().unwrap(), "<FOLDER>");
        let host = nix::unistd::gethostname().unwrap();
        said = said.replace(&format!(" on {}", host.to_str().unwrap()), " on <HOST>");
        for (pattern, name) in &self.unstable {
            // A run that is named on the command line is the same each time.
            said = said.replace("20200101T000000Z", "<NAMED>");
            said = pattern.replace_all(&said, *name).into_owned();
            said = said.replace("<NAMED>", "20200101T000000Z");
        }
        let lines: String = said.lines().map(|line| format!("  {line}\n")).collect();
        self.text += &format!("$ autopilot {line}    # {}\n{}\n", ran.code, lines.replace("  \n", "\n"));
    }

    fn hold(&self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/errors.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &self.text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            expected == self.text,
            "{} differs; UPDATE=1 writes it anew. Now:\n{}",
            path.display(),
            self.text
        );
    }
}

/// A checkout with a plan for each cause that a plan can have, one that fails, and one that lacks its patch.
fn checkout() -> Repo {
    let repo = with_plans("command: 'exit 3'");
    repo.plan_of(13, "", "  - {id: a, apply: missing.patch}\n");
    repo.commit("a plan without its patch");
    repo
}

#[test]
fn every_text_of_an_error_is_in_the_snapshot() {
    let repo = checkout();
    let mut snapshot = Snapshot::new();
    USAGE.iter().chain(&REFUSED).for_each(|line| snapshot.take(&repo, line));
    repo.run().exits(1);
    for line in AFTERWARDS {
        snapshot.take(&repo, line);
    }
    of_a_journal(&mut snapshot, &repo);
    of_a_lock(&mut snapshot);
    of_this_host(&mut snapshot);
    fs::remove_dir_all(repo.top().join(".git")).unwrap();
    for line in ["run 7", "status", "checkout 7", "clean"] {
        snapshot.take(&repo, line);
    }
    snapshot.hold();
}

/// A journal that somebody changed, and one of a version that is not known.
fn of_a_journal(snapshot: &mut Snapshot, repo: &Repo) {
    let journal = repo.evidence("status-").pop().unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("\"failed\"", "\"done\"", 1)).unwrap();
    snapshot.take(repo, "replay 7");
    fs::write(&journal, "no journal\n").unwrap();
    snapshot.take(repo, "checkout 7");
    fs::write(&journal, text).unwrap();
}

/// A run that is under way.
fn of_a_lock(snapshot: &mut Snapshot) {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 60', timeout: 90s}\n");
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    snapshot.take(&repo, "run 7");
    snapshot.take(&repo, "checkout 7");
    signal(&child, Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
}

/// What is in the way on this host: something else where a folder has to be, a disk without space, a time that is over,
/// a signal.
fn of_this_host(snapshot: &mut Snapshot) {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo ready; sleep 60', timeout: 90s}\n");
    repo.plan_of(8, "", "  - {id: a, command: 'true'}\n");
    snapshot.take(&repo, "man /dev/null/man");
    snapshot.take(&repo, "demo /dev/null/demo");
    let full = fs::File::create("/dev/full").unwrap();
    let ran = Ran::of(&command(&repo, "schema").stdout(full).output().unwrap()).exits(70);
    snapshot.add(&repo, "schema >/dev/full", &ran);
    let mut nowhere = command(&repo, "run 7");
    nowhere.env("AUTOPILOT_STATE_DIR", "/dev/null/state");
    snapshot.add(
        &repo,
        "run 7    # AUTOPILOT_STATE_DIR=/dev/null/state",
        &Ran::of(&nowhere.output().unwrap()).exits(2),
    );
    fs::write(repo.top().join(".ai/logs"), "").unwrap();
    snapshot.take(&repo, "run 7");
    fs::remove_file(repo.top().join(".ai/logs")).unwrap();
    let late = Ran::of(&command(&repo, "sandbox --timeout 1s -- sleep 60").output().unwrap()).exits(1);
    // Root is told, too, as whom the command runs.
    let late = Ran { stderr: errors_of(&late), ..late };
    snapshot.add(&repo, "sandbox --timeout 1s -- sleep 60", &late);
    let child = repo.start(["7", "8", "--quiet"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, Signal::SIGINT);
    snapshot.add(
        &repo,
        "run 7 8 --quiet    # Ctrl-C",
        &Ran::of(&child.wait_with_output().unwrap()).exits(130),
    );
}

/// The lines from the error on.
fn errors_of(ran: &Ran) -> String {
    ran.stderr.lines().skip_while(|line| !line.starts_with("error")).map(|line| format!("{line}\n")).collect()
}
