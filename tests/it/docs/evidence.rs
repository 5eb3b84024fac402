//! `docs/evidence.md`, held against the types, and against evidence by a verifier that reads the page and nothing else
//! (`verify.py`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use autopilot::evidence::Event;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::read;
use crate::common::Repo;

const PAGE: &str = "docs/evidence.md";

/// Parts of the types whose name on the page is another than theirs.
const NAMES: [(&str, &str); 2] = [("Sealed", "file"), ("Act", "act")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Takes backticked words out of a cell.
fn ticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The tables of events and objects: the fields of each, in their order.
fn documented() -> BTreeMap<String, Vec<String>> {
    let (page, mut all, mut owner, mut is_ours) = (read(PAGE), BTreeMap::new(), String::new(), false);
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').collect();
        if cells.len() < 4 {
            is_ours = false;
        } else if ["event", "object"].contains(&cells[1].trim()) && cells[2].trim() == "field" {
            is_ours = true;
        } else if is_ours && !cells[1].starts_with('-') {
            owner = ticked(cells[1]).pop().unwrap_or(owner);
            let fields: &mut Vec<String> = all.entry(owner.clone()).or_default();
            fields.extend(ticked(cells[2]));
        }
    }
    all
}

fn snake(name: &str) -> String {
    let spread = name.char_indices().map(|(at, c)| match c {
        'A'..='Z' if at > 0 => format!("_{}", c.to_lowercase()),
        _ => c.to_lowercase().to_string(),
    });
    spread.collect()
}

/// What the source of the events says that is written: the fields of each struct and event, and the words of each enum.
#[derive(Default)]
struct Written {
    fields: BTreeMap<String, Vec<String>>,
    words: BTreeSet<String>,
    /// The event that each struct is.
    events: BTreeMap<String, String>,
}

impl Written {
    fn of_source() -> Self {
        let (mut written, folder) = (Self::default(), root().join("src/evidence/event"));
        for entry in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let is_written = |item: &&str| item.lines().next().is_some_and(|line| line.contains("Serialize"));
            text.split("#[derive(").skip(1).filter(is_written).for_each(|item| written.take(item));
        }
        written
    }

    /// Takes one type, from behind `derive(` on.
    fn take(&mut self, item: &str) {
        let body = item.split("\n}").next().unwrap();
        let Some(head) = body.lines().find(|line| line.starts_with("pub ")) else { return };
        let (is_enum, name) = (head.starts_with("pub enum"), head.split(' ').nth(2).unwrap());
        let (mut owner, mut kind) = (name.to_owned(), None);
        for line in body.lines().skip_while(|line| !line.starts_with("pub ")).skip(1) {
            let code = line.trim().trim_start_matches("pub ");
            if let Some(renamed) = code.strip_prefix("#[serde(rename = \"") {
                kind = renamed.split('"').next().map(str::to_owned);
            } else if code.starts_with(['/', '#', '}']) || code.is_empty() {
            } else if let (true, Some(variant)) = (is_enum, code.strip_suffix(" {")) {
                owner = kind.take().unwrap_or_else(|| name.to_owned());
                if owner == name {
                    self.words.insert(snake(variant));
                }
            } else if let (true, Some((_, of))) = (is_enum, code.split_once('(')) {
                let of = of.trim_start_matches("Box<").trim_end_matches(['>', ')', ',']);
                self.events.extend(kind.take().map(|kind| (of.to_owned(), kind)));
            } else if let Some((field, _)) = code.split_once(": ") {
                let fields = self.fields.entry(owner.clone()).or_default();
                let own = if field == "at" { vec!["step", "attempt"] } else { vec![field] };
                fields.extend(
                    own.iter()
                        .filter(|own| !fields.iter().any(|f| f == *own))
                        .map(|f| (*f).to_owned())
                        .collect::<Vec<_>>(),
                );
            } else {
                self.words.insert(snake(code.trim_end_matches(',')));
            }
        }
    }

    /// Each by the name that the page has for it.
    fn by_name(&self) -> BTreeMap<String, Vec<String>> {
        let named = |name: &String| {
            let known = NAMES.iter().find(|(own, _)| own == name).map(|(_, there)| (*there).to_owned());
            let event = self.events.get(name).cloned();
            let is_event = name.contains('.') || Event::KINDS.contains(&name.as_str());
            known.or(event).unwrap_or_else(|| if is_event { name.clone() } else { snake(name) })
        };
        self.fields.iter().map(|(name, fields)| (named(name), fields.clone())).collect()
    }
}

#[test]
fn the_page_has_every_event_and_field_in_the_order_they_are_written() {
    let (mut documented, mut written) = (documented(), Written::of_source().by_name());
    // An attempt's key is a type of the page, and stands in each event.
    written.remove("attempt_id");
    // Of several shapes, told apart by `did`; they share some fields.
    let acts: BTreeSet<String> =
        written.remove("act").unwrap().into_iter().chain(["did".to_owned()]).collect();
    assert_eq!(documented.remove("act").map(BTreeSet::from_iter), Some(acts));
    assert!(written.len() > Event::KINDS.len(), "{written:?}");
    for (owner, fields) in &written {
        assert_eq!(documented.get(owner), Some(fields), "the table of `{owner}` in {PAGE}");
    }
    for kind in Event::KINDS {
        assert!(written.contains_key(kind), "{kind} is not found in the source");
    }
    let others: Vec<&String> = documented.keys().filter(|owner| !written.contains_key(*owner)).collect();
    assert_eq!(others, ["enforced", "labels", "seen"], "what no type of an event has");
}

#[test]
fn the_page_has_every_word() {
    let page = read(PAGE);
    let (_, words) = page.split_once("### Words").unwrap();
    let known: BTreeSet<String> = ticked(words.split("\n#").next().unwrap()).into_iter().collect();
    let written = Written::of_source().words;
    assert!(written.len() > 60, "{written:?}");
    assert_eq!(written.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
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
        for (name, ending) in [("salvage", "bundle"), ("not-salvaged", "txt")] {
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
    assert!(seen >= 14, "{seen}");
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
