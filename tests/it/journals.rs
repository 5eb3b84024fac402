//! What earlier versions wrote stays good: takes the fixtures of `tests/fixtures/journals`, lays each where it could have
//! been made, and lets this version read it, audit it, pick it up and go on with it.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::Digest;

use crate::common::{Ran, Repo, codes_in, wait_until};

/// Each kind of end, and the result that such a run has.
const ENDS: [(&str, &str); 14] = [
    ("codex", "done"),
    ("codex-resumed", "done"),
    ("crashed", "crashed"),
    ("crashed-raw", "crashed"),
    ("failure", "failed"),
    ("interrupted", "interrupted"),
    ("interrupted-then-crashed", "crashed"),
    ("kept", "failed"),
    ("network", "done"),
    ("published", "done"),
    ("resumed-twice", "done"),
    ("retries", "done"),
    ("shared", "done"),
    ("success", "done"),
];

/// The same of what version 2 tells of besides.
const SINCE_2: [(&str, &str); 6] = [
    ("cache", "done"),
    ("cache-crashed", "crashed"),
    ("claude", "done"),
    ("own-git", "done"),
    ("proof", "done"),
    ("travelled", "done"),
];

/// Every event that version 0.1.0 wrote.
const EVENTS: &str = "agent.acted agent.ended agent.found agent.started agent.used agent.waiting \
    attempt.ended attempt.started attested branch.made checkpoint.made command.ended command.started egress \
    publish.done publish.failed publish.started recovered reset.done reset.started resumed retry.waiting \
    run.ended run.started salvaged sealed step.ended worktree.kept worktree.ready worktree.removed";

/// Those that version 0.2.0 writes besides.
const EVENTS_SINCE_2: &str = "branch.searched cache.kept cache.looked expectation.judged git.left git.mended log.appended \
    masks.refused proof.ran publish.evidence publish.rebased";

/// A version of the journal, whose fixtures are in a folder of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::One, Self::Two];

    fn folder(self) -> PathBuf {
        let name = match self {
            Self::One => "v1",
            Self::Two => "v2",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals").join(name)
    }

    /// Its fixtures and their results.
    fn fixtures(self) -> Vec<(&'static str, &'static str)> {
        let since_2: &[_] = if self == Self::Two { &SINCE_2 } else { &[] };
        [&ENDS, since_2].concat()
    }

    fn events(self) -> BTreeSet<String> {
        let since_2 = if self == Self::Two { EVENTS_SINCE_2 } else { "" };
        EVENTS.split_whitespace().chain(since_2.split_whitespace()).map(str::to_owned).collect()
    }
}

/// Lays a fixture of version 1: the repository, and the evidence beside it.
pub(crate) fn lay(name: &str) -> Repo {
    lay_of(Version::One, name)
}

/// The same of any version.
pub(crate) fn lay_of(version: Version, name: &str) -> Repo {
    let (repo, fixture) = (Repo::empty(), version.folder().join(name));
    repo.git(["init", "-q", "-b", "main"]);
    let bundle = fixture.join("repository.bundle");
    let all = "refs/heads/*:refs/heads/*";
    repo.git(["fetch", "-q", "--update-head-ok", bundle.to_str().unwrap(), all]);
    repo.git(["reset", "-q", "--hard"]);
    let cp = Command::new("cp")
        .args(["-R", "--no-preserve=mode"])
        .arg(fixture.join("logs"))
        .arg(repo.top().join(".ai"))
        .status();
    assert!(cp.unwrap().success(), "cp");
    repo.file(".ai/logs/.gitignore", "*\n");
    for path in ["salvage-", "not-salvaged-", "checkpoints-"].map(|prefix| repo.evidence(prefix)).concat() {
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }
    repo
}

/// The run of version 1 that was killed, and the directory that it left, as if both were of this place and this host.
pub(crate) fn lay_crashed() -> Repo {
    lay_crashed_of(Version::One)
}

/// The same of any version.
fn lay_crashed_of(version: Version) -> Repo {
    let repo = lay_of(version, "crashed-raw");
    let archive = version.folder().join("crashed-raw/runs.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("--no-same-owner").arg("-C").arg(repo.state());
    assert!(tar.status().unwrap().success(), "tar");
    let top = fs::canonicalize(repo.top()).unwrap();
    let old = repo.run_dir();
    let record = old.join("run.json");
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&record).unwrap()).unwrap();
    value["toplevel"] = top.to_str().into();
    value["common_dir"] = top.join(".git").to_str().into();
    value["holder"]["host"] = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().into();
    fs::write(&record, value.to_string()).unwrap();
    let digest = hex::encode(sha2::Sha256::digest(top.join(".git").to_str().unwrap()));
    let run = value["run"].as_str().unwrap();
    fs::rename(&old, old.with_file_name(format!("{run}-{}", &digest[..12]))).unwrap();
    repo
}

/// The one journal there is.
fn journal(repo: &Repo) -> PathBuf {
    let mut found = repo.evidence("status-");
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn text(repo: &Repo) -> String {
    fs::read_to_string(journal(repo)).unwrap()
}

/// The result that `status` lists.
fn result(repo: &Repo) -> String {
    let listed = repo.autopilot(["status", "--json"]).exits(0);
    let run: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
    run["result"].as_str().unwrap().to_owned()
}

/// The codes that an audit with these arguments finds; none if it passes.
#[track_caller]
fn found(repo: &Repo, args: &[&str]) -> BTreeSet<String> {
    let ran = repo.autopilot([&["audit", "--json"], args].concat());
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let codes = codes_in(&report);
    assert_eq!(ran.code, if codes.is_empty() { 0 } else { 4 }, "{ran:?}");
    codes
}

/// Nothing is found, in the run or beside it, with the repository or without.
#[track_caller]
fn passes(repo: &Repo) {
    for args in [&[][..], &["--all"], &["--all", "--evidence-only"]] {
        assert_eq!(found(repo, args), BTreeSet::new(), "{args:?}");
    }
}

fn codes(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

#[test]
fn every_fixture_has_its_result_and_passes_the_audit() {
    for version in Version::ALL {
        let folders = fs::read_dir(version.folder()).unwrap();
        let folders: BTreeSet<String> =
            folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let named: BTreeSet<String> = version.fixtures().iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(folders, named, "{version:?}: none is left out");
        for (name, expected) in version.fixtures() {
            let repo = lay_of(version, name);
            let before = text(&repo);
            assert_eq!(result(&repo), expected, "{version:?} {name}");
            repo.autopilot(["logs", "7"]).exits(0).says("── step");
            if name == "crashed-raw" {
                for args in [&[][..], &["--all"], &["--all", "--evidence-only"]] {
                    assert_eq!(found(&repo, args), codes(&["AP105"]), "{version:?} {name} {args:?}");
                }
            } else {
                passes(&repo);
                repo.autopilot(["clean"]).exits(0);
            }
            repo.autopilot(["publish"]).exits(0).says("nothing is left to publish");
            assert_eq!(text(&repo), before, "{version:?} {name}: there is nothing to add");
        }
    }
}

#[test]
fn the_fixtures_have_every_event_and_are_of_their_version_alone() {
    for version in Version::ALL {
        let mut kinds = BTreeSet::new();
        for (name, _) in version.fixtures() {
            let repo = lay_of(version, name);
            let events = Repo::chain(&journal(&repo));
            kinds.extend(events.iter().map(|event| event["type"].as_str().unwrap().to_owned()));
            let head = if version == Version::One { "{\"v\":1," } else { "{\"v\":2," };
            assert!(text(&repo).lines().all(|line| line.starts_with(head)), "{version:?} {name}");
        }
        assert_eq!(kinds, version.events(), "{version:?}");
    }
}

/// Goes on with the run to its end; what it had written stays.
#[track_caller]
fn goes_on(repo: &Repo) {
    goes_on_as(repo, "goes on, 1 of 3 steps have passed");
    assert_eq!(repo.on_branch("three"), "one\ntwo");
}

/// The same, of whatever it had done.
#[track_caller]
fn goes_on_as(repo: &Repo, words: &str) {
    let before = text(repo);
    let whole = before.rfind('\n').unwrap() + 1;
    repo.autopilot(["7", "--resume"]).exits(0).says(words).says("done in");
    assert!(text(repo).starts_with(&before[..whole]), "what is written stays");
    assert_eq!(result(repo), "done");
    assert_eq!(repo.left_in_state(), Vec::<String>::new());
    passes(repo);
}

#[test]
fn a_run_that_was_interrupted_or_picked_up_goes_on() {
    for version in Version::ALL {
        for name in ["interrupted", "crashed", "interrupted-then-crashed"] {
            goes_on(&lay_of(version, name));
        }
    }
}

/// What it began with was on the host that it was of: it begins with nothing, says so, and keeps nothing.
#[test]
fn a_run_that_had_taken_a_cache_goes_on_without() {
    let repo = lay_of(Version::Two, "cache-crashed");
    goes_on_as(&repo, "goes on, 2 of 3 steps have passed");
    let looked = repo.events_of("cache.looked");
    assert_eq!((looked.len(), &looked[1]["why"]), (2, &Value::from("what the run began with is gone")));
    assert_eq!(repo.events_of("cache.kept").len(), 1);
}

#[test]
fn a_run_that_was_killed_goes_on_where_it_is() {
    for (version, torn) in
        Version::ALL.into_iter().flat_map(|version| ["", "{\"v\":1,\"seq\""].map(|torn| (version, torn)))
    {
        let repo = lay_crashed_of(version);
        let mut file = fs::OpenOptions::new().append(true).open(journal(&repo)).unwrap();
        file.write_all(torn.as_bytes()).unwrap();
        assert_eq!(result(&repo), "crashed");
        let cut = if torn.is_empty() { "AP105" } else { "AP104" };
        assert_eq!(found(&repo, &[]), codes(&[cut, "AP301"]));
        goes_on(&repo);
        assert_eq!(repo.events_of("worktree.ready").len(), 1, "the same worktree");
        assert_eq!(repo.events_of("resumed")[0]["torn"], torn.len());
    }
}

#[test]
fn a_run_that_was_killed_is_picked_up() {
    Version::ALL.into_iter().for_each(is_picked_up);
}

fn is_picked_up(version: Version) {
    let repo = lay_crashed_of(version);
    repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    assert_eq!(result(&repo), "crashed");
    assert_eq!(repo.on_branch("one"), "one");
    let bundle = repo.evidence("salvage-").remove(0);
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/salvage/*"]);
    assert_eq!(repo.git(["show", "refs/salvage/b-1:half"]), "half");
    passes(&repo);
    goes_on(&repo);
}

/// Where the directory of a run that was killed is gone, its checkpoints are gone too: it gets an end, and another begins.
#[test]
fn a_run_that_lost_its_directory_gets_an_end() {
    Version::ALL.into_iter().for_each(gets_an_end);
}

fn gets_an_end(version: Version) {
    let repo = lay_of(version, "crashed-raw");
    let before = text(&repo);
    let refused = |repo: &Repo| {
        repo.autopilot(["7", "--resume"]).exits(2).says("it cannot go on: the branch autopilot/issue-7-");
    };
    refused(&repo);
    assert_eq!(text(&repo), before);
    repo.autopilot(["clean"]).exits(0).says("had crashed; its end is recorded");
    let ended = text(&repo);
    assert!(ended.starts_with(&before));
    passes(&repo);
    refused(&repo);
    assert_eq!(text(&repo), ended);
    repo.autopilot(["7"]).exits(0).says("done in");
    let journals = repo.evidence("status-");
    assert_eq!((journals.len(), fs::read_to_string(&journals[0]).unwrap()), (2, ended));
    passes(&repo);
}

#[test]
fn a_run_that_has_come_to_its_end_stands() {
    for (name, code, words) in [
        ("success", 0, "is done: nothing to resume"),
        ("resumed-twice", 0, "is done: nothing to resume"),
        ("published", 0, "is done: nothing to resume"),
        ("failure", 1, "resuming would fail again"),
        ("kept", 1, "resuming would fail again"),
    ] {
        for version in Version::ALL {
            let repo = lay_of(version, name);
            let before = text(&repo);
            repo.autopilot(["7", "--resume"]).exits(code).says(words);
            assert_eq!(text(&repo), before, "{version:?} {name}");
        }
    }
}

/// What a newer autopilot wrote is said to be newer, by whoever reads it, and never to be tampered with.
#[test]
fn a_journal_of_a_newer_autopilot_is_told_from_one_that_was_changed() {
    for (from, to, what) in [
        ("\"v\":2", "\"v\":3", "version 3, newer than this program"),
        ("\"type\":\"run.started\"", "\"type\":\"lane.started\"", "newer than this program"),
    ] {
        let repo = Repo::new();
        repo.plan("  - {id: a, command: 'false'}\n");
        repo.run().exits(1);
        let journal = repo.evidence("status-").pop().unwrap();
        let text = fs::read_to_string(&journal).unwrap();
        assert!(text.starts_with("{\"v\":2,"), "{text}");
        fs::write(&journal, text.replacen(from, to, 1)).unwrap();
        repo.autopilot(["run", "7", "--resume"]).exits(2).says(what).says("the autopilot that wrote it");
        repo.autopilot(["audit"]).exits(4).says("AP103").says(what);
        repo.autopilot(["status"]).exits(0).says("newer than this program");
        repo.plan("  - {id: a, command: 'true'}\n");
        repo.run().exits(0);
        assert!(fs::read_to_string(&journal).unwrap().contains(to), "it is left as it was");
    }
}

/// A run over one that crashed reads that one's journal from the disk once.
#[test]
fn a_crashed_run_is_read_once() {
    for args in [&["7"][..], &["7", "--resume"]] {
        let repo = Repo::new();
        repo.plan(
            "  - {id: a, command: 'echo ready; while test ! -e ~/go; do sleep 0.05; done', timeout: 5s}\n",
        );
        let mut child = repo.start(["7"]);
        wait_until(|| repo.log().contains("ready"));
        repo.kill(&mut child);
        let journal = repo.evidence("status-").pop().unwrap();
        let mut command = repo.command(args);
        let ran =
            Ran::of(&command.env("AUTOPILOT_LOG", "autopilot::evidence::journal=debug").output().unwrap());
        let reads = ran.stderr.lines().filter(|line| line.contains("reading a journal"));
        let own = reads.filter(|line| line.contains(journal.to_str().unwrap())).count();
        assert_eq!(own, 1, "{args:?}: {}", ran.stderr);
    }
}
