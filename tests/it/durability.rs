//! What is on the disk before what: the calls of a whole run as the kernel saw them, in their order. A line of the journal
//! is on the disk before anything is done that relies on it, and what a line tells is there before the line.

use std::fs;
use std::process::Command;

use crate::common::{Ran, Repo};

/// One call that has to do with the disk, by the path that it is about.
#[derive(Debug)]
struct Call {
    /// Which process or thread made it.
    who: String,
    /// Its name.
    name: String,
    /// All that was traced of it.
    text: String,
}

impl Call {
    /// Reads a line of the trace; a call that another thread came between stands where it began.
    fn read(line: &str) -> Option<Self> {
        let (who, text) = line.split_once(' ')?;
        let text = text.trim_start();
        let name = text.split_once('(')?.0;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Self { who: who.to_owned(), name: name.to_owned(), text: text.to_owned() })
    }

    /// Tells whether it is one of these calls about this path; of a write, what is written is none.
    fn is(&self, names: &[&str], path: &str) -> bool {
        let about =
            if self.name == "write" { self.text.split_once(">, ").map(|(about, _)| about) } else { None };
        names.contains(&&*self.name) && about.unwrap_or(&self.text).contains(path)
    }

    /// Tells whether it writes a line of this kind into the journal.
    fn records(&self, kind: &str) -> bool {
        self.is(&["write"], "/status-") && self.text.contains(&format!(r#"\"type\":\"{kind}\""#))
    }
}

/// Runs a plan under `strace`; returns the calls of its last run.
fn traced(repo: &Repo) -> Vec<Call> {
    let plain = repo.command(["7"]);
    let trace = repo.state().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "100000", "-e"]);
    command
        .arg("trace=write,fdatasync,fsync,rename,renameat,renameat2,link,linkat,symlinkat,execve")
        .arg("-o")
        .arg(&trace);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(repo.top()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.output().expect("strace")).exits(0);
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    text.lines().filter_map(Call::read).collect()
}

/// Returns where the first call of this kind is behind a place.
fn first(calls: &[Call], what: &str, from: usize, is: impl Fn(&Call) -> bool) -> usize {
    let found = calls[from..].iter().position(is);
    from + found.unwrap_or_else(|| panic!("there is no {what} in {:#?}", &calls[from..]))
}

const SYNC: [&str; 2] = ["fsync", "fdatasync"];
const MOVE: [&str; 5] = ["rename", "renameat", "renameat2", "link", "linkat"];

#[test]
#[ignore = "needs strace"]
fn each_line_of_the_journal_is_on_the_disk_before_anything_is_done_that_relies_on_it() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one; echo said'}\n  - {id: b, command: 'echo two > two; test -e ~/again || { touch ~/again; exit 3; }', retries: 1}\n");
    let calls = traced(&repo);
    let written: Vec<usize> = (0..calls.len()).filter(|at| calls[*at].is(&["write"], "/status-")).collect();
    assert!(written.len() > 8, "{calls:#?}");
    let who = &calls[written[0]].who;
    for at in written {
        assert_eq!(&calls[at].who, who, "one thread alone writes it");
        // What its thread does next about the disk is this, whatever others do meanwhile.
        let next = first(&calls, "call after a line", at + 1, |call| call.who == *who);
        assert!(calls[next].is(&["fdatasync"], "/status-"), "{:#?}", &calls[at..=next]);
    }
}

#[test]
#[ignore = "needs strace"]
fn what_a_line_tells_is_on_the_disk_before_it() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo one > one; echo said'}\n");
    let calls = traced(&repo);
    let find = |what: &str, from: usize, is: &dyn Fn(&Call) -> bool| first(&calls, what, from, is);
    let line = |kind: &str| find(kind, 0, &|call| call.records(kind));

    // The names of its folder before the journal's first line, and that before the run's directory has a record.
    let folder = find("sync of the folder", 0, &|call| call.is(&["fsync"], "/.ai/logs/autopilot>"));
    let started = line("run.started");
    assert!(folder < started);
    let record = find("record", started, &|call| call.is(&SYNC, "/run.json.new>"));
    let named = find("name of the record", record, &|call| call.is(&MOVE, "/run.json\""));
    let there = find("sync of its folder", named, &|call| call.is(&SYNC, "/runs/"));
    assert!(there < line("worktree.ready"));

    // The attempt and its command, then the command itself.
    let begun = line("attempt.started");
    let command = line("command.started");
    let synced = find("sync of the line", command, &|call| call.is(&["fdatasync"], "/status-"));
    let runs = find("command", 0, &|call| call.name == "execve" && call.text.contains("\"echo one > one"));
    assert!(begun <= command && synced < runs, "the command runs before its line is on the disk");

    // What was checked, then the line that tells of it.
    let checkpoint =
        find("checkpoint", started, &|call| call.is(&MOVE, "/checkpoints.git/refs/autopilot/result\""));
    let made = line("checkpoint.made");
    assert!(checkpoint < made, "the checkpoint, then its line");

    // The branch, then its line, then the worktree goes.
    let branch = find("branch", made, &|call| {
        call.is(&MOVE, "/.git/refs/heads/autopilot/") && !call.text.contains("/runs/")
    });
    let told = line("branch.made");
    assert!(branch < told, "the branch, then its line");
    let withdrawn = find("withdrawal", 0, &|call| call.is(&MOVE, "/withdrawn"));
    let synced = find("sync of the line", told, &|call| call.is(&["fdatasync"], "/status-"));
    assert!(synced < withdrawn, "nothing is removed before the line is on the disk");
    assert!(withdrawn < line("worktree.removed"), "the removal, then its line");

    // Log and reports, then the head that vouches for them.
    let printed =
        find("sync of the log", started, &|call| call.is(&SYNC, ".log>") && !call.text.contains("/status-"));
    assert!(printed < line("attested"), "the log, then the head");
    let summary = find("summary", 0, &|call| call.is(&MOVE, "/summary-"));
    let before = calls[..summary].iter().rposition(|call| SYNC.contains(&&*call.name)).expect("a sync");
    assert!(calls[before].text.contains("/.ai/logs/autopilot"), "{:?}", calls[before]);
    assert!(summary < line("attested"), "the summary, then the head");
}
