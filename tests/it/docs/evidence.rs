//! `docs/evidence.md`, held against evidence by a verifier that reads the page and nothing else (`verify.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{PAGE, read};
use crate::common::Repo;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Evidence in a folder of its own.
struct Evidence {
    folder: TempDir,
    run: String,
}

impl Evidence {
    /// Takes a copy of what lies in `.ai/logs`; git keeps no modes.
    fn copy(logs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".ai")).unwrap();
        let copied = Command::new("cp").arg("-R").arg(logs).arg(folder.path().join(".ai/logs")).status();
        assert!(copied.unwrap().success(), "cp");
        let of_journal = |name: String| Some(name.strip_prefix("status-")?.strip_suffix(".log")?.to_owned());
        let names = fs::read_dir(folder.path().join(".ai/logs/autopilot")).unwrap();
        let run = names.filter_map(|entry| of_journal(entry.unwrap().file_name().into_string().unwrap()));
        let runs: Vec<String> = run.collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        let evidence = Self { folder, run: runs[0].clone() };
        for (name, ending) in [("salvage", "bundle"), ("not-salvaged", "txt"), ("checkpoints", "bundle")] {
            let path = evidence.file(name, ending);
            if path.exists() {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        evidence
    }

    fn example() -> Self {
        Self::copy(&root().join("docs/examples/evidence"))
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.path().join(format!(".ai/logs/autopilot/{name}-{}.{ending}", self.run))
    }

    fn journal(&self) -> PathBuf {
        self.file("status", "log")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join(format!(".ai/logs/codex/autopilot-{}.log", self.run))
    }

    /// The exit code and the words of the verifier.
    fn verify(&self, head: Option<&str>) -> (i32, String) {
        let mut python = Command::new("python3");
        python.arg(root().join("tests/it/docs/verify.py")).arg(root().join(PAGE));
        let ran = python.arg(self.folder.path()).arg(&self.run).args(head).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        (ran.status.code().unwrap(), said.trim().to_owned())
    }

    /// Writes the journal anew, of lines that were changed, so that its chain holds.
    fn forge(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let text = fs::read_to_string(self.journal()).unwrap();
        let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        change(&mut lines);
        let (mut prev, mut forged) = ("0".repeat(64), String::new());
        for (seq, mut line) in lines.into_iter().enumerate() {
            line["seq"] = seq.into();
            line["prev"] = prev.into();
            let line = line.to_string();
            prev = hex::encode(Sha256::digest(&line));
            forged += &(line + "\n");
        }
        fs::write(self.journal(), forged).unwrap();
    }
}

#[test]
fn the_example_of_the_page_verifies_by_the_page() {
    let (evidence, page) = (Evidence::example(), read(PAGE));
    let journal = fs::read_to_string(evidence.journal()).unwrap();
    let log = fs::read_to_string(evidence.log()).unwrap();
    assert!(page.contains(&format!("```json\n{journal}```\n")), "the page shows another journal");
    assert!(page.contains(&format!("```text\n{log}```\n")), "the page shows another log");
    let last = journal.lines().last().unwrap();
    let head = format!("{}:{}", journal.lines().count() - 1, hex::encode(Sha256::digest(last)));
    assert!(page.contains(&format!("Its head is `{head}`")), "{head}");
    assert_eq!(evidence.verify(Some(&head)), (0, String::new()));
    assert_eq!(evidence.verify(Some("16:0")).0, 1);
    let mut audit = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    audit.args(["audit", "--all", "--evidence-only"]).current_dir(evidence.folder.path());
    let ran = audit.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
}

#[test]
fn what_every_version_wrote_verifies_by_the_page() {
    let journals = root().join("tests/fixtures/journals");
    let mut seen = 0;
    for version in
        fs::read_dir(journals).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for fixture in fs::read_dir(version).unwrap().map(|entry| entry.unwrap().path()) {
            let unfinished = fixture.ends_with("crashed-raw");
            let expected = if unfinished { (1, "wrong: no head".to_owned()) } else { (0, String::new()) };
            assert_eq!(Evidence::copy(&fixture.join("logs")).verify(None), expected, "{}", fixture.display());
            seen += 1;
        }
    }
    assert!(seen >= 34, "{seen}");
}

#[test]
fn what_runs_leave_verifies_by_the_page() {
    let repo = Repo::new();
    repo.plan(
        "  - {id: one, command: 'echo one > one; echo no newline | tr -d \"\\n\"', expectation: {files_exist: [one], changes: {max: 1}}, post: ['true', 'test -e one']}
  - {id: two, command: 'echo half > half; test -e ~/tried || { touch ~/tried; exit 3; }', retries: 1, rollback: [echo undone]}
  - {id: three, command: 'echo x > x; echo |||; exit 4', on_failure: continue}
  - {id: four, needs: [three], command: 'true'}
  - {id: five, command: 'sleep 60', timeout: 1s, on_failure: ignore}\n",
    );
    repo.run().exits(1);
    let evidence = Evidence::copy(&repo.top().join(".ai/logs"));
    assert_eq!(evidence.verify(None), (0, String::new()));
    let start = &repo.events()[0];
    assert_eq!(start["plan_commit"], repo.git(["rev-parse", "HEAD"]), "the plan is committed");
    assert_eq!(repo.events_of("log.appended").len(), repo.events_of("attempt.started").len());
}

/// Runs that an earlier version began: their journals are of version 1 first, and then of version 2.
#[test]
fn what_goes_on_in_another_version_verifies_by_the_page() {
    let dead = crate::journals::lay_crashed();
    dead.autopilot(["clean"]).exits(0);
    for repo in [crate::journals::lay("interrupted"), crate::journals::lay_crashed(), dead] {
        repo.autopilot(["7", "--resume"]).exits(0);
        let evidence = Evidence::copy(&repo.top().join(".ai/logs"));
        assert_eq!(evidence.verify(None), (0, String::new()));
        let journal = fs::read_to_string(evidence.journal()).unwrap();
        assert!(journal.starts_with("{\"v\":1,") && journal.contains("\n{\"v\":2,"));
    }
}

/// What the verifier says of the example with one thing changed.
#[track_caller]
fn says(words: &str, change: impl FnOnce(&Evidence)) {
    let evidence = Evidence::example();
    change(&evidence);
    let (code, said) = evidence.verify(None);
    assert_eq!(code, if words.starts_with("newer") { 3 } else { 1 }, "{words}: {said}");
    assert!(said.contains(words), "{words}: {said}");
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_is_changed_is_found_by_the_page() {
    let line = |at: usize, key: &'static str, value: Value| {
        move |evidence: &Evidence| evidence.forge(|lines| lines[at]["event"][key] = value)
    };
    says("line 3: not behind the line before", |e| edit(&e.journal(), "\"files\":2", "\"files\":3"));
    says("line 2: another spelling", |e| edit(&e.journal(), "\"files\":2", "\"files\": 2"));
    says("line 2: another spelling", |e| edit(&e.journal(), "\"files\":2", "\"files\":3,\"files\":2"));
    says("no whole last line", |e| {
        let text = fs::read_to_string(e.journal()).unwrap();
        fs::write(e.journal(), text.trim_end()).unwrap();
    });
    says("is too much", line(1, "more", json!(1)));
    says("['log'] is too much", line(2, "log", json!(0)));
    says("`files` is no number", line(1, "files", json!("2")));
    says("`role` is no word", line(3, "role", json!("actor")));
    says("`commit` is no commit", line(8, "commit", json!("HEAD")));
    says("another run", line(0, "issue", json!(8)));
    says("no head", |e| e.forge(|lines| drop(lines.pop())));
    says("back to an earlier version", |e| e.forge(|lines| lines[11]["v"] = 1.into()));
    says("newer than this page", |e| e.forge(|lines| lines[11]["v"] = 3.into()));
    says("newer than this page", line(11, "type", json!("lane.waiting")));
    says("line 1: an event", |e| {
        e.forge(|lines| {
            lines[0]["v"] = 1.into();
            lines[0]["event"]["type"] = "lane.waiting".into();
        });
    });
    says("not as sealed", |e| edit(&e.log(), "hello", "hullo"));
    says("no regular file", |e| fs::remove_file(e.file("summary", "md")).unwrap());
    says("a link", |e| {
        fs::rename(e.log(), e.folder.path().join("log")).unwrap();
        std::os::unix::fs::symlink(e.folder.path().join("log"), e.log()).unwrap();
    });
    says("not sealed", |e| fs::write(e.file("FAILED", "log"), "").unwrap());
    says("a failure report of a run that is failed", line(12, "result", json!("failed")));
    says("not the attested one", |e| edit(&e.file("provenance", "json"), "0.1.0", "0.1.1"));
    says("the provenance says something else", line(0, "dirty", json!(true)));
}
